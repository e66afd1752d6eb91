//! A large directory taken over at once: how long it takes beside reading it with ldapsearch, and what it costs each node in memory.

use std::{
    fmt::Write,
    fs::File,
    io::{BufRead, BufReader},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use cluster_tests::{Cluster, process::Usage};
use quorate_directories::{SERVICE, SERVICE_PASSWORD, SUFFIX};
use serde_json::Value;

use super::{EVERYBODY, Office, synchronise};
use crate::{
    ceilings,
    table::{Table, milliseconds, whole},
    usage::{self, Watch},
};

/// What a synchronisation of a hundred thousand people may take.
const TARGET: Duration = Duration::from_secs(60);

/// What a node asks for of everybody.
const ATTRIBUTES: [&str; 13] = [
    "uid",
    "entryUUID",
    "displayName",
    "mail",
    "mobile",
    "telephoneNumber",
    "preferredLanguage",
    "manager",
    "pwdAccountLockedTime",
    "pwdReset",
    "nsAccountLock",
    "loginDisabled",
    "shadowExpire",
];

#[derive(Args)]
pub struct Options {
    /// A look instead of a measurement: 700 people
    #[arg(long)]
    quick: bool,
    /// People in the directory
    #[arg(long, default_value_t = 100_000)]
    people: usize,
    /// Among them as many more who cannot be users
    #[arg(long, default_value_t = 50)]
    bad: usize,
}

pub fn run(options: &Options) -> Result<()> {
    let (people, bad) = match options.quick {
        true => (700, 7),
        false => (options.people, options.bad),
    };
    let mut office = Office::open()?;
    office.slapd.load(&ldif(people, bad)?)?;
    let mut table = Table::new(&["", "s", "people/s", "CPU % of three nodes + slapd"]);
    let (read, raw) = read_with_ldapsearch(&office)?;
    ensure!(read == people + bad, "ldapsearch found {read} people");
    table.row(row("ldapsearch, 500 a page", read, raw, String::new()));

    let cluster = Cluster::on_loopback(3)?;
    let api = cluster.api()?;
    office.make_known(&api)?;
    cluster.converged()?;
    let sync = ceilings::sync_now()?;
    let before = memory(&cluster)?;
    let mut measure = |name: &str, created: usize| -> Result<Duration> {
        let mut pids = usage::pids(&cluster)?;
        pids.push(office.slapd.pid()?);
        let (watch, begun) = (Watch::start(pids)?, Instant::now());
        let report = synchronise(&api)?;
        let took = begun.elapsed();
        cluster.converged()?;
        let used = watch.stop()?;
        check(&report, people, bad, created)?;
        table.row(row(name, people, took, used.processors()));
        Ok(took)
    };
    let first = measure("directory sync, everybody new", people)?;
    let after = memory(&cluster)?;
    measure("again, nothing new", 0)?;
    let again = memory(&cluster)?;

    println!(
        "{} people and {bad} who cannot be users, three nodes:",
        whole(people as f64)
    );
    table.print();
    println!("  MB resident a node: {before} before, {after} after, {again} after the second (highest in brackets)");
    println!(
        "  {:.1} × the time of ldapsearch; one fdatasync {} ms",
        first.as_secs_f64() / raw.as_secs_f64().max(1e-9),
        milliseconds(sync),
    );
    let verdict = if first <= TARGET { "met" } else { "missed" };
    println!("  target for 100,000 people: {} s, {verdict}", TARGET.as_secs());
    Ok(())
}

fn row(name: &str, people: usize, took: Duration, processors: String) -> Vec<String> {
    vec![
        name.to_owned(),
        format!("{:.1}", took.as_secs_f64()),
        whole(people as f64 / took.as_secs_f64().max(1e-9)),
        processors,
    ]
}

fn check(report: &Value, people: usize, bad: usize, created: usize) -> Result<()> {
    let refused = report["refused"].as_array().map_or(0, Vec::len);
    let figures = ["seen", "created", "updated", "gone"].map(|figure| report[figure].as_u64().unwrap_or(u64::MAX));
    ensure!(
        figures == [(people + bad) as u64, created as u64, 0, 0] && refused == bad.min(100),
        "the synchronisation came to {report}"
    );
    Ok(())
}

/// Half of those who cannot be users have a name that is none, half the name of somebody else in other letters.
fn ldif(people: usize, bad: usize) -> Result<String> {
    let mut ldif = String::with_capacity(people * 300);
    for number in 1..=people {
        entry(&mut ldif, &format!("p{number}"), &format!("p{number}"), number)?;
    }
    for number in 1..=bad {
        let name = match number % 2 {
            0 => format!("odd{number}@here@there"),
            _ => format!("P{number}"),
        };
        entry(&mut ldif, &format!("bad{number}"), &name, number)?;
    }
    Ok(ldif)
}

fn entry(ldif: &mut String, cn: &str, uid: &str, number: usize) -> Result<()> {
    write!(
        ldif,
        "dn: cn={cn},ou=people,{SUFFIX}\nobjectClass: inetOrgPerson\ncn: {cn}\nsn: of Example\nuid: {uid}\n\
         displayName: Person {number} of Example\nmail: {cn}@example.org\nmobile: +49 170 {number:07}\n\n"
    )?;
    Ok(())
}

/// How many entries ldapsearch finds, in pages as large as a node's and with the same attributes, and how long it takes.
fn read_with_ldapsearch(office: &Office) -> Result<(usize, Duration)> {
    let found = tempfile::NamedTempFile::new()?;
    let mut ldapsearch = Command::new("ldapsearch");
    ldapsearch
        .args([
            "-x",
            "-LLL",
            "-E",
            "pr=500/noprompt",
            "-D",
            SERVICE,
            "-w",
            SERVICE_PASSWORD,
        ])
        .args([
            "-H",
            &format!("ldaps://{}", office.slapd.tls_address()),
            "-b",
            SUFFIX,
            EVERYBODY,
        ])
        .args(ATTRIBUTES)
        // Whose certificate it is matters to nobody here.
        .env("LDAPTLS_REQCERT", "never")
        .stdout(File::create(found.path())?);
    let begun = Instant::now();
    let status = ldapsearch.status().context("ldapsearch")?;
    let took = begun.elapsed();
    ensure!(status.success(), "ldapsearch failed: {status}");
    let lines = BufReader::new(found.reopen()?).lines();
    let entries = lines.map_while(Result::ok).filter(|line| line.starts_with("dn:"));
    Ok((entries.count(), took))
}

/// `101+99+98 (120+119+118)`, in MB.
fn memory(cluster: &Cluster) -> Result<String> {
    let usages: Vec<Usage> = usage::pids(cluster)?
        .into_iter()
        .map(Usage::of)
        .collect::<Result<_>>()?;
    let listed = |figure: fn(&Usage) -> u64| {
        let each: Vec<String> = usages
            .iter()
            .map(|usage| format!("{:.0}", figure(usage) as f64 / 1e6))
            .collect();
        each.join("+")
    };
    Ok(format!(
        "{} ({})",
        listed(|usage| usage.resident_bytes),
        listed(|usage| usage.peak_bytes)
    ))
}
