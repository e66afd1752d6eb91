//! How the audit stands, how much of it is kept, and what an auditor takes along.

use data_encoding::{BASE64, HEXLOWER};
use quorate_api::{
    AuditHeads, AuditSegment, AuditStatus, HeadSignature, Nothing, ProblemKind, Retention, SetRetention, SignedHead,
};
use quorate_core::NodeId;
use quorate_core::audit::{Head, HeadSignature as Signature};

use super::unreadable;
use crate::call::{Answer, Call, Reply};
use crate::failure::Failure;

pub(crate) async fn status(call: Call<Nothing>) -> Answer<AuditStatus> {
    let standing = call.site.audit.standing();
    let (audit, archive) = (standing.state.audit(), standing.archive);
    Ok(Reply::plain(AuditStatus {
        node: call.site.node.0,
        first_seq: audit.checkpoint().first_seq(),
        records: audit.next_seq(),
        head: HEXLOWER.encode(&audit.head()),
        segments: archive.segments,
        missing: archive.missing,
        checked: archive.checked,
        index_building: archive.indexed < archive.segments,
        indexed: archive.indexed,
        index_bytes: archive.index_bytes,
        signed: standing.signed.iter().map(signed_head).collect(),
        retention: retention(standing.state.retention()),
    }))
}

pub(crate) async fn set_retention(call: Call<SetRetention>) -> Answer<Retention> {
    let SetRetention { max_age_ms, max_bytes } = call.body;
    let set = call
        .site
        .administrator
        .set_retention(call.actor, call.expected, max_age_ms, max_bytes)
        .await?;
    Ok(Reply::revised(retention(&set), set.revision.0))
}

pub(crate) async fn heads(call: Call<Nothing>) -> Answer<AuditHeads> {
    let state = call.site.replica.state();
    let cluster = state.cluster().ok_or_else(|| Failure::new(ProblemKind::NoQuorum))?;
    let now = call.site.audit.head();
    let signature = now
        .signature
        .ok_or_else(|| Failure::new(ProblemKind::Internal).because("this node has no key to sign with"))?;
    let checkpoint = state.audit().checkpoint();
    let signed = state.audit().signatures().filter_map(|(records, node, signature)| {
        let head = state.audit().boundary(records)?;
        Some(head_signature(node, records, &head, signature))
    });
    Ok(Reply::plain(AuditHeads {
        cluster_id: HEXLOWER.encode(&cluster.id),
        ca_certificate: BASE64.encode(&cluster.ca_cert),
        first_seq: checkpoint.first_seq(),
        base: HEXLOWER.encode(&checkpoint.head),
        now: head_signature(now.node, now.records, &now.head, &signature),
        signed: signed.collect(),
    }))
}

pub(crate) async fn segment(call: Call<Nothing>) -> Answer<AuditSegment> {
    let number = call.name().parse().map_err(|_| Failure::new(ProblemKind::NotFound))?;
    let segment = call.site.audit.segment(number).await.map_err(unreadable)?;
    let segment = segment.ok_or_else(|| Failure::new(ProblemKind::NotFound))?;
    Ok(Reply::plain(AuditSegment {
        number,
        records: segment.records().len() as u64,
        content: BASE64.encode(&segment.to_bytes()),
    }))
}

pub(super) fn signed_head(signed: &quorate_app::SignedHead) -> SignedHead {
    SignedHead {
        node: signed.node.0,
        records: signed.records,
        head: HEXLOWER.encode(&signed.head),
        good: signed.good,
    }
}

fn head_signature(node: NodeId, records: u64, head: &Head, signature: &Signature) -> HeadSignature {
    HeadSignature {
        node: node.0,
        records,
        head: HEXLOWER.encode(head),
        signature: BASE64.encode(&signature.signature),
        certificate: BASE64.encode(&signature.certificate),
    }
}

fn retention(retention: &quorate_core::Retention) -> Retention {
    Retention {
        max_age_ms: retention.max_age_ms,
        max_bytes: retention.max_bytes,
        revision: retention.revision.0,
    }
}
