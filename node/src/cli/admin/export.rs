//! `quorate user export` and `quorate token export`: users and tokens, taken along.
//!
//! What is taken stands in the audit before the node gives it. Here it is written in a format of the trade: to standard output, or to a file that
//! only its owner reads and that was not there before. Secrets in clear are not written to a terminal, whose scroll-back keeps them, unless that
//! is said. Keys and passwords come from files and standard input, never from the command line, which everybody on the machine can read.

use std::{
    fs::OpenOptions,
    io::{IsTerminal, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use quorate_api::{
    Algorithm, Argon2idHash, Confidential, ExportTokens, ExportUsers, ExportedToken, ExportedUser, TokenKind, endpoints,
};
use quorate_import::{
    Argon2id, Hashes, ImportedPassword, ImportedToken, ImportedUser, Protection, UserName, ldif, oath_csv, otpauth_uri,
    pskc, shared_key, users_csv,
};
use zeroize::Zeroizing;

use crate::cli::{
    api::Api,
    exit::{Done, Exit, Failure},
    limits, terminal,
};

/// Where it is written.
#[derive(Debug, Args)]
struct Destination {
    /// Write to this new file, readable for its owner alone [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write secrets to a terminal all the same
    #[arg(long)]
    to_terminal: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum UserFormat {
    /// A table with a header, which `quorate import` reads
    Csv,
    /// People and groups of a directory
    Ldif,
}

/// `quorate user export`.
#[derive(Debug, Args)]
pub struct UserExport {
    /// How it is written
    #[arg(long, value_enum, default_value_t = UserFormat::Csv)]
    format: UserFormat,
    /// LDIF: below which entry, such as dc=example,dc=org
    #[arg(long, value_name = "DN", required_if_eq("format", "ldif"))]
    base: Option<String>,
    /// CSV: with the hashes of local passwords, from which weak ones can be found; needs a super admin
    #[arg(long)]
    password_hashes: bool,
    #[command(flatten)]
    to: Destination,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TokenFormat {
    /// RFC 6030, encrypted
    Pskc,
    /// A URI for each token, in clear
    Otpauth,
    /// OATH CSV, in clear
    Csv,
}

/// `quorate token export`.
#[derive(Debug, Args)]
pub struct TokenExport {
    /// How it is written
    #[arg(long, value_enum, default_value_t = TokenFormat::Pskc)]
    format: TokenFormat,
    /// The tokens of this user alone
    #[arg(long)]
    user: Option<String>,
    /// PSKC: encrypt under the password in this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["password_stdin", "key_file"])]
    password_file: Option<PathBuf>,
    /// PSKC: encrypt under a password from standard input
    #[arg(long, conflicts_with = "key_file")]
    password_stdin: bool,
    /// PSKC: encrypt under the AES key in this file: 16, 24 or 32 bytes, in hexadecimal, in base 64 or as they are
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    to: Destination,
}

impl UserExport {
    pub async fn perform(&self, api: &Api) -> Done {
        if self.format == UserFormat::Ldif && self.password_hashes {
            return Err(Failure::new(Exit::Refused, "LDIF is written without hashes").advise("take --format csv"));
        }
        self.to.check(self.password_hashes)?;
        let (mut users, mut after, mut foreign) = (Vec::new(), None, 0);
        loop {
            let asked = ExportUsers {
                after,
                password_hashes: self.password_hashes,
            };
            let said = api.tell(endpoints::EXPORT_USERS, &[], &asked).await?;
            users.extend(said.users.iter().map(user));
            foreign += said.users.iter().filter(|user| user.foreign_password).count();
            after = said.next;
            if after.is_none() {
                break;
            }
        }
        let hashes = match self.password_hashes {
            true => Hashes::Written,
            false => Hashes::LeftOut,
        };
        let text = match self.format {
            UserFormat::Csv => users_csv(&users, hashes),
            UserFormat::Ldif => Zeroizing::new(ldif(&users, self.base.as_deref().unwrap_or_default())),
        };
        self.to.write(text.as_bytes())?;
        eprintln!("{} users were exported.", users.len());
        if self.password_hashes && foreign > 0 {
            eprintln!(
                "{foreign} have a password that a former product hashed, and that was not right here yet: it is left out."
            );
        }
        Ok(())
    }
}

impl TokenExport {
    pub async fn perform(&self, api: &Api) -> Done {
        let protection = self.protection()?;
        self.to.check(protection.is_none())?;
        let (mut tokens, mut all, mut without_seed, mut after) = (Vec::new(), 0, 0, None);
        loop {
            let asked = ExportTokens {
                user: self.user.clone(),
                after,
            };
            let said = api.tell(endpoints::EXPORT_TOKENS, &[], &asked).await?;
            for one in &said.tokens {
                tokens.extend(token(one)?);
            }
            all += said.tokens.len();
            without_seed += said.left_out;
            after = said.next;
            if after.is_none() {
                break;
            }
        }
        let (text, written) = self.written(tokens, protection.as_ref())?;
        self.to.write(text.as_bytes())?;
        eprintln!("{written} tokens were exported.");
        if all > written {
            let why = "YubiKeys in their own mode, and, where a format cannot say that a token is not in use, those";
            eprintln!("{} were left out: {why}.", all - written);
        }
        if without_seed > 0 {
            eprintln!("{without_seed} have no secret that another product could use: sheets, codes, addresses.");
        }
        Ok(())
    }

    /// None for a format in clear.
    fn protection(&self) -> Done<Option<Key>> {
        let given = self.password_file.is_some() || self.password_stdin || self.key_file.is_some();
        if self.format != TokenFormat::Pskc {
            let clear =
                || Failure::new(Exit::Refused, "this format is in clear").advise("only pskc takes a password or key");
            return if given { Err(clear()) } else { Ok(None) };
        }
        if let Some(file) = &self.key_file {
            let bytes = read_secret(file)?;
            let key = shared_key(bytes.trim_ascii_end()).or_else(|_| shared_key(&bytes));
            return key
                .map(|key| Some(Key::Shared(key)))
                .map_err(|error| Failure::new(Exit::Refused, format!("{}: {error}", file.display())));
        }
        let password = match &self.password_file {
            Some(file) => {
                let bytes = read_secret(file)?;
                let text = std::str::from_utf8(&bytes).map_err(|e| Failure::system(file.display(), e))?;
                Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned())
            }
            None if self.password_stdin => terminal::secret_from_stdin("password")?,
            None => terminal::ask_new_password("in a script: --password-file, --password-stdin or --key-file")?,
        };
        Ok(Some(Key::Password(password)))
    }

    /// The file, and how many tokens are in it.
    fn written(&self, tokens: Vec<ImportedToken>, key: Option<&Key>) -> Done<(Zeroizing<String>, usize)> {
        if let Some(key) = key {
            let protection = match key {
                Key::Shared(key) => Protection::Key(key),
                Key::Password(password) => Protection::Password(password),
            };
            let mut entropy =
                |bytes: &mut [u8]| getrandom::fill(bytes).expect("invariant: the system gives randomness");
            let document = pskc(&tokens, &protection, &mut entropy)
                .map_err(|error| Failure::new(Exit::Refused, error.to_string()))?;
            let written = tokens.len() - document.left_out.len();
            return Ok((Zeroizing::new(document.xml), written));
        }
        // Neither format can say that a token is not in use.
        let tokens: Vec<ImportedToken> = tokens.into_iter().filter(|token| token.enabled).collect();
        if self.format == TokenFormat::Csv {
            let table = oath_csv(&tokens);
            return Ok((table.text, tokens.len() - table.left_out.len()));
        }
        let uris: Vec<Zeroizing<String>> = tokens.iter().filter_map(otpauth_uri).collect();
        let mut text = Zeroizing::new(String::with_capacity(uris.len() * 256));
        for uri in &uris {
            text.push_str(uri);
            text.push('\n');
        }
        Ok((text, uris.len()))
    }
}

/// Under what a file is encrypted.
enum Key {
    Shared(Zeroizing<Vec<u8>>),
    Password(Zeroizing<String>),
}

impl Destination {
    /// Before anything is asked for: what is given stands in the audit.
    fn check(&self, in_clear: bool) -> Done {
        if let Some(file) = self.output.as_deref().filter(|file| file.exists()) {
            return Err(Failure::new(
                Exit::Refused,
                format!("{} is there already", file.display()),
            ));
        }
        let seen = self.output.is_none() && std::io::stdout().is_terminal();
        match in_clear && seen && !self.to_terminal {
            false => Ok(()),
            true => Err(Failure::new(
                Exit::Refused,
                "these are secrets in clear, and a terminal keeps what it shows",
            )
            .advise("name a file with --output, or say --to-terminal")),
        }
    }

    fn write(&self, text: &[u8]) -> Done {
        let failed = |e: std::io::Error| match &self.output {
            Some(file) => Failure::system(format!("cannot write {}", file.display()), e),
            None => Failure::system("cannot write to standard output", e),
        };
        let written = match &self.output {
            Some(file) => create(file).and_then(|mut file| {
                file.write_all(text)?;
                file.sync_all()
            }),
            None => {
                let mut out = std::io::stdout().lock();
                out.write_all(text).and_then(|()| out.flush())
            }
        };
        written.map_err(failed)
    }
}

fn create(file: &Path) -> std::io::Result<std::fs::File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)
}

fn read_secret(file: &Path) -> Done<Zeroizing<Vec<u8>>> {
    let failed = |e: std::io::Error| Failure::system(format!("cannot read {}", file.display()), e);
    let mut bytes = Zeroizing::new(Vec::new());
    let opened = std::fs::File::open(file).map_err(failed)?;
    opened
        .take(limits::KEY_FILE_BYTES)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    Ok(bytes)
}

fn user(user: &ExportedUser) -> ImportedUser {
    let shown = |secret: &Option<Confidential>| secret.as_ref().map(|text| text.expose().to_owned());
    let name = UserName {
        domain: user.domain.clone(),
        name: user.name.clone(),
    };
    ImportedUser {
        display_name: (!user.display_name.is_empty()).then(|| user.display_name.clone()),
        mail: shown(&user.mail),
        mobile: shown(&user.mobile),
        language: user.language.clone(),
        groups: user.groups.iter().cloned().collect(),
        password: user.password_hash.as_ref().and_then(password_hash),
        enabled: user.enabled,
        ..ImportedUser::named(name)
    }
}

fn password_hash(hash: &Argon2idHash) -> Option<ImportedPassword> {
    let bytes = |text: &Confidential| HEXLOWER.decode(text.expose().as_bytes()).ok().map(Zeroizing::new);
    let parts = Argon2id {
        memory_kib: hash.memory_kib,
        passes: hash.passes,
        lanes: hash.lanes,
        salt: bytes(&hash.salt)?[..].try_into().ok()?,
        hash: Zeroizing::new(bytes(&hash.hash)?[..].try_into().ok()?),
    };
    Some(ImportedPassword::Hash(parts.hash()))
}

/// A token in terms of no product; none if the formats have no word for it. Its serial is our id: names of tokens are not unique, and readers want serials that are.
fn token(token: &ExportedToken) -> Done<Option<ImportedToken>> {
    let odd = || {
        Failure::new(
            Exit::Failed,
            format!("the node's answer about {} cannot be read", token.id),
        )
    };
    let secret = BASE32_NOPAD.decode(token.secret_base32.expose().as_bytes());
    let secret = Zeroizing::new(secret.map_err(|_| odd())?);
    let (algorithm, digits) = (algorithm(token.algorithm), token.digits.unwrap_or(6));
    let mut last_timestep = None;
    let kind = match token.kind {
        TokenKind::Totp => {
            last_timestep = token.counter.checked_sub(1);
            quorate_import::TokenKind::Totp {
                algorithm,
                digits,
                period_s: token.period_s.unwrap_or(30),
            }
        }
        TokenKind::Hotp => quorate_import::TokenKind::Hotp {
            algorithm,
            digits,
            counter: token.counter,
        },
        // None of the formats has a word for it.
        TokenKind::Yubikey => return Ok(None),
        TokenKind::Recovery
        | TokenKind::Static
        | TokenKind::Temporary
        | TokenKind::Registration
        | TokenKind::Sms
        | TokenKind::Email
        | TokenKind::Voice => return Err(odd()),
    };
    let owner = token.owner.as_deref().map(|owner| match owner.split_once('@') {
        Some((name, domain)) => UserName {
            domain: Some(domain.to_owned()),
            name: name.to_owned(),
        },
        None => UserName {
            domain: None,
            name: owner.to_owned(),
        },
    });
    Ok(Some(ImportedToken {
        serial: Some(token.id.clone()),
        owner,
        name: Some(token.name.clone()).filter(|name| !name.is_empty()),
        issuer: Some("Quorate".to_owned()),
        last_timestep,
        valid_until_s: token.expires_ms.and_then(|end_ms| i64::try_from(end_ms / 1_000).ok()),
        enabled: token.enabled,
        ..ImportedToken::new(kind, secret)
    }))
}

const fn algorithm(algorithm: Option<Algorithm>) -> quorate_import::Algorithm {
    match algorithm {
        None | Some(Algorithm::Sha1) => quorate_import::Algorithm::Sha1,
        Some(Algorithm::Sha256) => quorate_import::Algorithm::Sha256,
        Some(Algorithm::Sha512) => quorate_import::Algorithm::Sha512,
    }
}
