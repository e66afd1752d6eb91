//! Settings of a directory, as they lie sealed: read into what the adapter takes, with every field that is wrong named.

use std::time::Duration;

use quorate_api::{DirectoryAttributes, DirectoryGroups, DirectoryKind, DirectorySettings};
use quorate_app::{Allowed, FieldError};
use quorate_core::Channel;
use quorate_delivery::{MailAddress, Phone};
use quorate_directory::{
    Attributes, Controller, Groups, Kind, MemberIs, Security, ServiceAccount, Settings, Timeouts, Trust,
};
use zeroize::Zeroizing;

/// Reading a whole directory more often than this does nobody a service.
const SYNC_INTERVAL_MIN: Duration = Duration::from_secs(60);

/// Operations at once, if the settings say nothing: a controller answers a bind in milliseconds.
const WIDTH: usize = 32;

/// What the adapter, which wants a name for everything, calls the default domain.
pub(super) const NO_DOMAIN: &str = "default";

/// To which of a person's addresses codes are sent.
#[derive(Default)]
pub(super) struct Addresses {
    channels: Vec<Channel>,
    /// The code of the country whose numbers are written without one; empty if there is none.
    country: String,
}

impl Addresses {
    /// In normal form; what is no address is left out, and its person has to be given a token in another way.
    pub(super) fn of(&self, found: &quorate_directory::Person) -> Vec<(Channel, String)> {
        let address = |channel: &Channel| match channel {
            Channel::Email => MailAddress::parse(found.mail.as_deref()?)
                .ok()
                .map(|mail| mail.as_str().to_owned()),
            Channel::Sms | Channel::Voice => Phone::parse(found.mobile.as_deref()?, &self.country)
                .ok()
                .map(|phone| phone.as_str().to_owned()),
        };
        let channels = self.channels.iter();
        channels
            .filter_map(|channel| Some((*channel, address(channel)?)))
            .collect()
    }
}

pub(super) fn listed(problems: &[FieldError]) -> String {
    let sentences: Vec<String> = problems.iter().map(ToString::to_string).collect();
    sentences.join("; ")
}

/// Settings that were read.
pub(super) struct Read {
    pub settings: Settings,
    pub addresses: Addresses,
    pub sync_interval: Option<Duration>,
    pub allowed: Allowed,
}

/// Settings as the adapter takes them.
///
/// # Errors
/// Every field that is wrong.
pub(super) fn read(bytes: &[u8], name: &str, domain: &str) -> Result<Read, Vec<FieldError>> {
    let said: DirectorySettings = serde_json::from_slice(bytes)
        .map_err(|error| vec![FieldError::new("settings", format!("cannot be read: {error}"), "")])?;
    let mut problems = Vec::new();
    let kind = match said.kind {
        DirectoryKind::Ldap => Kind::Ldap,
        DirectoryKind::ActiveDirectory => Kind::ActiveDirectory,
    };
    let controllers = controllers(&said.controllers, &mut problems);
    let trust = trust(&said, &mut problems);
    let usual = Timeouts::default();
    let ms = |ms: Option<u32>, usual: Duration| ms.map_or(usual, |ms| Duration::from_millis(u64::from(ms)));
    let settings = Settings {
        name: name.to_owned(),
        domain: domain.to_owned(),
        kind,
        controllers,
        trust,
        account: ServiceAccount {
            name: said.account.clone(),
            password: Zeroizing::new(
                said.account_password
                    .as_ref()
                    .map_or("", |password| password.expose())
                    .to_owned(),
            ),
        },
        base: said.base.clone(),
        user_filter: said
            .user_filter
            .clone()
            .unwrap_or_else(|| usual_filter(kind).to_owned()),
        member_filter: said.member_filter.clone(),
        attributes: attributes(kind, &said.attributes),
        groups: said.groups.as_ref().map(|said| groups(kind, said)),
        referrals: said.referrals,
        timeouts: Timeouts {
            connect: ms(said.connect_timeout_ms, usual.connect),
            operation: ms(said.operation_timeout_ms, usual.operation),
        },
        width: said.width.map_or(WIDTH, usize::from),
    };
    if let Err(wrong) = settings.check() {
        let unread = !problems.is_empty();
        let wrong = wrong
            .into_iter()
            .filter(|wrong| !(unread && wrong.field == "controllers"));
        problems.extend(wrong.map(|wrong| FieldError::new(field_of(&wrong.field), wrong.complaint.to_string(), "")));
    }
    let addresses = addresses(&said, &mut problems);
    let sync_interval = said.sync_every_s.map(|every_s| Duration::from_secs(u64::from(every_s)));
    if sync_interval.is_some_and(|interval| interval < SYNC_INTERVAL_MIN) {
        let hint = format!("{} seconds at least, or nothing for never", SYNC_INTERVAL_MIN.as_secs());
        problems.push(FieldError::new("settings.sync_every_s", "is too often", &hint));
    }
    let allowed = allowed(&said, &mut problems);
    match problems.is_empty() {
        true => Ok(Read {
            settings,
            addresses,
            sync_interval,
            allowed,
        }),
        false => Err(problems),
    }
}

