//! `quorate client`: the RADIUS clients, which are gateways, firewalls and switches.

use clap::{Args, Subcommand, ValueEnum};
use quorate_api::{
    ChangeClient, Client, Confidential, CreateClient, Modes, RotateSecret, ShownClient, TrustedNetwork, Waives,
    endpoints,
};

use crate::cli::{
    Context,
    admin::{self, Listing, care::Care, pending::Within},
    api::Connection,
    exit::Done,
    output::{Table, enabled, facts, yes_no},
    terminal,
};

/// RADIUS clients: the gateways, firewalls and switches that ask
#[derive(Debug, Args)]
#[command(after_help = "\
How a login may look (--mode, several with commas):
  two-step       the password first, then the code as the answer to an Access-Challenge
  one-step       password and code in one field, the code last
  passcode-only  the code alone: the gateway has checked the password itself

Examples:
  quorate client create gate-1 --network 192.0.2.1 --application vpn
  quorate client create wifi --network 10.8.0.0/16 --network 2001:db8:8::/48 \\
      --application wifi --mode passcode-only
  quorate client change gate-1 --required-group vpn --trusted-network 10.0.0.0/8=code
  quorate client change gate-1 --separator ,           # password,492039 in one field
  quorate client rotate-secret gate-1 --keep-current   # the old one works on, meanwhile
  quorate client disable gate-1")]
pub struct ClientCommand {
    #[command(flatten)]
    at: Connection,
    #[command(flatten)]
    within: Within,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List RADIUS clients by name
    List(Listing),
    /// Show a RADIUS client; never its secret
    Show { client: String },
    /// Create a RADIUS client; makes its secret and shows it, this once
    Create {
        name: String,
        /// Name or id of the application its logins go through
        #[arg(long)]
        application: String,
        /// An address or CIDR network its packets come from; repeat for more
        #[arg(long, required = true, value_name = "CIDR")]
        network: Vec<String>,
        /// How a login may look
        #[arg(long, value_delimiter = ',', default_values_t = [Mode::OneStep, Mode::TwoStep])]
        mode: Vec<Mode>,
        #[command(flatten)]
        settings: Settings,
        /// Read the shared secret from standard input instead of making one
        #[arg(long)]
        secret_stdin: bool,
    },
    /// Change settings of a RADIUS client
    Change {
        client: String,
        #[arg(long)]
        name: Option<String>,
        #[arg(long)]
        application: Option<String>,
        /// Replaces all networks; repeat for more
        #[arg(long, value_name = "CIDR")]
        network: Vec<String>,
        #[arg(long, value_delimiter = ',')]
        mode: Vec<Mode>,
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        care: Care,
    },
    /// Replace the shared secret; makes one and shows it, this once
    RotateSecret {
        client: String,
        /// Let the current secret work beside the new one, until the next rotation without this
        #[arg(long)]
        keep_current: bool,
        /// Read the new secret from standard input instead of making one
        #[arg(long)]
        secret_stdin: bool,
    },
    /// Delete a RADIUS client
    Delete { client: String },
    /// Answer it no more, from the moment this returns
    Disable { client: String },
    /// Answer it again
    Enable { client: String },
}

#[derive(Debug, Args)]
struct Settings {
    /// What it is: vpn, firewall, switch, router, wireless, …
    #[arg(long)]
    device_type: Option<String>,
    /// The NAS-Identifier it must send, where clients share an address; empty removes it
    #[arg(long)]
    nas_identifier: Option<String>,
    /// Whether to drop requests without Message-Authenticator (CVE-2024-3596) [default: true]
    #[arg(long, value_name = "true|false")]
    require_message_authenticator: Option<bool>,
    /// One step: the character between password and code, such as ","; empty for none, where the code's length tells (the default)
    #[arg(long, value_name = "CHARACTER", conflicts_with = "code_length")]
    separator: Option<String>,
    /// One step: how many characters at the end are the code, its PIN included; 0 for what the user's tokens have (the default)
    #[arg(long, value_name = "N")]
    code_length: Option<u8>,
    /// Milliseconds after which it sends again [default: 3000]
    #[arg(long)]
    retry_timeout_ms: Option<u32>,
    /// How often it sends a request in all [default: 3]
    #[arg(long)]
    retry_tries: Option<u8>,
    /// Users have to be in one of these groups; repeat for more, "" for none
    #[arg(long, value_name = "GROUP")]
    required_group: Vec<String>,
    /// Nobody is let in from this network, by the user's own address; repeat for more, "" for none
    #[arg(long, value_name = "CIDR")]
    blocked_network: Vec<String>,
    /// A network from which a kind of factor is not asked for, such as 10.0.0.0/8=code; repeat for more, "" for none
    #[arg(long, value_name = "CIDR=password|code", value_parser = trusted)]
    trusted_network: Vec<Trusted>,
}

