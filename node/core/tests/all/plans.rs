//! What holds in every login dialogue under whatever rules, groups and networks: what is asked is in the plan of the packet, and an accept
//! has all of it.

use crate::script;
use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*};
use quorate_core::{
    Browser, ClientId, CodeKind, Factor, NodeId, ProofDigest, TokenId, UserName, Verdict,
    audit::{AuditRecord, Entry},
    login::{self, Conversation, Decision, OpenedState, Request, Step},
    method::Use,
    otp,
    plan::{Plan, Question, Refused, plan},
};
use script::{World, devices, enrolling, words};
use zeroize::Zeroizing;

const STATIONS: [Option<&str>; 4] = [None, Some("10.1.2.3"), Some("203.0.113.9"), Some("aa-bb-cc")];

/// What may be different from one run to the next, and may change in the midst of a login.
const SETTINGS: [&str; 26] = [
    "change-client vpn modes=one",
    "change-client vpn modes=two",
    "change-client vpn modes=one,two",
    "change-client vpn modes=passcode",
    "change-client vpn modes=one,two blocked=203.0.113.0/24",
    "change-client vpn modes=two trusted=10.0.0.0/8:code blocked=203.0.113.0/24",
    "change-client vpn modes=one,two trusted=10.0.0.0/8:password",
    "change-client vpn modes=two required=staff",
    "create-rule light then=light user=al*",
    "create-rule strict position=5 then=strict from=10.0.0.0/8",
    "create-rule refuse position=1 then=refuse groups=guests",
    "delete-rule light",
    "delete-rule strict",
    "set-local alice groups=staff",
    "set-local bob groups=guests",
    "change-application app factors=password,totp passthru=60s",
    "change-application app factors=password,totp enrol=password",
    "change-application app factors=password,totp enrol=code",
    "change-application app factors=totp,password",
    "change-application app factors=totp,password enrol=password passthru=60s",
    "create-token ticket kind=registration user=bob lasts=3600s",
    "set-role-rule user trust=yes",
    "set-role-rule user trust=no",
    "set-access alice trust=denied",
    "set-access alice trust=by_role",
    "revoke-devices alice",
];

fn world() -> World {
    let mut world = World::new();
    for line in [
        "genesis",
        "admin create-application app factors=password,totp ; create-application light factors=password",
        "admin create-application strict factors=password,totp,totp",
        "admin create-client vpn",
        "admin create-user alice password=pw ; create-token phone user=alice ; create-token tablet user=alice",
        "admin create-user bob password=pw",
        "consume vpn alice phone request=entered browser=yes",
        "trust laptop after=entered",
    ] {
        world.run_line(line);
    }
    world
}

/// One dialogue, from its first packet to its verdict.
struct Dialogue {
    user: &'static str,
    password: bool,
    codes: BTreeSet<TokenId>,
    /// It came to a first token.
    enrolled: bool,
    opened: Option<OpenedState>,
}

struct Run<'a> {
    world: World,
    bytes: &'a [u8],
    packets: u64,
    faults: Vec<String>,
    accepts: usize,
    /// Of these, those by a trusted device.
    by_device: usize,
}

