//! `quorate directory`: LDAP and Active Directory.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use quorate_api::{
    ChangeDirectory, Confidential, CreateDirectory, Directory, DirectoryAttributes, DirectoryGroups, DirectoryKind,
    DirectorySettings, DirectorySync, ExamineDirectory, SyncDirectory, endpoints,
};

use crate::cli::{
    Context,
    admin::{self, Listing, pending::Within},
    api::Connection,
    exit::{Done, Exit, Failure},
    limits,
    output::{Table, enabled, facts, yes_no},
    terminal,
};

/// Directories: where other people keep users (LDAP, Active Directory)
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  quorate directory create office --domain example.org --kind active-directory \\
      --controller ldaps://dc1.example.org --controller ldaps://dc2.example.org \\
      --base dc=example,dc=org --account quorate@example.org --account-password-stdin --ca ca.pem --groups < password
  quorate directory test office --user alice      # every step, with what it found
  quorate directory sync office --dry-run         # who would be created, changed, let in no more")]
pub struct DirectoryCommand {
    #[command(flatten)]
    at: Connection,
    #[command(flatten)]
    within: Within,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List directories
    List(Listing),
    /// Show a directory, and how its controllers stand
    Show { directory: String },
    /// Create a directory
    Create {
        name: String,
        /// The domain of its users, as they type it; none for the default one
        #[arg(long, default_value = "", hide_default_value = true)]
        domain: String,
        /// A further name of that domain, as users may type it, such as CORP; may be repeated
        #[arg(long, value_name = "DOMAIN")]
        alias: Vec<String>,
        /// A name without domain that no local user has means somebody of this directory
        #[arg(long)]
        default: bool,
        /// Remember right passwords for so many hours, to be asked while no controller answers; 168 at most
        #[arg(long, value_name = "HOURS", default_value_t = 0, hide_default_value = true)]
        remember_passwords_h: u16,
        #[command(flatten)]
        settings: Box<Said>,
    },
    /// Replace its settings; the account's password stays if no other is given
    Change {
        directory: String,
        #[command(flatten)]
        settings: Box<Said>,
    },
    /// Give it another name
    Rename { directory: String, name: String },
    /// Say how its domain is called, beside its own name
    #[command(after_help = "\
Examples:
  quorate directory names office --alias CORP --alias corp.local    # CORP\\alice and alice@corp.local mean alice@example.org
  quorate directory names office --default                          # and so does alice, unless a local user is called so
  quorate directory names office --alias \"\" --default=false")]
    Names {
        directory: String,
        /// Replaces the further names of its domain; repeat for more, --alias "" for none
        #[arg(long, value_name = "DOMAIN", required_unless_present = "default")]
        alias: Vec<String>,
        /// Whether a name without domain that no local user has means somebody of it
        #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        default: Option<bool>,
    },
    /// Say for how long right passwords are remembered, to be asked while no controller answers
    RememberPasswords {
        directory: String,
        /// 168 at most; 0 for never, which forgets them all
        #[arg(long)]
        hours: u16,
    },
    /// Forget the passwords that are remembered of its people
    ForgetPasswords { directory: String },
    /// Try every step of a login, from the name of each controller to a person's password
    Test {
        directory: String,
        /// A person to look for, without domain
        #[arg(long)]
        user: Option<String>,
        /// Read the person's password from standard input, and try it
        #[arg(long, requires = "user")]
        password_stdin: bool,
    },
    /// Bring its users here up to date: who is new, changed, or gone
    Sync {
        directory: String,
        /// Only say what would be changed
        #[arg(long)]
        dry_run: bool,
        /// So many may be let in no more [default: a fifth of its users, or 10 where that is more]
        #[arg(long, value_name = "N")]
        allow_leavers: Option<u64>,
    },
    /// Delete a directory that has no users here
    Delete { directory: String },
    /// Ask it no more; its users get in nowhere a password is asked for
    Disable { directory: String },
    /// Ask it again
    Enable { directory: String },
}

