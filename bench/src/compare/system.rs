//! What the comparison asks of every system, ours and theirs.

use std::time::Duration;

use anyhow::Result;

use super::wire::Verdict;
use crate::generator::Outcome;

/// Nodes of each system.
pub const NODES: usize = 3;

/// Three nodes that consume one-time codes.
pub trait System {
    fn name(&self) -> &'static str;

    /// Starts all nodes on the data they have, and waits until every one is a full member.
    fn start(&mut self) -> Result<()>;

    /// Ends all nodes cleanly.
    fn stop(&mut self) -> Result<()>;

    /// The processes that run.
    fn pids(&self) -> Result<Vec<u32>>;

    /// What a drive with so many in flight needs beforehand and is not measured: signed logins, connections.
    fn prepare(&mut self, in_flight: usize, lasts: Duration) -> Result<()>;

    /// Consumes fresh codes for `lasts`, always `in_flight` of them at a time.
    fn drive(&mut self, in_flight: usize, lasts: Duration) -> Result<Outcome>;

    /// A client with codes of its own.
    fn client(&mut self) -> Result<Box<dyn Client>>;

    /// The node whose death costs most.
    fn leader(&self) -> Result<usize>;

    /// kill -9.
    fn kill(&mut self, node: usize) -> Result<()>;

    /// Starts a killed node as its makers tell, and waits until it is a full member.
    fn revive(&mut self, node: usize) -> Result<()>;
}

/// Somebody who logs in at one node after the other until one lets him in.
pub trait Client: Send {
    /// Takes the next fresh code.
    fn take_code(&mut self) -> Result<()>;

    /// Sends the code at hand to `node` and waits at most `patience` for the verdict.
    ///
    /// # Errors
    /// None came.
    fn ask(&mut self, node: usize, patience: Duration) -> Result<Verdict>;

    /// Makes a new login of the code at hand, so that it is no repetition of the former.
    fn reuse_code(&mut self);
}
