//! What auditors and helpdesks ask, each with files in memory and with files that were dropped from it.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use async_trait::async_trait;
use quorate_app::{
    AuditFilter, AuditQuery, AuditReader, ClockStanding, ClusterStatus, DiskStanding, HeadSigner, Late, LoginResult,
    Order, ProposalCounts, ProposeError, Proposed, Replica, Role,
};
use quorate_core::audit::{Head, HeadSignature};
use quorate_core::{ClientId, Command, NodeId, State, UserId, UserName};
use quorate_replica::{Archive, Published};
use rustix::fs::{Advice, fadvise};
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::history::{CLIENTS, History, name_of};
use crate::table::Table;

/// Each question is asked so often, about somebody else or another time each time.
const ASKED: u64 = 20;

/// Records on a page of the console and of `quorate audit list`.
const PAGE: usize = 50;

type Ask = Box<dyn Fn(u64) -> AuditFilter>;

pub fn ask_all(archive: &Arc<Archive>, published: &Arc<Published>, history: &History, dir: &Path) -> Result<()> {
    let reader = reader(archive, published);
    let runtime = super::runtime()?;
    let mut table = Table::new(&[
        "question",
        "found",
        "warm p50 ms",
        "warm max ms",
        "cold p50 ms",
        "cold max ms",
    ]);
    for (what, ask) in questions(history) {
        let mut found = 0;
        let mut times = |drop_first: bool| -> Result<Vec<Duration>> {
            let mut times = Vec::new();
            for round in 0..ASKED {
                if drop_first {
                    drop_from_memory(dir)?;
                }
                let begun = Instant::now();
                let page = runtime.block_on(reader.list(newest(ask(round))))?;
                times.push(begun.elapsed());
                found = found.max(page.records.len());
            }
            times.sort();
            Ok(times)
        };
        times(false)?;
        let (warm, cold) = (times(false)?, times(true)?);
        let show = |times: &[Duration], at: usize| format!("{:.1}", times[at].as_secs_f64() * 1e3);
        let (middle, last) = (warm.len() / 2, warm.len() - 1);
        table.row(vec![
            what.to_owned(),
            found.to_string(),
            show(&warm, middle),
            show(&warm, last),
            show(&cold, middle),
            show(&cold, last),
        ]);
    }
    println!("The newest {PAGE} records; cold: no file of the audit is in the kernel's memory:");
    table.print();
    Ok(())
}

fn newest(filter: AuditFilter) -> AuditQuery {
    AuditQuery {
        filter,
        range: 0..u64::MAX,
        order: Order::NewestFirst,
        limit: PAGE,
        deadline: tokio::time::Instant::now() + Duration::from_secs(600),
    }
}

fn questions(history: &History) -> Vec<(&'static str, Ask)> {
    let (users, span_ms, first_ms) = (history.users, history.last_ms - history.first_ms, history.first_ms);
    let rare = move |round: u64| users / 2 + round * 37;
    let by_name = |name: String| Some(UserName::new("", &name));
    let blank = AuditFilter::default;
    vec![
        (
            "a user by name",
            Box::new(move |round| AuditFilter {
                user_name: by_name(name_of(rare(round))),
                ..blank()
            }),
        ),
        (
            "a busy user by id",
            Box::new(move |round| AuditFilter {
                user: Some(UserId(1 + round)),
                ..blank()
            }),
        ),
        (
            "a name that nobody used",
            Box::new(move |round| AuditFilter {
                user_name: by_name(format!("stranger{round}")),
                ..blank()
            }),
        ),
        (
            "a user's rejects",
            Box::new(move |round| AuditFilter {
                user: Some(UserId(rare(round))),
                result: Some(LoginResult::Rejected),
                ..blank()
            }),
        ),
        (
            "a client",
            Box::new(move |round| AuditFilter {
                client: Some(ClientId(1 + round)),
                ..blank()
            }),
        ),
        (
            "a client hardly used",
            Box::new(move |_| AuditFilter {
                client: Some(ClientId(CLIENTS)),
                ..blank()
            }),
        ),
        (
            "rejected logins",
            Box::new(move |_| AuditFilter {
                result: Some(LoginResult::Rejected),
                ..blank()
            }),
        ),
        (
            "a client's rejects",
            Box::new(move |round| AuditFilter {
                client: Some(ClientId(1 + round)),
                result: Some(LoginResult::Rejected),
                ..blank()
            }),
        ),
        (
            "accepted and unknown user (never both)",
            Box::new(move |_| AuditFilter {
                result: Some(LoginResult::Accepted),
                reason: Some("unknown_user".into()),
                ..blank()
            }),
        ),
        (
            "a client's accepts with a reason (never both)",
            Box::new(move |round| AuditFilter {
                client: Some(ClientId(1 + round)),
                kind: Some("login_accepted".into()),
                reason: Some("wrong_password".into()),
                ..blank()
            }),
        ),
        (
            "an hour",
            Box::new(move |round| within(first_ms + span_ms / 40 * (round + 10), blank())),
        ),
        (
            "a client's rejects in an hour",
            Box::new(move |round| {
                within(
                    first_ms + span_ms / 40 * (round + 10),
                    AuditFilter {
                        client: Some(ClientId(1 + round)),
                        result: Some(LoginResult::Rejected),
                        ..blank()
                    },
                )
            }),
        ),
        (
            "a user in an hour",
            Box::new(move |round| {
                within(
                    first_ms + span_ms / 40 * (round + 10),
                    AuditFilter {
                        user: Some(UserId(1 + round)),
                        ..blank()
                    },
                )
            }),
        ),
        (
            "changes by an administrator",
            Box::new(move |_| AuditFilter {
                kind: Some("create_application".into()),
                ..blank()
            }),
        ),
    ]
}

