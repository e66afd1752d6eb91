//! Rules, groups, and what clients say of networks, at random.

use quorate_core::{
    change::*,
    command::*,
    plan::{Question, plan},
    *,
};

use super::Dice;

/// What clients say at first: one trusts and blocks a network, one requires a group.
pub(super) fn entrance_of(client: u64) -> Entrance {
    let network = |text: &str| text.parse().unwrap();
    match client {
        0 => Entrance {
            blocked: vec![network("198.51.100.0/24")].into(),
            trusted: vec![Trusted {
                network: network("10.0.0.0/8"),
                waives: FactorKind::Code,
            }]
            .into(),
            ..Entrance::default()
        },
        2 => Entrance {
            required_groups: vec!["staff".into()].into(),
            ..Entrance::default()
        },
        _ => Entrance::default(),
    }
}

/// Rules that there are at first, and somebody in a group.
pub(super) fn objects() -> Vec<Change> {
    let rule = |id: u64, port: &str, then| {
        let test = AttributeTest {
            kind: AttributeKind::NasPortType,
            value: port.into(),
        };
        Change::CreateRule(CreateRule {
            id: RuleId(id),
            settings: RuleSettings {
                name: format!("rule {id}").into(),
                position: id as u32,
                when: When {
                    attributes: vec![test].into(),
                    ..When::default()
                },
                then,
            },
        })
    };
    vec![
        rule(0, "1", Then::Application(ApplicationId(1))),
        rule(1, "2", Then::Refuse),
        Change::SetLocal(SetLocal {
            user: UserId(1),
            expected: None,
            local: Local {
                groups: vec!["STAFF".into()].into(),
                enrol_by_ms: None,
                language: "".into(),
            },
        }),
    ]
}

impl Dice<'_> {
    fn groups(&mut self) -> Box<[Box<str>]> {
        let mut groups: Vec<Box<str>> = (0..self.roll(3))
            .map(|_| ["admins", "staff", "VPN", ""][self.roll(4) as usize].into())
            .collect();
        groups.sort();
        groups.into()
    }

    fn some_networks(&mut self) -> Box<[Cidr]> {
        match self.roll(2) {
            0 => Box::default(),
            _ => self.networks(),
        }
    }

    pub(super) fn entrance(&mut self) -> Entrance {
        let waives = [FactorKind::Password, FactorKind::Code][self.roll(2) as usize];
        let trusted = self.some_networks();
        Entrance {
            required_groups: self.groups(),
            blocked: self.some_networks(),
            trusted: trusted
                .iter()
                .map(|network| Trusted {
                    network: *network,
                    waives,
                })
                .collect(),
        }
    }

    /// Not at all, in half a minute of a run, or for ever.
    pub(super) fn soon(&mut self) -> Option<u64> {
        self.maybe(|dice| [crate::script::START_MS + 30_000, u64::MAX][dice.roll(2) as usize])
    }

    pub(super) fn rule_change(&mut self, user: UserId, expected: Option<Revision>) -> Change {
        let rule = RuleId(self.roll(3));
        match self.roll(8) {
            0 => Change::DisableRule(DisableRule { rule, expected }),
            1 => Change::EnableRule(EnableRule { rule, expected }),
            2 => Change::DeleteRule(DeleteRule { rule, expected }),
            3 => Change::ChangeRule(ChangeRule {
                rule,
                expected,
                settings: self.rule(),
            }),
            4 | 5 => Change::SetLocal(SetLocal {
                user,
                expected,
                local: Local {
                    groups: self.groups(),
                    enrol_by_ms: self.soon(),
                    language: ["", "de", "DE"][self.roll(3) as usize].into(),
                },
            }),
            _ => Change::CreateRule(CreateRule {
                id: rule,
                settings: self.rule(),
            }),
        }
    }

    fn rule(&mut self) -> RuleSettings {
        let attributes = match self.roll(4) {
            0 => vec![AttributeTest {
                kind: AttributeKind::NasPortType,
                value: ["1", "2", "*", ""][self.roll(4) as usize].into(),
            }],
            _ => Vec::new(),
        };
        RuleSettings {
            name: self.text(),
            position: self.number() as u32,
            when: When {
                client: self.maybe(|dice| ClientId(dice.roll(3))),
                groups: self.groups(),
                user: self.maybe(|dice| ["*", "user ?", "*2", "x@*"][dice.roll(4) as usize].into()),
                networks: self.some_networks(),
                attributes: attributes.into(),
            },
            then: match self.roll(4) {
                0 => Then::Refuse,
                _ => Then::Application(ApplicationId(self.roll(2))),
            },
        }
    }
}

/// The application that an honest node would find.
pub fn planned(state: &State, client: &Client, user: Option<&User>, facts: &LoginFacts, now_ms: u64) -> ApplicationId {
    let question = Question::of_facts(client, user, user.map(|user| &user.name), facts, now_ms);
    plan(state, &question).map_or(client.application, |plan| plan.application.id)
}
