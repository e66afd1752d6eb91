//! `quorate application`: which factors a login needs, in order.

use clap::{Args, Subcommand, ValueEnum};
use quorate_api::{Application, ChangeApplication, CreateApplication, Enrolment, Factor, Way, endpoints};

use crate::cli::{
    Context,
    admin::{self, Listing, audit::filter, care::Care, pending::Within},
    api::Connection,
    exit::Done,
    output::{Table, duration, enabled, facts, now_ms},
};

/// Applications: which factors a login needs, in order
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  quorate application create vpn --factor password --factor code
  quorate application change vpn --factor totp+yubikey
  quorate application change vpn --enrol registration-code
  quorate application disable vpn      # rejects every login through it")]
pub struct ApplicationCommand {
    #[command(flatten)]
    at: Connection,
    #[command(flatten)]
    within: Within,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List applications by name
    List(Listing),
    /// Show an application
    Show { application: String },
    /// Create an application
    Create {
        name: String,
        /// A factor: password, code, or kinds of code joined by +; repeat in the order in which they are asked for
        #[arg(long, required = true, value_delimiter = ',', value_parser = factor)]
        factor: Vec<FactorArg>,
        /// Let users who never had a token in use in by the password alone until then: 90d from now, or a date in UTC
        #[arg(long, value_name = "WHEN")]
        passthru_until: Option<String>,
        /// How users who never had a token in use come to one in a login
        #[arg(long, value_enum)]
        enrol: Option<Enrol>,
    },
    /// Change its name or factors
    Change {
        application: String,
        #[arg(long)]
        name: Option<String>,
        /// Replaces all factors
        #[arg(long, value_delimiter = ',', value_parser = factor)]
        factor: Vec<FactorArg>,
        #[command(flatten)]
        care: Care,
        /// Let users who never had a token in use in by the password alone until then: 90d from now, a date in UTC, or never
        #[arg(long, value_name = "WHEN")]
        passthru_until: Option<String>,
        /// How users who never had a token in use come to one in a login
        #[arg(long, value_enum)]
        enrol: Option<Enrol>,
    },
    /// Delete an application that no client and no rule uses
    Delete { application: String },
    /// Reject every login through it, from the moment this returns
    Disable { application: String },
    /// Allow logins through it again
    Enable { application: String },
}

/// How users come to a first token.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Enrol {
    /// They do not
    Off,
    /// The password is enough to be shown a key
    Password,
    /// A registration code is asked for (token create NAME --kind registration)
    RegistrationCode,
}

impl Enrol {
    const fn of(self) -> Enrolment {
        match self {
            Enrol::Off => Enrolment::Off,
            Enrol::Password => Enrolment::Password,
            Enrol::RegistrationCode => Enrolment::RegistrationCode,
        }
    }
}

/// A factor as typed: a type of its own, for clap takes a `Vec` of plain vectors for something else.
#[derive(Debug, Clone)]
struct FactorArg(Factor);

impl ApplicationCommand {
    pub async fn perform(self, context: &Context) -> Done {
        let api = self.within.over(self.at.api(context)?);
        let application = match self.action {
            Action::List(listing) => {
                return listing
                    .show(&api, context, (endpoints::LIST_APPLICATIONS, &[]), table)
                    .await;
            }
            Action::Delete { application } => {
                api.order(endpoints::DELETE_APPLICATION, &[&application]).await?;
                admin::done(context.format, format!("{application} is deleted"));
                return Ok(());
            }
            Action::Create {
                name,
                factor,
                passthru_until,
                enrol,
            } => {
                let create = CreateApplication {
                    name,
                    factors: factors(&factor),
                    passthru_until_ms: passthru_until.as_deref().map(filter::coming_ms).transpose()?,
                    enrolment: enrol.map(Enrol::of),
                };
                api.tell(endpoints::CREATE_APPLICATION, &[], &create).await?
            }
            Action::Change {
                application,
                name,
                factor,
                care,
                passthru_until,
                enrol,
            } => {
                let passthru_until_ms = passthru_until.as_deref().map(filter::coming_ms).transpose()?;
                let factors = (!factor.is_empty()).then(|| factors(&factor));
                let change = ChangeApplication {
                    name,
                    factors,
                    passthru_until_ms,
                    enrolment: enrol.map(Enrol::of),
                };
                let endpoint = (endpoints::CHANGE_APPLICATION, &[application.as_str()][..]);
                match api.tell_carefully(context.format, endpoint, &change, &care).await? {
                    Some(changed) => changed,
                    None => return Ok(()),
                }
            }
            Action::Show { application } => api.ask(endpoints::SHOW_APPLICATION, &[&application]).await?,
            Action::Disable { application } => api.ask(endpoints::DISABLE_APPLICATION, &[&application]).await?,
            Action::Enable { application } => api.ask(endpoints::ENABLE_APPLICATION, &[&application]).await?,
        };
        context.format.show(&application, text);
        Ok(())
    }
}

