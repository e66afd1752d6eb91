//! Why a node was not founded, did not join or did not start: one sentence each, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use quorate_net::BindError;
use quorate_raft::join::{JoinError, TokenError};
use quorate_raft::{ChangeError, StartError};
use quorate_storage::{DataDirError, LogOpenError, PostingError, SegmentError, SnapshotError};
use quorate_web::ListenError;

/// What stopped `init`, `join` or `run`.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    #[error("{0}")]
    DataDir(#[from] DataDirError),
    #[error(
        "{damage}\nThe files were left untouched and this node takes no part in the cluster. Replace it: `quorate remove {node}` on another node, then join again with an empty data directory"
    )]
    Quarantine { damage: String, node: u64 },
    #[error("{0}")]
    Log(LogOpenError),
    #[error("{0}")]
    Snapshot(#[from] SnapshotError),
    #[error("{0}")]
    Segment(#[from] SegmentError),
    #[error("{0}")]
    Index(#[from] PostingError),
    #[error("the state on disk cannot be read by this version: {0}")]
    State(String),
    #[error("consensus has stopped, and this node with it: {0}")]
    Stopped(String),
    #[error("{0}")]
    Consensus(#[from] StartError),
    #[error("{0}")]
    Membership(#[from] ChangeError),
    #[error("cannot {action} {path}: {source}")]
    File {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("{0}")]
    Key(String),
    #[error("{0}")]
    Radius(#[from] BindError),
    #[error("{0}")]
    Http(#[from] ListenError),
    #[error("{0}")]
    Token(#[from] TokenError),
    #[error("{0}")]
    Join(#[from] JoinError),
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Unavailable(String),
    #[error("{0}")]
    System(#[from] io::Error),
}

/// What a script can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootErrorKind {
    /// Something failed.
    Failed,
    /// The request is one that may not be granted: wrong directory, wrong token.
    Refused,
    /// Nobody answered, or no quorum.
    Unavailable,
    /// The system forbids it.
    NotAllowed,
}

impl BootError {
    /// The exit code's kind.
    pub fn kind(&self) -> BootErrorKind {
        match self {
            BootError::DataDir(DataDirError::Io { source, .. }) => of_io(source),
            BootError::Log(LogOpenError::Io { source, .. }) => of_io(source),
            BootError::DataDir(_) | BootError::Quarantine { .. } | BootError::Refused(_) | BootError::Token(_) => {
                BootErrorKind::Refused
            }
            BootError::Join(JoinError::Unreachable { .. }) | BootError::Unavailable(_) => BootErrorKind::Unavailable,
            BootError::Join(_) => BootErrorKind::Refused,
            BootError::Http(ListenError::NotPermitted { .. }) => BootErrorKind::NotAllowed,
            BootError::Radius(BindError::NotPermitted { .. }) => BootErrorKind::NotAllowed,
            BootError::Membership(ChangeError::NoLeader | ChangeError::Unknown) => BootErrorKind::Unavailable,
            BootError::Consensus(StartError::Listen { source, .. })
            | BootError::File { source, .. }
            | BootError::System(source) => of_io(source),
            BootError::Log(_)
            | BootError::Snapshot(_)
            | BootError::Segment(_)
            | BootError::Index(_)
            | BootError::State(_)
            | BootError::Stopped(_)
            | BootError::Http(_)
            | BootError::Radius(_)
            | BootError::Consensus(_)
            | BootError::Membership(_)
            | BootError::Key(_) => BootErrorKind::Failed,
        }
    }

    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BootError {
        let path = path.to_owned();
        move |source| BootError::File { action, path, source }
    }
}

fn of_io(error: &io::Error) -> BootErrorKind {
    match error.kind() {
        io::ErrorKind::PermissionDenied => BootErrorKind::NotAllowed,
        _ => BootErrorKind::Failed,
    }
}
