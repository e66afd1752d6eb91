//! What is taken back is what was there, whatever was done meanwhile.

use crate::{random, samples, script};
use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*};
use quorate_core::{
    Command, Level, NodeId, Outcome, PendingId, Refusal, Revision, Stamp, State, Then, apply,
    audit::{AuditRecord, Entry},
    command::{Actor, Administer, TakeBackOverdue},
};
use random::Dice;
use script::{START_MS, World};

/// Everything that may wait, by what it is, in all that an administrator can see and a login is judged by.
fn configuration(state: &State) -> BTreeMap<String, String> {
    let none = Revision(0);
    let mut all = BTreeMap::new();
    let mut policy = *state.policy();
    policy.revision = none;
    all.insert("policy".to_owned(), format!("{policy:?}"));
    for rule in state.rules() {
        let mut rule = quorate_core::Rule::clone(rule);
        rule.revision = none;
        all.insert(rule.id.to_string(), format!("{rule:?}"));
    }
    for client in state.clients() {
        let mut client = quorate_core::Client::clone(client);
        (client.revision, client.epoch) = (none, 0);
        all.insert(client.id.to_string(), format!("{client:?}"));
    }
    for application in state.applications() {
        let mut application = quorate_core::Application::clone(application);
        application.revision = none;
        all.insert(application.id.to_string(), format!("{application:?}"));
    }
    for directory in state.directories() {
        let mut directory = quorate_core::Directory::clone(directory);
        directory.revision = none;
        // What was forgotten stays forgotten.
        directory.memory.forgotten_ms = 0;
        all.insert(directory.id.to_string(), format!("{directory:?}"));
    }
    all
}

/// What no sequence of commands may leave behind: references to nothing, and names that two have.
fn unsound(state: &State) -> Vec<String> {
    let mut faults = Vec::new();
    for client in state.clients() {
        if state.application(client.application).is_none() {
            faults.push(format!("{} has no application", client.name));
        }
        if state.client_by_name(&client.name).map(|named| named.id) != Some(client.id) {
            faults.push(format!("two clients are called {}", client.name));
        }
    }
    for rule in state.rules() {
        if let Then::Application(application) = rule.then
            && state.application(application).is_none()
        {
            faults.push(format!("{} leads nowhere", rule.name));
        }
        if rule.when.client.is_some_and(|client| state.client(client).is_none()) {
            faults.push(format!("{} names no client", rule.name));
        }
    }
    let twice = |names: Vec<&str>| names.iter().collect::<BTreeSet<_>>().len() < names.len();
    let rules = twice(state.rules().map(|rule| &*rule.name).collect());
    let applications = twice(state.applications().map(|application| &*application.name).collect());
    let directories = twice(state.directories().map(|directory| &*directory.name).collect());
    let domains = twice(state.directories().map(|directory| &*directory.domain).collect());
    if rules || applications || directories || domains {
        faults.push("two have one name".to_owned());
    }
    faults
}

/// What was before each change that waits.
type Formers = BTreeMap<PendingId, (String, Option<String>)>;

/// How often something came of what was proposed.
#[derive(Debug, Default)]
struct Counts {
    tried: usize,
    confirmed: usize,
    taken_back: usize,
    overdue: usize,
    stood_aside: usize,
    changed_meanwhile: usize,
}

/// A cluster with two applications, three clients and two rules, and what a model knows of its changes that wait.
struct Model {
    state: State,
    formers: Formers,
    counts: Counts,
    faults: Vec<String>,
}

impl Model {
    fn new() -> Self {
        let mut world = World::new();
        world.run_line("genesis");
        let mut state = world.state;
        let administer = samples::several(random::objects());
        apply(&mut state, Level::FIRST, Stamp { ms: START_MS }, &administer.to_bytes()).unwrap();
        Model {
            state,
            formers: Formers::new(),
            counts: Counts::default(),
            faults: Vec::new(),
        }
    }

    /// Applies one command, and compares what came of it with what has to.
    fn apply(&mut self, command: &Command, now_ms: u64) {
        let (before, waiting) = (configuration(&self.state), self.waiting());
        let overdue: Vec<PendingId> = self
            .state
            .pending()
            .filter(|pending| now_ms >= pending.until_ms)
            .map(|pending| pending.id)
            .collect();
        let bytes = command.to_bytes();
        let outcome = apply(&mut self.state, Level::FIRST, Stamp { ms: now_ms }, &bytes).unwrap();
        let (after, now_waiting) = (configuration(&self.state), self.waiting());
        let settled: Vec<PendingId> = waiting.difference(&now_waiting).copied().collect();
        match command {
            Command::TryChange(_) => {
                for id in now_waiting.difference(&waiting) {
                    let object = self.state.pending_change(*id).unwrap().object().to_string();
                    let former = before.get(&object).cloned();
                    self.formers.insert(*id, (object, former));
                    self.counts.tried += 1;
                }
                self.require(settled.is_empty(), "a change settled another");
            }
            Command::ConfirmChange(_) => {
                self.require(before == after, "a confirmation changed something");
                self.counts.confirmed += settled.len();
                settled.iter().for_each(|id| drop(self.formers.remove(id)));
            }
            Command::TakeBack(_) | Command::TakeBackOverdue(_) => {
                if let Command::TakeBackOverdue(by) = command {
                    self.require(settled.is_empty() || overdue.contains(&by.pending), "taken back early");
                    self.counts.overdue += settled.len();
                }
                self.counts.taken_back += settled.len();
                settled.iter().for_each(|id| self.restored(*id, &before, &after));
                self.require(!settled.is_empty() || before == after, "something else was changed");
            }
            _ => {
                self.require(waiting == now_waiting, "another command settled a change");
                for (object, _) in self.formers.values() {
                    if before.get(object) != after.get(object) {
                        self.faults
                            .push(format!("{object} was changed while it waited by {command:?}"));
                    }
                }
                self.counts.changed_meanwhile += usize::from(!waiting.is_empty() && before != after);
            }
        }
        if let Outcome::ChangeRefused {
            refusal: Refusal::Waits(_),
            ..
        } = outcome
        {
            self.counts.stood_aside += 1;
        }
        self.faults.extend(unsound(&self.state));
    }

