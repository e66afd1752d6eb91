//! Devices that their users trust: browsers, each known by a secret that it keeps.
//!
//! The secret has 256 random bits, so that a plain SHA-256 of it is all that has to be kept: nobody guesses what it is of.

use std::{cmp::min, fmt};

use minicbor::{Decode, Encode};
use subtle::ConstantTimeEq;

use crate::{
    ids::{DeviceId, UserId},
    records::{RoleRule, User},
};

/// SHA-256 of a device's secret. Compared in constant time, wherever it is compared.
#[derive(Clone, Copy, Encode, Decode)]
#[cbor(transparent)]
pub struct DeviceDigest(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 32]);

impl PartialEq for DeviceDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for DeviceDigest {}

impl fmt::Debug for DeviceDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceDigest(…)")
    }
}

/// What a browser shows for being a device: its id, and the digest of its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct DeviceProof {
    /// Which device.
    #[n(0)]
    pub device: DeviceId,
    /// What its secret is recognised by.
    #[n(1)]
    pub digest: DeviceDigest,
}

/// That a login comes from a browser, which can be remembered: through RADIUS none does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub struct Browser {
    /// The device that it is. In a verdict: the one whose trust was counted upon, and no other.
    #[n(0)]
    pub device: Option<DeviceProof>,
}

/// A device that its user trusts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Device {
    /// Opaque; public.
    #[n(0)]
    pub id: DeviceId,
    /// Who trusts it.
    #[n(1)]
    pub user: UserId,
    /// What its secret is recognised by.
    #[n(2)]
    pub digest: DeviceDigest,
    /// What people know it by; may be empty.
    #[n(3)]
    pub name: Box<str>,
    /// Since when, in ms since 1970.
    #[n(4)]
    pub trusted_ms: u64,
    /// Trusted no more from this time on, by the policy of then, in ms since 1970.
    #[n(5)]
    pub expires_ms: u64,
    /// When it last stood for a code; none if it never has.
    #[n(6)]
    pub used_ms: Option<u64>,
}

impl Device {
    /// Trusted no more from this time on. A policy that has become shorter counts, one that has become longer does not.
    pub fn ends_ms(&self, rule: &RoleRule) -> u64 {
        min(self.expires_ms, self.trusted_ms.saturating_add(rule.trust_ms))
    }

    /// What its browser shows.
    pub fn proof(&self) -> DeviceProof {
        DeviceProof {
            device: self.id,
            digest: self.digest,
        }
    }
}

impl User {
    /// Whether what an administrator or the user has made of this user ends the trust in all devices: what was proven when they were trusted
    /// says nothing any more. That is another password, role, or need of factors, and whatever voids remembered accepts: a disabled user, a
    /// token that is disabled, lost, or another's, another PIN. A lock after wrong codes is none of it: anybody can bring that about.
    pub(crate) fn ends_trust(&self, former: &User) -> bool {
        let proven = |user: &User| (user.epoch, user.password_revision);
        let rights = |user: &User| (user.role, user.mfa, user.trust);
        !self.enabled || !self.is_active() || proven(self) != proven(former) || rights(self) != rights(former)
    }
}
