//! The port of the use cases to gateways, over the adapter that speaks SMTP, SMPP and HTTP.
//!
//! Settings are kept as the adapter writes them, without secrets, and the secrets beside them under their paths; both are sealed as
//! one. What the adapter knows of a gateway (its health, its counts) lives as long as the process, whatever becomes of the settings.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use quorate_api::Confidential;
use quorate_app::{
    AskedGateway, Delivery, ExaminedStep, FieldError, GatewayStanding, Message, Notifier, Preview, ReadGateway,
    ShownGateway, Wording, WrittenText,
};
use quorate_core::{Channel, Gateway, GatewayId, Report, Revision};
use quorate_delivery::presets::Preset;
use quorate_delivery::{
    ConsoleWriter, Kind, MailAddress, Outcome, Phone, Problem, Recipient, Rendered, Routes, Secret, Sent, Texts, Values,
};
use quorate_seal::{Aad, Field, KeyRing};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::texts;

/// Every gateway of the cluster, at work on this node.
pub struct Gateways {
    keys: Arc<KeyRing>,
    texts: Texts,
    routes: Mutex<AtWork>,
}

/// Routes, and the gateways that they were made of.
struct AtWork {
    of: Vec<(GatewayId, Revision)>,
    routes: Arc<Routes>,
}

/// A mail to an operator.
pub struct Letter<'a> {
    /// The same when it is sent again.
    pub reference: &'a str,
    pub to: &'a MailAddress,
    pub subject: String,
    pub text: String,
}

/// As it lies sealed in the state.
#[derive(Serialize, Deserialize)]
struct Kept {
    gateway: quorate_delivery::Gateway,
    secrets: BTreeMap<String, Confidential>,
}

impl Gateways {
    /// # Panics
    /// Never: the texts are part of the program, and a test compiles them.
    pub fn new(keys: Arc<KeyRing>) -> Self {
        let console: ConsoleWriter = Arc::new(Mutex::new(io::stdout()));
        let none = Routes::new(&[], console).unwrap_or_else(|_| unreachable!("no gateway has a wrong setting"));
        Self {
            keys,
            texts: texts::shipped(),
            routes: Mutex::new(AtWork {
                of: Vec::new(),
                routes: Arc::new(none),
            }),
        }
    }

    /// Sends a mail that has no code in it.
    ///
    /// # Errors
    /// No gateway said that it has it; a sentence.
    pub async fn post(&self, gateways: &[Arc<Gateway>], letter: Letter<'_>, deadline: Instant) -> Result<(), String> {
        let to = Recipient::Mail(letter.to.clone());
        let text = Zeroizing::new(letter.text);
        let message = quorate_delivery::Message::new(quorate_delivery::Channel::Email, to, letter.reference, text)
            .and_then(|made| made.with_subject(letter.subject))
            .map_err(|error| error.to_string())?;
        match self.routes(gateways).send(&message, deadline).await {
            Sent::Delivered { .. } => Ok(()),
            Sent::Failed { attempts } => Err(attempts
                .last()
                .map_or_else(|| "no gateway carries mail".to_owned(), |last| last.outcome.to_string())),
        }
    }

    /// Routes over these gateways, in their order.
    fn routes(&self, gateways: &[Arc<Gateway>]) -> Arc<Routes> {
        let of: Vec<_> = gateways.iter().map(|one| (one.id, one.revision)).collect();
        let mut at_work = self.routes.lock();
        if at_work.of == of {
            return at_work.routes.clone();
        }
        let opened: Vec<_> = gateways.iter().filter_map(|one| self.opened(one)).collect();
        match at_work.routes.with(&opened) {
            Ok(routes) => {
                at_work.of = of;
                at_work.routes = Arc::new(routes);
            }
            Err(problems) => tracing::error!(problems = listed(&problems), "gateways cannot be put to work"),
        }
        at_work.routes.clone()
    }

    /// The adapter's settings, named by the id: names may change hands, and health must not.
    fn opened(&self, gateway: &Gateway) -> Option<quorate_delivery::Gateway> {
        let aad = Aad {
            field: Field::GatewaySettings,
            record: gateway.id.0,
        };
        let read = match self.keys.open(aad, gateway.settings.as_bytes()) {
            Ok(kept) => Kept::read(&kept),
            Err(error) => Err(error.to_string()),
        };
        match read {
            Ok(settings) => Some(quorate_delivery::Gateway {
                name: gateway.id.to_string(),
                enabled: gateway.enabled,
                priority: gateway.priority,
                ..settings
            }),
            Err(why) => {
                tracing::error!(gateway = %gateway.name, why, "the settings of a gateway cannot be read");
                None
            }
        }
    }

