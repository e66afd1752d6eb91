//! Every test of the core, as one program: they share the scripts, the samples and the random commands, and a program for each would be
//! built for each.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod audit;
mod devices;
mod frozen;
mod golden;
mod limits;
mod lockout;
mod login;
mod matrix;
mod pending;
mod permissions;
mod plans;
mod properties;
mod random;
mod samples;
mod script;
mod variants;
