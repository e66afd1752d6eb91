//! Admits a node, once per token. Issued by the node that a joiner called, after both have proven the token.

use minicbor::{Decode, Encode};

use crate::{
    decide::Decided,
    event::Event,
    ids::{JoinTokenId, NodeId},
    limits, names,
    outcome::{Field, Outcome, Refusal},
    records::{Cluster, JoinToken, Node},
    state::State,
};

/// The holder of this key uses the token. The same key asking again gets the same number.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SpendJoinToken {
    /// The token.
    #[n(0)]
    pub token: JoinTokenId,
    /// The node that the joiner called.
    #[n(1)]
    pub by: NodeId,
    /// What the operator calls the joiner.
    #[n(2)]
    pub name: Box<str>,
    /// The joiner's site; may be empty.
    #[n(3)]
    pub site: Box<str>,
    /// SHA-256 of the joiner's public key.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub key_digest: [u8; 32],
}

impl SpendJoinToken {
    pub(crate) fn decide(&self, state: &State, now_ms: u64) -> Result<Decided, Refusal> {
        let cluster = state.cluster().ok_or(Refusal::NotFounded)?;
        let token = state.join_token(self.token).ok_or(Refusal::NotFound)?;
        if let Some(id) = token.spent_by {
            let same_key = state.node(id).is_some_and(|node| node.key_digest == self.key_digest);
            let admitted = Decided {
                outcome: Outcome::Node(id),
                events: Vec::new(),
            };
            return if same_key { Ok(admitted) } else { Err(Refusal::Spent) };
        }
        if now_ms >= token.expires_ms {
            return Err(Refusal::Expired);
        }
        self.check(state)?;
        let id = cluster.next_node_id;
        let next_node_id = NodeId(id.0.checked_add(1).ok_or(Refusal::LimitReached)?);
        let node = Node {
            id,
            name: self.name.clone(),
            site: self.site.clone(),
            admitted_ms: now_ms,
            key_digest: self.key_digest,
        };
        let token = JoinToken {
            spent_by: Some(id),
            ..(**token).clone()
        };
        let cluster = Cluster {
            next_node_id,
            ..(**cluster).clone()
        };
        let events = vec![Event::NodeAdmitted {
            node,
            token,
            cluster,
            by: self.by,
        }];
        Ok(Decided {
            outcome: Outcome::Node(id),
            events,
        })
    }

    fn check(&self, state: &State) -> Result<(), Refusal> {
        if !names::is_name(&self.name) {
            Err(Refusal::Invalid(Field::Name))
        } else if !names::is_label(&self.site) {
            Err(Refusal::Invalid(Field::Site))
        } else if state.nodes().any(|node| node.name == self.name) {
            Err(Refusal::NameTaken)
        } else if state.nodes().count() >= limits::HAND_MADE {
            Err(Refusal::LimitReached)
        } else {
            Ok(())
        }
    }
}
