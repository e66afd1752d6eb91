//! A door into another network namespace: a port of this one, behind which every connection leads to a port of that one.

use std::{
    fs::File,
    io,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use anyhow::{Context, Result};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A running forwarder. It ends when this is dropped; connections through it end with either of their ends.
pub struct Door {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Door {
    /// Leads to `port` of the loopback in `namespace`.
    pub fn open(namespace: Arc<File>, port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port for a door")?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for from in listener.incoming().map_while(io::Result::ok) {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let namespace = Arc::clone(&namespace);
                std::thread::spawn(move || lead(from, &namespace, port));
            }
        });
        Ok(Self {
            address,
            stop,
            thread: Some(thread),
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // So that it looks.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A connection to `port` of the loopback in a namespace. For a thread of its own: it stays there.
pub fn connect_in(namespace: &File, port: u16) -> io::Result<TcpStream> {
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
    TcpStream::connect((Ipv4Addr::LOCALHOST, port))
}

/// Whether something listens there.
pub fn listens(namespace: &Arc<File>, port: u16) -> bool {
    let namespace = Arc::clone(namespace);
    let tried = std::thread::spawn(move || connect_in(&namespace, port).is_ok());
    tried.join().unwrap_or(false)
}

/// A connection that cannot be led on is closed.
fn lead(from: TcpStream, namespace: &File, port: u16) {
    let Ok(to) = connect_in(namespace, port) else { return };
    let (Ok(from_again), Ok(to_again)) = (from.try_clone(), to.try_clone()) else {
        return;
    };
    let back = std::thread::spawn(move || carry(to_again, from_again));
    carry(from, to);
    let _ = back.join();
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}
