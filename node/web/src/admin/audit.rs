//! The audit trail: list, follow, verify, keep.

mod keep;
pub(crate) mod shape;

use std::ops::Range;
use std::time::Duration;

use quorate_api::{
    AuditExtent, AuditPage, AuditQuery, AuditVerification, IndexProgress, LoginResult, Nothing, ProblemKind,
    VerifyQuery, limits as contract,
};
use quorate_app::{AuditError, AuditFilter, Order};
use quorate_core::ClientId;
use tokio::time::Instant;

pub(crate) use self::keep::{heads, segment, set_retention, status};
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
        None if query.before.is_some() => {
            return Err(Failure::field("before", "goes with last", "say how many: last=100"));
        }
        Some(last) => newest(&call.site, filter, last, query.before).await?,
        None => after(&call.site, &query, filter).await?,
    };
    Ok(Reply::plain(page))
}

fn filter(site: &Site, query: &AuditQuery) -> Result<AuditFilter, Failure> {
    let mut filter = AuditFilter {
        names: site.administrator.names().clone(),
        client: query.client.as_deref().map(|text| client(site, text)).transpose()?,
        result: query.result.map(|result| match result {
            LoginResult::Accepted => quorate_app::LoginResult::Accepted,
            LoginResult::Rejected => quorate_app::LoginResult::Rejected,
        }),
        reason: query.reason.clone(),
        kind: query.kind.clone(),
        since_ms: query.since_ms,
        until_ms: query.until_ms,
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

/// By name, or by id whether or not it still is there.
fn client(site: &Site, text: &str) -> Result<ClientId, Failure> {
    let state = site.replica.state();
    let named = || state.client_by_name(text).map(|client| client.id);
    text.parse().ok().or_else(named).ok_or_else(|| {
        Failure::field(
            "client",
            "is no RADIUS client",
            "a name; of a deleted client its id, as c-0123456789abcdef",
        )
    })
}

/// Records after a number, oldest first; waits for the next if there is none and the query says so.
async fn after(site: &Site, query: &AuditQuery, filter: AuditFilter) -> Result<AuditPage, Failure> {
    let limit = paging::limit(query.limit, "limit")?;
    let wait_s = query.wait_s.unwrap_or(0).min(contract::FOLLOW_WAIT_MAX_S);
    let deadline = Instant::now() + Duration::from_secs(wait_s);
    let from = query.after.map_or(0, |after| after.saturating_add(1));
    let found = site
        .audit
        .follow(from, filter, limit, deadline)
        .await
        .map_err(unreadable)?;
    let state = site.replica.state();
    let next = found.left.start.max(from).saturating_sub(1);
    Ok(AuditPage {
        items: found
            .records
            .iter()
            .map(|record| shape::record(&state, record))
            .collect(),
        next,
        more: next.saturating_add(1) < state.audit().next_seq(),
        earlier: None,
        unavailable: found.unavailable,
        index: index_progress(site),
    })
}

/// The newest records, shown oldest first.
async fn newest(site: &Site, filter: AuditFilter, last: u32, before: Option<u64>) -> Result<AuditPage, Failure> {
    let limit = paging::limit(Some(last), "last")?;
    let state = site.replica.state();
    let next = state.audit().next_seq();
    let query = quorate_app::AuditQuery {
        filter,
        range: 0..before.unwrap_or(next).min(next),
        order: Order::NewestFirst,
        limit,
        deadline: Instant::now() + limits::AUDIT_LOOK,
    };
    let found = site.audit.list(query).await.map_err(unreadable)?;
    let Range { end, .. } = found.left;
    let newest_first = found.records.iter().rev();
    Ok(AuditPage {
        items: newest_first.map(|record| shape::record(&state, record)).collect(),
        next: next.saturating_sub(1),
        more: false,
        earlier: (!found.left.is_empty()).then_some(end),
        unavailable: found.unavailable,
        index: index_progress(site),
    })
}

fn index_progress(site: &Site) -> Option<IndexProgress> {
    let archive = site.audit.archive_standing();
    (archive.indexed < archive.segments).then_some(IndexProgress {
        indexed: archive.indexed,
        of: archive.segments,
    })
}

/// How much of the audit is here: a line of the cluster's status.
pub(super) fn extent(site: &Site) -> AuditExtent {
    AuditExtent {
        records: site.replica.state().audit().next_seq(),
        missing_segments: site.audit.archive_standing().missing,
        index: index_progress(site),
    }
}

pub(crate) async fn verify(call: Call<Nothing>) -> Answer<AuditVerification> {
    let query: VerifyQuery = call.query()?;
    let expected = query.expected_head.as_deref().map(head).transpose()?;
    let standing = call.site.audit.standing();
    let (own, first_seq) = (
        standing.state.audit().head(),
        standing.state.audit().checkpoint().first_seq(),
    );
    let (head, records, signed, problem) = match call.site.audit.verify(expected).await {
        Ok(verified) => {
            let bad = verified.signed.iter().find(|signed| !signed.good);
            let problem = bad.map(|bad| {
                format!(
                    "what is there as node {}'s signature over {} records is none",
                    bad.node, bad.records
                )
            });
            (verified.chain.head, verified.chain.next_seq(), verified.signed, problem)
        }
        Err(error @ (AuditError::Chain(_) | AuditError::Record(_) | AuditError::Segment { .. })) => {
            let problem = match error {
                AuditError::Chain(fault) => fault.to_string(),
                error => described(&error),
            };
            (own, standing.state.audit().next_seq(), standing.signed, Some(problem))
        }
        Err(error) => return Err(unreadable(error)),
    };
    Ok(Reply::plain(AuditVerification {
        ok: problem.is_none(),
        first_seq,
        records,
        head: data_encoding::HEXLOWER.encode(&head),
        signed: signed.iter().map(keep::signed_head).collect(),
        problem,
    }))
}

fn head(text: &str) -> Result<quorate_core::audit::Head, Failure> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| Failure::field("expected_head", "is no head", "64 hexadecimal digits"))
}

pub(super) fn unreadable(error: AuditError) -> Failure {
    Failure::new(ProblemKind::Internal).because(described(&error))
}

fn described(error: &AuditError) -> String {
    let source = std::error::Error::source(error)
        .map(|source| format!(": {source}"))
        .unwrap_or_default();
    format!("{error}{source}")
}
