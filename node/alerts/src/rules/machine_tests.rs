use std::collections::HashSet;

use proptest::prelude::*;

use super::super::RuleKind;
use super::*;
use crate::limits;

fn machine(rules: impl IntoIterator<Item = Rule>) -> Machine {
    Machine::new(rules.into_iter().collect(), "ankara-1", 0)
}

/// Looks once a second, as a node does.
fn over(machine: &mut Machine, seconds: std::ops::Range<u64>) -> Vec<Alert> {
    seconds.flat_map(|second| machine.due(second * 1_000)).collect()
}

fn phases(alerts: &[Alert]) -> Vec<(Phase, u64)> {
    alerts.iter().map(|alert| (alert.phase, alert.count)).collect()
}

#[test]
fn lockouts_within_a_time() {
    let rule = Rule {
        count: Some(3),
        within_s: Some(60),
        ..Rule::of(RuleKind::Lockouts)
    };
    let mut machine = machine([rule]);
    let locked = |machine: &mut Machine, second: u64| {
        machine.observe(
            second * 1_000,
            &Fact::Locked {
                user: format!("u{second}"),
            },
        );
    };
    for second in [0, 30, 61, 100] {
        locked(&mut machine, second);
        assert_eq!(machine.due(second * 1_000), [], "never three within a minute");
    }
    locked(&mut machine, 110);
    let begun = machine.due(110_000);
    assert_eq!(phases(&begun), [(Phase::Begun, 3)]);
    assert_eq!(begun[0].text, "3 lockouts or more within 60 s; the last user is u110");
    for second in 111..131 {
        locked(&mut machine, second);
    }
    let rest = over(&mut machine, 131..2_000);
    assert_eq!(phases(&rest), [(Phase::Over, 20)], "held down, and then it was over");
}

#[test]
fn a_rate_needs_enough_logins_to_be_one() {
    let rule = Rule {
        count: Some(20),
        percent: Some(50),
        within_s: Some(120),
        ..Rule::of(RuleKind::FailureRate)
    };
    let mut machine = machine([rule]);
    for login in 0..19 {
        machine.observe(login, &Fact::Login { accepted: false });
    }
    assert_eq!(machine.due(1_000), []);
    machine.observe(2_000, &Fact::Login { accepted: true });
    let begun = machine.due(2_000);
    assert_eq!(phases(&begun), [(Phase::Begun, 1)]);
    assert_eq!(begun[0].text, "19 of 20 logins were rejected within 120 s");
    for _ in 0..100 {
        machine.observe(30_000, &Fact::Login { accepted: true });
    }
    assert_eq!(phases(&over(&mut machine, 30..200)), [(Phase::Over, 0)]);
}

#[test]
fn each_gateway_by_itself() {
    let mut machine = machine([Rule::of(RuleKind::GatewayDown), Rule::of(RuleKind::DirectoryDown)]);
    let gateway = |name: &str, down: Option<&str>| Fact::Gateway {
        name: name.to_owned(),
        down: down.map(str::to_owned),
    };
    machine.observe(0, &gateway("sms-a", Some("refused")));
    machine.observe(10_000, &gateway("sms-b", Some("no answer")));
    machine.observe(20_000, &gateway("sms-a", None));
    let said = over(&mut machine, 20..100);
    assert_eq!(said.len(), 1, "sms-a was away for less than half a minute");
    assert_eq!((said[0].subject.as_str(), said[0].at_ms), ("sms-b", 40_000));
    assert_eq!(said[0].text, "the gateway sms-b does not answer: no answer");
    machine.observe(100_000, &gateway("sms-b", None));
    assert_eq!(phases(&over(&mut machine, 100..200)), [(Phase::Over, 0)]);
}

#[test]
fn certificates_grow_old_without_a_fact_and_a_renewal_ends_it() {
    const DAY: u64 = 86_400;
    let mut machine = machine([Rule {
        days: Some(10),
        ..Rule::of(RuleKind::CertificateExpires)
    }]);
    let https = |days: u64| Fact::Certificate {
        name: "https".to_owned(),
        expires_ms: days * DAY * 1_000,
    };
    machine.observe(0, &https(30));
    let said: Vec<Alert> = (0..32 * 24).flat_map(|hour| machine.due(hour * 3_600_000)).collect();
    assert_eq!(said[0].at_ms, 20 * DAY * 1_000);
    assert_eq!(
        said[0].text,
        "the certificate of https expires: 1970-01-31T00:00:00.000Z"
    );
    assert_eq!(said.len(), 12, "and a reminder each day");
    assert!(said[11].text.contains("has expired"), "{}", said[11].text);
    machine.observe(32 * DAY * 1_000, &https(400));
    assert_eq!(
        phases(&over(&mut machine, 32 * DAY..32 * DAY + 100)),
        [(Phase::Over, 0)]
    );
}

