//! What the listener needs of the house, as one trait: who may send, and what a login comes to.

use std::net::IpAddr;
use std::sync::Arc;

use quorate_app::{AccessRequest, Answer};
use quorate_core::Client;
use quorate_radius::SharedSecret;

/// The house behind the socket. [`crate::AppLogins`] is the real one; tests bring their own.
pub trait Logins: Send + Sync + 'static {
    /// Clients that may have sent a packet from this address, disabled ones among them, the one with the longest
    /// prefix first. Called for every datagram; must not block.
    fn candidates(&self, source: IpAddr) -> Vec<Candidate>;

    /// Judges a login. The future is dropped [`crate::limits::REPLY_WITHIN`] after the receipt; what it had proposed
    /// by then may still be committed, and the fingerprint finds it when the NAS asks again.
    fn authenticate(&self, request: AccessRequest) -> impl Future<Output = Answer> + Send;

    /// Whether this node could judge a login now: a quorum is in reach. Status-Server is answered only then, because
    /// a NAS that hears an answer goes on sending.
    fn is_serving(&self) -> bool;

    /// The wall clock, in ms since 1970: for the audit and for timesteps.
    fn now_ms(&self) -> u64;
}

/// A client that may be the sender, and its secrets ready to sign: one, or two while they are rotated.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub client: Arc<Client>,
    pub secrets: Arc<[SharedSecret]>,
}
