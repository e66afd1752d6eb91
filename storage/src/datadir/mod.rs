//! The data directory: whose it is, in which format, and that one process uses it.
//!
//! ```text
//! identity      cluster, node and format version: a small text file with a checksum
//! lock          held (flock) while a process uses the directory; names its pid
//! certificates/ what proves who the node is: the node's own
//! log/          durable log and vote        snapshots/    snapshots
//! segments/     closed audit segments
//! index/        what finds records in them; made again when it is gone
//! diverged      why this node's state is not the cluster's, if it is not
//! successor/    the same for the node that takes the place of this one, which is damaged
//! damaged-7/    what was left of node 7 when another took its place
//! ```
//!
//! `identity` is written last and appears whole, so a creation that was cut short can simply be
//! repeated. Everything that can be wrong with a directory is a sentence that says what to do.
//!
//! Caveat: the lock is advisory and local; a directory on a network file system that two machines
//! mount is not protected by it.

mod succession;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::durable;
use crate::limits;

/// The newest format this build reads and the one it writes.
pub const FORMAT: u32 = 1;

const IDENTITY: &str = "identity";
const LOCK: &str = "lock";
const CERTIFICATES: &str = "certificates";
const FOLDERS: [&str; 4] = ["log", "snapshots", "segments", "index"];

/// Whose data a directory holds. It never changes for the life of the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Random, chosen when the cluster was made.
    pub cluster_id: [u8; 16],
    /// Given to this node when it joined; never reused in the cluster.
    pub node_id: u64,
}

/// An opened data directory; locked until dropped.
#[derive(Debug)]
pub struct DataDir {
    root: PathBuf,
    identity: Identity,
    /// Holds the lock by being open.
    _lock: File,
}

/// Why a data directory cannot be used, and what helps.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// There is nothing there, or a creation was cut short.
    #[error(
        "{path} holds no Quorate node; make one with `quorate init` (new cluster) or `quorate join` (existing cluster), or name another directory"
    )]
    Missing { path: PathBuf },
    /// `create` found a complete node.
    #[error("{path} already holds node {node_id} of cluster {cluster}; run that node, or name another directory")]
    Exists {
        path: PathBuf,
        node_id: u64,
        cluster: String,
    },
    /// `create` found files that are not ours.
    #[error("{path} is not empty (it holds {found:?}); name an empty directory for a new node")]
    NotEmpty { path: PathBuf, found: String },
    /// Another process holds the lock.
    #[error("{path} is in use by {holder}; stop that process first, two nodes never share a directory")]
    Locked { path: PathBuf, holder: String },
    /// The directory belongs to another cluster.
    #[error(
        "{path} belongs to cluster {found}, not to {expected}; name the directory of this cluster, or join with an empty one"
    )]
    OtherCluster {
        path: PathBuf,
        found: String,
        expected: String,
    },
    /// The directory belongs to another node of the same cluster.
    #[error(
        "{path} belongs to node {found}, not to node {expected}; a node's directory is never moved to another node"
    )]
    OtherNode { path: PathBuf, found: u64, expected: u64 },
    /// Written by a newer version of Quorate.
    #[error(
        "{path} has format {found}, this version reads up to {FORMAT}; install the version of Quorate that wrote it or a newer one"
    )]
    NewerFormat { path: PathBuf, found: u32 },
    /// The identity file does not check.
    #[error(
        "{path} is damaged: {what}; keep the directory and replace this node (`quorate remove`, then `quorate join` with an empty directory)"
    )]
    Damaged { path: PathBuf, what: &'static str },
    /// The file system refused.
    #[error("cannot {action} {path}: {source}{}", durable::advice(.source))]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl DataDir {
    /// Makes a data directory for a new node, and locks it. `path` may exist if it is empty or if
    /// an earlier creation was cut short.
    ///
    /// # Errors
    /// [`DataDirError::Exists`], [`DataDirError::NotEmpty`], [`DataDirError::Locked`] or
    /// [`DataDirError::Io`]; the directory then holds nothing that was not there before, except
    /// perhaps empty folders.
    pub fn create(path: &Path, identity: Identity) -> Result<DataDir, DataDirError> {
        durable::create_dir(path).map_err(io_at("create", path))?;
        refuse_strangers(path)?;
        let lock = lock(path)?;
        match read_identity(path) {
            Err(DataDirError::Missing { .. }) => {}
            Err(error) => return Err(error),
            Ok(found) => {
                let cluster = hex(&found.cluster_id);
                return Err(DataDirError::Exists {
                    path: path.into(),
                    node_id: found.node_id,
                    cluster,
                });
            }
        }
        for folder in FOLDERS {
            let folder = path.join(folder);
            durable::create_dir(&folder).map_err(io_at("create", &folder))?;
        }
        let file = path.join(IDENTITY);
        durable::write_whole(&file, &[identity_text(identity).as_bytes()]).map_err(io_at("write", &file))?;
        Ok(DataDir {
            root: path.into(),
            identity,
            _lock: lock,
        })
    }

    /// Opens and locks the directory of an existing node.
    ///
    /// # Errors
    /// [`DataDirError::Missing`], [`DataDirError::Locked`], [`DataDirError::NewerFormat`],
    /// [`DataDirError::Damaged`] or [`DataDirError::Io`].
    pub fn open(path: &Path) -> Result<DataDir, DataDirError> {
        // First without the lock: a wrong path must not leave a lock file behind.
        if !succession::is_due(path) {
            read_identity(path)?;
        }
        let lock = lock(path)?;
        succession::finish(path)?;
        let identity = read_identity(path)?;
        for folder in FOLDERS {
            let folder = path.join(folder);
            durable::create_dir(&folder).map_err(io_at("create", &folder))?;
        }
        Ok(DataDir {
            root: path.into(),
            identity,
            _lock: lock,
        })
    }

    /// As [`DataDir::open`], for a caller that knows who it is.
    ///
    /// # Errors
    /// As `open`, and [`DataDirError::OtherCluster`] or [`DataDirError::OtherNode`].
    pub fn open_as(path: &Path, expected: Identity) -> Result<DataDir, DataDirError> {
        let opened = DataDir::open(path)?;
        let found = opened.identity;
        if found.cluster_id != expected.cluster_id {
            return Err(DataDirError::OtherCluster {
                path: path.into(),
                found: hex(&found.cluster_id),
                expected: hex(&expected.cluster_id),
            });
        }
        if found.node_id != expected.node_id {
            return Err(DataDirError::OtherNode {
                path: path.into(),
                found: found.node_id,
                expected: expected.node_id,
            });
        }
        Ok(opened)
    }

    /// Whose data this is.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// The directory itself; the node may keep small files of its own in it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where in the directory `root` the node's certificate, key and the cluster's CA are.
    #[must_use]
    pub fn certificates_in(root: &Path) -> PathBuf {
        root.join(CERTIFICATES)
    }

    /// For [`crate::DurableLog::open`].
    pub fn log_dir(&self) -> PathBuf {
        self.root.join("log")
    }

    /// For [`crate::SnapshotStore::open`].
    pub fn snapshots_dir(&self) -> PathBuf {
        self.root.join("snapshots")
    }

    /// For [`crate::SegmentStore::open`].
    pub fn segments_dir(&self) -> PathBuf {
        self.root.join("segments")
    }

    /// Where the audit's index goes.
    #[must_use]
    pub fn index_dir(&self) -> PathBuf {
        self.root.join("index")
    }
}

