//! What the cluster remembers: one struct per kind of object, as it lies in memory and in the image.
//!
//! A million users must fit, so texts are `Box<str>` (no spare capacity) and secrets one sealed box.

mod access;
mod application;
mod attribute;
mod client;
mod cluster;
mod code_kind;
mod device;
mod directory;
mod entrance;
mod local;
mod network;
mod password_rules;
mod pending;
mod policy;
mod retention;
mod role;
mod rule;
mod sent;
mod text;
mod token;
mod user;

pub(crate) use self::user::NewPassword;
pub use self::{
    access::{ApiToken, JoinToken},
    application::{Application, Enrolment, Factor},
    attribute::{Attribute, AttributeKind},
    client::{Client, Cut, Modes},
    cluster::{Cluster, Node, Replacement},
    code_kind::{CodeKind, CodeKinds},
    device::{Browser, Device, DeviceDigest, DeviceProof},
    directory::{Directory, Naming, Origin, PasswordMemory, RememberedPassword},
    entrance::{Entrance, FactorKind, Trusted},
    local::Local,
    network::{Cidr, MalformedCidr},
    password_rules::PasswordRules,
    pending::{Former, Pending},
    policy::{Pins, Policy},
    retention::Retention,
    role::{Mfa, Role, RoleRule, Trust, is_multi_factor},
    rule::{AttributeTest, Rule, Then, When},
    sent::{Channel, Dispatch, Gateway, Report, SentCode},
    text::{DefaultLanguage, MessageText},
    token::{OtpAlgorithm, Standing, Token, TokenKind, Used},
    user::{Pin, User, UserName},
};
