//! What a power cut leaves of a recorded disk.
//!
//! Of what was synced, everything. Of the rest, what the dice say: a prefix of the writes, the last one torn, or any of the sectors that were
//! dirty, in any order; of names that were given or taken since their directory was synced, a prefix.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use quorate_simulator::dice::Dice;

use super::tape::{File, Op};

/// What a disk writes whole or not at all, while it loses the next. What is written to one later implies what was written before.
const SECTOR: u64 = 512;

/// How a disk goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The process only: what was written is there.
    Nothing,
    /// What was not synced, in part: the first writes of it, the last of those torn.
    Prefix,
    /// What was not synced, in part: any sectors.
    Sectors,
    /// The log's last so many flushes never happened, whatever the disk said. All else is there.
    Lies(usize),
}

/// Makes `to` what is left of the folder `node` after the first `cut` operations.
///
/// # Errors
/// When it cannot be written.
pub fn restore(ops: &[Op], node: &Path, to: &Path, loss: Loss, dice: &mut Dice) -> Result<()> {
    let mut synced = Synced::of(ops);
    if let Loss::Lies(flushes) = loss {
        synced.forget(ops, &node.join("log"), flushes);
    }
    let names = names(ops, node, &synced, loss, dice);
    fs::create_dir_all(to)?;
    let mut contents: BTreeMap<File, Vec<u8>> = BTreeMap::new();
    let wanted: BTreeSet<File> = names.files.values().copied().collect();
    for file in &wanted {
        contents.insert(*file, content(ops, *file, &synced, loss, dice));
    }
    for directory in &names.directories {
        fs::create_dir_all(to.join(directory.strip_prefix(node)?))?;
    }
    for (name, file) in &names.files {
        let path = to.join(name.strip_prefix(node)?);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, &contents[file])?;
    }
    Ok(())
}

/// Up to which operation each file and directory is on disk.
struct Synced {
    files: BTreeMap<File, usize>,
    directories: BTreeMap<PathBuf, usize>,
    /// Files whose last flushes were not what they seemed.
    lied: BTreeSet<File>,
}

impl Synced {
    /// Takes back the last `flushes` of the newest file in `log` that was appended to: its open chunk.
    fn forget(&mut self, ops: &[Op], log: &Path, flushes: usize) {
        let chunk = ops.iter().rev().find_map(|op| match op {
            Op::Create(path, file) if path.parent() == Some(log) && path.extension().is_some_and(|it| it == "wal") => {
                Some(*file)
            }
            _ => None,
        });
        let Some(chunk) = chunk else { return };
        let begun = ops
            .iter()
            .enumerate()
            .filter(|(_, op)| matches!(op, Op::Sync(file, _) if *file == chunk));
        let begun: Vec<usize> = begun.map(|(at, _)| at).collect();
        let upto = begun.len().checked_sub(flushes + 1).map_or(0, |kept| begun[kept]);
        self.files.insert(chunk, upto);
        self.lied.insert(chunk);
    }

