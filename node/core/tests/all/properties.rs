//! What holds whatever is written to the log.

use crate::{random, samples, script};
use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*};
use quorate_core::{
    Actor, CodeId, CodeProof, Command, Factor, Fingerprint, Judged, Level, Outcome, Reason, Role, Stamp, State,
    TokenId, Verdict, apply,
    audit::{AuditRecord, Entry, LoginEntry, Segment},
    limits,
    login::Conversation,
    method::Use,
    plan::{Question, groups_of, plan},
};
use random::Dice;
use script::{START_MS, World};

/// A founded cluster with objects under the ids that random commands use.
pub fn founded() -> State {
    let mut world = World::new();
    world.run_line("genesis");
    let mut state = world.state;
    let administer = samples::several(random::objects());
    apply(&mut state, Level::FIRST, Stamp { ms: START_MS }, &administer.to_bytes()).unwrap();
    assert!(state.user_count() == 3 && state.token_count() == 4 && state.client_count() == 3);
    state
}

/// Applies random commands until the bytes are used up, telling each and its outcome.
pub fn run(state: &mut State, bytes: &[u8], tell: &mut impl FnMut(&Command, &Outcome, &State)) {
    let mut dice = Dice::new(bytes);
    let mut now_ms = START_MS.max(state.stamp().ms);
    while !dice.is_empty() {
        now_ms = now_ms.saturating_add([0, 0, 50, 1_000, 30_000, 200_000][dice.roll(6) as usize]);
        let command = dice.command(state, now_ms);
        let outcome = apply(state, Level::FIRST, Stamp { ms: now_ms }, &command.to_bytes()).unwrap();
        tell(&command, &outcome, state);
    }
}

