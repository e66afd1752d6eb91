//! Trusted devices from the login that leads to one to the administrator who ends it, at several nodes.

use std::sync::Arc;

use quorate_core::audit::{AuditRecord, Entry, LoginEntry};
use quorate_core::change::RevokeDevice;
use quorate_core::command::Administer;
use quorate_core::plan::Waiver;
use quorate_core::{Change, Client, Command, Factor, Fingerprint, Modes, NodeId, OtpAlgorithm, User, otp};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::*;
use crate::administer::{AdminError, ClientSpec, Material, NewUser, TokenSpec};
use crate::base32::parse_base32;
use crate::testing::{Fault, ROOT, World, secret};

const PASSWORD: &str = "Old horse, 1";

/// What a login from a browser shows; none for a login through RADIUS.
type Shown<'a> = Option<&'a str>;

/// A page in front of a cluster in which Alice and Bob have a password and a token each.
struct Page {
    world: World,
    nodes: [Authenticator; 2],
    client: Arc<Client>,
    alice: Arc<User>,
}

impl Page {
    async fn new() -> Self {
        let world = World::founded();
        let application = world.application("portal", &[Factor::Password, Factor::ANY_CODE]).await;
        let spec = ClientSpec {
            modes: Modes {
                one_step: true,
                two_step: true,
                passcode_only: false,
            },
            ..ClientSpec::new("page", vec!["192.0.2.0/24".to_owned()], application)
        };
        let (client, _) = world.admin.create_client(ROOT, spec, None).await.unwrap();
        for name in ["alice", "bob"] {
            let new = NewUser {
                name: name.to_owned(),
                password: Some(secret(PASSWORD)),
                token: Some(TokenSpec {
                    material: Material::Seed(Zeroizing::new(seed(name))),
                    ..TokenSpec::default()
                }),
                ..NewUser::default()
            };
            world.admin.create_user(ROOT, new).await.unwrap();
        }
        Self {
            nodes: [world.authenticator(), world.authenticator_at(NodeId(2))],
            alice: world.admin.find_user("alice").unwrap(),
            world,
            client,
        }
    }

    fn request(&self, user: &str, typed: &str, browser: Option<Shown<'_>>) -> AccessRequest {
        let mut packet = [0; 16];
        Entropy::fill(&*self.world.entropy, &mut packet);
        AccessRequest {
            client: self.client.clone(),
            user_name: user.as_bytes().to_vec(),
            password: Zeroizing::new(typed.as_bytes().to_vec()),
            state: None,
            fingerprint: Fingerprint(packet),
            source: "192.0.2.1".parse().unwrap(),
            calling_station_id: None,
            nas_identifier: None,
            attributes: Vec::new(),
            received: Instant::now(),
            received_ms: self.world.clock.now_ms(),
            browser: browser.map(|shown| PresentedBrowser {
                device: shown.map(secret),
            }),
        }
    }

    /// Types the password alone, from a browser that shows this.
    async fn with_password(&self, node: usize, user: &str, shown: Shown<'_>) -> Decision {
        let request = self.request(user, PASSWORD, Some(shown));
        self.nodes[node].authenticate(request).await.decision
    }

    /// Types password and code, and gives the login that was accepted.
    async fn by_code(&self, user: &str, browser: Option<Shown<'_>>) -> Fingerprint {
        self.world.clock.advance_ms(30_000);
        let step = otp::timestep(self.world.clock.now_ms(), 30);
        let code = otp::code_text(otp::hotp(OtpAlgorithm::Sha1, &seed(user), step, 6), 6);
        let request = self.request(user, &format!("{PASSWORD}{code}"), browser);
        let login = request.fingerprint;
        assert_eq!(self.nodes[0].authenticate(request).await.decision, Decision::Accept);
        login
    }

    async fn trust(&self, login: Fingerprint, presented: Shown<'_>) -> Result<TrustedDevice, TrustError> {
        let wish = DeviceWish {
            login,
            name: "Firefox on Linux".to_owned(),
            presented: presented.map(secret),
        };
        self.nodes[1].trust_device(wish).await
    }

