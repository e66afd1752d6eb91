//! The audit trail: list, follow, verify.

mod shape;

use std::time::Duration;

use quorate_api::{
    AuditPage, AuditQuery, AuditRecord, AuditVerification, Nothing, ProblemKind, VerifyQuery, limits as contract,
};
use quorate_app::{AuditError, AuditFilter, AuditTail};
use quorate_core::State;
use tokio::time::Instant;

use super::paging;
use crate::call::{Answer, Call, Reply};
use crate::failure::Failure;
use crate::limits;
use crate::site::Site;

pub(crate) async fn list(call: Call<Nothing>) -> Answer<AuditPage> {
    let query: AuditQuery = call.query()?;
    let filter = filter(&call.site, &query)?;
    let page = match query.last {
        Some(_) if query.after.is_some() || query.limit.is_some() || query.wait_s.is_some() => {
            return Err(Failure::field(
                "last",
                "excludes after, limit and wait_s",
                "leave one of them out",
            ));
        }
        Some(last) => newest(&call.site, &query, filter, last).await?,
        None => after(&call.site, &query, filter).await?,
    };
    Ok(Reply::plain(page))
}

fn filter(site: &Site, query: &AuditQuery) -> Result<AuditFilter, Failure> {
    let mut filter = AuditFilter {
        names: site.administrator.names().clone(),
        ..AuditFilter::default()
    };
    let Some(user) = &query.user else { return Ok(filter) };
    match user.parse() {
        Ok(id) => filter.user = Some(id),
        Err(_) => {
            let name = filter.names.fold(user);
            filter.user_name =
                Some(name.map_err(|problem| {
                    Failure::field("user", problem.to_string(), "name, DOMAIN\\name or name@domain")
                })?);
        }
    }
    Ok(filter)
}

/// Records after a number, oldest first; waits for the next if there is none and the query says so.
async fn after(site: &Site, query: &AuditQuery, filter: AuditFilter) -> Result<AuditPage, Failure> {
    let limit = paging::limit(query.limit, "limit")?;
    let wait_s = query.wait_s.unwrap_or(0).min(contract::FOLLOW_WAIT_MAX_S);
    let deadline = Instant::now() + Duration::from_secs(wait_s);
    let mut from = query.after.map_or(0, |after| after.saturating_add(1));
    loop {
        let tail = site
            .audit
            .follow(from, filter.clone(), deadline)
            .await
            .map_err(unreadable)?;
        let page = page(site, query, tail, limit);
        if !page.items.is_empty() || Instant::now() >= deadline {
            return Ok(page);
        }
        from = page.next.saturating_add(1);
    }
}

fn page(site: &Site, query: &AuditQuery, tail: AuditTail, limit: usize) -> AuditPage {
    let state = site.replica.state();
    let mut items: Vec<AuditRecord> = shown(&state, query, &tail.records).take(limit + 1).collect();
    let cut = items.len() > limit;
    items.truncate(limit);
    let looked_at = tail.next.saturating_sub(1);
    let next = if cut {
        items.last().map_or(looked_at, |item| item.seq)
    } else {
        looked_at
    };
    AuditPage {
        items,
        next,
        more: next.saturating_add(1) < state.audit().next_seq(),
    }
}

/// The newest records, shown oldest first.
async fn newest(site: &Site, query: &AuditQuery, filter: AuditFilter, last: u32) -> Result<AuditPage, Failure> {
    let limit = paging::limit(Some(last), "last")?;
    let state = site.replica.state();
    let next = state.audit().next_seq();
    let mut items = Vec::new();
    let (mut before, mut seen) = (Some(next), 0);
    while before.is_some() && items.len() < limit && seen < limits::AUDIT_SCAN {
        let ask = quorate_app::AuditQuery {
            filter: filter.clone(),
            before,
            limit: contract::PAGE_MAX as usize,
        };
        let page = site.audit.list(ask).await.map_err(unreadable)?;
        seen += page.records.len();
        items.extend(shown(&state, query, &page.records));
        before = page.next_before;
    }
    items.truncate(limit);
    items.reverse();
    Ok(AuditPage {
        items,
        next: next.saturating_sub(1),
        more: false,
    })
}

/// Records as they are shown, of the kind that was asked for.
fn shown<'a>(
    state: &'a State,
    query: &'a AuditQuery,
    records: &'a [quorate_core::audit::AuditRecord],
) -> impl Iterator<Item = AuditRecord> + 'a {
    let wanted = |record: &AuditRecord| query.kind.as_ref().is_none_or(|kind| record.kind == *kind);
    records.iter().map(|record| shape::record(state, record)).filter(wanted)
}

pub(crate) async fn verify(call: Call<Nothing>) -> Answer<AuditVerification> {
    let query: VerifyQuery = call.query()?;
    let expected = query.expected_head.as_deref().map(head).transpose()?;
    let (own, records) = call.site.audit.head();
    let (ok, head, records, problem) = match call.site.audit.verify(expected).await {
        Ok(verified) => (true, verified.head, verified.first_seq + verified.records, None),
        Err(AuditError::Chain(fault)) => (false, own, records, Some(fault.to_string())),
        Err(AuditError::Record(fault)) => (false, own, records, Some(fault.to_string())),
        Err(error) => return Err(unreadable(error)),
    };
    Ok(Reply::plain(AuditVerification {
        ok,
        records,
        head: data_encoding::HEXLOWER.encode(&head),
        problem,
    }))
}

fn head(text: &str) -> Result<quorate_core::audit::Head, Failure> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| Failure::field("expected_head", "is no head", "64 hexadecimal digits"))
}

fn unreadable(error: AuditError) -> Failure {
    let source = std::error::Error::source(&error)
        .map(|source| format!(": {source}"))
        .unwrap_or_default();
    Failure::new(ProblemKind::Internal).because(format!("{error}{source}"))
}
