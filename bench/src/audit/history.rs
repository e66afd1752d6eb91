//! Years of logins, as commands that the state machine applies: nine in ten accepted, a twentieth of the users busy, the others rare.

use std::sync::Arc;

use anyhow::{Result, ensure};
use bytes::Bytes;
use quorate_core::change::{ApplicationSettings, ClientSettings, CreateApplication, CreateClient, CreateUser};
use quorate_core::command::{AcceptSingleFactor, Administer, Genesis, RecordFailure};
use quorate_core::{
    Actor, ApplicationId, Change, ClientId, Command, Cut, Enrolment, Entrance, Factor, Failure, Fingerprint, Judged,
    LoginFacts, Method, Modes, NodeId, Outcome, Sealed, State, UserId, UserName,
};
use quorate_raft::{LogId, Machine};
use quorate_replica::{Archive, Published, StateMachine};

/// The clients that users come through. The last of them is hardly used.
pub const CLIENTS: u64 = 50;

/// Between two logins, in ms.
const PAUSE_MS: u64 = 40;

const START_MS: u64 = 1_700_000_000_000;

/// What was written.
pub struct History {
    pub users: u64,
    pub first_ms: u64,
    pub last_ms: u64,
}

/// What is written with.
struct Writer<'a> {
    machine: StateMachine,
    published: &'a Published,
    now_ms: u64,
    index: u64,
    dice: u64,
}

impl History {
    pub fn of(published: &Published, users: u64) -> History {
        History {
            users,
            first_ms: START_MS,
            last_ms: published.state().stamp().ms,
        }
    }
}

pub fn write(
    records: u64,
    users: u64,
    published: &Arc<Published>,
    archive: &Arc<Archive>,
    mut after_a_tenth: impl FnMut(),
) -> Result<()> {
    let halt = Box::new(|why: &str| panic!("the machine halted: {why}"));
    let mut writer = Writer {
        machine: StateMachine::new(published.clone(), archive.clone(), halt),
        published,
        now_ms: START_MS,
        index: 0,
        dice: 1,
    };
    writer.found(users)?;
    for tenth in 1..=10 {
        while writer.state().audit().next_seq() < records * tenth / 10 {
            writer.log_in(users)?;
        }
        after_a_tenth();
    }
    Ok(())
}

/// The name of a user.
pub fn name_of(user: u64) -> String {
    format!("user{user:07}")
}

