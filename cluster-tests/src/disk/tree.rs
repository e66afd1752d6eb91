//! A tree of files that knows what would survive a power cut.
//!
//! Every file and folder has two states: what a process sees, and what has been synced. A write is undone by a power cut
//! unless the *file* was synced after it; a name that was made, moved or removed, unless the *folder* was. That is all that POSIX
//! promises, and less than ext4 happens to keep.
//!
//! Pure: no mount, no threads. Times and modes are kept as they are given, and survive.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    ops::Range,
    time::SystemTime,
};

use rustix::io::Errno;

/// The number of the root, as FUSE wants it.
pub const ROOT: u64 = 1;

/// What a file takes up is counted in blocks of this many bytes, as `statfs` tells it.
pub const BLOCK_BYTES: u64 = 4096;

type Names = BTreeMap<OsString, u64>;

/// A file or a folder.
pub struct Inode {
    pub mode: u32,
    pub changed: SystemTime,
    body: Body,
    /// Whether some folder names it.
    named: bool,
}

enum Body {
    File(Content),
    Folder { names: Names, synced: Names },
}

/// The bytes of a file, as they are read and as they would be after a power cut.
#[derive(Default)]
struct Content {
    bytes: Vec<u8>,
    synced: Vec<u8>,
    /// What the next sync has to write.
    dirty: Vec<Range<usize>>,
    /// The shortest that the file was made since the last sync, if it was made shorter.
    cut: Option<usize>,
    /// Writes that a power cut would undo.
    unsynced: usize,
    /// A sync has failed: as in Linux, what it was to write counts as clean, and the next one succeeds without it.
    forgotten: bool,
}

pub struct Tree {
    inodes: BTreeMap<u64, Inode>,
    next: u64,
    /// Bytes that files may take up.
    pub capacity: u64,
}

impl Tree {
    pub fn new(capacity: u64, now: SystemTime) -> Self {
        let root = Inode {
            mode: 0o700,
            changed: now,
            body: Body::folder(),
            named: true,
        };
        Self {
            inodes: BTreeMap::from([(ROOT, root)]),
            next: ROOT + 1,
            capacity,
        }
    }

    pub fn inode(&self, ino: u64) -> Result<&Inode, Errno> {
        self.inodes.get(&ino).ok_or(Errno::NOENT)
    }

    pub fn inode_mut(&mut self, ino: u64) -> Result<&mut Inode, Errno> {
        self.inodes.get_mut(&ino).ok_or(Errno::NOENT)
    }

    /// The number behind a name.
    pub fn find(&self, parent: u64, name: &OsStr) -> Result<u64, Errno> {
        self.names(parent)?.get(name).copied().ok_or(Errno::NOENT)
    }

    pub fn names(&self, folder: u64) -> Result<&Names, Errno> {
        match &self.inode(folder)?.body {
            Body::Folder { names, .. } => Ok(names),
            Body::File(_) => Err(Errno::NOTDIR),
        }
    }

    pub fn create(
        &mut self,
        parent: u64,
        name: &OsStr,
        mode: u32,
        folder: bool,
        now: SystemTime,
    ) -> Result<u64, Errno> {
        if self.find(parent, name).is_ok() {
            return Err(Errno::EXIST);
        }
        self.room_for(BLOCK_BYTES)?;
        let ino = self.next;
        let body = if folder {
            Body::folder()
        } else {
            Body::File(Content::default())
        };
        self.names_mut(parent)?.insert(name.to_owned(), ino);
        self.next += 1;
        let named = true;
        self.inodes.insert(
            ino,
            Inode {
                mode,
                changed: now,
                body,
                named,
            },
        );
        Ok(ino)
    }

    pub fn remove(&mut self, parent: u64, name: &OsStr) -> Result<(), Errno> {
        let ino = self.find(parent, name)?;
        if self.names(ino).is_ok_and(|names| !names.is_empty()) {
            return Err(Errno::NOTEMPTY);
        }
        self.names_mut(parent)?.remove(name);
        self.inode_mut(ino)?.named = false;
        Ok(())
    }

    pub fn rename(&mut self, from: (u64, &OsStr), to: (u64, &OsStr)) -> Result<(), Errno> {
        let ino = self.find(from.0, from.1)?;
        if self.find(to.0, to.1).is_ok_and(|there| there != ino) {
            self.remove(to.0, to.1)?;
        }
        self.names_mut(from.0)?.remove(from.1);
        self.names_mut(to.0)?.insert(to.1.to_owned(), ino);
        Ok(())
    }

    pub fn read(&self, ino: u64, at: u64, size: usize) -> Result<&[u8], Errno> {
        let bytes = &self.content(ino)?.bytes;
        let from = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        Ok(&bytes[from..from.saturating_add(size).min(bytes.len())])
    }