/// A trusted network as typed; none for the empty text, which removes all.
#[derive(Debug, Clone)]
struct Trusted(Option<TrustedNetwork>);

fn trusted(typed: &str) -> Result<Trusted, String> {
    if typed.is_empty() {
        return Ok(Trusted(None));
    }
    let (network, waives) = typed.rsplit_once('=').unwrap_or((typed, ""));
    let waives = match waives {
        "password" => Waives::Password,
        "code" => Waives::Code,
        _ => return Err("expected CIDR=password or CIDR=code".to_owned()),
    };
    let network = network.to_owned();
    Ok(Trusted(Some(TrustedNetwork { network, waives })))
}

/// What was said of a list: nothing, or all of it from now on.
fn whole<T, U>(said: Vec<T>, kept: impl Fn(T) -> Option<U>) -> Option<Vec<U>> {
    (!said.is_empty()).then(|| said.into_iter().filter_map(kept).collect())
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    OneStep,
    TwoStep,
    PasscodeOnly,
}

impl ClientCommand {
    pub async fn perform(self, context: &Context) -> Done {
        let api = self.within.over(self.at.api(context)?);
        let client = match self.action {
            Action::List(listing) => {
                return listing.show(&api, context, (endpoints::LIST_CLIENTS, &[]), table).await;
            }
            Action::Delete { client } => {
                api.order(endpoints::DELETE_CLIENT, &[&client]).await?;
                admin::done(context.format, format!("{client} is deleted"));
                return Ok(());
            }
            Action::Create {
                name,
                application,
                network,
                mode,
                settings,
                secret_stdin,
            } => {
                let create = CreateClient {
                    name,
                    device_type: settings.device_type.unwrap_or_default(),
                    networks: network,
                    nas_identifier: settings.nas_identifier,
                    secret: secret(secret_stdin)?,
                    modes: modes(&mode),
                    require_message_authenticator: settings.require_message_authenticator.unwrap_or(true),
                    application,
                    retry_timeout_ms: settings.retry_timeout_ms,
                    retry_tries: settings.retry_tries,
                    separator: settings.separator,
                    code_length: settings.code_length,
                    required_groups: whole(settings.required_group, filled).unwrap_or_default(),
                    blocked_networks: whole(settings.blocked_network, filled).unwrap_or_default(),
                    trusted_networks: whole(settings.trusted_network, |said| said.0).unwrap_or_default(),
                };
                let shown = api.tell(endpoints::CREATE_CLIENT, &[], &create).await?;
                context.format.show(&shown, with_secret);
                return Ok(());
            }
            Action::RotateSecret {
                client,
                keep_current,
                secret_stdin,
            } => {
                let rotate = RotateSecret {
                    secret: secret(secret_stdin)?,
                    keep_current,
                };
                let shown = api.tell(endpoints::ROTATE_SECRET, &[&client], &rotate).await?;
                context.format.show(&shown, with_secret);
                return Ok(());
            }
            Action::Change {
                client,
                name,
                application,
                network,
                mode,
                settings,
                care,
            } => {
                let change = ChangeClient {
                    name,
                    application,
                    networks: (!network.is_empty()).then_some(network),
                    modes: (!mode.is_empty()).then(|| modes(&mode)),
                    device_type: settings.device_type,
                    nas_identifier: settings.nas_identifier,
                    require_message_authenticator: settings.require_message_authenticator,
                    retry_timeout_ms: settings.retry_timeout_ms,
                    retry_tries: settings.retry_tries,
                    separator: settings.separator,
                    code_length: settings.code_length,
                    required_groups: whole(settings.required_group, filled),
                    blocked_networks: whole(settings.blocked_network, filled),
                    trusted_networks: whole(settings.trusted_network, |said| said.0),
                };
                let endpoint = (endpoints::CHANGE_CLIENT, &[client.as_str()][..]);
                match api.tell_carefully(context.format, endpoint, &change, &care).await? {
                    Some(changed) => changed,
                    None => return Ok(()),
                }
            }
            Action::Show { client } => api.ask(endpoints::SHOW_CLIENT, &[&client]).await?,
            Action::Disable { client } => api.ask(endpoints::DISABLE_CLIENT, &[&client]).await?,
            Action::Enable { client } => api.ask(endpoints::ENABLE_CLIENT, &[&client]).await?,
        };
        context.format.show(&client, text);
        Ok(())
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Mode::OneStep => "one-step",
            Mode::TwoStep => "two-step",
            Mode::PasscodeOnly => "passcode-only",
        })
    }
}

