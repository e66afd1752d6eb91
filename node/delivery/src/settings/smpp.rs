//! Settings of an SMPP gateway.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Trust, check_host, check_secret};
use crate::{
    connect::client_config,
    limits::{
        PHONE_DIGITS, SERVERS, SMPP_PASSWORD_BYTES, SMPP_SENDER_CHARS, SMPP_SESSIONS_MAX, SMPP_SYSTEM_ID_BYTES,
        SMPP_SYSTEM_TYPE_BYTES,
    },
    problem::Checker,
    secret::{Secret, omit},
    smpp::SmppEngine,
};

/// A message centre spoken to by SMPP 3.4: servers that know the same account, and how messages are to look.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smpp {
    /// In the order in which they are tried.
    pub servers: Vec<SmppServer>,
    /// The account.
    pub system_id: String,
    /// Its password; eight characters at the most (SMPP 3.4 section 5.2.2).
    #[serde(default, serialize_with = "omit")]
    pub password: Secret,
    /// What some servers want to be told about the kind of client; empty for most.
    #[serde(default)]
    pub system_type: String,
    /// Whether the password may travel without TLS.
    #[serde(default)]
    pub allow_clear_authentication: bool,
    /// Who the message is from.
    #[serde(default)]
    pub sender: SmppSender,
    /// What kind of number recipients have.
    #[serde(default)]
    pub destination: SmppDestination,
    /// In which alphabet texts are written.
    #[serde(default)]
    pub coding: SmppCoding,
    /// How a text that does not fit into one message is handed over.
    #[serde(default)]
    pub long_messages: LongMessages,
    /// How many sessions this node opens at the same time. What goes beyond waits for its turn.
    #[serde(default = "sessions")]
    pub sessions: u8,
    /// Whom to believe about the servers.
    #[serde(default)]
    pub trust: Trust,
}

/// One server of a message centre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmppServer {
    /// Name or address; with TLS the certificate has to be for it.
    pub host: String,
    /// 2775, unless the provider says otherwise.
    #[serde(default = "port")]
    pub port: u16,
    /// Whether TLS is spoken from the first byte.
    #[serde(default = "yes")]
    pub tls: bool,
}

/// Who a message is from (SMPP 3.4 sections 5.2.5, 5.2.6, 5.2.8). Without an address the server puts in its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmppSender {
    /// Digits without plus, or a name of eleven characters at the most.
    #[serde(default)]
    pub address: String,
    /// What kind of address it is.
    #[serde(default)]
    pub ton: TypeOfNumber,
    /// By which plan it is numbered.
    #[serde(default)]
    pub npi: NumberingPlan,
}

/// How the recipient's number is announced. It is always sent in its international form, without plus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmppDestination {
    /// What kind of number it is.
    #[serde(default = "international")]
    pub ton: TypeOfNumber,
    /// By which plan it is numbered.
    #[serde(default = "isdn")]
    pub npi: NumberingPlan,
}

/// Type of number (SMPP 3.4 section 5.2.5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum TypeOfNumber {
    /// Not said: the server knows.
    #[default]
    Unknown = 0,
    /// With its country code.
    International = 1,
    /// Without.
    National = 2,
    /// A short number of the network.
    NetworkSpecific = 3,
    /// Without area code.
    SubscriberNumber = 4,
    /// A name.
    Alphanumeric = 5,
    /// A short number.
    Abbreviated = 6,
}

/// Numbering plan indicator (SMPP 3.4 section 5.2.6).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum NumberingPlan {
    /// Not said: the server knows.
    #[default]
    Unknown = 0,
    /// E.164, E.163.
    Isdn = 1,
    /// X.121.
    Data = 3,
    /// F.69.
    Telex = 4,
    /// E.212.
    LandMobile = 6,
    /// National.
    National = 8,
    /// Private.
    Private = 9,
}

/// In which alphabet texts are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmppCoding {
    /// The GSM alphabet, one character in each octet, as the server's default (`data_coding` 0); UCS-2 (8) for texts that it does not have.
    #[default]
    Automatic,
    /// UCS-2 always: for servers whose default alphabet is another one.
    Ucs2,
}

/// How a text that does not fit into one message is handed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LongMessages {
    /// In parts that the telephone puts together (3GPP TS 23.040 section 9.2.3.24.1).
    #[default]
    Udh,
    /// As a whole, in the parameter `message_payload` (SMPP 3.4 section 5.3.2.32); the server makes the parts.
    MessagePayload,
}

const fn port() -> u16 {
    2_775
}

const fn yes() -> bool {
    true
}

/// Most accounts may be bound once or twice.
const fn sessions() -> u8 {
    2
}

const fn international() -> TypeOfNumber {
    TypeOfNumber::International
}

