//! What scripts show of the state.

use quorate_core::{
    ClientId, Outcome, TokenId, Used, UserId, Verdict,
    audit::{AuditRecord, Entry},
};

use super::{World, words::id};

pub fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Verdict { verdict, replayed } => {
            let replayed = if *replayed { " (again)" } else { "" };
            match verdict {
                Verdict::Accept => format!("accept{replayed}"),
                Verdict::Reject(reason) => format!("reject {}{replayed}", reason.label()),
            }
        }
        Outcome::Done { revision } => format!("done, revision {revision}"),
        Outcome::Refused(refusal) => format!("refused: {refusal}"),
        Outcome::ChangeRefused { index, refusal } => format!("refused at change {index}: {refusal}"),
        Outcome::Node(node) => format!("node {node}"),
        Outcome::Queued { .. } => "queued".into(),
    }
}

impl World {
    pub fn show(&mut self, what: &str) {
        let (kind, name) = what.split_once(' ').unwrap_or((what, ""));
        let shown = match kind {
            "user" => self.state.user(UserId(id(name))).map(|user| {
                let locked = user.locked_until_ms.map(|until_ms| until_ms.saturating_sub(self.now_ms));
                let (enabled, tokens, failures) = (user.enabled, user.tokens.len(), user.code_failures);
                format!(
                    "{} {:?} enabled={enabled} tokens={tokens} failures={failures} locked_for_ms={locked:?} revision={}{}",
                    user.name,
                    user.display_name,
                    user.revision,
                    user.origin.as_ref().map_or_else(String::new, |origin| format!(
                        " from directory: uid={} groups={:?} active={}",
                        origin.unique_id, origin.groups, origin.active
                    ))
                )
            }),
            "token" => self.state.token(TokenId(id(name))).map(|token| {
                let used = match token.used {
                    Used::Time { last, drift, lean } => {
                        let last = last.map(|last| last as i64 - self.timestep("now") as i64);
                        format!("last_from_now={last:?} drift={drift} lean={lean}")
                    }
                    other => format!("{other:?}"),
                };
                let owned = if token.user == UserId(0) { " nobody's" } else { "" };
                format!("{} {}{owned} {used} revision={}", token.name, token.standing.label(), token.revision)
            }),
            "client" => self.state.client(ClientId(id(name))).map(|client| {
                format!("{} enabled={} {:?} revision={}", client.name, client.enabled, client.modes, client.revision)
            }),
            "candidates" => {
                let names: Vec<_> =
                    self.state.client_candidates(name.parse().unwrap()).map(|client| client.name.to_string()).collect();
                (!names.is_empty()).then(|| names.join(" "))
            }
            "gateways" => Some(format!(
                "{:?}",
                self.state
                    .gateways()
                    .map(|gateway| format!(
                        "{} {:?} enabled={} priority={} revision={}",
                        gateway.name, gateway.channels, gateway.enabled, gateway.priority, gateway.revision
                    ))
                    .collect::<Vec<_>>()
            )),
            "texts" => Some(format!(
                "{:?} else {} (revision {})",
                self.state
                    .texts()
                    .map(|text| format!(
                        "{} {}: {} / {} revision={}",
                        text.channel.label(),
                        text.language,
                        text.subject,
                        text.text,
                        text.revision
                    ))
                    .collect::<Vec<_>>(),
                self.state.default_language().language,
                self.state.default_language().revision
            )),
            "language" => self.state.user(UserId(id(name))).map(|user| user.language().to_owned()),
            "sent" => self.state.sent_code(TokenId(id(name))).map(|sent| {
                let left_ms = sent.expires_ms as i64 - self.now_ms as i64;
                let report = self.state.dispatch(sent.request).and_then(|dispatch| dispatch.report);
                format!("one code of {name}, by node {}, {left_ms} ms left, {report:?}", sent.node)
            }),
            "access" => self.state.user(UserId(id(name))).map(|user| {
                let policy = self.state.policy();
                format!(
                    "{} mfa={} ({}) trust={} ({})",
                    user.role.label(),
                    user.mfa.label(),
                    if user.needs_mfa(policy) { "needed" } else { "not needed" },
                    user.trust.label(),
                    if user.may_trust(policy) { "may" } else { "may not" }
                )
            }),
            "devices" => self.show_devices(name),
            "password" => self.show_password(name),
            "pending" => self.show_pending(),
            "rules" => self.show_rules(),
            "policy" => Some(format!("{:?}", self.state.policy())),
            "nodes" => Some(format!(
                "{:?} removed {:?}",
                self.state.nodes().map(|node| format!("{} {}", node.id, node.name)).collect::<Vec<_>>(),
                self.state.cluster().map(|cluster| cluster.removed.clone())
            )),
            "remembered" => Some(format!("{} requests", self.state.fingerprint_count())),
            "audit" => return self.show_audit(name),
            "chain" => Some(self.show_chain()),
            "retention" => Some(format!("{:?}", self.state.retention())),
            other => panic!("nothing to show: {other}"),
        };
        self.say(shown.unwrap_or("nothing".into()));
    }

