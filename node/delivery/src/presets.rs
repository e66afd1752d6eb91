//! The formats of well-known providers: an operator fills in a few named fields and has a gateway.
//!
//! A preset makes ordinary settings ([`Gateway`]); nothing is special about the result, and everything in it can be changed afterwards. The
//! formats are those of the providers' public documentation. They could not be tried against the providers themselves: a preset is
//! tested against a server that takes the documented request and gives the documented answer.
//!
//! Not here: Vonage's voice calls, which want a signed token (RS256) that a template cannot make.

use std::collections::BTreeMap;

use crate::{
    escape,
    message::Channel,
    problem::Problem,
    secret::Secret,
    settings::{
        AnswerRule, Body, ClientCredentials, CredentialsIn, Field, Gateway, Http, HttpAuthentication, Kind, Method,
        OAuth2, StatusRange, Success, Trust,
    },
};

/// A provider's format.
pub struct Preset {
    /// As it is named in the API: `twilio_sms`.
    pub id: &'static str,
    /// The provider, as people know it.
    pub provider: &'static str,
    /// For which way of sending.
    pub channel: Channel,
    /// What the operator has to fill in.
    pub fields: &'static [PresetField],
    make: fn(&Filled<'_>) -> Http,
}

/// A field that the operator fills in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresetField {
    /// Its name.
    pub name: &'static str,
    /// What belongs there.
    pub about: &'static str,
    /// Whether it is to be hidden.
    pub secret: bool,
    /// What it is when it is left out; nothing if it may not be.
    pub default: Option<&'static str>,
}

const fn field(name: &'static str, about: &'static str) -> PresetField {
    PresetField {
        name,
        about,
        secret: false,
        default: None,
    }
}

const fn secret(name: &'static str, about: &'static str) -> PresetField {
    PresetField {
        name,
        about,
        secret: true,
        default: None,
    }
}

const fn optional(name: &'static str, about: &'static str, default: &'static str) -> PresetField {
    PresetField {
        name,
        about,
        secret: false,
        default: Some(default),
    }
}

/// All presets.
pub const PRESETS: [Preset; 11] = [
    Preset {
        id: "twilio_sms",
        provider: "Twilio",
        channel: Channel::Sms,
        fields: &[
            field("account_sid", "account SID, AC…"),
            secret("auth_token", "auth token"),
            field("sender", "a number of yours (+1…) or an alphanumeric sender"),
        ],
        make: twilio_sms,
    },
    Preset {
        id: "twilio_voice",
        provider: "Twilio",
        channel: Channel::Voice,
        fields: &[
            field("account_sid", "account SID, AC…"),
            secret("auth_token", "auth token"),
            field("sender", "a number of yours (+1…)"),
            optional("voice_language", "language in which the text is read out", "en-US"),
        ],
        make: twilio_voice,
    },
    Preset {
        id: "vonage_sms",
        provider: "Vonage (Nexmo)",
        channel: Channel::Sms,
        fields: &[
            field("api_key", "API key"),
            secret("api_secret", "API secret"),
            field("sender", "number or name of the sender"),
        ],
        make: vonage_sms,
    },
    Preset {
        id: "messagebird_sms",
        provider: "MessageBird (rest.messagebird.com)",
        channel: Channel::Sms,
        fields: &[secret("access_key", "access key"), field("sender", "originator")],
        make: messagebird_sms,
    },
    Preset {
        id: "messagebird_voice",
        provider: "MessageBird (rest.messagebird.com)",
        channel: Channel::Voice,
        fields: &[
            secret("access_key", "access key"),
            field("sender", "originator, a number"),
            optional("voice_language", "language in which the text is read out", "en-gb"),
        ],
        make: messagebird_voice,
    },
    Preset {
        id: "bird_sms",
        provider: "Bird (api.bird.com)",
        channel: Channel::Sms,
        fields: &[
            field("workspace_id", "id of the workspace"),
            field("channel_id", "id of the SMS channel"),
            secret("access_key", "access key"),
        ],
        make: bird_sms,
    },
    Preset {
        id: "clickatell_sms",
        provider: "Clickatell",
        channel: Channel::Sms,
        fields: &[secret("api_key", "API key of the integration")],
        make: clickatell_sms,
    },
    Preset {
        id: "infobip_sms",
        provider: "Infobip",
        channel: Channel::Sms,
        fields: &[
            field("host", "host of your account: xxxxx.api.infobip.com"),
            secret("api_key", "API key"),
            field("sender", "number or name of the sender"),
        ],
        make: infobip_sms,
    },
    Preset {
        id: "infobip_voice",
        provider: "Infobip",
        channel: Channel::Voice,
        fields: &[
            field("host", "host of your account: xxxxx.api.infobip.com"),
            secret("api_key", "API key"),
            field("sender", "a number of yours"),
            optional("voice_language", "language in which the text is read out", "en"),
        ],
        make: infobip_voice,
    },
    Preset {
        id: "kannel_sms",
        provider: "Kannel",
        channel: Channel::Sms,
        fields: &[
            field("url", "address of smsbox: http://kannel:13013"),
            field("username", "user of the sendsms-user group"),
            secret("password", "its password"),
            field("sender", "number or name of the sender"),
        ],
        make: kannel_sms,
    },
    Preset {
        id: "microsoft_graph_mail",
        provider: "Microsoft 365 without SMTP (Graph)",
        channel: Channel::Email,
        fields: &[
            field("tenant_id", "id of the tenant"),
            field("client_id", "id of the registered application, which needs Mail.Send"),
            secret("client_secret", "its secret"),
            field("mailbox", "mailbox that sends"),
        ],
        make: microsoft_graph_mail,
    },
];

