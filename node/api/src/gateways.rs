//! Gateways: what carries codes to people.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::FieldProblem;

/// A gateway as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Gateway {
    /// `g-` and 16 hexadecimal digits.
    #[schema(example = "g-00c0ffee00c0ffee")]
    pub id: String,
    pub name: String,
    /// What it carries: `sms`, `email`, `voice`.
    pub channels: Vec<String>,
    /// The lowest is asked first.
    pub priority: u16,
    pub enabled: bool,
    /// Secrets are there and empty.
    #[schema(value_type = Object)]
    pub settings: serde_json::Value,
    /// What is allowed and unwise about them.
    pub warnings: Vec<FieldProblem>,
    /// As the node that answers has seen it since it started.
    pub standing: GatewayStanding,
    pub revision: u64,
}

/// A gateway as one node has seen it since it started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GatewayStanding {
    /// Whether it took the last message that it was given, or was given none.
    pub well: bool,
    /// What was wrong last; empty if nothing was.
    pub said: String,
    /// Messages it has taken.
    pub sent: u64,
    /// Attempts after which it certainly had none.
    pub failed: u64,
    /// Attempts after which nobody knows.
    pub unknown: u64,
    /// Messages it was not given, because of its rate.
    pub rate_limited: u64,
}

/// What a node would say of a gateway in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GatewayState {
    /// It took the last message that it was given.
    Up,
    /// It was given none since the node started.
    Unasked,
    /// It did not take the last message, or cannot be used at all.
    Down,
    /// It failed several times in a row and is asked after all others for a while.
    BackingOff,
    /// It is given no messages.
    Disabled,
}

/// A gateway in short, as the node that answers has seen it since it started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GatewayHealth {
    pub name: String,
    /// `smtp`, `http` or `console`.
    pub kind: String,
    /// `sms`, `email`, `voice`.
    pub channels: Vec<String>,
    pub state: GatewayState,
    /// For how long it is asked after all others, in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backing_off_ms: Option<u64>,
    /// What went wrong last, also if it took messages since; why it cannot be used, if it cannot.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last_error: String,
    /// When that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error_ms: Option<u64>,
}

/// A gateway to make.
///
/// `settings` has either a `kind` (`{"smtp": {…}}`, `{"smpp": {…}}`, `{"http": {…}}` or `"console"`) or a `preset` with its `fields`; beside it may stand
/// `country_codes`, `mail_domains`, `rate`, `retries`, `retry_unknown`, `connect_timeout_ms`, `timeout_ms`. The guide shows every field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateGateway {
    pub name: String,
    /// What it carries; all that it can if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<String>>,
    /// The lowest is asked first.
    #[serde(default)]
    pub priority: u16,
    #[schema(value_type = Object, example = json!({"kind": {"smtp": {
        "servers": [{"host": "mail.example.org", "port": 587}], "from": "quorate@example.org",
    }}}))]
    pub settings: serde_json::Value,
}

/// What to change of a gateway. Absent fields stay as they are; settings are replaced as a whole, secrets excepted that are absent or empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeGateway {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub settings: Option<serde_json::Value>,
}

/// Whom to send a message without a code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestGateway {
    /// `sms`, `email` or `voice`; the gateway's first if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// A number in international form, or a mail address.
    pub address: String,
}