#[derive(Debug, Args)]
struct Said {
    /// What speaks at the other end
    #[arg(long, value_enum, default_value_t = Kind::Ldap)]
    kind: Kind,
    /// ldaps://host, starttls://host or plain://host, each with :port if it is not the usual; repeat in the order to ask
    #[arg(long, required = true, value_name = "URL")]
    controller: Vec<String>,
    /// Under which entry people are searched for
    #[arg(long, value_name = "DN")]
    base: String,
    /// The service account: a DN, or a user principal name of Active Directory
    #[arg(long)]
    account: String,
    /// Read the account's password from standard input
    #[arg(long)]
    account_password_stdin: bool,
    /// A file with the authorities to believe, in PEM
    #[arg(long, value_name = "FILE", conflicts_with = "pin")]
    ca: Option<PathBuf>,
    /// SHA-256 of a controller's certificate, in hexadecimal: it and no other; may be repeated
    #[arg(long, value_name = "SHA256")]
    pin: Vec<String>,
    /// The filter that finds a person, with {name} in it
    #[arg(long, value_name = "FILTER")]
    user_filter: Option<String>,
    /// A second filter that has to hold for everybody who may log in
    #[arg(long, value_name = "FILTER")]
    member_filter: Option<String>,
    /// Ask for groups too, nested ones included
    #[arg(long)]
    groups: bool,
    /// An attribute of its own, such as mobile=telephoneNumber; `name=` for none; may be repeated
    #[arg(long, value_name = "WHAT=ATTRIBUTE", value_parser = attribute)]
    attribute: Vec<(String, String)>,
    /// Bring its users up to date so often, by itself, in seconds; 60 at least
    #[arg(long, value_name = "SECONDS")]
    sync_every_s: Option<u32>,
    /// Send codes to people's addresses without giving them a token: sms and voice (the mobile), email; may be repeated
    #[arg(long, value_name = "CHANNEL")]
    send_codes_to: Vec<String>,
    /// The code of the country whose numbers the directory has without one, such as 90
    #[arg(long, value_name = "DIGITS")]
    default_country: Option<String>,
    /// Let administrators set its people's passwords there, by the right of the account
    #[arg(long)]
    reset_passwords: bool,
    /// Let its people change their passwords there, by the one that they have
    #[arg(long)]
    change_passwords: bool,
    /// Let administrators change its people's mobile numbers and mail addresses there, by the right of the account
    #[arg(long)]
    write_contacts: bool,
    /// Follow referrals; they are sent the account's password
    #[arg(long)]
    referrals: bool,
    /// Milliseconds until a connection has to be there [default: 2000]
    #[arg(long, value_name = "MS")]
    connect_timeout_ms: Option<u32>,
    /// Milliseconds until a request has to be answered [default: 4000]
    #[arg(long, value_name = "MS")]
    operation_timeout_ms: Option<u32>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Ldap,
    ActiveDirectory,
}

fn attribute(typed: &str) -> Result<(String, String), String> {
    let (what, name) = typed.split_once('=').ok_or("has to look like mobile=telephoneNumber")?;
    Ok((what.to_owned(), name.to_owned()))
}