impl Preset {
    /// The preset of this id.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Self> {
        static ALL: [Preset; PRESETS.len()] = PRESETS;
        ALL.iter().find(|preset| preset.id == id)
    }

    /// A gateway called `name`, made of what the operator filled in.
    ///
    /// # Errors
    ///
    /// Fields that are missing, not known, or wrong.
    pub fn fill(&self, name: &str, values: &BTreeMap<String, Secret>) -> Result<Gateway, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut problem = |field: &str, problem: &str| {
            let (field, problem) = (field.to_owned(), problem.to_owned());
            problems.push(Problem { field, problem });
        };
        for field in self.fields {
            let filled = values.get(field.name).is_some_and(|value| !value.is_empty());
            if !filled && field.default.is_none() {
                problem(field.name, &format!("is missing: {}", field.about));
            }
        }
        for unknown in values
            .keys()
            .filter(|name| self.fields.iter().all(|field| field.name != name.as_str()))
        {
            problem(unknown, "is no field of this provider");
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let filled = Filled { preset: self, values };
        let gateway = Gateway::new(name, [self.channel], Kind::Http(Box::new((self.make)(&filled))));
        gateway.check()?;
        Ok(gateway)
    }
}

/// What an operator filled in.
struct Filled<'a> {
    preset: &'a Preset,
    values: &'a BTreeMap<String, Secret>,
}

