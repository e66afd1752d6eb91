//! Directories that others keep: LDAP and Active Directory.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Confidential;

/// A directory as it is. The service account's password is never shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Directory {
    /// `d-` and 16 hexadecimal digits.
    #[schema(example = "d-00c0ffee00c0ffee")]
    pub id: String,
    pub name: String,
    /// The domain of its users; empty for the default one.
    pub domain: String,
    /// Further names of that domain, as users may type it.
    pub aliases: Vec<String>,
    /// Whether a name without domain, which no local user has, means somebody of this directory.
    pub is_default: bool,
    /// Hours for which right passwords of its people are remembered, to be asked while none of its controllers answers; 0 for never.
    pub remember_passwords_h: u16,
    pub settings: DirectorySettings,
    /// How its controllers stand, as the node that answers has seen them.
    pub controllers: Vec<ControllerState>,
    pub enabled: bool,
    pub revision: u64,
}

/// A controller as one node has seen it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ControllerState {
    pub controller: String,
    pub well: bool,
    /// What was wrong last, or that it is the one that is asked.
    pub said: String,
}

/// Where and how a directory is asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectorySettings {
    #[serde(default)]
    pub kind: DirectoryKind,
    /// In the order in which they are asked: `ldaps://host`, `starttls://host`, or `plain://host`, each with `:port` if it is not the usual.
    #[schema(example = json!(["ldaps://dc1.example.org", "ldaps://dc2.example.org"]))]
    pub controllers: Vec<String>,
    /// Under which entry people are searched for.
    #[schema(example = "ou=people,dc=example,dc=org")]
    pub base: String,
    /// The service account, as a distinguished name or (Active Directory) a user principal name.
    pub account: String,
    /// Its password. Never shown; a change without it keeps the former.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_password: Option<Confidential>,
    /// Certificates of the authorities to believe, in PEM. The system's, if neither they nor pins are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    /// SHA-256 of the controllers' certificates, in hexadecimal: these and no others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<String>,
    /// The filter (RFC 4515) that finds a person; `{name}` stands for the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_filter: Option<String>,
    /// A second filter that has to hold for everybody who may log in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_filter: Option<String>,
    /// Which attribute holds what; the usual names of the kind where absent.
    #[serde(default)]
    pub attributes: DirectoryAttributes,
    /// How groups are found; absent if nobody asks for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<DirectoryGroups>,
    /// Seconds after which its users are brought up to date without anybody asking, 60 at least; absent for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_every_s: Option<u32>,
    /// To which of a person's addresses codes are sent, without anybody giving them a token: `sms` and `voice` (the mobile), `email`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub send_codes_to: Vec<String>,
    /// The code of the country whose numbers the directory has without one (`90`); absent if all have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_country: Option<String>,
    /// Whether administrators may set its people's passwords, by the right of the service account.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reset_passwords: bool,
    /// Whether its people may change their passwords from here, by the one that they have.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub change_passwords: bool,
    /// Whether administrators may change its people's mobile numbers and mail addresses there, by the right of the service account.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub write_contacts: bool,
    /// Whether referrals are followed. They are sent the service account's password.
    #[serde(default)]
    pub referrals: bool,
    /// Milliseconds until a connection has to be there; 2,000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_timeout_ms: Option<u32>,
    /// Milliseconds until a request has to be answered; 4,000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_timeout_ms: Option<u32>,
    /// Operations at once, on each node; 32 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u16>,
}

/// What speaks at the other end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DirectoryKind {
    /// OpenLDAP, 389 Directory Server and the like.
    #[default]
    Ldap,
    ActiveDirectory,
}

/// Names of attributes. An empty one means that the directory has no such attribute.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectoryAttributes {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
}

/// How groups are found. What is absent is as usual for the kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectoryGroups {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_attribute: Option<String>,
    /// Whether members are login names (`memberUid`) instead of distinguished names.
    #[serde(default)]
    pub members_are_names: bool,
    /// Whether groups in groups count; yes if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nested: Option<bool>,
    /// Seconds for which a person's groups are remembered on a node; 0 for never.
    #[serde(default)]
    pub remember_s: u32,
}

/// A directory to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateDirectory {
    pub name: String,
    /// The domain of its users, as they type it; empty for the default one.
    #[serde(default)]
    pub domain: String,
    /// Further names of that domain, as users may type it: a NetBIOS name, other suffixes. 16 at most.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// A name without domain, which no local user has, means somebody of this directory. One directory may be that.
    #[serde(default)]
    pub is_default: bool,
    /// Hours for which right passwords of its people are remembered, to be asked while none of its controllers answers: 168 at most, 0 for never.
    #[serde(default)]
    pub remember_passwords_h: u16,
    pub settings: DirectorySettings,
}

/// What to change of a directory. Absent fields stay as they are; settings are replaced as a whole, the password excepted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeDirectory {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// All further names of its domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aliases: Option<Vec<String>>,
    /// Whether names without domain mean it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_default: Option<bool>,
    /// Hours for which right passwords of its people are remembered; 0 forgets them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remember_passwords_h: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<DirectorySettings>,
}

/// Whom to try.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExamineDirectory {
    /// The name of a person, without domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Confidential>,
}

/// How a directory or a gateway was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Examination {
    pub steps: Vec<ExaminedStep>,
}

/// One step of an examination.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExaminedStep {
    pub step: String,
    /// `ok`, `warning`, `failed` or `skipped`.
    pub outcome: String,
    pub took_ms: u64,
    pub said: String,
}

/// How to synchronise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncDirectory {
    /// Only say what would be changed.
    #[serde(default)]
    pub dry_run: bool,
    /// So many users may be let in no more. Otherwise a fifth of the directory's users may, or 10 where that is more, and none if the
    /// directory shows nobody; what would go beyond is a conflict that names the figure, and parts with nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_leavers: Option<u64>,
}

/// What a synchronisation came to, or would.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DirectorySync {
    /// People whom the directory lets in.
    pub seen: u64,
    pub created: u64,
    pub updated: u64,
    /// Users who are let in no more: the directory has them no more, or has closed their account.
    pub gone: u64,
    /// So many might have gone.
    pub gone_allowed: u64,
    /// People who cannot be users: name and reason, the first hundred.
    pub refused: Vec<[String; 2]>,
}
