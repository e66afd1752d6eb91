//! Nodes compare their states.
//!
//! After every entry whose index is a multiple of [`Config::digest_every`](crate::Config::digest_every) each node digests what its machine
//! holds, and tells the others with its probes. Where a majority of the voters agree and one node does not, that node's state is not the
//! cluster's any more (a bit flipped in memory, a bug that is not deterministic): it stops, for what it would judge from now on could be
//! anything. The others go on, and say so.
//!
//! Caveat: a node that had taken a wrong state from a snapshot, or passed it on as one, is found only at the next such index.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::OnceLock;

use parking_lot::Mutex;
use quorate_storage::LogId;
use ring::digest::{Context, SHA256};
use tokio::runtime::Handle;

use crate::Frozen;
use crate::limits;
use crate::ports::Waiting;

/// SHA-256 over the records of a state, each with its length in front.
pub type Digest = [u8; 32];

/// A state's digest, and the entry it was the last of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StateDigest {
    pub at: LogId,
    pub digest: Digest,
}

/// What is known of everybody's digests.
#[derive(Default)]
pub struct Digests {
    /// By index, then by node; only the newest few indexes.
    known: Mutex<BTreeMap<u64, BTreeMap<u64, StateDigest>>>,
    /// This node's newest.
    own: Mutex<Option<StateDigest>>,
    diverged: OnceLock<String>,
    /// Nodes that were seen to differ from a majority, since the start.
    others_diverged: Mutex<BTreeMap<u64, u64>>,
}

impl Digests {
    /// This node's newest digest, for the others.
    pub fn own(&self) -> Option<StateDigest> {
        *self.own.lock()
    }

    /// Why this node may not go on, if so.
    pub fn diverged(&self) -> Option<&str> {
        self.diverged.get().map(String::as_str)
    }

    /// Nodes that differed from a majority, with the index where they did first.
    pub fn others_diverged(&self) -> BTreeMap<u64, u64> {
        self.others_diverged.lock().clone()
    }

    /// Takes note of a node's digest.
    pub fn note(&self, node: u64, digest: StateDigest) {
        let mut known = self.known.lock();
        known.entry(digest.at.index).or_default().insert(node, digest);
        while known.len() > limits::DIGESTS_KEPT {
            known.pop_first();
        }
    }

    fn note_own(&self, id: u64, digest: StateDigest) {
        self.note(id, digest);
        *self.own.lock() = Some(digest);
    }

    /// Compares what is known. Called now and then.
    pub fn compare(&self, id: u64, voters: &[u64]) {
        let known = self.known.lock();
        for (index, digests) in &*known {
            let Some(agreed) = agreed(digests, voters) else {
                continue;
            };
            for (node, digest) in digests.iter().filter(|(_, digest)| **digest != agreed) {
                if *node == id {
                    let why = format!(
                        "after entry {index} this node's state was not the one that a majority of the voters has ({} instead of {})",
                        short(digest.digest),
                        short(agreed.digest),
                    );
                    let _ = self.diverged.set(why);
                } else if self.others_diverged.lock().insert(*node, *index).is_none() {
                    tracing::error!(
                        node,
                        index,
                        "a node's state differs from the majority's; it must not serve"
                    );
                }
            }
        }
    }

    /// Digests a state away from the machine's thread, where there are others.
    pub fn take(self: &Arc<Self>, id: u64, at: LogId, frozen: Box<dyn Frozen>, waiting: Waiting, runtime: &Handle) {
        let digests = self.clone();
        let work = move || match digest_of(frozen) {
            Ok(digest) => digests.note_own(id, StateDigest { at, digest }),
            Err(error) => tracing::warn!(%error, "the state could not be digested"),
        };
        match waiting {
            Waiting::InPlace => work(),
            Waiting::OnThreads => drop(runtime.spawn_blocking(work)),
        }
    }
}

fn digest_of(frozen: Box<dyn Frozen>) -> io::Result<Digest> {
    let mut context = Context::new(&SHA256);
    frozen.write(&mut |record| {
        context.update(&(record.len() as u64).to_be_bytes());
        context.update(record);
        Ok(())
    })?;
    let digest = context.finish();
    Ok(digest.as_ref().try_into().expect("invariant: SHA-256 has 32 bytes"))
}

/// What a majority of the voters has.
fn agreed(digests: &BTreeMap<u64, StateDigest>, voters: &[u64]) -> Option<StateDigest> {
    let of_voters = || {
        digests
            .iter()
            .filter(|(node, _)| voters.contains(node))
            .map(|(_, digest)| *digest)
    };
    of_voters().find(|one| of_voters().filter(|other| other == one).count() * 2 > voters.len())
}

fn short(digest: Digest) -> String {
    data_encoding::HEXLOWER.encode(&digest[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(index: u64, byte: u8) -> StateDigest {
        StateDigest {
            at: LogId {
                term: 1,
                node: 1,
                index,
            },
            digest: [byte; 32],
        }
    }

    #[test]
    fn the_odd_one_out_is_found_by_itself_and_by_the_others() {
        let digests = Digests::default();
        digests.note_own(1, digest(64, 7));
        digests.note(2, digest(64, 8));
        digests.compare(1, &[1, 2, 3]);
        assert!(
            digests.diverged().is_none() && digests.others_diverged().is_empty(),
            "two do not tell who is wrong"
        );
        digests.note(3, digest(64, 8));
        digests.compare(1, &[1, 2, 3]);
        assert!(digests.diverged().expect("found").contains("entry 64"));

        let digests = Digests::default();
        digests.note_own(1, digest(64, 8));
        digests.note(2, digest(64, 7));
        digests.note(3, digest(64, 8));
        digests.compare(1, &[1, 2, 3]);
        assert!(digests.diverged().is_none());
        assert_eq!(digests.others_diverged(), BTreeMap::from([(2, 64)]));
    }

    #[test]
    fn only_equal_indexes_are_compared_and_few_are_kept() {
        let digests = Digests::default();
        for round in 1..100 {
            digests.note_own(1, digest(64 * round, 1));
            digests.note(2, digest(64 * round + 64, 2));
            digests.note(3, digest(64 * round + 128, 3));
            digests.compare(1, &[1, 2, 3]);
        }
        assert!(digests.diverged().is_none());
        assert!(digests.known.lock().len() <= limits::DIGESTS_KEPT);
    }
}
