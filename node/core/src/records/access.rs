use minicbor::{Decode, Encode};

use crate::{
    ids::{ApiTokenId, JoinTokenId, NodeId, Revision, Sealed},
    records::Role,
};

/// A bearer token of the HTTP API: the token itself is shown once and only its sealed digest is kept.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ApiToken {
    /// Opaque; also the public half of the bearer's text.
    #[n(0)]
    pub id: ApiTokenId,
    /// What it is for, unique among API tokens.
    #[n(1)]
    pub name: Box<str>,
    /// Sealed digest of the secret half.
    #[n(2)]
    pub verifier: Sealed,
    /// A disabled token authorises nothing.
    #[n(3)]
    pub enabled: bool,
    /// Moves with every change.
    #[n(4)]
    pub revision: Revision,
    /// What its bearer may do.
    #[n(5)]
    pub role: Role,
}

impl ApiToken {
    /// Whether its bearer is a super admin.
    pub(crate) fn is_standing_super_admin(&self) -> bool {
        self.enabled && self.role == Role::SuperAdmin
    }
}

/// A permission for one node to join, once.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct JoinToken {
    /// Opaque; part of the token's text.
    #[n(0)]
    pub id: JoinTokenId,
    /// The sealed secret that both sides prove to each other.
    #[n(1)]
    pub secret: Sealed,
    /// Not valid from this time on, in ms since 1970.
    #[n(2)]
    pub expires_ms: u64,
    /// The node that used it.
    #[n(3)]
    pub spent_by: Option<NodeId>,
}
