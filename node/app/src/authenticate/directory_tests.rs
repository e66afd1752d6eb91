#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use quorate_core::{Command, Directory, Factor, Failure, Fingerprint, Modes, Reason, User, UserName};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{AccessRequest, Authenticator, Decision, Silence};
use crate::administer::{AdminError, ClientSpec, DirectorySpec, NewUser, SyncOrder, SyncReport};
use crate::outages::{Notice, WatchedDirectories};
use crate::ports::Clock;
use crate::testing::{ROOT, World};

const LOOK: SyncOrder = SyncOrder {
    only_look: true,
    allow_leavers: None,
};

pub(super) struct Office {
    pub world: World,
    node: Authenticator,
    directory: Arc<Directory>,
    client: Arc<quorate_core::Client>,
}

impl Office {
    pub async fn new() -> Self {
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
            aliases: vec!["OFFICE".to_owned()],
            is_default: false,
            remember_h: 0,
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
        self.ask_at(&self.node, name, password, None).await
    }

    pub async fn ask_at(&self, node: &Authenticator, name: &str, typed: &str, state: Option<&[u8]>) -> Decision {
        let mut packet = [0; 16];
        crate::ports::Entropy::fill(&*self.world.entropy, &mut packet);
        let access = AccessRequest {
            client: self.client.clone(),
            user_name: name.as_bytes().to_vec(),
            password: Zeroizing::new(typed.as_bytes().to_vec()),
            state: state.map(<[u8]>::to_vec),
            fingerprint: Fingerprint(packet),
            source: "192.0.2.1".parse().unwrap(),
            calling_station_id: None,
            nas_identifier: None,
            attributes: Vec::new(),
            received: Instant::now(),
            received_ms: self.world.clock.now_ms(),
            browser: None,
        };
        node.authenticate(access).await.decision
    }

    async fn sync(&self, order: SyncOrder) -> Result<SyncReport, AdminError> {
        self.world.admin.sync_directory(&self.directory, order).await
    }

    /// `{stem}1@example.org` and so on are users.
    async fn hire(&self, stem: &str, count: usize) {
        for number in 1..=count {
            self.world.directories.put(&format!("{stem}{number}"), "pw", None);
        }
        assert_eq!(self.sync(SyncOrder::default()).await.unwrap().created, count as u64);
    }

    fn active(&self) -> usize {
        let state = self.world.replica.leader();
        let users = state.people_of(self.directory.id);
        users.filter(|user| user.is_active()).count()
    }

    pub fn user(&self, name: &str) -> Option<Arc<User>> {
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
        password: Some(Zeroizing::new("Mine is 4 this".to_owned())),
        ..NewUser::default()
    };
    office.world.admin.create_user(ROOT, local).await.unwrap();
    assert_eq!(
        office.ask("carol", "Mine is 4 this").await,
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
        password: Some(Zeroizing::new("Mine is 4 this".to_owned())),
        ..NewUser::default()
    };
    office.world.admin.create_user(ROOT, local).await.unwrap();
    assert_eq!(office.ask("dan@example.org", "Mine is 4 this").await, Decision::Accept);
    assert_eq!(
        office.ask("dan@example.org", "theirs").await,
        Decision::Reject(Reason::WrongPassword)
    );
    let report = office.sync(SyncOrder::default()).await.unwrap();
    assert_eq!((report.seen, report.created, report.refused.len()), (1, 0, 1));
}

#[tokio::test]
async fn a_synchronisation_creates_updates_and_parts_and_takes_nobody_for_gone_in_an_outage() {
    let office = Office::new().await;
    let (now, directories) = (SyncOrder::default(), &office.world.directories);
    for name in ["erin", "frank", "grace"] {
        directories.put(name, "pw", None);
    }
    let look = office.sync(LOOK).await.unwrap();
    assert_eq!((look.seen, look.created, look.updated, look.gone), (3, 3, 0, 0));
    assert!(office.user("erin@example.org").is_none(), "a look changes nothing");
    let first = office.sync(now).await.unwrap();
    assert_eq!((first.created, first.updated), (3, 0));
    let again = office.sync(now).await.unwrap();
    assert_eq!((again.created, again.updated, again.gone), (0, 0, 0));

    *directories.is_down.lock() = true;
    let failed = office.sync(now).await;
    assert!(matches!(failed, Err(AdminError::Directory(_))), "{failed:?}");
    assert!(office.user("erin@example.org").unwrap().is_active());
    *directories.is_down.lock() = false;

    directories.part_with("frank");
    let parted = office.sync(now).await.unwrap();
    assert_eq!((parted.seen, parted.gone), (2, 1));
    assert!(!office.user("frank@example.org").unwrap().is_active());
    directories.put("frank", "pw", None);
    let back = office.sync(now).await.unwrap();
    assert_eq!((back.updated, back.gone), (1, 0));
    assert_eq!(office.ask("frank@example.org", "pw").await, Decision::Accept);
}