    pub fn write(&mut self, ino: u64, at: u64, data: &[u8], now: SystemTime) -> Result<(), Errno> {
        let at = usize::try_from(at).map_err(|_| Errno::FBIG)?;
        let (length, end) = (self.content(ino)?.bytes.len(), at + data.len());
        self.room_for(blocks(end.max(length)) - blocks(length))?;
        let content = self.content_mut(ino)?;
        content.bytes.resize(length.max(end), 0);
        content.bytes[at..end].copy_from_slice(data);
        content.dirty.push(at.min(length)..end);
        content.unsynced += 1;
        self.inode_mut(ino)?.changed = now;
        Ok(())
    }

    /// Cuts a file, or lengthens it by zeros.
    pub fn set_length(&mut self, ino: u64, length: u64) -> Result<(), Errno> {
        let length = usize::try_from(length).map_err(|_| Errno::FBIG)?;
        let before = self.content(ino)?.bytes.len();
        self.room_for(blocks(length).saturating_sub(blocks(before)))?;
        let content = self.content_mut(ino)?;
        content.bytes.resize(length, 0);
        match length < before {
            true => content.cut = Some(content.cut.map_or(length, |cut| cut.min(length))),
            false => content.dirty.push(before..length),
        }
        content.unsynced += 1;
        Ok(())
    }

    /// What a file holds now survives from here on, but for what a sync that failed was to write.
    pub fn sync(&mut self, ino: u64) -> Result<(), Errno> {
        self.content_mut(ino).map(Content::sync)
    }

    /// A sync that fails: what was not synced will not be, unless it is written again.
    pub fn fail_to_sync(&mut self, ino: u64) -> Result<(), Errno> {
        self.content_mut(ino).map(Content::forget)
    }

    /// The names in a folder survive from here on.
    pub fn sync_folder(&mut self, ino: u64) -> Result<(), Errno> {
        match &mut self.inode_mut(ino)?.body {
            Body::Folder { names, synced } => {
                synced.clone_from(names);
                Ok(())
            }
            Body::File(_) => Err(Errno::NOTDIR),
        }
    }

    /// Takes back everything that was not synced; gives how many writes and names that were.
    pub fn cut_power(&mut self) -> usize {
        let mut lost = 0;
        for inode in self.inodes.values_mut() {
            match &mut inode.body {
                Body::File(content) => lost += content.take_back(),
                Body::Folder { names, synced } => {
                    lost += usize::from(names != synced);
                    names.clone_from(synced);
                }
            }
        }
        self.keep_what_is_named();
        lost
    }

    /// Bytes taken up.
    pub fn used(&self) -> u64 {
        let named = self.inodes.values().filter(|inode| inode.named);
        named
            .map(|inode| inode.size().div_ceil(BLOCK_BYTES).max(1) * BLOCK_BYTES)
            .sum()
    }

    fn room_for(&self, more: u64) -> Result<(), Errno> {
        if more == 0 || self.used() + more <= self.capacity {
            Ok(())
        } else {
            Err(Errno::NOSPC)
        }
    }

    fn keep_what_is_named(&mut self) {
        let mut named = BTreeSet::new();
        let mut open = vec![ROOT];
        while let Some(ino) = open.pop() {
            if self.inodes.contains_key(&ino) && named.insert(ino) {
                open.extend(self.names(ino).into_iter().flat_map(Names::values));
            }
        }
        self.inodes.retain(|ino, _| named.contains(ino));
        self.inodes.values_mut().for_each(|inode| inode.named = true);
    }

    fn names_mut(&mut self, folder: u64) -> Result<&mut Names, Errno> {
        match &mut self.inode_mut(folder)?.body {
            Body::Folder { names, .. } => Ok(names),
            Body::File(_) => Err(Errno::NOTDIR),
        }
    }

    fn content(&self, ino: u64) -> Result<&Content, Errno> {
        match &self.inode(ino)?.body {
            Body::File(content) => Ok(content),
            Body::Folder { .. } => Err(Errno::ISDIR),
        }
    }

    fn content_mut(&mut self, ino: u64) -> Result<&mut Content, Errno> {
        match &mut self.inode_mut(ino)?.body {
            Body::File(content) => Ok(content),
            Body::Folder { .. } => Err(Errno::ISDIR),
        }
    }
}

impl Inode {
    pub fn is_folder(&self) -> bool {
        matches!(self.body, Body::Folder { .. })
    }

    /// In bytes; of a folder none.
    pub fn size(&self) -> u64 {
        match &self.body {
            Body::File(content) => content.bytes.len() as u64,
            Body::Folder { .. } => 0,
        }
    }
}

impl Body {
    fn folder() -> Self {
        Body::Folder {
            names: Names::new(),
            synced: Names::new(),
        }
    }
}

impl Content {
    fn sync(&mut self) {
        if let Some(cut) = self.cut.take() {
            self.synced.truncate(cut);
        }
        for range in self.dirty.drain(..) {
            let end = range.end.min(self.bytes.len());
            let range = range.start.min(end)..end;
            self.synced.resize(self.synced.len().max(end), 0);
            self.synced[range.clone()].copy_from_slice(&self.bytes[range]);
        }
        self.forgotten = self.forgotten && self.synced != self.bytes;
        if !self.forgotten {
            self.unsynced = 0;
        }
    }

