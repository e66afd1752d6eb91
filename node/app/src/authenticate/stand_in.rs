//! What stands in for the verifier and the seed of a user that does not exist, or has none.
//!
//! Both are sealed like real ones, so that opening them costs the same; nothing that can be typed matches them.

use quorate_core::Sealed;
use quorate_seal::{Aad, Field, KeyRing, NONCE_LEN, PasswordVerifier, SealError};
use zeroize::Zeroizing;

use crate::ports::{Entropy, random};

/// Record 0 is nobody's: random ids begin at 1.
const VERIFIER: Aad = Aad {
    field: Field::UserPassword,
    record: 0,
};
const SEED: Aad = Aad {
    field: Field::TokenSecret,
    record: 0,
};

/// As long as the seed of an ordinary token.
const SEED_LEN: usize = 20;

pub(super) struct StandIn {
    verifier: Sealed,
    seed: Sealed,
}

impl StandIn {
    pub(super) fn new(keys: &KeyRing, entropy: &dyn Entropy) -> Self {
        let seal = |aad, plain: &[u8]| keys.seal(random::<NONCE_LEN>(entropy), aad, plain).into();
        Self {
            verifier: seal(VERIFIER, &PasswordVerifier::dummy().encode()),
            seed: seal(SEED, &random::<SEED_LEN>(entropy)),
        }
    }

    pub(super) fn verifier(&self, keys: &KeyRing) -> Result<Zeroizing<Vec<u8>>, SealError> {
        keys.open(VERIFIER, self.verifier.as_bytes())
    }

    pub(super) fn seed(&self, keys: &KeyRing) -> Result<Zeroizing<Vec<u8>>, SealError> {
        keys.open(SEED, self.seed.as_bytes())
    }
}