impl Run<'_> {
    fn roll(&mut self, sides: usize) -> usize {
        let Some((first, rest)) = self.bytes.split_first() else {
            return 0;
        };
        self.bytes = rest;
        usize::from(*first) % sides
    }

    fn all(&mut self) {
        while !self.bytes.is_empty() {
            for _ in 0..self.roll(3) {
                self.change();
            }
            let mut dialogue = Dialogue {
                user: ["alice", "bob", "nobody"][self.roll(3)],
                password: false,
                codes: BTreeSet::new(),
                enrolled: false,
                opened: None,
            };
            // Codes are good once: each dialogue has timesteps of its own.
            self.world.now_ms += 30_000;
            while self.packet(&mut dialogue) {
                if self.roll(4) == 0 {
                    self.change();
                }
            }
        }
    }

    fn change(&mut self) {
        let line = SETTINGS[self.roll(SETTINGS.len())];
        self.world.run_line(&format!("admin {line}"));
    }

    fn request(&mut self, user: &str) -> Request {
        self.packets += 1;
        let station = STATIONS[self.roll(STATIONS.len())];
        Request {
            client: ClientId(words::id("vpn")),
            user: Some(UserName::new("", user)),
            user_name: user.as_bytes().into(),
            field: Zeroizing::new(match self.roll(5) {
                0 => b"123456".to_vec(),
                1 => b"pw123456".to_vec(),
                2 => b"pw".to_vec(),
                3 => b"pw123456123456".to_vec(),
                _ => enrolling::first_code(self.world.now_ms).into_bytes(),
            }),
            fingerprint: words::fingerprint(&self.packets.to_string()),
            proof: ProofDigest(words::digest(&self.packets.to_string())),
            received_ms: self.world.now_ms,
            node: NodeId(1),
            source: "192.0.2.1".parse().unwrap(),
            calling_station_id: station.map(|station| station.as_bytes().into()),
            nas_identifier: None,
            attributes: Box::default(),
            browser: self.browser(),
        }
    }

    /// Mostly none; else alice's laptop, somebody who only knows its name, or a browser that is nothing yet.
    fn browser(&mut self) -> Option<Browser> {
        let device = match self.roll(4) {
            0 => Some(devices::proof("laptop", "laptop")),
            1 => Some(devices::proof("laptop", "guessed")),
            2 => None,
            _ => return None,
        };
        Some(Browser { device })
    }

    /// True if there is another to come.
    fn packet(&mut self, dialogue: &mut Dialogue) -> bool {
        let request = self.request(dialogue.user);
        let plan = self.plan(&request);
        let state = self.world.state.clone();
        let mut step = match dialogue.opened.take() {
            None => login::start(&state, request),
            Some(opened) => login::resume(&state, opened, request),
        };
        loop {
            step = match step {
                Step::CheckPassword(check) => {
                    self.note(
                        plan.asks_for_password() && !is_blocked(&plan),
                        "a password is asked for beside the plan",
                    );
                    let right = self.roll(4) > 0 && check.verifier().is_some();
                    dialogue.password |= right;
                    check.answer(right)
                }
                Step::MatchCode(code) => {
                    self.note(
                        plan.asks_for_code() && !is_blocked(&plan),
                        "a code is asked for beside the plan",
                    );
                    let token = code.candidates().first().filter(|_| self.roll(4) > 0).cloned();
                    dialogue.codes.extend(token.iter().map(|token| token.id));
                    let now = otp::timestep(self.world.now_ms, 30);
                    let used = |kind| match kind {
                        CodeKind::Registration => Use::Once,
                        _ => Use::Counter(now),
                    };
                    code.answer(token.map(|token| (token.id, used(token.kind.code_kind()))))
                }
                Step::SendCode(_) => panic!("nobody here has an address"),
                Step::JudgeNewPassword(_) | Step::RenewPassword(_) => panic!("no password here is due"),
                Step::MakeKey(make) => {
                    self.note(plan.enrols, "a token is given beside the plan");
                    make.answer(&enrolling::KEY)
                }
                Step::EnrolToken(enrol) => {
                    let token = TokenId(words::id(&format!("token {}", self.packets)));
                    dialogue.enrolled = enrol.is_right();
                    let key = enrol.key().to_vec();
                    enrol.right(token, key.into())
                }
                Step::Propose(propose) => {
                    let outcome = self.world.apply(propose.command());
                    propose.answer(&outcome)
                }
                Step::SealState(seal) => {
                    // Nothing is known of whoever types a code before the password.
                    let is_early = plan.typed_before > 0 && !dialogue.password && !is_blocked(&plan);
                    self.note(
                        plan.refused.is_none() || is_early,
                        "a challenge for a login that is refused",
                    );
                    let bytes = seal.conversation().to_bytes();
                    dialogue.opened = Some(OpenedState::Conversation(
                        Conversation::from_bytes(&bytes).unwrap().into(),
                    ));
                    seal.answer(bytes.to_vec())
                }
                Step::JudgeAgain => {
                    self.note(false, "judged by the state of now, and stale");
                    return false;
                }
                Step::Finish(Decision::Accept) => {
                    self.accepts += 1;
                    self.judge(&plan, dialogue);
                    return false;
                }
                Step::Finish(Decision::Challenge { .. }) => return true,
                Step::Finish(Decision::Reject { .. }) => return false,
                Step::Finish(Decision::Silent) => {
                    self.note(false, "an honest login got no answer");
                    return false;
                }
            }
        }
    }

    fn plan(&self, request: &Request) -> Plan {
        let state = &self.world.state;
        let client = state.client(request.client).unwrap();
        let question = Question {
            client,
            user: state.user_by_name(request.user.as_ref().unwrap()).map(|user| &**user),
            name: request.user.as_ref(),
            calling_station_id: request.calling_station_id.as_deref(),
            nas_identifier: None,
            attributes: &[],
            device: request.browser.and_then(|browser| browser.device),
            now_ms: self.world.now_ms,
        };
        plan(state, &question).unwrap()
    }

    fn judge(&mut self, plan: &Plan, dialogue: &Dialogue) {
        let codes = plan
            .factors
            .iter()
            .filter(|factor| **factor != Factor::Password)
            .count();
        self.note(plan.refused.is_none(), "a refused login was accepted");
        self.note(!plan.factors.is_empty(), "an accept of nothing");
        self.by_device += usize::from(plan.device.is_some());
        self.note(
            !plan.asks_for_password() || dialogue.password,
            "accepted without the password",
        );
        self.note(
            dialogue.codes.len() == codes,
            "accepted with other codes than the plan's",
        );
        self.note(
            plan.enrols == dialogue.enrolled,
            "accepted without the first token, or with one too many",
        );
        let (_, bytes) = self.world.state.audit().open_records().last().unwrap();
        let Entry::Login(login) = AuditRecord::from_bytes(bytes).unwrap().entry else {
            panic!("an accept is the last record");
        };
        let says = (login.verdict, login.application, login.rule, login.device)
            == (
                Verdict::Accept,
                plan.application.id,
                plan.rule.as_ref().map(|rule| rule.id),
                plan.device,
            );
        self.note(says, "the audit tells another plan");
    }

    fn note(&mut self, holds: bool, fault: &str) {
        if !holds {
            self.faults.push(fault.to_owned());
        }
    }
}

