//! What can be known to be wrong with settings before anybody is asked.

use std::{collections::HashSet, fmt};

use super::{Controller, Groups, Security, Settings, Trust};
use crate::{dn, filter, limits, transport};

/// One field that is wrong, or that should not stay so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which: `controllers[1].port`.
    pub field: String,
    /// What about it.
    pub complaint: Complaint,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Complaint {
    /// Nothing is there.
    #[error("must not be empty")]
    Empty,
    /// Longer than anything sensible.
    #[error("must have at most {0} bytes")]
    TooLong(usize),
    /// Control characters, or blanks where there cannot be any.
    #[error("has characters that cannot be there")]
    Characters,
    /// A number outside of its range.
    #[error("must be between {0} and {1}")]
    Range(u64, u64),
    /// The same twice.
    #[error("is there twice")]
    Twice,
    /// Not a distinguished name (RFC 4514).
    #[error("is not a distinguished name, such as ou=people,dc=example,dc=com")]
    Dn,
    /// Not an attribute's name (RFC 4512 §2.5).
    #[error("is not the name of an attribute")]
    Attribute,
    /// Not a filter (RFC 4515).
    #[error("is not a filter as in RFC 4515: {0}")]
    Filter(#[from] filter::Fault),
    /// Without it everybody would be found.
    #[error("must contain {{name}}, which stands for the name that is searched for")]
    NoPlaceholder,
    /// A placeholder that stands for nothing here.
    #[error("must not contain {{name}}, which stands for nothing here")]
    Placeholder,
    /// No certificate of an authority could be read.
    #[error("has no certificate in PEM form that can be an authority: {0}")]
    Certificates(String),
    /// Advice: one controller is none when it is down.
    #[error("there is only one controller, so nobody can log in while it is down")]
    Single,
    /// Advice: passwords in clear.
    #[error("is not encrypted: every password can be read on the way, and none can be changed")]
    Plain,
    /// Advice: a pin does not follow a renewal.
    #[error("is pinned: a renewed certificate is refused until its fingerprint is added here")]
    Pinned,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.complaint)
    }
}

impl Settings {
    /// Whether a directory can be made of them.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn check(&self) -> Result<(), Vec<Problem>> {
        let mut found = Found::default();
        found.text("name", &self.name, 64);
        found.text("domain", &self.domain, 255);
        self.check_controllers(&mut found);
        self.check_trust(&mut found);
        found.text("account.name", &self.account.name, limits::DN_BYTES_MAX);
        found.text("account.password", &self.account.password, limits::PASSWORD_BYTES_MAX);
        found.dn("base", &self.base);
        self.check_filters(&mut found);
        for (what, name) in self.attributes.named() {
            found.attribute(&format!("attributes.{what}"), name);
        }
        if let Some(groups) = &self.groups {
            check_groups(groups, &mut found);
        }
        self.check_numbers(&mut found);
        match found.0.is_empty() {
            true => Ok(()),
            false => Err(found.0),
        }
    }

    /// What works and should not stay so.
    #[must_use]
    pub fn warnings(&self) -> Vec<Problem> {
        let mut found = Found::default();
        if self.controllers.len() == 1 {
            found.add("controllers", Complaint::Single);
        }
        for (at, controller) in self.controllers.iter().enumerate() {
            if controller.security == Security::Plain {
                found.add(&format!("controllers[{at}].security"), Complaint::Plain);
            }
        }
        if matches!(self.trust, Trust::Pinned(_)) {
            found.add("trust", Complaint::Pinned);
        }
        found.0
    }

    fn check_controllers(&self, found: &mut Found) {
        found.range(
            "controllers",
            self.controllers.len() as u64,
            1,
            limits::CONTROLLERS_MAX as u64,
        );
        let mut seen = HashSet::new();
        for (at, controller) in self.controllers.iter().enumerate() {
            check_host(controller, &format!("controllers[{at}].host"), found);
            found.range(&format!("controllers[{at}].port"), controller.port.into(), 1, 65_535);
            if !seen.insert((controller.host.to_ascii_lowercase(), controller.port)) {
                found.add(&format!("controllers[{at}]"), Complaint::Twice);
            }
        }
    }

    fn check_trust(&self, found: &mut Found) {
        match &self.trust {
            Trust::System => {}
            Trust::Authority(pem) => {
                if let Err(complaint) = transport::authorities(pem) {
                    found.add("trust", Complaint::Certificates(complaint));
                }
            }
            Trust::Pinned(pins) => {
                if pins.is_empty() {
                    found.add("trust", Complaint::Empty);
                }
            }
        }
    }

    fn check_filters(&self, found: &mut Found) {
        found.filter("user_filter", &self.user_filter);
        if !self.user_filter.contains(filter::NAME) {
            found.add("user_filter", Complaint::NoPlaceholder);
        }
        if let Some(member) = &self.member_filter {
            found.plain_filter("member_filter", member);
        }
    }

    fn check_numbers(&self, found: &mut Found) {
        let (least, most) = (
            limits::TIMEOUT_MIN.as_millis() as u64,
            limits::TIMEOUT_MAX.as_millis() as u64,
        );
        let connect_ms = self.timeouts.connect.as_millis() as u64;
        let operation_ms = self.timeouts.operation.as_millis() as u64;
        found.range("timeouts.connect_ms", connect_ms, least, most);
        found.range("timeouts.operation_ms", operation_ms, least, most);
        found.range("width", self.width as u64, 1, limits::WIDTH_MAX as u64);
    }

    /// Whether people's passwords can be changed over every controller: Active Directory refuses it on a plain connection, and so do we.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.controllers
            .iter()
            .all(|controller| controller.security.is_private())
    }
}

