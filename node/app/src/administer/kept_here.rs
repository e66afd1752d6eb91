//! What administrators say of a user beside what a directory says.

use quorate_core::{Local, User, limits as core_limits};

use crate::fields::FieldErrors;

/// What a change says of what is kept here of a user.
#[derive(PartialEq, Default)]
pub(super) struct KeptHere {
    pub(super) groups: Option<Vec<String>>,
    pub(super) enrol_by_ms: Option<Option<u64>>,
    pub(super) language: Option<String>,
}

impl KeptHere {
    /// What is kept from now on; none if nothing is said of it.
    pub(super) fn of(self, errors: &mut FieldErrors, former: &User) -> Option<Local> {
        if self == KeptHere::default() {
            return None;
        }
        let kept = former.local.as_deref().cloned().unwrap_or_default();
        let groups = match self.groups {
            None => kept.groups,
            Some(typed) => check_own_groups(errors, typed),
        };
        let language = match self.language {
            None => kept.language,
            Some(typed) => {
                let of_directory = former.origin.as_ref().is_some_and(|origin| !origin.language.is_empty());
                let hint = "change it there, or leave its attribute out of the settings";
                errors.require(
                    !of_directory || typed.is_empty(),
                    "language",
                    "is said by the directory",
                    hint,
                );
                check_own_language(errors, &typed)
            }
        };
        Some(Local {
            groups,
            enrol_by_ms: self.enrol_by_ms.unwrap_or(kept.enrol_by_ms),
            language,
        })
    }
}

/// Groups as they are kept: sorted, none twice.
pub(super) fn check_own_groups(errors: &mut FieldErrors, typed: Vec<String>) -> Box<[Box<str>]> {
    errors.check_groups("groups", &typed, core_limits::GROUPS_PER_USER);
    let sorted: std::collections::BTreeSet<Box<str>> = typed.into_iter().map(Into::into).collect();
    sorted.into_iter().collect()
}

/// A language as it is kept; empty for none.
pub(super) fn check_own_language(errors: &mut FieldErrors, typed: &str) -> Box<str> {
    match typed.trim().is_empty() {
        true => Box::default(),
        false => errors.check_language("language", typed).unwrap_or_default(),
    }
}