impl DirectoryCommand {
    pub async fn perform(self, context: &Context) -> Done {
        let api = self.within.over(self.at.api(context)?);
        let directory = match self.action {
            Action::List(listing) => {
                return listing
                    .show(&api, context, (endpoints::LIST_DIRECTORIES, &[]), table)
                    .await;
            }
            Action::Delete { directory } => {
                api.order(endpoints::DELETE_DIRECTORY, &[&directory]).await?;
                admin::done(context.format, format!("{directory} is deleted"));
                return Ok(());
            }
            Action::Test {
                directory,
                user,
                password_stdin,
            } => {
                let password = match password_stdin {
                    true => Some(Confidential::new(terminal::secret_from_stdin("password")?.as_str())),
                    false => None,
                };
                let ask = ExamineDirectory { user, password };
                let examined = api.tell(endpoints::EXAMINE_DIRECTORY, &[&directory], &ask).await?;
                context.format.show(&examined, |examined| admin::steps(&examined.steps));
                return admin::verdict(&examined.steps);
            }
            Action::Sync {
                directory,
                dry_run,
                allow_leavers,
            } => {
                let ask = SyncDirectory { dry_run, allow_leavers };
                let api = api.with_patience(limits::SYNC_TIMEOUT);
                let synced = api.tell(endpoints::SYNC_DIRECTORY, &[&directory], &ask).await?;
                context.format.show(&synced, |synced| sync_text(synced, dry_run));
                return Ok(());
            }
            Action::Create {
                name,
                domain,
                alias,
                default,
                remember_passwords_h,
                settings,
            } => {
                let create = CreateDirectory {
                    name,
                    domain,
                    aliases: alias,
                    is_default: default,
                    remember_passwords_h,
                    settings: settings.read()?,
                };
                api.tell(endpoints::CREATE_DIRECTORY, &[], &create).await?
            }
            Action::Change { directory, settings } => {
                let change = ChangeDirectory {
                    settings: Some(settings.read()?),
                    ..ChangeDirectory::default()
                };
                api.tell(endpoints::CHANGE_DIRECTORY, &[&directory], &change).await?
            }
            Action::Rename { directory, name } => {
                let change = ChangeDirectory {
                    name: Some(name),
                    ..ChangeDirectory::default()
                };
                api.tell(endpoints::CHANGE_DIRECTORY, &[&directory], &change).await?
            }
            Action::Names {
                directory,
                alias,
                default,
            } => {
                let named = alias.iter().filter(|alias| !alias.is_empty());
                let change = ChangeDirectory {
                    aliases: (!alias.is_empty()).then(|| named.cloned().collect()),
                    is_default: default,
                    ..ChangeDirectory::default()
                };
                api.tell(endpoints::CHANGE_DIRECTORY, &[&directory], &change).await?
            }
            Action::RememberPasswords { directory, hours } => {
                let change = ChangeDirectory {
                    remember_passwords_h: Some(hours),
                    ..ChangeDirectory::default()
                };
                api.tell(endpoints::CHANGE_DIRECTORY, &[&directory], &change).await?
            }
            Action::ForgetPasswords { directory } => api.ask(endpoints::FORGET_PASSWORDS, &[&directory]).await?,
            Action::Show { directory } => api.ask(endpoints::SHOW_DIRECTORY, &[&directory]).await?,
            Action::Disable { directory } => api.ask(endpoints::DISABLE_DIRECTORY, &[&directory]).await?,
            Action::Enable { directory } => api.ask(endpoints::ENABLE_DIRECTORY, &[&directory]).await?,
        };
        if directory
            .settings
            .controllers
            .iter()
            .any(|one| one.starts_with("plain://"))
        {
            eprintln!("A controller is asked without encryption: every password can be read on the way.");
        }
        context.format.show(&directory, text);
        Ok(())
    }
}

impl Said {
    fn read(&self) -> Result<DirectorySettings, Failure> {
        let account_password = match self.account_password_stdin {
            true => Some(Confidential::new(terminal::secret_from_stdin("password")?.as_str())),
            false => None,
        };
        let ca_pem = match &self.ca {
            Some(file) => Some(
                std::fs::read_to_string(file)
                    .map_err(|error| Failure::system(format!("cannot read {}", file.display()), error))?,
            ),
            None => None,
        };
        Ok(DirectorySettings {
            kind: match self.kind {
                Kind::Ldap => DirectoryKind::Ldap,
                Kind::ActiveDirectory => DirectoryKind::ActiveDirectory,
            },
            controllers: self.controller.clone(),
            base: self.base.clone(),
            account: self.account.clone(),
            account_password,
            ca_pem,
            pins: self.pin.clone(),
            user_filter: self.user_filter.clone(),
            member_filter: self.member_filter.clone(),
            attributes: self.attributes()?,
            groups: self.groups.then(DirectoryGroups::default),
            sync_every_s: self.sync_every_s,
            send_codes_to: self.send_codes_to.clone(),
            default_country: self.default_country.clone(),
            reset_passwords: self.reset_passwords,
            change_passwords: self.change_passwords,
            write_contacts: self.write_contacts,
            referrals: self.referrals,
            connect_timeout_ms: self.connect_timeout_ms,
            operation_timeout_ms: self.operation_timeout_ms,
            width: None,
        })
    }