    fn forget(&mut self) {
        self.forgotten = true;
        self.dirty.clear();
        self.cut = None;
    }

    fn take_back(&mut self) -> usize {
        self.forget();
        self.forgotten = false;
        self.bytes.clone_from(&self.synced);
        std::mem::take(&mut self.unsynced)
    }
}

fn blocks(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(BLOCK_BYTES).max(1) * BLOCK_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn tree() -> Tree {
        Tree::new(1 << 20, NOW)
    }

    fn make(tree: &mut Tree, name: &str) -> u64 {
        tree.create(ROOT, name.as_ref(), 0o600, false, NOW).unwrap()
    }

    fn whole(tree: &Tree, name: &str) -> Option<Vec<u8>> {
        let ino = tree.find(ROOT, name.as_ref()).ok()?;
        Some(tree.read(ino, 0, usize::MAX).unwrap().to_vec())
    }

    #[test]
    fn what_was_synced_survives_and_nothing_else() {
        let mut tree = tree();
        let log = make(&mut tree, "log");
        tree.write(log, 0, b"synced", NOW).unwrap();
        tree.sync(log).unwrap();
        tree.sync_folder(ROOT).unwrap();
        tree.write(log, 3, b"overwritten", NOW).unwrap();
        tree.write(log, 20, b"beyond", NOW).unwrap();
        tree.set_length(log, 2).unwrap();
        make(&mut tree, "without a synced folder");
        assert_eq!(whole(&tree, "log").unwrap(), b"sy");
        assert_eq!(tree.cut_power(), 4);
        assert_eq!(whole(&tree, "log").unwrap(), b"synced");
        assert_eq!(whole(&tree, "without a synced folder"), None);
    }

    #[test]
    fn a_rename_that_was_not_synced_is_taken_back() {
        let mut tree = tree();
        for (name, text) in [("old", b"old"), ("new", b"new")] {
            let ino = make(&mut tree, name);
            tree.write(ino, 0, text, NOW).unwrap();
            tree.sync(ino).unwrap();
        }
        tree.sync_folder(ROOT).unwrap();
        let names: (&OsStr, &OsStr) = ("new".as_ref(), "old".as_ref());
        tree.rename((ROOT, names.0), (ROOT, names.1)).unwrap();
        assert_eq!(
            (whole(&tree, "old").unwrap(), whole(&tree, "new")),
            (b"new".to_vec(), None)
        );
        tree.cut_power();
        assert_eq!(whole(&tree, "old").unwrap(), b"old");
        tree.rename((ROOT, names.0), (ROOT, names.1)).unwrap();
        tree.sync_folder(ROOT).unwrap();
        tree.cut_power();
        assert_eq!(
            (whole(&tree, "old").unwrap(), whole(&tree, "new")),
            (b"new".to_vec(), None)
        );
    }

    #[test]
    fn a_sync_after_a_failed_one_keeps_nothing() {
        let mut tree = tree();
        let log = make(&mut tree, "log");
        tree.sync_folder(ROOT).unwrap();
        tree.write(log, 0, b"lost", NOW).unwrap();
        tree.fail_to_sync(log).unwrap();
        tree.sync(log).unwrap();
        tree.cut_power();
        assert_eq!(whole(&tree, "log").unwrap(), b"");
    }

    #[test]
    fn what_a_failed_sync_forgot_is_kept_when_it_is_written_again() {
        let mut tree = tree();
        let log = make(&mut tree, "log");
        tree.sync_folder(ROOT).unwrap();
        tree.write(log, 0, b"synced", NOW).unwrap();
        tree.sync(log).unwrap();
        tree.write(log, 6, b"forgotten", NOW).unwrap();
        tree.fail_to_sync(log).unwrap();
        tree.write(log, 9, b"gotten", NOW).unwrap();
        tree.sync(log).unwrap();
        assert_eq!(whole(&tree, "log").unwrap(), b"syncedforgotten");
        tree.cut_power();
        assert_eq!(whole(&tree, "log").unwrap(), b"synced\0\0\0gotten");
        tree.write(log, 6, b"for", NOW).unwrap();
        tree.sync(log).unwrap();
        assert_eq!(tree.cut_power(), 0);
        assert_eq!(whole(&tree, "log").unwrap(), b"syncedforgotten");
    }

    #[test]
    fn a_full_disk_takes_no_more_blocks() {
        let mut tree = tree();
        let log = make(&mut tree, "log");
        tree.capacity = tree.used();
        tree.write(log, 0, &[1; BLOCK_BYTES as usize], NOW).unwrap();
        assert_eq!(tree.write(log, BLOCK_BYTES, &[1], NOW), Err(Errno::NOSPC));
        assert_eq!(
            tree.create(ROOT, "other".as_ref(), 0o600, false, NOW),
            Err(Errno::NOSPC)
        );
        tree.remove(ROOT, "log".as_ref()).unwrap();
        make(&mut tree, "other");
    }
}
