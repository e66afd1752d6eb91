//! Carrying one-time codes and messages to people, by mail, SMS and voice.
//!
//! ```text
//! MessageTemplate  ── put ──────► Texts ── render ──► Message ┐
//!                                                             ├─► Routes::send ──► Sent::Delivered | Sent::Failed
//! Gateway (settings) ── check ──► Routes ─────────────────────┘      │
//!                                                                    ├─ SMTP      smtp/      own conversation
//!                                                                    ├─ HTTP      http/      a template per provider, presets.rs
//!                                                                    ├─ SMPP      smpp/      own conversation, rusmpp-core's PDUs
//!                                                                    └─ console   gateway.rs
//! ```
//!
//! One message is handed over and goes out by the first gateway that takes it. The crate knows nothing of users, nodes and the log: who sends what,
//! once in the whole cluster, is decided by the outbox in the replicated state, before [`Routes::send`] is called.
//!
//! What has to be right here is *at most one message*: a gateway that may have taken it is the last one asked. Every attempt therefore ends
//! in one of three ways, accepted, certainly not, or unknown ([`Outcome`]); what is unknown is never taken for a failure.
//!
//! What may not happen: a code, a full telephone number or a password in an error, an attempt, a status or a log line. All text from
//! outside goes through one mask (`mask.rs`); settings and messages have no `Debug`.
//!
//! Caveats
//! - "Accepted" is the gateway's word. Whether a telephone received the message, nobody here learns; delivery reports are not read.
//! - Texts of mails are plain text, of one part.
//! - Nothing is queued. When all gateways fail, the caller hears it and decides.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod limits;
pub mod presets;

mod attempt;
mod connect;
mod escape;
mod gateway;
mod health;
mod http;
mod mail_address;
mod mask;
mod message;
mod phone;
mod problem;
mod rate;
mod routes;
mod secret;
mod segments;
mod settings;
mod smpp;
mod smtp;
mod template;
mod texts;

pub use attempt::{Attempt, Outcome, Sent, Step, StepName};
pub use gateway::ConsoleWriter;
pub use health::{Counters, GatewayStatus};
pub use mail_address::{MailAddress, MailAddressError};
pub use message::{Channel, Message, MessageError, Recipient};
pub use phone::{Phone, PhoneError};
pub use problem::Problem;
pub use routes::{Routes, ServerTest, TestReport};
pub use secret::Secret;
pub use segments::{Alphabet, Segments};
pub use settings::{
    AnswerRule, Body, ClientCredentials, CredentialsIn, Field, Gateway, Http, HttpAuthentication, Kind, LongMessages,
    Method, NumberingPlan, OAuth2, Proxy, Rate, Smpp, SmppCoding, SmppDestination, SmppSender, SmppServer, Smtp,
    SmtpAuthentication, SmtpServer, SmtpTls, StatusRange, Success, Token, Trust, TypeOfNumber,
};
pub use template::{Position, TemplateError};
pub use texts::{MessageTemplate, PLACEHOLDERS, RenderError, Rendered, SAMPLE, Texts, Values};
