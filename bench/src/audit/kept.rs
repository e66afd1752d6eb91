//! The state at the end of what was written, kept beside it: rows with their lengths.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use quorate_core::{State, StateBuilder};
use quorate_replica::{Published, View};

const FILE: &str = "state";

pub fn save(dir: &Path, state: &State) -> Result<()> {
    let mut bytes = Vec::new();
    for (key, value) in state.rows() {
        for part in [key, value] {
            bytes.extend((part.len() as u32).to_be_bytes());
            bytes.extend(part);
        }
    }
    Ok(fs::write(dir.join(FILE), bytes)?)
}

/// The state that was kept; none if nothing was written here.
pub fn load(dir: &Path) -> Result<Option<State>> {
    let Ok(bytes) = fs::read(dir.join(FILE)) else {
        return Ok(None);
    };
    let mut rest = &bytes[..];
    let mut builder = StateBuilder::default();
    while !rest.is_empty() {
        let key = part(&mut rest)?;
        builder.row(key, part(&mut rest)?)?;
    }
    Ok(Some(builder.finish()?))
}

pub fn publish(state: State) -> Arc<Published> {
    Arc::new(Published::new(View {
        state: Arc::new(state),
        applied: None,
        membership: Arc::from([]),
    }))
}

fn part<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8]> {
    let (length, behind) = rest.split_first_chunk::<4>().context("the kept state is cut off")?;
    let length = u32::from_be_bytes(*length) as usize;
    let (part, behind) = behind.split_at_checked(length).context("the kept state is cut off")?;
    *rest = behind;
    Ok(part)
}
