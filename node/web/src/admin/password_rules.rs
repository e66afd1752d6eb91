//! The rules for local passwords, between their shape on the wire and the record.

use quorate_api::{ChangePasswordRules, PasswordRules};

/// The rules as they are shown.
pub(super) fn shape(rules: &quorate_core::PasswordRules) -> PasswordRules {
    PasswordRules {
        min_chars: rules.min_chars,
        upper: rules.upper,
        lower: rules.lower,
        digit: rules.digit,
        special: rules.special,
        not_the_name: rules.not_the_name,
        not_common: rules.not_common,
        history: rules.history,
        max_age_days: rules.max_age_days.unwrap_or(0),
    }
}

/// The rules as they will be.
pub(super) fn changed(former: quorate_core::PasswordRules, asked: ChangePasswordRules) -> quorate_core::PasswordRules {
    quorate_core::PasswordRules {
        min_chars: asked.min_chars.unwrap_or(former.min_chars),
        upper: asked.upper.unwrap_or(former.upper),
        lower: asked.lower.unwrap_or(former.lower),
        digit: asked.digit.unwrap_or(former.digit),
        special: asked.special.unwrap_or(former.special),
        not_the_name: asked.not_the_name.unwrap_or(former.not_the_name),
        not_common: asked.not_common.unwrap_or(former.not_common),
        history: asked.history.unwrap_or(former.history),
        max_age_days: match asked.max_age_days {
            None => former.max_age_days,
            Some(0) => None,
            Some(days) => Some(days),
        },
    }
}
