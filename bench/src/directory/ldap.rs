//! Logins of a directory's people: a bind against slapd for each, and slapd's own binds beside.
//!
//! The headline is a password alone. A code is good once and a person has one for each half minute, so a thousand logins a second with
//! codes for a minute would need fifteen thousand people with tokens, and what is measured here is the way to the directory; with codes the
//! same is measured as long as the codes of the people last.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use cluster_tests::{
    Cluster, Person,
    api::Api,
    cluster::SECRET,
    figures::percentile,
    otp, people,
    wire::{Request, Secret},
};
use quorate_directories::PASSWORD;
use serde_json::json;

use super::{
    DOMAIN, Office,
    binds::{Binder, Connections},
    synchronise,
};
use crate::{
    generator::{self, Outcome, Pace},
    magazine::Magazine,
    table::{Table, milliseconds, whole},
    usage::{self, Watch},
};

/// Where the clients with one factor, and with both in one field, send from.
const ONE_FACTOR: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 4));
const ONE_FIELD: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 5));

/// Connections and adapters are made in this time, which is not measured.
const WARM_UP: Duration = Duration::from_secs(3);

/// Binds without logins, of each kind.
const ALONE: Duration = Duration::from_secs(10);

/// Binds at once that find slapd's best rate.
const BINDS_IN_FLIGHT: usize = 8;

/// Codes that are signed beforehand last so long.
const CODES_LAST: Duration = Duration::from_secs(20);

/// Tokens that are made at once.
const TOKENS_AT_ONCE: usize = 8;

#[derive(Args)]
pub struct Options {
    /// A look instead of a measurement: 60 people, 50 logins a second, two seconds
    #[arg(long)]
    quick: bool,
    /// People in the directory
    #[arg(long, default_value_t = 6_000)]
    people: usize,
    /// Logins offered per second, whatever is answered
    #[arg(long, default_value_t = 1_000)]
    rate: u32,
    /// Seconds of offering them
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

struct Bench {
    office: Office,
    cluster: Cluster,
    secret: Secret,
    rate: f64,
    table: Table,
}

pub fn run(options: &Options) -> Result<()> {
    let (count, rate, lasts) = match options.quick {
        true => (60, 50, Duration::from_secs(2)),
        false => (options.people, options.rate, Duration::from_secs(options.seconds)),
    };
    ensure!(count > 0 && rate > 0, "nobody logs in");
    let mut bench = Bench::open(count, rate)?;
    let alone = if options.quick { lasts } else { ALONE };
    bench.binds(count, alone)?;
    let names: Vec<String> = (1..=count).map(|number| format!("p{number}@{DOMAIN}")).collect();
    bench.passwords(&names, if options.quick { lasts } else { WARM_UP }, false)?;
    let headline = bench.passwords(&names, lasts, true)?;
    bench.with_codes(&names)?;
    println!("{count} people in one slapd, which every node asks over TLS; {rate} logins/s offered:");
    bench.table.print();
    let told = headline.accepted + headline.refused + headline.lost;
    println!(
        "  by password: {} sent, {} accepted until the last was sent and {} after, {} refused, {} without an answer",
        whole(headline.sent as f64),
        whole(headline.accepted as f64),
        headline.sent.saturating_sub(told),
        headline.refused,
        headline.lost,
    );
    Ok(())
}

impl Bench {
    fn open(count: usize, rate: u32) -> Result<Self> {
        let office = Office::open()?;
        office.slapd.add_people("p", count)?;
        let cluster = Cluster::on_loopback(3)?;
        let api = cluster.api()?;
        office.make_known(&api)?;
        let synced = synchronise(&api)?;
        ensure!(synced["created"] == count, "not everybody became a user: {synced}");
        api.post(
            "/api/v1/applications",
            &json!({"name": "one-factor", "factors": [["password"]]}),
        )?;
        make_client(&api, "one-factor", ONE_FACTOR, "two_step", "one-factor")?;
        make_client(&api, "one-field", ONE_FIELD, "one_step", people::APPLICATION)?;
        cluster.converged()?;
        let table = Table::new(&[
            "",
            "offered/s",
            "done/s",
            "p50 ms",
            "p99 ms",
            "refused",
            "lost",
            "CPU % of three nodes + slapd",
            "bench",
            "MB",
        ]);
        Ok(Self {
            office,
            cluster,
            secret: Secret::new(SECRET),
            rate: f64::from(rate),
            table,
        })
    }

