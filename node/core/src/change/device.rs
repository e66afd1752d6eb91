//! Ends the trust in devices.

use minicbor::{Decode, Encode};

use crate::{
    audit::Object,
    change::{
        Effect,
        user::{expected_user, saved},
    },
    event::Event,
    ids::{DeviceId, Revision, UserId},
    outcome::Refusal,
    records::User,
    state::State,
};

/// A device that is trusted no more, from the moment this is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RevokeDevice {
    /// Which device.
    #[n(0)]
    pub device: DeviceId,
}

/// No device of this user is trusted any more, and none that was about to be.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RevokeDevices {
    /// Whose.
    #[n(0)]
    pub user: UserId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

impl RevokeDevice {
    pub(super) fn decide(&self, state: &State) -> Result<Effect, Refusal> {
        let device = state.device(self.device).ok_or(Refusal::NotFound)?;
        let user = state.user(device.user).ok_or(Refusal::NotFound)?;
        Ok(Effect {
            events: vec![Event::DeviceRevoked {
                device: device.id,
                user: user.id,
            }],
            object: Object::Device(device.id, user.id),
            name: user.name.to_string().into(),
        })
    }
}

impl RevokeDevices {
    /// The new epoch ends the trust, and voids every accept that is remembered: one of them may have rested on a device.
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let user = expected_user(state, self.user, self.expected)?;
        Ok(saved(User {
            epoch: user.epoch.wrapping_add(1),
            revision,
            ..user.clone()
        }))
    }
}