/// No new password is sent where it could be read on the way, so allowing it there is a mistake.
fn allowed(said: &DirectorySettings, problems: &mut Vec<FieldError>) -> Allowed {
    let in_clear = said.controllers.iter().any(|one| one.starts_with("plain://"));
    for (field, is_allowed) in [
        ("settings.reset_passwords", said.reset_passwords),
        ("settings.change_passwords", said.change_passwords),
    ] {
        if is_allowed && in_clear {
            let hint = "ldaps:// or starttls://";
            problems.push(FieldError::new(
                field,
                "cannot be where a controller is asked in clear",
                hint,
            ));
        }
    }
    Allowed {
        reset_passwords: said.reset_passwords,
        change_passwords: said.change_passwords,
        write_contacts: said.write_contacts,
    }
}

fn addresses(said: &DirectorySettings, problems: &mut Vec<FieldError>) -> Addresses {
    let mut channels = Vec::new();
    for (place, label) in said.send_codes_to.iter().enumerate() {
        match Channel::of_label(label).filter(|channel| !channels.contains(channel)) {
            Some(channel) => channels.push(channel),
            None => problems.push(FieldError::new(
                format!("settings.send_codes_to[{place}]"),
                "is no channel, or stands there twice",
                "sms, email or voice",
            )),
        }
    }
    let country = said.default_country.clone().unwrap_or_default();
    if Phone::parse("2125550123", &country).is_err() && !country.is_empty() {
        problems.push(FieldError::new(
            "settings.default_country",
            "is no code of a country",
            "such as 90 or 49",
        ));
    }
    Addresses { channels, country }
}

/// The adapter's name for a field, as the API calls it.
fn field_of(field: &str) -> String {
    let known = match field {
        "account.name" => "account",
        "account.password" => "account_password",
        "trust" => "ca_pem",
        "timeouts.connect_ms" => "connect_timeout_ms",
        "timeouts.operation_ms" => "operation_timeout_ms",
        "groups.remember_secs" => "groups.remember_s",
        other => other,
    };
    format!("settings.{known}")
}

const fn usual_filter(kind: Kind) -> &'static str {
    match kind {
        Kind::Ldap => "(&(objectClass=person)(uid={name}))",
        Kind::ActiveDirectory => "(&(objectCategory=person)(objectClass=user)(sAMAccountName={name}))",
    }
}

fn controllers(said: &[String], problems: &mut Vec<FieldError>) -> Vec<Controller> {
    let mut read = Vec::new();
    for (place, text) in said.iter().enumerate() {
        match controller(text) {
            Some(controller) => read.push(controller),
            None => problems.push(FieldError::new(
                format!("settings.controllers[{place}]"),
                "is no controller",
                "ldaps://host, starttls://host or plain://host, with :port if it is not the usual",
            )),
        }
    }
    read
}

fn controller(text: &str) -> Option<Controller> {
    let (scheme, rest) = text.split_once("://")?;
    let (security, usual_port) = match scheme {
        "ldaps" => (Security::Ldaps, 636),
        "starttls" => (Security::StartTls, 389),
        "plain" => (Security::Plain, 389),
        _ => return None,
    };
    let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => match rest.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        },
    };
    let port = port.map_or(Some(usual_port), |port| port.parse().ok())?;
    (!host.is_empty()).then(|| Controller {
        host: host.to_owned(),
        port,
        security,
    })
}

fn trust(said: &DirectorySettings, problems: &mut Vec<FieldError>) -> Trust {
    match (&said.ca_pem, said.pins.is_empty()) {
        (Some(pem), true) => Trust::Authority(pem.clone()),
        (None, true) => Trust::System,
        (ca, false) => {
            if ca.is_some() {
                problems.push(FieldError::new(
                    "settings.pins",
                    "cannot stand beside an authority",
                    "one of the two",
                ));
            }
            let pins: Option<Vec<[u8; 32]>> = said.pins.iter().map(|pin| digest(pin)).collect();
            Trust::Pinned(pins.unwrap_or_else(|| {
                problems.push(FieldError::new(
                    "settings.pins",
                    "has one that is no SHA-256",
                    "64 hexadecimal digits",
                ));
                Vec::new()
            }))
        }
    }
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let plain: String = text.chars().filter(|c| *c != ':').collect();
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(plain.as_bytes()).ok()?;
    bytes.try_into().ok()
}

fn attributes(kind: Kind, said: &DirectoryAttributes) -> Attributes {
    let usual = Attributes::usual(kind);
    let or = |said: &Option<String>, usual: Option<String>| match said.as_deref() {
        None => usual,
        Some("") => None,
        Some(name) => Some(name.to_owned()),
    };
    Attributes {
        name: said.name.clone().unwrap_or(usual.name),
        unique_id: or(&said.unique_id, usual.unique_id),
        display_name: or(&said.display_name, usual.display_name),
        mail: or(&said.mail, usual.mail),
        mobile: or(&said.mobile, usual.mobile),
        phone: or(&said.phone, usual.phone),
        language: or(&said.language, usual.language),
        manager: or(&said.manager, usual.manager),
    }
}

fn groups(kind: Kind, said: &DirectoryGroups) -> Groups {
    let usual = Groups::usual(kind);
    Groups {
        base: said.base.clone(),
        filter: said.filter.clone().unwrap_or(usual.filter),
        member_attribute: said.member_attribute.clone().unwrap_or(usual.member_attribute),
        member_is: match said.members_are_names {
            true => MemberIs::Name,
            false => MemberIs::Dn,
        },
        nested: said.nested.unwrap_or(usual.nested),
        remember: Duration::from_secs(u64::from(said.remember_s)),
    }
}
