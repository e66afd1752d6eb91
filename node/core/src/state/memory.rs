//! What is remembered of past requests, and for how long.

use std::{cmp::min, net::IpAddr, sync::Arc};

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::{
    command::Judged,
    digest::digest_16,
    ids::{ClientId, ConversationId, Fingerprint, ProofDigest, Revision, TokenId, UserId},
    limits,
    outcome::Verdict,
    records::{Dispatch, SentCode},
    state::expiring::{Expiring, Mortal},
};

/// A verdict that was given, and whom it concerned, in few bytes: there are millions of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Remembered {
    #[n(0)]
    pub verdict: Verdict,
    #[n(1)]
    pub client: ClientId,
    #[n(2)]
    pub user: UserId,
    /// Sum of the epochs of client and user. Each only grows, so an equal sum means equal epochs.
    #[n(3)]
    pub epochs: u32,
}

/// A conversation that came to its verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Spent {
    #[n(0)]
    pub proof: ProofDigest,
    #[n(1)]
    pub remembered: Remembered,
}

/// Wrong passwords of one user from one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Delay {
    #[n(0)]
    pub failures: u32,
    /// Even the right password is rejected until then.
    #[n(1)]
    pub until_ms: u64,
}

impl Delay {
    /// The delay after one more wrong password: three are free, then 1, 2, 4 … 60 s.
    pub fn after(former: Option<&Delay>, now_ms: u64) -> Delay {
        let failures = former.map_or(0, |delay| delay.failures).saturating_add(1);
        let delay_ms = match failures.checked_sub(limits::FREE_WRONG_PASSWORDS + 1) {
            None => 0,
            Some(doublings) => min(1_000u64 << min(doublings, 16), limits::PASSWORD_DELAY_MS_MAX),
        };
        Delay {
            failures,
            until_ms: now_ms.saturating_add(delay_ms),
        }
    }
}

/// The source of a password: the end user's device where the client names one, else the client's address.
/// Only a digest is kept, so that every row has the same size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct SourceDigest(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

impl SourceDigest {
    pub fn of(judged: &Judged) -> Self {
        let mut hash = Sha256::new();
        hash.update(judged.client.0.to_be_bytes());
        match &judged.facts.calling_station_id {
            Some(station) => {
                hash.update(b"station");
                hash.update(station);
            }
            None => {
                hash.update(b"address");
                hash.update(judged.facts.source.to_canonical().to_string());
            }
        }
        Self::half_of(hash)
    }

    /// Of whoever changes the own password, through no client.
    pub fn of_own(source: IpAddr) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"own password");
        hash.update(source.to_canonical().to_string());
        Self::half_of(hash)
    }

    fn half_of(hash: Sha256) -> Self {
        let digest: [u8; 32] = hash.finalize().into();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        SourceDigest(half)
    }
}

/// Whose messages of one day are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct SendCount(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

impl SendCount {
    /// Messages to a user on the day of this time.
    pub fn of_user(user: UserId, now_ms: u64) -> Self {
        SendCount(digest_16(b"sends to user", &[&user.0.to_be_bytes(), &day(now_ms)]))
    }

    /// Messages to a region on the day of this time.
    pub fn of_prefix(prefix: &[u8; 16], now_ms: u64) -> Self {
        SendCount(digest_16(b"sends to prefix", &[prefix, &day(now_ms)]))
    }
}

fn day(now_ms: u64) -> [u8; 8] {
    (now_ms / limits::DAY_MS).to_be_bytes()
}

/// An accept after which its user may trust a device, and what must not have changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Offer {
    #[n(0)]
    pub user: UserId,
    #[n(1)]
    pub client: ClientId,
    /// The user's.
    #[n(2)]
    pub revision: Revision,
    /// As in [`Remembered`].
    #[n(3)]
    pub epochs: u32,
}

/// Every table whose rows expire, but for devices.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    pub verdicts: Expiring<Fingerprint, Remembered>,
    pub conversations: Expiring<ConversationId, Spent>,
    pub delays: Expiring<(UserId, SourceDigest), Delay>,
    pub answers: Expiring<Fingerprint, Revision>,
    /// The one code of a token that is on its way.
    pub sent_codes: Expiring<TokenId, Arc<SentCode>>,
    /// By what asked for it.
    pub dispatches: Expiring<Fingerprint, Dispatch>,
    pub send_counts: Expiring<SendCount, u32>,
    /// By the login after which a device may be trusted.
    pub offers: Expiring<Fingerprint, Offer>,
}

