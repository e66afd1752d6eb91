//! A directory, and what can be asked of it. One file for each thing; all of them go through [`Stations::run`], which is the bulkhead and
//! the failover.

mod authenticate;
mod contact;
mod find;
mod groups;
mod passwords;
mod people;
mod referral;

use std::{sync::Arc, time::Duration};

pub(crate) use self::authenticate::check;
pub use self::{
    authenticate::{AuthenticateError, Denied},
    contact::{Contact, WriteBackError},
    find::FindError,
    passwords::{ChangeError, PasswordRefused},
    people::People,
};
use crate::{
    attempt::Stations,
    bulkhead::{Load, NoPlace},
    controller::ControllerStatus,
    failure::Failure,
    filter,
    group_cache::GroupCache,
    settings::{Attributes, Groups, Kind, Problem, Settings},
    transport::Tls,
};

/// A directory that can be asked. Cheap to share behind an [`Arc`]; everything takes `&self`.
///
/// Every operation takes a deadline and answers before it.
pub struct Directory {
    pub(crate) stations: Stations,
    pub(crate) what: Arc<What>,
    pub(crate) group_cache: GroupCache,
}

/// What is asked for, the same for every operation.
pub(crate) struct What {
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) kind: Kind,
    pub(crate) base: String,
    pub(crate) user_filter: String,
    pub(crate) member_filter: Option<String>,
    pub(crate) attributes: Attributes,
    pub(crate) groups: Option<Groups>,
    pub(crate) referrals: bool,
}

/// Why no directory can be made of settings.
#[derive(Debug, thiserror::Error)]
pub enum NotUsable {
    /// Fields are wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Settings(Vec<Problem>),
    /// The authorities cannot be read.
    #[error("trust: {0}")]
    Trust(String),
}

/// Why an operation has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unavailable {
    /// As many operations of this directory are waiting as may: its bulkhead is full.
    #[error("too many operations are waiting for this directory")]
    Full,
    /// The deadline has passed. What failed before is named by controller.
    #[error("no answer before the deadline{}", listed(.0))]
    TimedOut(Vec<(String, Failure)>),
    /// No controller could be asked; each says why.
    #[error("no controller can be asked{}", listed(.0))]
    Controllers(Vec<(String, Failure)>),
    /// The walk that is asked to go on has failed before.
    #[error("the walk through everybody broke off before")]
    BrokenOff,
    /// A controller refused what no other would do: a wrong base, a missing right.
    #[error("{0}: {1}")]
    Refused(String, #[source] Failure),
}

/// A directory's state, for operators.
#[derive(Debug, Clone)]
pub struct Status {
    /// The directory's name.
    pub name: String,
    /// The domain of its people.
    pub domain: String,
    /// Its controllers, in order.
    pub controllers: Vec<ControllerStatus>,
    /// How full the bulkhead is.
    pub load: Load,
}

impl Directory {
    /// A directory of these settings. Nobody is asked yet.
    ///
    /// # Errors
    /// [`NotUsable`].
    pub fn new(settings: Settings) -> Result<Self, NotUsable> {
        settings.check().map_err(NotUsable::Settings)?;
        let tls = Tls::new(&settings.trust).map_err(NotUsable::Trust)?;
        let remember = settings
            .groups
            .as_ref()
            .map_or(Duration::ZERO, |groups| groups.remember);
        let stations = Stations::new(
            settings.name.clone(),
            settings.controllers,
            tls,
            settings.account,
            settings.timeouts,
            settings.width,
        );
        let what = What {
            name: settings.name,
            domain: settings.domain,
            kind: settings.kind,
            base: settings.base,
            user_filter: settings.user_filter,
            member_filter: settings.member_filter,
            attributes: settings.attributes,
            groups: settings.groups,
            referrals: settings.referrals,
        };
        Ok(Self {
            stations,
            what: Arc::new(what),
            group_cache: GroupCache::new(remember),
        })
    }

    /// Every controller's state, and how full the bulkhead is.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            name: self.what.name.clone(),
            domain: self.what.domain.clone(),
            controllers: self.stations.status(),
            load: self.stations.bulkhead().load(),
        }
    }
}

impl What {
    /// The filter that finds one person.
    pub(crate) fn filter_for(&self, name: &str) -> String {
        self.with_members(&filter::with_name(&self.user_filter, name))
    }

    /// The filter that finds everybody.
    pub(crate) fn filter_for_all(&self) -> String {
        self.with_members(&filter::with_any_name(&self.user_filter))
    }

    fn with_members(&self, filter: &str) -> String {
        let both = [Some(filter), self.member_filter.as_deref()];
        filter::all(both.into_iter().flatten())
    }
}

impl From<NoPlace> for Unavailable {
    fn from(none: NoPlace) -> Self {
        match none {
            NoPlace::Full => Self::Full,
            NoPlace::TimedOut => Self::TimedOut(Vec::new()),
        }
    }
}

fn listed(failures: &[(String, Failure)]) -> String {
    let each = failures
        .iter()
        .map(|(controller, failure)| format!("; {controller}: {failure}"));
    each.collect()
}
