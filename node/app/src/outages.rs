//! Telling of directories that cannot be asked, without a line for every login: when one fails, when it answers again, and between the two
//! once a minute with a count. One that fails and answers in turns is told of no more often than that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use quorate_core::{Directory, DirectoryId};
use tokio::sync::mpsc;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::fields::FieldError;
use crate::limits;
use crate::ports::{
    Allowed, Contact, Directories, DirectoryRefused, DirectoryStanding, ExaminedStep, NotChanged, People, Person,
};

/// What there is to be told of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// It cannot be asked: why this time, and how many logins had no answer since it was told of last.
    CannotBeAsked { why: String, logins: u64 },
    /// It answers again: how many logins had no answer since it was told of last.
    AnswersAgain { logins: u64 },
}

/// Who is told.
type Tell = Box<dyn Fn(&Directory, Notice) + Send + Sync>;

/// Directories whose outages are told.
pub struct WatchedDirectories {
    directories: Arc<dyn Directories>,
    outages: Mutex<Outages>,
    tell: Tell,
}

impl WatchedDirectories {
    /// Tells the log.
    pub fn new(directories: Arc<dyn Directories>) -> Self {
        Self::telling(directories, log)
    }

    /// Tells somebody else.
    pub fn telling(
        directories: Arc<dyn Directories>,
        tell: impl Fn(&Directory, Notice) + Send + Sync + 'static,
    ) -> Self {
        Self {
            directories,
            outages: Mutex::default(),
            tell: Box::new(tell),
        }
    }
}

fn log(directory: &Directory, notice: Notice) {
    let directory = &directory.name;
    match notice {
        Notice::CannotBeAsked { why, logins } => {
            tracing::warn!(%directory, why, logins, "a directory cannot be asked: its people have no answer");
        }
        Notice::AnswersAgain { logins } => tracing::info!(%directory, logins, "a directory answers again"),
    }
}

/// What was told of each directory.
#[derive(Default)]
struct Outages(BTreeMap<DirectoryId, Outage>);

struct Outage {
    /// When it was last said that the directory cannot be asked.
    told: Instant,
    /// Nothing else was said since then.
    is_down: bool,
    /// Logins without an answer that nobody was told of.
    untold: u64,
}

impl Outages {
    fn failed(&mut self, directory: DirectoryId, why: &str, now: Instant) -> Option<Notice> {
        if self.0.len() >= quorate_core::limits::DIRECTORIES && !self.0.contains_key(&directory) {
            // Most of them are deleted; the others are told of anew.
            self.0.clear();
        }
        let logins = match self.0.get_mut(&directory) {
            Some(outage) if now.saturating_duration_since(outage.told) < limits::OUTAGE_NOTICE_INTERVAL => {
                outage.untold += 1;
                return None;
            }
            known => 1 + known.map_or(0, |outage| outage.untold),
        };
        let outage = Outage {
            told: now,
            is_down: true,
            untold: 0,
        };
        self.0.insert(directory, outage);
        let why = why.to_owned();
        Some(Notice::CannotBeAsked { why, logins })
    }

    fn answered(&mut self, directory: DirectoryId) -> Option<Notice> {
        let outage = self.0.get_mut(&directory).filter(|outage| outage.is_down)?;
        outage.is_down = false;
        let logins = std::mem::take(&mut outage.untold);
        Some(Notice::AnswersAgain { logins })
    }
}

#[async_trait]
impl Directories for WatchedDirectories {
    fn check(&self, settings: &[u8]) -> Vec<FieldError> {
        self.directories.check(settings)
    }

