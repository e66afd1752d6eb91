//! What readers see: one immutable view per applied run of entries.
//!
//! The machine's thread is the only writer. A reader takes the lock just long enough to clone an `Arc`.

use std::sync::Arc;

use parking_lot::RwLock;
use quorate_core::State;
use quorate_storage::LogId;
use tokio::sync::watch;

/// The state as of one applied position.
#[derive(Clone)]
pub struct View {
    /// The replicated state.
    pub state: Arc<State>,
    /// The last entry it contains; none before the first.
    pub applied: Option<LogId>,
    /// The newest membership, opaque (it belongs to consensus).
    pub membership: Arc<[u8]>,
}

impl View {
    /// Before anything: consensus installs the newest snapshot and replays the log.
    pub fn empty() -> Self {
        View {
            state: Arc::new(State::new()),
            applied: None,
            membership: Arc::from([]),
        }
    }
}

/// The newest view, shared by the machine with everyone who reads.
pub struct Published {
    newest: RwLock<View>,
    applied: watch::Sender<u64>,
}

impl Published {
    /// Begins with this view.
    pub fn new(view: View) -> Self {
        let applied = watch::Sender::new(index_of(&view));
        Published {
            newest: RwLock::new(view),
            applied,
        }
    }

    /// The newest view. Never waits for more than the exchange of a pointer.
    pub fn view(&self) -> View {
        self.newest.read().clone()
    }

    /// The newest state alone: what a login reads.
    pub fn state(&self) -> Arc<State> {
        self.newest.read().state.clone()
    }

    /// The applied index, for those who follow it.
    pub fn applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    pub(crate) fn publish(&self, view: View) {
        let applied = index_of(&view);
        let former = std::mem::replace(&mut *self.newest.write(), view);
        self.applied.send_replace(applied);
        // The former state may be the last of its kind: free it outside the lock.
        drop(former);
    }
}

fn index_of(view: &View) -> u64 {
    view.applied.map_or(0, |at| at.index)
}
