//! The audit as files that an auditor takes along: `segments/`, the same on every node, and `heads.json`.

use std::fs;
use std::path::{Path, PathBuf};

use quorate_api::{AuditHeads, endpoints};
use quorate_core::audit::Segment;
use quorate_core::limits::RECORDS_PER_SEGMENT;
use serde::Serialize;

use crate::cli::{
    api::Api,
    exit::{Done, Failure},
    output::{Format, json},
};

/// The file of an export that says what the segments must come to.
pub const HEADS: &str = "heads.json";

/// What was written.
#[derive(Serialize)]
struct Exported {
    records: u64,
    segments_fetched: u64,
    segments_kept: u64,
    head: String,
}

pub async fn export(api: &Api, format: Format, dir: &Path) -> Done {
    let segments = dir.join("segments");
    fs::create_dir_all(&segments).map_err(|error| Failure::system(segments.display(), error))?;
    // The heads first: what is appended meanwhile is in the segments too and is not looked at.
    let heads: AuditHeads = api.ask(endpoints::AUDIT_HEADS, &[]).await?;
    let mut exported = Exported {
        records: heads.now.records,
        segments_fetched: 0,
        segments_kept: 0,
        head: heads.now.head.clone(),
    };
    let numbers = heads.first_seq / RECORDS_PER_SEGMENT..heads.now.records.div_ceil(RECORDS_PER_SEGMENT);
    for number in numbers.clone() {
        if is_whole(&segment_file(dir, number)) {
            exported.segments_kept += 1;
            continue;
        }
        fetch(api, dir, number).await?;
        exported.segments_fetched += 1;
        if exported.segments_fetched.is_multiple_of(100) {
            eprintln!("{number} of {}", numbers.end);
        }
    }
    write(&dir.join(HEADS), json(&heads).as_bytes())?;
    format.show(&exported, |exported| {
        format!(
            "{} records in {} ({} segments fetched, {} were there)\nhead {}\ncheck it: quorate audit verify --dir {}",
            exported.records,
            dir.display(),
            exported.segments_fetched,
            exported.segments_kept,
            exported.head,
            dir.display(),
        )
    });
    Ok(())
}

/// The file of a segment in an export.
pub fn segment_file(dir: &Path, number: u64) -> PathBuf {
    dir.join("segments").join(format!("{number:020}.segment"))
}

/// A closed segment never changes; the one that was open at the last export does.
fn is_whole(file: &Path) -> bool {
    let segment = fs::read(file).ok().and_then(|bytes| Segment::from_bytes(&bytes).ok());
    segment.is_some_and(|segment| segment.records().len() as u64 == RECORDS_PER_SEGMENT)
}

async fn fetch(api: &Api, dir: &Path, number: u64) -> Done {
    let segment = api.ask(endpoints::AUDIT_SEGMENT, &[&number.to_string()]).await?;
    let bytes = data_encoding::BASE64
        .decode(segment.content.as_bytes())
        .map_err(|error| Failure::system(format_args!("segment {number} is not readable"), error))?;
    write(&segment_file(dir, number), &bytes)
}

/// Whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Done {
    let unfinished = path.with_extension("tmp");
    let written = fs::write(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, path));
    written.map_err(|error| Failure::system(path.display(), error))
}
