//! LDAP over one connection, one operation after the other, each with its own end of time.
//!
//! The only place that knows ldap3. Its driver and our [`carry`] are two tasks that end when this is dropped. A connection whose operation
//! failed, timed out or was given up is [spoilt](Connection::is_fit): an answer to it may still come.

mod answer;
mod entry;

use std::{os::unix::net::UnixStream as StdUnixStream, time::Duration};

use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, LdapError, Mod, SearchOptions, StdStream,
    controls::{MakeCritical, PagedResults, RawControl},
    exop::PasswordModify,
};
use tokio::{
    net::UnixStream,
    task::AbortHandle,
    time::{Instant, error::Elapsed, timeout_at},
};

pub(crate) use self::{answer::Answer, entry::Entry};
use crate::{
    failure::{Failure, Operation},
    limits::{CONNECTION_AGE_MAX, IDLE_MAX},
    ppolicy,
    transport::Opened,
    wire::{Ended, carry},
};

pub(crate) use ldap3::Scope;

pub(crate) struct Connection {
    ldap: Ldap,
    ended: Ended,
    tasks: [AbortHandle; 2],
    opened: Instant,
    used: Instant,
    /// An operation is under way, or was and did not come to its end.
    open_end: bool,
}

/// What is searched for.
pub(crate) struct Query<'a> {
    pub(crate) base: &'a str,
    pub(crate) scope: Scope,
    pub(crate) filter: &'a str,
    pub(crate) attributes: &'a [&'a str],
    /// More entries than this are not taken.
    pub(crate) most: usize,
    /// Where the page before ended; empty for the first page, nothing for no pages.
    pub(crate) cookie: Option<Vec<u8>>,
}

/// What was found.
pub(crate) struct Found {
    pub(crate) entries: Vec<Entry>,
    /// Other servers that may know more (RFC 4511 §4.5.3).
    pub(crate) references: Vec<String>,
    /// There are more entries than were asked for, or than the controller shows.
    pub(crate) is_cut: bool,
    /// Where the next page begins; empty after the last. None where the controller says nothing of pages.
    pub(crate) cookie: Option<Vec<u8>>,
}

impl Connection {
    pub(crate) async fn over(opened: Opened) -> Result<Self, Failure> {
        let (ours, theirs) = pair().map_err(|error| Failure::Closed(error.to_string()))?;
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(theirs));
        let made = LdapConnAsync::with_settings(settings, "ldapi:///").await;
        let (driver, ldap) = made.map_err(|error| Failure::Closed(error.to_string()))?;
        let ended = Ended::default();
        let carrying = tokio::spawn(carry(opened.stream, ours, ended.clone()));
        let driving = tokio::spawn(async move { drop(driver.drive().await) });
        let now = Instant::now();
        Ok(Self {
            ldap,
            ended,
            tasks: [carrying.abort_handle(), driving.abort_handle()],
            opened: now,
            used: now,
            open_end: false,
        })
    }

    /// A simple bind (RFC 4513 §5.1). The answer is the controller's, whatever it says.
    pub(crate) async fn bind(&mut self, name: &str, password: &str, until: Instant) -> Result<Answer, Failure> {
        debug_assert!(!password.is_empty(), "an empty password is never sent");
        self.begin();
        let binding = self.ldap.with_controls(ppolicy::request()).simple_bind(name, password);
        let bound = timeout_at(until, binding).await;
        self.end(bound).map(Answer::from)
    }

    /// The entries that fit. A size limit is no failure: see [`Found::is_cut`].
    pub(crate) async fn search(&mut self, query: Query<'_>, until: Instant) -> Result<Found, Failure> {
        self.begin();
        let most = query.most;
        let base = query.base.to_owned();
        let done = timeout_at(until, collect(&mut self.ldap, query, until)).await;
        let (mut found, answer) = self.end(done)?;
        if found.entries.len() > most {
            // A controller that knows no limits goes on sending.
            self.open_end = true;
            found.entries.truncate(most);
            found.is_cut = true;
        }
        match answer {
            None => Ok(found),
            Some(answer) => conclude(found, answer, base),
        }
    }

    /// Changes of one entry.
    pub(crate) async fn modify(
        &mut self,
        dn: &str,
        changes: Vec<Mod<Vec<u8>>>,
        until: Instant,
    ) -> Result<Answer, Failure> {
        self.begin();
        let changing = self.ldap.with_controls(ppolicy::request()).modify(dn, changes);
        let changed = timeout_at(until, changing).await;
        self.end(changed).map(Answer::from)
    }

    /// A new password by the operation of RFC 3062; `old` proves who asks.
    pub(crate) async fn modify_password(
        &mut self,
        dn: &str,
        old: Option<&str>,
        new: &str,
        until: Instant,
    ) -> Result<Answer, Failure> {
        self.begin();
        let request = PasswordModify {
            user_id: Some(dn),
            old_pass: old,
            new_pass: Some(new),
        };
        let changing = self.ldap.with_controls(ppolicy::request()).extended(request);
        let changed = timeout_at(until, changing).await;
        self.end(changed).map(|answered| Answer::from(answered.1))
    }

    /// Whether another operation may be tried on it: nothing is under way, and neither end has closed it.
    pub(crate) fn is_fit(&mut self) -> bool {
        !self.open_end && !self.ended.is_over() && !self.ldap.is_closed()
    }

    /// Whether it may be used again after a pause.
    pub(crate) fn is_fresh(&self, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.opened);
        let pause = now.saturating_duration_since(self.used);
        age < CONNECTION_AGE_MAX && pause < IDLE_MAX
    }

    fn begin(&mut self) {
        self.open_end = true;
        self.used = Instant::now();
    }

    fn end<T>(&mut self, done: Result<Result<T, LdapError>, Elapsed>) -> Result<T, Failure> {
        let now = Instant::now();
        let begun = std::mem::replace(&mut self.used, now);
        match done {
            Ok(Ok(done)) => {
                self.open_end = false;
                Ok(done)
            }
            Ok(Err(LdapError::FilterParsing)) => Err(Failure::Malformed("a filter of our own")),
            Ok(Err(_)) => Err(self.ended.why()),
            Err(_) => Err(Failure::TimedOut(now.saturating_duration_since(begun))),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// The carrier's end, and the library's.
fn pair() -> std::io::Result<(UnixStream, StdUnixStream)> {
    let (ours, theirs) = StdUnixStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, theirs))
}

