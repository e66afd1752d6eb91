//! The port of the use cases to directories, over the adapter that speaks LDAP.
//!
//! A directory's adapter (its connections, its bulkhead, what it knows of its controllers) lives as long as the directory's revision;
//! a change of the settings makes another.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use quorate_api::{DirectoryAttributes, DirectoryGroups, DirectoryKind, DirectorySettings};
use quorate_app::{Directories, DirectoryRefused, DirectoryStanding, ExaminedStep, FieldError, People, Person};
use quorate_core::{Channel, Directory, DirectoryId, Failure, Revision};
use quorate_delivery::{MailAddress, Phone};
use quorate_directory::{
    AccountState, Attributes, AuthenticateError, Controller, Denied, Groups, Health, Kind, MemberIs, Outcome, Security,
    ServiceAccount, Settings, Timeouts, Trust,
};
use quorate_seal::{Aad, Field, KeyRing};
use tokio::sync::mpsc;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// How long an examination may take, and one page of people.
const EXAMINATION: Duration = Duration::from_secs(30);

/// Reading a whole directory more often than this does nobody a service.
const SYNC_INTERVAL_MIN: Duration = Duration::from_secs(60);

/// Operations at once, if the settings say nothing: a controller answers a bind in milliseconds.
const WIDTH: usize = 32;

/// What the adapter, which wants a name for everything, calls the default domain.
const NO_DOMAIN: &str = "default";

type Adapter = Arc<AtWork>;

/// A directory that is asked, and what becomes of the addresses that it says.
struct AtWork {
    asked: quorate_directory::Directory,
    addresses: Addresses,
    sync_interval: Option<Duration>,
}

impl std::ops::Deref for AtWork {
    type Target = quorate_directory::Directory;

    fn deref(&self) -> &Self::Target {
        &self.asked
    }
}

/// To which of a person's addresses codes are sent.
#[derive(Default)]
struct Addresses {
    channels: Vec<Channel>,
    /// The code of the country whose numbers are written without one; empty if there is none.
    country: String,
}

