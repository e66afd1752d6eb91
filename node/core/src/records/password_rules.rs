use minicbor::{Decode, Encode};

use crate::limits;

/// What a local password has to be like, and how long it lasts. The node that sets one judges it, for that needs Unicode tables, a
/// list of common passwords and the open verifiers; what is kept, and when a password is due, is decided here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct PasswordRules {
    /// The fewest characters.
    #[n(0)]
    pub min_chars: u8,
    /// Whether there has to be an upper-case letter.
    #[n(1)]
    pub upper: bool,
    /// Whether there has to be a lower-case letter.
    #[n(2)]
    pub lower: bool,
    /// Whether there has to be a digit.
    #[n(3)]
    pub digit: bool,
    /// Whether there has to be something that is neither letter nor digit.
    #[n(4)]
    pub special: bool,
    /// Whether the user's name may not be in it.
    #[n(5)]
    pub not_the_name: bool,
    /// Whether common passwords are refused.
    #[n(6)]
    pub not_common: bool,
    /// How many passwords of a user, the one in use among them, are not taken again.
    #[n(7)]
    pub history: u8,
    /// After how many days a password has to be changed.
    #[n(8)]
    pub max_age_days: Option<u16>,
}

impl PasswordRules {
    /// How many verifiers are kept beside the one in use.
    pub(crate) fn former_kept(&self) -> usize {
        usize::from(self.history).saturating_sub(1)
    }

    /// When a password that was set at this time is due, in ms since 1970.
    pub fn due_ms(&self, changed_ms: u64) -> Option<u64> {
        let days = self.max_age_days?;
        Some(changed_ms.saturating_add(u64::from(days) * limits::DAY_MS))
    }
}

impl Default for PasswordRules {
    fn default() -> Self {
        PasswordRules {
            min_chars: 8,
            upper: true,
            lower: true,
            digit: true,
            special: true,
            not_the_name: true,
            not_common: true,
            history: 5,
            max_age_days: None,
        }
    }
}
