//! What a node knows when it starts: the image of a clean stop, or nothing. Where the image is missing or behind, consensus installs the
//! newest snapshot and replays the log.
//!
//! A row (key and value, as core makes them) is the same in the image and in a snapshot; there a record is the key's
//! length in two bytes, the key, the value.

use std::io;
use std::sync::Arc;

use quorate_core::{State, StateBuilder};
use quorate_storage::{Clean, Image, ImageError};

use crate::published::View;

/// What was found on disk.
pub struct Recovered {
    /// Where the machine goes on from.
    pub view: View,
    /// What the image holds: the same state after a clean stop, else nothing.
    pub in_image: State,
}

/// Recovers the state of a clean stop. An image whose digest is not the marker's is dropped, as is (by storage) every image without a marker.
///
/// # Errors
/// When the image cannot be read or dropped.
pub fn recover(image: &Image, clean: Option<Clean>) -> Result<Recovered, ImageError> {
    if let Some(clean) = clean {
        match from_image(image, &clean) {
            Ok(state) => {
                let view = View {
                    state: Arc::new(state.clone()),
                    applied: Some(clean.applied),
                    membership: clean.meta.into(),
                };
                return Ok(Recovered { view, in_image: state });
            }
            Err(why) => tracing::warn!(why, "the image is dropped and rebuilt from snapshot and log"),
        }
        image.clear()?;
    }
    let view = View {
        state: Arc::new(State::new()),
        applied: None,
        membership: Arc::from([]),
    };
    Ok(Recovered {
        view,
        in_image: State::new(),
    })
}

fn from_image(image: &Image, clean: &Clean) -> Result<State, String> {
    let rows = image.rows().map(|row| row.map_err(io::Error::other));
    let state = state_from_rows(rows).map_err(|error| format!("its rows cannot be read: {error}"))?;
    match state.digest() == clean.digest {
        true => Ok(state),
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
