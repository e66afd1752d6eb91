//! Connected sockets to several servers, and one wait for all of them.

use std::{
    net::{IpAddr, SocketAddr},
    os::fd::AsFd,
    time::Duration,
};

use anyhow::{Context, Result};
use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
    io::Errno,
};
use socket2::{Domain, Protocol, Socket, Type};

/// Replies of a whole burst wait here while the generator is off the processor.
const RECEIVE_BUFFER: usize = 4 << 20;

pub struct Sockets {
    all: Vec<Socket>,
    poll: rustix::fd::OwnedFd,
}

impl Sockets {
    /// `each` sockets from `source` to each server: server after server, so that neighbouring sockets belong to different ones.
    pub fn open(source: IpAddr, servers: &[SocketAddr], each: usize) -> Result<Self> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut all = Vec::new();
        for _ in 0..each {
            for server in servers {
                let socket = connect(source, *server)?;
                let data = epoll::EventData::new_u64(all.len() as u64);
                epoll::add(&poll, socket.as_fd(), data, epoll::EventFlags::IN)?;
                all.push(socket);
            }
        }
        Ok(Self { all, poll })
    }

    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// A full send buffer or a dead server loses the datagram, as a network would.
    pub fn send(&self, socket: usize, datagram: &[u8]) {
        let _ = self.all[socket].send(datagram);
    }

    /// Waits for datagrams, but not longer than that, and hands out those that there are, with the number of their socket.
    pub fn receive(&self, wait: Duration, mut take: impl FnMut(usize, &[u8])) -> Result<()> {
        let wait = Timespec::try_from(wait).context("a short wait")?;
        let mut events = Vec::with_capacity(256);
        match epoll::wait(&self.poll, spare_capacity(&mut events), Some(&wait)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("epoll"),
        }
        let mut buffer = [0; 4096];
        for event in events {
            let socket = event.data.u64() as usize;
            loop {
                match rustix::net::recv(&self.all[socket], &mut buffer, rustix::net::RecvFlags::empty()) {
                    Ok((_, length)) => take(socket, &buffer[..length]),
                    Err(Errno::CONNREFUSED | Errno::INTR) => {}
                    Err(_) => break,
                }
            }
        }
        Ok(())
    }
}

fn connect(source: IpAddr, server: SocketAddr) -> Result<Socket> {
    let socket = Socket::new(Domain::for_address(server), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(source, 0).into())?;
    socket.connect(&server.into())?;
    Ok(socket)
}
