//! The walk behind `quorate directory test`: every step that a login takes, one after the other, each with what came of it, how long it
//! took, and a sentence that helps.
//!
//! It takes connections of its own and asks every controller, whatever is known of their health, and does not wait at the bulkhead. It does not
//! change that health either: who tries settings out must not take a directory out of service.

use std::{fmt, sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use crate::{
    active_directory,
    attempt::log_in,
    connection::{Connection, Query, Scope},
    controller::Station,
    directory::{Directory, FindError, check},
    failure::Failure,
    person::{AccountState, Person},
    settings::Security,
    transport,
};

/// A step of the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The controller's name has an address.
    Resolve,
    /// The address takes a connection.
    Connect,
    /// The connection is protected.
    Tls,
    /// The service account can log in.
    ServiceAccount,
    /// The entry exists under which people are searched for.
    Base,
    /// The filter finds the person, or anybody.
    Search,
    /// The person has the attributes that the settings name.
    Attributes,
    /// The person's groups are found.
    Groups,
    /// The password is the person's.
    Password,
}

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be.
    Passed,
    /// It works, and something should be known about it.
    Warning,
    /// It does not work. The steps behind it were not tried.
    Failed,
    /// Nobody asked for it.
    Skipped,
}

/// One step, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepReport {
    /// At which controller.
    pub controller: String,
    /// Which step.
    pub step: Step,
    /// What came of it.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
    /// A sentence for the operator.
    pub says: String,
}

impl Directory {
    /// Tries every step, at every controller as far as logging in the service account, and the rest at the first where that works.
    pub async fn examine(
        &self,
        name: Option<&str>,
        password: Option<&Zeroizing<String>>,
        deadline: Instant,
    ) -> Vec<StepReport> {
        let mut reports = Vec::new();
        let mut is_told = false;
        for station in self.stations.all() {
            let mut walk = Walk {
                directory: self,
                controller: station.at.to_string(),
                deadline,
                reports: &mut reports,
            };
            if let Some(mut connection) = walk.log_in(station).await
                && !is_told
            {
                is_told = true;
                walk.look(&mut connection, station, name, password).await;
            }
        }
        reports
    }
}

/// The steps at one controller.
struct Walk<'a> {
    directory: &'a Directory,
    controller: String,
    deadline: Instant,
    reports: &'a mut Vec<StepReport>,
}