#[tokio::test]
async fn what_a_directory_owns_is_changed_there() {
    let office = Office::new().await;
    office.world.directories.put("heidi", "pw", None);
    office.sync(SyncOrder::default()).await.unwrap();
    let heidi = office.user("heidi@example.org").unwrap().id;
    let set = office
        .world
        .admin
        .set_password(
            ROOT,
            heidi,
            None,
            Some(Zeroizing::new("Mine is 4 this".to_owned())),
            false,
        )
        .await;
    assert!(matches!(set, Err(AdminError::OfDirectory)), "{set:?}");
    let bad = DirectorySpec {
        name: String::new(),
        domain: "a@b".to_owned(),
        aliases: vec!["Example.com".to_owned(), "c\\d".to_owned()],
        is_default: false,
        remember_h: 0,
        settings: Zeroizing::default(),
    };
    let Err(AdminError::Invalid(errors)) = office.world.admin.create_directory(ROOT, bad).await else {
        panic!("a directory like this was created");
    };
    let fields: Vec<&str> = errors.iter().map(|error| &*error.field).collect();
    assert_eq!(fields, ["name", "domain", "aliases[1]", "settings.base"]);
}

#[tokio::test]
async fn a_domain_has_further_names_and_may_be_meant_by_names_without_one() {
    let office = Office::new().await;
    office.world.directories.put("alice", "pw", None);
    assert_eq!(office.ask("OFFICE\\Alice", "pw").await, Decision::Accept);
    let alice = office
        .user("alice@example.org")
        .expect("a user of the domain's own name");
    assert_eq!(office.world.admin.find_user("alice@office").unwrap().id, alice.id);
    assert!(office.world.admin.find_user("alice").is_err());
    assert_eq!(office.ask("alice", "pw").await, Decision::Reject(Reason::UnknownUser));

    let default = DirectorySpec {
        name: "office".to_owned(),
        domain: String::new(),
        aliases: Vec::new(),
        is_default: true,
        remember_h: 0,
        settings: Zeroizing::new(b"ldap".to_vec()),
    };
    let admin = &office.world.admin;
    admin
        .change_directory(ROOT, office.directory.id, None, default)
        .await
        .unwrap();
    assert_eq!(office.ask("alice", "pw").await, Decision::Accept);
    assert_eq!(admin.find_user("Alice").unwrap().id, alice.id);
    assert_eq!(
        office.ask("OFFICE\\alice", "pw").await,
        Decision::Reject(Reason::UnknownUser)
    );
}

/// Has right passwords remembered for so many hours.
async fn remember(office: &Office, hours: u16) {
    let spec = DirectorySpec {
        name: "office".to_owned(),
        domain: String::new(),
        aliases: Vec::new(),
        is_default: false,
        remember_h: hours,
        settings: Zeroizing::new(b"ldap".to_vec()),
    };
    let changed = office
        .world
        .admin
        .change_directory(ROOT, office.directory.id, None, spec)
        .await;
    changed.unwrap();
}

fn remembered(office: &Office) -> usize {
    let commands = office.world.replica.take_commands();
    let remembering = |command: &&Command| matches!(command, Command::RememberPassword(_));
    commands.iter().filter(remembering).count()
}

#[tokio::test]
async fn what_is_remembered_is_asked_while_the_directory_is_down_and_for_so_long_only() {
    let office = Office::new().await;
    let (directories, clock) = (&office.world.directories, &office.world.clock);
    let down = |is: bool| *directories.is_down.lock() = is;
    let silent = Decision::Silent(Silence::Directory);
    directories.put("alice", "pw", None);
    assert_eq!(office.ask("alice@example.org", "pw").await, Decision::Accept);
    down(true);
    assert_eq!(
        office.ask("alice@example.org", "pw").await,
        silent,
        "nothing is remembered unless that is asked for"
    );
    down(false);
    remember(&office, 8).await;
    remembered(&office);
    for _ in 0..3 {
        assert_eq!(office.ask("alice@example.org", "pw").await, Decision::Accept);
    }
    assert_eq!(remembered(&office), 1, "written once");
    down(true);
    assert_eq!(office.ask("alice@example.org", "pw").await, Decision::Accept);
    assert_eq!(
        office.ask("alice@example.org", "no").await,
        Decision::Reject(Reason::WrongPassword)
    );
    assert_eq!(
        office.ask("bob@example.org", "pw").await,
        silent,
        "nobody is remembered who was not there"
    );
    clock.advance_ms(8 * 3_600_000);
    assert_eq!(office.ask("alice@example.org", "pw").await, silent, "too long ago");

    // Another password that is right takes its place.
    down(false);
    directories.put("alice", "new", None);
    assert_eq!(office.ask("alice@example.org", "new").await, Decision::Accept);
    directories.put("alice", "newer", None);
    assert_eq!(office.ask("alice@example.org", "newer").await, Decision::Accept);
    assert_eq!(remembered(&office), 2);
    clock.advance_ms(2 * 3_600_000);
    assert_eq!(office.ask("alice@example.org", "newer").await, Decision::Accept);
    assert_eq!(remembered(&office), 1, "again after a quarter of the time");
    down(true);
    assert_eq!(
        office.ask("alice@example.org", "new").await,
        Decision::Reject(Reason::WrongPassword)
    );
    assert_eq!(office.ask("alice@example.org", "newer").await, Decision::Accept);
    office
        .world
        .admin
        .forget_passwords(ROOT, office.directory.id, None)
        .await
        .unwrap();
    assert_eq!(office.ask("alice@example.org", "newer").await, silent, "forgotten");
}

