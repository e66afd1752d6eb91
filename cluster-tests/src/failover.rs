//! One failover, measured: the leader is killed under load, and the time without an accept is looked for.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{Cluster, figures::longest_gap, limits, load::Load, wait};

/// How long after a kill the gap is looked for.
const WINDOW: Duration = Duration::from_secs(5);

/// What one kill of the leader cost.
#[derive(Clone, Copy, Debug)]
pub struct Failover {
    /// From the kill until a survivor said that it leads.
    pub elected: Duration,
    /// The longest time without an accept after the kill.
    pub gap: Duration,
}

/// Kills the leader, waits until the survivors serve again, restarts it, and waits until it has caught up.
/// `per_second` is the pace of `load`.
pub fn kill_the_leader(cluster: &mut Cluster, load: &Load, per_second: u32) -> Result<Failover> {
    let leader = cluster.leader()?;
    let killed = Instant::now();
    cluster.nodes[leader].kill()?;
    wait::until("a survivor to lead", limits::READY, || {
        cluster
            .running()
            .any(|at| {
                cluster.nodes[at]
                    .metric("quorate_raft_is_leader")
                    .is_ok_and(|leads| leads > 0.0)
            })
            .then_some(())
    })?;
    let elected = killed.elapsed();
    served_again(load, killed, per_second)?;
    let gap = longest_gap(&load.so_far().accepts, killed, WINDOW);
    cluster.restart(leader)?;
    cluster.converged()?;
    Ok(Failover { elected, gap })
}

/// Waits for one whole second after the kill in which half of the load was accepted (a third of it goes to the dead
/// node first and comes a second later).
fn served_again(load: &Load, killed: Instant, per_second: u32) -> Result<()> {
    wait::until("service to go on", limits::READY, || {
        let from = Instant::now()
            .checked_sub(Duration::from_secs(1))
            .filter(|from| *from > killed)?;
        let served = load.so_far().accepts.iter().rev().take_while(|at| **at >= from).count();
        (served >= per_second as usize / 2).then_some(())
    })
}