impl Walk<'_> {
    /// As far as a connection on which the service account is logged in.
    async fn log_in(&mut self, station: &Arc<Station>) -> Option<Connection> {
        let begun = Instant::now();
        let addresses = station.resolver.addresses(self.deadline).await;
        let addresses = self.noted(Step::Resolve, begun, addresses, |found| {
            let each: Vec<String> = found.iter().map(|address| address.ip().to_string()).collect();
            (Outcome::Passed, format!("{} is {}", station.at.host, each.join(", ")))
        })?;
        let begun = Instant::now();
        let stream = transport::connect(&addresses, self.deadline).await;
        let stream = self.noted(Step::Connect, begun, stream, |_| {
            (Outcome::Passed, format!("port {} is open", station.at.port))
        })?;
        let begun = Instant::now();
        let opened = transport::protect(stream, &station.at, self.directory.stations.tls(), self.deadline).await;
        let opened = self.noted(Step::Tls, begun, opened, |opened| {
            match (&opened.leaf, station.at.security) {
                (Some(leaf), _) => (Outcome::Passed, format!("the certificate is {leaf}")),
                (None, Security::Plain) => (
                    Outcome::Warning,
                    "not encrypted: every password can be read on the way".to_owned(),
                ),
                (None, _) => (Outcome::Warning, "no certificate was shown".to_owned()),
            }
        })?;
        let begun = Instant::now();
        let account = self.directory.stations.account();
        let logged_in = async {
            let mut connection = Connection::over(opened).await?;
            log_in(&mut connection, account, self.deadline).await?;
            Ok(connection)
        };
        let logged_in = logged_in.await;
        self.noted(Step::ServiceAccount, begun, logged_in, |_| {
            (Outcome::Passed, format!("{} is logged in", account.name))
        })
    }

    /// What the service account sees.
    async fn look(
        &mut self,
        connection: &mut Connection,
        station: &Arc<Station>,
        name: Option<&str>,
        password: Option<&Zeroizing<String>>,
    ) {
        if self.base(connection).await.is_none() {
            return;
        }
        let Some(name) = name else {
            self.anybody(connection).await;
            return;
        };
        let Some(person) = self.person(station, name).await else {
            return;
        };
        self.attributes(&person);
        self.groups(&person);
        self.password(station, name, password, &person).await;
    }

    async fn base(&mut self, connection: &mut Connection) -> Option<()> {
        let base = &self.directory.what.base;
        let begun = Instant::now();
        let found = connection
            .search(all_of(base, Scope::Base, "(objectClass=*)", &["1.1"]), self.deadline)
            .await;
        let found = found.and_then(|found| match found.entries.is_empty() {
            false => Ok(()),
            true => Err(Failure::NoBase {
                base: base.clone(),
                matched: base.clone(),
            }),
        });
        self.noted(Step::Base, begun, found, |()| {
            (Outcome::Passed, format!("{base} exists"))
        })
    }

    /// Whether the filter finds anybody at all.
    async fn anybody(&mut self, connection: &mut Connection) {
        let what = &self.directory.what;
        let filter = what.filter_for_all();
        let begun = Instant::now();
        let found = connection
            .search(all_of(&what.base, Scope::Subtree, &filter, &["1.1"]), self.deadline)
            .await;
        self.noted(Step::Search, begun, found, |found| match found.entries.first() {
            Some(first) => (
                Outcome::Passed,
                format!("the filter finds people, {} among them", first.dn),
            ),
            None => (
                Outcome::Warning,
                format!("the filter {filter} finds nobody under {}", what.base),
            ),
        });
        for step in [Step::Attributes, Step::Groups, Step::Password] {
            self.note(
                step,
                Outcome::Skipped,
                Duration::ZERO,
                "give a name to try this".to_owned(),
            );
        }
    }

    /// Searches as a login does, groups and all.
    async fn person(&mut self, station: &Arc<Station>, name: &str) -> Option<Person> {
        let what = &self.directory.what;
        let begun = Instant::now();
        let attempt = self.directory.stations.attempt(station, self.deadline);
        let found = timeout_at(self.deadline, self.directory.find_at(attempt, name)).await;
        let took = begun.elapsed();
        let found = found.unwrap_or(Err(Failure::TimedOut(took)));
        let says = match found {
            Err(failure) => advice(&failure),
            Ok(Ok(person)) => {
                self.note(Step::Search, Outcome::Passed, took, format!("{name} is {}", person.dn));
                return Some(person);
            }
            Ok(Err(FindError::NotFound)) => format!(
                "the filter {} finds nobody under {}: look at the name, at the base, and at who is a member",
                what.filter_for(name),
                what.base
            ),
            Ok(Err(FindError::Ambiguous)) => format!("the filter {} finds more than one entry", what.filter_for(name)),
            Ok(Err(error)) => error.to_string(),
        };
        self.note(Step::Search, Outcome::Failed, took, says);
        None
    }

    fn attributes(&mut self, person: &Person) {
        let wanted = &self.directory.what.attributes;
        let both = [
            (&wanted.unique_id, &person.unique_id),
            (&wanted.display_name, &person.display_name),
            (&wanted.mail, &person.mail),
            (&wanted.mobile, &person.mobile),
            (&wanted.phone, &person.phone),
            (&wanted.language, &person.language),
            (&wanted.manager, &person.manager),
        ];
        let missing: Vec<&str> = both
            .iter()
            .filter(|(_, has)| has.is_none())
            .filter_map(|(name, _)| name.as_deref())
            .collect();
        let (outcome, says) = match (&missing[..], person.state) {
            ([], AccountState::Enabled) => (Outcome::Passed, "every attribute is there".to_owned()),
            ([], state) => (
                Outcome::Warning,
                format!("every attribute is there; the account is {state}"),
            ),
            (missing, state) => {
                let missing = missing.join(", ");
                let says = format!(
                    "{} has no {missing}, or the service account may not read it; the account is {state}",
                    person.dn
                );
                (Outcome::Warning, says)
            }
        };
        self.note(Step::Attributes, outcome, Duration::ZERO, says);
    }

    fn groups(&mut self, person: &Person) {
        let (outcome, says) = match (&self.directory.what.groups, &person.groups[..]) {
            (None, _) => (Outcome::Skipped, "the settings ask for no groups".to_owned()),
            (Some(_), []) => (
                Outcome::Warning,
                "no group has this member; look at the groups' base, filter and member attribute".to_owned(),
            ),
            (Some(_), groups) => {
                let names: Vec<&str> = groups.iter().take(20).map(|group| group.cn.as_str()).collect();
                let outcome = if person.groups_are_cut {
                    Outcome::Warning
                } else {
                    Outcome::Passed
                };
                (outcome, format!("{} groups: {}", groups.len(), names.join(", ")))
            }
        };
        self.note(Step::Groups, outcome, Duration::ZERO, says);
    }

    async fn password(
        &mut self,
        station: &Arc<Station>,
        name: &str,
        password: Option<&Zeroizing<String>>,
        person: &Person,
    ) {
        let Some(password) = password else {
            self.note(
                Step::Password,
                Outcome::Skipped,
                Duration::ZERO,
                "give a password to try this".to_owned(),
            );
            return;
        };
        let begun = Instant::now();
        let attempt = self.directory.stations.attempt(station, self.deadline);
        let judged = async {
            match check(name, password) {
                Ok(()) => self.directory.authenticate_at(attempt, name, password).await,
                Err(denied) => Ok(Err(denied)),
            }
        };
        let (outcome, says) = match timeout_at(self.deadline, judged).await {
            Ok(Ok(Ok(_))) => (Outcome::Passed, format!("it is the password of {}", person.dn)),
            Ok(Ok(Err(denied))) => (Outcome::Failed, denied.to_string()),
            Ok(Err(failure)) => (Outcome::Failed, advice(&failure)),
            Err(_) => (Outcome::Failed, advice(&Failure::TimedOut(begun.elapsed()))),
        };
        self.note(Step::Password, outcome, begun.elapsed(), says);
    }

    /// Notes what came of a step, and hands it on if it worked.
    fn noted<T>(
        &mut self,
        step: Step,
        begun: Instant,
        done: Result<T, Failure>,
        passed: impl FnOnce(&T) -> (Outcome, String),
    ) -> Option<T> {
        let took = begun.elapsed();
        match done {
            Ok(done) => {
                let (outcome, says) = passed(&done);
                self.note(step, outcome, took, says);
                Some(done)
            }
            Err(failure) => {
                self.note(step, Outcome::Failed, took, advice(&failure));
                None
            }
        }
    }

    fn note(&mut self, step: Step, outcome: Outcome, took: Duration, says: String) {
        let controller = self.controller.clone();
        self.reports.push(StepReport {
            controller,
            step,
            outcome,
            took,
            says,
        });
    }
}