fn within(since_ms: u64, filter: AuditFilter) -> AuditFilter {
    AuditFilter {
        since_ms: Some(since_ms),
        until_ms: Some(since_ms + 3_600_000),
        ..filter
    }
}

/// Everything is on disk already, so the kernel may forget it.
fn drop_from_memory(dir: &Path) -> Result<()> {
    for folder in ["segments", "index"] {
        for entry in fs::read_dir(dir.join(folder))? {
            let file = File::open(entry?.path())?;
            file.sync_data()?;
            fadvise(&file, 0, None, Advice::DontNeed)?;
        }
    }
    Ok(())
}

pub fn reader(archive: &Arc<Archive>, published: &Arc<Published>) -> AuditReader {
    let still = Still(published.clone());
    AuditReader::new(Arc::new(still), archive.clone(), Arc::new(NoHand), NodeId(1))
}

/// A state that nobody changes.
struct Still(Arc<Published>);

#[async_trait]
impl Replica for Still {
    fn state(&self) -> Arc<State> {
        self.0.state()
    }

    async fn propose(&self, _: &Command, _: tokio::time::Instant) -> Result<Proposed, ProposeError> {
        Err(ProposeError::NoLeader)
    }

    async fn wait_applied(&self, _: u64, _: tokio::time::Instant) -> Result<(), Late> {
        Err(Late)
    }

    async fn barrier(&self, _: tokio::time::Instant) -> Result<u64, ProposeError> {
        Err(ProposeError::NoLeader)
    }

    fn status(&self) -> ClusterStatus {
        ClusterStatus {
            cluster: [1; 16],
            node: NodeId(1),
            role: Role::Aside,
            term: 0,
            leader: None,
            last_log: 0,
            committed: 0,
            applied: 0,
            snapshot: None,
            members: Vec::new(),
            quorum_ack_age_ms: None,
            proposals: ProposalCounts::default(),
            clock: ClockStanding::UNQUESTIONED,
            disk: DiskStanding::default(),
        }
    }

    fn clock(&self) -> ClockStanding {
        ClockStanding::UNQUESTIONED
    }

    async fn pass_on(&self, _: Zeroizing<Vec<u8>>, _: tokio::time::Instant) -> Option<Vec<u8>> {
        None
    }

    fn applied(&self) -> watch::Receiver<u64> {
        self.0.applied()
    }

    async fn remove_member(&self, _: NodeId, _: tokio::time::Instant) -> Result<(), ProposeError> {
        Err(ProposeError::NoLeader)
    }

    async fn hand_over(&self, _: tokio::time::Instant) -> Result<(), Late> {
        Err(Late)
    }
}

struct NoHand;

impl HeadSigner for NoHand {
    fn sign(&self, _: u64, _: &Head) -> Option<HeadSignature> {
        None
    }

    fn signer(&self, _: u64, _: &Head, _: &HeadSignature) -> Option<NodeId> {
        None
    }
}
