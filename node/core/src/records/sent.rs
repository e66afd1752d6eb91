use minicbor::{Decode, Encode};

use crate::{
    ids::{CodeId, ConversationId, Fingerprint, GatewayId, NodeId, Revision, Sealed, TokenId, UserId},
    records::CodeKind,
};

/// How a code travels to its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Channel {
    /// A text message.
    #[n(0)]
    Sms,
    /// A mail.
    #[n(1)]
    Email,
    /// A call that reads the code out.
    #[n(2)]
    Voice,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Channel; 3] = [Channel::Sms, Channel::Email, Channel::Voice];

    /// A stable word for the API, the command line and searching.
    pub fn label(self) -> &'static str {
        match self {
            Channel::Sms => "sms",
            Channel::Email => "email",
            Channel::Voice => "voice",
        }
    }

    /// The channel with this label.
    pub fn of_label(label: &str) -> Option<Channel> {
        Self::ALL.into_iter().find(|channel| channel.label() == label)
    }

    /// What a user types in place of a code to be sent one.
    pub fn keyword(self) -> &'static str {
        match self {
            Channel::Sms => "sms",
            Channel::Email => "mail",
            Channel::Voice => "call",
        }
    }

    /// The channel whose word this is, in whatever case.
    pub fn of_keyword(typed: &[u8]) -> Option<Self> {
        Channel::ALL
            .into_iter()
            .find(|channel| typed.eq_ignore_ascii_case(channel.keyword().as_bytes()))
    }

    /// Which kind of codes it brings.
    pub fn code_kind(self) -> CodeKind {
        match self {
            Channel::Sms => CodeKind::Sms,
            Channel::Email => CodeKind::Email,
            Channel::Voice => CodeKind::Voice,
        }
    }
}

/// The one code of a token that was sent and may be used, once, before its time has passed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SentCode {
    /// Random: which code this is.
    #[n(0)]
    pub id: CodeId,
    /// The sealed verifier; the code itself is nowhere.
    #[n(1)]
    pub verifier: Sealed,
    /// What asked for it.
    #[n(2)]
    pub request: Fingerprint,
    /// The login that it was sent for; none if an administrator had it sent.
    #[n(3)]
    pub conversation: Option<ConversationId>,
    /// The node that queued it, and sends it.
    #[n(4)]
    pub node: NodeId,
    /// From when on it is not right any more, in ms since 1970.
    #[n(5)]
    pub expires_ms: u64,
}

/// What came of one request to send a code. It outlives the code, so that the same request sends nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Dispatch {
    /// The code that was made for it.
    #[n(0)]
    pub code: CodeId,
    /// The token whose address it went to.
    #[n(1)]
    pub token: TokenId,
    /// Whose.
    #[n(2)]
    pub user: UserId,
    /// The node that queued it, and sends it.
    #[n(3)]
    pub node: NodeId,
    /// What the gateways said, once they did. It changes nothing of the code's validity.
    #[n(4)]
    pub report: Option<Report>,
}

/// What came of a message, in the eyes of the node that sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Report {
    /// A gateway took it.
    #[n(0)]
    Sent {
        /// Which; none if its sender cannot say.
        #[n(0)]
        gateway: Option<GatewayId>,
    },
    /// Certainly no gateway took it.
    #[n(1)]
    Failed,
    /// A gateway may have taken it.
    #[n(2)]
    Unknown,
}

impl Report {
    /// A stable word for JSON and searching.
    pub fn label(self) -> &'static str {
        match self {
            Report::Sent { .. } => "sent",
            Report::Failed => "failed",
            Report::Unknown => "unknown",
        }
    }
}

/// Something that carries messages: a mail server, a provider of text messages or calls.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Gateway {
    /// Opaque and never used again.
    #[n(0)]
    pub id: GatewayId,
    /// Unique among gateways.
    #[n(1)]
    pub name: Box<str>,
    /// What it carries; at least one.
    #[n(2)]
    pub channels: Box<[Channel]>,
    /// A disabled gateway carries nothing.
    #[n(3)]
    pub enabled: bool,
    /// The lowest is asked first.
    #[n(4)]
    pub priority: u16,
    /// The sealed settings; what is in them is the adapter's own.
    #[n(5)]
    pub settings: Sealed,
    /// Moves with every administrative change.
    #[n(6)]
    pub revision: Revision,
}
