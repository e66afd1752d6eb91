//! Free ports. They are taken below the kernel's ephemeral range, so that no client socket of any test lands on one
//! between the moment it is found free and the moment a node binds it.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    sync::atomic::{AtomicU16, Ordering},
};

const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;

/// An address on `ip` whose port is free here for UDP and TCP, and was not given out before by this process.
pub fn free_for(ip: IpAddr) -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Another test process starts its search somewhere else.
    let start = u16::try_from(std::process::id() * 37 % u32::from(COUNT)).expect("invariant: below COUNT");
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + start.wrapping_add(step) % COUNT;
        // On any address: `ip` may belong to another network namespace.
        let here = (Ipv4Addr::UNSPECIFIED, port);
        if UdpSocket::bind(here).is_ok() && TcpListener::bind(here).is_ok() {
            return SocketAddr::new(ip, port);
        }
    }
}