    /// The object is what it was, and nothing else was touched.
    fn restored(&mut self, id: PendingId, before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) {
        let (object, former) = self.formers.remove(&id).unwrap();
        let mut wanted = before.clone();
        match former {
            Some(former) => drop(wanted.insert(object, former)),
            None => drop(wanted.remove(&object)),
        }
        self.require(*after == wanted, "what was taken back is not what was there");
    }

    fn require(&mut self, holds: bool, otherwise: &str) {
        if !holds {
            self.faults.push(otherwise.to_owned());
        }
    }

    fn waiting(&self) -> BTreeSet<PendingId> {
        self.state.pending().map(|pending| pending.id).collect()
    }

    /// Random changes, some of which wait.
    fn run(&mut self, bytes: &[u8]) -> u64 {
        let mut dice = Dice::new(bytes);
        let mut now_ms = START_MS;
        while !dice.is_empty() {
            now_ms += [0, 0, 50, 1_000, 30_000, 200_000][dice.roll(6) as usize];
            let command = match dice.roll(3) {
                0 => Command::Administer(Administer {
                    request: quorate_core::Fingerprint(now_ms.to_be_bytes().repeat(2).try_into().unwrap()),
                    actor: Actor::Root { uid: 0 },
                    node: NodeId(1),
                    changes: (0..dice.roll(2) + 1).map(|_| dice.configuration()).collect(),
                }),
                _ => dice.settling(&self.state),
            };
            self.apply(&command, now_ms);
        }
        now_ms
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever is changed, confirmed and taken back in whatever order: each change that is taken back leaves what was before it, and a
    /// node that reads the state from its image takes back the same.
    #[test]
    fn what_is_taken_back_is_what_was_there(bytes in vec(any::<u8>(), 0..3_000)) {
        let mut model = Model::new();
        let end_ms = model.run(&bytes) + 86_400_000;
        let mut read = State::from_rows(model.state.rows()).unwrap();
        for pending in model.waiting() {
            let overdue = Command::TakeBackOverdue(TakeBackOverdue { node: NodeId(1), pending });
            apply(&mut read, Level::FIRST, Stamp { ms: end_ms }, &overdue.to_bytes()).unwrap();
            model.apply(&overdue, end_ms);
        }
        prop_assert!(model.formers.is_empty() && model.waiting().is_empty(), "{:?}", model.formers);
        prop_assert!(model.faults.is_empty(), "{:?}", model.faults);
        prop_assert_eq!(read.digest(), model.state.digest());
    }
}

/// Random runs prove nothing if everything in them is refused.
#[test]
fn random_changes_wait_and_are_settled_every_way() {
    let mut counts = Counts::default();
    for seed in 0..100u64 {
        let bytes: Vec<u8> = (0..3_000u64)
            .map(|place| (script::words::id(&format!("{seed} {place}")) >> 16) as u8)
            .collect();
        let mut model = Model::new();
        model.run(&bytes);
        assert_eq!(model.faults, Vec::<String>::new());
        counts.tried += model.counts.tried;
        counts.confirmed += model.counts.confirmed;
        counts.taken_back += model.counts.taken_back;
        counts.overdue += model.counts.overdue;
        counts.stood_aside += model.counts.stood_aside;
        counts.changed_meanwhile += model.counts.changed_meanwhile;
    }
    println!("{counts:?}");
    assert!(counts.tried > 200 && counts.confirmed > 50 && counts.taken_back > 100 && counts.overdue > 50);
    assert!(counts.stood_aside > 100 && counts.changed_meanwhile > 100);
}

/// The audit says who made the change and that nobody confirmed it.
#[test]
fn the_audit_names_who_let_the_time_pass() {
    let mut world = World::new();
    for line in [
        "genesis",
        "admin create-application app ; create-api-token script",
        "try new 60s create-rule blocked then=refuse by=script",
        "wait 60s",
        "overdue new",
    ] {
        world.run_line(line);
    }
    let (_, bytes) = world.state.audit().open_records().last().unwrap();
    let Entry::Changed(entry) = AuditRecord::from_bytes(bytes).unwrap().entry else {
        panic!("the last record is of another kind");
    };
    assert_eq!(entry.kind.label(), "change_not_confirmed");
    assert_eq!(&*entry.name, "blocked");
    assert!(matches!(entry.actor, Actor::ApiToken { .. }));
}
