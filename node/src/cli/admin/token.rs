//! `quorate token`: what a user holds to make one-time codes.

use clap::{Args, Subcommand, ValueEnum};
use quorate_api::{Algorithm, ChangeToken, Confidential, CreateToken, CreatedToken, Token, endpoints};

use crate::cli::{
    Context,
    admin::{self, Listing},
    api::Connection,
    exit::Done,
    output::{Table, enabled, facts},
    terminal,
};

/// Tokens: what users make one-time codes with
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  quorate token create alice --name phone     # shows a QR code, this once
  quorate token list alice
  quorate token disable t-0123456789abcdef")]
pub struct TokenCommand {
    #[command(flatten)]
    at: Connection,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the tokens of a user
    List {
        user: String,
        #[command(flatten)]
        listing: Listing,
    },
    /// Show a token; never its seed
    Show {
        /// Its id, t-…
        token: String,
    },
    /// Give a user a TOTP token and show its QR code, this once
    #[command(after_help = "\
Examples:
  quorate token create alice
  quorate token create alice --name \"old hardware\" --seed-stdin < seed.txt
  quorate token create alice --json | jq -r .otpauth_uri")]
    Create {
        user: String,
        /// What the user calls it
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
        /// Digits of a code: 6 to 8 [default: 6]
        #[arg(long)]
        digits: Option<u8>,
        /// Seconds that one code stands for [default: 30]
        #[arg(long)]
        period_s: Option<u32>,
        /// The hash of the HMAC; most apps know only sha1
        #[arg(long, value_enum, default_value_t = Hash::Sha1)]
        algorithm: Hash,
        /// Read a seed that exists already from standard input, in base32
        #[arg(long)]
        seed_stdin: bool,
        /// Do not draw the QR code
        #[arg(long)]
        no_qr: bool,
    },
    /// Change what the user calls it
    Change {
        token: String,
        #[arg(long)]
        name: Option<String>,
    },
    /// Delete a token
    Delete { token: String },
    /// Refuse its codes from now on
    Disable { token: String },
    /// Accept its codes again
    Enable { token: String },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

impl TokenCommand {
    pub async fn perform(self, context: &Context) -> Done {
        let api = self.at.api(context)?;
        let token = match self.action {
            Action::List { user, listing } => {
                return listing
                    .show(&api, context, (endpoints::LIST_TOKENS, &[&user]), table)
                    .await;
            }
            Action::Delete { token } => {
                api.order(endpoints::DELETE_TOKEN, &[&token]).await?;
                admin::done(context.format, format!("{token} is deleted"));
                return Ok(());
            }
            Action::Create {
                user,
                name,
                digits,
                period_s,
                algorithm,
                seed_stdin,
                no_qr,
            } => {
                let secret_base32 = match seed_stdin {
                    true => Some(Confidential::new(terminal::secret_from_stdin("seed")?.as_str())),
                    false => None,
                };
                let create = CreateToken {
                    name,
                    algorithm: algorithm.into(),
                    digits,
                    period_s,
                    secret_base32,
                };
                let made = api.tell(endpoints::CREATE_TOKEN, &[&user], &create).await?;
                context.format.show(&made, |made| created(made, no_qr));
                return Ok(());
            }
            Action::Show { token } => api.ask(endpoints::SHOW_TOKEN, &[&token]).await?,
            Action::Change { token, name } => {
                api.tell(endpoints::CHANGE_TOKEN, &[&token], &ChangeToken { name })
                    .await?
            }
            Action::Disable { token } => api.ask(endpoints::DISABLE_TOKEN, &[&token]).await?,
            Action::Enable { token } => api.ask(endpoints::ENABLE_TOKEN, &[&token]).await?,
        };
        context.format.show(&token, text);
        Ok(())
    }
}

impl From<Hash> for Algorithm {
    fn from(hash: Hash) -> Self {
        match hash {
            Hash::Sha1 => Algorithm::Sha1,
            Hash::Sha256 => Algorithm::Sha256,
            Hash::Sha512 => Algorithm::Sha512,
        }
    }
}

fn kind(token: &Token) -> String {
    let hash = match token.algorithm {
        Algorithm::Sha1 => "SHA-1",
        Algorithm::Sha256 => "SHA-256",
        Algorithm::Sha512 => "SHA-512",
    };
    format!("TOTP {hash}, {} digits, {} s", token.digits, token.period_s)
}

fn table(tokens: &[Token]) -> (Table, &'static str) {
    let mut table = Table::new(&["TOKEN", "NAME", "STATE", "KIND"]);
    for token in tokens {
        table.row(vec![
            token.id.clone(),
            token.name.clone(),
            enabled(token.enabled),
            kind(token),
        ]);
    }
    (table, "The user has no token yet: quorate token create USER")
}

fn text(token: &Token) -> String {
    facts(&[
        ("token", token.id.clone()),
        ("name", token.name.clone()),
        ("user", token.user.clone()),
        ("kind", kind(token)),
        ("state", enabled(token.enabled)),
        ("revision", token.revision.to_string()),
    ])
}

fn created(made: &CreatedToken, no_qr: bool) -> String {
    let drawn = match no_qr {
        true => None,
        false => terminal::qr(made.otpauth_uri.expose()),
    };
    let scan = drawn.map_or(String::new(), |qr| {
        format!("\n\nScan this with any authenticator app:\n\n{qr}")
    });
    format!(
        "{}{scan}\n\nShown this once:\n{}",
        text(&made.token),
        facts(&[
            ("URI", made.otpauth_uri.expose().to_owned()),
            ("to type in", made.secret_base32.expose().to_owned()),
        ])
    )
}
