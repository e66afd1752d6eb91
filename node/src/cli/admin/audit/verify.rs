//! `quorate audit verify`: by a node over its own files, or here over an export, with public material only.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use quorate_api::{AuditVerification, SignedHead, VerifyQuery, endpoints};

use super::offline;
use crate::cli::{
    api::Api,
    exit::{Done, Exit, Failure},
    output::Format,
};

/// Read the whole chain, compare it with its head and check every signature; ends with 8 when it does not hold
///
/// Without --dir the node does it over its own files. With --dir it is done here over an export (`quorate audit export`): no node and no
/// secret is needed. Compare the head, or an earlier heads.json, with what you kept elsewhere: a chain that was rewritten as a whole, on
/// all nodes, shows only there.
#[derive(Debug, Args)]
pub struct Verify {
    /// The head it must end in, from another node or an earlier run
    #[arg(long, value_name = "HEX")]
    expected_head: Option<String>,
    /// Verify this export
    #[arg(long)]
    dir: Option<PathBuf>,
    /// The cluster's CA certificate, from elsewhere than the export (PEM or DER; `quorate init` wrote ca.pem)
    #[arg(long, value_name = "FILE", requires = "dir")]
    ca: Option<PathBuf>,
    /// heads.json of an earlier export: everything it says must still be so
    #[arg(long, value_name = "FILE", requires = "dir")]
    earlier: Option<PathBuf>,
}

impl Verify {
    pub fn is_offline(&self) -> bool {
        self.dir.is_some()
    }

    pub async fn online(self, api: &Api, format: Format) -> Done {
        let expected_head = self.expected_head;
        let found = api
            .ask_with(endpoints::VERIFY_AUDIT, &[], &VerifyQuery { expected_head })
            .await?;
        show(&found, format)
    }

    pub fn offline(self, format: Format) -> Done {
        let dir = self.dir.unwrap_or_default();
        let found = offline::verify(&dir, self.ca.as_deref(), self.earlier.as_deref(), self.expected_head)?;
        show(&found, format)
    }
}

fn show(found: &AuditVerification, format: Format) -> Done {
    format.show(found, text);
    match found.ok {
        true => Ok(()),
        false => Err(Failure::new(Exit::AuditBroken, "the audit does not hold")),
    }
}

fn text(found: &AuditVerification) -> String {
    let kept = found.records.saturating_sub(found.first_seq);
    let extent = match found.first_seq {
        0 => format!("{kept} records"),
        first => format!("{kept} records, from number {first} on; older ones were given up by the retention rule"),
    };
    let verdict = match &found.problem {
        None => format!("{extent}: none deleted, edited, moved or cut off"),
        Some(problem) => format!("{extent}\nBROKEN: {problem}"),
    };
    format!(
        "{verdict}\nhead {}\n\n{}",
        found.head,
        signatures(&found.signed, found.first_seq)
    )
}

/// Who has signed what, a line for each node.
pub fn signatures(signed: &[SignedHead], first_seq: u64) -> String {
    let mut nodes: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for head in signed {
        let what = match (head.good, head.records) {
            (false, records) => format!("BAD SIGNATURE over {records} records"),
            (true, records) if records == first_seq => format!("the checkpoint at {records}"),
            (true, records) => format!("{records} records"),
        };
        nodes.entry(head.node).or_default().push(what);
    }
    if nodes.is_empty() {
        return "signed by no node yet: the first segment closes at 8192 records".to_owned();
    }
    let lines = nodes
        .iter()
        .map(|(node, what)| format!("node {node} has signed {}", what.join(" and ")));
    lines.collect::<Vec<_>>().join("\n")
}