    /// A device of a user, from the login on.
    async fn device(&self, user: &str) -> TrustedDevice {
        let login = self.by_code(user, Some(None)).await;
        self.trust(login, None).await.unwrap()
    }

    fn last_login(&self) -> LoginEntry {
        let leader = self.world.replica.leader();
        let (_, bytes) = leader.audit().open_records().last().unwrap();
        match AuditRecord::from_bytes(bytes).unwrap().entry {
            Entry::Login(login) => login,
            other => panic!("{other:?}"),
        }
    }
}

fn seed(user: &str) -> Vec<u8> {
    format!("{user:-<20}").into_bytes()
}

fn is_challenge(decision: &Decision) -> bool {
    matches!(decision, Decision::Challenge { .. })
}

#[tokio::test]
async fn a_browser_that_is_remembered_stands_for_the_code_at_every_node_and_for_nothing_else() {
    let page = Page::new().await;
    assert!(is_challenge(&page.with_password(0, "alice", None).await));
    let TrustedDevice { device, text } = page.device("alice").await;
    assert_eq!(
        (&*device.name, device.user, device.used_ms),
        ("Firefox on Linux", page.alice.id, None)
    );

    for node in [0, 1] {
        assert_eq!(page.with_password(node, "alice", Some(&text)).await, Decision::Accept);
        let login = page.last_login();
        assert_eq!((login.waiver, login.device), (Some(Waiver::Device), Some(device.id)));
    }
    assert!(page.world.replica.leader().device(device.id).unwrap().used_ms.is_some());

    let wrong = page.request("alice", "no", Some(Some(&text)));
    assert!(matches!(
        page.nodes[0].authenticate(wrong).await.decision,
        Decision::Reject(_)
    ));
    let mut guessed = text.to_string();
    guessed.replace_range(text.len() - 9..text.len() - 1, "AAAAAAAA");
    for shown in [None, Some(""), Some("qbd1-0-A"), Some(&*guessed)] {
        assert!(is_challenge(&page.with_password(0, "alice", shown).await), "{shown:?}");
    }
    assert!(is_challenge(&page.with_password(0, "bob", Some(&text)).await));
}

#[tokio::test]
async fn what_the_browser_keeps_is_nowhere_in_the_log_nor_in_the_state() {
    let page = Page::new().await;
    page.world.replica.take_commands();
    let TrustedDevice { text, .. } = page.device("alice").await;
    page.with_password(0, "alice", Some(&text)).await;
    let secret = parse_base32(text.rsplit_once('-').unwrap().1).unwrap();
    let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == &**secret);
    let commands = page.world.replica.take_commands();
    assert!(
        commands
            .iter()
            .any(|command| matches!(command, Command::TrustDevice(_)))
    );
    assert!(!commands.iter().any(|command| holds(&command.to_bytes())));
    assert!(!page.world.replica.leader().rows().any(|(_, value)| holds(&value)));
}

#[tokio::test]
async fn nothing_is_trusted_but_once_and_after_a_code_from_a_browser() {
    let page = Page::new().await;
    let refused = |trusted: Result<TrustedDevice, TrustError>| matches!(trusted, Err(TrustError::NotNow));
    assert!(refused(page.trust(Fingerprint([9; 16]), None).await));
    let radius = page.by_code("alice", None).await;
    assert!(refused(page.trust(radius, None).await));

    let login = page.by_code("alice", Some(None)).await;
    let long = DeviceWish {
        login,
        name: "x".repeat(129),
        presented: None,
    };
    assert!(matches!(page.nodes[0].trust_device(long).await, Err(TrustError::Name(errors)) if errors.len() == 1));
    let device = page.trust(login, None).await.unwrap();
    assert!(refused(page.trust(login, None).await));

    let waived = page.request("alice", PASSWORD, Some(Some(&device.text)));
    let by_device = waived.fingerprint;
    assert_eq!(page.nodes[0].authenticate(waived).await.decision, Decision::Accept);
    assert!(refused(page.trust(by_device, None).await));
    assert_eq!(page.world.replica.leader().device_count(), 1);
}

