//! The thread that writes closed segments, in order.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use quorate_core::audit::Segment;

use super::Shared;

/// What the thread is asked to do.
pub(super) enum Order {
    Write(Arc<Segment>),
    Flush(Sender<io::Result<()>>),
    Stop,
}

pub(super) fn write_all(shared: &Shared, inbox: &Receiver<Order>) {
    let mut waiting = Vec::new();
    while let Ok(order) = inbox.recv() {
        match order {
            Order::Write(segment) => {
                waiting.push(segment);
                if let Err(error) = write_waiting(shared, &mut waiting) {
                    tracing::error!(%error, "an audit segment could not be written; it is kept in memory and in the log");
                }
            }
            Order::Flush(done) => {
                let _ = done.send(write_waiting(shared, &mut waiting));
            }
            Order::Stop => break,
        }
    }
}

/// Writes in order and keeps what failed, so that a gap never appears in the middle.
fn write_waiting(shared: &Shared, waiting: &mut Vec<Arc<Segment>>) -> io::Result<()> {
    while let Some(segment) = waiting.first() {
        let number = segment.number();
        shared.put(number, &segment.to_bytes())?;
        shared.shelf.lock().written(number);
        waiting.remove(0);
    }
    Ok(())
}

pub(super) fn stopped() -> io::Error {
    io::Error::other("the audit archive has stopped")
}
