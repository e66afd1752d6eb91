//! A directory in memory, for tests of the use cases: people with passwords, who can be locked, gone, or not answered for.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use quorate_core::{Directory, Failure};
use tokio::sync::mpsc;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::fields::FieldError;
use crate::ports::{
    Allowed, Contact, Directories, DirectoryRefused, DirectoryStanding, ExaminedStep, NotChanged, People, Person,
};

/// A person, the right password, and what is wrong with the account.
type Row = (Person, String, Option<Failure>);

#[derive(Default)]
pub(crate) struct TestDirectories {
    people: Mutex<BTreeMap<String, Row>>,
    /// How often a password was judged.
    pub(crate) asked: Mutex<Vec<String>>,
    pub(crate) is_down: Mutex<bool>,
    /// A list of people ends after so many, without saying that it does.
    pub(crate) breaks_off_after: Mutex<Option<usize>>,
    /// What the settings say.
    pub(crate) allowed: Mutex<Allowed>,
}

impl TestDirectories {
    pub(crate) fn put(&self, name: &str, password: &str, failure: Option<Failure>) -> Person {
        let person = Person {
            name: name.to_owned(),
            unique_id: format!("uid of {}", name.to_lowercase()),
            display_name: name.to_uppercase(),
            mail: String::new(),
            mobile: String::new(),
            language: String::new(),
            groups: vec!["vpn".to_owned(), "staff".to_owned()],
            addresses: Vec::new(),
            active: true,
        };
        let row = (person.clone(), password.to_owned(), failure);
        self.people.lock().insert(name.to_lowercase(), row);
        person
    }

    pub(crate) fn password_of(&self, name: &str) -> String {
        self.people.lock().get(name).expect("somebody is there").1.clone()
    }

    pub(crate) fn find_mail(&self, name: &str) -> String {
        self.people.lock().get(name).expect("somebody is there").0.mail.clone()
    }

    pub(crate) fn part_with(&self, name: &str) {
        self.people.lock().remove(name);
    }

    /// Changes what the directory says of somebody.
    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut Person)) {
        let mut people = self.people.lock();
        change(&mut people.get_mut(name).expect("somebody is there").0);
    }
}

#[async_trait]
impl Directories for TestDirectories {
    fn check(&self, settings: &[u8]) -> Vec<FieldError> {
        match settings.is_empty() {
            false => Vec::new(),
            true => vec![FieldError {
                field: "settings.base".to_owned(),
                problem: "must not be empty".to_owned(),
                hint: String::new(),
            }],
        }
    }

    async fn authenticate(
        &self,
        _directory: &Directory,
        name: &str,
        password: &Zeroizing<String>,
        _deadline: Instant,
    ) -> Result<Person, DirectoryRefused> {
        if *self.is_down.lock() {
            return Err(DirectoryRefused::Down("nobody answers".to_owned()));
        }
        self.asked.lock().push(name.to_owned());
        match self.people.lock().get(name) {
            Some((_, right, _)) if *right != **password => Err(DirectoryRefused::Wrong),
            Some((_, _, Some(failure))) => Err(DirectoryRefused::Account(*failure)),
            Some((person, _, None)) => Ok(person.clone()),
            None => Err(DirectoryRefused::Wrong),
        }
    }

    fn allowed(&self, _directory: &Directory) -> Allowed {
        *self.allowed.lock()
    }

    /// Takes no password of less than four letters, and does not say what it does with "lost".
    async fn set_password(
        &self,
        _directory: &Directory,
        name: &str,
        old: Option<&Zeroizing<String>>,
        new: &Zeroizing<String>,
        _deadline: Instant,
    ) -> Result<(), NotChanged> {
        if *self.is_down.lock() {
            return Err(NotChanged::Unavailable("nobody answers".to_owned()));
        }
        let mut people = self.people.lock();
        let nobody = NotChanged::NotPossible("nobody of that name".to_owned());
        let (_, password, failure) = people.get_mut(name).ok_or(nobody)?;
        if old.is_some_and(|old| **old != *password) {
            return Err(NotChanged::WrongOld);
        }
        match new.as_str() {
            "lost" => Err(NotChanged::Unknown("no answer".to_owned())),
            short if short.len() < 4 => Err(NotChanged::Refused("is too short".to_owned())),
            new => {
                new.clone_into(password);
                failure.take_if(|failure| *failure == Failure::PasswordExpired);
                Ok(())
            }
        }
    }

    async fn write_contact(
        &self,
        _directory: &Directory,
        name: &str,
        contact: &Contact,
        _deadline: Instant,
    ) -> Result<(), NotChanged> {
        let Contact { mobile, mail } = contact.clone();
        self.change(name, |person| {
            person.mobile = mobile.unwrap_or_else(|| person.mobile.clone());
            person.mail = mail.unwrap_or_else(|| person.mail.clone());
        });
        Ok(())
    }

    async fn find(&self, _directory: &Directory, name: &str, _deadline: Instant) -> Result<Person, DirectoryRefused> {
        let people = self.people.lock();
        people
            .get(name)
            .map(|(person, ..)| person.clone())
            .ok_or(DirectoryRefused::Wrong)
    }

    fn sync_interval(&self, _directory: &Directory) -> Option<Duration> {
        None
    }

    fn people(&self, _directory: &Directory) -> mpsc::Receiver<People> {
        let (pages, read) = mpsc::channel(3);
        let say = |said| pages.try_send(said).expect("room for what is said");
        if *self.is_down.lock() {
            say(People::Failed("nobody answers".to_owned()));
            return read;
        }
        let mut people: Vec<Person> = self.people.lock().values().map(|(person, ..)| person.clone()).collect();
        match *self.breaks_off_after.lock() {
            Some(after) => people.truncate(after),
            None => {
                let second = people.split_off(people.len() / 2);
                say(People::Page(std::mem::replace(&mut people, second)));
            }
        }
        say(People::Page(people));
        if self.breaks_off_after.lock().is_none() {
            say(People::End);
        }
        read
    }

    async fn examine(
        &self,
        _directory: &Directory,
        _person: Option<(String, Option<Zeroizing<String>>)>,
    ) -> Vec<ExaminedStep> {
        Vec::new()
    }

    fn standing(&self, _directory: &Directory) -> DirectoryStanding {
        DirectoryStanding::default()
    }
}
