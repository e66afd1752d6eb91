//! Which audit records a reader wants.

use quorate_core::audit::{AuditRecord, ChangeEntry, Entry, LoginEntry, Object};
use quorate_core::{ClientId, NodeId, UserId, UserName, Verdict};

use super::keys::Key;
use crate::names::Names;

/// All that is set has to match. By default everything does.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Logins and changes of this user.
    pub user: Option<UserId>,
    /// Logins under this name, whether or not anybody has it, and changes of a user then so called.
    pub user_name: Option<UserName>,
    /// How logins' names are folded before they are compared with `user_name`.
    pub names: Names,
    /// Logins through this client, and changes of it.
    pub client: Option<ClientId>,
    /// Logins with this result only.
    pub result: Option<LoginResult>,
    /// Logins rejected for the reason with this label only.
    pub reason: Option<String>,
    /// Records of this kind only, by its label.
    pub kind: Option<String>,
    /// What this node judged or was asked.
    pub node: Option<NodeId>,
    /// From this time on, in ms since 1970.
    pub since_ms: Option<u64>,
    /// Before this time.
    pub until_ms: Option<u64>,
}

/// What a login came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginResult {
    Accepted,
    Rejected,
}

impl AuditFilter {
    /// What a record's keys must hold to match; with none, all records of the time match.
    #[must_use]
    pub fn keys(&self) -> Vec<u64> {
        let result = self.result.map(|result| match result {
            LoginResult::Accepted => "login_accepted",
            LoginResult::Rejected => "login_rejected",
        });
        let parts = [
            self.user.map(|user| Key::User(user).hash()),
            self.user_name.as_ref().map(|name| Key::Name(name).hash()),
            self.client.map(|client| Key::Client(client).hash()),
            result.map(|kind| Key::Kind(kind).hash()),
            self.kind.as_ref().map(|kind| Key::Kind(kind).hash()),
            self.reason.as_ref().map(|reason| Key::Reason(reason).hash()),
            self.node.map(|node| Key::Node(node).hash()),
        ];
        parts.into_iter().flatten().collect()
    }

    pub(super) fn matches(&self, record: &AuditRecord) -> bool {
        let wanted = |wish: Option<bool>| wish.unwrap_or(true);
        let entry = &record.entry;
        wanted(self.since_ms.map(|since_ms| record.at_ms >= since_ms))
            && wanted(self.until_ms.map(|until_ms| record.at_ms < until_ms))
            && wanted(self.kind.as_ref().map(|kind| entry.label() == kind))
            && wanted(self.node.map(|node| node_of(entry) == node))
            && wanted(self.client.map(|client| client_of(entry) == Some(client)))
            && wanted(self.user.map(|user| user_of(entry) == Some(user)))
            && wanted(
                self.user_name
                    .as_ref()
                    .map(|name| name_of(entry, &self.names).as_ref() == Some(name)),
            )
            && wanted(self.result.map(|result| result_of(entry) == Some(result)))
            && wanted(self.reason.as_ref().map(|reason| reason_of(entry) == Some(reason)))
    }
}

/// The name that a record is found under: what was typed, folded, or that of the user who was changed.
pub(super) fn name_of(entry: &Entry, names: &Names) -> Option<UserName> {
    if let Some(login) = login_of(entry) {
        return names.fold_bytes(&login.facts.user_name).ok();
    }
    let change = change_of(entry)?;
    user_changed(change)?;
    names.fold(&change.name).ok()
}

const fn login_of(entry: &Entry) -> Option<&LoginEntry> {
    match entry {
        Entry::Login(login) => Some(login),
        Entry::RejectsSummarized(_)
        | Entry::Changed(_)
        | Entry::Founded { .. }
        | Entry::JoinTokenIssued { .. }
        | Entry::NodeAdmitted { .. }
        | Entry::NodeRemoved { .. }
        | Entry::SuccessorAdmitted { .. }
        | Entry::ReplacementCompleted { .. }
        | Entry::AuditPruned { .. }
        | Entry::CodeQueued(_)
        | Entry::MessageReported(_) => None,
    }
}

const fn change_of(entry: &Entry) -> Option<&ChangeEntry> {
    match entry {
        Entry::Changed(change) => Some(change),
        Entry::Login(_)
        | Entry::RejectsSummarized(_)
        | Entry::Founded { .. }
        | Entry::JoinTokenIssued { .. }
        | Entry::NodeAdmitted { .. }
        | Entry::NodeRemoved { .. }
        | Entry::SuccessorAdmitted { .. }
        | Entry::ReplacementCompleted { .. }
        | Entry::AuditPruned { .. }
        | Entry::CodeQueued(_)
        | Entry::MessageReported(_) => None,
    }
}

const fn user_changed(change: &ChangeEntry) -> Option<UserId> {
    match change.object {
        Object::User(user) | Object::Device(_, user) => Some(user),
        Object::Token(_)
        | Object::Client(_)
        | Object::Application(_)
        | Object::Policy
        | Object::ApiToken(_)
        | Object::Retention
        | Object::Directory(_)
        | Object::Gateway(_)
        | Object::Rule(_)
        | Object::Texts => None,
    }
}

pub(super) const fn node_of(entry: &Entry) -> NodeId {
    match entry {
        Entry::Login(login) => login.facts.node,
        Entry::RejectsSummarized(rejects) => rejects.node,
        Entry::Changed(change) => change.node,
        Entry::CodeQueued(send) => send.node,
        Entry::MessageReported(report) => report.node,
        Entry::NodeAdmitted { by, .. }
        | Entry::SuccessorAdmitted { by, .. }
        | Entry::ReplacementCompleted { by, .. } => *by,
        Entry::Founded { node }
        | Entry::JoinTokenIssued { node, .. }
        | Entry::NodeRemoved { node, .. }
        | Entry::AuditPruned { node, .. } => *node,
    }
}

pub(super) fn client_of(entry: &Entry) -> Option<ClientId> {
    match entry {
        Entry::Login(login) => Some(login.client),
        Entry::RejectsSummarized(rejects) => Some(rejects.client),
        Entry::Changed(change) => match change.object {
            Object::Client(client) => Some(client),
            Object::User(_)
            | Object::Token(_)
            | Object::Application(_)
            | Object::Policy
            | Object::ApiToken(_)
            | Object::Retention
            | Object::Directory(_)
            | Object::Gateway(_)
            | Object::Rule(_)
            | Object::Texts
            | Object::Device(..) => None,
        },
        Entry::Founded { .. }
        | Entry::JoinTokenIssued { .. }
        | Entry::NodeAdmitted { .. }
        | Entry::NodeRemoved { .. }
        | Entry::SuccessorAdmitted { .. }
        | Entry::ReplacementCompleted { .. }
        | Entry::AuditPruned { .. }
        | Entry::MessageReported(_) => None,
        Entry::CodeQueued(send) => send.client,
    }
}

pub(super) fn user_of(entry: &Entry) -> Option<UserId> {
    match entry {
        Entry::Login(login) => login.user,
        Entry::CodeQueued(send) => Some(send.user),
        Entry::MessageReported(report) => Some(report.user),
        other => change_of(other).and_then(user_changed),
    }
}

fn result_of(entry: &Entry) -> Option<LoginResult> {
    login_of(entry).map(|login| match login.verdict {
        Verdict::Accept => LoginResult::Accepted,
        Verdict::Reject(_) => LoginResult::Rejected,
    })
}

pub(super) fn reason_of(entry: &Entry) -> Option<&'static str> {
    match login_of(entry)?.verdict {
        Verdict::Accept => None,
        Verdict::Reject(reason) => Some(reason.label()),
    }
}
