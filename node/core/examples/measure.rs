//! Measures what the core costs: memory for a number of users with a token each, and processor time per applied login.
//!
//! `cargo run --release -p quorate-core --example measure -- 1000000`

use std::time::Duration;

use quorate_core::{change::*, command::*, method::Use, *};

const CLIENT: ClientId = ClientId(1);
const APPLICATION: ApplicationId = ApplicationId(1);
const NOW_MS: u64 = 1_760_011_200_000;

fn main() {
    let users: u64 = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(100_000);
    let before = resident_mb();
    let mut state = founded();
    let start = cpu_time();
    for batch in (0..users).step_by(500) {
        state.take_closed_segments();
        administer(
            &mut state,
            batch + 10,
            (batch..users.min(batch + 500)).flat_map(user).collect(),
        );
    }
    println!(
        "{users} users created in {:?}, {} MB",
        (cpu_time() - start),
        resident_mb() - before
    );

    let commands: Vec<Vec<u8>> = (0..200_000u64).map(|round| consume(&state, round, users)).collect();
    let start = cpu_time();
    for (round, command) in commands.iter().enumerate() {
        // A snapshot per batch of a hundred, as readers get it.
        let snapshot = (round % 100 == 0).then(|| state.clone());
        apply(
            &mut state,
            Level::FIRST,
            Stamp {
                ms: NOW_MS + round as u64 / 20,
            },
            command,
        )
        .expect("decodable");
        drop(snapshot);
    }
    let each = (cpu_time() - start) / commands.len() as u32;
    println!(
        "{each:?} per login, {} remembered, {} MB",
        state.fingerprint_count(),
        resident_mb() - before
    );
    let start = cpu_time();
    let rows = state.rows().map(|(key, value)| key.len() + value.len()).sum::<usize>();
    println!("{} MB of rows in {:?}", rows >> 20, (cpu_time() - start));
    let rows: Vec<_> = state.rows().collect();
    let start = cpu_time();
    let read = State::from_rows(rows).expect("own rows");
    println!("read back in {:?}", (cpu_time() - start));
    let start = cpu_time();
    read.digest();
    println!("digest in {:?}", (cpu_time() - start));
}

fn founded() -> State {
    let mut state = State::new();
    let genesis = Genesis {
        cluster_id: [1; 16],
        ca_cert: vec![1; 500].into(),
        ca_key: Sealed::from(vec![1; 300]),
        node: NodeId(1),
        node_name: "one".into(),
        site: "".into(),
        key_digest: [1; 32],
    };
    commit(&mut state, &Command::Genesis(genesis));
    let factors = vec![Factor::Password, Factor::ANY_CODE].into();
    let settings = ClientSettings {
        name: "vpn".into(),
        device_type: "vpn".into(),
        networks: vec!["192.0.2.0/24".parse().expect("a network")].into(),
        nas_identifier: None,
        secrets: vec![Sealed::from(vec![1; 60])].into(),
        modes: Modes {
            one_step: false,
            two_step: false,
            passcode_only: true,
        },
        require_message_authenticator: true,
        application: APPLICATION,
        retry_timeout_ms: 3_000,
        retry_tries: 3,
        entrance: Entrance::default(),
        cut: Cut::default(),
    };
    let changes = vec![
        Change::CreateApplication(CreateApplication {
            id: APPLICATION,
            settings: ApplicationSettings {
                name: "app".into(),
                factors,
                passthru_until_ms: None,
                enrolment: Enrolment::Off,
            },
        }),
        Change::CreateClient(CreateClient { id: CLIENT, settings }),
    ];
    administer(&mut state, 1, changes);
    state
}

/// Ids are spread like random ones.
fn spread(number: u64) -> u64 {
    (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn user(number: u64) -> [Change; 2] {
    let id = UserId(spread(number));
    let create = CreateUser {
        id,
        name: UserName::new("", &format!("u{number:07}")),
        display_name: format!("User {number}").into(),
        password: Some(Sealed::from(vec![3; 100])),
        must_change_password: false,
        foreign_password: false,
    };
    let token = CreateToken {
        id: TokenId(spread(number)),
        user: id,
        name: "phone".into(),
        kind: TokenKind::DEFAULT,
        secret: Sealed::from(vec![2; 64]),
        verified: true,
        counter: 0,
        expires_ms: None,
        hint: "".into(),
    };
    [Change::CreateUser(create), Change::CreateToken(token)]
}

fn administer(state: &mut State, request: u64, changes: Vec<Change>) {
    let mut fingerprint = [0; 16];
    fingerprint[..8].copy_from_slice(&request.to_be_bytes());
    let administer = Administer {
        request: Fingerprint(fingerprint),
        actor: Actor::Root { uid: 0 },
        node: NodeId(1),
        changes,
    };
    commit(state, &Command::Administer(administer));
}

fn commit(state: &mut State, command: &Command) {
    let outcome = apply(state, Level::FIRST, Stamp { ms: NOW_MS }, &command.to_bytes()).expect("decodable");
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
}

fn consume(state: &State, round: u64, users: u64) -> Vec<u8> {
    let number = round % users;
    let (user, token) = (UserId(spread(number)), TokenId(spread(number)));
    let user = state.user(user).expect("created");
    let token = state.token(token).expect("created");
    let client = state.client(CLIENT).expect("created");
    let application = state.application(APPLICATION).expect("created");
    let mut fingerprint = [0; 16];
    fingerprint[..8].copy_from_slice(&spread(round).to_be_bytes());
    let judged = Judged {
        recalled_ms: None,
        browser: None,
        fingerprint: Fingerprint(fingerprint),
        conversation: None,
        proof: None,
        client: CLIENT,
        client_revision: client.revision,
        application: APPLICATION,
        application_revision: application.revision,
        policy_revision: state.policy().revision,
        user: Some((user.id, user.revision)),
        absent: None,
        password_revision: None,
        received_ms: NOW_MS + round / 20,
        retention_ms: 120_000,
        facts: LoginFacts {
            user_name: format!("u{number:07}").as_bytes().into(),
            source: "192.0.2.1".parse().expect("an address"),
            calling_station_id: Some(b"00-11-22-33-44-55"[..].into()),
            nas_identifier: Some(b"vpn"[..].into()),
            node: NodeId(1),
            method: Method::PasscodeOnly,
            attributes: Box::default(),
        },
    };
    Command::ConsumeCode(ConsumeCode {
        judged,
        codes: [CodeProof {
            token: token.id,
            revision: token.revision,
            used: Use::Counter(otp::timestep(NOW_MS, 30)),
        }]
        .into(),
    })
    .to_bytes()
}

/// Processor time of this thread (Linux), so that neighbours do not count.
fn cpu_time() -> Duration {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(schedstat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0))
}

/// Resident memory of this process, in MB (Linux).
fn resident_mb() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4_096 / 1_048_576
}