    async fn authenticate(
        &self,
        directory: &Directory,
        name: &str,
        password: &Zeroizing<String>,
        deadline: Instant,
    ) -> Result<Person, DirectoryRefused> {
        let answer = self.directories.authenticate(directory, name, password, deadline).await;
        let notice = match &answer {
            Err(DirectoryRefused::Unavailable(why) | DirectoryRefused::Down(why)) => {
                self.outages.lock().failed(directory.id, why, Instant::now())
            }
            Ok(_) | Err(DirectoryRefused::Wrong | DirectoryRefused::Account(_)) => {
                self.outages.lock().answered(directory.id)
            }
        };
        if let Some(notice) = notice {
            (self.tell)(directory, notice);
        }
        answer
    }

    fn allowed(&self, directory: &Directory) -> Allowed {
        self.directories.allowed(directory)
    }

    async fn set_password(
        &self,
        directory: &Directory,
        name: &str,
        old: Option<&Zeroizing<String>>,
        new: &Zeroizing<String>,
        deadline: Instant,
    ) -> Result<(), NotChanged> {
        self.directories.set_password(directory, name, old, new, deadline).await
    }

    async fn write_contact(
        &self,
        directory: &Directory,
        name: &str,
        contact: &Contact,
        deadline: Instant,
    ) -> Result<(), NotChanged> {
        self.directories.write_contact(directory, name, contact, deadline).await
    }

    async fn find(&self, directory: &Directory, name: &str, deadline: Instant) -> Result<Person, DirectoryRefused> {
        self.directories.find(directory, name, deadline).await
    }

    fn sync_interval(&self, directory: &Directory) -> Option<Duration> {
        self.directories.sync_interval(directory)
    }

    fn people(&self, directory: &Directory) -> mpsc::Receiver<People> {
        self.directories.people(directory)
    }

    async fn examine(
        &self,
        directory: &Directory,
        person: Option<(String, Option<Zeroizing<String>>)>,
    ) -> Vec<ExaminedStep> {
        self.directories.examine(directory, person).await
    }

    fn standing(&self, directory: &Directory) -> DirectoryStanding {
        self.directories.standing(directory)
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    const OFFICE: DirectoryId = DirectoryId(1);

    fn down(logins: u64) -> Option<Notice> {
        let why = "dead".to_owned();
        Some(Notice::CannotBeAsked { why, logins })
    }

    #[test]
    fn an_outage_is_told_when_it_begins_once_a_minute_and_when_it_ends() {
        let (mut outages, begun) = (Outages::default(), Instant::now());
        let at = |second| begun + Duration::from_secs(second);
        assert_eq!(outages.answered(OFFICE), None, "nobody was told anything else");
        assert_eq!(outages.failed(OFFICE, "dead", at(0)), down(1));
        for second in 1..60 {
            assert_eq!(outages.failed(OFFICE, "dead", at(second)), None);
        }
        assert_eq!(outages.failed(DirectoryId(2), "dead", at(59)), down(1), "another one");
        assert_eq!(outages.failed(OFFICE, "dead", at(60)), down(60));
        assert_eq!(outages.failed(OFFICE, "dead", at(61)), None);
        assert_eq!(outages.answered(OFFICE), Some(Notice::AnswersAgain { logins: 1 }));
        assert_eq!(outages.answered(OFFICE), None);
    }

    #[test]
    fn one_that_fails_and_answers_in_turns_is_told_of_once_a_minute() {
        let (mut outages, begun) = (Outages::default(), Instant::now());
        let mut told = Vec::new();
        for second in 0..=120 {
            told.extend(outages.failed(OFFICE, "dead", begun + Duration::from_secs(second)));
            told.extend(outages.answered(OFFICE));
        }
        let again = |logins| Notice::AnswersAgain { logins };
        let down = |logins| down(logins).unwrap();
        assert_eq!(told, [down(1), again(0), down(60), again(0), down(60), again(0)]);
    }

    #[test]
    fn what_is_remembered_of_directories_is_bounded() {
        let (mut outages, now) = (Outages::default(), Instant::now());
        for id in 0..1_000 {
            outages.failed(DirectoryId(id), "dead", now);
        }
        assert!(outages.0.len() <= quorate_core::limits::DIRECTORIES);
    }
}
