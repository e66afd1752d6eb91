//! The leader is killed under load, again and again: how long nobody is let in, and that no login is lost.

use anyhow::ensure;
use cluster_tests::{
    failover,
    figures::{milliseconds, percentile},
    limits,
    load::Load,
    people, wait, with_cluster,
};

const KILLS: usize = 20;
const PER_SECOND: u32 = 200;

#[test]
fn twenty_leaders_killed_under_load_lose_no_login() {
    with_cluster(3, |cluster| {
        // One code per person and 30 s, and some more for the moment when two timesteps meet.
        let people = people::import(&cluster.api()?, "u", PER_SECOND as usize * 36)?;
        cluster.converged()?;
        let load = Load::start(cluster.servers(), cluster.sources.passcode, people, PER_SECOND);
        wait::until("the load to run", limits::READY, || {
            (load.accepted() > u64::from(PER_SECOND)).then_some(())
        })?;
        let mut gaps = Vec::new();
        for _ in 0..KILLS {
            gaps.push(failover::kill_the_leader(cluster, &load, PER_SECOND)?.gap);
        }
        let account = load.stop()?;
        gaps.sort_unstable();
        println!(
            "{KILLS} leaders killed under {PER_SECOND} logins/s: gap median {} ms, maximum {} ms; {} logins, {} lost",
            milliseconds(percentile(&gaps, 0.5)),
            milliseconds(percentile(&gaps, 1.0)),
            account.sent,
            account.lost.len()
        );
        ensure!(account.lost.is_empty(), "lost: {:?}", account.lost);
        ensure!(
            account.sent == account.accepts.len() as u64,
            "{} of {} accepted",
            account.accepts.len(),
            account.sent
        );
        Ok(())
    });
}