const fn isdn() -> NumberingPlan {
    NumberingPlan::Isdn
}

impl Default for SmppDestination {
    fn default() -> Self {
        Self {
            ton: international(),
            npi: isdn(),
        }
    }
}

impl Smpp {
    /// An account at these servers, with everything else at its default.
    #[must_use]
    pub fn new(servers: impl Into<Vec<SmppServer>>, system_id: impl Into<String>, password: Secret) -> Self {
        Self {
            servers: servers.into(),
            system_id: system_id.into(),
            password,
            system_type: String::new(),
            allow_clear_authentication: false,
            sender: SmppSender::default(),
            destination: SmppDestination::default(),
            coding: SmppCoding::default(),
            long_messages: LongMessages::default(),
            sessions: sessions(),
            trust: Trust::default(),
        }
    }

    pub(super) fn secrets(&mut self, visit: &mut dyn FnMut(&str, &mut Secret)) {
        visit("password", &mut self.password);
    }

    pub(super) fn compile(&self, connect: Duration, checker: &mut Checker) -> Option<SmppEngine> {
        self.check_servers(checker);
        self.check_account(checker);
        checker.within("sender", |checker| self.sender.check(checker));
        checker.require(
            self.destination.ton != TypeOfNumber::Alphanumeric,
            "destination.ton",
            "is alphanumeric, and recipients are numbers",
        );
        let most = SMPP_SESSIONS_MAX;
        checker.require(
            (1..=most).contains(&self.sessions),
            "sessions",
            format!("has to be 1 to {most}"),
        );
        let tls = match self.servers.iter().any(|server| server.tls) {
            true => Some(checker.within("trust", |checker| client_config(&self.trust, checker))?),
            false => None,
        };
        (!checker.has_problems()).then(|| SmppEngine::new(self.clone(), tls, connect))
    }

    fn check_servers(&self, checker: &mut Checker) {
        checker.require(!self.servers.is_empty(), "servers", "name no server");
        checker.require(
            self.servers.len() <= SERVERS,
            "servers",
            format!("are more than {SERVERS}"),
        );
        for (index, server) in self.servers.iter().enumerate().take(SERVERS) {
            checker.within(&format!("servers[{index}]"), |checker| {
                server.check(self.allow_clear_authentication, checker);
            });
        }
    }

    fn check_account(&self, checker: &mut Checker) {
        check_octets("system_id", &self.system_id, SMPP_SYSTEM_ID_BYTES, checker);
        checker.require(!self.system_id.is_empty(), "system_id", "is empty");
        check_secret("password", &self.password, false, checker);
        check_octets("password", self.password.expose(), SMPP_PASSWORD_BYTES, checker);
        check_octets("system_type", &self.system_type, SMPP_SYSTEM_TYPE_BYTES, checker);
    }
}

impl SmppServer {
    fn check(&self, clear_is_allowed: bool, checker: &mut Checker) {
        check_host(&self.host, checker);
        checker.require(self.port != 0, "port", "is 0");
        match self.tls {
            true => {}
            false if clear_is_allowed => {
                checker.warn("tls", "is off: whoever is on the way reads the codes and the password");
            }
            false => checker.wrong(
                "tls",
                "is off, so that the password would travel in clear: turn it on, or set allow_clear_authentication",
            ),
        }
    }
}

impl SmppSender {
    fn check(&self, checker: &mut Checker) {
        let address = self.address.as_str();
        let problem = match self.ton {
            _ if address.is_empty() => (self.ton != TypeOfNumber::Unknown).then(|| "is empty".to_owned()),
            TypeOfNumber::Alphanumeric => {
                let printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
                let fits = address.len() <= SMPP_SENDER_CHARS && address.bytes().all(printable);
                (!fits).then(|| format!("has to be at most {SMPP_SENDER_CHARS} characters of ASCII"))
            }
            _ if address.starts_with('+') => {
                Some("is written without its plus; ton says that it is international".to_owned())
            }
            _ => {
                let number = address.len() <= PHONE_DIGITS && address.bytes().all(|byte| byte.is_ascii_digit());
                (!number)
                    .then(|| format!("has to be at most {PHONE_DIGITS} digits; for a name, ton has to be alphanumeric"))
            }
        };
        if let Some(problem) = problem {
            checker.wrong("address", problem);
        }
    }
}

/// What fits into a C-octet string (SMPP 3.4 section 3.1).
fn check_octets(field: &str, text: &str, bytes_max: usize, checker: &mut Checker) {
    checker.require(
        text.len() <= bytes_max,
        field,
        format!("is longer than {bytes_max} characters, which is all that SMPP carries"),
    );
    let plain = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    checker.require(plain, field, "has characters outside of ASCII, or control characters");
}
