//! Recomputing the chain, and checking what nodes have signed.

use quorate_core::NodeId;
use quorate_core::audit::{Chain, Head, Verified, Verifier};

use super::AuditError;
use super::walk::Walk;
use crate::ports::HeadSigner;

/// A chain that holds.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedAudit {
    pub chain: Verified,
    pub signed: Vec<SignedHead>,
}

/// One node's signature over a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    /// Over how many records the head is.
    pub records: u64,
    pub head: Head,
    pub node: NodeId,
    /// Whether it is that node's signature over this head, by a certificate of the cluster.
    pub good: bool,
}

/// One segment is in memory at a time, so that years can be verified on a small node.
pub(super) fn verify(
    walk: &Walk,
    expected_head: Option<Head>,
    signer: &dyn HeadSigner,
) -> Result<VerifiedAudit, AuditError> {
    let chain = walk.chain();
    let mut verifier = Verifier::from(chain.checkpoint());
    for (number, _) in chain.seals() {
        verifier.segment(&*walk.segment(number)?)?;
    }
    for (_, record) in chain.open_records() {
        verifier.record(record)?;
    }
    Ok(VerifiedAudit {
        chain: verifier.finish(expected_head.unwrap_or(chain.head()))?,
        // The chain just verified runs through every boundary that the state names, or it would not end in its head.
        signed: signed_heads(chain, signer),
    })
}

pub(super) fn signed_heads(chain: &Chain, signer: &dyn HeadSigner) -> Vec<SignedHead> {
    let signed = chain.signatures().filter_map(|(records, node, signature)| {
        let head = chain.boundary(records)?;
        Some(SignedHead {
            records,
            head,
            node,
            good: signer.signer(records, &head, signature) == Some(node),
        })
    });
    signed.collect()
}
