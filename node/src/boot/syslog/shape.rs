//! An audit record as a syslog record, in the words of the HTTP API.

use quorate_alerts::syslog::{Kind, Record};
use quorate_core::audit::{AuditRecord, Entry};
use quorate_core::{NodeId, Reason, State, Verdict};

/// Further facts of the API, the most important first.
const DETAILS: [&str; 30] = [
    "method",
    "rule",
    "waiver",
    "device",
    "password",
    "channel",
    "report",
    "gateway",
    "attempts",
    "code",
    "name",
    "object",
    "removed",
    "admitted",
    "damaged",
    "successor",
    "rejects",
    "from_ms",
    "to_ms",
    "calling_station_id",
    "nas_identifier",
    "user_id",
    "token",
    "join_token",
    "expires_ms",
    "request",
    "first_seq",
    "base",
    "for_node",
    "records",
];

/// The record; names are those that objects have in `state`.
pub fn record(state: &State, stored: &AuditRecord) -> Record {
    let told = quorate_web::audit_record(state, stored);
    let mut facts = Vec::new();
    let mut fact = |name: &'static str, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    fact("user", told.user.clone());
    fact("client", told.client.clone());
    fact("result", result(&stored.entry).map(str::to_owned));
    fact("reason", told.reason.clone());
    fact("source", told.source.clone());
    fact("node", told.node.map(|node| node.to_string()));
    fact("actor", told.actor.clone());
    for name in DETAILS {
        fact(name, told.details.get(name).cloned());
    }
    Record {
        at_ms: stored.at_ms,
        kind: kind(&stored.entry),
        text: sentence(&told, &stored.entry),
        name: told.kind,
        facts,
        seq: Some(stored.seq),
    }
}

/// The same, sent by another node than the one that judged: outside the order, so that its number does not count as a position.
pub fn of_another(record: Record, judge: NodeId) -> Record {
    let seq = record.seq.map(|seq| ("seq", seq.to_string()));
    let facts = seq
        .into_iter()
        .chain([("for_node", judge.to_string())])
        .chain(record.facts)
        .collect();
    Record {
        seq: None,
        facts,
        ..record
    }
}

fn result(entry: &Entry) -> Option<&'static str> {
    match entry {
        Entry::Login(login) => Some(match login.verdict {
            Verdict::Accept => "accepted",
            Verdict::Reject(_) => "rejected",
        }),
        _ => None,
    }
}

fn kind(entry: &Entry) -> Kind {
    match entry {
        Entry::Login(login) => match login.verdict {
            Verdict::Accept => Kind::Accepted,
            Verdict::Reject(reason) if is_suspicious(reason) => Kind::Suspicious,
            Verdict::Reject(_) => Kind::Rejected,
        },
        Entry::RejectsSummarized(_) => Kind::Suspicious,
        Entry::Changed(_) => Kind::Changed,
        Entry::Founded { .. }
        | Entry::JoinTokenIssued { .. }
        | Entry::NodeAdmitted { .. }
        | Entry::NodeRemoved { .. }
        | Entry::SuccessorAdmitted { .. }
        | Entry::ReplacementCompleted { .. } => Kind::Membership,
        Entry::CodeQueued(_) | Entry::MessageReported(_) => Kind::Message,
        Entry::AuditPruned { .. } => Kind::Housekeeping,
    }
}

/// What honest mistakes seldom cause.
fn is_suspicious(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::CodeUsed
            | Reason::Locked
            | Reason::PasswordDelayed
            | Reason::UnreadableState
            | Reason::ConversationMismatch
            | Reason::ConversationSpent
            | Reason::OverBudget
    )
}

fn sentence(told: &quorate_api::AuditRecord, entry: &Entry) -> String {
    let unknown = || "?".to_owned();
    let what = told.kind.replace('_', " ");
    match entry {
        Entry::Login(login) => {
            let (user, client) = (
                told.user.clone().unwrap_or_else(unknown),
                told.client.clone().unwrap_or_else(unknown),
            );
            match login.verdict {
                Verdict::Accept => format!("login of {user} through {client} accepted"),
                Verdict::Reject(reason) => format!("login of {user} through {client} rejected: {reason}"),
            }
        }
        Entry::Changed(_) => {
            let name = told.details.get("name").cloned().unwrap_or_else(unknown);
            let actor = told.actor.clone().unwrap_or_else(unknown);
            format!("{what} {name} by {actor}")
        }
        Entry::CodeQueued(_) => {
            let (user, channel) = (told.user.clone(), told.details.get("channel").cloned());
            let (user, channel) = (user.unwrap_or_else(unknown), channel.unwrap_or_else(unknown));
            format!("code for {user} queued, to be sent by {channel}")
        }
        Entry::MessageReported(reported) => {
            let user = told.user.clone().unwrap_or_else(unknown);
            format!("message to {user}: {}", reported.report.label())
        }
        _ => what,
    }
}
