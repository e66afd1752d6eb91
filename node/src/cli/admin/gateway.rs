//! `quorate gateway`: mail servers and providers of text messages and calls.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use quorate_api::{ChangeGateway, CreateGateway, Gateway, TestGateway, endpoints};
use quorate_delivery::presets::PRESETS;
use serde_json::{Map, Value, json};

use crate::cli::{
    Context,
    admin::{self, Listing},
    api::Connection,
    exit::{Done, Exit, Failure},
    output::{Table, enabled, facts},
    terminal,
};

/// Gateways: what carries codes to people (mail servers, providers of text messages and calls)
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  quorate gateway create mail --smtp starttls://mail.example.org --from quorate@example.org \\
      --user quorate --password-stdin < password
  quorate gateway create texts --smpp tls://smsc.example.org:3550 --from Example \
      --user quorate --password-stdin < password            # a message centre, by SMPP
  quorate gateway presets                                   # providers whose format is known
  quorate gateway create sms --preset twilio_sms --field account_sid=AC12 --field from=+4930123 \\
      --secret-stdin auth_token < token
  quorate gateway create other --settings gateway.json --priority 10
  quorate gateway create screen --console                   # prints messages, code and all: for trying out
  quorate gateway test sms --to '+49 171 2345667'           # every step, with what it found")]
pub struct GatewayCommand {
    #[command(flatten)]
    at: Connection,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List gateways in the order in which they are asked
    List(Listing),
    /// Show a gateway, and how it stands
    Show { gateway: String },
    /// List the providers whose format is known, and what to fill in
    Presets,
    /// Create a gateway
    Create {
        name: String,
        #[command(flatten)]
        frame: Frame,
        #[command(flatten)]
        said: Box<Said>,
    },
    /// Change a gateway; secrets stay if no others are given
    Change {
        gateway: String,
        /// Another name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        frame: Frame,
        #[command(flatten)]
        said: Box<Said>,
    },
    /// Send a message without a code through every server of a gateway
    Test {
        gateway: String,
        /// A number in international form, or a mail address
        #[arg(long, value_name = "ADDRESS")]
        to: String,
        /// sms, email or voice; the gateway's first if left out
        #[arg(long)]
        channel: Option<String>,
    },
    /// Delete a gateway
    Delete { gateway: String },
    /// Give it no more messages
    Disable { gateway: String },
    /// Give it messages again
    Enable { gateway: String },
}

#[derive(Debug, Args)]
struct Frame {
    /// What it carries: sms, email, voice; may be repeated; all that it can if left out
    #[arg(long)]
    channel: Vec<String>,
    /// The lowest is asked first
    #[arg(long, value_name = "N")]
    priority: Option<u16>,
}

#[derive(Debug, Args)]
struct Said {
    /// A file with the settings as JSON; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["mail_or_smpp", "preset", "console"])]
    settings: Option<PathBuf>,
    /// A mail server: starttls://host, tls://host or plain://host, with :port if it is not the usual; repeat in the order to ask
    #[arg(long, value_name = "URL", group = "mail_or_smpp", requires = "from", conflicts_with_all = ["smpp", "preset", "console"])]
    smtp: Vec<String>,
    /// A message centre that speaks SMPP: tls://host or plain://host, with :port if it is not 2775; repeat in the order to ask
    #[arg(long, value_name = "URL", group = "mail_or_smpp", requires = "user", conflicts_with_all = ["preset", "console"])]
    smpp: Vec<String>,
    /// The sender: an address of mail; for SMPP a number or a name, the server's own if left out
    #[arg(long, value_name = "ADDRESS", requires = "mail_or_smpp")]
    from: Option<String>,
    /// Whom to log in to the server as; for SMPP the system_id
    #[arg(long, requires = "mail_or_smpp", requires = "password_stdin")]
    user: Option<String>,
    /// Read the password from standard input
    #[arg(long, requires = "user")]
    password_stdin: bool,
    /// A file with the authorities to believe about the server, in PEM
    #[arg(long, value_name = "FILE", requires = "mail_or_smpp")]
    ca: Option<PathBuf>,
    /// A provider whose format is known; see `quorate gateway presets`
    #[arg(long, value_name = "ID", conflicts_with = "console")]
    preset: Option<String>,
    /// What the preset asks for; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = field, requires = "preset")]
    field: Vec<(String, String)>,
    /// The field of the preset that is read from standard input
    #[arg(long, value_name = "NAME", requires = "preset")]
    secret_stdin: Option<String>,
    /// Print messages on the node's standard output, code and all
    #[arg(long)]
    console: bool,
    /// The beginnings of the numbers it serves, such as 90; may be repeated; all if left out
    #[arg(long, value_name = "DIGITS", conflicts_with = "settings")]
    country_code: Vec<String>,
    /// The domains it serves; .example.org for all below; may be repeated; all if left out
    #[arg(long, value_name = "DOMAIN", conflicts_with = "settings")]
    mail_domain: Vec<String>,
    /// Messages a minute in the long run, and as many at once
    #[arg(long, value_name = "N", conflicts_with = "settings")]
    rate: Option<u32>,
}