fn is_blocked(plan: &Plan) -> bool {
    plan.refused == Some(Refused::NetworkBlocked)
}

/// What went wrong, how many were accepted, and how many of these by a trusted device.
fn run(bytes: &[u8]) -> (Vec<String>, usize, usize) {
    let mut run = Run {
        world: world(),
        bytes,
        packets: 0,
        faults: Vec::new(),
        accepts: 0,
        by_device: 0,
    };
    run.all();
    (run.faults, run.accepts, run.by_device)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn only_what_the_plan_wants_is_asked_and_all_of_it(bytes in vec(any::<u8>(), 0..400)) {
        let (faults, ..) = run(&bytes);
        prop_assert!(faults.is_empty(), "{faults:?}");
    }
}

/// Random dialogues prove nothing if nobody ever gets in.
#[test]
fn random_dialogues_let_somebody_in() {
    let bytes = |seed: u64| -> Vec<u8> {
        let place = |place: u64| (words::id(&format!("{seed} {place}")) >> 16) as u8;
        (0..400).map(place).collect()
    };
    let runs: Vec<_> = (0..150).map(|seed| run(&bytes(seed))).collect();
    let accepts: usize = runs.iter().map(|run| run.1).sum();
    let by_device: usize = runs.iter().map(|run| run.2).sum();
    assert!(accepts > 50 && by_device > 5, "{accepts}, {by_device} by a device");
}
