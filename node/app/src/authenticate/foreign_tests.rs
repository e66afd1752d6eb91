//! Users whose passwords another product hashed: imported, logging in, and then as anybody's.

use std::sync::Arc;
use std::time::Duration;

use quorate_core::{Command, Factor, Fingerprint, Modes, Outcome, Reason, Refusal, User};
use quorate_seal::{ForeignHash, ForeignScheme};
use tokio::time::{Instant, timeout};
use zeroize::Zeroizing;

use super::{AccessRequest, Authenticator, Decision};
use crate::administer::{AdminError, ClientSpec, ImportRow, ImportedPassword, ImportedUser, OwnPasswordChange};
use crate::ports::{Clock, Entropy, Replica};
use crate::testing::{ROOT, World, secret};

/// `{SSHA}` of slappasswd.
const PASSWORD: &str = "Grün-7-Tee";
const SALT: [u8; 4] = [0x63, 0xb4, 0xfb, 0x52];
const DIGEST: [u8; 20] = [
    0x8b, 0x2e, 0x33, 0x68, 0xc1, 0xf1, 0x54, 0xfa, 0xf2, 0xc2, 0x6c, 0xa7, 0x53, 0xd3, 0xa1, 0x77, 0x8b, 0xc5, 0x98,
    0xcf,
];

struct Gate {
    world: World,
    nodes: [Authenticator; 3],
    client: Arc<quorate_core::Client>,
}

impl Gate {
    /// Alice, whose password a directory hashed, behind a client that asks for it alone.
    async fn new() -> Self {
        let world = World::founded();
        let application = world.application("vpn", &[Factor::Password]).await;
        let spec = ClientSpec {
            modes: Modes {
                one_step: true,
                two_step: false,
                passcode_only: false,
            },
            ..ClientSpec::new("gateway", vec!["192.0.2.0/24".to_owned()], application)
        };
        let (client, _) = world.admin.create_client(ROOT, spec, None).await.unwrap();
        let hash = ForeignHash::new(ForeignScheme::Sha1, 0, &SALT, Zeroizing::new(DIGEST.to_vec())).unwrap();
        let alice = ImportRow::User(ImportedUser {
            name: "alice".to_owned(),
            password: Some(ImportedPassword::Foreign(hash)),
            ..ImportedUser::default()
        });
        let import = world.admin.begin_import(ROOT).unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let gathered = world
            .admin
            .gather_rows(ROOT, &import, (vec![alice], 0), false, deadline);
        gathered.await.unwrap();
        world.admin.commit_import(ROOT, &import, false).await.unwrap();
        Self {
            nodes: [world.authenticator(), world.authenticator(), world.authenticator()],
            world,
            client,
        }
    }

    async fn ask(&self, node: usize, typed: &str) -> Decision {
        let mut packet = [0; 16];
        Entropy::fill(&*self.world.entropy, &mut packet);
        let access = AccessRequest {
            client: self.client.clone(),
            user_name: b"alice".to_vec(),
            password: Zeroizing::new(typed.as_bytes().to_vec()),
            state: None,
            fingerprint: Fingerprint(packet),
            source: "192.0.2.1".parse().unwrap(),
            calling_station_id: None,
            nas_identifier: None,
            attributes: Vec::new(),
            browser: None,
            received: Instant::now(),
            received_ms: self.world.clock.now_ms(),
        };
        self.nodes[node].authenticate(access).await.decision
    }

    fn alice(&self) -> Arc<User> {
        self.world.admin.find_user("alice").unwrap()
    }

    /// Waits until a verifier of our own is there.
    async fn replaced(&self) -> Arc<User> {
        let mut applied = self.world.replica.applied();
        let waited = timeout(Duration::from_secs(60), async {
            while self.alice().foreign_password {
                applied.changed().await.unwrap();
            }
        });
        waited.await.expect("nobody replaced it");
        self.alice()
    }
}

const WRONG: Decision = Decision::Reject(Reason::WrongPassword);

