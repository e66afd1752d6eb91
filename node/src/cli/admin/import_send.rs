//! The conversation of an import with one node: begin, pages of rows, one order.

use std::collections::BTreeSet;

use quorate_api::{CommitImport, GatherRows, Import, ImportRow, endpoints, limits as contract};
use quorate_import::Report;

use super::import_rows::{self, Sent};
use crate::cli::{
    api::Api,
    exit::{Done, Exit, Failure},
    limits,
};

/// Has a node judge all rows and keep none. What is wrong stands in the report then, and the rows are without it.
///
/// # Errors
/// No node answers, or not this.
pub async fn look(api: &Api, rows: &mut Vec<Sent>, report: &mut Report) -> Done {
    let import: Import = api.ask(endpoints::BEGIN_IMPORT, &[]).await?;
    let said = gather(api, &import.id, rows, true, report).await;
    // It holds nothing; if this fails, it is forgotten in half an hour.
    let _ = api.order(endpoints::DROP_IMPORT, &[&import.id]).await;
    let wrong = said?;
    let mut place = 0;
    rows.retain(|_| {
        place += 1;
        !wrong.contains(&(place - 1))
    });
    Ok(())
}

/// Sends all rows, then gives the order.
///
/// # Errors
/// A row became wrong meanwhile and those are not to be skipped, or no node answers. What was made until then stays.
pub async fn send(api: &Api, rows: &[Sent], report: &mut Report, skip_wrong: bool) -> Done<Import> {
    let import: Import = api.ask(endpoints::BEGIN_IMPORT, &[]).await?;
    let done = async {
        gather(api, &import.id, rows, false, report).await?;
        commit(api, &import.id, skip_wrong).await
    };
    let done = done.await;
    // However it ended: the next try begins anew, and a node holds only a few. If this fails, it is forgotten in half an hour.
    let _ = api.order(endpoints::DROP_IMPORT, &[&import.id]).await;
    done
}

/// The places of rows that are wrong.
async fn gather(api: &Api, import: &str, rows: &[Sent], only_look: bool, report: &mut Report) -> Done<BTreeSet<usize>> {
    let mut wrong = BTreeSet::new();
    let mut sent = 0;
    while sent < rows.len() {
        let page = page(&rows[sent..], only_look);
        let asked = GatherRows {
            only_look,
            rows: rows[sent..sent + page].iter().map(|one| one.row.clone()).collect(),
        };
        let said = api.tell(endpoints::GATHER_ROWS, &[import], &asked).await?;
        for row in said.wrong {
            let place = sent + row.row as usize;
            if let Some(one) = rows.get(place) {
                import_rows::refuse(report, one.from, &row.errors);
                wrong.insert(place);
            }
        }
        for row in said.there.into_iter().filter(|_| only_look) {
            if let Some(one) = rows.get(sent + row as usize) {
                import_rows::note(report, one.from, "is there already, and stays as it is");
            }
        }
        sent += page;
    }
    Ok(wrong)
}

/// How many rows go into one request: what it may hold, and what a node hashes before it is due.
fn page(rows: &[Sent], only_look: bool) -> usize {
    let (mut count, mut bytes, mut hashes) = (0, 0, 0);
    for one in rows.iter().take(contract::IMPORT_MAX) {
        bytes += serde_json::to_vec(&one.row).map_or(0, |text| text.len() + 1);
        hashes += usize::from(is_hashed(&one.row));
        let full = bytes > limits::IMPORT_PAGE_BYTES || (!only_look && hashes > limits::IMPORT_PAGE_HASHES);
        if full && count > 0 {
            break;
        }
        count += 1;
    }
    count
}

/// Whether an Argon2id is computed for it: over a clear password, or over what another product made of one.
fn is_hashed(row: &ImportRow) -> bool {
    matches!(row, ImportRow::User(user) if user.password.is_some() || user.foreign_hash.is_some())
}

/// Gives the order until nothing waits. A node that cannot just now is asked again: what was made is not made twice.
async fn commit(api: &Api, import: &str, skip_wrong: bool) -> Done<Import> {
    let mut patience = limits::IMPORT_ORDERS;
    loop {
        let order = CommitImport { skip_wrong };
        match api.tell(endpoints::COMMIT_IMPORT, &[import], &order).await {
            Ok(standing) if standing.waiting == 0 => return Ok(standing),
            Ok(_) => patience = limits::IMPORT_ORDERS,
            Err(failure) => {
                let later = matches!(failure.exit, Exit::Unavailable | Exit::OutcomeUnknown);
                patience -= 1;
                if !later || patience == 0 {
                    return Err(stopped(failure, later));
                }
                tokio::time::sleep(limits::IMPORT_PAUSE).await;
            }
        }
    }
}

fn stopped(failure: Failure, later: bool) -> Failure {
    match later {
        true => failure.advise("what was made stays; the same command goes on where it stopped"),
        false => failure,
    }
}

#[cfg(test)]
mod tests {
    use quorate_api::{Confidential, ImportedUser};

    use super::*;

    fn users(count: usize, password: Option<&str>, group: usize) -> Vec<Sent> {
        let user = |place: usize| ImportedUser {
            name: format!("u{place}"),
            password: password.map(Confidential::from),
            groups: vec!["g".repeat(group)],
            ..ImportedUser::default()
        };
        (0..count)
            .map(|place| Sent {
                row: ImportRow::User(user(place)),
                from: place as u64,
            })
            .collect()
    }

    #[test]
    fn a_page_is_bounded_by_rows_bytes_and_hashes() {
        assert_eq!(page(&users(2_000, None, 1), false), contract::IMPORT_MAX);
        assert_eq!(page(&users(2_000, Some("p"), 1), false), limits::IMPORT_PAGE_HASHES);
        assert_eq!(page(&users(2_000, Some("p"), 1), true), contract::IMPORT_MAX);
        let wide = page(&users(2_000, None, 10_000), false);
        assert!(wide > 10 && wide * 10_000 <= limits::IMPORT_PAGE_BYTES, "{wide}");
        assert_eq!(
            page(&users(1, None, limits::IMPORT_PAGE_BYTES), false),
            1,
            "one always goes"
        );
    }
}
