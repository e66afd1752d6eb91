//! How long nobody is let in when the leader is killed.

use anyhow::Result;
use clap::Args;
use cluster_tests::{Cluster, failover, figures::percentile, limits, load::Load, people, wait};

use crate::{ceilings, table::milliseconds};

#[derive(Args)]
pub struct Options {
    /// Leaders to kill
    #[arg(long, default_value_t = 20)]
    kills: usize,
    /// Logins per second meanwhile
    #[arg(long, default_value_t = 200)]
    rate: u32,
}

pub fn run(options: &Options) -> Result<()> {
    let ceilings = ceilings::run()?;
    let mut cluster = Cluster::on_loopback(3)?;
    let people = people::import(&cluster.api()?, "u", options.rate as usize * 36)?;
    cluster.converged()?;
    let load = Load::start(cluster.servers(), cluster.sources.passcode, people, options.rate);
    wait::until("the load to run", limits::READY, || {
        (load.accepted() > u64::from(options.rate)).then_some(())
    })?;
    let (mut gaps, mut elections) = (Vec::new(), Vec::new());
    for kill in 1..=options.kills {
        let failover = failover::kill_the_leader(&mut cluster, &load, options.rate)?;
        let (elected, gap) = (milliseconds(failover.elected), milliseconds(failover.gap));
        println!("  kill {kill:>3}: leader after {elected:>8} ms, gap {gap:>8} ms");
        elections.push(failover.elected);
        gaps.push(failover.gap);
    }
    let account = load.stop()?;
    gaps.sort_unstable();
    elections.sort_unstable();
    println!(
        "\n{} leaders killed with -9 under {} logins/s, one fdatasync {} ms:\n  a new leader after p50 {} ms, maximum {} ms\n  gap p50 {} ms, p99 {} ms, maximum {} ms\n  {} logins, {} lost for a client that asks again after 1 s, three times",
        options.kills,
        options.rate,
        milliseconds(ceilings.sync),
        milliseconds(percentile(&elections, 0.5)),
        milliseconds(percentile(&elections, 1.0)),
        milliseconds(percentile(&gaps, 0.5)),
        milliseconds(percentile(&gaps, 0.99)),
        milliseconds(percentile(&gaps, 1.0)),
        account.sent,
        account.lost.len(),
    );
    for lost in &account.lost {
        println!("  lost: {lost}");
    }
    Ok(())
}
