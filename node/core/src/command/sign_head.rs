//! A node's signature over a head at which a segment of the audit ends. Issued by that node, for the newest such head and for the
//! checkpoint.
//!
//! Caveat: nobody here can check a signature, or who proposed it; auditors do, against the cluster's CA. A false one
//! shows there and hides nothing, for the others' are beside it.

use minicbor::{Decode, Encode};

use crate::{
    audit::{Head, HeadSignature},
    decide::Decided,
    event::Event,
    ids::NodeId,
    limits,
    outcome::{Field, Refusal},
    state::State,
};

/// A signed head. Proposing it again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignHead {
    /// Who signed.
    #[n(0)]
    pub node: NodeId,
    /// Over how many records the head is.
    #[n(1)]
    pub records: u64,
    /// The head.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub head: Head,
    /// The signature and the certificate to check it by.
    #[n(3)]
    pub signature: HeadSignature,
}

impl SignHead {
    pub(crate) fn decide(&self, state: &State) -> Result<Decided, Refusal> {
        state.node(self.node).ok_or(Refusal::NotFound)?;
        // Pruned meanwhile, or signed by a node that has another audit than the cluster.
        if state.audit().boundary(self.records) != Some(self.head) {
            return Err(Refusal::NotFound);
        }
        let in_bounds = |bytes: &[u8], max: usize| (1..=max).contains(&bytes.len());
        if !in_bounds(&self.signature.certificate, limits::CERTIFICATE_BYTES)
            || !in_bounds(&self.signature.signature, limits::SIGNATURE_BYTES)
        {
            return Err(Refusal::Invalid(Field::Certificate));
        }
        let known = state.audit().signature(self.records, self.node);
        let events = match known.is_some_and(|known| **known == self.signature) {
            true => Vec::new(),
            false => vec![Event::HeadSigned {
                node: self.node,
                records: self.records,
                signature: self.signature.clone(),
            }],
        };
        Ok(Decided::done(state.revision(), events))
    }
}
