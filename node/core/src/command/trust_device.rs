//! Has a browser remembered as a device of the user who has just logged in from it by a code. Issued by the node that was asked.
//!
//! What allows it is not said by that node: an accept in which a code was proven leaves an *offer* in the state, for a few minutes and for one
//! device. Whatever is done to the user or its tokens meanwhile voids it.

use minicbor::{Decode, Encode};

use crate::{
    audit::{ChangeEntry, ChangeKind, Object},
    command::Actor,
    decide::Decided,
    event::Event,
    ids::{DeviceId, Fingerprint, NodeId},
    limits, names,
    outcome::{Field, Refusal},
    records::{Device, DeviceDigest, DeviceProof, User},
    state::State,
};

/// Somebody who was accepted wants the browser remembered.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TrustDevice {
    /// Random: the same request proposed again gets the same answer and makes one device.
    #[n(0)]
    pub request: Fingerprint,
    /// The login that was accepted.
    #[n(1)]
    pub login: Fingerprint,
    /// Random.
    #[n(2)]
    pub device: DeviceId,
    /// What the browser's new secret is recognised by; the secret itself is in no log.
    #[n(3)]
    pub digest: DeviceDigest,
    /// What people know it by; may be empty.
    #[n(4)]
    pub name: Box<str>,
    /// What the browser was remembered as before, by whomever: a browser is one user's.
    #[n(5)]
    pub former: Option<DeviceProof>,
    /// The node that was asked.
    #[n(6)]
    pub node: NodeId,
}

impl TrustDevice {
    pub(crate) fn decide(&self, state: &State, now_ms: u64) -> Result<Decided, Refusal> {
        if let Some(revision) = state.memory().answers.find(&self.request) {
            return Ok(Decided::done(*revision, Vec::new()));
        }
        if self.name.len() > limits::DEVICE_NAME_BYTES || !names::is_label(&self.name) {
            return Err(Refusal::Invalid(Field::Name));
        }
        let user = self.accepted(state)?;
        if self.device == DeviceId(0) || state.device(self.device).is_some() {
            return Err(Refusal::IdTaken);
        }
        let mut ends = self.evicted(state);
        ends.extend(displaced(state, user, &ends));
        let is_full = state.device_count().saturating_sub(ends.len()) >= limits::DEVICES;
        // Half of the memory is the administrators': who logs in must not be able to keep them from their work.
        if is_full || state.memory().answers.len() >= limits::ANSWERS / 2 {
            return Err(Refusal::LimitReached);
        }
        let revision = state.next_revision();
        let mut events = Vec::with_capacity(2 * ends.len() + 3);
        for device in ends {
            events.push(Event::DeviceForgotten(device.id));
            let owner = state.user(device.user).map_or(user, |owner| &**owner);
            events.push(self.recorded(user, ChangeKind::EvictDevice, device.id, owner));
        }
        events.push(Event::DeviceTrusted {
            login: self.login,
            device: self.made(state, user, now_ms),
        });
        events.push(self.recorded(user, ChangeKind::TrustDevice, self.device, user));
        events.push(Event::RequestAnswered {
            request: self.request,
            revision,
        });
        Ok(Decided::done(revision, events))
    }

    /// Whom the login let in, if a device may be trusted after it and nothing has changed since.
    fn accepted<'a>(&self, state: &'a State) -> Result<&'a User, Refusal> {
        let offer = state.memory().offers.find(&self.login).ok_or(Refusal::NotFound)?;
        let user = state.user(offer.user).ok_or(Refusal::NotFound)?;
        let is_same = user.revision == offer.revision && state.epochs(offer.client, offer.user) == Some(offer.epochs);
        match (is_same, user.may_trust(state.policy())) {
            (true, true) => Ok(user),
            (true, false) => Err(Refusal::NotAllowed),
            (false, _) => Err(Refusal::Stale),
        }
    }

    /// What the browser was before, if it was that.
    fn evicted<'a>(&self, state: &'a State) -> Vec<&'a Device> {
        let is_it = |proof: &DeviceProof| state.device(proof.device).filter(|device| device.proof() == *proof);
        let former = self.former.as_ref().and_then(is_it);
        former.map(|device| &**device).into_iter().collect()
    }

    fn made(&self, state: &State, user: &User, now_ms: u64) -> Device {
        let lasts_ms = state.policy().role(user.role).trust_ms;
        Device {
            id: self.device,
            user: user.id,
            digest: self.digest,
            name: self.name.clone(),
            trusted_ms: now_ms,
            expires_ms: now_ms.saturating_add(lasts_ms),
            used_ms: None,
        }
    }

    fn recorded(&self, by: &User, kind: ChangeKind, device: DeviceId, owner: &User) -> Event {
        Event::ChangeRecorded(ChangeEntry {
            actor: Actor::Owner { user: by.id },
            node: self.node,
            kind,
            object: Object::Device(device, owner.id),
            name: owner.name.to_string().into(),
        })
    }
}

/// The oldest devices of a user, as many as have to give way to another one.
fn displaced<'a>(state: &'a State, user: &User, ends: &[&Device]) -> Vec<&'a Device> {
    let stays = |device: &&Device| ends.iter().all(|end| end.id != device.id);
    let kept: Vec<&Device> = state
        .devices_of(user.id)
        .map(|device| &**device)
        .filter(stays)
        .collect();
    let too_many = (kept.len() + 1).saturating_sub(limits::DEVICES_PER_USER);
    kept.into_iter().take(too_many).collect()
}
