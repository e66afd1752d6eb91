//! A value that is never printed, never serialised, and wiped when dropped; and the one place that compares secrets.

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A secret value. It has no `Debug`, no `Display`, no `Serialize` and no `Clone`; [`expose`](Secret::expose) is the
/// word to search for in a review. Wiped when dropped.
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes a value into custody.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Do not copy it into anything that outlives the use.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

/// Whether two byte strings are equal, in time that depends only on their lengths.
#[must_use]
pub fn constant_time_eq(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}