    /// The last records, as many as said.
    fn show_audit(&mut self, count: &str) {
        let count = count.parse().unwrap_or(1);
        let records: Vec<_> = self
            .state
            .audit()
            .open_records()
            .map(|(_, bytes)| bytes.clone())
            .collect();
        for bytes in &records[records.len().saturating_sub(count)..] {
            let record = AuditRecord::from_bytes(bytes).unwrap();
            let line = match &record.entry {
                Entry::Login(login) => {
                    let name = String::from_utf8_lossy(&login.facts.user_name).into_owned();
                    let user = if login.user.is_some() { "known" } else { "unknown" };
                    let verdict = match login.verdict {
                        Verdict::Accept => "accept".into(),
                        Verdict::Reject(reason) => format!("reject: {reason}"),
                    };
                    let rule = login.rule.and_then(|rule| self.state.rule(rule));
                    let rule = rule.map_or_else(String::new, |rule| format!(", rule {}", rule.name));
                    let waiver = login
                        .waiver
                        .map_or_else(String::new, |waiver| format!(", less asked: {}", waiver.label()));
                    let memory = if login.recalled { ", by memory" } else { "" };
                    let device = login.device.and_then(|device| self.state.device(device));
                    let device = device.map_or_else(String::new, |device| format!(" ({})", device.name));
                    format!(
                        "login {name} ({user}) by {}: {verdict}{rule}{waiver}{device}{memory}",
                        login.facts.method.label()
                    )
                }
                Entry::Changed(change) => format!("{} {} by {:?}", change.kind.label(), change.name, change.actor),
                Entry::RejectsSummarized(entry) => format!("{} rejects from {}", entry.rejects, entry.source),
                Entry::Founded { node } => format!("founded by node {node}"),
                Entry::JoinTokenIssued { .. } => "join token issued".into(),
                Entry::NodeAdmitted { node, name, .. } => format!("node {node} {name} admitted"),
                Entry::NodeRemoved { removed, .. } => format!("node {removed} removed"),
                Entry::SuccessorAdmitted { node, damaged, .. } => format!("node {node} admitted for damaged {damaged}"),
                Entry::ReplacementCompleted { damaged, successor, .. } => {
                    format!("node {damaged} replaced by {successor}")
                }
                Entry::CodeQueued(entry) => {
                    let by = match (entry.actor, entry.client.is_some()) {
                        (Some(actor), _) => format!("{actor:?}"),
                        (None, client) => format!("a login (client {client})"),
                    };
                    format!(
                        "code queued, by {}, at node {}, for {by}",
                        entry.channel.label(),
                        entry.node
                    )
                }
                Entry::MessageReported(entry) => {
                    format!("message {} after {} attempts", entry.report.label(), entry.attempts)
                }
                Entry::AuditPruned { first_seq, .. } => format!("audit begins with record {first_seq}"),
            };
            self.say(format_args!("[{}] {line}", record.seq));
        }
    }
}
