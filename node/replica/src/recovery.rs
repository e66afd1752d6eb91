//! What a node knows when it starts, and leaves when it stops: the image of a clean stop, or nothing. Where there is none, consensus
//! installs the newest snapshot and replays the log.
//!
//! A row (key and value, as core makes them) is the same in the image and in a snapshot; there a record is the key's
//! length in two bytes, the key, the value.

use std::io;
use std::path::Path;
use std::sync::Arc;

use quorate_core::{RowsDigest, State, StateBuilder};
use quorate_storage::{Clean, Image, ImageError};

use crate::published::View;

/// The state of a clean stop, or an empty one: of an image in `dir` that is damaged, or whose digest is not the marker's, nothing
/// is taken. Either way the image is gone afterwards, durably: what it says will soon be out of date.
///
/// # Errors
/// When the image cannot be read or removed.
pub fn recover(dir: &Path) -> Result<View, ImageError> {
    let view = Image::open(dir)?.and_then(|image| {
        from_image(&image)
            .inspect_err(|why| tracing::warn!(why, "the image is dropped; the state is rebuilt from snapshot and log"))
            .ok()
    });
    Image::remove(dir)?;
    Ok(view.unwrap_or_else(|| View {
        state: Arc::new(State::new()),
        applied: None,
        membership: Arc::from([]),
    }))
}

/// Leaves the image of a clean stop in `dir`. Costs as much as there are rows: about a second for each 100,000 users.
///
/// # Errors
/// When it cannot be written; there is then none, and the next start rebuilds the state.
pub fn leave(dir: &Path, view: &View) -> Result<(), ImageError> {
    let Some(applied) = view.applied else { return Ok(()) };
    let clean = Clean {
        applied,
        digest: view.state.digest(),
        meta: view.membership.to_vec(),
    };
    Image::write(dir, clean, view.state.rows())
}

fn from_image(image: &Image) -> Result<View, String> {
    let mut digest = RowsDigest::default();
    let rows = image.rows().map(|row| row.map_err(io::Error::other));
    let rows = rows.inspect(|row| {
        if let Ok((key, value)) = row {
            digest.row(key, value);
        }
    });
    let state = state_from_rows(rows).map_err(|error| format!("its rows cannot be read: {error}"))?;
    let clean = image.clean();
    match digest.finish() == clean.digest {
        true => Ok(View {
            state: Arc::new(state),
            applied: Some(clean.applied),
            membership: clean.meta.as_slice().into(),
        }),
        false => Err("its digest is not the one written at the clean stop".to_owned()),
    }
}

pub(crate) fn state_from_rows(rows: impl Iterator<Item = io::Result<(Vec<u8>, Vec<u8>)>>) -> io::Result<State> {
    let mut builder = StateBuilder::default();
    for row in rows {
        let (key, value) = row?;
        builder.row(&key, &value).map_err(damaged)?;
    }
    builder.finish().map_err(damaged)
}

fn damaged(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

pub(crate) fn write_record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(key.len()).expect("invariant: a row's key is a table number and an id or a name");
    let mut record = Vec::with_capacity(2 + key.len() + value.len());
    record.extend_from_slice(&length.to_be_bytes());
    record.extend_from_slice(key);
    record.extend_from_slice(value);
    record
}

pub(crate) fn read_record(record: Vec<u8>) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let cut = || io::Error::new(io::ErrorKind::InvalidData, "a record of the snapshot is cut off");
    let (length, rest) = record.split_first_chunk::<2>().ok_or_else(cut)?;
    let (key, value) = rest
        .split_at_checked(usize::from(u16::from_be_bytes(*length)))
        .ok_or_else(cut)?;
    Ok((key.to_vec(), value.to_vec()))
}
