//! From datagram to login: the ladder of suspicion.
//!
//! Runs in the socket's loop, so it neither waits nor allocates for those it does not know: a flood
//! of garbage costs one walk over the bytes and one lookup by address each.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use quorate_app::fingerprint;
use quorate_core::{Attribute, AttributeKind, Fingerprint};
use quorate_radius::limits::{DUPLICATE_LIFETIME, DUPLICATES_MAX};
use quorate_radius::{
    AccessRequest, Admission, AttributeType, Code, DuplicateCache, Packet, Reply, ReplyCode, ReplyTo,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::clients::{self, Sender};
use crate::crowd::Crowd;
use crate::drops::{DropLog, DropReason};
use crate::judge::{self, Pending, ReturnPath};
use crate::metrics::Metrics;
use crate::port::Logins;
use crate::socket::{Door, Peer};

/// What tells a retransmission: the same packet from the same address and port (RFC 5080 §2.2.2).
pub(crate) type DuplicateKey = (SocketAddr, Fingerprint);

/// What all sockets share.
pub(crate) struct Intake<L> {
    pub(crate) logins: L,
    pub(crate) metrics: Metrics,
    pub(crate) duplicates: Mutex<DuplicateCache<DuplicateKey>>,
    pub(crate) crowd: Crowd,
    in_flight: Arc<Semaphore>,
    in_flight_max: usize,
    drop_log: DropLog,
}

impl<L: Logins> Intake<L> {
    pub(crate) fn new(logins: L, metrics: Metrics, in_flight_max: usize) -> Self {
        metrics
            .in_flight_max
            .set(i64::try_from(in_flight_max).unwrap_or(i64::MAX));
        Self {
            logins,
            metrics,
            duplicates: Mutex::new(DuplicateCache::new(DUPLICATES_MAX, DUPLICATE_LIFETIME)),
            crowd: Crowd::new(Instant::now()),
            in_flight: Arc::new(Semaphore::new(in_flight_max)),
            in_flight_max,
            drop_log: DropLog::new(),
        }
    }

    /// Waits until no login is being judged any more.
    pub(crate) async fn idle(&self) {
        let all = u32::try_from(self.in_flight_max).unwrap_or(u32::MAX);
        // Fails only if the semaphore were closed, which nobody does.
        let _ = self.in_flight.acquire_many(all).await;
    }

    /// Takes one datagram: answers it at once, starts its judgement, or drops it.
    pub(crate) fn take(self: &Arc<Self>, datagram: &[u8], peer: Peer, door: &Arc<Door>) {
        let packet = match Packet::decode(datagram) {
            Ok(packet) => packet,
            Err(why) => return self.discard_with(DropReason::Malformed, &peer, &why),
        };
        self.metrics.request(packet.code());
        if !matches!(packet.code(), Code::AccessRequest | Code::StatusServer) {
            return self.discard(DropReason::UnsupportedCode, &peer);
        }
        let source = peer.address().ip();
        match clients::identify(self.logins.candidates(source), &packet, source) {
            Err(reason) => self.discard(reason, &peer),
            Ok(sender) if packet.code() == Code::StatusServer => {
                self.status(&packet, &sender, &peer, door);
            }
            Ok(sender) => self.access(&packet, sender, peer, door),
        }
    }

    /// Status-Server (RFC 5997 §3): answered to those who sign, by a node that can judge.
    fn status(&self, packet: &Packet<'_>, sender: &Sender, peer: &Peer, door: &Door) {
        if !sender.signed {
            return self.discard(DropReason::MissingMessageAuthenticator, peer);
        }
        if !self.logins.is_serving() {
            return self.discard(DropReason::NotServing, peer);
        }
        self.reply(&Reply::accept(), &ReplyTo::of(packet), sender, peer, door);
    }

    fn access(self: &Arc<Self>, packet: &Packet<'_>, sender: Sender, peer: Peer, door: &Arc<Door>) {
        let received = Instant::now();
        let fingerprint = fingerprint(sender.client.id, packet.bytes());
        let key = (peer.address(), fingerprint);
        let admission = self.duplicates.lock().admit(key, received.into_std());
        match admission {
            Admission::InFlight => return self.discard(DropReason::Duplicate, &peer),
            Admission::Answered(datagram) => return self.repeat(&datagram, &peer, door),
            Admission::New => {}
        }
        let pending = Pending::new(Arc::clone(self), key);
        if self
            .crowd
            .stands(self.in_flight_max - self.in_flight.available_permits(), received)
        {
            return self.discard(DropReason::Crowded, &peer);
        }
        let request = match AccessRequest::parse(packet, sender.secret()) {
            Ok(request) => request,
            Err(why) if why.is_answered() => {
                tracing::debug!(source = %peer.address(), "RADIUS request refused: {why}");
                return self.reply(&Reply::reject(), &ReplyTo::of(packet), &sender, &peer, door);
            }
            Err(why) => return self.discard_with(DropReason::InvalidRequest, &peer, &why),
        };
        let Some(permit) = self.permit() else {
            return self.discard(DropReason::QueueFull, &peer);
        };
        let login = quorate_app::AccessRequest {
            client: Arc::clone(&sender.client),
            user_name: request.user_name,
            password: request.password,
            state: request.state,
            source: peer.address().ip(),
            calling_station_id: request.calling_station_id,
            nas_identifier: request.nas_identifier,
            attributes: attributes(packet),
            fingerprint,
            received,
            received_ms: self.logins.now_ms(),
            browser: None,
        };
        let return_path = ReturnPath {
            sender,
            reply_to: request.reply_to,
            peer,
            door: Arc::clone(door),
        };
        tokio::spawn(judge::judge(login, pending, permit, return_path));
    }

    fn permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.in_flight).try_acquire_owned().ok()
    }

    /// Sends what was sent before.
    fn repeat(&self, datagram: &[u8], peer: &Peer, door: &Door) {
        match door.send(datagram, peer) {
            Ok(()) => self.metrics.repeated(reply_code(datagram)),
            Err(why) => self.discard_with(DropReason::SendFailed, peer, &why),
        }
    }

    /// Signs and sends an answer that needed no judgement.
    fn reply(&self, reply: &Reply, to: &ReplyTo, sender: &Sender, peer: &Peer, door: &Door) {
        match reply.encode_signed(to, sender.secret()) {
            Ok(datagram) => self.send(&datagram, reply.code(), peer, door),
            Err(why) => self.discard_with(DropReason::ReplyTooLong, peer, &why),
        }
    }

    pub(crate) fn send(&self, datagram: &[u8], code: ReplyCode, peer: &Peer, door: &Door) {
        match door.send(datagram, peer) {
            Ok(()) => self.metrics.replied(code),
            Err(why) => self.discard_with(DropReason::SendFailed, peer, &why),
        }
    }

    pub(crate) fn discard(&self, reason: DropReason, peer: &Peer) {
        self.metrics.dropped(reason);
        self.drop_log.note(reason, &peer.address(), None);
    }

    pub(crate) fn discard_with(&self, reason: DropReason, peer: &Peer, why: &dyn fmt::Display) {
        self.metrics.dropped(reason);
        self.drop_log.note(reason, &peer.address(), Some(why));
    }
}

/// Of a reply that we made ourselves.
/// What rules may ask about; of one that is there more than once, the first.
fn attributes(packet: &Packet<'_>) -> Vec<Attribute> {
    let listed = AttributeKind::ALL.into_iter().filter(|kind| kind.is_listed());
    let found = |kind: AttributeKind| {
        let value = packet.first(AttributeType(kind.number()))?.into();
        Some(Attribute { kind, value })
    };
    listed.filter_map(found).collect()
}

fn reply_code(datagram: &[u8]) -> ReplyCode {
    match datagram.first().copied().map(Code::from) {
        Some(Code::AccessAccept) => ReplyCode::Accept,
        Some(Code::AccessChallenge) => ReplyCode::Challenge,
        _ => ReplyCode::Reject,
    }
}
