//! `quorate policy`: what every login is judged by.

use clap::{Args, Subcommand, ValueEnum};
use quorate_api::{ChangePolicy, Pins, Policy, endpoints};

use crate::cli::{
    Context,
    admin::{
        care::Care,
        password_rules::{self, RuleOptions},
        pending::Within,
        plan,
    },
    api::Connection,
    exit::Done,
    output::{duration, facts},
};

/// The policy that every login is judged by
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  quorate policy show
  quorate policy change --max-code-failures 3 --lock-s 1800
  quorate policy change --password-min-chars 12 --password-special false --password-max-age-days 90
  quorate policy explain --user alice --client vpn --source 198.51.100.7
  quorate policy whatif --since 7d --rules draft.toml")]
pub struct PolicyCommand {
    #[command(flatten)]
    at: Connection,
    #[command(flatten)]
    within: Within,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the policy
    Show,
    /// Change the policy; what is not named stays as it is
    Change {
        /// Wrong one-time codes after which a user's second factor locks
        #[arg(long, value_name = "N")]
        max_code_failures: Option<u32>,
        /// Seconds that it stays locked
        #[arg(long, value_name = "SECONDS")]
        lock_s: Option<u32>,
        /// Timesteps before and after now whose codes are accepted
        #[arg(long, value_name = "N")]
        totp_window: Option<u8>,
        /// Seconds that a user has to answer a challenge
        #[arg(long, value_name = "SECONDS")]
        challenge_s: Option<u32>,
        /// HOTP: counters ahead of the next one whose codes are accepted
        #[arg(long, value_name = "N")]
        hotp_look_ahead: Option<u8>,
        /// Seconds that a code that was sent is good, 30 to 900
        #[arg(long, value_name = "SECONDS")]
        sent_code_s: Option<u32>,
        /// Messages to one user in a day
        #[arg(long, value_name = "N")]
        sends_per_user: Option<u32>,
        /// Messages in a day to telephones whose numbers begin with the same four digits
        #[arg(long, value_name = "N")]
        sends_per_prefix: Option<u32>,
        /// Whether a PIN stands in front of every code
        #[arg(long, value_enum)]
        pins: Option<PinsArg>,
        #[command(flatten)]
        care: Care,
        #[command(flatten)]
        passwords: Box<RuleOptions>,
    },
    /// Say what a login would have to prove, and why; none is run
    Explain(plan::ExplainArgs),
    /// Say which logins of the past other rules would change
    Whatif(plan::WhatIfArgs),
}

/// Whose PIN.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum PinsArg {
    /// Nobody's
    Off,
    /// That of everybody who has one
    IfSet,
    /// Everybody's: whoever has none gets in by no code
    Required,
}

impl PinsArg {
    const fn of(self) -> Pins {
        match self {
            PinsArg::Off => Pins::Off,
            PinsArg::IfSet => Pins::IfSet,
            PinsArg::Required => Pins::Required,
        }
    }
}

const fn pins_text(pins: Pins) -> &'static str {
    match pins {
        Pins::Off => "of nobody",
        Pins::IfSet => "of everybody who has one",
        Pins::Required => "of everybody; without one no code is right",
    }
}

impl PolicyCommand {
    pub async fn perform(self, context: &Context) -> Done {
        let api = self.within.over(self.at.api(context)?);
        let policy = match self.action {
            Action::Explain(explain) => return explain.perform(&api, context).await,
            Action::Whatif(what_if) => return what_if.perform(&api, context).await,
            Action::Show => api.ask(endpoints::SHOW_POLICY, &[]).await?,
            Action::Change {
                max_code_failures,
                lock_s,
                totp_window,
                challenge_s,
                hotp_look_ahead,
                sent_code_s,
                sends_per_user,
                sends_per_prefix,
                pins,
                care,
                passwords,
            } => {
                let ms = |seconds: Option<u32>| seconds.map(|s| u64::from(s) * 1000);
                let (lock_ms, challenge_ms) = (ms(lock_s), ms(challenge_s));
                let change = ChangePolicy {
                    max_code_failures,
                    lock_ms,
                    totp_window,
                    challenge_ms,
                    hotp_look_ahead,
                    sent_code_ms: ms(sent_code_s),
                    sends_per_user,
                    sends_per_prefix,
                    pins: pins.map(PinsArg::of),
                    passwords: passwords.change(),
                };
                let endpoint = (endpoints::CHANGE_POLICY, &[][..]);
                match api.tell_carefully(context.format, endpoint, &change, &care).await? {
                    Some(changed) => changed,
                    None => return Ok(()),
                }
            }
        };
        context.format.show(&policy, text);
        Ok(())
    }
}

fn text(policy: &Policy) -> String {
    let mut lines = vec![
        ("wrong codes before a lock", policy.max_code_failures.to_string()),
        ("a lock lasts", duration(policy.lock_ms)),
        (
            "TOTP window",
            format!("{} timesteps before and after now", policy.totp_window),
        ),
        (
            "HOTP look-ahead",
            format!("{} counters after the next one", policy.hotp_look_ahead),
        ),
        ("a code that was sent is good for", duration(policy.sent_code_ms)),
        ("messages to a user in a day", policy.sends_per_user.to_string()),
        ("messages to a region in a day", policy.sends_per_prefix.to_string()),
        ("a PIN in front of codes", pins_text(policy.pins).to_owned()),
        ("a challenge waits", duration(policy.challenge_ms)),
    ];
    lines.extend(password_rules::lines(&policy.passwords));
    lines.push(("revision", policy.revision.to_string()));
    facts(&lines)
}