fn factors(typed: &[FactorArg]) -> Vec<Factor> {
    typed.iter().map(|factor| factor.0.clone()).collect()
}

const WAYS: [(&str, Way); 12] = [
    ("password", Way::Password),
    ("code", Way::Code),
    ("totp", Way::Totp),
    ("hotp", Way::Hotp),
    ("yubikey", Way::Yubikey),
    ("recovery", Way::Recovery),
    ("temporary", Way::Temporary),
    ("sms", Way::Sms),
    ("email", Way::Email),
    ("voice", Way::Voice),
    ("static", Way::Static),
    ("registration", Way::Registration),
];

fn factor(typed: &str) -> Result<FactorArg, String> {
    let way = |word: &str| {
        let found = WAYS.iter().find(|(name, _)| *name == word);
        found.map(|(_, way)| *way).ok_or_else(|| {
            let names: Vec<&str> = WAYS.iter().map(|(name, _)| *name).collect();
            format!("{word:?} is none of {}", names.join(", "))
        })
    };
    typed.split('+').map(way).collect::<Result<_, _>>().map(FactorArg)
}

fn factors_text(application: &Application) -> String {
    let factors = application.factors.iter();
    factors.map(factor_text).collect::<Vec<_>>().join(", then ")
}

/// A factor as it is typed.
pub fn factor_text(factor: &Factor) -> String {
    let name = |way: &Way| WAYS.iter().find(|(_, other)| other == way).map_or("", |(name, _)| name);
    factor.iter().map(name).collect::<Vec<_>>().join("+")
}

fn table(applications: &[Application]) -> (Table, &'static str) {
    let mut table = Table::new(&["APPLICATION", "ID", "STATE", "FACTORS"]);
    for application in applications {
        table.row(vec![
            application.name.clone(),
            application.id.clone(),
            enabled(application.enabled),
            factors_text(application),
        ]);
    }
    (
        table,
        "There are no applications yet: quorate application create NAME --factor password --factor code",
    )
}

/// A time that something lasts to.
fn until(at_ms: Option<u64>) -> String {
    match at_ms {
        None => "never".to_owned(),
        Some(at_ms) if at_ms <= now_ms() => "no more".to_owned(),
        Some(at_ms) => format!("for another {}", duration(at_ms - now_ms())),
    }
}

const fn enrolment_text(way: Enrolment) -> &'static str {
    match way {
        Enrolment::Off => "given by an administrator",
        Enrolment::Password => "shown in the login, to whoever has the password",
        Enrolment::RegistrationCode => "shown in the login, to whoever has a registration code",
    }
}

fn text(application: &Application) -> String {
    facts(&[
        ("application", application.name.clone()),
        ("id", application.id.clone()),
        ("state", enabled(application.enabled)),
        ("factors", factors_text(application)),
        ("without a token until", until(application.passthru_until_ms)),
        ("first token", enrolment_text(application.enrolment).to_owned()),
        ("revision", application.revision.to_string()),
    ])
}
