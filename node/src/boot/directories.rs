//! The port of the use cases to directories, over the adapter that speaks LDAP.
//!
//! A directory's adapter (its connections, its bulkhead, what it knows of its controllers) lives as long as the directory's revision;
//! a change of the settings makes another.

mod errors;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use quorate_app::{
    Allowed, Contact, Directories, DirectoryRefused, DirectoryStanding, ExaminedStep, FieldError, NotChanged, People,
    Person,
};
use quorate_core::{Directory, DirectoryId, Revision};
use quorate_directory::{AccountState, AuthenticateError, FindError, Health, Outcome};
use quorate_seal::{Aad, Field, KeyRing};
use tokio::sync::mpsc;
use tokio::time::Instant;
use zeroize::Zeroizing;

use self::settings::{Addresses, NO_DOMAIN, listed, read};

/// How long an examination may take, and one page of people.
const EXAMINATION: Duration = Duration::from_secs(30);

type Adapter = Arc<AtWork>;

/// A directory that is asked, and what becomes of the addresses that it says.
struct AtWork {
    asked: quorate_directory::Directory,
    addresses: Addresses,
    sync_interval: Option<Duration>,
    allowed: Allowed,
}

impl std::ops::Deref for AtWork {
    type Target = quorate_directory::Directory;

    fn deref(&self) -> &Self::Target {
        &self.asked
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
            allowed: read.allowed,
        });
        self.adapters
            .lock()
            .insert(directory.id, (directory.revision, made.clone()));
        Ok(made)
    }
}

#[async_trait]
impl Directories for LdapDirectories {
    fn check(&self, settings: &[u8]) -> Vec<FieldError> {
        match read(settings, "directory", NO_DOMAIN) {
            Err(problems) => problems,
            Ok(read) => match quorate_directory::Directory::new(read.settings) {
                Ok(_) => Vec::new(),
                Err(error) => vec![FieldError::new("settings.ca_pem", error.to_string(), "")],
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
            Err(AuthenticateError::Denied(denied)) => Err(errors::refused(denied)),
            Err(AuthenticateError::Unavailable(why)) => {
                Err(errors::unavailable(&why, adapter.status().controllers.len()))
            }
        }
    }

    fn allowed(&self, directory: &Directory) -> Allowed {
        self.adapter(directory)
            .map(|adapter| adapter.allowed)
            .unwrap_or_default()
    }

    async fn set_password(
        &self,
        directory: &Directory,
        name: &str,
        old: Option<&Zeroizing<String>>,
        new: &Zeroizing<String>,
        deadline: Instant,
    ) -> Result<(), NotChanged> {
        let adapter = self.adapter(directory).map_err(NotChanged::Unavailable)?;
        let changed = match old {
            Some(old) => adapter.change_password(name, old, new, deadline).await,
            None => adapter.reset_password(name, new, deadline).await,
        };
        changed.map_err(errors::password_not_set)
    }

    async fn write_contact(
        &self,
        directory: &Directory,
        name: &str,
        contact: &Contact,
        deadline: Instant,
    ) -> Result<(), NotChanged> {
        let adapter = self.adapter(directory).map_err(NotChanged::Unavailable)?;
        let contact = quorate_directory::Contact {
            mobile: contact.mobile.as_deref(),
            mail: contact.mail.as_deref(),
        };
        let written = adapter.write_back(name, contact, deadline).await;
        written.map_err(errors::contact_not_written)
    }

    async fn find(&self, directory: &Directory, name: &str, deadline: Instant) -> Result<Person, DirectoryRefused> {
        let adapter = self.adapter(directory).map_err(DirectoryRefused::Unavailable)?;
        match adapter.find(name, deadline).await {
            Ok(found) => Ok(person(&adapter.addresses, found)),
            Err(FindError::Unavailable(why)) => Err(errors::unavailable(&why, adapter.status().controllers.len())),
            Err(FindError::NotFound | FindError::Ambiguous | FindError::NoName { .. }) => Err(DirectoryRefused::Wrong),
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