fn field(typed: &str) -> Result<(String, String), String> {
    let (name, value) = typed.split_once('=').ok_or("has to look like from=+4930123")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl GatewayCommand {
    pub async fn perform(self, context: &Context) -> Done {
        if let Action::Presets = self.action {
            context.format.show(&presets(), |_| presets_text());
            return Ok(());
        }
        let api = self.at.api(context)?;
        let gateway = match self.action {
            Action::Presets => return Ok(()),
            Action::List(listing) => {
                return listing
                    .show(&api, context, (endpoints::LIST_GATEWAYS, &[]), table)
                    .await;
            }
            Action::Delete { gateway } => {
                api.order(endpoints::DELETE_GATEWAY, &[&gateway]).await?;
                admin::done(context.format, format!("{gateway} is deleted"));
                return Ok(());
            }
            Action::Test { gateway, to, channel } => {
                let ask = TestGateway { channel, address: to };
                let tested = api.tell(endpoints::TEST_GATEWAY, &[&gateway], &ask).await?;
                context.format.show(&tested, |tested| admin::steps(&tested.steps));
                return admin::verdict(&tested.steps);
            }
            Action::Create { name, frame, said } => {
                let Some(settings) = said.read()? else {
                    let advice = "--smtp, --smpp, --preset, --settings or --console";
                    return Err(Failure::new(Exit::Refused, "nothing says what the gateway is").advise(advice));
                };
                let create = CreateGateway {
                    name,
                    channels: frame.channels(),
                    priority: frame.priority.unwrap_or_default(),
                    settings,
                };
                api.tell(endpoints::CREATE_GATEWAY, &[], &create).await?
            }
            Action::Change {
                gateway,
                name,
                frame,
                said,
            } => {
                let change = ChangeGateway {
                    name,
                    channels: frame.channels(),
                    priority: frame.priority,
                    settings: said.read()?,
                };
                api.tell(endpoints::CHANGE_GATEWAY, &[&gateway], &change).await?
            }
            Action::Show { gateway } => api.ask(endpoints::SHOW_GATEWAY, &[&gateway]).await?,
            Action::Disable { gateway } => api.ask(endpoints::DISABLE_GATEWAY, &[&gateway]).await?,
            Action::Enable { gateway } => api.ask(endpoints::ENABLE_GATEWAY, &[&gateway]).await?,
        };
        for warning in &gateway.warnings {
            eprintln!("Warning: {} {}.", warning.field, warning.problem);
        }
        context.format.show(&gateway, text);
        Ok(())
    }
}

impl Frame {
    fn channels(&self) -> Option<Vec<String>> {
        (!self.channel.is_empty()).then(|| self.channel.clone())
    }
}

impl Said {
    /// Settings as the API takes them; none if nothing says what the gateway is.
    fn read(&self) -> Result<Option<Value>, Failure> {
        if let Some(file) = &self.settings {
            let text = read(file)?;
            let parsed = serde_json::from_str(&text);
            let what = || format!("{} is not JSON", file.display());
            return parsed.map(Some).map_err(|error| Failure::system(what(), error));
        }
        let mut settings = Map::new();
        if self.console {
            settings.insert("kind".to_owned(), "console".into());
        } else if !self.smtp.is_empty() {
            settings.insert("kind".to_owned(), json!({ "smtp": self.mail()? }));
        } else if !self.smpp.is_empty() {
            settings.insert("kind".to_owned(), json!({ "smpp": self.message_centre()? }));
        } else if let Some(preset) = &self.preset {
            settings.insert("preset".to_owned(), preset.as_str().into());
            settings.insert("fields".to_owned(), self.fields()?);
        } else {
            return Ok(None);
        }
        let lists = [
            ("country_codes", &self.country_code),
            ("mail_domains", &self.mail_domain),
        ];
        for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            settings.insert(name.to_owned(), list.clone().into());
        }
        if let Some(rate) = self.rate {
            settings.insert("rate".to_owned(), json!({ "per_minute": rate, "burst": rate }));
        }
        Ok(Some(Value::Object(settings)))
    }

    fn mail(&self) -> Result<Value, Failure> {
        let servers: Vec<Value> = self.smtp.iter().map(|url| server(url)).collect::<Result<_, _>>()?;
        let mut mail = json!({ "servers": servers, "from": self.from });
        if let Some(user) = &self.user {
            let password = terminal::secret_from_stdin("password")?;
            mail["authentication"] = json!({ "plain": { "user": user, "password": password.as_str() } });
        }
        if let Some(ca) = &self.ca {
            mail["trust"] = json!({ "ca_pem": read(ca)? });
        }
        Ok(mail)
    }

    fn message_centre(&self) -> Result<Value, Failure> {
        let servers: Vec<Value> = self.smpp.iter().map(|url| smpp_server(url)).collect::<Result<_, _>>()?;
        let password = terminal::secret_from_stdin("password")?;
        let mut centre = json!({ "servers": servers, "system_id": self.user, "password": password.as_str() });
        // Who writes plain:// has said so.
        centre["allow_clear_authentication"] = servers.iter().any(|server| server["tls"] == false).into();
        if let Some(from) = &self.from {
            centre["sender"] = smpp_sender(from);
        }
        if let Some(ca) = &self.ca {
            centre["trust"] = json!({ "ca_pem": read(ca)? });
        }
        Ok(centre)
    }

    fn fields(&self) -> Result<Value, Failure> {
        let mut fields: Map<String, Value> = self
            .field
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().into()))
            .collect();
        if let Some(name) = &self.secret_stdin {
            fields.insert(name.clone(), terminal::secret_from_stdin(name)?.as_str().into());
        }
        Ok(Value::Object(fields))
    }
}

