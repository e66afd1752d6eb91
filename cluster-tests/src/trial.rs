//! A fault under load, and the question afterwards whether everything is as it must be.
//!
//! [`under_load`] puts a contested load and an administrator beside whatever a test does to a cluster. When the test has taken its fault away,
//! the cluster has to heal by itself: every node is ready, has applied what the others have, and lets somebody in. Then
//!
//! * the oracle finds an order that explains every use of every code ([`crate::codes`]);
//! * codes that were accepted are refused by every node;
//! * every acknowledged change is on every node;
//! * the audit has every accept that a client saw, once, and no other but of uses that were never answered;
//! * the audit's chain holds on every node and ends in the same head.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    Cluster,
    cluster::{self, ACCEPTED},
    codes::{History, Outcome, Use},
    crowd::Login,
    limits,
    load::{Account, Load},
    otp, people,
    people::Person,
    pulse,
    registrar::{Changes, Registrar},
    wait,
};

/// Logins a second: enough that any moment is met, and three nodes in debug builds keep up.
pub const PER_SECOND: u32 = 40;

/// One code per person and 30 s, and some more for the moment when two timesteps meet.
const PEOPLE: usize = PER_SECOND as usize * 36;

/// Accepted codes that are tried again in the end, on every node.
const REPLAYED: usize = 60;

/// What a trial came to.
pub struct Verdict {
    pub account: Account,
    pub history: History,
    pub changes: Changes,
}

impl Verdict {
    /// For faults that must cost no login: every right code of a NAS that tries four servers was accepted.
    pub fn lost_nothing(&self) -> Result<()> {
        ensure!(
            self.account.lost.is_empty(),
            "lost: {:?}; the machine stood still for {} ms",
            self.account.lost,
            pulse::stood_still().as_millis()
        );
        Ok(())
    }

    /// One line for the test's output.
    pub fn say(&self, fault: &str) {
        let count = |which: fn(Outcome) -> bool| self.history.count(which);
        println!(
            "{fault}: {} logins, {} lost, the slowest {} ms; of all uses of codes {} accepted, {} rejected, {} unknown; {} changes \
             acknowledged, {} not; the machine stood still for {} ms",
            self.account.sent,
            self.account.lost.len(),
            self.account.latencies.iter().max().map_or(0, Duration::as_millis),
            count(|outcome| matches!(outcome, Outcome::Accepted(_))),
            count(|outcome| matches!(outcome, Outcome::Rejected(_))),
            count(|outcome| outcome == Outcome::Unknown),
            self.changes.made.len() + self.changes.disabled.len(),
            self.changes.unknown,
            pulse::stood_still().as_millis(),
        );
    }
}

/// Runs `fault` on a cluster that serves, then looks at everything.
///
/// # Errors
/// The fault could not be done, or anything is not as it must be.
pub fn under_load(cluster: &mut Cluster, fault: impl FnOnce(&mut Cluster, &Load) -> Result<()>) -> Result<Verdict> {
    let people = people::import(&cluster.api()?, "u", PEOPLE)?;
    let mut witnesses = people::import(&cluster.api()?, "witness", cluster.nodes.len())?;
    cluster.converged()?;
    let seeds: BTreeMap<String, Person> = people.iter().map(|one| (one.name.clone(), one.clone())).collect();
    let load = Load::contested(cluster.servers(), cluster.sources.passcode, people, PER_SECOND);
    let registrar = Registrar::start(cluster);
    accepts_more(&load, PER_SECOND)?;
    fault(cluster, &load).context("the fault")?;
    healed(cluster, &mut witnesses).context("after the fault")?;
    accepts_more(&load, PER_SECOND)?;
    let (account, mut history) = load.stop_with_history()?;
    let changes = registrar.stop()?;
    cluster.converged()?;
    replay(cluster, &seeds, &mut history)?;
    let wrong = history.check();
    ensure!(wrong.is_empty(), "{} findings: {wrong:?}", wrong.len());
    changes.are_everywhere(cluster)?;
    audit_agrees(cluster, &history)?;
    audit_holds_everywhere(cluster)?;
    Ok(Verdict {
        account,
        history,
        changes,
    })
}

/// Waits until the load has got so many more accepts.
pub fn accepts_more(load: &Load, accepts: u32) -> Result<()> {
    let wanted = load.accepted() + u64::from(accepts);
    wait::until("the load to be served", limits::READY, || {
        (load.accepted() >= wanted).then_some(())
    })
}

