//! A damaged node's directory becoming its successor's, in steps that can each be repeated.

use std::path::Path;
use std::{fs, io};

use super::{CERTIFICATES, DataDir, DataDirError, FOLDERS, IDENTITY, Identity, io_at};
use crate::durable;

const DIVERGED: &str = "diverged";
const SUCCESSOR: &str = "successor";
/// In the successor's folder: from here on it counts. It names the node whose place is taken.
const COMPLETE: &str = "complete";
const DAMAGED: &str = "damaged-";

impl DataDir {
    /// Why this node's state is not the cluster's, if that was found.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub fn diverged(&self) -> Result<Option<String>, DataDirError> {
        let file = self.root.join(DIVERGED);
        match fs::read_to_string(&file) {
            Ok(why) => Ok(Some(why)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(io_at("read", &file)(source)),
        }
    }

    /// Remembers that this node's state is not the cluster's: a restart would not make it so.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub fn mark_diverged(&self, why: &str) -> Result<(), DataDirError> {
        let file = self.root.join(DIVERGED);
        durable::write_whole(&file, &[why.as_bytes()]).map_err(io_at("write", &file))
    }

    /// Begins the directory of the node that is to take the place of this one, inside this one. What an earlier attempt left is removed.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub fn begin_successor(&self, identity: Identity) -> Result<DataDir, DataDirError> {
        let folder = self.root.join(SUCCESSOR);
        durable::remove_tree(&folder).map_err(io_at("remove", &folder))?;
        DataDir::create(&folder, identity)
    }

    /// Lets the successor take this node's place: its files move to where this node's are, and those to `damaged-…/`. When that is
    /// interrupted, [`DataDir::open`] completes it.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub fn give_way_to(self, successor: DataDir) -> Result<(), DataDirError> {
        let complete = successor.root.join(COMPLETE);
        let damaged = self.identity.node_id.to_string();
        durable::write_whole(&complete, &[damaged.as_bytes()]).map_err(io_at("write", &complete))?;
        drop(successor);
        finish(&self.root)
    }

    /// Deletes what was left of damaged nodes, but for the last: somebody may want to look at that.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub fn forget_damaged(&self) -> Result<(), DataDirError> {
        let mut left = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(io_at("list", &self.root))? {
            let entry = entry.map_err(io_at("list", &self.root))?;
            let name = entry.file_name();
            let node = name.to_str().and_then(|name| name.strip_prefix(DAMAGED));
            left.extend(
                node.and_then(|node| node.parse::<u64>().ok())
                    .map(|node| (node, entry.path())),
            );
        }
        left.sort();
        left.pop();
        left.iter()
            .try_for_each(|(_, folder)| durable::remove_tree(folder).map_err(io_at("remove", folder)))
    }
}

/// Whether a successor counts and has not taken its place yet.
pub(super) fn is_due(root: &Path) -> bool {
    root.join(SUCCESSOR).join(COMPLETE).exists()
}

/// Has a successor that counts take its place.
pub(super) fn finish(root: &Path) -> Result<(), DataDirError> {
    if !is_due(root) {
        return Ok(());
    }
    let successor = root.join(SUCCESSOR);
    let complete = successor.join(COMPLETE);
    let damaged = fs::read_to_string(&complete).map_err(io_at("read", &complete))?;
    let aside = root.join(format!("{DAMAGED}{damaged}"));
    durable::create_dir(&aside).map_err(io_at("create", &aside))?;
    for name in FOLDERS.into_iter().chain([CERTIFICATES, IDENTITY]) {
        let (new, current) = (successor.join(name), root.join(name));
        if new.exists() {
            move_if_there(&current, &aside.join(name))?;
            move_if_there(&new, &current)?;
        }
    }
    move_if_there(&root.join(DIVERGED), &aside.join(DIVERGED))?;
    durable::remove_tree(&successor).map_err(io_at("remove", &successor))
}

fn move_if_there(from: &Path, to: &Path) -> Result<(), DataDirError> {
    match durable::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        moved => moved.map_err(io_at("move", from)),
    }
}
