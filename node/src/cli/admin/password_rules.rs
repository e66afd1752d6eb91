//! The rules for local passwords, as options and as lines.

use clap::{ArgAction, Args};
use quorate_api::{ChangePasswordRules, PasswordRules};

use crate::cli::output::yes_no;

/// What to change of the rules.
#[derive(Debug, Args)]
#[command(next_help_heading = "Local passwords")]
pub struct RuleOptions {
    /// The fewest characters, 4 to 64
    #[arg(long, value_name = "N")]
    password_min_chars: Option<u8>,
    /// Whether an upper-case letter has to be in it
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    password_upper: Option<bool>,
    /// Whether a lower-case letter has to be in it
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    password_lower: Option<bool>,
    /// Whether a digit has to be in it
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    password_digit: Option<bool>,
    /// Whether something that is neither letter nor digit has to be in it
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    password_special: Option<bool>,
    /// Whether passwords with the user's name in them are refused
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    password_not_the_name: Option<bool>,
    /// Whether common passwords are refused
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    password_not_common: Option<bool>,
    /// Passwords of a user that are not taken again, the one in use among them; 0 for none
    #[arg(long, value_name = "N")]
    password_history: Option<u8>,
    /// Days after which a password has to be changed; 0 for never
    #[arg(long, value_name = "DAYS")]
    password_max_age_days: Option<u16>,
}

impl RuleOptions {
    /// Nothing where nothing is named.
    pub fn change(self) -> Option<ChangePasswordRules> {
        let change = ChangePasswordRules {
            min_chars: self.password_min_chars,
            upper: self.password_upper,
            lower: self.password_lower,
            digit: self.password_digit,
            special: self.password_special,
            not_the_name: self.password_not_the_name,
            not_common: self.password_not_common,
            history: self.password_history,
            max_age_days: self.password_max_age_days,
        };
        (change != ChangePasswordRules::default()).then_some(change)
    }
}

/// The rules, a line each.
pub fn lines(rules: &PasswordRules) -> [(&'static str, String); 6] {
    let wanted = [
        (rules.upper, "upper case"),
        (rules.lower, "lower case"),
        (rules.digit, "digit"),
        (rules.special, "sign or space"),
    ];
    let wanted: Vec<&str> = wanted
        .into_iter()
        .filter_map(|(is_wanted, what)| is_wanted.then_some(what))
        .collect();
    [
        ("passwords: fewest characters", rules.min_chars.to_string()),
        (
            "passwords: have to have",
            match wanted.is_empty() {
                true => "nothing in particular".to_owned(),
                false => wanted.join(", "),
            },
        ),
        ("passwords: may have the user's name", yes_no(!rules.not_the_name)),
        ("passwords: may be common", yes_no(!rules.not_common)),
        ("passwords: not taken again", format!("the last {}", rules.history)),
        (
            "passwords: to be changed",
            match rules.max_age_days {
                0 => "never".to_owned(),
                days => format!("after {days} days"),
            },
        ),
    ]
}

/// The rules as the judge takes them.
pub fn record(rules: &PasswordRules) -> quorate_core::PasswordRules {
    quorate_core::PasswordRules {
        min_chars: rules.min_chars,
        upper: rules.upper,
        lower: rules.lower,
        digit: rules.digit,
        special: rules.special,
        not_the_name: rules.not_the_name,
        not_common: rules.not_common,
        history: rules.history,
        max_age_days: Some(rules.max_age_days).filter(|days| *days > 0),
    }
}