/// An answer that is lost makes no second device, and none that nobody has the secret of.
#[tokio::test]
async fn a_lost_answer_makes_one_device() {
    let page = Page::new().await;
    let login = page.by_code("alice", Some(None)).await;
    page.world
        .replica
        .fail_next([Fault::LostBefore, Fault::LostAfter, Fault::NoLeader]);
    let trusted = page.trust(login, None).await.unwrap();
    assert_eq!(page.world.replica.leader().device_count(), 1);
    assert_eq!(
        page.with_password(0, "alice", Some(&trusted.text)).await,
        Decision::Accept
    );
}

#[tokio::test]
async fn a_browser_is_one_users() {
    let page = Page::new().await;
    let alices = page.device("alice").await;
    // Logging in evicts nobody; being remembered does.
    let login = page.by_code("bob", Some(Some(&alices.text))).await;
    assert_eq!(
        page.with_password(0, "alice", Some(&alices.text)).await,
        Decision::Accept
    );
    let bobs = page.trust(login, Some(&alices.text)).await.unwrap();
    assert!(is_challenge(&page.with_password(0, "alice", Some(&alices.text)).await));
    assert_eq!(page.with_password(0, "bob", Some(&bobs.text)).await, Decision::Accept);
}

/// A node that has not heard of a revocation leaves nothing out: its verdict is stale, and it asks for the code then.
#[tokio::test]
async fn a_node_that_is_behind_waives_nothing_that_was_revoked() {
    let page = Page::new().await;
    let trusted = page.device("alice").await;
    page.world.replica.fall_behind();
    page.world.replica.commit(&Command::Administer(Administer {
        request: Fingerprint([8; 16]),
        actor: ROOT,
        node: NodeId(2),
        changes: vec![Change::RevokeDevice(RevokeDevice {
            device: trusted.device.id,
        })],
    }));
    assert!(
        page.nodes[0].replica.state().device(trusted.device.id).is_some(),
        "it is behind"
    );
    assert!(is_challenge(&page.with_password(0, "alice", Some(&trusted.text)).await));
}

/// The same request, once its device is revoked, is let in no more: what is remembered of it is void.
#[tokio::test]
async fn administrators_end_the_trust_in_one_device_and_in_all() {
    let page = Page::new().await;
    let (first, second) = (page.device("alice").await, page.device("alice").await);
    let again = || {
        let mut request = page.request("alice", PASSWORD, Some(Some(&first.text)));
        request.fingerprint = Fingerprint([7; 16]);
        request
    };
    assert_eq!(page.nodes[0].authenticate(again()).await.decision, Decision::Accept);
    let admin = &page.world.admin;
    admin.revoke_device(ROOT, first.device.id).await.unwrap();
    assert!(!matches!(
        page.nodes[1].authenticate(again()).await.decision,
        Decision::Accept
    ));
    let gone = admin.revoke_device(ROOT, first.device.id).await;
    assert!(matches!(gone, Err(AdminError::NotFound { what: "device" })));
    assert_eq!(
        page.with_password(0, "alice", Some(&second.text)).await,
        Decision::Accept
    );
    admin.revoke_devices(ROOT, page.alice.id, None).await.unwrap();
    assert!(is_challenge(&page.with_password(0, "alice", Some(&second.text)).await));
}

#[tokio::test]
async fn a_login_that_is_passed_on_takes_its_device_along() {
    let page = Page::new().await;
    let trusted = page.device("alice").await;
    page.world
        .replica
        .get_neighbour(Arc::new(page.world.authenticator_at(NodeId(2))));
    page.world.replica.lose_time();
    let login = page.by_code("bob", Some(None)).await;
    assert_eq!(
        page.with_password(0, "alice", Some(&trusted.text)).await,
        Decision::Accept
    );
    assert!(page.trust(login, None).await.is_ok(), "it was from a browser there too");
}