fn modes(chosen: &[Mode]) -> Modes {
    Modes {
        one_step: chosen.contains(&Mode::OneStep),
        two_step: chosen.contains(&Mode::TwoStep),
        passcode_only: chosen.contains(&Mode::PasscodeOnly),
    }
}

fn modes_text(modes: Modes) -> String {
    let all = [
        (modes.one_step, Mode::OneStep),
        (modes.two_step, Mode::TwoStep),
        (modes.passcode_only, Mode::PasscodeOnly),
    ];
    let names = all.iter().filter(|(on, _)| *on).map(|(_, mode)| mode.to_string());
    names.collect::<Vec<_>>().join(", ")
}

fn cut_text(client: &Client) -> String {
    match (&client.separator, client.code_length) {
        _ if !client.modes.one_step => "not allowed".to_owned(),
        (Some(separator), _) => format!("{separator:?} between them"),
        (None, Some(length)) => format!("the last {length} characters are the code"),
        (None, None) => "the length of the user's codes tells".to_owned(),
    }
}

fn secret(from_stdin: bool) -> Done<Option<Confidential>> {
    match from_stdin {
        true => Ok(Some(Confidential::new(
            terminal::secret_from_stdin("shared secret")?.as_str(),
        ))),
        false => Ok(None),
    }
}

fn table(clients: &[Client]) -> (Table, &'static str) {
    let mut table = Table::new(&["CLIENT", "ID", "STATE", "NETWORKS", "MODES", "DEVICE"]);
    for client in clients {
        table.row(vec![
            client.name.clone(),
            client.id.clone(),
            enabled(client.enabled),
            client.networks.join(", "),
            modes_text(client.modes),
            admin::or_dash(&client.device_type),
        ]);
    }
    (
        table,
        "There are no RADIUS clients yet: quorate client create NAME --network CIDR --application NAME",
    )
}

fn text(client: &Client) -> String {
    facts(&[
        ("client", client.name.clone()),
        ("id", client.id.clone()),
        ("state", enabled(client.enabled)),
        ("device", admin::or_dash(&client.device_type)),
        ("networks", client.networks.join(", ")),
        (
            "NAS-Identifier",
            client.nas_identifier.clone().unwrap_or_else(|| "any".to_owned()),
        ),
        ("application", client.application.clone()),
        ("modes", modes_text(client.modes)),
        ("password and code in one field", cut_text(client)),
        (
            "Message-Authenticator required",
            yes_no(client.require_message_authenticator),
        ),
        (
            "sends again after",
            format!("{} ms, {} times in all", client.retry_timeout_ms, client.retry_tries),
        ),
        (
            "secrets",
            match client.secrets {
                2 => "2: one is being replaced".to_owned(),
                n => n.to_string(),
            },
        ),
        ("required groups", admin::or_dash(&client.required_groups.join(", "))),
        ("blocked networks", admin::or_dash(&client.blocked_networks.join(", "))),
        (
            "trusted networks",
            admin::or_dash(&trusted_text(&client.trusted_networks)),
        ),
        ("revision", client.revision.to_string()),
    ])
}

fn trusted_text(networks: &[TrustedNetwork]) -> String {
    let one = |trusted: &TrustedNetwork| match trusted.waives {
        Waives::Password => format!("{} (no password)", trusted.network),
        Waives::Code => format!("{} (no code)", trusted.network),
    };
    networks.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn with_secret(shown: &ShownClient) -> String {
    match &shown.secret {
        None => text(&shown.client),
        Some(secret) => format!(
            "{}\n\nShared secret, shown this once:\n{}",
            text(&shown.client),
            secret.expose()
        ),
    }
}
