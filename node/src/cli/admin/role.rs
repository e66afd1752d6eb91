//! `quorate role`: what each role may do, and what the policy says of its users.

use clap::{Args, Subcommand, ValueEnum};
use quorate_api::{ChangeAccess, ChangeRole, MfaRule, Role, RoleRule, TrustRule, endpoints};

use crate::cli::{
    Context,
    admin::{care::Care, pending::Within},
    api::Connection,
    exit::Done,
    output::{Table, duration, facts, yes_no},
};

/// Roles: what users and API tokens may do, and what the policy says of the users of each
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  quorate role list
  quorate role change admin --mfa-required true --preview     # whom would it lock out?
  quorate role change admin --mfa-required true --trust-days 7
  quorate user access alice --role helpdesk     # gives a user a role")]
pub struct RoleCommand {
    #[command(flatten)]
    at: Connection,
    #[command(flatten)]
    within: Within,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the roles and what the policy says of them
    List,
    /// Show what a role may do
    Show { role: RoleArg },
    /// Change what the policy says of a role; what is not named stays as it is
    Change {
        role: RoleArg,
        /// Whether its users get in by more than one factor only
        #[arg(long, value_name = "BOOL")]
        mfa_required: Option<bool>,
        /// Whether its users may have a device remembered
        #[arg(long, value_name = "BOOL")]
        may_trust: Option<bool>,
        /// Days that a device is remembered, 1 to 366
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=366))]
        trust_days: Option<u64>,
        #[command(flatten)]
        care: Care,
    },
}

/// A role as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum RoleArg {
    User,
    Helpdesk,
    Auditor,
    Admin,
    SuperAdmin,
}

/// Another access of a user, as typed.
#[derive(Debug, Args)]
#[group(skip)]
pub struct Access {
    /// What the user may do
    #[arg(long, value_enum)]
    role: Option<RoleArg>,
    /// Whether the user needs more than one factor
    #[arg(long, value_enum)]
    mfa: Option<MfaArg>,
    /// Whether the user may have a device remembered
    #[arg(long, value_enum)]
    trust: Option<TrustArg>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum MfaArg {
    /// As the policy says of the user's role
    ByRole,
    /// Whatever the policy says
    Required,
    /// Never, whatever the policy says
    Exempt,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum TrustArg {
    /// As the policy says of the user's role
    ByRole,
    /// Whatever the policy says
    Allowed,
    /// Never
    Denied,
}

impl RoleCommand {
    pub async fn perform(self, context: &Context) -> Done {
        let api = self.within.over(self.at.api(context)?);
        match self.action {
            Action::List => {
                let roles = api.ask(endpoints::LIST_ROLES, &[]).await?.items;
                context
                    .format
                    .show(&roles, |roles| table(roles).render("There are no roles."));
            }
            Action::Show { role } => {
                let roles = api.ask(endpoints::LIST_ROLES, &[]).await?.items;
                let wanted = Role::from(role);
                let shown = roles.into_iter().find(|shown| shown.role == wanted);
                context
                    .format
                    .show(&shown, |shown| shown.as_ref().map(text).unwrap_or_default());
            }
            Action::Change {
                role,
                mfa_required,
                may_trust,
                trust_days,
                care,
            } => {
                let change = ChangeRole {
                    mfa_required,
                    may_trust,
                    trust_ms: trust_days.map(|days| days * 86_400_000),
                };
                let name = label(role.into());
                let endpoint = (endpoints::CHANGE_ROLE, &[name.as_str()][..]);
                if let Some(changed) = api.tell_carefully(context.format, endpoint, &change, &care).await? {
                    context.format.show(&changed, text);
                }
            }
        }
        Ok(())
    }
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::User => Role::User,
            RoleArg::Helpdesk => Role::Helpdesk,
            RoleArg::Auditor => Role::Auditor,
            RoleArg::Admin => Role::Admin,
            RoleArg::SuperAdmin => Role::SuperAdmin,
        }
    }
}

impl From<Access> for ChangeAccess {
    fn from(access: Access) -> Self {
        Self {
            role: access.role.map(Into::into),
            mfa: access.mfa.map(|mfa| match mfa {
                MfaArg::ByRole => MfaRule::ByRole,
                MfaArg::Required => MfaRule::Required,
                MfaArg::Exempt => MfaRule::Exempt,
            }),
            trust: access.trust.map(|trust| match trust {
                TrustArg::ByRole => TrustRule::ByRole,
                TrustArg::Allowed => TrustRule::Allowed,
                TrustArg::Denied => TrustRule::Denied,
            }),
        }
    }
}

/// As it is typed and shown.
pub fn label(role: Role) -> String {
    match role {
        Role::User => "user",
        Role::Helpdesk => "helpdesk",
        Role::Auditor => "auditor",
        Role::Admin => "admin",
        Role::SuperAdmin => "super_admin",
    }
    .to_owned()
}

/// Whether a user needs more than one factor, and why.
pub fn mfa(rule: MfaRule, needed: bool) -> String {
    let why = match rule {
        MfaRule::ByRole => "by role",
        MfaRule::Required => "whatever the policy says",
        MfaRule::Exempt => "exempt from the policy",
    };
    format!("{} ({why})", yes_no(needed))
}

/// Whether a user may have a device remembered, and why.
pub fn trust(rule: TrustRule, may: bool) -> String {
    let why = match rule {
        TrustRule::ByRole => "by role",
        TrustRule::Allowed => "whatever the policy says",
        TrustRule::Denied => "denied",
    };
    format!("{} ({why})", yes_no(may))
}

fn table(roles: &[RoleRule]) -> Table {
    let mut table = Table::new(&["ROLE", "MFA REQUIRED", "MAY TRUST DEVICES", "FOR", "PERMISSIONS"]);
    for role in roles {
        table.row(vec![
            label(role.role),
            yes_no(role.mfa_required),
            yes_no(role.may_trust),
            duration(role.trust_ms),
            role.permissions.len().to_string(),
        ]);
    }
    table
}

fn text(role: &RoleRule) -> String {
    let permissions = match role.permissions.is_empty() {
        true => "none".to_owned(),
        false => role.permissions.join(" "),
    };
    facts(&[
        ("role", label(role.role)),
        ("MFA required", yes_no(role.mfa_required)),
        ("may trust devices", yes_no(role.may_trust)),
        ("a device is trusted for", duration(role.trust_ms)),
        ("permissions", permissions),
        ("revision", role.revision.to_string()),
    ])
}
