//! What stands between a controller and the library that speaks LDAP: messages are taken off the connection one by one (`frame.rs`),
//! looked at as BER (`ber.rs`), let through if they are what was asked for (`screen.rs`), and carried on (`carrier.rs`).
//!
//! Why: ldap3 expects every element to be where RFC 4511 has it, stops the process where it is not, takes messages of any length and depth,
//! and queues without bound. A node must not fall because a controller, or somebody in its place, sends rubbish.

pub(crate) mod ber;
mod carrier;
pub(crate) mod frame;
pub(crate) mod screen;

pub(crate) use carrier::{Ended, carry};
