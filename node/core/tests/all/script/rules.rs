//! Rules, groups and networks of scripts, and the plan that comes of them.

use quorate_core::{
    ApplicationId, Attribute, AttributeKind, AttributeTest, Change, ClientId, Entrance, Factor, FactorKind, Local,
    Revision, RuleId, Then, Trusted, UserId, UserName, When,
    change::{RuleSettings, SetLocal},
    plan::{Mismatch, Question, plan},
};

use super::{
    World,
    words::{Words, duration_ms, id},
};

/// `position=10 client=vpn groups=a,b user=adm-* from=10.0.0.0/8 with=NAS-Port-Type:5 then=app` or `then=refuse`.
pub fn settings(words: &Words, name: Box<str>) -> RuleSettings {
    let test = |(kind, value): (AttributeKind, &str)| AttributeTest {
        kind,
        value: value.into(),
    };
    RuleSettings {
        name,
        position: words.number("position", 10) as u32,
        when: When {
            client: words.key("client").map(|name| ClientId(id(name))),
            groups: list(words, "groups", |name| name.into()),
            user: words.key("user").map(Into::into),
            networks: list(words, "from", |text| text.parse().unwrap()),
            attributes: list(words, "with", |text| test(attribute(text))),
        },
        then: match &*words.or("then", "app") {
            "refuse" => Then::Refuse,
            application => Then::Application(ApplicationId(id(application))),
        },
    }
}

/// `required=staff,vpn blocked=203.0.113.0/24 trusted=10.0.0.0/8:code`.
pub fn entrance(words: &Words) -> Entrance {
    let trusted = |text: &str| {
        let (network, waives) = text.rsplit_once(':').unwrap();
        Trusted {
            network: network.parse().unwrap(),
            waives: match waives {
                "password" => FactorKind::Password,
                _ => FactorKind::Code,
            },
        }
    };
    Entrance {
        required_groups: list(words, "required", |name| name.into()),
        blocked: list(words, "blocked", |text| text.parse().unwrap()),
        trusted: list(words, "trusted", trusted),
    }
}

/// `set-local alice groups=staff,vpn enrol=3600s language=de`.
pub fn local(world: &World, words: &Words, user: UserId, expected: Option<Revision>) -> Change {
    Change::SetLocal(SetLocal {
        user,
        expected,
        local: Local {
            groups: list(words, "groups", |name| name.into()),
            enrol_by_ms: words.key("enrol").map(|lasts| world.now_ms + duration_ms(lasts)),
            language: words.or("language", "").into(),
        },
    })
}

/// `with=NAS-Port-Type:5,Framed-IP-Address:10.1.2.3` of a login.
pub fn attributes(words: &Words) -> Box<[Attribute]> {
    let parsed = |text: &str| {
        let (kind, value) = attribute(text);
        Attribute {
            kind,
            value: kind.value(value).unwrap(),
        }
    };
    list(words, "with", parsed)
}

fn attribute(text: &str) -> (AttributeKind, &str) {
    let (name, value) = text.split_once(':').unwrap();
    (AttributeKind::of_label(name).unwrap(), value)
}

fn list<T>(words: &Words, key: &str, parse: impl Fn(&str) -> T) -> Box<[T]> {
    let text = words.or(key, "");
    text.split(',').filter(|part| !part.is_empty()).map(parse).collect()
}

impl World {
    /// `plan vpn alice station=10.1.2.3 nas=gate with=…`: what a login would have to prove, and why.
    pub fn plan(&mut self, words: &Words) {
        let user = self.state.user(UserId(id(&words.plain[1]))).cloned();
        let name = UserName::new("", &words.plain[1]);
        let client = self.state.client(ClientId(id(&words.plain[0]))).unwrap().clone();
        let attributes = attributes(words);
        let question = Question {
            client: &client,
            user: user.as_deref(),
            name: user.as_ref().map(|user| &user.name).or(Some(&name)),
            calling_station_id: words.key("station").map(str::as_bytes),
            nas_identifier: words.key("nas").map(str::as_bytes),
            attributes: &attributes,
            device: super::devices::browser(words).and_then(|browser| browser.device),
            now_ms: self.now_ms,
        };
        let plan = plan(&self.state, &question).unwrap();
        let name = |rule: RuleId| self.state.rule(rule).unwrap().name.to_string();
        let passed: Vec<String> = plan
            .passed
            .iter()
            .map(|(rule, why)| format!("{}: {}", name(*rule), mismatch(*why)))
            .collect();
        let factor = |factor: &Factor| match factor {
            Factor::Password => "password".to_owned(),
            Factor::Code(_) if *factor == Factor::ANY_CODE => "code".to_owned(),
            Factor::Code(kinds) => kinds.iter().map(|kind| kind.label()).collect::<Vec<_>>().join("|"),
        };
        let factors: Vec<String> = plan.factors.iter().map(factor).collect();
        let waived: Vec<String> = plan
            .waived
            .iter()
            .map(|(left_out, why)| format!("{} ({})", factor(left_out), why.label()))
            .collect();
        let matched = plan
            .rule
            .as_ref()
            .map_or_else(|| "no rule".to_owned(), |rule| format!("rule {}", rule.name));
        for line in passed {
            self.say(format_args!("not {line}"));
        }
        self.say(format_args!(
            "{matched}: {} asks for {}",
            plan.application.name,
            factors.join(", ")
        ));
        for line in waived {
            self.say(format_args!("not asked for: {line}"));
        }
        if plan.enrols {
            self.say("then a first token is given");
        }
        if let Some(refused) = plan.refused {
            self.say(format_args!("refused: {}", refused.reason()));
        }
    }
}

fn mismatch(why: Mismatch) -> String {
    match why {
        Mismatch::Attribute(kind) => kind.label().to_owned(),
        why => why.label().to_owned(),
    }
}
