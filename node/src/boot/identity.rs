//! What proves who this node is, as files in `certificates/` of the data directory: certificate, private key, the cluster's CA, and the
//! members that it can reach when its log does not say.
//!
//! The private key is readable by the owner alone. It proves the node to its peers; it opens no secret of the state.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use quorate_raft::pki::{NodeKey, PkiError};
use quorate_raft::{Identity, NodeInfo};
use quorate_storage::{DataDir, write_whole};
use zeroize::Zeroizing;

use super::BootError;

const CERTIFICATE: &str = "node.der";
const PRIVATE_KEY: &str = "node.key.der";
const CA: &str = "ca.der";
const CA_PEM: &str = "ca.pem";
const PEERS: &str = "peers.json";
/// The key of the node that takes the place of this one, should this one be damaged.
const SUCCESSOR_KEY: &str = "successor.key.der";

/// Where the files are.
pub fn folder(data_dir: &Path) -> PathBuf {
    DataDir::certificates_in(data_dir)
}

/// Where the CA certificate is that clients of the HTTPS listener need.
pub fn ca_file(data_dir: &Path) -> PathBuf {
    folder(data_dir).join(CA_PEM)
}

/// Writes the files of a new node.
pub fn store(data_dir: &DataDir, identity: &Identity, peers: &BTreeMap<u64, NodeInfo>) -> Result<(), BootError> {
    let folder = folder(data_dir.root());
    fs::create_dir_all(&folder).map_err(BootError::file("create", &folder))?;
    write(&folder.join(PRIVATE_KEY), &identity.private_key_der, 0o600)?;
    write(&folder.join(CERTIFICATE), &identity.certificate_der, 0o644)?;
    write(&folder.join(CA), &identity.ca_der, 0o644)?;
    write(
        &folder.join(CA_PEM),
        pem("CERTIFICATE", &identity.ca_der).as_bytes(),
        0o644,
    )?;
    write(&folder.join(PEERS), &json(peers), 0o644)?;
    // The folder itself is new: without this a power cut could take it, and all that was synced in it.
    sync_folder(data_dir.root())
}

/// Reads them back.
pub fn load(data_dir: &DataDir) -> Result<(Identity, BTreeMap<u64, NodeInfo>), BootError> {
    let folder = folder(data_dir.root());
    let of = data_dir.identity();
    let identity = Identity {
        cluster_id: of.cluster_id,
        node_id: of.node_id,
        certificate_der: read(&folder.join(CERTIFICATE))?,
        private_key_der: Zeroizing::new(read(&folder.join(PRIVATE_KEY))?),
        ca_der: read(&folder.join(CA))?,
    };
    let peers = serde_json::from_slice(&read(&folder.join(PEERS))?)
        .map_err(|error| BootError::State(format!("{}: {error}", folder.join(PEERS).display())))?;
    Ok((identity, peers))
}

/// The certificates of this node and of the cluster's CA, and what each is for.
pub fn certificate_files(data_dir: &Path) -> [(&'static str, PathBuf); 2] {
    let folder = folder(data_dir);
    [
        ("this node in the cluster", folder.join(CERTIFICATE)),
        ("the cluster's CA", folder.join(CA)),
    ]
}

/// Keeps the members that there are now, for the day when the log cannot be read.
pub fn keep_peers(data_dir: &Path, peers: &BTreeMap<u64, NodeInfo>) -> Result<(), BootError> {
    let kept = folder(data_dir).join(PEERS);
    write_whole(&kept, &[&json(peers)]).map_err(BootError::file("write", &kept))
}

/// The key for this node's successor: made once, so that asking for one again is the same request.
pub fn successor_key(data_dir: &DataDir) -> Result<NodeKey, BootError> {
    let unusable = |error: PkiError| BootError::Key(error.to_string());
    let file = folder(data_dir.root()).join(SUCCESSOR_KEY);
    if let Some(key) = fs::read(&file)
        .ok()
        .and_then(|key| NodeKey::load(&Zeroizing::new(key)).ok())
    {
        return Ok(key);
    }
    let key = NodeKey::generate().map_err(unusable)?;
    write_whole(&file, &[&key.private_key_der()]).map_err(BootError::file("write", &file))?;
    Ok(key)
}

fn json(peers: &BTreeMap<u64, NodeInfo>) -> Vec<u8> {
    serde_json::to_vec_pretty(peers).expect("invariant: node descriptions are plain data")
}

/// DER as PEM (RFC 7468): 64 characters a line.
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = data_encoding::BASE64.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap_or_default())
        .collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn read(path: &Path) -> Result<Vec<u8>, BootError> {
    fs::read(path).map_err(BootError::file("read", path))
}

/// Writes a new file. When this returns, the file and its name survive a power cut.
pub(super) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), BootError> {
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(BootError::file("write", path))?;
    path.parent().map_or(Ok(()), sync_folder)
}

fn sync_folder(folder: &Path) -> Result<(), BootError> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(BootError::file("sync", folder))
}
