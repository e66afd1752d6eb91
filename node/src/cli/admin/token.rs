//! `quorate token`: what users hold to make codes, or have written down.

use clap::{Args, Subcommand, ValueEnum};
use quorate_api::{
    Algorithm, AssignToken, ChangeToken, Confidential, CreateToken, CreatedToken, ResyncToken, Token, TokenKind,
    TokenState, VerifyToken, endpoints,
};
use zeroize::Zeroizing;

use crate::cli::{
    Context,
    admin::{self, Listing, export::TokenExport},
    api::{Api, Connection},
    exit::{Done, Exit, Failure},
    output::{Table, facts, now_ms, utc},
    terminal,
};

/// Tokens: what users make codes with, or have written down
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  quorate token create alice --name phone     # shows a QR code, this once
  quorate token verify t-0123456789abcdef 492039
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
    /// Give a user a token and show what the user needs, this once
    #[command(after_help = "\
Examples:
  quorate token create alice                                # a QR code for any authenticator app
  quorate token create alice --kind recovery                # ten codes to print
  quorate token create alice --kind sms --address +491712345667
  quorate token create alice --kind temporary --lasts-h 48 --suspends-others
  quorate token create alice --kind hotp --name \"old fob\" --counter 1200 --seed-stdin < seed.txt
  quorate token create alice --kind yubikey --public-id vvccccbtlhhc --yubikey-stdin < key.txt
  quorate token create --stock --kind hotp --seed-stdin < seed.txt
  quorate token create alice --json | jq -r .otpauth_uri")]
    Create(Box<Making>),
    /// Send a code to its address; `verify` takes it
    Send {
        /// Its id, t-…
        token: String,
    },
    /// Put a token into use by the first code that its device shows
    Verify {
        token: String,
        /// The code; asked for if it is not given
        code: Option<String>,
    },
    /// Bring a TOTP or HOTP token into step by two codes in a row
    Resync {
        token: String,
        /// The older of the two
        first: String,
        /// The one after it
        second: String,
    },
    /// Change what the user calls it, or when it ends
    Change {
        token: String,
        #[arg(long)]
        name: Option<String>,
        /// Hours from now until it matches nothing any more; 0 for never
        #[arg(long, value_name = "HOURS")]
        lasts_h: Option<u32>,
    },
    /// Hand a token to a user
    Assign { token: String, user: String },
    /// Take a token back from its user, into the drawer
    Unassign { token: String },
    /// List the tokens that are nobody's
    Stock(Listing),
    /// Delete a token
    Delete { token: String },
    /// Refuse its codes from now on
    Disable { token: String },
    /// Refuse its codes from now on: somebody else may hold it
    Lose { token: String },
    /// Accept its codes again
    Enable { token: String },
    /// Take tokens along with their secrets; each is audited
    #[command(after_help = "\
Examples:
  quorate token export --output tokens.pskc                      # asks for a password
  quorate token export --key-file key.hex --output tokens.pskc
  quorate token export --user alice --format otpauth --to-terminal
  quorate token export --format csv --output tokens.csv          # in clear")]
    Export(TokenExport),
}

