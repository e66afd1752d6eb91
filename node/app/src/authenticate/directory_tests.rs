#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use quorate_core::{Directory, Factor, Failure, Fingerprint, Modes, Reason, User};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{AccessRequest, Authenticator, Decision, Silence};
use crate::administer::{AdminError, ClientSpec, DirectorySpec, NewUser};
use crate::ports::Clock;
use crate::testing::{ROOT, World};

struct Office {
    world: World,
    node: Authenticator,
    directory: Arc<Directory>,
    client: Arc<quorate_core::Client>,
}

impl Office {
    async fn new() -> Self {
        let world = World::founded();
        let application = world.application("vpn", &[Factor::Password]).await;
        let spec = ClientSpec {
            modes: Modes {
                one_step: false,
                two_step: true,
                passcode_only: false,
            },
            ..ClientSpec::new("gateway", vec!["192.0.2.0/24".to_owned()], application)
        };
        let (client, _) = world.admin.create_client(ROOT, spec, None).await.unwrap();
        let spec = DirectorySpec {
            name: "office".to_owned(),
            domain: "Example.ORG".to_owned(),
            settings: Zeroizing::new(b"ldap".to_vec()),
        };
        let directory = world.admin.create_directory(ROOT, spec).await.unwrap();
        Self {
            node: world.authenticator(),
            world,
            directory,
            client,
        }
    }

    async fn ask(&self, name: &str, password: &str) -> Decision {
        let mut packet = [0; 16];
        crate::ports::Entropy::fill(&*self.world.entropy, &mut packet);
        let access = AccessRequest {
            client: self.client.clone(),
            user_name: name.as_bytes().to_vec(),
            password: Zeroizing::new(password.as_bytes().to_vec()),
            state: None,
            fingerprint: Fingerprint(packet),
            source: "192.0.2.1".parse().unwrap(),
            calling_station_id: None,
            nas_identifier: None,
            attributes: Vec::new(),
            received: Instant::now(),
            received_ms: self.world.clock.now_ms(),
        };
        self.node.authenticate(access).await.decision
    }

    fn user(&self, name: &str) -> Option<Arc<User>> {
        let name = self.world.admin.names().fold(name).unwrap();
        self.world.replica.leader().user_by_name(&name).cloned()
    }
}

#[tokio::test]
async fn a_person_becomes_a_user_at_the_first_right_password_and_is_asked_about_once() {
    let office = Office::new().await;
    let directories = &office.world.directories;
    directories.put("alice", "pw", None);
    assert_eq!(
        office.ask("alice@example.org", "no").await,
        Decision::Reject(Reason::UnknownUser)
    );
    assert!(office.user("alice@example.org").is_none());
    directories.asked.lock().clear();

    assert_eq!(office.ask("Alice@Example.ORG", "pw").await, Decision::Accept);
    assert_eq!(
        *directories.asked.lock(),
        ["alice"],
        "the second judgement asks nobody again"
    );
    let alice = office.user("alice@example.org").unwrap();
    let origin = alice.origin.as_ref().unwrap();
    assert_eq!(origin.directory, office.directory.id);
    assert_eq!(*origin.groups, ["staff".into(), "vpn".into()]);

    let revision = office.world.replica.leader().revision();
    assert_eq!(office.ask("alice@example.org", "pw").await, Decision::Accept);
    assert_eq!(
        office.world.replica.leader().revision(),
        revision,
        "nothing new, nothing written"
    );
}

#[tokio::test]
async fn what_a_directory_says_is_the_reason_and_one_that_is_silent_makes_the_node_silent() {
    let office = Office::new().await;
    let directories = &office.world.directories;
    directories.put("bob", "pw", None);
    assert_eq!(office.ask("bob@example.org", "pw").await, Decision::Accept);
    directories.put("bob", "pw", Some(Failure::LockedInDirectory));
    assert_eq!(
        office.ask("bob@example.org", "pw").await,
        Decision::Reject(Reason::LockedInDirectory)
    );
    assert_eq!(
        office.ask("bob@example.org", "no").await,
        Decision::Reject(Reason::WrongPassword)
    );
    *directories.is_down.lock() = true;
    assert_eq!(
        office.ask("bob@example.org", "pw").await,
        Decision::Silent(Silence::Directory)
    );
    let local = NewUser {
        name: "carol".to_owned(),
        password: Some(Zeroizing::new("mine".to_owned())),
        ..NewUser::default()
    };
    office.world.admin.create_user(ROOT, local).await.unwrap();
    assert_eq!(
        office.ask("carol", "mine").await,
        Decision::Accept,
        "nobody's outage but its own"
    );
}

