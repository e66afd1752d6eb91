//! What every verdict carries: by which revisions it was judged, and the facts for the audit.

use std::net::IpAddr;

use minicbor::{Decode, Encode};

use crate::{
    ids::{ApplicationId, ClientId, ConversationId, Fingerprint, NodeId, ProofDigest, Revision, UserId},
    limits,
    records::{Attribute, Browser, UserName},
};

/// How a login was judged, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Judged {
    /// The request.
    #[n(0)]
    pub fingerprint: Fingerprint,
    /// The conversation that the request completes; none if it was complete by itself.
    #[n(1)]
    pub conversation: Option<ConversationId>,
    /// Keyed digest of what was typed; there is one wherever there is a conversation.
    #[n(2)]
    pub proof: Option<ProofDigest>,
    /// The client.
    #[n(3)]
    pub client: ClientId,
    /// Its revision.
    #[n(4)]
    pub client_revision: Revision,
    /// The application.
    #[n(5)]
    pub application: ApplicationId,
    /// Its revision.
    #[n(6)]
    pub application_revision: Revision,
    /// The policy's revision.
    #[n(7)]
    pub policy_revision: Revision,
    /// The user and its revision; none if nobody has the name.
    #[n(8)]
    pub user: Option<(UserId, Revision)>,
    /// The canonical name that nobody had, where `user` is none and the name could be made canonical.
    #[n(9)]
    pub absent: Option<UserName>,
    /// The revision of the password that was checked, right or wrong.
    #[n(10)]
    pub password_revision: Option<Revision>,
    /// When the request was received, by the clock of the judging node, in ms since 1970.
    #[n(11)]
    pub received_ms: u64,
    /// How long to remember the verdict, in ms: [`crate::Client::retention_ms`].
    #[n(12)]
    pub retention_ms: u64,
    /// For the audit.
    #[n(13)]
    pub facts: LoginFacts,
    /// When the password that was right had been remembered, if it was judged by that.
    #[n(14)]
    pub recalled_ms: Option<u64>,
    /// The browser that it comes from, if it comes from one, and the device that stands for the codes, if one does.
    #[n(15)]
    pub browser: Option<Browser>,
}

/// What the audit says about a login beside its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LoginFacts {
    /// User-Name as received, up to 253 bytes.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub user_name: Box<[u8]>,
    /// Where the packet came from.
    #[n(1)]
    pub source: IpAddr,
    /// Calling-Station-Id (RFC 2865, section 5.31): the end user's device or address.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub calling_station_id: Option<Box<[u8]>>,
    /// NAS-Identifier as received.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub nas_identifier: Option<Box<[u8]>>,
    /// The node that judged.
    #[n(4)]
    pub node: NodeId,
    /// How the factors were handed over.
    #[n(5)]
    pub method: Method,
    /// Other attributes that rules may ask about, each once, by its number.
    #[n(6)]
    pub attributes: Box<[Attribute]>,
}

/// How the factors were handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Method {
    /// A code alone; the client had checked the password.
    #[n(0)]
    PasscodeOnly,
    /// Password and code in one field.
    #[n(1)]
    OneStep,
    /// The password, then the code in answer to a challenge.
    #[n(2)]
    TwoStep,
    /// A password alone.
    #[n(3)]
    PasswordOnly,
}

impl Method {
    /// Every method, for metrics that want their labels from the start.
    pub const ALL: [Method; 4] = [
        Method::PasscodeOnly,
        Method::OneStep,
        Method::TwoStep,
        Method::PasswordOnly,
    ];

    /// A stable word for metrics, JSON and searching.
    pub fn label(self) -> &'static str {
        match self {
            Method::PasscodeOnly => "passcode_only",
            Method::OneStep => "one_step",
            Method::TwoStep => "two_step",
            Method::PasswordOnly => "password_only",
        }
    }
}

impl LoginFacts {
    /// Whether every fact fits into one RADIUS attribute, and none is there twice.
    pub(crate) fn is_bounded(&self) -> bool {
        let fits = |fact: &Option<Box<[u8]>>| fact.as_ref().is_none_or(|bytes| bytes.len() <= limits::FACT_BYTES);
        let listed = |attribute: &Attribute| attribute.kind.is_listed() && attribute.value.len() <= limits::FACT_BYTES;
        self.user_name.len() <= limits::FACT_BYTES
            && fits(&self.calling_station_id)
            && fits(&self.nas_identifier)
            && self.attributes.iter().all(listed)
            && self.attributes.is_sorted_by(|former, next| former.kind < next.kind)
    }
}
