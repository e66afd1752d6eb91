//! Commands of scripts about the audit's segments.

use quorate_core::{
    ClientId, Command, NodeId,
    audit::{Checkpoint, HeadSignature},
    command::{PruneAudit, SignHead, SummarizeRejects},
    limits::RECORDS_PER_SEGMENT,
};

use super::{
    World,
    words::{Words, fingerprint, id},
};

impl World {
    pub fn audit(&mut self, verb: &str, words: &Words) {
        let count: u64 = words.plain[0].parse().unwrap();
        let node = NodeId(words.number("node", 1));
        match verb {
            "fill" => (0..count).for_each(|_| self.fill(words.number("step", 20))),
            // The head after this many segments.
            "sign" => {
                let records = count * RECORDS_PER_SEGMENT;
                let head = match words.key("head") {
                    None => self.state.audit().boundary(records).unwrap_or_default(),
                    Some(_) => [1; 32],
                };
                let text = words.or("signature", "signature");
                self.apply_and_say(&Command::SignHead(SignHead {
                    node,
                    records,
                    head,
                    signature: HeadSignature {
                        signature: text.as_bytes().into(),
                        certificate: b"certificate"[..].into(),
                    },
                }));
            }
            "prune" => self.apply_and_say(&Command::PruneAudit(PruneAudit {
                node,
                first_segment: count,
            })),
            other => unreachable!("{other}"),
        }
    }

    /// One more record, so many milliseconds later. Requests are remembered for two minutes, so that time has to pass.
    fn fill(&mut self, step_ms: u64) {
        self.now_ms += step_ms;
        let request = fingerprint(&self.next_request());
        self.apply(&Command::SummarizeRejects(SummarizeRejects {
            request,
            node: NodeId(1),
            client: ClientId(id("vpn")),
            source: "192.0.2.1".parse().unwrap(),
            from_ms: self.now_ms - 1_000,
            to_ms: self.now_ms,
            rejects: self.state.audit().next_seq(),
        }));
    }

    /// What the state keeps of the audit.
    pub fn show_chain(&self) -> String {
        let audit = self.state.audit();
        let Checkpoint { segment, .. } = audit.checkpoint();
        let seals: Vec<u64> = audit.seals().map(|(number, _)| number).collect();
        let signed: Vec<String> = audit
            .signatures()
            .map(|(records, node, _)| format!("{records} by {node}"))
            .collect();
        format!(
            "begins with segment {segment}, closed {seals:?}, {} open of {}, signed {signed:?}",
            audit.open_records().count(),
            audit.next_seq(),
        )
    }
}
