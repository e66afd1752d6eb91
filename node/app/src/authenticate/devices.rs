//! Trusted devices: what a browser keeps, how it is read back, and how it comes to one.
//!
//! A browser keeps `qbd1-<id>-<secret>` (see [`crate::secret_text`]). The state has the SHA-256 of the secret: 256 random bits need no slow hash, and
//! every node has to compare it for itself, so that it is not sealed. Whether a device counts, the plan says ([`quorate_core::plan`]); here is nothing
//! decided.

use std::sync::Arc;

use quorate_core::command::TrustDevice;
use quorate_core::{
    Browser, Command, Device, DeviceDigest, DeviceId, DeviceProof, Fingerprint, Outcome, Refusal, limits as core_limits,
};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{Authenticator, PresentedBrowser};
use crate::fields::{FieldError, FieldErrors};
use crate::limits;
use crate::ports::{ProposeError, Proposed, random, random_id};
use crate::propose::propose_until_known;
use crate::secret_text::{self, SECRET_BYTES};

const PREFIX: &str = "qbd1";

/// What somebody who was just let in wants remembered.
pub struct DeviceWish {
    /// The fingerprint of the login that was accepted.
    pub login: Fingerprint,
    /// What people shall know the device by, such as `Firefox on Linux`; may be empty.
    pub name: String,
    /// What the browser was given before, by whomever it was remembered: that ends.
    pub presented: Option<Zeroizing<String>>,
}

/// A device that is trusted from now on.
pub struct TrustedDevice {
    pub device: Arc<Device>,
    /// What the browser has to keep, until [`Device::expires_ms`]. It cannot be had again.
    pub text: Zeroizing<String>,
}

/// Why a device is not trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The name cannot be taken.
    #[error("the name of the device cannot be taken")]
    Name(Vec<FieldError>),
    /// No login by a code of somebody who may trust a device was there a moment ago, or something has changed since. One answer for all of it.
    #[error("the device cannot be trusted now")]
    NotNow,
    /// There are so many devices that no more are trusted.
    #[error("no more devices are trusted")]
    Full,
    /// The cluster did not take it.
    #[error("the cluster has not answered")]
    Unanswered(#[source] ProposeError),
}

impl Authenticator {
    /// Has the browser remembered from which somebody was let in by a code, in the last minutes. Each such login makes one device, at whichever node it
    /// is asked for.
    ///
    /// # Errors
    /// [`TrustError`].
    pub async fn trust_device(&self, wish: DeviceWish) -> Result<TrustedDevice, TrustError> {
        check_name(&wish.name).map_err(TrustError::Name)?;
        let id = DeviceId(random_id(&*self.entropy));
        let secret: Zeroizing<[u8; SECRET_BYTES]> = Zeroizing::new(random(&*self.entropy));
        let command = Command::TrustDevice(TrustDevice {
            request: Fingerprint(random(&*self.entropy)),
            login: wish.login,
            device: id,
            digest: digest(&*secret),
            name: wish.name.into(),
            former: wish.presented.and_then(|text| proof(&text)),
            node: self.node,
        });
        let deadline = Instant::now() + limits::LOGIN_DEADLINE;
        let proposed = propose_until_known(&*self.replica, &command, deadline).await;
        let Proposed { index, outcome } = proposed.map_err(TrustError::Unanswered)?;
        match outcome {
            Outcome::Done { .. } => {}
            Outcome::Refused(Refusal::LimitReached) => return Err(TrustError::Full),
            _ => return Err(TrustError::NotNow),
        }
        let applied = self.replica.wait_applied(index, deadline).await;
        let state = self.replica.state();
        match (applied, state.device(id)) {
            (Ok(()), Some(device)) => Ok(TrustedDevice {
                device: device.clone(),
                text: secret_text::text(PREFIX, id.0, &secret),
            }),
            (Ok(()), None) => Err(TrustError::NotNow),
            (Err(_), _) => Err(TrustError::Unanswered(ProposeError::Unknown)),
        }
    }
}

/// What the conversation gets to know of a browser. Whatever is no text of ours is no device.
pub(super) fn read(presented: &PresentedBrowser) -> Browser {
    Browser {
        device: presented.device.as_ref().and_then(|text| proof(text)),
    }
}

/// Whether a text could be one that a browser was given.
pub(super) fn is_one(text: &str) -> bool {
    proof(text).is_some()
}

fn proof(text: &str) -> Option<DeviceProof> {
    let (id, secret) = secret_text::parse(PREFIX, text)?;
    Some(DeviceProof {
        device: DeviceId(id),
        digest: digest(&secret),
    })
}

fn digest(secret: &[u8]) -> DeviceDigest {
    DeviceDigest(Sha256::digest(secret).into())
}

fn check_name(name: &str) -> Result<(), Vec<FieldError>> {
    let mut errors = FieldErrors::default();
    errors.check_label("name", name, true);
    let max = core_limits::DEVICE_NAME_BYTES;
    errors.require(
        name.len() <= max,
        "name",
        "is too long for a device",
        &format!("at most {max} bytes of UTF-8"),
    );
    errors.finish()
}