    fn of(ops: &[Op]) -> Self {
        let mut begun: BTreeMap<u64, (usize, &Op)> = BTreeMap::new();
        let mut synced = Synced {
            files: BTreeMap::new(),
            directories: BTreeMap::new(),
            lied: BTreeSet::new(),
        };
        for (at, op) in ops.iter().enumerate() {
            match op {
                Op::Sync(_, number) | Op::SyncDirectory(_, number) => drop(begun.insert(*number, (at, op))),
                Op::Synced(number) => match begun.remove(number) {
                    Some((since, Op::Sync(file, _))) => {
                        let upto = synced.files.entry(*file).or_default();
                        *upto = since.max(*upto);
                    }
                    Some((since, Op::SyncDirectory(path, _))) => {
                        let upto = synced.directories.entry(path.clone()).or_default();
                        *upto = since.max(*upto);
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        synced
    }
}

#[derive(Default)]
struct Names {
    files: BTreeMap<PathBuf, File>,
    directories: BTreeSet<PathBuf>,
}

fn names(ops: &[Op], node: &Path, synced: &Synced, loss: Loss, dice: &mut Dice) -> Names {
    // Per directory: after which operation its names are no longer what they were.
    let mut unsynced: BTreeMap<PathBuf, Vec<usize>> = BTreeMap::new();
    for (at, op) in ops.iter().enumerate() {
        if let Some(directory) = directory_of(op, node)
            && synced.directories.get(&directory).is_none_or(|upto| at > *upto)
        {
            unsynced.entry(directory).or_default().push(at);
        }
    }
    let lost: BTreeSet<usize> = match loss {
        Loss::Nothing | Loss::Lies(_) => BTreeSet::new(),
        Loss::Prefix | Loss::Sectors => unsynced
            .into_values()
            .flat_map(|ats| {
                let kept = dice.of(0..ats.len() as u64 + 1) as usize;
                ats.into_iter().skip(kept).collect::<Vec<_>>()
            })
            .collect(),
    };
    let mut names = Names::default();
    for (at, op) in ops.iter().enumerate() {
        if lost.contains(&at) || directory_of(op, node).is_none() {
            continue;
        }
        match op {
            Op::Create(path, file) => drop(names.files.insert(path.clone(), *file)),
            Op::Directory(path) => drop(names.directories.insert(path.clone())),
            Op::Rename(from, to) => {
                if let Some(file) = names.files.remove(from) {
                    names.files.insert(to.clone(), file);
                }
            }
            Op::Remove(path) => drop(names.files.remove(path)),
            _ => {}
        }
    }
    names
}

/// The directory whose names an operation changes, if it is one of this node's.
fn directory_of(op: &Op, node: &Path) -> Option<PathBuf> {
    let path = match op {
        Op::Create(path, _) | Op::Directory(path) | Op::Rename(_, path) | Op::Remove(path) => path,
        _ => return None,
    };
    (path.starts_with(node) && path != node).then(|| path.parent().unwrap_or(Path::new("")).to_owned())
}

fn content(ops: &[Op], file: File, synced: &Synced, loss: Loss, dice: &mut Dice) -> Vec<u8> {
    let upto = synced.files.get(&file).copied().unwrap_or(0);
    let changes = ops.iter().enumerate().filter(|(_, op)| match op {
        Op::Write(of, ..) | Op::Truncate(of, _) => *of == file,
        _ => false,
    });
    let (safe, loose): (Vec<_>, Vec<_>) = changes.partition(|(at, _)| *at <= upto);
    let mut bytes = Vec::new();
    safe.into_iter().for_each(|(_, op)| change(&mut bytes, op));
    match loss {
        Loss::Lies(_) if synced.lied.contains(&file) => {}
        Loss::Nothing | Loss::Lies(_) => loose.into_iter().for_each(|(_, op)| change(&mut bytes, op)),
        Loss::Prefix => {
            let kept = dice.of(0..loose.len() as u64 + 1) as usize;
            for (number, (_, op)) in loose.into_iter().take(kept).enumerate() {
                match op {
                    Op::Write(_, at, written) if number + 1 == kept => {
                        let torn = dice.of(0..written.len() as u64 + 1) as usize;
                        change(&mut bytes, &Op::Write(file, *at, written[..torn].to_vec()));
                    }
                    op => change(&mut bytes, op),
                }
            }
        }
        Loss::Sectors => {
            // Per sector: from which write on it was lost.
            let (writes, mut lost_from) = (loose.len() as u64 + 1, BTreeMap::new());
            for (number, (_, op)) in loose.into_iter().enumerate() {
                match op {
                    Op::Write(_, at, written) => {
                        for (sector_at, sector) in sectors(*at, written) {
                            let lost = *lost_from
                                .entry(sector_at / SECTOR)
                                .or_insert_with(|| match dice.once_in(2) {
                                    true => writes,
                                    false => dice.of(0..writes),
                                });
                            if (number as u64) < lost {
                                change(&mut bytes, &Op::Write(file, sector_at, sector.to_vec()));
                            }
                        }
                    }
                    op if dice.once_in(2) => change(&mut bytes, op),
                    _ => {}
                }
            }
        }
    }
    bytes
}

/// A write in pieces that each lie within one sector.
fn sectors(at: u64, bytes: &[u8]) -> Vec<(u64, &[u8])> {
    let mut pieces = Vec::new();
    let (mut at, mut rest) = (at, bytes);
    while !rest.is_empty() {
        let here = ((SECTOR - at % SECTOR) as usize).min(rest.len());
        pieces.push((at, &rest[..here]));
        at += here as u64;
        rest = &rest[here..];
    }
    pieces
}

fn change(bytes: &mut Vec<u8>, op: &Op) {
    match op {
        Op::Write(_, at, written) => {
            let end = *at as usize + written.len();
            if !written.is_empty() && bytes.len() < end {
                bytes.resize(end, 0);
            }
            if !written.is_empty() {
                bytes[*at as usize..end].copy_from_slice(written);
            }
        }
        Op::Truncate(_, length) => bytes.resize(*length as usize, 0),
        _ => {}
    }
}
