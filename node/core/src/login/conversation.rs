use minicbor::{Decode, Encode};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    codec::{self, Undecodable},
    command::CodeProof,
    digest::digest_16,
    ids::{ApplicationId, ClientId, ConversationId, Fingerprint, Revision, UserId},
    login::{Proof, enrolling::Enrolling, renewal::Renewal},
};

/// What was typed and could not be judged yet. Wiped when dropped.
#[derive(Clone, PartialEq, Eq, Encode, Decode, Zeroize, ZeroizeOnDrop)]
#[cbor(transparent)]
pub(super) struct Kept(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>);

impl Kept {
    pub fn new(typed: &[u8]) -> Self {
        Kept(typed.to_vec())
    }

    pub fn typed(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kept")
    }
}

/// What a State attribute carries, sealed: who has proven what. At most [`crate::limits::CONVERSATION_BYTES`].
///
/// Of all revisions only the password's is bound: a password that was proven cannot be judged again, and
/// everything else is judged by the state that the last packet finds. The application is bound too: proofs for one are none for another.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Conversation {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(super) cluster: [u8; 16],
    #[n(1)]
    pub(super) id: ConversationId,
    #[n(2)]
    pub(super) client: ClientId,
    #[n(3)]
    pub(super) application: ApplicationId,
    /// 0 as long as nothing is proven: whose name it is does not show before.
    #[n(4)]
    pub(super) user: UserId,
    /// Digest of User-Name as received: the name itself may be too long.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub(super) user_name: [u8; 16],
    #[n(6)]
    pub(super) proven: Box<[Proof]>,
    #[n(7)]
    pub(super) password_revision: Option<Revision>,
    /// Sum of the epochs of client and user: a disable or a lock in between ends the conversation.
    #[n(8)]
    pub(super) epochs: u32,
    #[n(9)]
    pub(super) expires_ms: u64,
    /// How many codes were sent in it.
    #[n(10)]
    pub(super) sends: u8,
    /// How far the change of a password is, if it asks for one.
    #[n(11)]
    pub(super) renewal: Option<Renewal>,
    /// The key that was shown, if a first token is being given.
    #[n(12)]
    pub(super) enrolling: Option<Enrolling>,
    /// Codes that were typed before the password, in order.
    #[n(13)]
    pub(super) kept: Box<[Kept]>,
}

/// A State attribute after the attempt to open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenedState {
    /// It was sealed by this cluster.
    Conversation(Box<Conversation>),
    /// It was not, or was altered, or is of a key that is gone.
    Unreadable,
}

impl Conversation {
    /// The bytes to seal: there may be a password, a code or a key in them.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        codec::to_secret_bytes(self)
    }

    /// What an answer to it is: what was typed, now and before. Two answers are the same only if all of it is.
    pub fn answer(&self, typed: &[u8]) -> Zeroizing<Vec<u8>> {
        let before: usize = self.kept.iter().map(|kept| 8 + kept.typed().len()).sum();
        let mut answer = Zeroizing::new(Vec::with_capacity(before + typed.len()));
        for kept in &self.kept {
            answer.extend_from_slice(&(kept.typed().len() as u64).to_be_bytes());
            answer.extend_from_slice(kept.typed());
        }
        answer.extend_from_slice(typed);
        answer
    }

    /// The conversation in bytes that were opened.
    ///
    /// # Errors
    /// They are from a newer version; take the attribute for [`OpenedState::Unreadable`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Undecodable> {
        codec::from_bytes(bytes)
    }

    /// Which conversation this is.
    pub fn id(&self) -> ConversationId {
        self.id
    }

    /// Whether nothing of it has been judged yet.
    pub(super) fn is_unjudged(&self) -> bool {
        !self.kept.is_empty()
    }

    /// When the password that was right had been remembered, if it was judged by that.
    pub(super) fn recalled_ms(&self) -> Option<u64> {
        self.proven.iter().find_map(Proof::recalled_ms)
    }

    /// Codes that were right.
    pub(super) fn codes(&self) -> impl Iterator<Item = &CodeProof> {
        self.proven.iter().filter_map(Proof::code)
    }

    pub(super) fn id_of(first: Fingerprint) -> ConversationId {
        ConversationId(digest_16(b"conversation", &[&first.0]))
    }

    /// What asks for the next code of a conversation. The same answer to the same challenge is the same request, however it was
    /// signed and to whichever node it came.
    pub(super) fn send_request(id: ConversationId, sends: u8) -> Fingerprint {
        Fingerprint(digest_16(b"send", &[&id.0, &[sends]]))
    }

    pub(super) fn name_digest(user_name: &[u8]) -> [u8; 16] {
        digest_16(b"user name", &[user_name])
    }
}
