//! The state as a snapshot holds it: rows (key and value, as core makes them), each in a record of the key's
//! length in two bytes, the key, the value.

use std::io;

use quorate_core::{State, StateBuilder};

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
