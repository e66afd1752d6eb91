//! Delivery against real servers: aiosmtpd for mail, and an HTTP gateway, a token server and a proxy in processes of their own.

#[path = "../support/mod.rs"]
mod support;

mod failover;
mod fixtures;
mod http;
mod oauth2;
mod presets;
mod proxies;
mod routing;
mod scripted;
mod settings;
mod smtp;
