//! Passwords, tokens and keys of gateways: wiped when dropped, without `Debug`, `Display` and `Serialize`.
//!
//! Settings that hold secrets are serialised without them: the field is there and empty, so that no answer of the API, no log and no
//! snapshot shows one by accident. Who stores settings takes the secrets out with [`Gateway::secrets`](crate::Gateway::secrets), seals
//! each under its path, and puts them back the same way.
//!
//! Caveat: what a parser, a TLS library or the kernel copies on the way is out of reach of the wiping.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serializer};
use zeroize::Zeroizing;

/// A secret of a gateway. [`expose`](Secret::expose) is the word to search for in a review.
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a value into custody.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The value itself. Do not copy it into anything that outlives the use.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether nothing was entered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// For `serialize_with`: the field stays, its value does not.
pub(crate) fn omit<S: Serializer>(_: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("")
}

/// The same for secrets with names: the names stay.
pub(crate) fn omit_values<S: Serializer>(secrets: &BTreeMap<String, Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(secrets.keys().map(|name| (name, "")))
}
