//! One login, one task: ask the house, sign its decision, send it in time.

use std::sync::Arc;

use quorate_app::{AccessRequest, Decision, Silence};
use quorate_radius::{Reply, ReplyTo};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use crate::clients::Sender;
use crate::drops::DropReason;
use crate::intake::{DuplicateKey, Intake};
use crate::limits::REPLY_WITHIN;
use crate::port::Logins;
use crate::socket::{Door, Peer};

/// A request's place in the duplicate cache while it is judged. However its task ends, by verdict,
/// silence or panic, a copy that comes later finds either the answer or a free place.
pub(crate) struct Pending<L: Logins> {
    intake: Arc<Intake<L>>,
    key: DuplicateKey,
    answer: Option<Arc<[u8]>>,
}

impl<L: Logins> Pending<L> {
    pub(crate) fn new(intake: Arc<Intake<L>>, key: DuplicateKey) -> Self {
        Self {
            intake,
            key,
            answer: None,
        }
    }
}

impl<L: Logins> Drop for Pending<L> {
    fn drop(&mut self) {
        let mut duplicates = self.intake.duplicates.lock();
        match self.answer.take() {
            Some(answer) => duplicates.remember(&self.key, answer),
            None => duplicates.forget(&self.key),
        }
        let remembered = i64::try_from(duplicates.len()).unwrap_or(i64::MAX);
        self.intake.metrics.duplicates.set(remembered);
    }
}

/// How an answer finds back.
pub(crate) struct ReturnPath {
    pub sender: Sender,
    pub reply_to: ReplyTo,
    pub peer: Peer,
    pub door: Arc<Door>,
}

/// Judges a login and sends the reply, if there is one and there is time.
pub(crate) async fn judge<L: Logins>(
    login: AccessRequest,
    mut pending: Pending<L>,
    permit: OwnedSemaphorePermit,
    back: ReturnPath,
) {
    let intake = Arc::clone(&pending.intake);
    let _in_flight = InFlight::enter(&intake.metrics.in_flight, permit);
    let (received, deadline) = (login.received, login.received + REPLY_WITHIN);
    let answer = match timeout_at(deadline, intake.logins.authenticate(login)).await {
        Ok(answer) => answer,
        Err(_late) => return intake.discard(DropReason::Late, &back.peer),
    };
    intake.metrics.judged(&back.sender.client, &answer, received.elapsed());
    let reply = match reply_of(&answer.decision) {
        Ok(reply) => reply,
        Err(silence) => return intake.discard_with(DropReason::NoVerdict, &back.peer, &silence.label()),
    };
    let datagram: Arc<[u8]> = match reply.encode_signed(&back.reply_to, back.sender.secret()) {
        Ok(datagram) => datagram.into(),
        Err(why) => return intake.discard_with(DropReason::ReplyTooLong, &back.peer, &why),
    };
    if Instant::now() >= deadline {
        return intake.discard(DropReason::Late, &back.peer);
    }
    if answer.decision == Decision::Accept {
        intake.crowd.accepted(received.elapsed(), Instant::now());
    } else {
        // An accept is judged again instead: a disable may have come between.
        pending.answer = Some(Arc::clone(&datagram));
    }
    // Settled before the reply leaves: a client that asks again at once must not meet its own request as pending.
    drop(pending);
    intake.send(&datagram, reply.code(), &back.peer, &back.door);
}

fn reply_of(decision: &Decision) -> Result<Reply, Silence> {
    match decision {
        Decision::Accept => Ok(Reply::accept()),
        Decision::Reject(reason) => Ok(Reply::reject().message(reason.reply_text())),
        Decision::Challenge { state, prompt } => Ok(Reply::challenge(state).message(prompt)),
        Decision::Silent(silence) => Err(*silence),
    }
}

/// Keeps the gauge right whatever becomes of the task.
struct InFlight<'a> {
    gauge: &'a prometheus::IntGauge,
    _permit: OwnedSemaphorePermit,
}

impl<'a> InFlight<'a> {
    fn enter(gauge: &'a prometheus::IntGauge, permit: OwnedSemaphorePermit) -> Self {
        gauge.inc();
        Self { gauge, _permit: permit }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}
