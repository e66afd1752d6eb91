//! Everybody, page by page (RFC 2696): never more than one page in memory.

use tokio::time::Instant;

use super::{Directory, Unavailable};
use crate::{
    attempt::Attempt,
    clock,
    connection::{Found, Query, Scope},
    controller::Lease,
    failure::Failure,
    limits::{PAGE_PEOPLE, PAGES_MAX},
    person::{self, Person},
};

/// A walk through everybody who matches the filters. It holds one connection, since only that knows where the walk has got to, and a place in
/// the bulkhead only while a page is fetched.
pub struct People<'a> {
    directory: &'a Directory,
    at: Option<(Attempt, Lease)>,
    cookie: Vec<u8>,
    pages: usize,
    stage: Stage,
}

/// Where a walk stands. One that failed, or was given up while a page was fetched, never comes to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    Broken,
    Over,
}

impl Directory {
    /// Begins a walk through everybody. Nobody is asked before the first page is.
    #[must_use]
    pub fn people(&self) -> People<'_> {
        People {
            directory: self,
            at: None,
            cookie: Vec::new(),
            pages: 0,
            stage: Stage::Open,
        }
    }

    async fn begin_walk(&self, attempt: Attempt) -> Result<(Attempt, Lease), Failure> {
        let connection = attempt.service().await?;
        Ok((attempt, connection))
    }
}

impl People<'_> {
    /// The next page, without groups; nothing after the last. Entries without a name are left out, so a page may even be empty.
    ///
    /// # Errors
    /// [`Unavailable`]. The walk cannot go on then: a controller remembers where one has got to for its own connection only.
    pub async fn next(&mut self, deadline: Instant) -> Result<Option<Vec<Person>>, Unavailable> {
        match self.stage {
            Stage::Over => return Ok(None),
            Stage::Broken => return Err(Unavailable::BrokenOff),
            Stage::Open => self.stage = Stage::Broken,
        }
        let page = self.page(deadline).await?;
        self.stage = match self.cookie.is_empty() {
            true => Stage::Over,
            false => Stage::Open,
        };
        Ok(Some(page))
    }

    async fn page(&mut self, deadline: Instant) -> Result<Vec<Person>, Unavailable> {
        let directory = self.directory;
        let (attempt, mut connection) = match self.at.take() {
            Some(at) => at,
            None => {
                let stations = &directory.stations;
                stations
                    .run(deadline, |attempt| Box::pin(directory.begin_walk(attempt)))
                    .await?
            }
        };
        let _place = directory.stations.bulkhead().enter(deadline).await?;
        let what = &directory.what;
        let filter = what.filter_for_all();
        let attributes = person::wanted(&what.attributes, what.kind);
        let query = Query {
            base: &what.base,
            scope: Scope::Subtree,
            filter: &filter,
            attributes: &attributes,
            most: PAGE_PEOPLE,
            cookie: Some(std::mem::take(&mut self.cookie)),
        };
        let found = connection.search(query, deadline).await;
        let found = found.and_then(|found| self.check(found));
        let (found, cookie) =
            found.map_err(|failure| Unavailable::Refused(attempt.controller().to_string(), failure))?;
        self.pages += 1;
        self.cookie = cookie;
        self.at = Some((attempt, connection));
        let now_s = clock::now_s();
        let people = found.entries.iter();
        let people = people.filter_map(|entry| person::person(entry, &what.attributes, what.kind, now_s));
        Ok(people.collect())
    }

    /// Whether this is a page, and not the last of too many; and where the next one begins.
    fn check(&self, mut found: Found) -> Result<(Found, Vec<u8>), Failure> {
        if found.is_cut {
            return Err(Failure::SizeLimit(self.pages * PAGE_PEOPLE + found.entries.len()));
        }
        // Said after every page (RFC 2696 §3), the last one too: without it this may be a part of everybody.
        let cookie = found.cookie.take();
        let cookie = cookie.ok_or(Failure::Malformed("a page that does not say whether it is the last"))?;
        match self.pages >= PAGES_MAX && !cookie.is_empty() {
            true => Err(Failure::Malformed("pages without end")),
            false => Ok((found, cookie)),
        }
    }
}
