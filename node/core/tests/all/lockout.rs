//! Whom a change would lock out, held against logins that really are made before and after it.

use crate::script;
use std::collections::BTreeSet;

use quorate_core::{
    Actor, ApplicationId, Change, Command, Fingerprint, Level, Lockouts, NodeId, Refusal, Role, RoleRule, UserName,
    Verdict,
    audit::{AuditRecord, Entry},
    change::{DisableApplication, DisableToken, SetPolicy, SetRoleRule},
    command::Administer,
    lockouts,
};
use script::{World, words::id};

const USERS: [&str; 8] = ["ann", "ben", "cat", "dan", "eve", "fay", "gus", "hal"];
const DOORS: [(&str, &str); 5] = [
    ("mail", "pw"),
    ("door", "{NAME.a}"),
    ("vpn", "pw{NAME.a}"),
    ("nas", "{NAME.a}"),
    ("pair", "{NAME.a}{NAME.b}"),
];

/// Users with and without passwords, tokens and rights, and a client for each way of asking.
fn world() -> World {
    let mut world = World::new();
    for line in [
        "genesis",
        "admin create-application mail factors=password ; create-application door factors=code ; create-application vpn factors=password,code ; create-application nas factors=code ; create-application pair factors=totp,totp",
        "admin create-client mail application=mail networks=192.0.2.0/24 modes=one ; create-client door application=door networks=198.51.100.0/24 modes=one ; create-client vpn application=vpn networks=203.0.113.0/24 modes=one ; create-client nas application=nas networks=10.0.0.0/8 modes=passcode ; create-client pair application=pair networks=10.1.0.0/16 modes=one",
        "admin create-user ann password=pw ; create-token ann.a user=ann ; create-token ann.b user=ann",
        "admin create-user ben password=pw ; create-token ben.a user=ben",
        "admin create-user cat password=pw",
        "admin create-user dan ; create-token dan.a user=dan",
        "admin create-user eve password=pw ; create-token eve.a user=eve ; disable-user eve",
        "admin create-user fay password=pw ; create-token fay.a user=fay ; set-access fay mfa=required",
        "admin create-user gus password=pw ; create-token gus.a user=gus ; disable-token gus.a",
        "admin create-user hal password=pw ; create-token hal.a user=hal ; set-access hal mfa=exempt",
    ] {
        world.run_line(line);
    }
    world
}

/// Who really gets in where, with the right password and codes that were not used before.
fn admitted(world: &mut World) -> BTreeSet<(&'static str, &'static str)> {
    let mut admitted = BTreeSet::new();
    for name in USERS {
        for (door, typed) in DOORS {
            world.run_line("wait 90s");
            let has = |suffix: &str| {
                world
                    .state
                    .token(quorate_core::TokenId(id(&format!("{name}.{suffix}"))))
                    .is_some()
            };
            let missing = (typed.contains(".a}") && !has("a")) || (typed.contains(".b}") && !has("b"));
            let typed = match (missing, typed.starts_with("pw")) {
                (false, _) => typed,
                // Enough while the application lets such users in.
                (true, true) => "pw",
                (true, false) => "000000",
            };
            let records = world.state.audit().open_records().count();
            world.run_line(&format!("login {door} {name} {}", typed.replace("NAME", name)));
            let Some((_, bytes)) = world.state.audit().open_records().skip(records).last() else {
                // The client is gone: nobody is there to be answered.
                continue;
            };
            let Entry::Login(login) = AuditRecord::from_bytes(bytes).unwrap().entry else {
                panic!("{name} at {door} left no verdict");
            };
            if login.verdict == Verdict::Accept {
                admitted.insert((name, door));
            }
        }
    }
    admitted
}

fn ask(world: &World, change: Change) -> Result<Lockouts, Refusal> {
    lockouts(&world.state, Level::FIRST, &by_root(vec![change]), 100)
}

fn by_root(changes: Vec<Change>) -> Administer {
    Administer {
        request: Fingerprint([9; 16]),
        actor: Actor::Root { uid: 0 },
        node: NodeId(1),
        changes,
    }
}

fn names(world: &World, found: &Lockouts) -> BTreeSet<&'static str> {
    assert_eq!(found.users, found.first.len() as u64);
    let is = |name: &&str| {
        let user = world.state.user_by_name(&UserName::new("", name)).unwrap();
        found.first.iter().any(|(id, _)| *id == user.id)
    };
    USERS.into_iter().filter(is).collect()
}

