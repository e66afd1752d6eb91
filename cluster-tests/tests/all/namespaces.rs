//! The tests' own network: what is cut off is cut off, and hears its clients all the same.

use std::{
    net::{SocketAddr, UdpSocket},
    time::Duration,
};

use anyhow::{Result, ensure};
use cluster_tests::{namespaces::Network, wait};

const PORT: u16 = 4000;

#[test]
fn a_cut_machine_hears_the_router_but_not_its_peers() -> Result<()> {
    let network = Network::build(2)?;
    let (first, second) = (
        SocketAddr::new(Network::address(0), PORT),
        SocketAddr::new(Network::address(1), PORT),
    );
    let here = network.at_machine(0, || listen(first))?;
    let there = network.at_machine(1, || listen(second))?;
    let router = network.at_router(|| listen(SocketAddr::new(Network::SOURCES.gateway, PORT)))?;

    passes(&here, second, &there)?;
    network.cut_off(1)?;
    here.send_to(b"lost", second)?;
    // The router's datagram comes through; the peer's, sent before it, never did.
    router.send_to(b"heard", second)?;
    wait::until("the router to be heard", Duration::from_secs(5), || {
        received(&there).filter(|said| said == b"heard")
    })?;
    ensure!(received(&there).is_none(), "a datagram crossed the cut");
    network.mend()?;
    passes(&here, second, &there)?;
    passes(&there, first, &here)
}

fn listen(address: SocketAddr) -> Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn passes(from: &UdpSocket, address: SocketAddr, to: &UdpSocket) -> Result<()> {
    wait::until("a datagram to pass", Duration::from_secs(5), || {
        from.send_to(b"passes", address).ok()?;
        received(to).filter(|said| said == b"passes")
    })?;
    while received(to).is_some() {}
    Ok(())
}

fn received(socket: &UdpSocket) -> Option<Vec<u8>> {
    let mut buffer = [0; 64];
    socket.recv(&mut buffer).ok().map(|length| buffer[..length].to_vec())
}