    fn message(&self, wording: &Wording, message: &Message) -> Result<quorate_delivery::Message, String> {
        let channel = channel_of(message.channel);
        let minutes = message.lifetime_ms.div_ceil(60_000).to_string();
        let values = Values {
            code: &message.code,
            user: &message.user,
            application: &message.application,
            client: &message.client,
            minutes: &minutes,
        };
        let text = texts::under(&self.texts, wording, channel)
            .render(channel, &message.language, &values)
            .map_err(|error| error.to_string())?;
        let made = composed(message.channel, &message.address, &message.id.to_string(), text)?;
        made.with_code(Secret::new(message.code.as_str()))
            .and_then(|made| made.with_context(&message.user, &message.application, &message.language))
            .map_err(|error| error.to_string())
    }
}

#[async_trait]
impl Notifier for Gateways {
    fn read(&self, asked: &AskedGateway<'_>, former: Option<&[u8]>) -> Result<ReadGateway, Vec<FieldError>> {
        let mut gateway = adapter_settings(asked)?;
        let former = former.and_then(|kept| serde_json::from_slice::<Kept>(kept).ok());
        if let Some(former) = &former {
            gateway.secrets(&mut |path, secret| {
                if let Some(kept) = former.secrets.get(path).filter(|_| secret.is_empty()) {
                    *secret = Secret::new(kept.expose());
                }
            });
        }
        gateway
            .check()
            .map_err(|problems| problems.iter().map(field_error).collect::<Vec<_>>())?;
        let channels = gateway.channels.iter().map(|one| channel_here(*one)).collect();
        let kept = Kept::of(gateway);
        let kept = serde_json::to_vec(&kept).map_err(|error| vec![problem("settings", &error.to_string())])?;
        Ok(ReadGateway {
            channels,
            kept: Zeroizing::new(kept),
        })
    }

    fn shown(&self, kept: &[u8]) -> ShownGateway {
        let Ok(gateway) = Kept::read(kept) else {
            return ShownGateway::default();
        };
        let warnings = gateway.warnings().iter().map(field_error).collect();
        let mut settings = serde_json::to_value(&gateway).unwrap_or_default();
        if let Value::Object(fields) = &mut settings {
            IN_THE_RECORD.iter().for_each(|name| drop(fields.remove(*name)));
        }
        ShownGateway {
            settings: settings.to_string().into_bytes(),
            kind: kind(&gateway.kind).to_owned(),
            warnings,
        }
    }

    fn check_text(&self, asked: &WrittenText) -> Result<Vec<FieldError>, Vec<FieldError>> {
        texts::check(asked)
    }

    fn built_in_texts(&self) -> Vec<WrittenText> {
        texts::built_in()
    }

    fn preview(&self, wording: &Wording, channel: Channel, language: &str) -> Result<Preview, String> {
        let texts = texts::under(&self.texts, wording, channel_of(channel));
        texts::preview(&texts, channel_of(channel), language)
    }

    async fn send(
        &self,
        gateways: &[Arc<Gateway>],
        wording: &Wording,
        message: Message,
        deadline: Instant,
    ) -> Delivery {
        let code = message.id;
        let ready = match self.message(wording, &message) {
            Ok(ready) => ready,
            Err(why) => {
                tracing::warn!(%code, why, "a message cannot be written");
                return Delivery {
                    report: Report::Failed,
                    attempts: 0,
                };
            }
        };
        let sent = self.routes(gateways).send(&ready, deadline).await;
        for attempt in sent.attempts() {
            let gateway = name_of(gateways, &attempt.gateway);
            tracing::info!(%code, gateway, server = attempt.server, outcome = %attempt.outcome, "a gateway was asked");
        }
        let report = match &sent {
            Sent::Delivered { gateway, .. } => Report::Sent {
                gateway: gateway.parse().ok(),
            },
            Sent::Failed { .. } if sent.may_have_arrived() => Report::Unknown,
            Sent::Failed { .. } => Report::Failed,
        };
        Delivery {
            report,
            attempts: sent.attempts().len().try_into().unwrap_or(u8::MAX),
        }
    }

