//! The address under which the other nodes know this one.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use super::Cluster;

/// Documentation addresses (RFC 5737, RFC 3849): never dialled, only asked the routing table about.
const SOMEWHERE: [&str; 2] = ["192.0.2.1:9", "[2001:db8::1]:9"];

pub(super) fn advertised(cluster: &Cluster) -> Result<String, String> {
    if let Some(address) = &cluster.advertise {
        return Ok(address.clone());
    }
    if !cluster.listen.ip().is_unspecified() {
        return Ok(cluster.listen.to_string());
    }
    match outward_address(cluster.listen) {
        Some(ip) => Ok(SocketAddr::new(ip, cluster.listen.port()).to_string()),
        None => Err(format!(
            "cluster.listen is {}, which other nodes cannot dial, and this machine has no route from which to tell its address.\n\
             Write the address they should use into the configuration:\n\n  [cluster]\n  advertise = \"10.0.0.1:{}\"",
            cluster.listen,
            cluster.listen.port()
        )),
    }
}

/// The source address the kernel would choose. Connecting a UDP socket sends nothing.
fn outward_address(listen: SocketAddr) -> Option<IpAddr> {
    SOMEWHERE.iter().find_map(|target| {
        let bind = if target.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
        if listen.is_ipv4() && bind.starts_with('[') {
            return None;
        }
        let socket = UdpSocket::bind(bind).ok()?;
        socket.connect(target).ok()?;
        let ip = socket.local_addr().ok()?.ip();
        (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
    })
}