impl Writer<'_> {
    fn state(&self) -> Arc<State> {
        self.published.state()
    }

    fn apply(&mut self, commands: &[Command]) -> Result<()> {
        self.index += 1;
        let at = LogId {
            term: 1,
            node: 1,
            index: self.index,
        };
        let bytes: Vec<Bytes> = commands.iter().map(|command| Bytes::from(command.to_bytes())).collect();
        let outcomes = self.machine.apply(at, self.now_ms, &bytes);
        self.machine.publish();
        for outcome in outcomes {
            let outcome = Outcome::from_bytes(&outcome)?;
            ensure!(
                matches!(outcome, Outcome::Verdict { .. } | Outcome::Done { .. }),
                "a command came to {outcome:?}"
            );
        }
        Ok(())
    }

    fn found(&mut self, users: u64) -> Result<()> {
        let genesis = Command::Genesis(Genesis {
            cluster_id: [1; 16],
            ca_cert: b"certificate"[..].into(),
            ca_key: Sealed::from(b"key".to_vec()),
            node: NodeId(1),
            node_name: "one".into(),
            site: "".into(),
            key_digest: [0; 32],
        });
        self.apply(&[genesis])?;
        let application = Change::CreateApplication(CreateApplication {
            id: ApplicationId(1),
            settings: ApplicationSettings {
                name: "vpn".into(),
                factors: vec![Factor::Password].into(),
                passthru_until_ms: None,
                enrolment: Enrolment::Off,
            },
        });
        let clients = (1..=CLIENTS).map(client);
        self.administer(std::iter::once(application).chain(clients).collect())?;
        let all: Vec<u64> = (1..=users).collect();
        for some in all.chunks(1_000) {
            let create = |user: &u64| {
                Change::CreateUser(CreateUser {
                    id: UserId(*user),
                    name: UserName::new("", &name_of(*user)),
                    display_name: "".into(),
                    password: Some(Sealed::from(vec![1; 100])),
                    must_change_password: false,
                    foreign_password: false,
                })
            };
            self.administer(some.iter().map(create).collect())?;
        }
        Ok(())
    }

    fn administer(&mut self, changes: Vec<Change>) -> Result<()> {
        let request = Fingerprint(u128::from(self.index + 1).to_be_bytes());
        self.apply(&[Command::Administer(Administer {
            request,
            actor: Actor::Root { uid: 0 },
            node: NodeId(1),
            changes,
        })])
    }

    /// Sixteen logins in one entry.
    fn log_in(&mut self, users: u64) -> Result<()> {
        let state = self.state();
        let commands: Vec<Command> = (0..16).map(|_| self.login(&state, users)).collect();
        self.apply(&commands)
    }

    fn login(&mut self, state: &State, users: u64) -> Command {
        self.now_ms += PAUSE_MS;
        let busy = self.roll(2) == 0;
        let user = 1 + self.roll(if busy { (users / 20).max(1) } else { users });
        // The last client has one login in a hundred thousand.
        let client = match self.roll(100_000) {
            0 => ClientId(CLIENTS),
            _ => ClientId(1 + self.roll(CLIENTS - 1)),
        };
        let known = self.roll(200) != 0;
        let accepted = known && self.roll(10) != 0;
        let name = if known {
            name_of(user)
        } else {
            format!("nobody{}", self.roll(1_000))
        };
        let judged = self.judged(state, known.then_some(UserId(user)), &name, client);
        match (accepted, known) {
            (true, _) => Command::AcceptSingleFactor(AcceptSingleFactor { judged }),
            (false, true) => Command::RecordFailure(RecordFailure {
                judged,
                failure: Failure::WrongPassword,
            }),
            (false, false) => Command::RecordFailure(RecordFailure {
                judged,
                failure: Failure::UnknownUser,
            }),
        }
    }

    fn judged(&mut self, state: &State, user: Option<UserId>, name: &str, client: ClientId) -> Judged {
        let revision = |client| state.client(client).map(|client| client.revision).unwrap_or_default();
        let user = user.and_then(|id| state.user(id));
        Judged {
            fingerprint: Fingerprint((u128::from(self.roll(u64::MAX)) << 64 | u128::from(self.now_ms)).to_be_bytes()),
            conversation: None,
            proof: None,
            client,
            client_revision: revision(client),
            application: ApplicationId(1),
            application_revision: state
                .application(ApplicationId(1))
                .map(|application| application.revision)
                .unwrap_or_default(),
            policy_revision: state.policy().revision,
            user: user.map(|user| (user.id, user.revision)),
            absent: user.is_none().then(|| UserName::new("", name)),
            password_revision: user.map(|user| user.password_revision),
            received_ms: self.now_ms,
            retention_ms: 120_000,
            recalled_ms: None,
            browser: None,
            facts: LoginFacts {
                user_name: name.as_bytes().into(),
                source: [192, 0, 2, client.0 as u8].into(),
                calling_station_id: Some(format!("203.0.113.{}", self.roll(256)).into_bytes().into()),
                nas_identifier: Some(format!("gate-{}", client.0).into_bytes().into()),
                node: NodeId(1 + self.roll(3)),
                method: Method::PasswordOnly,
                attributes: Box::default(),
            },
        }
    }

    /// SplitMix64: the same history each time.
    fn roll(&mut self, sides: u64) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

fn client(id: u64) -> Change {
    let address = std::net::IpAddr::from([192, 0, 2, id as u8]);
    Change::CreateClient(CreateClient {
        id: ClientId(id),
        settings: ClientSettings {
            name: format!("gate-{id}").into(),
            device_type: "vpn".into(),
            networks: vec![address.to_string().parse().expect("invariant: an address is a network")].into(),
            nas_identifier: None,
            secrets: vec![Sealed::from(vec![1; 50])].into(),
            modes: Modes {
                one_step: true,
                two_step: true,
                passcode_only: false,
            },
            require_message_authenticator: true,
            application: ApplicationId(1),
            retry_timeout_ms: 3_000,
            retry_tries: 3,
            entrance: Entrance::default(),
            cut: Cut::default(),
        },
    })
}