fn server(url: &str) -> Result<Value, Failure> {
    let usual = [
        ("starttls", "starttls", 587),
        ("tls", "implicit", 465),
        ("plain", "none", 25),
    ];
    let parsed = url.split_once("://").and_then(|(scheme, rest)| {
        let (_, tls, port) = usual.into_iter().find(|(name, ..)| *name == scheme)?;
        let (host, port) = host_and_port(rest, port)?;
        Some(json!({ "host": host, "port": port, "tls": tls }))
    });
    parsed.ok_or_else(|| {
        let advice = "starttls://host, tls://host or plain://host, with :port if it is not the usual";
        Failure::new(Exit::Refused, format!("{url} is no mail server")).advise(advice)
    })
}

fn smpp_server(url: &str) -> Result<Value, Failure> {
    let parsed = url.split_once("://").and_then(|(scheme, rest)| {
        let tls = [("tls", true), ("plain", false)]
            .into_iter()
            .find(|(name, _)| *name == scheme)?
            .1;
        let (host, port) = host_and_port(rest, 2775)?;
        Some(json!({ "host": host, "port": port, "tls": tls }))
    });
    parsed.ok_or_else(|| {
        let advice = "tls://host or plain://host, with :port if it is not 2775";
        Failure::new(Exit::Refused, format!("{url} is no message centre")).advise(advice)
    })
}

/// What kind of address a sender is, as far as it shows: `+4930123`, a short number, a name.
fn smpp_sender(from: &str) -> Value {
    let digits = from.strip_prefix('+').unwrap_or(from);
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let (address, ton, npi) = match (is_number, from.starts_with('+')) {
        (true, true) => (digits, "international", "isdn"),
        (true, false) => (from, "unknown", "unknown"),
        (false, _) => (from, "alphanumeric", "unknown"),
    };
    json!({ "address": address, "ton": ton, "npi": npi })
}