impl Filled<'_> {
    fn secret(&self, name: &str) -> Secret {
        let default = || {
            self.preset
                .fields
                .iter()
                .find(|field| field.name == name)?
                .default
                .map(Secret::new)
        };
        let filled = self.values.get(name).filter(|value| !value.is_empty()).cloned();
        filled.or_else(default).unwrap_or_default()
    }

    fn text(&self, name: &str) -> String {
        self.secret(name).expose().to_owned()
    }

    /// A POST to `url` with the fields as parameters and secrets, so that the template shows none of their values.
    fn http(&self, url: impl Into<String>, body: Body) -> Http {
        let mut http = Http::new(url);
        http.body = body;
        for field in self.preset.fields {
            if field.secret {
                http.secrets.insert(field.name.to_owned(), self.secret(field.name));
            } else {
                http.parameters.insert(field.name.to_owned(), self.text(field.name));
            }
        }
        http
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<Field> {
    let pair = |(name, value): &(&str, &str)| Field {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    pairs.iter().map(pair).collect()
}

fn json(text: &str) -> Body {
    Body::Json(text.to_owned())
}

fn status(status: u16) -> Success {
    Success {
        statuses: vec![StatusRange::new(status, status)],
        body: AnswerRule::Any,
    }
}

fn json_says(path: &str, one_of: &[&str]) -> Success {
    Success {
        body: AnswerRule::Json {
            path: path.to_owned(),
            one_of: one_of.iter().map(|value| (*value).to_owned()).collect(),
        },
        ..Success::default()
    }
}

fn twilio(filled: &Filled<'_>, resource: &str, body: Body) -> Http {
    let url = format!("https://api.twilio.com/2010-04-01/Accounts/{{parameter.account_sid}}/{resource}.json");
    let mut http = filled.http(url, body);
    // It stands in basic authentication alone.
    http.secrets.clear();
    http.authentication = HttpAuthentication::Basic {
        user: filled.text("account_sid"),
        password: filled.secret("auth_token"),
    };
    http.success = status(201);
    "sid".clone_into(&mut http.reference);
    http
}

fn twilio_sms(filled: &Filled<'_>) -> Http {
    let body = pairs(&[("To", "{to}"), ("From", "{parameter.sender}"), ("Body", "{text}")]);
    twilio(filled, "Messages", Body::Form(body))
}

fn twilio_voice(filled: &Filled<'_>) -> Http {
    let say = "<Response><Say language=\"{parameter.voice_language|xml}\" loop=\"2\">{text|xml}</Say></Response>";
    let body = pairs(&[("To", "{to}"), ("From", "{parameter.sender}"), ("Twiml", say)]);
    twilio(filled, "Calls", Body::Form(body))
}

fn vonage_sms(filled: &Filled<'_>) -> Http {
    let body = pairs(&[
        ("api_key", "{parameter.api_key}"),
        ("api_secret", "{secret.api_secret}"),
        ("from", "{parameter.sender}"),
        ("to", "{to_digits}"),
        ("type", "{text_type}"),
        ("text", "{text}"),
    ]);
    let mut http = filled.http("https://rest.nexmo.com/sms/json", Body::Form(body));
    http.success = json_says("messages.0.status", &["0"]);
    "messages.0.message-id".clone_into(&mut http.reference);
    http
}

fn messagebird(filled: &Filled<'_>, resource: &str, body: Body) -> Http {
    let mut http = filled.http(format!("https://rest.messagebird.com/{resource}"), body);
    http.headers = pairs(&[("Authorization", "AccessKey {secret.access_key}")]);
    http.success = status(201);
    "id".clone_into(&mut http.reference);
    http
}

fn messagebird_sms(filled: &Filled<'_>) -> Http {
    let body = r#"{"originator":"{parameter.sender}","recipients":["{to_digits}"],"body":"{text}","datacoding":"auto","reference":"{reference}"}"#;
    messagebird(filled, "messages", json(body))
}

fn messagebird_voice(filled: &Filled<'_>) -> Http {
    let body = r#"{"originator":"{parameter.sender}","recipients":["{to_digits}"],"body":"{text}","language":"{parameter.voice_language}","repeat":2}"#;
    messagebird(filled, "voicemessages", json(body))
}

fn bird_sms(filled: &Filled<'_>) -> Http {
    let body = r#"{"receiver":{"contacts":[{"identifierKey":"phonenumber","identifierValue":"{to}"}]},"body":{"type":"text","text":{"text":"{text}"}},"reference":"{reference}"}"#;
    let url = "https://api.bird.com/workspaces/{parameter.workspace_id}/channels/{parameter.channel_id}/messages";
    let mut http = filled.http(url, json(body));
    http.headers = pairs(&[("Authorization", "AccessKey {secret.access_key}")]);
    http.success = status(202);
    "id".clone_into(&mut http.reference);
    http
}

fn clickatell_sms(filled: &Filled<'_>) -> Http {
    let body = r#"{"messages":[{"channel":"sms","to":"{to_digits}","content":"{text}"}]}"#;
    let mut http = filled.http("https://platform.clickatell.com/v1/message", json(body));
    http.headers = pairs(&[("Authorization", "{secret.api_key}")]);
    http.success = json_says("messages.0.accepted", &["true"]);
    "messages.0.apiMessageId".clone_into(&mut http.reference);
    http
}

/// Groups of Infobip's states: 0 accepted, 1 pending, 3 delivered; 2, 4 and 5 are undeliverable, expired, rejected.
const INFOBIP_TAKEN: [&str; 3] = ["0", "1", "3"];

fn infobip(filled: &Filled<'_>, path: &str, body: &str) -> Http {
    let mut http = filled.http(format!("https://{}/{path}", filled.text("host")), json(body));
    http.parameters.remove("host");
    http.headers = pairs(&[
        ("Authorization", "App {secret.api_key}"),
        ("Accept", "application/json"),
    ]);
    http.success = json_says("messages.0.status.groupId", &INFOBIP_TAKEN);
    "messages.0.messageId".clone_into(&mut http.reference);
    http
}

fn infobip_sms(filled: &Filled<'_>) -> Http {
    let body = r#"{"messages":[{"from":"{parameter.sender}","destinations":[{"to":"{to_digits}"}],"text":"{text}"}]}"#;
    infobip(filled, "sms/2/text/advanced", body)
}

fn infobip_voice(filled: &Filled<'_>) -> Http {
    let body =
        r#"{"from":"{parameter.sender}","to":"{to_digits}","text":"{text}","language":"{parameter.voice_language}"}"#;
    infobip(filled, "tts/3/single", body)
}

fn kannel_sms(filled: &Filled<'_>) -> Http {
    let query = "username={parameter.username}&password={secret.password}&from={parameter.sender}&to={to}&charset=UTF-8&coding={coding}&text={text}";
    let url = filled.text("url");
    let mut http = filled.http(
        format!("{}/cgi-bin/sendsms?{query}", url.trim_end_matches('/')),
        Body::None,
    );
    http.parameters.remove("url");
    http.method = Method::Get;
    // "0: Accepted for delivery", or "3: Queued for later delivery": both are Kannel's now.
    http.success = Success {
        statuses: vec![StatusRange::new(200, 202)],
        body: AnswerRule::Wildcard("?: *for*delivery*".to_owned()),
    };
    http
}

fn microsoft_graph_mail(filled: &Filled<'_>) -> Http {
    let body = r#"{"message":{"subject":"{subject}","body":{"contentType":"Text","content":"{text}"},"toRecipients":[{"emailAddress":{"address":"{to}"}}]},"saveToSentItems":false}"#;
    let mut http = filled.http(
        "https://graph.microsoft.com/v1.0/users/{parameter.mailbox}/sendMail",
        json(body),
    );
    http.secrets.clear();
    http.success = status(202);
    let mut tenant = String::new();
    escape::url(&filled.text("tenant_id"), &mut tenant);
    http.authentication = HttpAuthentication::OAuth2(Box::new(OAuth2 {
        token_url: format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"),
        client: ClientCredentials {
            id: filled.text("client_id"),
            secret: filled.secret("client_secret"),
            sent_in: CredentialsIn::Body,
        },
        scope: "https://graph.microsoft.com/.default".to_owned(),
        parameters: BTreeMap::new(),
        proxy: None,
        trust: Trust::default(),
    }));
    http
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(preset: &Preset) -> BTreeMap<String, Secret> {
        let value = |field: &PresetField| match field.name {
            "host" => "abc.api.infobip.com".to_owned(),
            "url" => "http://kannel:13013/".to_owned(),
            name => format!("my-{name}"),
        };
        preset
            .fields
            .iter()
            .map(|field| (field.name.to_owned(), Secret::new(value(field))))
            .collect()
    }

    #[test]
    fn every_preset_makes_settings_that_pass() {
        for preset in &PRESETS {
            let gateway = preset.fill("g", &filled(preset));
            assert!(gateway.is_ok(), "{}: {:?}", preset.id, gateway.err());
            assert!(Preset::find(preset.id).is_some());
        }
        assert!(Preset::find("unheard_of").is_none());
    }

    #[test]
    fn no_secret_stands_in_what_is_serialised() {
        for preset in &PRESETS {
            let mut gateway = preset.fill("g", &filled(preset)).ok().unwrap();
            let text = serde_json::to_string(&gateway).unwrap();
            let secrets: Vec<_> = preset.fields.iter().filter(|field| field.secret).collect();
            for field in &secrets {
                assert!(!text.contains(&format!("my-{}", field.name)), "{}: {text}", preset.id);
            }
            let mut visited = Vec::new();
            gateway.secrets(&mut |path, secret| visited.push((path.to_owned(), secret.expose().to_owned())));
            assert_eq!(visited.len(), secrets.len(), "{}: {visited:?}", preset.id);
            assert!(visited.iter().all(|(_, value)| value.starts_with("my-")), "{visited:?}");
        }
    }

    #[test]
    fn missing_and_foreign_fields_are_named() {
        let preset = Preset::find("twilio_sms").unwrap();
        let mut values = filled(preset);
        values.remove("sender");
        values.insert("colour".to_owned(), Secret::new("blue"));
        let problems: Vec<String> = preset
            .fill("g", &values)
            .err()
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        let wanted = [
            "sender is missing: a number of yours (+1…) or an alphanumeric sender",
            "colour is no field of this provider",
        ];
        assert_eq!(problems, wanted);
        let infobip = Preset::find("infobip_sms").unwrap();
        let mut values = filled(infobip);
        values.insert("host".to_owned(), Secret::new("evil.example/{text}?"));
        assert!(infobip.fill("g", &values).is_err());
    }
}
