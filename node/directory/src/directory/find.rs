//! Finding one person by name.

use tokio::time::Instant;

use super::{
    Directory, Unavailable, What,
    referral::{self, Whereabouts},
};
use crate::{
    attempt::Attempt,
    clock,
    connection::{Connection, Entry, Query, Scope},
    failure::Failure,
    limits::{NAME_BYTES_MAX, PERSON_ENTRIES_MAX},
    person::{self, Person},
};

/// Why there is no person.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FindError {
    /// Nobody has that name, or who has it is not to be a member.
    #[error("nobody of that name")]
    NotFound,
    /// More than one has.
    #[error("more than one entry matches that name")]
    Ambiguous,
    /// An entry matches, but has not the attribute that holds the name.
    #[error("{dn} has no attribute {attribute}")]
    NoName {
        /// The entry.
        dn: String,
        /// The attribute.
        attribute: String,
    },
    /// The directory does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What a search for one name finds.
pub(crate) enum Sought {
    One(Box<Entry>, Whereabouts),
    None,
    Several,
}

/// Who was found, and where.
pub(crate) struct Hit {
    pub(crate) person: Person,
    pub(crate) entry: Entry,
    pub(crate) whereabouts: Whereabouts,
}

impl Directory {
    /// The person of this name, with groups.
    ///
    /// # Errors
    /// [`FindError`].
    pub async fn find(&self, name: &str, deadline: Instant) -> Result<Person, FindError> {
        if !is_name(name) {
            return Err(FindError::NotFound);
        }
        self.stations
            .run(deadline, |attempt| Box::pin(self.find_at(attempt, name)))
            .await?
    }

    pub(crate) async fn find_at(&self, attempt: Attempt, name: &str) -> Result<Result<Person, FindError>, Failure> {
        let mut connection = attempt.service().await?;
        let hit = match self.seek(&mut connection, &attempt, name).await? {
            Ok(hit) => hit,
            Err(error) => return Ok(Err(error)),
        };
        self.with_groups(hit, &mut connection, &attempt).await.map(Ok)
    }

    /// The person of this name, without groups.
    pub(super) async fn seek(
        &self,
        connection: &mut Connection,
        attempt: &Attempt,
        name: &str,
    ) -> Result<Result<Hit, FindError>, Failure> {
        let (entry, whereabouts) = match search(&self.what, connection, attempt, name).await? {
            Sought::One(entry, whereabouts) => (*entry, whereabouts),
            Sought::None => return Ok(Err(FindError::NotFound)),
            Sought::Several => return Ok(Err(FindError::Ambiguous)),
        };
        // Nobody binds as nothing: a controller would take that for nobody in particular, and let everybody in.
        if entry.dn.is_empty() {
            return Ok(Err(FindError::NotFound));
        }
        let found = person::person(&entry, &self.what.attributes, self.what.kind, clock::now_s());
        Ok(match found {
            Some(person) => Ok(Hit {
                person,
                entry,
                whereabouts,
            }),
            None => Err(FindError::NoName {
                dn: entry.dn,
                attribute: self.what.attributes.name.clone(),
            }),
        })
    }
}

/// Whether somebody can have this name at all.
pub(super) fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= NAME_BYTES_MAX
}

/// What is searched for, wherever.
pub(super) struct Search<'a> {
    pub(super) base: &'a str,
    filter: &'a str,
    attributes: &'a [&'a str],
}

impl Search<'_> {
    pub(super) fn under<'s>(&'s self, base: &'s str) -> Query<'s> {
        Query {
            base,
            scope: Scope::Subtree,
            filter: self.filter,
            attributes: self.attributes,
            most: PERSON_ENTRIES_MAX,
            cookie: None,
        }
    }
}

/// The entry of this name, here or, where referrals are followed, elsewhere.
async fn search(what: &What, connection: &mut Connection, attempt: &Attempt, name: &str) -> Result<Sought, Failure> {
    let filter = what.filter_for(name);
    let attributes = person::wanted(&what.attributes, what.kind);
    let search = Search {
        base: &what.base,
        filter: &filter,
        attributes: &attributes,
    };
    let found = match connection.search(search.under(search.base), attempt.soon()).await {
        Ok(found) => found,
        Err(Failure::Referred(to)) if what.referrals => return referral::follow(attempt, &to, &search).await,
        Err(failure) => return Err(failure),
    };
    if found.entries.is_empty() && what.referrals {
        return referral::follow(attempt, &found.references, &search).await;
    }
    Ok(Sought::among(found.entries, Whereabouts::Here))
}

impl Sought {
    pub(super) fn among(entries: Vec<Entry>, whereabouts: Whereabouts) -> Self {
        let mut entries = entries.into_iter();
        match (entries.next(), entries.next()) {
            (Some(entry), None) => Self::One(Box::new(entry), whereabouts),
            (None, _) => Self::None,
            (Some(_), Some(_)) => Self::Several,
        }
    }
}