/// Waits until every node is ready, has what the others have, and lets its witness in. A process that ends by itself meanwhile, because a
/// fault is still having its effect, is started again, as a service manager does; gives how many did.
pub fn healed(cluster: &mut Cluster, witnesses: &mut [Person]) -> Result<u64> {
    let mut restarts = 0;
    for at in 0..cluster.nodes.len() {
        let name = cluster.nodes[at].name.clone();
        wait::until_ok(&format!("{name} to be ready"), limits::READY, || {
            let node = &mut cluster.nodes[at];
            if node.has_ended()? {
                restarts += 1;
                node.start()?;
            }
            let answer = node.api().ask("GET", "/readyz", None)?;
            ensure!(answer.status == 200, "/readyz said {}: {}", answer.status, answer.body);
            Ok(())
        })?;
    }
    cluster.converged()?;
    for (at, witness) in witnesses.iter_mut().enumerate() {
        let mut client = cluster.passcode_client();
        let request = witness.login(client.secret());
        // The same datagram again and again: a node that has just become ready may be silent once more.
        let login = Login::with_retries(request, vec![cluster.nodes[at].radius]);
        client.send((), login)?;
        let reply = client.all_ended()?.pop().and_then(|ended| ended.reply);
        ensure!(
            reply.as_ref().is_some_and(|reply| reply.is_accept()),
            "{} answered a right code with {reply:?}",
            cluster.nodes[at].name
        );
    }
    Ok(restarts)
}

/// Tries accepted codes again, at every node. What comes of it goes into the history.
fn replay(cluster: &Cluster, people: &BTreeMap<String, Person>, history: &mut History) -> Result<()> {
    let used: Vec<(String, u64)> = accepted(history).rev().take(REPLAYED).collect();
    let mut client = cluster.passcode_client();
    for (name, timestep) in used {
        let person = people.get(&name).context("somebody of the load")?;
        for node in &cluster.nodes {
            let code = otp::code(&person.seed, timestep);
            let request = person.login_with(client.secret(), &code);
            client.send((name.clone(), timestep), Login::once(request, node.radius))?;
        }
    }
    for ended in client.all_ended()? {
        let (name, timestep) = ended.tag;
        let outcome = match ended.reply {
            Some(reply) if reply.is_accept() => Outcome::Accepted(ended.at),
            Some(_) => Outcome::Rejected(ended.at),
            None => Outcome::Unknown,
        };
        let begun = ended.at - ended.took;
        history.note(
            &name,
            Use {
                timestep,
                begun,
                outcome,
            },
        );
    }
    Ok(())
}

/// The accepted codes in the order in which they were accepted.
fn accepted(history: &History) -> impl DoubleEndedIterator<Item = (String, u64)> {
    let mut accepted: Vec<_> = history
        .tokens()
        .flat_map(|(name, uses)| uses.iter().map(move |one| (name, one)))
        .filter_map(|(name, one)| match one.outcome {
            Outcome::Accepted(at) => Some((at, name.to_owned(), one.timestep)),
            _ => None,
        })
        .collect();
    accepted.sort();
    accepted.into_iter().map(|(_, name, timestep)| (name, timestep))
}

/// Of everybody, as many accepts are in the audit as clients saw, and at most as many more as there were unanswered uses.
fn audit_agrees(cluster: &Cluster, history: &History) -> Result<()> {
    let mut recorded: BTreeMap<String, usize> = BTreeMap::new();
    for record in cluster::audit_of(&cluster.api()?, &format!("kind={ACCEPTED}"))? {
        if let Some(user) = record["user"].as_str() {
            *recorded.entry(user.to_owned()).or_default() += 1;
        }
    }
    for (name, uses) in history.tokens() {
        let of = |which: fn(Outcome) -> bool| -> BTreeSet<u64> {
            let uses = uses.iter().filter(|one| which(one.outcome));
            uses.map(|one| one.timestep).collect()
        };
        let seen = of(|outcome| matches!(outcome, Outcome::Accepted(_)));
        let unknown = of(|outcome| outcome == Outcome::Unknown).difference(&seen).count();
        let recorded = recorded.get(name).copied().unwrap_or(0);
        ensure!(
            (seen.len()..=seen.len() + unknown).contains(&recorded),
            "{name} saw {} accepts, {unknown} codes are unknown, and the audit has {recorded}",
            seen.len()
        );
    }
    Ok(())
}

/// The chain verifies on every node, and ends in the same head.
pub fn audit_holds_everywhere(cluster: &Cluster) -> Result<()> {
    cluster.converged()?;
    let mut heads = BTreeSet::new();
    for node in &cluster.nodes {
        let verified = node.json(&["audit", "verify", "--json"])?;
        ensure!(verified["ok"] == true, "{}: {verified}", node.name);
        heads.insert(verified["head"].to_string());
    }
    ensure!(heads.len() == 1, "the nodes have different audit heads: {heads:?}");
    Ok(())
}
