//! An audit record as text that people and scripts read.
//!
//! Bytes that a device sent are shown as UTF-8 where they are, with everything else replaced and
//! without control characters: a terminal prints them.

use std::collections::BTreeMap;

use quorate_api::AuditRecord;
use quorate_core::audit::{
    AuditRecord as Stored, ChangeEntry, Entry, LoginEntry, Object, RejectsEntry, ReportEntry, SendEntry,
};
use quorate_core::{Actor, ClientId, Report, State, UserId, Verdict};

/// The record in the words of the API; names are those that objects have in `state`.
pub fn record(state: &State, stored: &Stored) -> AuditRecord {
    let blank = blank(stored);
    match &stored.entry {
        Entry::Login(login) => of_login(state, blank, login),
        Entry::RejectsSummarized(rejects) => of_rejects(state, blank, rejects),
        Entry::Changed(change) => of_change(blank, change),
        Entry::Founded { node } => AuditRecord {
            node: Some(node.0),
            ..blank
        },
        Entry::JoinTokenIssued {
            actor,
            node,
            token,
            expires_ms,
        } => AuditRecord {
            node: Some(node.0),
            details: details([
                ("join_token", token.to_string()),
                ("expires_ms", expires_ms.to_string()),
            ]),
            ..by(actor, blank)
        },
        Entry::NodeAdmitted { node, name, token, by } => AuditRecord {
            node: Some(by.0),
            details: details([
                ("admitted", node.to_string()),
                ("name", name.to_string()),
                ("join_token", token.to_string()),
            ]),
            ..blank
        },
        Entry::NodeRemoved { actor, node, removed } => AuditRecord {
            node: Some(node.0),
            details: details([("removed", removed.to_string())]),
            ..by(actor, blank)
        },
        Entry::SuccessorAdmitted { node, damaged, by } => AuditRecord {
            node: Some(by.0),
            details: details([("admitted", node.to_string()), ("damaged", damaged.to_string())]),
            ..blank
        },
        Entry::ReplacementCompleted { damaged, successor, by } => AuditRecord {
            node: Some(by.0),
            details: details([("removed", damaged.to_string()), ("successor", successor.to_string())]),
            ..blank
        },
        Entry::CodeQueued(send) => of_send(state, blank, send),
        Entry::MessageReported(reported) => of_report(state, blank, reported),
        Entry::AuditPruned { node, first_seq, head } => AuditRecord {
            node: Some(node.0),
            details: details([
                ("first_seq", first_seq.to_string()),
                ("base", data_encoding::HEXLOWER.encode(head)),
            ]),
            ..blank
        },
    }
}

fn blank(stored: &Stored) -> AuditRecord {
    AuditRecord {
        seq: stored.seq,
        at_ms: stored.at_ms,
        kind: stored.entry.label().to_owned(),
        user: None,
        client: None,
        reason: None,
        source: None,
        node: None,
        actor: None,
        details: BTreeMap::new(),
    }
}

fn of_login(state: &State, blank: AuditRecord, login: &LoginEntry) -> AuditRecord {
    let facts = &login.facts;
    let reason = match login.verdict {
        Verdict::Accept => None,
        Verdict::Reject(reason) => Some(reason.label().to_owned()),
    };
    let mut more = details([
        ("method", facts.method.label().to_owned()),
        ("request", login.fingerprint.to_string()),
    ]);
    more.extend(login.user.map(|id| ("user_id".to_owned(), id.to_string())));
    if !login.tokens.is_empty() {
        let tokens: Vec<String> = login.tokens.iter().map(ToString::to_string).collect();
        more.insert("token".to_owned(), tokens.join(" "));
    }
    more.extend(
        facts
            .calling_station_id
            .as_deref()
            .map(|text| ("calling_station_id".to_owned(), printable(text))),
    );
    more.extend(
        facts
            .nas_identifier
            .as_deref()
            .map(|text| ("nas_identifier".to_owned(), printable(text))),
    );
    let rule = |id| {
        state
            .rule(id)
            .map_or_else(|| id.to_string(), |rule| rule.name.to_string())
    };
    more.extend(login.rule.map(|id| ("rule".to_owned(), rule(id))));
    more.extend(
        login
            .waiver
            .map(|waiver| ("waiver".to_owned(), waiver.label().to_owned())),
    );
    more.extend(login.device.map(|device| ("device".to_owned(), device.to_string())));
    more.extend(login.recalled.then(|| ("password".to_owned(), "remembered".to_owned())));
    let listed = facts.attributes.iter();
    more.extend(listed.filter_map(|attribute| {
        let text = attribute.kind.text(&attribute.value)?;
        Some((
            attribute.kind.label().to_ascii_lowercase().replace('-', "_"),
            printable(text.as_bytes()),
        ))
    }));
    AuditRecord {
        user: Some(printable(&facts.user_name)),
        client: Some(client(state, login.client)),
        reason,
        source: Some(facts.source.to_string()),
        node: Some(facts.node.0),
        details: more,
        ..blank
    }
}