/// Only what a creation of ours leaves behind may be there already.
fn refuse_strangers(path: &Path) -> Result<(), DataDirError> {
    for entry in fs::read_dir(path).map_err(io_at("list", path))? {
        let name = entry
            .map_err(io_at("list", path))?
            .file_name()
            .to_string_lossy()
            .into_owned();
        let ours = [IDENTITY, LOCK].contains(&name.as_str())
            || name == format!("{IDENTITY}.{}", durable::UNFINISHED)
            || FOLDERS.contains(&name.as_str());
        if !ours {
            return Err(DataDirError::NotEmpty {
                path: path.into(),
                found: name,
            });
        }
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File, DataDirError> {
    let file = path.join(LOCK);
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&file)
        .map_err(io_at("open", &file))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let holder = match lock.read_to_string(&mut pid) {
                Ok(_) if !pid.trim().is_empty() => format!("process {}", pid.trim()),
                _ => "another process".to_owned(),
            };
            return Err(DataDirError::Locked {
                path: path.into(),
                holder,
            });
        }
        Err(TryLockError::Error(source)) => return Err(io_at("lock", &file)(source)),
    }
    lock.set_len(0)
        .and_then(|()| lock.rewind())
        .and_then(|()| writeln!(lock, "{}", std::process::id()))
        .map_err(io_at("write", &file))?;
    Ok(lock)
}

fn read_identity(path: &Path) -> Result<Identity, DataDirError> {
    let file = path.join(IDENTITY);
    let mut text = String::new();
    let read = File::open(&file).and_then(|opened| opened.take(limits::IDENTITY_BYTES).read_to_string(&mut text));
    match read {
        Ok(_) => parse_identity(&text, &file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(DataDirError::Missing { path: path.into() }),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(DataDirError::Damaged {
            path: file,
            what: "it is not text",
        }),
        Err(source) => Err(io_at("read", &file)(source)),
    }
}

fn identity_text(identity: Identity) -> String {
    let body = format!(
        "quorate-format {FORMAT}\ncluster {}\nnode {}\n",
        hex(&identity.cluster_id),
        identity.node_id
    );
    format!("{body}checksum {:08x}\n", crc32fast::hash(body.as_bytes()))
}

fn parse_identity(text: &str, file: &Path) -> Result<Identity, DataDirError> {
    let damaged = |what| DataDirError::Damaged {
        path: file.into(),
        what,
    };
    let mut lines = text.lines();
    let mut field = |name: &str| lines.next().and_then(|line| line.strip_prefix(name)).map(str::trim);

    let format = field("quorate-format ")
        .and_then(|value| value.parse().ok())
        .ok_or(damaged("it names no format"))?;
    if format > FORMAT {
        // Before the checksum: a newer format may compute it differently.
        return Err(DataDirError::NewerFormat {
            path: file.into(),
            found: format,
        });
    }
    let cluster_id = field("cluster ")
        .and_then(unhex)
        .ok_or(damaged("it names no cluster"))?;
    let node_id = field("node ")
        .and_then(|value| value.parse().ok())
        .ok_or(damaged("it names no node"))?;
    let identity = Identity { cluster_id, node_id };
    if text != identity_text(identity) {
        return Err(damaged("its checksum does not match"));
    }
    Ok(identity)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

fn io_at<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> DataDirError + 'a {
    move |source| DataDirError::Io {
        action,
        path: path.into(),
        source,
    }
}
