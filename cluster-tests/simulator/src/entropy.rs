//! The process has no entropy but the seed's: what libraries ask of the system (hash maps for their keys, tokio for the order of
//! branches) is answered from here, so that a seed decides everything. (openraft draws election timeouts by a system call of its own; its
//! timer is not used.)
//!
//! It works because the system's `getrandom` is a function of libc that a program may define itself. Only this program does.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

static SEED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static DRAWN: Cell<u64> = const { Cell::new(0) };
}

/// From now on everything that is random follows from this seed.
pub fn begin(seed: u64) {
    SEED.store(seed, Ordering::SeqCst);
    DRAWN.set(0);
}

/// Stands in for libc's `getrandom(2)`. Every thread draws the same numbers, so that the order of threads does not matter.
///
/// # Safety
/// `buffer` is valid for writes of `length` bytes, as libc demands of its callers.
// SAFETY: it has the signature and the effect of the function that it replaces.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    // SAFETY: promised by the caller.
    let bytes = unsafe { std::slice::from_raw_parts_mut(buffer, length) };
    for chunk in bytes.chunks_mut(8) {
        let drawn = DRAWN.get() + 1;
        DRAWN.set(drawn);
        let mut z = SEED
            .load(Ordering::SeqCst)
            .wrapping_add(drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        chunk.copy_from_slice(&(z ^ (z >> 31)).to_ne_bytes()[..chunk.len()]);
    }
    length as isize
}
