//! Which audit records a reader wants.

use quorate_core::audit::{AuditRecord, Entry, LoginEntry, Object};
use quorate_core::{ClientId, NodeId, UserId, UserName, Verdict};

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
    pub(super) fn matches(&self, record: &AuditRecord) -> bool {
        let wanted = |wish: Option<bool>| wish.unwrap_or(true);
        wanted(self.since_ms.map(|since_ms| record.at_ms >= since_ms))
            && wanted(self.until_ms.map(|until_ms| record.at_ms < until_ms))
            && wanted(self.node.map(|node| node_of(&record.entry) == node))
            && wanted(self.client.map(|client| client_of(&record.entry) == Some(client)))
            && wanted(self.user.map(|user| user_of(&record.entry) == Some(user)))
            && wanted(self.user_name.as_ref().map(|name| self.is_under(&record.entry, name)))
            && wanted(self.result.map(|result| result_of(&record.entry) == Some(result)))
            && wanted(
                self.reason
                    .as_ref()
                    .map(|reason| reason_of(&record.entry) == Some(reason)),
            )
    }

    fn is_under(&self, entry: &Entry, name: &UserName) -> bool {
        match entry {
            Entry::Login(login) => self.names.fold_bytes(&login.facts.user_name).as_ref() == Ok(name),
            Entry::Changed(change) => matches!(change.object, Object::User(_)) && *change.name == *name.to_string(),
            Entry::RejectsSummarized(_)
            | Entry::Founded { .. }
            | Entry::JoinTokenIssued { .. }
            | Entry::NodeAdmitted { .. }
            | Entry::NodeRemoved { .. } => false,
        }
    }
}

const fn login_of(entry: &Entry) -> Option<&LoginEntry> {
    match entry {
        Entry::Login(login) => Some(login),
        Entry::RejectsSummarized(_)
        | Entry::Changed(_)
        | Entry::Founded { .. }
        | Entry::JoinTokenIssued { .. }
        | Entry::NodeAdmitted { .. }
        | Entry::NodeRemoved { .. } => None,
    }
}

const fn node_of(entry: &Entry) -> NodeId {
    match entry {
        Entry::Login(login) => login.facts.node,
        Entry::RejectsSummarized(rejects) => rejects.node,
        Entry::Changed(change) => change.node,
        Entry::NodeAdmitted { by, .. } => *by,
        Entry::Founded { node } | Entry::JoinTokenIssued { node, .. } | Entry::NodeRemoved { node, .. } => *node,
    }
}

fn client_of(entry: &Entry) -> Option<ClientId> {
    match entry {
        Entry::Login(login) => Some(login.client),
        Entry::RejectsSummarized(rejects) => Some(rejects.client),
        Entry::Changed(change) => match change.object {
            Object::Client(client) => Some(client),
            Object::User(_) | Object::Token(_) | Object::Application(_) | Object::Policy | Object::ApiToken(_) => None,
        },
        Entry::Founded { .. }
        | Entry::JoinTokenIssued { .. }
        | Entry::NodeAdmitted { .. }
        | Entry::NodeRemoved { .. } => None,
    }
}

fn user_of(entry: &Entry) -> Option<UserId> {
    match entry {
        Entry::Login(login) => login.user,
        Entry::Changed(change) => match change.object {
            Object::User(user) => Some(user),
            Object::Token(_) | Object::Client(_) | Object::Application(_) | Object::Policy | Object::ApiToken(_) => {
                None
            }
        },
        Entry::RejectsSummarized(_)
        | Entry::Founded { .. }
        | Entry::JoinTokenIssued { .. }
        | Entry::NodeAdmitted { .. }
        | Entry::NodeRemoved { .. } => None,
    }
}

fn result_of(entry: &Entry) -> Option<LoginResult> {
    login_of(entry).map(|login| match login.verdict {
        Verdict::Accept => LoginResult::Accepted,
        Verdict::Reject(_) => LoginResult::Rejected,
    })
}

fn reason_of(entry: &Entry) -> Option<&'static str> {
    match login_of(entry)?.verdict {
        Verdict::Accept => None,
        Verdict::Reject(reason) => Some(reason.label()),
    }
}
