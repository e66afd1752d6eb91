//! The marker of a clean stop: which state the image holds, and what its files looked like.
//!
//! ```text
//! "QCLEAN01" | applied: term, node, index u64 | digest, 32 bytes
//! | files u32, each: name length u16, name, bytes u64, crc32 u32 | meta length u32, meta
//! | crc32 of all before                                                       (big-endian)
//! ```

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::Clean;
use crate::{LogId, durable, limits};

const MAGIC: &[u8; 8] = b"QCLEAN01";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) clean: Clean,
    pub(super) files: Vec<Fingerprint>,
}

/// One of sled's files as it was left.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fingerprint {
    name: String,
    bytes: u64,
    crc: u32,
}

impl Marker {
    /// `None` when there is no marker, or none that can be trusted.
    pub(super) fn read(path: &Path) -> io::Result<Option<Marker>> {
        let mut bytes = Vec::new();
        match File::open(path) {
            Ok(file) => file.take(limits::IMAGE_MARKER_BYTES as u64).read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Marker::decode(&bytes))
    }

    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let bytes = self.encode();
        if bytes.len() > limits::IMAGE_MARKER_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the metadata is over the limit",
            ));
        }
        durable::write_whole(path, &[&bytes])
    }

    fn encode(&self) -> Vec<u8> {
        let Clean { applied, digest, meta } = &self.clean;
        let mut out = MAGIC.to_vec();
        for number in [applied.term, applied.node, applied.index] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(digest);
        out.extend_from_slice(&(self.files.len() as u32).to_be_bytes());
        for file in &self.files {
            out.extend_from_slice(&(file.name.len() as u16).to_be_bytes());
            out.extend_from_slice(file.name.as_bytes());
            out.extend_from_slice(&file.bytes.to_be_bytes());
            out.extend_from_slice(&file.crc.to_be_bytes());
        }
        out.extend_from_slice(&(meta.len() as u32).to_be_bytes());
        out.extend_from_slice(meta);
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_be_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Option<Marker> {
        let (body, crc) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(body) != u32::from_be_bytes(*crc) {
            return None;
        }
        let mut input = body.strip_prefix(MAGIC)?;
        let input = &mut input;
        let applied = LogId {
            term: take_u64(input)?,
            node: take_u64(input)?,
            index: take_u64(input)?,
        };
        let digest = *take(input)?;
        let count = u32::from_be_bytes(*take(input)?);
        let files = (0..count)
            .map(|_| take_fingerprint(input))
            .collect::<Option<Vec<_>>>()?;
        let length = u32::from_be_bytes(*take(input)?) as usize;
        let meta = (length == input.len()).then(|| input.to_vec())?;
        Some(Marker {
            clean: Clean { applied, digest, meta },
            files,
        })
    }
}

/// Syncs every file of `dir`, and `dir`, and says what they look like.
pub(super) fn sync_and_fingerprint(dir: &Path) -> io::Result<Vec<Fingerprint>> {
    let files = fingerprint_each(dir, |file| file.sync_all())?;
    durable::sync_dir(dir)?;
    Ok(files)
}

/// What the files of `dir` look like.
pub(super) fn fingerprint(dir: &Path) -> io::Result<Vec<Fingerprint>> {
    fingerprint_each(dir, |_| Ok(()))
}

fn fingerprint_each(dir: &Path, visit: impl Fn(&File) -> io::Result<()>) -> io::Result<Vec<Fingerprint>> {
    let mut found = Vec::new();
    visit_files(dir, dir, &mut |name, path| {
        let mut file = File::open(path)?;
        visit(&file)?;
        let mut crc = crc32fast::Hasher::new();
        let mut buffer = vec![0; limits::SNAPSHOT_BLOCK_BYTES];
        let mut bytes = 0;
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            crc.update(&buffer[..read]);
            bytes += read as u64;
        }
        found.push(Fingerprint {
            name,
            bytes,
            crc: crc.finalize(),
        });
        Ok(())
    })?;
    found.sort();
    Ok(found)
}

fn visit_files(root: &Path, dir: &Path, visit: &mut dyn FnMut(String, &Path) -> io::Result<()>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            visit_files(root, &path, visit)?;
            durable::sync_dir(&path)?;
        } else {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            visit(name, &path)?;
        }
    }
    Ok(())
}

fn take<'a, const N: usize>(input: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, rest) = input.split_first_chunk::<N>()?;
    *input = rest;
    Some(taken)
}

fn take_u64(input: &mut &[u8]) -> Option<u64> {
    take(input).copied().map(u64::from_be_bytes)
}

fn take_fingerprint(input: &mut &[u8]) -> Option<Fingerprint> {
    let length = u16::from_be_bytes(*take(input)?) as usize;
    let (name, rest) = input.split_at_checked(length)?;
    *input = rest;
    let name = String::from_utf8(name.to_vec()).ok()?;
    Some(Fingerprint {
        name,
        bytes: take_u64(input)?,
        crc: u32::from_be_bytes(*take(input)?),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marker() -> impl Strategy<Value = Marker> {
        let file = ("[a-z./]{0,20}", any::<u64>(), any::<u32>());
        let clean = (
            any::<(u64, u64, u64)>(),
            any::<[u8; 32]>(),
            prop::collection::vec(any::<u8>(), 0..60),
        );
        (clean, prop::collection::vec(file, 0..5)).prop_map(|((at, digest, meta), files)| {
            let applied = LogId {
                term: at.0,
                node: at.1,
                index: at.2,
            };
            let files = files
                .into_iter()
                .map(|(name, bytes, crc)| Fingerprint { name, bytes, crc })
                .collect();
            Marker {
                clean: Clean { applied, digest, meta },
                files,
            }
        })
    }

    proptest! {
        #[test]
        fn a_marker_is_read_as_written(marker in marker()) {
            prop_assert_eq!(Marker::decode(&marker.encode()), Some(marker));
        }

        #[test]
        fn no_changed_byte_goes_unnoticed(marker in marker(), at in any::<prop::sample::Index>(), bits in 1_u8..) {
            let mut bytes = marker.encode();
            let at = at.index(bytes.len());
            bytes[at] ^= bits;
            prop_assert_eq!(Marker::decode(&bytes), None);
        }
    }
}
