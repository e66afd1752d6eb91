//! One-time codes, computed apart from the product: a mistake shared with it would go unseen.
//! `tests/oathtool.rs` holds these lines against Debian's oathtool.

use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// Seconds in one timestep (RFC 6238, the default of every authenticator).
pub const PERIOD_S: u64 = 30;

/// The timestep of this moment.
pub fn timestep() -> u64 {
    now_s() / PERIOD_S
}

pub fn now_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("invariant: the clock is past 1970")
        .as_secs()
}

/// The six-digit code of `seed` at `timestep` (RFC 4226 section 5.3).
pub fn code(seed: &[u8], timestep: u64) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(seed).expect("invariant: HMAC takes a key of any length");
    mac.update(&timestep.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest[19] & 15);
    let word = u32::from_be_bytes([
        digest[offset],
        digest[offset + 1],
        digest[offset + 2],
        digest[offset + 3],
    ]);
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

/// A code that is right in no timestep near this one, for guessing wrong on purpose.
pub fn wrong_code(seed: &[u8], attempt: u32) -> String {
    let now = timestep();
    let right: Vec<String> = (now - 3..=now + 3).map(|step| code(seed, step)).collect();
    (0..)
        .map(|n| format!("{:06}", (attempt * 7 + n) % 1_000_000))
        .find(|guess| !right.contains(guess))
        .expect("invariant: seven codes are not a million")
}

pub fn seed_from_base32(text: &str) -> Option<Vec<u8>> {
    BASE32_NOPAD
        .decode(text.trim_end_matches('=').to_ascii_uppercase().as_bytes())
        .ok()
}

pub fn seed_to_base32(seed: &[u8]) -> String {
    BASE32_NOPAD.encode(seed)
}
