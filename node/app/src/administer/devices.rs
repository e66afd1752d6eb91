//! Devices that users trust: ending that. How a user comes to one is [`crate::Authenticator::trust_device`].

use quorate_core::change::{RevokeDevice, RevokeDevices};
use quorate_core::{Actor, Change, DeviceId, Revision, UserId};

use super::{AdminError, Administrator};

impl Administrator {
    /// Ends the trust in one device: once this returns, no node leaves out a code for it, and no accept that it stood for is repeated.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn revoke_device(&self, actor: Actor, device: DeviceId) -> Result<(), AdminError> {
        self.state()
            .device(device)
            .ok_or(AdminError::NotFound { what: "device" })?;
        let change = Change::RevokeDevice(RevokeDevice { device });
        self.administer(actor, vec![change]).await.map(drop)
    }

    /// Ends the trust in every device of a user.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn revoke_devices(
        &self,
        actor: Actor,
        user: UserId,
        expected: Option<Revision>,
    ) -> Result<(), AdminError> {
        self.read_user(user)?;
        let change = Change::RevokeDevices(RevokeDevices { user, expected });
        self.administer(actor, vec![change]).await.map(drop)
    }
}
