//! What Quorate does on this machine, beside what this machine can do at all.
//!
//! `login` drives RADIUS logins against one and three nodes; `gap` kills leaders under load; `overload` asks for three times what there
//! is; `size` counts memory, disk and the time from start to ready as users grow; `audit` asks ten million records questions; `compare`
//! does the same work with etcd, Galera and privacyIDEA in turn; `ldap` logs the people of a slapd in, and `sync` takes a hundred thousand
//! of them over; `ceilings` measures the machine alone. `login`, `gap` and `compare` print the ceilings of the same run beside their
//! figures: absolute figures move from machine to machine.
//!
//! The clusters are the ones of `cluster-tests`: real processes with real fsync, made with the real commands. Caveat:
//! nodes, load generator and kernel share this machine's processors; the processor time of each is printed.
#![forbid(unsafe_code)]

mod armed;
mod audit;
mod ceilings;
mod compare;
mod directory;
mod flood;
mod gap;
mod generator;
mod login;
mod magazine;
mod overload;
mod passwords;
mod size;
mod sockets;
mod table;
mod usage;

use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};

/// Measure Quorate on this machine
#[derive(Parser)]
#[command(name = "bench")]
struct Arguments {
    #[command(subcommand)]
    work: Work,
}

#[derive(Subcommand)]
enum Work {
    /// Logins per second against one and three nodes, with the machine's ceilings beside
    Login(login::Options),
    /// Kill leaders under load, and measure how long nobody is let in
    Gap(gap::Options),
    /// Three times what the cluster can do, for a minute, and what comes after
    Overload(overload::Options),
    /// Memory, disk and time to ready with 1,000, 100,000 and 1,000,000 users
    Size(size::Options),
    /// The same work done by etcd, Galera, privacyIDEA and Quorate in turn, with ratios
    Compare(compare::Options),
    /// Logins of a directory's people, a bind for each, beside what slapd does alone
    Ldap(directory::ldap::Options),
    /// A directory of a hundred thousand people taken over, beside reading it with ldapsearch
    Sync(directory::sync::Options),
    /// Ten million audit records: memory, index and questions
    Audit(audit::Options),
    /// UDP echo, batched fdatasync and Argon2id: what this machine can do at all
    Ceilings,
}

impl Work {
    fn needs_quorate(&self) -> bool {
        match self {
            Work::Login(_) | Work::Gap(_) | Work::Overload(_) | Work::Size(_) => true,
            Work::Ldap(_) | Work::Sync(_) => true,
            Work::Compare(options) => options.needs_quorate(),
            Work::Audit(_) | Work::Ceilings => false,
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.work.needs_quorate() {
        build_quorate()?;
    }
    match arguments.work {
        Work::Login(options) => login::run(&options),
        Work::Gap(options) => gap::run(&options),
        Work::Overload(options) => overload::run(&options),
        Work::Size(options) => size::run(&options),
        Work::Compare(options) => compare::run(&options),
        Work::Ldap(options) => directory::ldap::run(&options),
        Work::Sync(options) => directory::sync::run(&options),
        Work::Audit(options) => audit::run(&options),
        Work::Ceilings => ceilings::run().map(drop),
    }
}

/// `cargo run -p bench` builds the bench alone; what it measures has to be as fresh. `QUORATE_BIN` names another one.
fn build_quorate() -> Result<()> {
    if std::env::var_os("QUORATE_BIN").is_some() {
        return Ok(());
    }
    ensure!(
        !cfg!(debug_assertions),
        "measure what is shipped: cargo run --release -p bench"
    );
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let built = cargo
        .args(["build", "--release", "--quiet", "-p", "quorate"])
        .status()
        .context("cargo")?;
    ensure!(built.success(), "quorate does not build");
    Ok(())
}
