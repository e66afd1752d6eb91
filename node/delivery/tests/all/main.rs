//! Delivery against real servers: aiosmtpd for mail, Net::SMPP for SMPP, and an HTTP gateway, a token server and a proxy in processes of their own.

// A panic outside of a test function is a failing test as well.
#![allow(clippy::unwrap_used)]

mod failover;
mod fixtures;
mod http;
mod oauth2;
mod presets;
mod proxies;
mod routing;
mod scripted;
mod settings;
mod smpp;
mod smtp;
