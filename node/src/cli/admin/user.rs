//! `quorate user`: who logs in.

use clap::{Args, Subcommand};
use quorate_api::{
    ChangeOwnPassword, ChangeUser, Confidential, CreateUser, PageQuery, SetPassword, SetPin, User, UserQuery, endpoints,
};
use zeroize::Zeroizing;

use crate::cli::{
    Context,
    admin::{
        self, Listing,
        audit::filter,
        care::Care,
        device,
        export::UserExport,
        role::{self, Access, RoleArg},
    },
    api::Connection,
    exit::{Done, Exit, Failure},
    output::{Table, duration, enabled, facts, now_ms, yes_no},
    terminal,
};

const PASSWORD_INSTEAD: &str = "in a script: --password-stdin, or --no-password";
const PIN_INSTEAD: &str = "in a script: --stdin, or --remove";
const OWN_INSTEAD: &str =
    "in a script: --stdin, with the password in use on the first line and the new one on the second";

/// Users: who logs in
#[derive(Debug, Args)]
#[command(after_help = "\
A user is named by name or by id (u-…). Examples:
  quorate user create alice --display-name \"Alice Example\"
  pwgen 16 1 | quorate user create bob --password-stdin
  quorate user disable alice       # refused on every node when this returns
  quorate user unlock alice        # after too many wrong codes
  quorate user list --json | jq '.[] | select(.locked_until_ms)'")]
pub struct UserCommand {
    #[command(flatten)]
    at: Connection,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List users by name
    List {
        #[command(flatten)]
        listing: Listing,
        /// Only those who have never had a token in use
        #[arg(long)]
        without_token: bool,
    },
    /// Show a user
    Show { user: String },
    /// Create a user; asks for the password
    Create {
        name: String,
        #[arg(long, default_value = "", hide_default_value = true)]
        display_name: String,
        /// What the user may do
        #[arg(long, value_enum)]
        role: Option<RoleArg>,
        #[command(flatten)]
        password: Password,
        /// Have the user change the password at the first login
        #[arg(long)]
        must_change_password: bool,
    },
    /// Change names, or the password
    #[command(after_help = "\
Examples:
  quorate user change alice --display-name \"Alice Changed\"
  quorate user change alice --group staff --group vpn
  quorate user change alice --language de
  quorate user change alice --password          # asks for it
  quorate user change alice --no-password       # removes it
  quorate user change alice --password --must-change-password")]
    Change {
        user: String,
        #[arg(long)]
        name: Option<String>,
        #[arg(long)]
        display_name: Option<String>,
        /// Replaces the groups that are kept here, beside those of a directory; repeat for more, --group "" for none
        #[arg(long)]
        group: Vec<String>,
        /// Until when the user may do without a token where an application lets such users in: 30d from now, a date in UTC, or never
        #[arg(long, value_name = "WHEN")]
        enrol_by: Option<String>,
        /// In which language messages are written to the user, where no directory says one: de, pt-BR; "" for none
        #[arg(long, value_name = "TAG")]
        language: Option<String>,
        /// The mobile number of somebody whom a directory keeps, written there; "" takes it away
        #[arg(long)]
        mobile: Option<String>,
        /// The mail address of somebody whom a directory keeps, written there; "" takes it away
        #[arg(long)]
        mail: Option<String>,
        /// Set a new password; asks for it. That of somebody whom a directory keeps is set there
        #[arg(long)]
        password: bool,
        #[command(flatten)]
        other: Password,
        /// Have the user change the password at the next login; with `=false`, no more
        #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        must_change_password: Option<bool>,
    },
    /// Replace a password as the user: asks for the one in use, and for the new one
    #[command(after_help = "\
The password in use has to be right; wrong ones make whoever types them wait, as in a login. In a script: --stdin, with the password in use on the
first line and the new one on the second.")]
    Password {
        user: String,
        /// Read both from standard input, a line each
        #[arg(long)]
        stdin: bool,
    },
    /// Set the PIN that the user types in front of every code, or remove it
    #[command(after_help = "\
Examples:
  quorate user pin alice                  # asks for it
  quorate user pin alice --stdin < pin.txt
  quorate user pin alice --remove")]
    Pin {
        user: String,
        /// Read it from standard input
        #[arg(long, conflicts_with = "remove")]
        stdin: bool,
        /// The user has none any more
        #[arg(long)]
        remove: bool,
    },
    /// Change what the user may do, and by how many factors the user gets in
    #[command(after_help = "\
Examples:
  quorate user access alice --role helpdesk
  quorate user access alice --mfa required --trust denied")]
    Access {
        user: String,
        #[command(flatten)]
        access: Access,
        #[command(flatten)]
        care: Care,
    },
    /// Delete a user and the user's tokens
    Delete { user: String },
    /// Refuse the user everywhere, from the moment this returns
    Disable { user: String },
    /// Let the user log in again
    Enable { user: String },
    /// End a lockout before its time
    Unlock { user: String },
    /// List the devices that a user trusts, which stand for codes in logins from browsers
    Devices {
        user: String,
        #[command(flatten)]
        listing: Listing,
    },
    /// Trust a device no more: codes are asked for there again, from the moment this returns
    RevokeDevice { device: String },
    /// Trust no device of a user any more
    RevokeDevices { user: String },
    /// Take all users along, as CSV or LDIF; each is audited
    #[command(after_help = "\
Examples:
  quorate user export --output users.csv
  quorate user export --format ldif --base dc=example,dc=org > users.ldif
  quorate user export --password-hashes --output users.csv   # for another Quorate")]
    Export(UserExport),
}