impl Addresses {
    /// In normal form; what is no address is left out, and its person has to be given a token in another way.
    fn of(&self, found: &quorate_directory::Person) -> Vec<(Channel, String)> {
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

/// Every directory of the cluster, as far as it was asked.
pub struct LdapDirectories {
    keys: Arc<KeyRing>,
    adapters: Mutex<BTreeMap<DirectoryId, (Revision, Adapter)>>,
}

impl LdapDirectories {
    pub fn new(keys: Arc<KeyRing>) -> Self {
        Self {
            keys,
            adapters: Mutex::default(),
        }
    }

    fn adapter(&self, directory: &Directory) -> Result<Adapter, String> {
        if let Some((revision, adapter)) = self.adapters.lock().get(&directory.id)
            && *revision == directory.revision
        {
            return Ok(adapter.clone());
        }
        let aad = Aad {
            field: Field::DirectorySettings,
            record: directory.id.0,
        };
        let opened = self.keys.open(aad, directory.settings.as_bytes());
        let opened = opened.map_err(|error| format!("its settings do not open: {error}"))?;
        let domain = match directory.domain.is_empty() {
            true => NO_DOMAIN,
            false => &directory.domain,
        };
        let read = read(&opened, &directory.name, domain).map_err(|problems| listed(&problems))?;
        let made = Arc::new(AtWork {
            asked: quorate_directory::Directory::new(read.settings).map_err(|error| error.to_string())?,
            addresses: read.addresses,
            sync_interval: read.sync_interval,
        });
        self.adapters
            .lock()
            .insert(directory.id, (directory.revision, made.clone()));
        Ok(made)
    }
}

fn listed(problems: &[FieldError]) -> String {
    let sentences: Vec<String> = problems.iter().map(ToString::to_string).collect();
    sentences.join("; ")
}

#[async_trait]
impl Directories for LdapDirectories {
    fn check(&self, settings: &[u8]) -> Vec<FieldError> {
        match read(settings, "directory", NO_DOMAIN) {
            Err(problems) => problems,
            Ok(read) => match quorate_directory::Directory::new(read.settings) {
                Ok(_) => Vec::new(),
                Err(error) => vec![FieldError::new("settings.ca_pem", &error.to_string(), "")],
            },
        }
    }

    async fn authenticate(
        &self,
        directory: &Directory,
        name: &str,
        password: &Zeroizing<String>,
        deadline: Instant,
    ) -> Result<Person, DirectoryRefused> {
        let adapter = self.adapter(directory).map_err(DirectoryRefused::Unavailable)?;
        match adapter.authenticate(name, password, deadline).await {
            Ok(found) => Ok(person(&adapter.addresses, found)),
            Err(AuthenticateError::Denied(denied)) => Err(refused(denied)),
            Err(AuthenticateError::Unavailable(why)) => Err(DirectoryRefused::Unavailable(why.to_string())),
        }
    }

    fn sync_interval(&self, directory: &Directory) -> Option<Duration> {
        self.adapter(directory).ok()?.sync_interval
    }

    fn people(&self, directory: &Directory) -> mpsc::Receiver<People> {
        let (pages, read) = mpsc::channel(1);
        let adapter = self.adapter(directory);
        tokio::spawn(async move {
            let adapter = match adapter {
                Ok(adapter) => adapter,
                Err(why) => return drop(pages.send(People::Failed(why)).await),
            };
            let mut people = adapter.people();
            loop {
                let said = match people.next(Instant::now() + EXAMINATION).await {
                    Ok(Some(page)) => {
                        People::Page(page.into_iter().map(|one| person(&adapter.addresses, one)).collect())
                    }
                    Ok(None) => People::End,
                    Err(why) => People::Failed(why.to_string()),
                };
                let is_over = !matches!(said, People::Page(_));
                if pages.send(said).await.is_err() || is_over {
                    return;
                }
            }
        });
        read
    }

    async fn examine(
        &self,
        directory: &Directory,
        person: Option<(String, Option<Zeroizing<String>>)>,
    ) -> Vec<ExaminedStep> {
        let adapter = match self.adapter(directory) {
            Ok(adapter) => adapter,
            Err(said) => {
                return vec![ExaminedStep {
                    step: "settings".to_owned(),
                    outcome: "failed",
                    took_ms: 0,
                    said,
                }];
            }
        };
        let (name, password) = match &person {
            Some((name, password)) => (Some(name.as_str()), password.as_ref()),
            None => (None, None),
        };
        let reports = adapter.examine(name, password, Instant::now() + EXAMINATION).await;
        let step = |report: quorate_directory::StepReport| ExaminedStep {
            step: format!("{}: {}", report.controller, report.step),
            outcome: match report.outcome {
                Outcome::Passed => "ok",
                Outcome::Warning => "warning",
                Outcome::Failed => "failed",
                Outcome::Skipped => "skipped",
            },
            took_ms: report.took.as_millis() as u64,
            said: report.says,
        };
        reports.into_iter().map(step).collect()
    }

    fn standing(&self, directory: &Directory) -> DirectoryStanding {
        let Ok(adapter) = self.adapter(directory) else {
            return DirectoryStanding::default();
        };
        let status = adapter.status();
        let controller = |one: quorate_directory::ControllerStatus| {
            let (well, said) = match one.health {
                Health::Untried => (true, "not asked yet".to_owned()),
                Health::Up if one.is_active => (true, "is asked".to_owned()),
                Health::Up => (true, "stands by".to_owned()),
                Health::Down { reason, failures, .. } => (false, format!("down after {failures} failures: {reason}")),
            };
            (one.controller.to_string(), well, said)
        };
        DirectoryStanding {
            controllers: status.controllers.into_iter().map(controller).collect(),
        }
    }
}

fn refused(denied: Denied) -> DirectoryRefused {
    match denied {
        Denied::NotFound | Denied::Ambiguous | Denied::WrongPassword => DirectoryRefused::Wrong,
        Denied::Disabled => DirectoryRefused::Account(Failure::DisabledInDirectory),
        Denied::Locked => DirectoryRefused::Account(Failure::LockedInDirectory),
        Denied::Expired => DirectoryRefused::Account(Failure::ExpiredInDirectory),
        Denied::PasswordExpired | Denied::MustChangePassword => DirectoryRefused::Account(Failure::PasswordExpired),
        Denied::NotPermittedNow | Denied::NotPermittedHere => DirectoryRefused::Account(Failure::NotPermittedNow),
    }
}

/// A lock ends by itself, and a password can be changed: neither makes somebody leave.
fn person(addresses: &Addresses, found: quorate_directory::Person) -> Person {
    let active = match found.state {
        AccountState::Enabled
        | AccountState::Locked
        | AccountState::PasswordExpired
        | AccountState::MustChangePassword => true,
        AccountState::Disabled | AccountState::Expired => false,
    };
    Person {
        addresses: addresses.of(&found),
        name: found.name,
        unique_id: found.unique_id.unwrap_or_default(),
        display_name: found.display_name.unwrap_or_default(),
        mail: found.mail.unwrap_or_default(),
        mobile: found.mobile.unwrap_or_default(),
        language: found.language.unwrap_or_default(),
        groups: found.groups.into_iter().map(|group| group.cn).collect(),
        active,
    }
}

/// Settings that were read.
struct Read {
    settings: Settings,
    addresses: Addresses,
    sync_interval: Option<Duration>,
}

/// Settings as the adapter takes them.
///
/// # Errors
/// Every field that is wrong.
fn read(bytes: &[u8], name: &str, domain: &str) -> Result<Read, Vec<FieldError>> {
    let said: DirectorySettings = serde_json::from_slice(bytes)
        .map_err(|error| vec![FieldError::new("settings", &format!("cannot be read: {error}"), "")])?;
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
        problems.extend(wrong.map(|wrong| FieldError::new(&field_of(&wrong.field), &wrong.complaint.to_string(), "")));
    }
    let addresses = addresses(&said, &mut problems);
    let sync_interval = said.sync_every_s.map(|every_s| Duration::from_secs(u64::from(every_s)));
    if sync_interval.is_some_and(|interval| interval < SYNC_INTERVAL_MIN) {
        let hint = format!("{} seconds at least, or nothing for never", SYNC_INTERVAL_MIN.as_secs());
        problems.push(FieldError::new("settings.sync_every_s", "is too often", &hint));
    }
    match problems.is_empty() {
        true => Ok(Read {
            settings,
            addresses,
            sync_interval,
        }),
        false => Err(problems),
    }
}

fn addresses(said: &DirectorySettings, problems: &mut Vec<FieldError>) -> Addresses {
    let mut channels = Vec::new();
    for (place, label) in said.send_codes_to.iter().enumerate() {
        match Channel::of_label(label).filter(|channel| !channels.contains(channel)) {
            Some(channel) => channels.push(channel),
            None => problems.push(FieldError::new(
                &format!("settings.send_codes_to[{place}]"),
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
                &format!("settings.controllers[{place}]"),
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