fn of_rejects(state: &State, blank: AuditRecord, rejects: &RejectsEntry) -> AuditRecord {
    AuditRecord {
        client: Some(client(state, rejects.client)),
        source: Some(rejects.source.to_string()),
        node: Some(rejects.node.0),
        details: details([
            ("rejects", rejects.rejects.to_string()),
            ("from_ms", rejects.from_ms.to_string()),
            ("to_ms", rejects.to_ms.to_string()),
        ]),
        ..blank
    }
}

fn of_change(blank: AuditRecord, change: &ChangeEntry) -> AuditRecord {
    let name = change.name.to_string();
    let (user, client) = match change.object {
        Object::User(_) | Object::Device(..) => (Some(name.clone()), None),
        Object::Client(_) => (None, Some(name.clone())),
        Object::Token(_)
        | Object::Application(_)
        | Object::Policy
        | Object::ApiToken(_)
        | Object::Retention
        | Object::Directory(_)
        | Object::Gateway(_)
        | Object::Rule(_)
        | Object::Texts => (None, None),
    };
    AuditRecord {
        user,
        client,
        node: Some(change.node.0),
        details: details([("object", change.object.to_string()), ("name", name)]),
        ..by(&change.actor, blank)
    }
}

fn of_send(state: &State, blank: AuditRecord, send: &SendEntry) -> AuditRecord {
    let blank = match &send.actor {
        Some(actor) => by(actor, blank),
        None => blank,
    };
    AuditRecord {
        user: Some(user(state, send.user)),
        client: send.client.map(|id| client(state, id)),
        source: send
            .facts
            .as_ref()
            .map(|facts| facts.source.to_string())
            .or(blank.source),
        node: Some(send.node.0),
        details: details([
            ("code", send.code.to_string()),
            ("token", send.token.to_string()),
            ("channel", send.channel.label().to_owned()),
        ]),
        ..blank
    }
}

fn of_report(state: &State, blank: AuditRecord, reported: &ReportEntry) -> AuditRecord {
    let mut more = details([
        ("code", reported.code.to_string()),
        ("token", reported.token.to_string()),
        ("report", reported.report.label().to_owned()),
        ("attempts", reported.attempts.to_string()),
    ]);
    if let Report::Sent { gateway: Some(id) } = reported.report {
        let name = state
            .gateway(id)
            .map_or_else(|| id.to_string(), |gateway| gateway.name.to_string());
        more.insert("gateway".to_owned(), name);
    }
    AuditRecord {
        user: Some(user(state, reported.user)),
        node: Some(reported.node.0),
        details: more,
        ..blank
    }
}

/// Its name now, or its id if it is gone.
fn user(state: &State, id: UserId) -> String {
    state
        .user(id)
        .map_or_else(|| id.to_string(), |user| user.name.to_string())
}

fn by(actor: &Actor, blank: AuditRecord) -> AuditRecord {
    match actor {
        Actor::Root { uid } => AuditRecord {
            actor: Some(format!("uid {uid}")),
            ..blank
        },
        Actor::Directory { id } => AuditRecord {
            actor: Some(id.to_string()),
            ..blank
        },
        Actor::Owner { user } => AuditRecord {
            actor: Some(user.to_string()),
            ..blank
        },
        Actor::ApiToken { id, source, .. } => AuditRecord {
            actor: Some(id.to_string()),
            source: Some(source.to_string()),
            ..blank
        },
    }
}

/// Its name now, or its id if it is gone.
fn client(state: &State, id: ClientId) -> String {
    state
        .client(id)
        .map_or_else(|| id.to_string(), |client| client.name.to_string())
}

fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect()
}

fn details<const N: usize>(facts: [(&str, String); N]) -> BTreeMap<String, String> {
    facts.into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn a_hostile_user_name_cannot_drive_a_terminal() {
        assert_eq!(printable("zoë".as_bytes()), "zoë");
        assert_eq!(printable(b"a\x1b[2Jb\xff\n"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}");
    }
}
