//! Three times what the cluster can do, for a minute: what is answered has to be answered in time, and when it is over it has to be over.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use cluster_tests::{Cluster, cluster::SECRET, figures::percentile, people, wire::Secret};

use crate::{
    armed::Armed,
    flood::{Flood, Nas, Second},
    generator::Pace,
    table::{Table, milliseconds, whole},
    usage::{self, Watch},
};

/// What a NAS does by default: FreeRADIUS, Cisco and pam_radius wait for 3 to 5 s and send three times.
const NAS: Nas = Nas {
    patience: Duration::from_secs(3),
    tries: 3,
};

/// Before and after the overload, at a third of what the cluster can do.
const CALM: Duration = Duration::from_secs(10);
const AFTER: Duration = Duration::from_secs(20);

#[derive(Args)]
pub struct Options {
    /// Users; each has a code now, one for the next half minute, and one more with each
    #[arg(long, default_value_t = 600_000)]
    users: usize,
    /// Seconds of overload
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Offered, as a multiple of what the cluster can do
    #[arg(long, default_value_t = 3.0)]
    times: f64,
}

pub fn run(options: &Options) -> Result<()> {
    let cluster = Cluster::on_loopback(3)?;
    let people = people::import(&cluster.api()?, "u", options.users)?;
    cluster.converged()?;
    let mut armed = Armed::new(cluster, people);
    let lasts = Duration::from_secs(6);
    armed.load(20_000.0, lasts);
    let capacity = armed.fire(Pace::Closed { in_flight: 1024 }, lasts)?.per_second();
    println!("the cluster accepts {} logins/s, 1,024 in flight", whole(capacity));
    armed.wait_for_codes(options.users);

    let (secret, servers) = (Secret::new(SECRET), armed.cluster.servers());
    let (source, offered) = (armed.cluster.sources.passcode, capacity * options.times);
    let watch = Watch::start(usage::pids(&armed.cluster)?)?;
    let mut flood = Flood::open(&mut armed.people, &secret, source, &servers, NAS, offered)?;
    let begun = Instant::now();
    flood.run(capacity / 3.0, CALM)?;
    let overload_from = begun.elapsed().as_secs() as usize;
    flood.run(offered, Duration::from_secs(options.seconds))?;
    let after_from = begun.elapsed().as_secs() as usize + 1;
    flood.run(capacity / 3.0, AFTER)?;
    flood.finish()?;
    let used = watch.stop()?;

    let seconds = &flood.seconds;
    let mut table = Table::new(&[
        "",
        "logins/s",
        "packets/s",
        "accepted/s",
        "refused",
        "silence/s",
        "p50 ms",
        "p99 ms",
        "p99 of the last try",
    ]);
    let phases = [
        ("before", &seconds[..overload_from]),
        ("overload", &seconds[overload_from..after_from]),
        ("the second after", &seconds[after_from..=after_from]),
        ("after", &seconds[after_from..]),
    ];
    for (name, phase) in phases {
        table.row(row(name, phase));
    }
    table.print();
    println!(
        "  processors a node {} %, memory a node {} MB",
        used.processors(),
        used.megabytes()
    );
    let over = seconds[after_from..]
        .iter()
        .position(|second| second.silent == 0 && second.begun > 0);
    match over {
        Some(after) => println!("  nobody is left without an answer from {after} s after the overload on"),
        None => println!("  it did not end with the load"),
    }
    Ok(())
}

fn row(name: &str, seconds: &[Second]) -> Vec<String> {
    let sum = |figure: fn(&Second) -> usize| seconds.iter().map(figure).sum::<usize>();
    let rate = |figure: fn(&Second) -> usize| whole(sum(figure) as f64 / seconds.len().max(1) as f64);
    let sorted = |figures: fn(&Second) -> &Vec<Duration>| {
        let mut all: Vec<Duration> = seconds.iter().flat_map(figures).copied().collect();
        all.sort_unstable();
        all
    };
    let (latencies, answers) = (sorted(|second| &second.latencies), sorted(|second| &second.answers));
    vec![
        name.to_owned(),
        rate(|second| second.begun),
        rate(|second| second.sent),
        rate(|second| second.accepted),
        sum(|second| second.refused).to_string(),
        rate(|second| second.silent),
        milliseconds(percentile(&latencies, 0.5)),
        milliseconds(percentile(&latencies, 0.99)),
        milliseconds(percentile(&answers, 0.99)),
    ]
}