#[derive(Debug, Args)]
struct Making {
    /// Whose it is
    #[arg(required_unless_present = "stock")]
    user: Option<String>,
    /// Make it nobody's yet, to be assigned later
    #[arg(long, conflicts_with = "user")]
    stock: bool,
    /// How it makes its codes, or which codes it is
    #[arg(long, value_enum, default_value_t = Kind::Totp)]
    kind: Kind,
    /// What the user calls it
    #[arg(long, default_value = "", hide_default_value = true)]
    name: String,
    /// TOTP, HOTP: digits of a code, 6 to 8 [default: 6]
    #[arg(long)]
    digits: Option<u8>,
    /// TOTP: seconds that one code stands for [default: 30]
    #[arg(long)]
    period_s: Option<u32>,
    /// TOTP, HOTP: the hash of the HMAC; most apps know only sha1 [default: sha1]
    #[arg(long, value_enum)]
    algorithm: Option<Hash>,
    /// TOTP, HOTP: read a seed that exists already from standard input, in base32
    #[arg(long, conflicts_with = "yubikey_stdin")]
    seed_stdin: bool,
    /// The first counter (TOTP: timestep) that was not used elsewhere [default: 0]
    #[arg(long)]
    counter: Option<u64>,
    /// YubiKey: what its codes begin with, twelve letters
    #[arg(long)]
    public_id: Option<String>,
    /// YubiKey: read private identity and AES key from standard input, in hexadecimal, with a space between them
    #[arg(long)]
    yubikey_stdin: bool,
    /// Recovery: how many codes [default: 10]
    #[arg(long)]
    count: Option<u8>,
    /// Static, temporary: read the code from standard input
    #[arg(long, conflicts_with_all = ["yubikey_stdin", "seed_stdin"])]
    code_stdin: bool,
    /// SMS, voice: a number in international form; e-mail: a mail address
    #[arg(long)]
    address: Option<String>,
    /// Temporary: how often it may be used [default: 20]
    #[arg(long)]
    uses: Option<u32>,
    /// Temporary: while it lasts, the other tokens of the user match nothing
    #[arg(long)]
    suspends_others: bool,
    /// Hours from now until it matches nothing any more [temporary: 24, registration: 168, at most 336]
    #[arg(long, value_name = "HOURS")]
    lasts_h: Option<u32>,
    /// Put it into use at once, without a first code
    #[arg(long)]
    verified: bool,
    /// Do not draw the QR code
    #[arg(long)]
    no_qr: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Totp,
    Hotp,
    Yubikey,
    Recovery,
    Static,
    Temporary,
    /// A code, good once, for being given a first token in a login
    Registration,
    Sms,
    Email,
    Voice,
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
            Action::Export(export) => return export.perform(&api).await,
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
            Action::Create(making) => return making.perform(&api, context).await,
            Action::Stock(listing) => {
                return listing
                    .show(&api, context, (endpoints::LIST_STOCK, &[]), stock_table)
                    .await;
            }
            Action::Verify { token, code } => {
                let code = match code {
                    Some(code) => Confidential::from(code.as_str()),
                    None => Confidential::new(terminal::ask("Code", "give it after the token's id")?.as_str()),
                };
                api.tell(endpoints::VERIFY_TOKEN, &[&token], &VerifyToken { code })
                    .await?
            }
            Action::Resync { token, first, second } => {
                let codes = [first, second].map(|code| Confidential::from(code.as_str()));
                api.tell(endpoints::RESYNC_TOKEN, &[&token], &ResyncToken { codes })
                    .await?
            }
            Action::Send { token } => api.ask(endpoints::SEND_CODE, &[&token]).await?,
            Action::Assign { token, user } => assign(&api, &token, Some(user)).await?,
            Action::Unassign { token } => assign(&api, &token, None).await?,
            Action::Show { token } => api.ask(endpoints::SHOW_TOKEN, &[&token]).await?,
            Action::Change { token, name, lasts_h } => {
                let expires_ms = lasts_h.map(|hours| if hours == 0 { 0 } else { in_hours(hours) });
                api.tell(endpoints::CHANGE_TOKEN, &[&token], &ChangeToken { name, expires_ms })
                    .await?
            }
            Action::Lose { token } => api.ask(endpoints::LOSE_TOKEN, &[&token]).await?,
            Action::Disable { token } => api.ask(endpoints::DISABLE_TOKEN, &[&token]).await?,
            Action::Enable { token } => api.ask(endpoints::ENABLE_TOKEN, &[&token]).await?,
        };
        context.format.show(&token, text);
        Ok(())
    }
}

impl Making {
    async fn perform(self, api: &Api, context: &Context) -> Done {
        let create = self.request()?;
        let made = match &self.user {
            Some(user) => api.tell(endpoints::CREATE_TOKEN, &[user], &create).await?,
            None => api.tell(endpoints::CREATE_STOCK, &[], &create).await?,
        };
        if self.kind == Kind::Static {
            eprintln!("A static code is hardly a second factor: whoever has seen it once has it.");
            eprintln!("Only applications that ask for the factor `static` take it.");
        }
        context.format.show(&made, |made| created(made, self.no_qr));
        Ok(())
    }

    fn request(&self) -> Result<CreateToken, Failure> {
        let read = |what, wanted: bool| wanted.then(|| terminal::secret_from_stdin(what)).transpose();
        let secret = |text: &Option<Zeroizing<String>>| text.as_ref().map(|text| Confidential::new(text.as_str()));
        let yubikey = read("private identity and AES key", self.yubikey_stdin)?;
        let (private_id, aes_key) = match yubikey.as_ref().map(|line| line.split_once(' ')) {
            None => (None, None),
            Some(Some((private_id, key))) => (
                Some(Confidential::from(private_id)),
                Some(Confidential::from(key.trim())),
            ),
            Some(None) => {
                let what = "standard input has to hold the private identity, a space, and the AES key";
                return Err(Failure::new(Exit::Refused, what));
            }
        };
        Ok(CreateToken {
            kind: self.kind.into(),
            name: self.name.clone(),
            algorithm: self.algorithm.map(Algorithm::from),
            digits: self.digits,
            period_s: self.period_s,
            secret_base32: secret(&read("seed", self.seed_stdin)?),
            counter: self.counter,
            public_id: self.public_id.clone(),
            private_id,
            aes_key,
            count: self.count,
            code: secret(&read("code", self.code_stdin)?),
            address: self.address.as_deref().map(Confidential::from),
            uses: self.uses,
            suspends_others: self.suspends_others.then_some(true),
            expires_ms: self.lasts_h.map(in_hours),
            verified: self.verified.then_some(true),
        })
    }
}

async fn assign(api: &Api, token: &str, user: Option<String>) -> Result<Token, Failure> {
    api.tell(endpoints::ASSIGN_TOKEN, &[token], &AssignToken { user }).await
}