/// Where a password comes from, if not from the terminal.
#[derive(Debug, Args)]
struct Password {
    /// Read the password from standard input
    #[arg(long, conflicts_with = "no_password")]
    password_stdin: bool,
    /// No local password: such a user cannot log in where one is asked for
    #[arg(long)]
    no_password: bool,
}

impl UserCommand {
    pub async fn perform(self, context: &Context) -> Done {
        let api = self.at.api(context)?;
        let user = match self.action {
            Action::Export(export) => return export.perform(&api).await,
            Action::Devices { user, listing } => return device::list(&api, context, &user, &listing).await,
            Action::RevokeDevice { device } => return device::revoke(&api, context, &device).await,
            Action::RevokeDevices { user } => return device::revoke_all(&api, context, &user).await,
            Action::List { listing, without_token } => {
                let query = |page: PageQuery| UserQuery {
                    limit: page.limit,
                    after: page.after,
                    without_token: without_token.then_some(true),
                };
                return listing
                    .show_by(&api, context, (endpoints::LIST_USERS, &[]), query, table)
                    .await;
            }
            Action::Delete { user } => {
                api.order(endpoints::DELETE_USER, &[&user]).await?;
                admin::done(context.format, format!("{user} is deleted"));
                return Ok(());
            }
            Action::Access { user, access, care } => {
                let endpoint = (endpoints::CHANGE_ACCESS, &[user.as_str()][..]);
                let changed = api
                    .tell_carefully(context.format, endpoint, &access.into(), &care)
                    .await?;
                match changed {
                    Some(changed) => changed,
                    None => return Ok(()),
                }
            }
            Action::Show { user } => api.ask(endpoints::SHOW_USER, &[&user]).await?,
            Action::Disable { user } => api.ask(endpoints::DISABLE_USER, &[&user]).await?,
            Action::Enable { user } => api.ask(endpoints::ENABLE_USER, &[&user]).await?,
            Action::Password { user, stdin } => {
                let change = own_change(stdin)?;
                api.tell(endpoints::CHANGE_OWN_PASSWORD, &[&user], &change).await?
            }
            Action::Pin { user, stdin, remove } => {
                let set = SetPin {
                    pin: pin(stdin, remove)?,
                };
                api.tell(endpoints::SET_PIN, &[&user], &set).await?
            }
            Action::Unlock { user } => api.ask(endpoints::UNLOCK_USER, &[&user]).await?,
            Action::Create {
                name,
                display_name,
                role,
                password,
                must_change_password,
            } => {
                let password = match password.given()? {
                    None => Some(Confidential::new(
                        terminal::ask_new_password(PASSWORD_INSTEAD)?.as_str(),
                    )),
                    Some(given) => given,
                };
                let create = CreateUser {
                    name,
                    display_name,
                    password,
                    role: role.map(Into::into),
                    must_change_password,
                };
                api.tell(endpoints::CREATE_USER, &[], &create).await?
            }
            Action::Change {
                user,
                name,
                display_name,
                group,
                enrol_by,
                language,
                mobile,
                mail,
                password,
                other,
                must_change_password,
            } => {
                let new_password = match (other.given()?, password) {
                    (None, true) => Some(Some(Confidential::new(
                        terminal::ask_new_password(PASSWORD_INSTEAD)?.as_str(),
                    ))),
                    (given, _) => given,
                };
                let mut shown = None;
                // A new password brings its own mark with it.
                let mark = must_change_password.filter(|_| !matches!(new_password, Some(Some(_))));
                let change = ChangeUser {
                    name,
                    display_name,
                    groups: (!group.is_empty()).then(|| group.into_iter().filter(|name| !name.is_empty()).collect()),
                    must_change_password: mark,
                    enrol_by_ms: enrol_by.as_deref().map(filter::coming_ms).transpose()?,
                    language,
                    mobile,
                    mail,
                };
                if change != ChangeUser::default() || new_password.is_none() {
                    shown = Some(api.tell(endpoints::CHANGE_USER, &[&user], &change).await?);
                }
                match (new_password, shown) {
                    (Some(password), shown) => {
                        // A changed name is found by the id.
                        let id = shown.map_or(user, |user: User| user.id);
                        let set = SetPassword {
                            must_change_password: password.is_some() && must_change_password == Some(true),
                            password,
                        };
                        api.tell(endpoints::SET_PASSWORD, &[&id], &set).await?
                    }
                    (None, Some(shown)) => shown,
                    (None, None) => unreachable!("one of the two was asked for above"),
                }
            }
        };
        context.format.show(&user, text);
        Ok(())
    }
}

