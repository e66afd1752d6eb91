//! Random use, restarts and crashes against a model in memory.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Append(u64),
    NewTerm,
    /// The next entries come from an older leader, as after a truncation they may.
    OldTerm,
    TruncateBack(u64),
    PurgeForward(u64),
    InstallAhead(u64),
    Commit(u64),
    Vote,
    Restart,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1_u64..12).prop_map(Step::Append),
        1 => Just(Step::NewTerm),
        1 => Just(Step::OldTerm),
        2 => (0_u64..8).prop_map(Step::TruncateBack),
        2 => (0_u64..15).prop_map(Step::PurgeForward),
        1 => (1_u64..30).prop_map(Step::InstallAhead),
        1 => (0_u64..5).prop_map(Step::Commit),
        1 => Just(Step::Vote),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
    ]
}

struct Model {
    term: u64,
    entries: Vec<(LogId, Bytes)>,
    purged: Option<LogId>,
    vote: Option<Vote>,
    votes: u64,
    committed: Option<LogId>,
}

impl Model {
    fn last(&self) -> Option<LogId> {
        self.entries.last().map(|(id, _)| *id).or(self.purged)
    }

    fn next(&self) -> u64 {
        self.last().map_or(0, |last| last.index + 1)
    }

    fn agrees(&self, log: &DurableLog) {
        assert_eq!(all(log), self.entries);
        assert_eq!(
            (log.last(), log.purged(), log.vote()),
            (self.last(), self.purged, self.vote)
        );
    }

    fn take(&mut self, step: &Step, log: &DurableLog) {
        match *step {
            Step::Append(count) => {
                let new = entries(self.term, self.next()..self.next() + count);
                append(log, new.clone()).unwrap();
                self.entries.extend(new);
            }
            Step::NewTerm => self.term += 1,
            Step::OldTerm => self.term = self.last().map_or(1, |last| last.term),
            Step::TruncateBack(count) => {
                let floor = self.committed.max(self.purged).map_or(0, |id| id.index + 1);
                let from = self.next().saturating_sub(count).max(floor);
                log.truncate_from(from).unwrap();
                self.entries.retain(|(id, _)| id.index < from);
            }
            Step::PurgeForward(count) => {
                let Some((upto, _)) = self.entries.get(count as usize).cloned() else {
                    return;
                };
                log.purge_upto(upto).unwrap();
                self.entries.retain(|(id, _)| *id > upto);
                self.purged = Some(upto);
            }
            Step::InstallAhead(count) => {
                // Our own uncommitted entries may well be of a later leader than the snapshot.
                self.term = self.committed.max(self.purged).map_or(1, |committed| committed.term);
                let upto = id(self.term, self.next() + count);
                log.purge_upto(upto).unwrap();
                self.entries.clear();
                self.purged = Some(upto);
                self.committed = Some(upto);
            }
            Step::Commit(back) => {
                let at = self.entries.len().checked_sub(1 + back as usize);
                let Some((at, _)) = at.map(|at| self.entries[at].clone()) else {
                    return;
                };
                log.save_committed(Some(at)).unwrap();
                self.committed = self.committed.max(Some(at));
            }
            Step::Vote => {
                self.votes += 1;
                self.vote = Some(Vote {
                    term: self.votes,
                    node: 7,
                    committed: false,
                });
                log.save_vote(self.vote.unwrap()).unwrap();
            }
            Step::Restart | Step::Crash => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_log_is_what_was_done_to_it(steps in prop::collection::vec(step(), 1..60)) {
        let mut dir = tempfile::tempdir().unwrap();
        let mut log = open(dir.path());
        let mut model = Model { term: 1, entries: Vec::new(), purged: None, vote: None, votes: 0, committed: None };
        for step in &steps {
            model.take(step, &log);
            model.agrees(&log);
            match step {
                Step::Restart => {
                    log.close().unwrap();
                    log = open(dir.path());
                }
                Step::Crash => {
                    // Makes durable what rides with the next append: truncations and commits.
                    log.save_vote(log.vote().unwrap_or_default()).unwrap();
                    model.vote = log.vote();
                    let image = crash_image(dir.path());
                    log = open(image.path());
                    dir = image;
                }
                _ => {}
            }
            model.agrees(&log);
        }
    }
}
