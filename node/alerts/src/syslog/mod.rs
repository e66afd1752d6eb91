//! Syslog: RFC 5424 messages over UDP (RFC 5426), TCP with octet counting (RFC 6587 §3.4.1) and TLS (RFC 5425).
//!
//! ```text
//! Record ──encode──▶ Queue ──▶ the server's task ──▶ socket
//!                    │ full: counted, and said                 │ broken: connect again, with backoff,
//!                    └▶ "N messages were lost between A and B" └▶ and repeat what may not have arrived
//! ```
//!
//! Every server has a queue, a task and a connection of its own: one that is slow or gone holds up no other, and nobody who offers a
//! record waits. Whoever has the records elsewhere (the audit) and would rather wait than lose one asks for [`Server::room`] first,
//! and learns from [`Server::oldest_unsettled`] from where to go on after a restart.
//!
//! # What "sent" means
//!
//! No syslog transport tells the sender that a message was taken; TCP tells only that the peer's kernel has it. So a message counts as
//! settled when its connection has lived [`limits::REPEAT_AGE`] longer (longer than TCP lets data go unconfirmed), or when the server has
//! closed its side in answer to our closing ours. Until then it is kept, and written again if the connection breaks: a
//! message may then arrive twice, which its `seq` tells. What is lost without anybody knowing: messages that a server's kernel
//! had confirmed and its process had not read for that long, or more than [`limits::REPEAT_BYTES`] of them, when it died. Over UDP nothing
//! is promised but that a refusal (ICMP) is noticed.
//!
//! [`limits::REPEAT_AGE`]: crate::limits::REPEAT_AGE
//! [`limits::REPEAT_BYTES`]: crate::limits::REPEAT_BYTES

mod link;
mod message;
mod priority;
mod queue;
mod record;
mod server;
mod settings;

pub use message::{Origin, encode};
pub use priority::{Facility, Severity};
pub use record::{Kind, Record};
pub use server::{Server, ServerStatus, StartError, Syslog};
pub use settings::{ServerSettings, Transport};