    fn attributes(&self) -> Result<DirectoryAttributes, Failure> {
        let mut attributes = DirectoryAttributes::default();
        for (what, name) in &self.attribute {
            let place = match what.as_str() {
                "name" => &mut attributes.name,
                "unique-id" => &mut attributes.unique_id,
                "display-name" => &mut attributes.display_name,
                "mail" => &mut attributes.mail,
                "mobile" => &mut attributes.mobile,
                "phone" => &mut attributes.phone,
                "language" => &mut attributes.language,
                "manager" => &mut attributes.manager,
                other => {
                    let what = format!("--attribute {other}=… is not known");
                    let advice = "name, unique-id, display-name, mail, mobile, phone, language or manager";
                    return Err(Failure::new(Exit::Refused, what).advise(advice));
                }
            };
            *place = Some(name.clone());
        }
        Ok(attributes)
    }
}

fn sync_text(synced: &DirectorySync, dry_run: bool) -> String {
    let mut lines = vec![
        ("people seen", synced.seen.to_string()),
        ("users created", synced.created.to_string()),
        ("users updated", synced.updated.to_string()),
        ("let in no more", synced.gone.to_string()),
    ];
    if synced.gone > synced.gone_allowed {
        let (gone, allowed) = (synced.gone, synced.gone_allowed);
        lines.push((
            "refused",
            format!("more than {allowed} at once; --allow-leavers {gone} if it is meant"),
        ));
    }
    lines.extend(
        synced
            .refused
            .iter()
            .map(|[name, why]| ("no user", format!("{name}: {why}"))),
    );
    let heading = match dry_run {
        true => "Nothing was changed; this is what a synchronisation would do.\n\n",
        false => "",
    };
    format!("{heading}{}", facts(&lines))
}

fn domain(directory: &Directory) -> String {
    match directory.domain.is_empty() {
        true => "(default)".to_owned(),
        false => directory.domain.clone(),
    }
}

fn remembered(hours: u16) -> String {
    match hours {
        0 => "no".to_owned(),
        hours => format!("for {hours} h, while no controller answers"),
    }
}

fn table(directories: &[Directory]) -> (Table, &'static str) {
    let mut table = Table::new(&["DIRECTORY", "DOMAIN", "STATE", "CONTROLLERS"]);
    for directory in directories {
        let well = directory.controllers.iter().filter(|one| one.well).count();
        table.row(vec![
            directory.name.clone(),
            domain(directory),
            enabled(directory.enabled),
            format!("{well} of {} well", directory.controllers.len()),
        ]);
    }
    (table, "There are no directories yet: quorate directory create --help")
}

fn text(directory: &Directory) -> String {
    let settings = &directory.settings;
    let mut lines = vec![
        ("directory", directory.name.clone()),
        ("id", directory.id.clone()),
        ("domain", domain(directory)),
        ("also called", admin::or_dash(&directory.aliases.join(", "))),
        ("names without domain", yes_no(directory.is_default)),
        ("passwords remembered", remembered(directory.remember_passwords_h)),
        ("base", settings.base.clone()),
        ("account", settings.account.clone()),
        ("groups", yes_no(settings.groups.is_some())),
        ("state", enabled(directory.enabled)),
        ("revision", directory.revision.to_string()),
    ];
    let controllers = directory.controllers.iter();
    lines.extend(controllers.map(|one| ("controller", format!("{}: {}", one.controller, one.said))));
    facts(&lines)
}