#[tokio::test]
async fn who_is_not_let_in_is_not_let_in_by_memory_either() {
    let office = Office::new().await;
    remember(&office, 24).await;
    let directories = &office.world.directories;
    let down = |is: bool| *directories.is_down.lock() = is;
    office.hire("p", 3).await;
    for name in ["p1", "p2", "p3"] {
        assert_eq!(office.ask(&format!("{name}@example.org"), "pw").await, Decision::Accept);
    }
    let p1 = office.user("p1@example.org").unwrap().id;
    office.world.admin.disable_user(ROOT, p1, None).await.unwrap();
    directories.part_with("p2");
    office.sync(SyncOrder::default()).await.unwrap();
    // The directory has closed this account, and the login says so before any synchronisation does.
    directories.put("p3", "pw", Some(Failure::DisabledInDirectory));
    let closed = Decision::Reject(Reason::DisabledInDirectory);
    assert_eq!(office.ask("p3@example.org", "pw").await, closed);
    down(true);
    let silent = Decision::Silent(Silence::Directory);
    assert_eq!(office.ask("p1@example.org", "pw").await, silent);
    assert_eq!(office.ask("p2@example.org", "pw").await, closed);
    assert_eq!(office.ask("p3@example.org", "pw").await, silent);
    office.world.admin.enable_user(ROOT, p1, None).await.unwrap();
    assert_eq!(office.ask("p1@example.org", "pw").await, silent, "a disable forgets");
}

#[tokio::test]
async fn a_list_that_breaks_off_parts_with_nobody() {
    let office = Office::new().await;
    office.hire("p", 8).await;
    let directories = &office.world.directories;
    for after in [0, 1, 7] {
        *directories.breaks_off_after.lock() = Some(after);
        let failed = office.sync(SyncOrder::default()).await;
        assert!(matches!(failed, Err(AdminError::Directory(_))), "{failed:?}");
        let allowed = SyncOrder {
            allow_leavers: Some(8),
            ..SyncOrder::default()
        };
        assert!(office.sync(allowed).await.is_err(), "whatever is allowed");
        assert_eq!(office.active(), 8);
    }
    *directories.breaks_off_after.lock() = None;
    directories.part_with("p3");
    assert_eq!(office.sync(SyncOrder::default()).await.unwrap().gone, 1);
}

#[tokio::test]
async fn a_synchronisation_that_would_part_with_many_says_how_many_and_waits_to_be_told() {
    let office = Office::new().await;
    office.hire("p", 60).await;
    let directories = &office.world.directories;
    // A fifth may go: 12 of 60, one of them by a closed account.
    (1..=11).for_each(|number| directories.part_with(&format!("p{number}")));
    directories.change("p12", |person| person.active = false);
    let parted = office.sync(SyncOrder::default()).await.unwrap();
    assert_eq!((parted.gone, parted.gone_allowed, parted.updated), (12, 12, 0));
    assert!(!office.user("p12@example.org").unwrap().is_active());

    (13..=22).for_each(|number| directories.part_with(&format!("p{number}")));
    directories.put("new", "pw", None);
    directories.change("p23", |person| person.active = false);
    let refused = office.sync(SyncOrder::default()).await.unwrap_err();
    assert!(
        matches!(
            refused,
            AdminError::TooManyLeave {
                leaving: 11,
                of: 48,
                allowed: 10
            }
        ),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("11 of 48"), "{refused}");
    assert_eq!(office.active(), 49, "nobody left, and who is new is there");
    let look = office.sync(LOOK).await.unwrap();
    assert_eq!((look.gone, look.gone_allowed), (11, 10), "a look says so");

    let allow = |leavers| SyncOrder {
        allow_leavers: Some(leavers),
        ..SyncOrder::default()
    };
    assert!(office.sync(allow(10)).await.is_err(), "one too few");
    assert_eq!(office.sync(allow(11)).await.unwrap().gone, 11);
    assert_eq!(office.active(), 38);
}

