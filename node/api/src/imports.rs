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
    /// What another product made of the password, in another way than Argon2id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign_hash: Option<ForeignHash>,
}

/// What another product made of a password. It is wrapped in Argon2id, and replaced by one of the password alone once that was right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForeignHash {
    pub scheme: ForeignScheme,
    /// Of bcrypt the binary logarithm of its rounds (4 to 13), of yescrypt that of N (10 to 14), of SHA-2 crypt its rounds (1,000 to
    /// 700,000), of PBKDF2 its iterations (1,000,000 at most, with SHA-512 500,000); 0 of the others.
    #[serde(default)]
    pub cost: u32,
    /// In hexadecimal, at most 64 bytes; of crypt(3) with SHA-2 its characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<Confidential>,
    /// In hexadecimal: the digest alone. Of PBKDF2 its first block.
    pub hash: Confidential,
}

/// How another product makes a digest of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForeignScheme {
    /// MD5 of the password and the salt behind it, if there is one; so are the SHA-1 and SHA-2 below.
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
    /// MD4 of the password in UTF-16, little-endian.
    Nt,
    Pbkdf2Sha1,
    Pbkdf2Sha256,
    Pbkdf2Sha512,
    /// `$5$` of crypt(3).
    Sha256Crypt,
    /// `$6$`.
    Sha512Crypt,
    /// `$2a$`, `$2b$`, `$2y$`.
    Bcrypt,
    /// `$y$`, with blocks of 4 KiB.
    Yescrypt,
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
