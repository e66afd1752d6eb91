//! Devices that are trusted, with two indexes: whose they are, the oldest first, and in which order they end.
//!
//! One is there until it is swept, a few with each command, and not until its time: whoever asks for one looks at the time.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use crate::{
    ids::{DeviceId, UserId},
    records::{Device, DeviceProof, User},
    state::State,
};

impl State {
    /// A device by id; its time may have passed.
    pub fn device(&self, id: DeviceId) -> Option<&Arc<Device>> {
        self.devices.find(id)
    }

    /// The devices of a user, the oldest first; the time of some may have passed.
    pub fn devices_of(&self, user: UserId) -> impl Iterator<Item = &Arc<Device>> + '_ {
        self.devices.of_user(user)
    }

    /// How many devices there are.
    pub fn device_count(&self) -> usize {
        self.devices.len()
    }

    /// The device that a browser shows itself to be, if this user trusts it now and may.
    pub fn trusted_device(&self, user: &User, proof: &DeviceProof, now_ms: u64) -> Option<&Arc<Device>> {
        let ends_ms = |device: &Device| device.ends_ms(self.policy.role(user.role));
        let is_it = |device: &&Arc<Device>| device.user == user.id && device.proof() == *proof;
        let device = self.device(proof.device).filter(is_it)?;
        (user.may_trust(&self.policy) && now_ms < ends_ms(device)).then_some(device)
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Devices {
    rows: OrdMap<DeviceId, Arc<Device>>,
    of_user: OrdSet<(UserId, u64, DeviceId)>,
    queue: OrdSet<(u64, DeviceId)>,
}

impl Devices {
    pub fn find(&self, id: DeviceId) -> Option<&Arc<Device>> {
        self.rows.get(&id)
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn rows(&self) -> &OrdMap<DeviceId, Arc<Device>> {
        &self.rows
    }

    /// Those of a user, the oldest first.
    pub fn of_user(&self, user: UserId) -> impl Iterator<Item = &Arc<Device>> + '_ {
        let (first, last) = ((user, 0, DeviceId(0)), (user, u64::MAX, DeviceId(u64::MAX)));
        let ids = self.of_user.range(first..=last);
        ids.filter_map(|(_, _, id)| self.find(*id))
    }

    pub fn put(&mut self, device: Arc<Device>) {
        self.remove(device.id);
        self.of_user.insert((device.user, device.trusted_ms, device.id));
        self.queue.insert((device.expires_ms, device.id));
        self.rows.insert(device.id, device);
    }

    pub fn remove(&mut self, id: DeviceId) {
        if let Some(device) = self.rows.remove(&id) {
            self.of_user.remove(&(device.user, device.trusted_ms, id));
            self.queue.remove(&(device.expires_ms, id));
        }
    }

    pub fn remove_of(&mut self, user: UserId) {
        let ids: Vec<DeviceId> = self.of_user(user).map(|device| device.id).collect();
        ids.into_iter().for_each(|id| self.remove(id));
    }

    /// Notes that a device stood for a code.
    pub fn note_use(&mut self, id: DeviceId, now_ms: u64) {
        if let Some(device) = self.rows.get_mut(&id) {
            Arc::make_mut(device).used_ms = Some(now_ms);
        }
    }

    /// Forgets up to `limit` whose time has come.
    pub fn prune(&mut self, now_ms: u64, limit: usize) {
        for _ in 0..limit {
            match self.queue.get_min() {
                Some(&(expires_ms, id)) if expires_ms <= now_ms => self.remove(id),
                _ => return,
            }
        }
    }
}
