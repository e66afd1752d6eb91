//! Which client sent this packet, and with which of its secrets.
//!
//! The source address gives candidates, the most specific network first. NAS-Identifier narrows:
//! a client that names one takes only packets that carry it, and comes before its neighbours in the
//! same network that name none. Then the Message-Authenticator decides, over all that are left, so
//! clients may share an address and a secret may be rotated. Without one, the first candidate it is.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::sync::Arc;

use quorate_core::Client;
use quorate_radius::{AttributeType, MessageAuthenticator, Packet, SharedSecret};

use crate::drops::DropReason;
use crate::port::Candidate;

/// The client a packet is from, as far as can be known.
#[derive(Debug)]
pub(crate) struct Sender {
    pub client: Arc<Client>,
    secrets: Arc<[SharedSecret]>,
    place: usize,
    /// Whether it proved to know the secret.
    pub signed: bool,
}

impl Sender {
    /// The secret the packet was made with, and the reply is signed with.
    pub(crate) fn secret(&self) -> &SharedSecret {
        &self.secrets[self.place]
    }
}

/// Finds the sender of a packet from `source`.
///
/// # Errors
/// `UnknownClient`, `WrongMessageAuthenticator` or `MissingMessageAuthenticator`.
pub(crate) fn identify(
    mut candidates: Vec<Candidate>,
    packet: &Packet<'_>,
    source: IpAddr,
) -> Result<Sender, DropReason> {
    let nas_identifier = packet.first(AttributeType::NAS_IDENTIFIER);
    candidates.retain(|it| !it.secrets.is_empty() && takes(&it.client, nas_identifier));
    if candidates.len() > 1 {
        candidates.sort_by_key(|it| {
            (
                Reverse(longest_prefix(&it.client, source)),
                it.client.nas_identifier.is_none(),
            )
        });
    }
    let mut unsigned = false;
    for Candidate { client, secrets } in &candidates {
        for (place, secret) in secrets.iter().enumerate() {
            match packet.message_authenticator(secret) {
                MessageAuthenticator::Valid => {
                    let (client, secrets) = (Arc::clone(client), Arc::clone(secrets));
                    return Ok(Sender {
                        client,
                        secrets,
                        place,
                        signed: true,
                    });
                }
                MessageAuthenticator::Wrong => {}
                MessageAuthenticator::Absent => unsigned = true,
            }
        }
    }
    match candidates.into_iter().next() {
        None => Err(DropReason::UnknownClient),
        Some(_) if !unsigned => Err(DropReason::WrongMessageAuthenticator),
        Some(Candidate { client, .. }) if client.require_message_authenticator => {
            Err(DropReason::MissingMessageAuthenticator)
        }
        Some(Candidate { client, secrets }) => Ok(Sender {
            client,
            secrets,
            place: 0,
            signed: false,
        }),
    }
}

fn takes(client: &Client, nas_identifier: Option<&[u8]>) -> bool {
    client
        .nas_identifier
        .as_ref()
        .is_none_or(|name| nas_identifier == Some(name.as_bytes()))
}

fn longest_prefix(client: &Client, source: IpAddr) -> Option<u8> {
    client
        .networks
        .iter()
        .filter(|it| it.contains(source))
        .map(|it| it.prefix())
        .max()
}
