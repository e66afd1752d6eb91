//! A recording of what a process writes below one folder, syncs, and names, in order.
//!
//! The functions of libc through which Rust's standard library reaches files are defined here, which a program may do; each notes what it
//! does and asks the kernel. Only this program does so. What is not seen: `mmap`, and whatever goes past libc (the reserve).
#![allow(unsafe_code)]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use libc::{c_char, c_int, c_void, iovec, mode_t, off64_t, size_t, ssize_t};

/// A file, whatever its name.
pub type File = u64;

/// Something that happened on the disk, or was told to somebody.
#[derive(Debug, Clone)]
pub enum Op {
    /// A file got its first name.
    Create(PathBuf, File),
    Directory(PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    Write(File, u64, Vec<u8>),
    Truncate(File, u64),
    /// What was written to the file before is on disk once the `Synced` with the same number has come.
    Sync(File, u64),
    /// The same for the names in a directory.
    SyncDirectory(PathBuf, u64),
    Synced(u64),
    /// Somebody was told: an index into the notes of whoever records.
    Told(usize),
}

#[derive(Debug, Clone)]
enum Open {
    File(File, bool),
    Directory(PathBuf),
}

struct Tape {
    root: PathBuf,
    ops: Vec<Op>,
    names: BTreeMap<PathBuf, File>,
    open: BTreeMap<c_int, Open>,
    files: u64,
    syncs: u64,
}

static RUNNING: AtomicBool = AtomicBool::new(false);
static TAPE: Mutex<Option<Tape>> = Mutex::new(None);

thread_local! {
    /// Whether this thread is writing the tape itself.
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// Begins to record what happens below `root`.
pub fn begin(root: &Path) {
    let tape = Tape {
        root: root.to_owned(),
        ops: Vec::new(),
        names: BTreeMap::new(),
        open: BTreeMap::new(),
        files: 0,
        syncs: 0,
    };
    *TAPE.lock().expect("no panic with the tape") = Some(tape);
    RUNNING.store(true, Ordering::SeqCst);
}

/// Ends the recording.
pub fn end() -> Vec<Op> {
    RUNNING.store(false, Ordering::SeqCst);
    let tape = TAPE.lock().expect("no panic with the tape").take();
    tape.map(|tape| tape.ops).unwrap_or_default()
}

/// Notes that somebody was told something.
pub fn told(note: usize) {
    on_tape(|tape| tape.ops.push(Op::Told(note)));
}

fn on_tape<T>(note: impl FnOnce(&mut Tape) -> T) -> Option<T> {
    if !RUNNING.load(Ordering::SeqCst) || BUSY.get() {
        return None;
    }
    BUSY.set(true);
    let noted = TAPE.lock().ok().and_then(|mut tape| tape.as_mut().map(note));
    BUSY.set(false);
    noted
}

impl Tape {
    fn below(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(&self.root).ok().map(Path::to_owned)
    }

    fn opened(&mut self, fd: c_int, path: &Path, flags: c_int) {
        let Some(name) = self.below(path) else { return };
        if path.is_dir() {
            self.open.insert(fd, Open::Directory(name));
            return;
        }
        let file = match self.names.get(&name) {
            Some(file) => *file,
            None => {
                self.files += 1;
                self.names.insert(name.clone(), self.files);
                self.ops.push(Op::Create(name, self.files));
                self.files
            }
        };
        if flags & libc::O_TRUNC != 0 {
            self.ops.push(Op::Truncate(file, 0));
        }
        self.open.insert(fd, Open::File(file, flags & libc::O_APPEND != 0));
    }

    fn file(&self, fd: c_int) -> Option<(File, bool)> {
        match self.open.get(&fd)? {
            Open::File(file, appends) => Some((*file, *appends)),
            Open::Directory(_) => None,
        }
    }

    fn written(&mut self, fd: c_int, at: u64, bytes: &[u8]) {
        if let Some((file, _)) = self.file(fd) {
            self.ops.push(Op::Write(file, at, bytes.to_vec()));
        }
    }

    fn begin_sync(&mut self, fd: c_int) -> Option<u64> {
        self.syncs += 1;
        let op = match self.open.get(&fd)? {
            Open::File(file, _) => Op::Sync(*file, self.syncs),
            Open::Directory(path) => Op::SyncDirectory(path.clone(), self.syncs),
        };
        self.ops.push(op);
        Some(self.syncs)
    }
}

/// SAFETY: `path` is a C string, as the callers of these functions promise libc.
unsafe fn path_of<'a>(path: *const c_char) -> &'a Path {
    // SAFETY: promised by the caller.
    Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes()))
}