fn all_of<'a>(base: &'a str, scope: Scope, filter: &'a str, attributes: &'a [&'a str]) -> Query<'a> {
    Query {
        base,
        scope,
        filter,
        attributes,
        most: 1,
        cookie: None,
    }
}

/// What failed, and what to do about it.
fn advice(failure: &Failure) -> String {
    let what_to_do = match failure {
        Failure::Resolve { .. } => "look at the name, and at this machine's name servers",
        Failure::Connect { .. } => "look at the port, and at what filters packets on the way",
        Failure::TimedOut(_) => "it may be down, or packets are dropped on the way",
        Failure::Certificate(refused) if refused.why.contains("issuer") => {
            "give the certificate of the authority that issued it, or pin it"
        }
        Failure::Certificate(refused) if refused.why.contains("not for") => {
            "write the controller as its certificate has it"
        }
        Failure::Certificate(_) => "have the controller's certificate renewed, or pin the one that it shows",
        Failure::Tls { .. } => "the port may not speak TLS: ldaps is usually 636, StartTLS and plain 389",
        Failure::StartTls { .. } => "the controller may have no certificate; try ldaps",
        Failure::ServiceAccount { answer, .. } => match active_directory::denied(&answer.text) {
            Some(denied) => return format!("{failure}: {denied}"),
            None => "look at its name (a DN, or a UPN in Active Directory) and at its password",
        },
        Failure::NoBase { .. } => "look at the base, or the service account may not read it",
        Failure::Refused { answer, .. } if [8, 13].contains(&answer.code) => {
            "it wants an encrypted connection: use ldaps or starttls"
        }
        _ => return failure.to_string(),
    };
    format!("{failure}; {what_to_do}")
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "TLS",
            Self::ServiceAccount => "service account",
            Self::Base => "base",
            Self::Search => "search",
            Self::Attributes => "attributes",
            Self::Groups => "groups",
            Self::Password => "password",
        })
    }
}
