//! Free ports, below the kernel's ephemeral range and below those of the cluster tests.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
};

const FIRST: u16 = 8_100;
const COUNT: u16 = 3_800;

/// A port on which nothing listens, not given out before by this process. Another process may still take it before its server does, so who
/// starts servers tries again.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() * 53 % u32::from(COUNT)).expect("invariant: below COUNT");
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + start.wrapping_add(step) % COUNT;
        if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            return port;
        }
    }
}
