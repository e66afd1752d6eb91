//! Imports: rows of another product, gathered on one node page by page and made by one order.
//!
//! Begin, send the rows in pages, commit until nothing waits. Nothing is made before the first commit, and nothing at all while a row is
//! wrong, unless those are to be skipped. All requests of one import go to one node.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Confidential, CreateToken, FieldProblem};

/// An import, and how it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Import {
    /// `i-` and 16 hexadecimal digits.
    pub id: String,
    /// Rows that wait to be made.
    pub waiting: u64,
    /// Rows that were wrong when they came.
    pub wrong: u64,
    pub users_created: u64,
    /// There before, and left as they are.
    pub users_there: u64,
    pub tokens_created: u64,
    /// Tokens whose owner had one of that name before.
    pub tokens_there: u64,
    /// Rows that were right when they came and could not be made any more.
    pub left_out: u64,
    /// The first of those.
    pub first_left_out: Vec<LeftOut>,
}

/// A row that could not be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeftOut {
    /// Whom or what it is about.
    pub subject: String,
    pub why: String,
}

/// Some rows of an import, in their order: users before their tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GatherRows {
    /// Judge them and keep nothing: for a dry run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_look: bool,
    /// At most [`crate::limits::IMPORT_MAX`].
    pub rows: Vec<ImportRow>,
}

/// One row: a user, or a token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportRow {
    User(ImportedUser),
    Token(ImportedToken),
}

/// A user to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedUser {
    /// `alice`, `alice@example.org` or `EXAMPLE\alice`.
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// Without it and without a hash the user has no local password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Confidential>,
    /// What the password was hashed to elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<Argon2idHash>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// In which language messages are written: `de`, `pt-BR`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// A number in international form that codes are sent to, from the first login on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sms: Option<Confidential>,
    /// The same, called up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<Confidential>,
    /// The same, a mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Confidential>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
}

/// Argon2id, version 19 (RFC 9106), of 16 bytes of salt and 32 of hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Argon2idHash {
    /// Work memory in KiB, 65,536 at most.
    pub memory_kib: u32,
    /// Passes over it, 16 at most.
    pub passes: u32,
    pub lanes: u8,
    /// 32 hexadecimal digits.
    pub salt: Confidential,
    /// 64 hexadecimal digits.
    pub hash: Confidential,
}

/// A token to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedToken {
    /// Whose it is, by name: somebody who is there, or of a former row. Nobody's yet if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    pub token: CreateToken,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
}

/// What became of the rows of a page; those that are not named here will be made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GatheredRows {
    /// Places, from 0, of rows whose user or token is there already.
    pub there: Vec<u32>,
    pub wrong: Vec<WrongRow>,
}

/// A row that cannot be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WrongRow {
    /// Its place in the page, from 0.
    pub row: u32,
    pub errors: Vec<FieldProblem>,
}

/// The order to make what was gathered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommitImport {
    /// Make the right rows although others are wrong.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_wrong: bool,
}
