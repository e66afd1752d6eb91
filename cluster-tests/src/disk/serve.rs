//! The kernel's requests, answered from the tree.
//!
//! One thread answers them in turn. Only a sync may be answered later: see [`super::State::sync`].

use std::{
    ffi::OsStr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner,
    OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use rustix::io;

use super::{
    Health, Shared, State,
    tree::{BLOCK_BYTES, Inode},
};

/// The kernel keeps no names and no attributes: a power cut changes them behind its back.
const TTL: Duration = Duration::ZERO;

/// Reads below this are answered as they are: there the kernel looks at what it already knows.
const FLIPPED_FROM_BYTES: usize = 16;

const MODE_BITS: u32 = 0o7777;

pub struct Server(pub(super) Arc<Shared>);

/// The kernel's name for an error.
pub fn errno(error: io::Errno) -> Errno {
    Errno::from_i32(error.raw_os_error())
}

impl Filesystem for Server {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let state = self.0.lock();
        let found = state.tree.find(parent.0, name).and_then(|ino| state.attributes(ino));
        match found {
            Ok(attributes) => reply.entry(&TTL, &attributes, Generation(0)),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.0.lock().attributes(ino.0) {
            Ok(attributes) => reply.attr(&TTL, &attributes),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        match self.0.lock().set_attributes(ino.0, mode, size) {
            Ok(attributes) => reply.attr(&TTL, &attributes),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, reply: ReplyEntry) {
        match self.0.lock().create(parent.0, name, mode & !umask, true) {
            Ok(attributes) => reply.entry(&TTL, &attributes, Generation(0)),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn create(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, _: i32, reply: ReplyCreate) {
        match self.0.lock().create(parent.0, name, mode & !umask, false) {
            Ok(attributes) => reply.created(
                &TTL,
                &attributes,
                Generation(0),
                FileHandle(0),
                FopenFlags::FOPEN_DIRECT_IO,
            ),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(reply, self.0.lock().tree.remove(parent.0, name));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(reply, self.0.lock().tree.remove(parent.0, name));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !flags.is_empty() {
            return reply.error(Errno::EINVAL);
        }
        let moved = self.0.lock().tree.rename((parent.0, name), (new_parent.0, new_name));
        answer(reply, moved);
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.0.lock().read(ino.0, offset, size) {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.0.lock().write(ino.0, offset, data) {
            Ok(()) => reply.written(u32::try_from(data.len()).expect("invariant: the kernel's limit is below")),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn fallocate(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        if mode != 0 {
            return reply.error(Errno::EOPNOTSUPP);
        }
        answer(reply, self.0.lock().lengthen(ino.0, offset + length));
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.0.lock().sync(ino.0, false, reply);
        self.0.changed.notify_all();
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.0.lock().sync(ino.0, true, reply);
        self.0.changed.notify_all();
    }

    fn readdir(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let state = self.0.lock();
        let Ok(names) = state.tree.names(ino.0) else {
            return reply.error(Errno::ENOTDIR);
        };
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        for (at, (name, ino)) in names.iter().enumerate().skip(from) {
            let kind = state.tree.inode(*ino).map_or(FileType::RegularFile, kind_of);
            if reply.add(INodeNo(*ino), at as u64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let state = self.0.lock();
        let blocks = state.tree.capacity / BLOCK_BYTES;
        let free = blocks.saturating_sub(state.tree.used() / BLOCK_BYTES);
        let size = u32::try_from(BLOCK_BYTES).expect("invariant: a block is small");
        reply.statfs(blocks, free, free, 1 << 20, 1 << 20, size, 255, size);
    }
}

fn answer(reply: ReplyEmpty, done: Result<(), io::Errno>) {
    match done {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(errno(error)),
    }
}

impl State {
    fn attributes(&self, ino: u64) -> Result<FileAttr, io::Errno> {
        let inode = self.tree.inode(ino)?;
        Ok(FileAttr {
            ino: INodeNo(ino),
            size: inode.size(),
            blocks: inode.size().div_ceil(512),
            atime: inode.changed,
            mtime: inode.changed,
            ctime: inode.changed,
            crtime: inode.changed,
            kind: kind_of(inode),
            perm: u16::try_from(inode.mode & MODE_BITS).expect("invariant: twelve bits"),
            nlink: 1,
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            rdev: 0,
            blksize: u32::try_from(BLOCK_BYTES).expect("invariant: a block is small"),
            flags: 0,
        })
    }

    fn set_attributes(&mut self, ino: u64, mode: Option<u32>, size: Option<u64>) -> Result<FileAttr, io::Errno> {
        if let Some(mode) = mode {
            self.tree.inode_mut(ino)?.mode = mode;
        }
        if let Some(size) = size {
            let done = self.writable().and_then(|()| self.tree.set_length(ino, size));
            self.counted(done)?;
        }
        self.attributes(ino)
    }

    fn create(&mut self, parent: u64, name: &OsStr, mode: u32, folder: bool) -> Result<FileAttr, io::Errno> {
        let made = self
            .writable()
            .and_then(|()| self.tree.create(parent, name, mode, folder, SystemTime::now()));
        let ino = self.counted(made)?;
        self.attributes(ino)
    }

    fn write(&mut self, ino: u64, at: u64, data: &[u8]) -> Result<(), io::Errno> {
        let written = self
            .writable()
            .and_then(|()| self.tree.write(ino, at, data, SystemTime::now()));
        self.counted(written)
    }

    fn lengthen(&mut self, ino: u64, length: u64) -> Result<(), io::Errno> {
        if length <= self.tree.inode(ino)?.size() {
            return Ok(());
        }
        let done = self.writable().and_then(|()| self.tree.set_length(ino, length));
        self.counted(done)
    }

    fn read(&mut self, ino: u64, at: u64, size: u32) -> Result<Vec<u8>, io::Errno> {
        let mut bytes = self.tree.read(ino, at, size as usize)?.to_vec();
        if self.health == Health::FlipsBits && bytes.len() >= FLIPPED_FROM_BYTES {
            self.counts.flipped += 1;
            // Another byte and another bit of it each time.
            let spot = usize::try_from(self.counts.flipped.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).unwrap_or(0);
            let at = spot % bytes.len();
            bytes[at] ^= 1 << (spot % 8);
        }
        Ok(bytes)
    }

    fn writable(&self) -> Result<(), io::Errno> {
        match self.health {
            Health::FailsToWrite => Err(io::Errno::IO),
            _ => Ok(()),
        }
    }

    fn counted<T>(&mut self, done: Result<T, io::Errno>) -> Result<T, io::Errno> {
        if matches!(done, Err(io::Errno::IO | io::Errno::NOSPC)) {
            self.counts.failed += 1;
        }
        done
    }
}

fn kind_of(inode: &Inode) -> FileType {
    if inode.is_folder() {
        FileType::Directory
    } else {
        FileType::RegularFile
    }
}
