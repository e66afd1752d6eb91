//! `quorate application`: which factors a login needs, in order.

use clap::{Args, Subcommand, ValueEnum};
use quorate_api::{Application, ChangeApplication, CreateApplication, Factor, endpoints};

use crate::cli::{
    Context,
    admin::{self, Listing},
    api::Connection,
    exit::Done,
    output::{Table, enabled, facts},
};

/// Applications: which factors a login needs, in order
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  quorate application create vpn --factor local-password --factor totp
  quorate application change vpn --factor totp
  quorate application disable vpn      # rejects every login through it")]
pub struct ApplicationCommand {
    #[command(flatten)]
    at: Connection,
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
        /// A factor; repeat in the order in which they are asked for
        #[arg(long, required = true, value_delimiter = ',')]
        factor: Vec<FactorName>,
    },
    /// Change its name or factors
    Change {
        application: String,
        #[arg(long)]
        name: Option<String>,
        /// Replaces all factors
        #[arg(long, value_delimiter = ',')]
        factor: Vec<FactorName>,
    },
    /// Delete an application that no client uses
    Delete { application: String },
    /// Reject every login through it, from the moment this returns
    Disable { application: String },
    /// Allow logins through it again
    Enable { application: String },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FactorName {
    LocalPassword,
    Totp,
}

impl ApplicationCommand {
    pub async fn perform(self, context: &Context) -> Done {
        let api = self.at.api(context)?;
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
            Action::Create { name, factor } => {
                let create = CreateApplication {
                    name,
                    factors: factors(&factor),
                };
                api.tell(endpoints::CREATE_APPLICATION, &[], &create).await?
            }
            Action::Change {
                application,
                name,
                factor,
            } => {
                let factors = (!factor.is_empty()).then(|| factors(&factor));
                let change = ChangeApplication { name, factors };
                api.tell(endpoints::CHANGE_APPLICATION, &[&application], &change)
                    .await?
            }
            Action::Show { application } => api.ask(endpoints::SHOW_APPLICATION, &[&application]).await?,
            Action::Disable { application } => api.ask(endpoints::DISABLE_APPLICATION, &[&application]).await?,
            Action::Enable { application } => api.ask(endpoints::ENABLE_APPLICATION, &[&application]).await?,
        };
        context.format.show(&application, text);
        Ok(())
    }
}

fn factors(names: &[FactorName]) -> Vec<Factor> {
    let factor = |name: &FactorName| match name {
        FactorName::LocalPassword => Factor::LocalPassword,
        FactorName::Totp => Factor::Totp,
    };
    names.iter().map(factor).collect()
}

fn factors_text(application: &Application) -> String {
    let names = application.factors.iter().map(|factor| match factor {
        Factor::LocalPassword => "local-password",
        Factor::Totp => "totp",
    });
    names.collect::<Vec<_>>().join(", then ")
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
        "There are no applications yet: quorate application create NAME --factor local-password --factor totp",
    )
}

fn text(application: &Application) -> String {
    facts(&[
        ("application", application.name.clone()),
        ("id", application.id.clone()),
        ("state", enabled(application.enabled)),
        ("factors", factors_text(application)),
        ("revision", application.revision.to_string()),
    ])
}