#[tokio::test]
async fn a_local_user_of_the_same_name_stays_who_it_is() {
    let office = Office::new().await;
    office.world.directories.put("dan", "theirs", None);
    let local = NewUser {
        name: "dan@example.org".to_owned(),
        password: Some(Zeroizing::new("mine".to_owned())),
        ..NewUser::default()
    };
    office.world.admin.create_user(ROOT, local).await.unwrap();
    assert_eq!(office.ask("dan@example.org", "mine").await, Decision::Accept);
    assert_eq!(
        office.ask("dan@example.org", "theirs").await,
        Decision::Reject(Reason::WrongPassword)
    );
    let report = office
        .world
        .admin
        .sync_directory(&office.directory, false)
        .await
        .unwrap();
    assert_eq!((report.seen, report.created, report.refused.len()), (1, 0, 1));
}

#[tokio::test]
async fn a_synchronisation_creates_updates_and_parts_and_takes_nobody_for_gone_in_an_outage() {
    let office = Office::new().await;
    let (admin, directories) = (&office.world.admin, &office.world.directories);
    for name in ["erin", "frank", "grace"] {
        directories.put(name, "pw", None);
    }
    let look = admin.sync_directory(&office.directory, true).await.unwrap();
    assert_eq!((look.seen, look.created, look.updated, look.gone), (3, 3, 0, 0));
    assert!(office.user("erin@example.org").is_none(), "a look changes nothing");
    let first = admin.sync_directory(&office.directory, false).await.unwrap();
    assert_eq!((first.created, first.updated), (3, 0));
    let again = admin.sync_directory(&office.directory, false).await.unwrap();
    assert_eq!((again.created, again.updated, again.gone), (0, 0, 0));

    *directories.is_down.lock() = true;
    let failed = admin.sync_directory(&office.directory, false).await;
    assert!(matches!(failed, Err(AdminError::Directory(_))), "{failed:?}");
    assert!(office.user("erin@example.org").unwrap().is_active());
    *directories.is_down.lock() = false;

    directories.part_with("frank");
    let parted = admin.sync_directory(&office.directory, false).await.unwrap();
    assert_eq!((parted.seen, parted.gone), (2, 1));
    assert!(!office.user("frank@example.org").unwrap().is_active());
    directories.put("frank", "pw", None);
    let back = admin.sync_directory(&office.directory, false).await.unwrap();
    assert_eq!((back.updated, back.gone), (1, 0));
    assert_eq!(office.ask("frank@example.org", "pw").await, Decision::Accept);
}

#[tokio::test]
async fn what_a_directory_owns_is_changed_there() {
    let office = Office::new().await;
    office.world.directories.put("heidi", "pw", None);
    office
        .world
        .admin
        .sync_directory(&office.directory, false)
        .await
        .unwrap();
    let heidi = office.user("heidi@example.org").unwrap().id;
    let set = office
        .world
        .admin
        .set_password(ROOT, heidi, None, Some(Zeroizing::new("mine".to_owned())))
        .await;
    assert!(matches!(set, Err(AdminError::OfDirectory)), "{set:?}");
    let bad = DirectorySpec {
        name: String::new(),
        domain: "a@b".to_owned(),
        settings: Zeroizing::default(),
    };
    let Err(AdminError::Invalid(errors)) = office.world.admin.create_directory(ROOT, bad).await else {
        panic!("a directory like this was created");
    };
    let fields: Vec<&str> = errors.iter().map(|error| &*error.field).collect();
    assert_eq!(fields, ["name", "domain", "settings.base"]);
}