#[tokio::test]
async fn a_right_password_is_kept_as_argon2id_from_then_on_and_a_wrong_one_changes_nothing() {
    let gate = Gate::new().await;
    let before = gate.alice();
    assert!(before.foreign_password);
    assert_eq!(gate.ask(0, "Grün-7-Te").await, WRONG);
    assert_eq!(gate.alice(), before, "by a wrong password nothing is replaced");
    assert_eq!(gate.ask(1, PASSWORD).await, Decision::Accept);
    let after = gate.replaced().await;
    assert_ne!(after.password, before.password);
    assert_eq!(
        (after.password_revision, after.revision, &after.former_passwords),
        (before.password_revision, before.revision, &before.former_passwords),
        "it is the same password"
    );
    for node in 0..3 {
        assert_eq!(gate.ask(node, PASSWORD).await, Decision::Accept, "node {node}");
    }
    assert_eq!(gate.ask(2, "Grün-7-Te").await, WRONG);
    let rehashed = |command: &Command| matches!(command, Command::RehashPassword(_));
    let commands = gate.world.replica.take_commands();
    assert_eq!(commands.iter().filter(|command| rehashed(command)).count(), 1);
}

/// What takes another time from then on would tell that the password was right.
#[tokio::test]
async fn a_right_password_in_a_login_that_is_rejected_is_not_replaced() {
    let gate = Gate::new().await;
    let alice = gate.alice().id;
    gate.world.admin.disable_user(ROOT, alice, None).await.unwrap();
    let refused = Decision::Reject(Reason::UserDisabled);
    assert_eq!(gate.ask(0, PASSWORD).await, refused);
    // Whatever was queued then is through before these are.
    for node in 0..3 {
        assert_eq!(gate.ask(node, "Grün-7-Te").await, WRONG);
    }
    assert!(gate.alice().foreign_password);
    gate.world.admin.enable_user(ROOT, alice, None).await.unwrap();
    assert_eq!(gate.ask(0, PASSWORD).await, Decision::Accept);
    gate.replaced().await;
}

#[tokio::test]
async fn a_change_that_came_first_wins() {
    let gate = Gate::new().await;
    assert_eq!(gate.ask(0, PASSWORD).await, Decision::Accept);
    gate.replaced().await;
    let commands = gate.world.replica.take_commands();
    let late = commands
        .iter()
        .find(|command| matches!(command, Command::RehashPassword(_)));
    let alice = gate.alice().id;
    let new = secret("New horse, 2");
    let set = gate.world.admin.set_password(ROOT, alice, None, Some(new), false);
    let set = set.await.unwrap();
    let refused = gate.world.replica.commit(late.unwrap()).outcome;
    assert_eq!(refused, Outcome::Refused(Refusal::Stale));
    assert_eq!(gate.alice(), set);
    assert_eq!(gate.ask(0, PASSWORD).await, WRONG);
}

/// The former product's hash is as much a password of the user as any: it is in the history, and proves who changes it.
#[tokio::test]
async fn a_foreign_password_can_be_changed_and_not_be_taken_again() {
    let gate = Gate::new().await;
    let change = |old: &str, new: &str| OwnPasswordChange {
        name: "alice".to_owned(),
        old: secret(old),
        new: secret(new),
        source: "192.0.2.7".parse().unwrap(),
    };
    let wrong = gate
        .world
        .admin
        .change_own_password(change("Grün-7-Te", "New horse, 2"))
        .await;
    assert!(matches!(wrong, Err(AdminError::WrongPassword)), "{wrong:?}");
    let right = gate
        .world
        .admin
        .change_own_password(change(PASSWORD, "New horse, 2"))
        .await;
    let right = right.unwrap();
    assert_eq!((right.foreign_password, right.former_passwords.len()), (false, 1));
    let again = gate
        .world
        .admin
        .change_own_password(change("New horse, 2", PASSWORD))
        .await;
    assert!(matches!(again, Err(AdminError::Invalid(_))), "{again:?}");
}

#[tokio::test]
async fn what_a_former_product_hashed_is_not_taken_along() {
    let gate = Gate::new().await;
    let before = gate.world.admin.state().audit().next_seq();
    let taken = gate.world.admin.export_users(ROOT, None, true).await.unwrap();
    assert!(taken[0].verifier.is_none() && taken[0].user.foreign_password);
    let after = gate.world.admin.state().audit().next_seq();
    assert_eq!(after, before + 1, "a user was given, and no password");
    assert_eq!(gate.ask(0, PASSWORD).await, Decision::Accept);
    gate.replaced().await;
    let taken = gate.world.admin.export_users(ROOT, None, true).await.unwrap();
    assert!(taken[0].verifier.is_some());
}