#[tokio::test]
async fn a_directory_that_shows_nobody_parts_with_nobody() {
    let office = Office::new().await;
    office.hire("p", 2).await;
    office.world.directories.part_with("p1");
    office.world.directories.part_with("p2");
    let refused = office.sync(SyncOrder::default()).await;
    assert!(
        matches!(
            refused,
            Err(AdminError::TooManyLeave {
                leaving: 2,
                allowed: 0,
                ..
            })
        ),
        "{refused:?}"
    );
    let allowed = SyncOrder {
        allow_leavers: Some(2),
        ..SyncOrder::default()
    };
    assert_eq!(office.sync(allowed).await.unwrap().gone, 2);
}

#[tokio::test]
async fn people_who_cannot_be_users_are_named_and_stop_nobody_else() {
    let office = Office::new().await;
    let directories = &office.world.directories;
    office.hire("p", 3).await;
    // A twin by another spelling, a name that is none, and a rename to a name that a local user has.
    directories.put("q", "pw", None);
    directories.put("twin of q", "pw", None);
    directories.change("twin of q", |person| person.name = "Q".to_owned());
    directories.put("odd", "pw", None);
    directories.change("odd", |person| person.name = "a@b@c".to_owned());
    let local = NewUser {
        name: "ivan@example.org".to_owned(),
        ..NewUser::default()
    };
    office.world.admin.create_user(ROOT, local).await.unwrap();
    directories.change("p2", |person| person.name = "ivan".to_owned());
    directories.change("p3", |person| person.mail = "p3@example.org".to_owned());

    let report = office.sync(SyncOrder::default()).await.unwrap();
    assert_eq!((report.seen, report.created, report.updated, report.gone), (6, 1, 1, 0));
    let refused: Vec<&str> = report.refused.iter().map(|(name, _)| &**name).collect();
    assert_eq!(refused, ["a@b@c", "ivan", "Q"], "{:?}", report.refused);
    let p3 = office.user("p3@example.org").unwrap();
    assert_eq!(&*p3.origin.as_ref().unwrap().mail, "p3@example.org");
    assert!(office.user("p2@example.org").unwrap().is_active(), "as it was");
}

#[tokio::test]
async fn an_outage_is_told_once_however_many_log_in_meanwhile() {
    let office = Office::new().await;
    let told: Arc<parking_lot::Mutex<Vec<Notice>>> = Arc::default();
    let tell = Arc::clone(&told);
    let watched = WatchedDirectories::telling(office.world.directories.clone(), move |_, notice| {
        tell.lock().push(notice);
    });
    let office = Office {
        node: office.world.authenticator_asking(Arc::new(watched)),
        ..office
    };
    let directories = &office.world.directories;
    directories.put("judy", "pw", None);
    assert_eq!(office.ask("judy@example.org", "pw").await, Decision::Accept);
    *directories.is_down.lock() = true;
    for _ in 0..100 {
        assert_eq!(
            office.ask("judy@example.org", "pw").await,
            Decision::Silent(Silence::Directory)
        );
    }
    *directories.is_down.lock() = false;
    assert_eq!(office.ask("judy@example.org", "pw").await, Decision::Accept);
    let down = Notice::CannotBeAsked {
        why: "nobody answers".to_owned(),
        logins: 1,
    };
    assert_eq!(*told.lock(), [down, Notice::AnswersAgain { logins: 99 }]);
}

#[tokio::test]
async fn a_name_that_went_to_somebody_else_opens_nothing_of_its_former_holder() {
    let office = Office::new().await;
    let directories = &office.world.directories;
    directories.put("alice", "pw", None);
    assert_eq!(office.ask("alice@example.org", "pw").await, Decision::Accept);
    directories.change("alice", |person| person.unique_id = "somebody new".to_owned());
    assert_eq!(
        office.ask("alice@example.org", "pw").await,
        Decision::Reject(Reason::WrongPassword)
    );
    let report = office
        .sync(SyncOrder {
            allow_leavers: Some(1),
            ..SyncOrder::default()
        })
        .await
        .unwrap();
    assert_eq!((report.gone, report.refused.len()), (1, 1), "{report:?}");
    let state = office.world.replica.leader();
    let former = state.user_by_name(&UserName::new("example.org", "alice")).unwrap();
    assert!(!former.is_active());
}