impl Memory {
    /// Forgets a bounded number of rows whose time has come.
    pub fn prune(&mut self, now_ms: u64) {
        self.verdicts.prune(now_ms, limits::PRUNED_PER_COMMAND);
        self.conversations.prune(now_ms, limits::PRUNED_PER_COMMAND);
        self.delays.prune(now_ms, limits::PRUNED_PER_COMMAND);
        self.answers.prune(now_ms, limits::PRUNED_PER_COMMAND);
        self.sent_codes.prune(now_ms, limits::PRUNED_PER_COMMAND);
        self.dispatches.prune(now_ms, limits::PRUNED_PER_COMMAND);
        self.send_counts.prune(now_ms, limits::PRUNED_PER_COMMAND);
        self.offers.prune(now_ms, limits::PRUNED_PER_COMMAND);
    }

    /// Whether another verdict finds room in every table it may write to.
    pub fn has_room(&self) -> bool {
        self.verdicts.len() < limits::FINGERPRINTS
            && self.conversations.len() < limits::CONVERSATIONS
            && self.delays.len() < limits::PASSWORD_DELAYS
    }

    /// Whether another code that is sent finds room.
    pub fn has_room_to_send(&self) -> bool {
        self.sent_codes.len() < limits::SENT_CODES
            && self.dispatches.len() < limits::DISPATCHES
            && self.send_counts.len() + 1 < limits::SEND_COUNTS
    }

    /// How many messages there were already.
    pub fn sends(&self, count: SendCount) -> u32 {
        self.send_counts.find(&count).copied().unwrap_or(0)
    }

    /// Puts a code in the place of the token's former one, and counts the message.
    pub fn queue(&mut self, code: Arc<SentCode>, dispatch: Dispatch, counts: &[SendCount], now_ms: u64) {
        let remembered = Mortal {
            value: dispatch,
            expires_ms: now_ms.saturating_add(limits::DISPATCH_MEMORY_MS),
        };
        self.dispatches.insert(code.request, remembered);
        let expires_ms = code.expires_ms.saturating_add(limits::SENT_CODE_MEMORY_MS);
        self.sent_codes.insert(
            dispatch.token,
            Mortal {
                value: code,
                expires_ms,
            },
        );
        let midnight_ms = (now_ms / limits::DAY_MS + 1).saturating_mul(limits::DAY_MS);
        for count in counts {
            let value = self.sends(*count).saturating_add(1);
            let expires_ms = midnight_ms;
            self.send_counts.insert(*count, Mortal { value, expires_ms });
        }
    }

    /// Notes what the gateways said.
    pub fn report(&mut self, request: Fingerprint, dispatch: Dispatch, now_ms: u64) {
        let expires_ms = now_ms.saturating_add(limits::DISPATCH_MEMORY_MS);
        self.dispatches.insert(
            request,
            Mortal {
                value: dispatch,
                expires_ms,
            },
        );
    }

    /// Remembers a verdict, and spends the conversation that it ends.
    pub fn remember(&mut self, judged: &Judged, remembered: Remembered, now_ms: u64) {
        let retention_ms = judged
            .retention_ms
            .clamp(limits::RETENTION_MS_MIN, limits::RETENTION_MS_MAX);
        let expires_ms = now_ms.saturating_add(retention_ms);
        self.verdicts.insert(
            judged.fingerprint,
            Mortal {
                value: remembered,
                expires_ms,
            },
        );
        if let (Some(conversation), Some(proof)) = (judged.conversation, judged.proof)
            && self.conversations.find(&conversation).is_none()
        {
            let expires_ms = now_ms.saturating_add(limits::CONVERSATION_MEMORY_MS);
            self.conversations.insert(
                conversation,
                Mortal {
                    value: Spent { proof, remembered },
                    expires_ms,
                },
            );
        }
    }

    /// Counts a wrong password.
    pub fn delay(&mut self, user: UserId, source: SourceDigest, delay: Delay, now_ms: u64) {
        let expires_ms = now_ms.saturating_add(limits::PASSWORD_MEMORY_MS);
        self.delays.insert(
            (user, source),
            Mortal {
                value: delay,
                expires_ms,
            },
        );
    }

    /// Ends the delays of a user, up to a thousand sources: an unlock must not cost more than that.
    pub fn forget_delays(&mut self, user: UserId) {
        let first = (user, SourceDigest([0; 16]));
        let last = (user, SourceDigest([0xff; 16]));
        let keys: Vec<_> = self
            .delays
            .rows()
            .range(first..=last)
            .take(limits::DELAYS_CLEARED)
            .map(|(key, _)| *key)
            .collect();
        keys.iter().for_each(|key| self.delays.remove(key));
    }
}