/// Entries until the result, or until there are more than were asked for.
async fn collect(ldap: &mut Ldap, query: Query<'_>, until: Instant) -> Result<(Found, Option<Answer>), LdapError> {
    let mut found = Found {
        entries: Vec::new(),
        references: Vec::new(),
        is_cut: false,
        cookie: None,
    };
    ldap.with_search_options(options(&query, until));
    if let Some(cookie) = query.cookie {
        ldap.with_controls(page(query.most, cookie));
    }
    let mut stream = ldap
        .streaming_search(query.base, query.scope, query.filter, query.attributes)
        .await?;
    while let Some(item) = stream.next().await? {
        if item.is_ref() {
            found.references.extend(entry::references(item.0));
        } else {
            found.entries.extend(Entry::of(item.0));
        }
        if found.entries.len() > query.most {
            return Ok((found, None));
        }
    }
    let answer = Answer::from(stream.finish().await);
    found.cookie = answer::cookie(&answer);
    Ok((found, Some(answer)))
}

fn options(query: &Query<'_>, until: Instant) -> SearchOptions {
    let left = until.saturating_duration_since(Instant::now()) + Duration::from_secs(1);
    let seconds = i32::try_from(left.as_secs()).unwrap_or(i32::MAX);
    let options = SearchOptions::new().timelimit(seconds);
    match query.cookie {
        // A page is limited by its own size.
        Some(_) => options,
        None => options.sizelimit(i32::try_from(query.most).unwrap_or(i32::MAX)),
    }
}

/// Critical: a controller that knows no pages would send everything at once.
fn page(size: usize, cookie: Vec<u8>) -> RawControl {
    let size = i32::try_from(size).unwrap_or(i32::MAX);
    PagedResults { size, cookie }.critical().into()
}

fn conclude(mut found: Found, answer: Answer, base: String) -> Result<Found, Failure> {
    match answer.code {
        0 => Ok(found),
        4 => {
            found.is_cut = true;
            Ok(found)
        }
        32 => Err(Failure::NoBase {
            base,
            matched: answer.matched,
        }),
        _ => Err(answer.refusal(Operation::Search)),
    }
}