fn pin(stdin: bool, remove: bool) -> Done<Option<Confidential>> {
    if remove {
        return Ok(None);
    }
    let pin = match stdin {
        true => terminal::secret_from_stdin("PIN")?,
        false => terminal::ask_secret("PIN", PIN_INSTEAD)?,
    };
    Ok(Some(Confidential::new(pin.as_str())))
}

fn own_change(stdin: bool) -> Done<ChangeOwnPassword> {
    let both = match stdin {
        true => terminal::secret_from_stdin("passwords")?,
        false => {
            let old = terminal::ask_secret("Password in use", OWN_INSTEAD)?;
            Zeroizing::new(format!("{}\n{}", *old, *terminal::ask_new_password(OWN_INSTEAD)?))
        }
    };
    let Some((old, new)) = both.split_once('\n') else {
        return Err(Failure::new(Exit::Refused, "standard input has one line").advise(OWN_INSTEAD));
    };
    Ok(ChangeOwnPassword {
        old_password: Confidential::new(old.trim_end_matches('\r')),
        new_password: Confidential::new(new),
    })
}

impl Password {
    /// `None` when the options say nothing; `Some(None)` for no password at all.
    fn given(&self) -> Done<Option<Option<Confidential>>> {
        Ok(match (self.password_stdin, self.no_password) {
            (true, _) => Some(Some(Confidential::new(
                terminal::secret_from_stdin("password")?.as_str(),
            ))),
            (_, true) => Some(None),
            _ => None,
        })
    }
}

fn table(users: &[User]) -> (Table, &'static str) {
    let mut table = Table::new(&[
        "USER",
        "ID",
        "ROLE",
        "STATE",
        "LOCKED",
        "PASSWORD",
        "TOKENS",
        "DISPLAY NAME",
    ]);
    for user in users {
        table.row(vec![
            user.name.clone(),
            user.id.clone(),
            role::label(user.role),
            enabled(user.enabled),
            admin::locked(user.locked_until_ms),
            yes_no(user.has_password),
            user.tokens.to_string(),
            admin::or_dash(&user.display_name),
        ]);
    }
    (table, "There are no users yet: quorate user create NAME")
}

fn password_text(user: &User) -> String {
    let Some(changed_ms) = user.password_changed_ms else {
        return yes_no(false);
    };
    let now_ms = now_ms();
    let mut age = format!("yes, set {} ago", duration(now_ms.saturating_sub(changed_ms)));
    if user.foreign_password {
        age += ", hashed by a former product until it is right for the first time";
    }
    match (user.must_change_password, user.password_expires_ms) {
        (true, _) => format!("{age}; to be changed at the next login"),
        (false, None) => age,
        (false, Some(end_ms)) if end_ms <= now_ms => format!("{age}; has expired"),
        (false, Some(end_ms)) => format!("{age}; expires in {}", duration(end_ms - now_ms)),
    }
}

fn text(user: &User) -> String {
    facts(&[
        ("user", user.name.clone()),
        ("id", user.id.clone()),
        ("display name", admin::or_dash(&user.display_name)),
        ("role", role::label(user.role)),
        ("state", enabled(user.enabled)),
        ("second factor locked", admin::locked(user.locked_until_ms)),
        ("wrong codes in a row", user.code_failures.to_string()),
        ("MFA required", role::mfa(user.mfa, user.mfa_needed)),
        ("may trust devices", role::trust(user.trust, user.may_trust)),
        ("local password", password_text(user)),
        ("PIN", yes_no(user.has_pin)),
        (
            "tokens",
            match user.tokens {
                0 => format!("none yet: quorate token create {}", user.name),
                n => n.to_string(),
            },
        ),
        ("groups kept here", admin::or_dash(&user.groups.join(", "))),
        ("language", admin::or_dash(&user.language)),
        ("revision", user.revision.to_string()),
    ])
}
