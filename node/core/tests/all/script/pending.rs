//! Changes of scripts that wait for their confirmation.

use quorate_core::{Command, NodeId, PendingId, command::*};

use super::{
    World, admin,
    words::{Words, duration_ms, fingerprint, id},
};

impl World {
    /// `try first 60s disable-rule guests by=script`, `confirm first`, `take-back first by=script`, `overdue first`.
    pub fn pending(&mut self, verb: &str, rest: &str) {
        let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let pending = PendingId(id(name));
        let node = NodeId(1);
        let (within, line) = match verb {
            "try" => rest.split_once(' ').unwrap(),
            _ => ("0s", rest),
        };
        let words = Words::parse(line);
        let next = self.next_request();
        let request = fingerprint(words.key("request").unwrap_or(&next));
        let actor = self.actor(&words);
        let command = match verb {
            "try" => Command::TryChange(TryChange {
                request,
                actor,
                node,
                change: admin::change(self, &words),
                pending,
                within_ms: duration_ms(within),
            }),
            "confirm" => Command::ConfirmChange(ConfirmChange {
                request,
                actor,
                node,
                pending,
            }),
            "take-back" => Command::TakeBack(TakeBack {
                request,
                actor,
                node,
                pending,
            }),
            _ => Command::TakeBackOverdue(TakeBackOverdue { node, pending }),
        };
        self.apply_and_say(&command);
    }

    /// What waits, and for how long still.
    pub fn show_pending(&self) -> Option<String> {
        let line = |pending: &quorate_core::Pending| {
            let left_ms = pending.until_ms as i64 - self.now_ms as i64;
            format!(
                "{} {} {}, {left_ms} ms left, by {:?}",
                pending.kind.label(),
                pending.object(),
                pending.name,
                pending.actor
            )
        };
        let lines: Vec<String> = self.state.pending().map(|pending| line(pending)).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// All rules, in their order.
    pub fn show_rules(&self) -> Option<String> {
        let line = |rule: &quorate_core::Rule| {
            let (name, position, enabled) = (&rule.name, rule.position, rule.enabled);
            format!(
                "{position} {name} enabled={enabled} {:?} revision={}",
                rule.then, rule.revision
            )
        };
        let lines: Vec<String> = self.state.rules().map(|rule| line(rule)).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}
