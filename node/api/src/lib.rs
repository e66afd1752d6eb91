//! The HTTP contract of Quorate: what may be asked under `/api/v1`, in which JSON shapes, and what
//! goes wrong in which words. It holds data and no behaviour: the handlers are in `quorate-web`,
//! the command line and any other client call through the same [`endpoints`].
//!
//! How to read it: [`endpoints`] is the whole API as one table of typed constants. Each names its
//! method, path, query, request and answer, so that a client cannot send the wrong shape and the
//! OpenAPI document ([`openapi::document`]) cannot describe another API than the one that is served.
//! The other modules hold the shapes, one file per kind of object.
//!
//! Conventions:
//! - JSON only. Requests reject unknown fields, so a misspelt setting is an error and not a silence;
//!   answers may grow fields, so clients must ignore those they do not know.
//! - An object is named in a path by its id (`u-0123456789abcdef`) or by its name.
//! - Times are milliseconds since 1970-01-01 UTC and end in `_ms`.
//! - Every object carries a `revision`, sent as `ETag` too. `If-Match` with it makes a change
//!   conditional: another change in between answers `412` and changes nothing.
//! - Lists are pages: at most [`limits::PAGE_MAX`] items, and `next` to ask for the following page.
//! - Failures are `application/problem+json` (RFC 9457), see [`problem`].
//!
//! Caveat: a secret travels in clear inside these bodies, as [`Confidential`], exactly where it is
//! set or shown once. Such values have no readable `Debug` and are wiped when dropped.
#![forbid(unsafe_code)]

pub mod api_tokens;
pub mod applications;
pub mod audit;
pub mod clients;
pub mod cluster;
mod confidential;
pub mod devices;
pub mod directories;
pub mod endpoint;
pub mod endpoints;
pub mod exports;
pub mod gateways;
pub mod health;
pub mod import;
pub mod imports;
pub mod join_tokens;
pub mod limits;
pub mod lockouts;
pub mod openapi;
pub mod page;
pub mod password_rules;
pub mod pending;
pub mod plans;
pub mod policy;
pub mod problem;
pub mod roles;
pub mod rules;
pub mod texts;
pub mod tokens;
pub mod users;

pub use api_tokens::{ApiToken, CreateApiToken, CreatedApiToken};
pub use applications::{Application, ChangeApplication, CreateApplication, Enrolment, Factor, Way};
pub use audit::{
    AuditHeads, AuditPage, AuditQuery, AuditRecord, AuditSegment, AuditStatus, AuditVerification, HeadSignature,
    IndexProgress, LoginResult, Retention, SetRetention, SignedHead, VerifyQuery,
};
pub use clients::{ChangeClient, Client, CreateClient, Modes, RotateSecret, ShownClient, TrustedNetwork, Waives};
pub use cluster::{AuditExtent, ClusterStatus, NodeRole, NodeStatus};
pub use confidential::Confidential;
pub use devices::Device;
pub use directories::{
    ChangeDirectory, ControllerState, CreateDirectory, Directory, DirectoryAttributes, DirectoryGroups, DirectoryKind,
    DirectorySettings, DirectorySync, Examination, ExamineDirectory, ExaminedStep, SyncDirectory,
};
pub use endpoint::{Endpoint, Method, Nothing};
pub use exports::{ExportTokens, ExportUsers, ExportedToken, ExportedTokens, ExportedUser, ExportedUsers};
pub use gateways::{ChangeGateway, CreateGateway, Gateway, GatewayHealth, GatewayStanding, GatewayState, TestGateway};
pub use health::{Check, Readiness};
pub use import::{ImportToken, ImportUser, ImportUsers, ImportedUsers};
pub use imports::{
    Argon2idHash, CommitImport, ForeignHash, ForeignScheme, GatherRows, GatheredRows, Import, ImportRow, ImportedToken,
    ImportedUser, LeftOut, WrongRow,
};
pub use join_tokens::{CreateJoinToken, CreatedJoinToken, JoinToken};
pub use lockouts::{CareQuery, Lockout, Lockouts, Previewed};
pub use page::{Page, PageQuery};
pub use password_rules::{ChangePasswordRules, PasswordRules};
pub use pending::{ConfirmQuery, PendingChange};
pub use plans::{AskedRule, Explain, Explanation, PlannedFactor, WhatIf, WhatIfAnswer, WhatIfChange};
pub use policy::{ChangePolicy, Pins, Policy};
pub use problem::{FieldProblem, Problem, ProblemKind};
pub use roles::{ChangeAccess, ChangeRole, MfaRule, Role, RoleRule, TrustRule};
pub use rules::{ChangeRule, CreateRule, Rule, RuleConditions};
pub use texts::{DefaultLanguage, MessageText, PreviewText, SetDefaultLanguage, SetText, TextPreview, TextSegments};
pub use tokens::{
    Algorithm, AssignToken, ChangeToken, CreateToken, CreatedToken, ResyncToken, Token, TokenKind, TokenState,
    VerifyToken,
};
pub use users::{ChangeOwnPassword, ChangeUser, CreateUser, SetPassword, SetPin, User, UserQuery};
