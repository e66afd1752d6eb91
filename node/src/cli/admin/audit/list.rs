//! Records as a table, or as they come.

use quorate_api::{AuditPage, AuditQuery, AuditRecord, endpoints};

use crate::cli::{
    admin::or_dash,
    api::Api,
    exit::Done,
    output::{Format, Table, say, utc},
};

pub async fn list(api: &Api, format: Format, query: &AuditQuery) -> Done {
    let page = api.ask_with(endpoints::LIST_AUDIT, &[], query).await?;
    say_what_is_missing(&page);
    format.show(&page.items, |items| table(items).render("There are no such records."));
    Ok(())
}

/// On standard error, beside the records.
fn say_what_is_missing(page: &AuditPage) {
    if page.unavailable > 0 {
        eprintln!(
            "note: {} records are not on this node now and were not looked at; it is fetching them, and another node may have them",
            page.unavailable
        );
    }
    if let Some(index) = page.index {
        eprintln!(
            "note: this node is building its index of the audit ({} of {} segments); until then answers take longer",
            index.indexed, index.of
        );
        if let Some(before) = page.earlier {
            eprintln!("note: looked back to record {before} so far; go on with --before {before}");
        }
    }
}

pub async fn follow(api: &Api, format: Format, mut query: AuditQuery) -> Done {
    if query.after.is_none() {
        let newest = AuditQuery {
            last: Some(1),
            ..AuditQuery::default()
        };
        query.after = Some(api.ask_with(endpoints::LIST_AUDIT, &[], &newest).await?.next);
    }
    loop {
        let page = api.ask_with(endpoints::LIST_AUDIT, &[], &query).await?;
        for record in &page.items {
            match format {
                Format::Json => say(serde_json::to_string(record).expect("invariant: a record serialises")),
                Format::Text => say(cells(record).join("  ")),
            }
        }
        query.after = Some(page.next);
    }
}

fn table(records: &[AuditRecord]) -> Table {
    let mut table = Table::new(&[
        "SEQ",
        "TIME (UTC)",
        "WHAT",
        "USER",
        "CLIENT",
        "SOURCE",
        "NODE",
        "WHY OR WHO",
    ]);
    for record in records {
        table.row(cells(record).into());
    }
    table
}

fn cells(record: &AuditRecord) -> [String; 8] {
    let text = |field: &Option<String>| or_dash(field.as_deref().unwrap_or(""));
    let why = record.reason.as_ref().or(record.actor.as_ref());
    [
        record.seq.to_string(),
        utc(record.at_ms),
        record.kind.clone(),
        text(&record.user),
        text(&record.client),
        text(&record.source),
        record.node.map_or("-".to_owned(), |id| id.to_string()),
        text(&why.cloned()),
    ]
}
