//! The groups of a person.
//!
//! Active Directory walks nested groups by itself (the in-chain rule), except that a primary group does not know its members: it is found by
//! its SID and asked about like the person. Elsewhere groups are walked upwards, level by level: which groups have one of these for a
//! member? A group that was met is not asked about again, so cycles end; depth and number are bounded.

use std::{collections::HashSet, sync::Arc};

use tokio::time::Instant;

use super::{Directory, find::Hit, referral::Whereabouts};
use crate::{
    active_directory::{self, IN_CHAIN},
    attempt::Attempt,
    connection::{Connection, Entry, Query, Scope},
    dn,
    failure::Failure,
    filter, group_cache,
    limits::{GROUP_DEPTH_MAX, GROUPS_MAX, GROUPS_PER_SEARCH},
    person::{Group, Person},
    settings::{Groups, MemberIs},
};

impl Directory {
    /// The person that was found, with groups.
    pub(super) async fn with_groups(
        &self,
        hit: Hit,
        service: &mut Connection,
        attempt: &Attempt,
    ) -> Result<Person, Failure> {
        let mut person = hit.person;
        let Some(settings) = &self.what.groups else {
            return Ok(person);
        };
        let known = self.group_cache.find(&person.dn, Instant::now());
        let groups = match known {
            Some(known) => known,
            None => {
                let found = self
                    .find_groups(&hit.entry, &person, &hit.whereabouts, settings, service, attempt)
                    .await?;
                self.group_cache.remember(&person.dn, found.clone(), Instant::now());
                found
            }
        };
        person.groups = groups.all.to_vec();
        person.groups_are_cut = groups.are_cut;
        Ok(person)
    }

    async fn find_groups(
        &self,
        entry: &Entry,
        person: &Person,
        whereabouts: &Whereabouts,
        settings: &Groups,
        service: &mut Connection,
        attempt: &Attempt,
    ) -> Result<group_cache::Groups, Failure> {
        let mut elsewhere;
        let connection = match whereabouts {
            Whereabouts::Here => service,
            Whereabouts::Elsewhere(_) => {
                elsewhere = whereabouts.connect(attempt).await?;
                attempt.log_in(&mut elsewhere).await?;
                &mut elsewhere
            }
        };
        let mut walk = Walk {
            settings,
            base: settings.base.as_deref().unwrap_or(&self.what.base),
            in_chain: settings.nested && self.what.kind == crate::settings::Kind::ActiveDirectory,
            met: HashSet::new(),
            found: Vec::new(),
            is_cut: false,
        };
        let mut begin = vec![member(person, settings)];
        if self.what.kind == crate::settings::Kind::ActiveDirectory {
            begin.extend(walk.primary(entry, connection, attempt).await?);
        }
        walk.upwards(begin, connection, attempt).await?;
        walk.found.sort_unstable();
        Ok(group_cache::Groups {
            all: Arc::from(walk.found),
            are_cut: walk.is_cut,
        })
    }
}

/// What a group's member attribute has for this person.
fn member(person: &Person, settings: &Groups) -> String {
    match settings.member_is {
        MemberIs::Dn => person.dn.clone(),
        MemberIs::Name => person.name.clone(),
    }
}

/// A walk from a person up through groups.
struct Walk<'a> {
    settings: &'a Groups,
    base: &'a str,
    /// The controller walks by itself.
    in_chain: bool,
    met: HashSet<String>,
    found: Vec<Group>,
    is_cut: bool,
}

impl Walk<'_> {
    async fn upwards(
        &mut self,
        begin: Vec<String>,
        connection: &mut Connection,
        attempt: &Attempt,
    ) -> Result<(), Failure> {
        let goes_on = self.settings.nested && self.settings.member_is == MemberIs::Dn && !self.in_chain;
        let mut level = begin;
        for _ in 0..GROUP_DEPTH_MAX {
            let mut next = Vec::new();
            for members in level.chunks(GROUPS_PER_SEARCH) {
                next.extend(self.groups_of(members, connection, attempt).await?);
            }
            if next.is_empty() || !goes_on || self.found.len() >= GROUPS_MAX {
                return Ok(());
            }
            level = next;
        }
        self.is_cut = true;
        Ok(())
    }

    /// Groups that have one of these for a member, and were not met before.
    async fn groups_of(
        &mut self,
        members: &[String],
        connection: &mut Connection,
        attempt: &Attempt,
    ) -> Result<Vec<String>, Failure> {
        let left = GROUPS_MAX - self.found.len().min(GROUPS_MAX);
        if left == 0 {
            self.is_cut = true;
            return Ok(Vec::new());
        }
        let filter = self.filter(members);
        let query = Query {
            base: self.base,
            scope: Scope::Subtree,
            filter: &filter,
            attributes: &["cn"],
            // Those that were met already may be among them.
            most: GROUPS_MAX,
            cookie: None,
        };
        let found = connection.search(query, attempt.soon()).await?;
        self.is_cut |= found.is_cut;
        Ok(found.entries.into_iter().filter_map(|entry| self.take(entry)).collect())
    }

    fn filter(&self, members: &[String]) -> String {
        let attribute = match self.in_chain {
            true => format!("{}:{IN_CHAIN}:", self.settings.member_attribute),
            false => self.settings.member_attribute.clone(),
        };
        let each: Vec<String> = members
            .iter()
            .map(|member| filter::equals(&attribute, member.as_bytes()))
            .collect();
        let has_one = filter::any(each.iter().map(String::as_str));
        filter::all([&self.settings.filter[..], &has_one])
    }

    /// The name of a group that was not met before.
    fn take(&mut self, entry: Entry) -> Option<String> {
        if !self.met.insert(dn::key(&entry.dn)) {
            return None;
        }
        if self.found.len() >= GROUPS_MAX {
            self.is_cut = true;
            return None;
        }
        let cn = entry
            .text("cn")
            .map(str::to_owned)
            .or_else(|| dn::first_value(&entry.dn));
        self.found.push(Group {
            cn: cn.unwrap_or_else(|| entry.dn.clone()),
            dn: entry.dn.clone(),
        });
        Some(entry.dn)
    }

    /// Active Directory's primary group. One that cannot be read (it may be in another domain) is none.
    async fn primary(
        &mut self,
        entry: &Entry,
        connection: &mut Connection,
        attempt: &Attempt,
    ) -> Result<Option<String>, Failure> {
        let Some(base) = active_directory::primary_group(entry) else {
            return Ok(None);
        };
        let query = Query {
            base: &base,
            scope: Scope::Base,
            filter: "(objectClass=*)",
            attributes: &["cn"],
            most: 1,
            cookie: None,
        };
        match connection.search(query, attempt.soon()).await {
            Ok(found) => Ok(found.entries.into_iter().next().and_then(|entry| self.take(entry))),
            Err(Failure::NoBase { .. } | Failure::Refused { .. } | Failure::Referred(_)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}