    fn binds(&mut self, count: usize, lasts: Duration) -> Result<()> {
        let binder = Binder::new(&self.office, count)?;
        let best = Pace::Closed {
            in_flight: BINDS_IN_FLIGHT,
        };
        let open = Pace::Open { per_second: self.rate };
        let kinds = [
            (
                "slapd alone: binds, a connection for each, 8 in flight",
                Connections::New,
                best,
            ),
            (
                "slapd alone: binds, kept connections, 8 in flight",
                Connections::Kept,
                best,
            ),
            ("slapd alone: binds, kept connections", Connections::Kept, open),
        ];
        for (name, connections, pace) in kinds {
            self.measure(name, pace, true, |_| binder.drive(connections, pace, lasts))?;
        }
        Ok(())
    }

    fn passwords(&mut self, names: &[String], lasts: Duration, counts: bool) -> Result<Outcome> {
        let wanted = (self.rate * lasts.as_secs_f64()) as usize;
        let sign = |number: usize| {
            let name = &names[number % names.len()];
            Request::numbered(&self.secret, (number % 256) as u8, name, PASSWORD.as_bytes())
        };
        let magazine = Magazine::of((0..wanted).map(sign).collect());
        let pace = Pace::Open { per_second: self.rate };
        self.measure("logins by password", pace, counts, |bench| {
            bench.fire(&magazine, ONE_FACTOR, pace, lasts)
        })
    }

    /// Password and code in one field: one packet, one bind, one entry of the log.
    fn with_codes(&mut self, names: &[String]) -> Result<Outcome> {
        let mut people: Vec<Person> = names.iter().map(Person::new).collect();
        give_tokens(&self.cluster.api()?, &people)?;
        self.cluster.converged()?;
        let wanted = ((self.rate * CODES_LAST.as_secs_f64()) as usize).min(people.len() * 2);
        let mut requests = Vec::with_capacity(wanted);
        for number in 0..wanted {
            let at = number % people.len();
            let (_, code) = people[at].fresh_code().context("two codes of everybody")?;
            let field = format!("{PASSWORD}{code}");
            requests.push(Request::numbered(
                &self.secret,
                (number % 256) as u8,
                &people[at].name,
                field.as_bytes(),
            ));
        }
        let (magazine, pace) = (Magazine::of(requests), Pace::Open { per_second: self.rate });
        self.measure("logins by password and code", pace, true, |bench| {
            bench.fire(&magazine, ONE_FIELD, pace, CODES_LAST)
        })
    }

    fn fire(&self, magazine: &Magazine, source: IpAddr, pace: Pace, lasts: Duration) -> Result<Outcome> {
        generator::fire(magazine, &self.secret, source, &self.cluster.servers(), pace, lasts)
    }

    fn measure(
        &mut self,
        name: &str,
        pace: Pace,
        counts: bool,
        work: impl FnOnce(&Self) -> Result<Outcome>,
    ) -> Result<Outcome> {
        let mut pids = usage::pids(&self.cluster)?;
        pids.push(self.office.slapd.pid()?);
        let watch = Watch::start(pids)?;
        let outcome = work(self)?;
        let used = watch.stop()?;
        eprintln!("  … {name}: {}/s", whole(outcome.per_second()));
        if counts {
            let offered = match pace {
                Pace::Closed { .. } => String::new(),
                Pace::Open { per_second } => whole(per_second),
            };
            self.table.row(vec![
                name.to_owned(),
                offered,
                whole(outcome.per_second()),
                milliseconds(percentile(&outcome.latencies, 0.5)),
                milliseconds(percentile(&outcome.latencies, 0.99)),
                outcome.refused.to_string(),
                outcome.lost.to_string(),
                used.processors(),
                format!("{:.0}", used.own_processors * 100.0),
                used.megabytes(),
            ]);
        }
        Ok(outcome)
    }
}

fn make_client(api: &Api, name: &str, address: IpAddr, mode: &str, application: &str) -> Result<()> {
    let mut modes = json!({"one_step": false, "two_step": false, "passcode_only": false});
    modes[mode] = true.into();
    let body = json!({
        "name": name, "networks": [address.to_string()], "secret": SECRET, "modes": modes, "application": application,
    });
    api.post("/api/v1/clients", &body).map(drop)
}

fn give_tokens(api: &Api, people: &[Person]) -> Result<()> {
    let give = |some: &[Person]| {
        some.iter().try_for_each(|person| {
            let token = json!({"secret_base32": otp::seed_to_base32(&person.seed)});
            api.post(&format!("/api/v1/users/{}/tokens", person.name), &token)
                .map(drop)
        })
    };
    std::thread::scope(|scope| {
        let chunks = people.chunks(people.len().div_ceil(TOKENS_AT_ONCE));
        let work: Vec<_> = chunks.map(|some| scope.spawn(move || give(some))).collect();
        work.into_iter()
            .try_for_each(|thread| thread.join().expect("invariant: no giver panics"))
    })
}