    async fn test(
        &self,
        gateways: &[Arc<Gateway>],
        gateway: GatewayId,
        (channel, address): (Channel, &str),
        deadline: Instant,
    ) -> Vec<ExaminedStep> {
        let text = texts::of_a_test(channel_of(channel));
        let message = match composed(channel, address, "test", text) {
            Ok(message) => message,
            Err(why) => return vec![step("message", "failed", 0, why)],
        };
        let routes = self.routes(gateways);
        let Some(tested) = routes.test(&gateway.to_string(), &message, deadline).await else {
            let why = "they cannot be opened; see the log of this node";
            return vec![step("settings", "failed", 0, why.to_owned())];
        };
        let mut steps = Vec::new();
        for server in tested.servers {
            steps.extend(server.steps.iter().map(|one| {
                let outcome = if one.ok { "ok" } else { "failed" };
                let name = format!("{}: {}", server.server, one.name);
                step(&name, outcome, one.took_ms, one.detail.clone())
            }));
            if server.steps.is_empty() || matches!(server.outcome, Outcome::RateLimited { .. }) {
                steps.push(step(&server.server, "failed", 0, server.outcome.to_string()));
            }
        }
        steps
    }

    fn standing(&self, gateway: &Gateway) -> GatewayStanding {
        let id = gateway.id.to_string();
        let status = self.routes.lock().routes.status();
        let unasked = GatewayStanding {
            well: true,
            ..GatewayStanding::default()
        };
        status
            .into_iter()
            .find(|one| one.name == id)
            .map_or(unasked, |one| GatewayStanding {
                well: one.unusable.is_empty() && one.consecutive_failures == 0,
                said: match &one.last_error {
                    _ if !one.unusable.is_empty() => one.unusable,
                    Some((said, _)) if one.consecutive_failures > 0 => said.clone(),
                    _ => String::new(),
                },
                sent: one.counters.sent,
                failed: one.counters.failed,
                unknown: one.counters.unknown,
                rate_limited: one.counters.rate_limited,
                backing_off_ms: one.backing_off_for.map(whole_ms),
                last_error: one.last_error.map(|(said, ago)| (said, whole_ms(ago))),
            })
    }
}

/// What stands beside the settings in the record, and so not in what is given and shown as settings.
const IN_THE_RECORD: [&str; 4] = ["name", "enabled", "channels", "priority"];

/// Settings in the adapter's form, or a preset made into them.
fn adapter_settings(asked: &AskedGateway<'_>) -> Result<quorate_delivery::Gateway, Vec<FieldError>> {
    let unread = |error: serde_json::Error| vec![problem("settings", &format!("cannot be read: {error}"))];
    let mut settings: serde_json::Map<String, Value> = serde_json::from_slice(asked.settings).map_err(unread)?;
    if let Some(twice) = IN_THE_RECORD.iter().find(|name| settings.contains_key(**name)) {
        return Err(vec![problem(
            &format!("settings.{twice}"),
            "belongs beside the settings",
        )]);
    }
    let made = filled(asked.name, &mut settings)?;
    let of_preset = made.as_ref().map(|made| made.channels.as_slice());
    let is_of = |kind: &str| settings.get("kind").is_some_and(|of| of.get(kind).is_some());
    let channels: Vec<_> = match (asked.channels, of_preset) {
        (Some(asked), _) => asked.iter().map(|one| one.label()).collect(),
        (None, Some(of_preset)) => of_preset.iter().map(|one| one.name()).collect(),
        (None, None) if is_of("smtp") => vec![Channel::Email.label()],
        (None, None) if is_of("smpp") => vec![Channel::Sms.label()],
        (None, None) => Channel::ALL.map(Channel::label).to_vec(),
    };
    settings.insert("name".to_owned(), asked.name.into());
    settings.insert("priority".to_owned(), asked.priority.into());
    settings.insert("channels".to_owned(), channels.into());
    let gateway: quorate_delivery::Gateway = serde_json::from_value(Value::Object(settings)).map_err(unread)?;
    Ok(quorate_delivery::Gateway {
        kind: made.map_or(gateway.kind.clone(), |made| made.kind),
        ..gateway
    })
}