#[test]
fn quorum_clock_audit_and_backup() {
    // What the audit lacks is waited for, by default for longer than this test's time.
    let rule = |kind| Rule {
        after_s: (kind == RuleKind::AuditDamaged).then_some(0),
        ..Rule::of(kind)
    };
    let mut machine = machine(RuleKind::ALL.map(rule));
    machine.observe(0, &Fact::Quorum { held: false });
    machine.observe(
        0,
        &Fact::Clock {
            fenced_ahead_ms: Some(-7_200),
        },
    );
    machine.observe(
        0,
        &Fact::Audit {
            damaged: Some("segment 3".to_owned()),
        },
    );
    machine.observe(
        0,
        &Fact::Backup {
            failed: Some("disk full".to_owned()),
        },
    );
    let said = over(&mut machine, 0..60);
    let texts: HashSet<&str> = said.iter().map(|alert| alert.text.as_str()).collect();
    let expected = HashSet::from([
        "this node reaches no quorum: it accepts no one-time code",
        "this node's clock is -7200 ms from the cluster's time: it stands aside",
        "the audit is damaged: segment 3",
        "the backup failed: disk full",
    ]);
    assert_eq!(texts, expected);
    for good in [
        Fact::Quorum { held: true },
        Fact::Clock { fenced_ahead_ms: None },
        Fact::Audit { damaged: None },
        Fact::Backup { failed: None },
    ] {
        machine.observe(60_000, &good);
    }
    let over: Vec<Phase> = over(&mut machine, 60..130).iter().map(|alert| alert.phase).collect();
    assert_eq!(over, [Phase::Over; 4]);
    let old: Vec<Alert> = (1..30).flat_map(|hour| machine.due(hour * 3_600_000)).collect();
    assert_eq!(old.len(), 1);
    assert_eq!((old[0].rule, old[0].at_ms), (RuleKind::BackupOld, 27 * 3_600_000));
}

#[test]
fn subjects_are_bounded() {
    let mut machine = machine([Rule {
        after_s: Some(0),
        ..Rule::of(RuleKind::GatewayDown)
    }]);
    for number in 0..2 * limits::SUBJECTS_MAX {
        let name = format!("gateway {number}");
        machine.observe(
            0,
            &Fact::Gateway {
                name,
                down: Some("gone".to_owned()),
            },
        );
    }
    let said = machine.due(0);
    assert_eq!(said.len(), limits::SUBJECTS_MAX + 1);
    let others = said.iter().find(|alert| alert.subject == "others").unwrap();
    assert_eq!(others.count, limits::SUBJECTS_MAX as u64);
}

fn any_fact() -> impl Strategy<Value = Fact> {
    let why = || prop::option::of("[a-z]{1,5}");
    prop_oneof![
        any::<bool>().prop_map(|accepted| Fact::Login { accepted }),
        "[ab]".prop_map(|user| Fact::Locked { user }),
        ("[ab]", why()).prop_map(|(name, down)| Fact::Gateway { name, down }),
        ("[ab]", why()).prop_map(|(name, down)| Fact::Directory { name, down }),
        ("[ab]", any::<u64>()).prop_map(|(name, expires_ms)| Fact::Certificate { name, expires_ms }),
        any::<bool>().prop_map(|held| Fact::Quorum { held }),
        why().prop_map(|failed| Fact::Backup { failed }),
        prop::option::of(any::<i64>()).prop_map(|fenced_ahead_ms| Fact::Clock { fenced_ahead_ms }),
        why().prop_map(|damaged| Fact::Audit { damaged }),
    ]
}

proptest! {
    /// Whatever is shown, at whatever times, forwards and backwards: no panic, no flood, no id twice.
    #[test]
    fn no_flood_and_no_id_twice(facts in prop::collection::vec((any_fact(), 0u64..3_000_000), 1..300)) {
        let mut machine = machine(RuleKind::ALL.map(Rule::of));
        let mut ids = HashSet::new();
        let mut told = std::collections::HashMap::new();
        for (fact, at_ms) in facts {
            machine.observe(at_ms, &fact);
            for alert in machine.due(at_ms) {
                prop_assert!(ids.insert(alert.id.clone()), "twice: {alert:?}");
                if alert.phase != Phase::Over {
                    let last = told.insert((alert.rule, alert.subject.clone()), alert.at_ms);
                    prop_assert!(last.is_none_or(|last| alert.at_ms - last >= limits::INTERVAL_S * 1_000));
                }
            }
        }
    }
}