fn mfa_for_users() -> Change {
    Change::SetRoleRule(SetRoleRule {
        expected: None,
        role: Role::User,
        rule: RoleRule {
            mfa_required: true,
            ..RoleRule::DEFAULTS[0]
        },
    })
}

/// Taking an application away locks out whoever could use it, so that is how the question is asked who could.
#[test]
fn who_is_said_to_get_in_is_who_gets_in() {
    let mut world = world();
    for rule in ["mfa=no", "mfa=yes"] {
        world.run_line(&format!("admin set-role-rule user trust=yes {rule}"));
        let mut said = BTreeSet::new();
        for (door, _) in DOORS {
            let application = ApplicationId(id(door));
            let change = Change::DisableApplication(DisableApplication {
                application,
                expected: None,
            });
            let found = ask(&world, change).unwrap();
            said.extend(names(&world, &found).into_iter().map(|name| (name, door)));
        }
        assert_eq!(said, admitted(&mut world), "{rule}");
    }
}

#[test]
fn who_is_said_to_be_locked_out_gets_in_before_and_not_after() {
    let mut world = world();
    let digest = world.state.digest();
    let found = ask(&world, mfa_for_users()).unwrap();
    assert_eq!(world.state.digest(), digest, "asking changes nothing");
    let said = names(&world, &found);
    let before = admitted(&mut world);
    world.run_line("admin set-role-rule user trust=yes mfa=yes");
    let after = admitted(&mut world);
    let lost: BTreeSet<_> = before.difference(&after).map(|(name, _)| *name).collect();
    assert_eq!(said, lost);
    assert!(
        said.contains("ann") && said.contains("cat") && !said.contains("hal") && !said.contains("eve"),
        "{said:?}"
    );
}

/// Rules, groups, clients and migration count as they count in a login.
#[test]
fn whatever_the_change_is_about_who_is_named_is_who_is_lost() {
    let changes = [
        "create-rule away then=refuse user=a*",
        "create-rule narrow then=refuse groups=staff client=mail",
        "change-client mail application=mail networks=192.0.2.0/24 modes=one required=staff",
        "set-policy pins=required",
        "disable-client door",
        "delete-client nas",
        "change-application vpn factors=password,code",
        "set-local ben",
        "disable-application vpn",
        "delete-rule first",
        "disable-rule first",
    ];
    for change in changes {
        let mut world = world();
        for line in [
            "admin set-local ann groups=staff ; set-local ben groups=staff",
            "admin create-rule first position=1 then=mail user=dan client=mail",
            "admin change-application vpn factors=password,code passthru=100000s",
        ] {
            world.run_line(line);
        }
        let before = admitted(&mut world);
        let Command::Administer(command) = world.changes(change) else {
            panic!("{change} is no change");
        };
        let found = lockouts(&world.state, Level::FIRST, &command, 100).unwrap();
        let said = names(&world, &found);
        world.run_line(&format!("admin {change}"));
        let after = admitted(&mut world);
        let lost: BTreeSet<_> = before.difference(&after).map(|(name, _)| *name).collect();
        assert_eq!(said, lost, "{change}");
    }
}

#[test]
fn a_refused_change_is_refused_and_names_are_bounded() {
    let world = world();
    let stale = Change::SetPolicy(SetPolicy {
        expected: None,
        max_code_failures: 0,
        lock_ms: 1,
        totp_window: 1,
        challenge_ms: 1,
        hotp_look_ahead: 1,
        sent_code_ms: 300_000,
        sends_per_user: 1,
        sends_per_prefix: 1,
        pins: quorate_core::Pins::IfSet,
        passwords: quorate_core::PasswordRules::default(),
    });
    assert!(matches!(ask(&world, stale), Err(Refusal::Invalid(_))));
    let one = Change::DisableToken(DisableToken {
        token: quorate_core::TokenId(id("ben.a")),
        expected: None,
    });
    assert_eq!(names(&world, &ask(&world, one).unwrap()), BTreeSet::from(["ben"]));
    let found = lockouts(&world.state, Level::FIRST, &by_root(vec![mfa_for_users()]), 2).unwrap();
    assert!(found.users > 2 && found.first.len() == 2, "{found:?}");
}
