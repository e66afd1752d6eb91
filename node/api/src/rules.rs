//! Rules: which logins get another application than their client's own, in the order in which they are asked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A rule as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Rule {
    /// `r-` and 16 hexadecimal digits.
    #[schema(example = "r-00c0ffee00c0ffee")]
    pub id: String,
    pub name: String,
    /// The lowest is asked first.
    pub position: u32,
    pub enabled: bool,
    /// All of them have to hold.
    pub when: RuleConditions,
    /// The id of the application that the login gets; absent if it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Whether the login is rejected, whatever is proven.
    pub refuse: bool,
    pub revision: u64,
}

/// Conditions of a rule, all of which have to hold. What is absent or empty holds for every login.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleConditions {
    /// Logins through this RADIUS client: id or name; shown as its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Users in any of these groups, of their directory or kept here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Users so called: `*` stands for any characters, `?` for one. With an `@` it is compared with `name@domain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "adm-*")]
    pub user: Option<String>,
    /// Users whose own address is in one of these: Calling-Station-Id if it is an address, else Framed-IP-Address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// Requests with these attributes and values: addresses and numbers as such, texts with `*` and `?`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(example = json!({"NAS-Port-Type": "19", "Called-Station-Id": "*:guests"}))]
    pub attributes: BTreeMap<String, String>,
}

/// A rule to make, or one of a draft.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRule {
    pub name: String,
    /// After the last one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    #[serde(default)]
    pub when: RuleConditions,
    /// Id or name of the application that the login gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Instead of `application`: the login is rejected.
    #[serde(default)]
    pub refuse: bool,
}

/// What to change of a rule. Absent fields stay as they are; conditions are replaced as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<RuleConditions>,
    /// Id or name of the application; ends a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Excludes `application`.
    #[serde(default)]
    pub refuse: bool,
}