/// In ms since 1970, by the clock of this machine.
fn in_hours(hours: u32) -> u64 {
    now_ms() + u64::from(hours) * 3_600_000
}

impl From<Kind> for TokenKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Totp => TokenKind::Totp,
            Kind::Hotp => TokenKind::Hotp,
            Kind::Yubikey => TokenKind::Yubikey,
            Kind::Recovery => TokenKind::Recovery,
            Kind::Static => TokenKind::Static,
            Kind::Temporary => TokenKind::Temporary,
            Kind::Registration => TokenKind::Registration,
            Kind::Sms => TokenKind::Sms,
            Kind::Email => TokenKind::Email,
            Kind::Voice => TokenKind::Voice,
        }
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
        Some(Algorithm::Sha1) => "SHA-1",
        Some(Algorithm::Sha256) => "SHA-256",
        Some(Algorithm::Sha512) => "SHA-512",
        None => "",
    };
    let (digits, left) = (token.digits.unwrap_or(0), token.uses_left.unwrap_or(0));
    match token.kind {
        TokenKind::Totp => format!("TOTP {hash}, {digits} digits, {} s", token.period_s.unwrap_or(0)),
        TokenKind::Hotp => format!(
            "HOTP {hash}, {digits} digits, next counter {}",
            token.counter.unwrap_or(0)
        ),
        TokenKind::Yubikey => format!("YubiKey {}", token.public_id.as_deref().unwrap_or("")),
        TokenKind::Recovery => format!("recovery, {left} codes left"),
        TokenKind::Static => "static code".to_owned(),
        TokenKind::Temporary if token.suspends_others == Some(true) => {
            format!("temporary, {left} uses left, suspends others")
        }
        TokenKind::Temporary => format!("temporary, {left} uses left"),
        TokenKind::Registration => "registration code".to_owned(),
        TokenKind::Sms => format!("SMS to {}", token.address.as_deref().unwrap_or("")),
        TokenKind::Email => format!("e-mail to {}", token.address.as_deref().unwrap_or("")),
        TokenKind::Voice => format!("call to {}", token.address.as_deref().unwrap_or("")),
    }
}

fn state(token: &Token) -> String {
    match token.state {
        TokenState::Unverified => "unverified",
        TokenState::Enabled => "enabled",
        TokenState::Disabled => "DISABLED",
        TokenState::Lost => "LOST",
        TokenState::Expired => "EXPIRED",
    }
    .to_owned()
}

fn table(tokens: &[Token]) -> (Table, &'static str) {
    (rows(tokens), "The user has no token yet: quorate token create USER")
}

fn stock_table(tokens: &[Token]) -> (Table, &'static str) {
    (
        rows(tokens),
        "No token is nobody's: quorate token create --stock --kind hotp",
    )
}

fn rows(tokens: &[Token]) -> Table {
    let mut table = Table::new(&["TOKEN", "NAME", "STATE", "KIND"]);
    for token in tokens {
        table.row(vec![token.id.clone(), token.name.clone(), state(token), kind(token)]);
    }
    table
}

fn text(token: &Token) -> String {
    let mut lines = vec![
        ("token", token.id.clone()),
        ("name", token.name.clone()),
        ("user", token.user.clone().unwrap_or_else(|| "nobody yet".to_owned())),
        ("kind", kind(token)),
        ("state", state(token)),
    ];
    lines.extend(
        token
            .drift
            .filter(|drift| *drift != 0)
            .map(|drift| ("clock off by", format!("{drift} timesteps"))),
    );
    lines.extend(token.expires_ms.map(|expires_ms| ("ends", utc(expires_ms))));
    lines.push(("revision", token.revision.to_string()));
    facts(&lines)
}

fn created(made: &CreatedToken, no_qr: bool) -> String {
    let exposed = |secret: &Option<Confidential>| secret.as_ref().map(|secret| secret.expose().to_owned());
    let uri = exposed(&made.otpauth_uri);
    let mut shown = text(&made.token);
    if let Some(qr) = uri.as_deref().filter(|_| !no_qr).and_then(terminal::qr) {
        shown += &format!("\n\nScan this with any authenticator app:\n\n{qr}");
    }
    let mut once = Vec::new();
    once.extend(uri.map(|uri| ("URI", uri)));
    once.extend(exposed(&made.secret_base32).map(|seed| ("to type in", seed)));
    once.extend(exposed(&made.private_id).map(|id| ("private identity", id)));
    once.extend(exposed(&made.aes_key).map(|key| ("AES key", key)));
    once.extend(made.codes.iter().map(|code| ("code", code.expose().to_owned())));
    shown += &format!("\n\nShown this once:\n{}", facts(&once));
    if made.token.state == TokenState::Unverified {
        shown += &format!(
            "\n\nNot in use before its first code was shown: quorate token verify {} CODE",
            made.token.id
        );
    }
    shown
}
