//! RADIUS clients: the gateways, firewalls and switches that ask.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Confidential;

/// A RADIUS client as it is. Its secrets are never shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Client {
    /// `c-` and 16 hexadecimal digits.
    #[schema(example = "c-00c0ffee00c0ffee")]
    pub id: String,
    pub name: String,
    /// What it is, for people: `vpn`, `firewall`, `switch`, …
    pub device_type: String,
    /// Where its packets come from, as addresses or CIDR networks; the longest prefix wins.
    #[schema(example = json!(["192.0.2.1", "2001:db8::/64"]))]
    pub networks: Vec<String>,
    /// The NAS-Identifier that it must send, if clients share an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nas_identifier: Option<String>,
    /// Secrets that are valid now: 1, or 2 while one is being replaced.
    pub secrets: u8,
    pub modes: Modes,
    /// Whether a request without Message-Authenticator is dropped (CVE-2024-3596).
    /// What stands between password and code in one field: one character. Absent where the code's length tells where it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// How many characters at the end of such a field are the code, its PIN included. Absent where that is as the user's tokens have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_length: Option<u8>,
    pub require_message_authenticator: bool,
    /// The id of the application its logins go through.
    pub application: String,
    /// Milliseconds after which it sends a request again.
    pub retry_timeout_ms: u32,
    /// How often it sends a request in all.
    pub retry_tries: u8,
    /// Users have to be in one of these groups; empty for everybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_groups: Vec<String>,
    /// Networks from which nobody is let in, by the user's own address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_networks: Vec<String>,
    /// Networks from which less is asked for; the first that holds the user's own address counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_networks: Vec<TrustedNetwork>,
    pub enabled: bool,
    pub revision: u64,
}

/// A network from which a kind of factor is not asked for, as long as another remains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustedNetwork {
    pub network: String,
    pub waives: Waives,
}

/// What is not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Waives {
    Password,
    /// Every code.
    Code,
}

/// How a login through this client may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Modes {
    /// Password and code in one field.
    pub one_step: bool,
    /// Password first, then the code as the answer to an Access-Challenge.
    pub two_step: bool,
    /// The code alone: the client has checked the password itself. Excludes the other two.
    pub passcode_only: bool,
}

impl Default for Modes {
    fn default() -> Self {
        Self {
            one_step: true,
            two_step: true,
            passcode_only: false,
        }
    }
}

/// A client to make.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateClient {
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device_type: String,
    /// At least one address or CIDR network.
    pub networks: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nas_identifier: Option<String>,
    /// The shared secret, printable ASCII. Made here, and shown once, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Confidential>,
    #[serde(default)]
    pub modes: Modes,
    /// What stands between password and code in one field: one character. Absent where the code's length tells where it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// How many characters at the end of such a field are the code, its PIN included. Absent where that is as the user's tokens have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_length: Option<u8>,
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub require_message_authenticator: bool,
    /// Id or name of the application.
    pub application: String,
    /// Milliseconds after which it sends again; 3,000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_timeout_ms: Option<u32>,
    /// How often it sends a request in all; 3 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_tries: Option<u8>,
    /// Users have to be in one of these groups; empty for everybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_groups: Vec<String>,
    /// Networks from which nobody is let in, by the user's own address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_networks: Vec<String>,
    /// Networks from which less is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_networks: Vec<TrustedNetwork>,
}

fn yes() -> bool {
    true
}

/// A client, with its secret **this once** if it was made here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShownClient {
    pub client: Client,
    /// Present only if the request named no secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Confidential>,
}

/// What to change of a client. Absent fields stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeClient {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networks: Option<Vec<String>>,
    /// Empty removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nas_identifier: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modes: Option<Modes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_message_authenticator: Option<bool>,
    /// Id or name of the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_timeout_ms: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_tries: Option<u8>,
    /// Replaces all; empty removes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_groups: Option<Vec<String>>,
    /// Replaces all; empty removes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_networks: Option<Vec<String>>,
    /// Replaces all; empty removes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_networks: Option<Vec<TrustedNetwork>>,
    /// An empty one for none, and no `code_length` either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// 0 for none, and no `separator` either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_length: Option<u8>,
}

/// A new shared secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateSecret {
    /// The new secret, printable ASCII. Made here, and shown once, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Confidential>,
    /// Whether the current secret stays valid beside the new one, until this is called again with
    /// `false`. That way the device can be changed at leisure.
    #[serde(default)]
    pub keep_current: bool,
}