fn host_and_port(rest: &str, usual: u16) -> Option<(&str, u16)> {
    match rest.rsplit_once(':') {
        Some((host, port)) => Some((host, port.parse().ok()?)),
        None => Some((rest, usual)),
    }
}

/// A file as it is; `-` for standard input.
pub fn read(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let done = match file == Path::new("-") {
        true => std::io::stdin().read_to_string(&mut text).map(drop),
        false => std::fs::read_to_string(file).map(|read| text = read),
    };
    done.map_err(|error| Failure::system(format!("cannot read {}", file.display()), error))?;
    Ok(text)
}

fn presets() -> Value {
    let shown = PRESETS.iter().map(|preset| {
        let fields: Vec<Value> = preset
            .fields
            .iter()
            .map(|field| json!({ "name": field.name, "about": field.about, "secret": field.secret, "default": field.default }))
            .collect();
        json!({ "id": preset.id, "provider": preset.provider, "channel": preset.channel.name(), "fields": fields })
    });
    shown.collect()
}

fn presets_text() -> String {
    let mut table = Table::new(&["PRESET", "PROVIDER", "CARRIES", "FIELD", "WHAT BELONGS THERE"]);
    for preset in &PRESETS {
        for (place, field) in preset.fields.iter().enumerate() {
            let of_preset = |text: &str| if place == 0 { text.to_owned() } else { String::new() };
            let default = field.default.map(|default| format!(" [default: {default}]"));
            table.row(vec![
                of_preset(preset.id),
                of_preset(preset.provider),
                of_preset(preset.channel.name()),
                field.name.to_owned(),
                format!("{}{}", field.about, default.unwrap_or_default()),
            ]);
        }
    }
    table.render("")
}

fn table(gateways: &[Gateway]) -> (Table, &'static str) {
    let mut table = Table::new(&["GATEWAY", "CARRIES", "PRIORITY", "STATE", "SENT", "FAILED", "HERE"]);
    for gateway in gateways {
        table.row(vec![
            gateway.name.clone(),
            gateway.channels.join(", "),
            gateway.priority.to_string(),
            enabled(gateway.enabled),
            gateway.standing.sent.to_string(),
            gateway.standing.failed.to_string(),
            here(gateway),
        ]);
    }
    (table, "There are no gateways yet: quorate gateway create --help")
}

fn here(gateway: &Gateway) -> String {
    match (gateway.standing.well, gateway.standing.sent) {
        (true, 0) => "not asked yet".to_owned(),
        (true, _) => "well".to_owned(),
        (false, _) => gateway.standing.said.clone(),
    }
}

fn text(gateway: &Gateway) -> String {
    let settings = serde_json::to_string_pretty(&gateway.settings).unwrap_or_default();
    let standing = &gateway.standing;
    let counts = format!(
        "{} sent, {} failed, {} unknown, {} over its rate",
        standing.sent, standing.failed, standing.unknown, standing.rate_limited
    );
    let lines = [
        ("gateway", gateway.name.clone()),
        ("id", gateway.id.clone()),
        ("carries", gateway.channels.join(", ")),
        ("priority", gateway.priority.to_string()),
        ("state", enabled(gateway.enabled)),
        ("on this node", here(gateway)),
        ("messages here", counts),
    ];
    format!("{}\n{settings}", facts(&lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_shows_what_kind_it_is() {
        for (from, address, ton, npi) in [
            ("+4930123", "4930123", "international", "isdn"),
            ("22666", "22666", "unknown", "unknown"),
            ("Example", "Example", "alphanumeric", "unknown"),
            ("4You", "4You", "alphanumeric", "unknown"),
        ] {
            assert_eq!(smpp_sender(from), json!({ "address": address, "ton": ton, "npi": npi }));
        }
    }

    #[test]
    fn a_message_centre_is_named_with_or_without_port() {
        let read = |url: &str| smpp_server(url).ok();
        let wanted = |port: u16, tls: bool| Some(json!({ "host": "smsc.example.org", "port": port, "tls": tls }));
        assert_eq!(read("tls://smsc.example.org:3550"), wanted(3550, true));
        assert_eq!(read("plain://smsc.example.org"), wanted(2775, false));
        for wrong in [
            "smsc.example.org",
            "starttls://smsc.example.org",
            "tls://smsc.example.org:x",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