fn check_host(controller: &Controller, field: &str, found: &mut Found) {
    found.text(field, &controller.host, 253);
    if !controller.host.is_empty() && transport::server_name(&controller.host).is_none() {
        found.add(field, Complaint::Characters);
    }
}

fn check_groups(groups: &Groups, found: &mut Found) {
    if let Some(base) = &groups.base {
        found.dn("groups.base", base);
    }
    found.plain_filter("groups.filter", &groups.filter);
    found.attribute("groups.member_attribute", &groups.member_attribute);
    let most = limits::GROUP_CACHE_AGE_MAX.as_secs();
    found.range("groups.remember_secs", groups.remember.as_secs(), 0, most);
}

/// What was found so far.
#[derive(Default)]
struct Found(Vec<Problem>);

impl Found {
    fn add(&mut self, field: &str, complaint: Complaint) {
        let field = field.to_owned();
        self.0.push(Problem { field, complaint });
    }

    fn text(&mut self, field: &str, value: &str, most: usize) {
        if value.trim().is_empty() {
            self.add(field, Complaint::Empty);
        } else if value.len() > most {
            self.add(field, Complaint::TooLong(most));
        } else if value.chars().any(char::is_control) {
            self.add(field, Complaint::Characters);
        }
    }

    fn range(&mut self, field: &str, value: u64, least: u64, most: u64) {
        if !(least..=most).contains(&value) {
            self.add(field, Complaint::Range(least, most));
        }
    }

    fn dn(&mut self, field: &str, value: &str) {
        if value.trim().is_empty() {
            self.add(field, Complaint::Empty);
        } else if value.len() > limits::DN_BYTES_MAX {
            self.add(field, Complaint::TooLong(limits::DN_BYTES_MAX));
        } else if !dn::is_valid(value) {
            self.add(field, Complaint::Dn);
        }
    }

    fn attribute(&mut self, field: &str, value: &str) {
        if !dn::is_attribute(value) {
            self.add(field, Complaint::Attribute);
        }
    }

    fn filter(&mut self, field: &str, value: &str) {
        if let Err(fault) = filter::check(value) {
            self.add(field, Complaint::Filter(fault));
        }
    }

    fn plain_filter(&mut self, field: &str, value: &str) {
        self.filter(field, value);
        if value.contains(filter::NAME) {
            self.add(field, Complaint::Placeholder);
        }
    }
}