/// The gateway of a preset that stands in the place of a kind, which is then filled with anything that can be read.
fn filled(
    name: &str,
    settings: &mut serde_json::Map<String, Value>,
) -> Result<Option<quorate_delivery::Gateway>, Vec<FieldError>> {
    let Some(preset) = settings.remove("preset") else {
        return Ok(None);
    };
    if settings.insert("kind".to_owned(), "console".into()).is_some() {
        return Err(vec![problem("settings.kind", "cannot stand beside a preset")]);
    }
    let fields = settings
        .remove("fields")
        .unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    let fields: BTreeMap<String, Secret> = serde_json::from_value(fields)
        .map_err(|error| vec![problem("settings.fields", &format!("cannot be read: {error}"))])?;
    let Some(preset) = preset.as_str().and_then(Preset::find) else {
        return Err(vec![problem(
            "settings.preset",
            "is not known; see quorate gateway presets",
        )]);
    };
    let of_field = |one: &Problem| problem(&format!("settings.fields.{}", one.field), &one.problem);
    let made = preset.fill(name, &fields);
    made.map(Some)
        .map_err(|problems| problems.iter().map(of_field).collect())
}

impl Kept {
    fn of(mut gateway: quorate_delivery::Gateway) -> Self {
        let mut secrets = BTreeMap::new();
        gateway.secrets(&mut |path, secret| {
            secrets.insert(path.to_owned(), Confidential::new(secret.expose()));
        });
        Self { gateway, secrets }
    }

    fn read(kept: &[u8]) -> Result<quorate_delivery::Gateway, String> {
        let Kept { mut gateway, secrets } = serde_json::from_slice(kept).map_err(|error| error.to_string())?;
        gateway.secrets(&mut |path, secret| {
            if let Some(kept) = secrets.get(path) {
                *secret = Secret::new(kept.expose());
            }
        });
        Ok(gateway)
    }
}

fn composed(
    channel: Channel,
    address: &str,
    reference: &str,
    text: Rendered,
) -> Result<quorate_delivery::Message, String> {
    let to = match channel {
        Channel::Email => MailAddress::parse(address)
            .map(Recipient::Mail)
            .map_err(|error| error.to_string()),
        Channel::Sms | Channel::Voice => Phone::parse(address, "")
            .map(Recipient::Phone)
            .map_err(|error| error.to_string()),
    };
    quorate_delivery::Message::new(channel_of(channel), to?, reference, text.text)
        .and_then(|made| made.with_subject(text.subject))
        .map_err(|error| error.to_string())
}

const fn kind(kind: &Kind) -> &'static str {
    match kind {
        Kind::Smtp(_) => "smtp",
        Kind::Http(_) => "http",
        Kind::Smpp(_) => "smpp",
        Kind::Console => "console",
    }
}

fn whole_ms(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

pub(super) const fn channel_of(channel: Channel) -> quorate_delivery::Channel {
    match channel {
        Channel::Sms => quorate_delivery::Channel::Sms,
        Channel::Email => quorate_delivery::Channel::Email,
        Channel::Voice => quorate_delivery::Channel::Voice,
    }
}

pub(super) const fn channel_here(channel: quorate_delivery::Channel) -> Channel {
    match channel {
        quorate_delivery::Channel::Sms => Channel::Sms,
        quorate_delivery::Channel::Email => Channel::Email,
        quorate_delivery::Channel::Voice => Channel::Voice,
    }
}

/// The name of the gateway whose id the adapter was given for a name.
fn name_of<'a>(gateways: &'a [Arc<Gateway>], id: &'a str) -> &'a str {
    let id_of = id.parse::<GatewayId>().ok();
    let found = gateways.iter().find(|gateway| Some(gateway.id) == id_of);
    found.map_or(id, |gateway| &gateway.name)
}

/// The adapter's field, as the API calls it.
fn field_error(one: &Problem) -> FieldError {
    let beside = IN_THE_RECORD.iter().any(|name| one.field.starts_with(name));
    let field = match beside {
        true => one.field.clone(),
        false => format!("settings.{}", one.field),
    };
    problem(&field, &one.problem)
}

fn problem(field: &str, problem: &str) -> FieldError {
    FieldError::new(field, problem, "")
}

pub(super) fn listed(problems: &[Problem]) -> String {
    let sentences: Vec<String> = problems.iter().map(ToString::to_string).collect();
    sentences.join("; ")
}

fn step(step: &str, outcome: &'static str, took_ms: u64, said: String) -> ExaminedStep {
    ExaminedStep {
        step: step.to_owned(),
        outcome,
        took_ms,
        said,
    }
}