/// Rows as a store would keep them.
fn stored(state: &State) -> BTreeMap<Vec<u8>, Vec<u8>> {
    state.rows().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..300)) {
        let _ = Command::from_bytes(&bytes);
        let _ = Outcome::from_bytes(&bytes);
        let _ = AuditRecord::from_bytes(&bytes);
        let _ = Segment::from_bytes(&bytes);
        let _ = Conversation::from_bytes(&bytes);
        let _ = State::from_rows([(&bytes[..bytes.len() / 4], &bytes[bytes.len() / 4..])]);
    }

    /// Nearly right bytes get further than random ones: a sample with one byte changed, applied where it decodes.
    #[test]
    fn no_nearly_right_command_panics(which in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), byte: u8) {
        let mut state = samples::state();
        let changes = samples::changes().into_iter().map(samples::administer);
        let commands: Vec<Command> = samples::commands().into_iter().chain(changes).collect();
        let mut bytes = which.get(&commands).to_bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let _ = apply(&mut state, Level::FIRST, Stamp { ms: START_MS }, &bytes);
        let _ = apply(&mut state, Level::FIRST, Stamp { ms: u64::MAX }, &bytes);
    }

    /// The image gives back the state, its digest, and every later answer: indexes and queues included.
    #[test]
    fn the_image_round_trips(first in vec(any::<u8>(), 0..3_000), then in vec(any::<u8>(), 0..1_000)) {
        let mut state = founded();
        run(&mut state, &first, &mut |_, _, _| ());
        let image = stored(&state);
        prop_assert!(state.rows().is_sorted());

        let mut read = State::from_rows(image.iter().rev()).unwrap();
        prop_assert!(read == state);
        prop_assert_eq!(read.digest(), state.digest());
        let mut answers = Vec::new();
        run(&mut state, &then, &mut |_, outcome, _| answers.push(*outcome));
        let mut answers_read = Vec::new();
        run(&mut read, &then, &mut |_, outcome, _| answers_read.push(*outcome));
        prop_assert_eq!(answers, answers_read);
        prop_assert_eq!(read.digest(), state.digest());
    }

    /// Where somebody may do everything, somebody always may, whatever is written; and the index of them is what the users say.
    #[test]
    fn the_last_super_admin_stays(bytes in vec(any::<u8>(), 0..6_000)) {
        let mut state = founded();
        let mut former = 0;
        let mut faults = Vec::new();
        run(&mut state, &bytes, &mut |command, _, state| {
            let now = state.super_admin_count();
            let of_directory = matches!(command, Command::Administer(by) if matches!(by.actor, Actor::Directory { .. }));
            if former > 0 && now == 0 && !of_directory {
                faults.push(format!("nobody is left after {command:?}"));
            }
            let users = state.users_after(None).filter(|user| user.role == Role::SuperAdmin && user.enabled && user.is_active());
            let tokens = state.api_tokens().filter(|token| token.role == Role::SuperAdmin && token.enabled);
            if users.count() + tokens.count() != now {
                faults.push(format!("miscounted after {command:?}"));
            }
            former = now;
        });
        prop_assert!(faults.is_empty(), "{faults:?}");
    }

    /// A reader's instant does not change while commands are applied.
    #[test]
    fn a_clone_stays_as_it_is(first in vec(any::<u8>(), 0..1_000), then in vec(any::<u8>(), 0..1_000)) {
        let mut state = founded();
        run(&mut state, &first, &mut |_, _, _| ());
        let (instant, digest) = (state.clone(), state.digest());
        run(&mut state, &then, &mut |_, _, _| ());
        prop_assert_eq!(instant.digest(), digest);
    }

    /// Of one token, every timestep is accepted at most once and never after a later one; time never runs back; and
    /// every first verdict has its audit record.
    #[test]
    fn codes_are_accepted_once_and_verdicts_audited(bytes in vec(any::<u8>(), 0..6_000)) {
        let mut state = founded();
        let mut last: BTreeMap<TokenId, u64> = BTreeMap::new();
        let mut slots: BTreeSet<(TokenId, u8)> = BTreeSet::new();
        let mut codes: BTreeSet<CodeId> = BTreeSet::new();
        let mut former = (state.stamp(), state.audit().next_seq());
        let mut faults = Vec::new();
        run(&mut state, &bytes, &mut |command, outcome, state| {
            let now = (state.stamp(), state.audit().next_seq());
            if now.0 < former.0 {
                faults.push("time ran back".to_owned());
            }
            if let Outcome::Verdict { verdict, replayed } = outcome {
                if now.1 != former.1 + u64::from(!replayed) {
                    faults.push(format!("{outcome:?} without its record"));
                }
                if let (Command::ConsumeCode(consume), Verdict::Accept, false) = (command, verdict, replayed) {
                    for CodeProof { token, used, .. } in &consume.codes {
                        match used {
                            Use::Counter(counter) if last.insert(*token, *counter).is_some_and(|last| last >= *counter) => {
                                faults.push(format!("{token} accepted {counter} again"));
                            }
                            Use::Slot(slot) if !slots.insert((*token, *slot)) => {
                                faults.push(format!("{token} accepted place {slot} again"));
                            }
                            Use::Pending(code) if !codes.insert(*code) => faults.push(format!("{token} accepted {code} again")),
                            Use::Counter(_) | Use::Slot(_) | Use::Once | Use::Pending(_) => (),
                        }
                    }
                }
            }
            // A token that is deleted and made again under its id starts anew; ids are random outside of tests.
            last.retain(|token, _| state.token(*token).is_some());
            slots.retain(|(token, _)| state.token(*token).is_some());
            former = now;
        });
        prop_assert!(faults.is_empty(), "{faults:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Of the codes that were ever sent to a token only the newest is accepted, and only once; a request has one message, whoever
    /// repeats it; and each message has its audit record and is within the limits.
    #[test]
    fn never_two_right_codes_and_never_two_messages(bytes in vec(any::<u8>(), 0..6_000)) {
        let mut state = founded();
        let mut newest: BTreeMap<TokenId, CodeId> = BTreeMap::new();
        let mut messages: BTreeMap<Fingerprint, (CodeId, u64)> = BTreeMap::new();
        let mut audited = state.audit().next_seq();
        let mut faults = Vec::new();
        run(&mut state, &bytes, &mut |command, outcome, state| {
            let records = state.audit().next_seq() - audited;
            match (command, outcome) {
                (Command::QueueCode(queue), Outcome::Queued { code }) if *code == queue.code && records > 0 => {
                    newest.insert(queue.token, *code);
                    // What is forgotten of a request is forgotten long after its conversation has ended.
                    let now_ms = state.stamp().ms;
                    let first = messages.insert(queue.request, (*code, now_ms));
                    if first.is_some_and(|(_, at_ms)| now_ms < at_ms.saturating_add(limits::DISPATCH_MEMORY_MS)) {
                        faults.push(format!("a second message for {}", queue.request));
                    }
                    if state.sent_code(queue.token).is_none_or(|sent| sent.id != *code) {
                        faults.push("queued and not there".into());
                    }
                }
                (Command::QueueCode(queue), Outcome::Queued { code })
                    if messages.get(&queue.request).is_some_and(|(first, _)| first != code) =>
                {
                    faults.push("another code for the same request".into());
                }
                (Command::ConsumeCode(consume), Outcome::Verdict { verdict: Verdict::Accept, replayed: false }) => {
                    for proof in &consume.codes {
                        if let Use::Pending(code) = proof.used
                            && newest.remove(&proof.token) != Some(code)
                        {
                            faults.push(format!("{} was accepted by {code}, which is not its newest", proof.token));
                        }
                    }
                }
                _ => (),
            }
            audited = state.audit().next_seq();
        });
        prop_assert!(faults.is_empty(), "{faults:?}");
    }
}

/// Random runs prove nothing if everything in them is refused.
#[test]
fn random_commands_reach_every_kind_of_outcome() {
    let (mut accepts, mut rejects, mut dones, mut nodes, mut replays) = (0, 0, 0, 0, 0);
    let (mut queued, mut by_sent) = (0, 0);
    let (mut by_rule, mut waived, mut refused) = (0, 0, 0);
    let (mut trusted, mut by_device) = (0, 0);
    for seed in 0..300u64 {
        let bytes: Vec<u8> = (0..4_000u64)
            .map(|place| (script::words::id(&format!("{seed} {place}")) >> 16) as u8)
            .collect();
        run(&mut founded(), &bytes, &mut |command, outcome, state| match outcome {
            Outcome::Verdict { replayed: true, .. } => replays += 1,
            Outcome::Verdict {
                verdict: Verdict::Accept,
                ..
            } => {
                accepts += 1;
                let is_sent = |proof: &CodeProof| matches!(proof.used, Use::Pending(_));
                by_sent +=
                    usize::from(matches!(command, Command::ConsumeCode(consume) if consume.codes.iter().any(is_sent)));
                if let Some(login) = last_login(state) {
                    by_rule += usize::from(login.rule.is_some());
                    waived += usize::from(login.waiver.is_some());
                    by_device += usize::from(login.device.is_some());
                }
            }
            Outcome::Verdict {
                verdict: Verdict::Reject(reason),
                ..
            } => {
                rejects += 1;
                let by_plan = [Reason::NetworkBlocked, Reason::RefusedByRule, Reason::NotInGroups];
                refused += usize::from(by_plan.contains(reason));
            }
            Outcome::Done { .. } => {
                dones += 1;
                trusted += usize::from(matches!(command, Command::TrustDevice(_)));
            }
            Outcome::Node(_) => nodes += 1,
            Outcome::Queued { .. } => queued += 1,
            Outcome::Refused(_) | Outcome::ChangeRefused { .. } => (),
        });
    }
    println!(
        "{accepts} accepts, {rejects} rejects, {dones} done, {nodes} nodes, {replays} replays, {queued} queued, {by_sent} by a sent code"
    );
    println!("{by_rule} accepts by a rule, {waived} with less than all asked, {refused} refused by the plan");
    println!("{trusted} devices trusted, {by_device} accepts by one");
    assert!(trusted > 20 && by_device > 5);
    assert!(queued > 20 && by_sent > 5);
    assert!(by_rule > 5 && waived > 5 && refused > 5);
    assert!(accepts > 20 && rejects > 20 && dones > 20 && nodes > 20 && replays > 5);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever is proposed, in whatever order: an accept has proven every factor of the plan that the state comes to for it at that instant,
    /// and nothing is accepted that the plan refuses, a blocked network above all.
    #[test]
    fn an_accept_has_proven_all_of_its_plan(bytes in vec(any::<u8>(), 0..6_000)) {
        let mut before = founded();
        let mut state = before.clone();
        let mut faults = Vec::new();
        run(&mut state, &bytes, &mut |command, outcome, state| {
            if let (Some(accepted), Outcome::Verdict { verdict: Verdict::Accept, replayed: false }) = (accepted(command), outcome) {
                faults.extend(unproven(&before, state.stamp().ms, accepted));
            }
            before = state.clone();
        });
        prop_assert!(faults.is_empty(), "{faults:?}");
    }
}

/// What a command proposes to let in by, if it does.
fn accepted(command: &Command) -> Option<(&Judged, &[CodeProof])> {
    match command {
        Command::ConsumeCode(consume) => Some((&consume.judged, &consume.codes)),
        Command::AcceptSingleFactor(accept) => Some((&accept.judged, &[])),
        _ => None,
    }
}

/// What is wrong with an accept, told without the code that decides.
fn unproven(state: &State, now_ms: u64, (judged, codes): (&Judged, &[CodeProof])) -> Vec<String> {
    let client = state.client(judged.client).unwrap();
    let user = state.user(judged.user.unwrap().0).unwrap();
    let question = Question {
        device: judged.browser.and_then(|browser| browser.device),
        ..Question::of_facts(client, Some(user), Some(&user.name), &judged.facts, now_ms)
    };
    let plan = plan(state, &question).unwrap();
    let mut faults = Vec::new();
    let blocked = &client.entrance.blocked;
    if question
        .address()
        .is_some_and(|address| blocked.iter().any(|network| network.contains(address)))
    {
        faults.push("accepted from a blocked network".to_owned());
    }
    let required = &client.entrance.required_groups;
    let is_required = |group: &str| required.iter().any(|wanted| wanted.eq_ignore_ascii_case(group));
    if !required.is_empty() && !groups_of(user).any(is_required) {
        faults.push("accepted outside the required groups".to_owned());
    }
    if plan.refused.is_some() || plan.factors.is_empty() || plan.application.id != judged.application {
        faults.push(format!("accepted by {plan:?}"));
    }
    if plan.factors.contains(&Factor::Password) && judged.password_revision.is_none() {
        faults.push("accepted without the password".to_owned());
    }
    let asked: Vec<_> = plan.factors.iter().filter_map(|factor| factor.code_kinds()).collect();
    let kinds = codes
        .iter()
        .map(|code| state.token(code.token).unwrap().kind.code_kind());
    if asked.len() != codes.len() || !asked.iter().zip(kinds).all(|(asked, kind)| asked.contains(kind)) {
        faults.push(format!("{} codes for {asked:?}", codes.len()));
    }
    // Nothing is left out but for one of the four reasons, and never all of it.
    if plan.factors.len() + plan.waived.len() != plan.application.factors.len() {
        faults.push(format!("a factor got lost: {plan:?}"));
    }
    faults
}

fn last_login(state: &State) -> Option<LoginEntry> {
    let (_, bytes) = state.audit().open_records().last()?;
    match AuditRecord::from_bytes(bytes).unwrap().entry {
        Entry::Login(login) => Some(login),
        _ => None,
    }
}