fn where_to(fd: c_int, length: usize, appends: bool) -> u64 {
    // SAFETY: plain questions about a descriptor; a wrong one is answered with -1.
    unsafe {
        if appends {
            // The write has happened, and nobody else appends.
            let mut stat: libc::stat64 = std::mem::zeroed();
            libc::fstat64(fd, &raw mut stat);
            return (stat.st_size as u64).saturating_sub(length as u64);
        }
        (libc::lseek64(fd, 0, libc::SEEK_CUR) as u64).saturating_sub(length as u64)
    }
}

// SAFETY (for all that follow): signature and effect are those of the functions they replace; pointers are what libc's callers promise.

#[unsafe(no_mangle)]
unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    let fd = unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path, flags, mode) } as c_int;
    if fd >= 0 {
        on_tape(|tape| tape.opened(fd, unsafe { path_of(path) }, flags));
    }
    fd
}

#[unsafe(no_mangle)]
unsafe extern "C" fn close(fd: c_int) -> c_int {
    on_tape(|tape| tape.open.remove(&fd));
    unsafe { libc::syscall(libc::SYS_close, fd) as c_int }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, bytes: *const c_void, length: size_t) -> ssize_t {
    let written = unsafe { libc::syscall(libc::SYS_write, fd, bytes, length) } as ssize_t;
    if written > 0 {
        on_tape(|tape| {
            if let Some((_, appends)) = tape.file(fd) {
                let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), written as usize) };
                tape.written(fd, where_to(fd, bytes.len(), appends), bytes);
            }
        });
    }
    written
}

#[unsafe(no_mangle)]
unsafe extern "C" fn writev(fd: c_int, pieces: *const iovec, count: c_int) -> ssize_t {
    let written = unsafe { libc::syscall(libc::SYS_writev, fd, pieces, count) } as ssize_t;
    if written > 0 {
        on_tape(|tape| {
            if let Some((_, appends)) = tape.file(fd) {
                let pieces = unsafe { std::slice::from_raw_parts(pieces, count as usize) };
                let mut bytes = Vec::new();
                for piece in pieces {
                    bytes.extend_from_slice(unsafe {
                        std::slice::from_raw_parts(piece.iov_base.cast::<u8>(), piece.iov_len)
                    });
                }
                bytes.truncate(written as usize);
                tape.written(fd, where_to(fd, bytes.len(), appends), &bytes);
            }
        });
    }
    written
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite64(fd: c_int, bytes: *const c_void, length: size_t, at: off64_t) -> ssize_t {
    let written = unsafe { libc::syscall(libc::SYS_pwrite64, fd, bytes, length, at) } as ssize_t;
    if written > 0 {
        let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), written as usize) };
        on_tape(|tape| tape.written(fd, at as u64, bytes));
    }
    written
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ftruncate64(fd: c_int, length: off64_t) -> c_int {
    let done = unsafe { libc::syscall(libc::SYS_ftruncate, fd, length) } as c_int;
    if done == 0 {
        on_tape(|tape| {
            if let Some((file, _)) = tape.file(fd) {
                tape.ops.push(Op::Truncate(file, length as u64));
            }
        });
    }
    done
}

fn sync(fd: c_int, call: libc::c_long) -> c_int {
    // What is written while the kernel is at it may or may not be part of it: only what was before counts.
    let number = on_tape(|tape| tape.begin_sync(fd)).flatten();
    let done = unsafe { libc::syscall(call, fd) } as c_int;
    if let (0, Some(number)) = (done, number) {
        on_tape(|tape| tape.ops.push(Op::Synced(number)));
    }
    done
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fsync(fd: c_int) -> c_int {
    sync(fd, libc::SYS_fsync)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    sync(fd, libc::SYS_fdatasync)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    let done = unsafe { libc::syscall(libc::SYS_renameat, libc::AT_FDCWD, from, libc::AT_FDCWD, to) } as c_int;
    if done == 0 {
        on_tape(|tape| {
            let [from, to] = [from, to].map(|path| tape.below(unsafe { path_of(path) }));
            if let (Some(from), Some(to)) = (from, to)
                && let Some(file) = tape.names.remove(&from)
            {
                tape.names.insert(to.clone(), file);
                tape.ops.push(Op::Rename(from, to));
            }
        });
    }
    done
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    let done = unsafe { libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, path, 0) } as c_int;
    if done == 0 {
        on_tape(|tape| {
            if let Some(name) = tape.below(unsafe { path_of(path) })
                && tape.names.remove(&name).is_some()
            {
                tape.ops.push(Op::Remove(name));
            }
        });
    }
    done
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
    let done = unsafe { libc::syscall(libc::SYS_mkdirat, libc::AT_FDCWD, path, mode) } as c_int;
    if done == 0 {
        on_tape(|tape| {
            if let Some(name) = tape.below(unsafe { path_of(path) }) {
                tape.ops.push(Op::Directory(name));
            }
        });
    }
    done
}
