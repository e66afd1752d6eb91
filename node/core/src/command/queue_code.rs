//! Makes a code the one right code of a token, to be sent. Issued by the node that judged a login which asks for one, or that was
//! asked by an administrator.
//!
//! The fence against sending twice is here and nowhere else: a request has one code, whichever node queued it first. That
//! node, which alone finds its own code in the outcome, sends it; if it dies before that, nobody knows the code, and the
//! user asks again.

use minicbor::{Decode, Encode};

use crate::{
    audit::SendEntry,
    command::{
        Actor, Judged,
        verdict::{Subject, decide_verdict, reject},
    },
    decide::Decided,
    event::{Event, SendCounts},
    ids::{CodeId, ConversationId, Fingerprint, NodeId, Revision, Sealed, TokenId, UserId},
    limits, method,
    outcome::{Field, Outcome, Reason, Refusal},
    permissions::Permission,
    records::{Channel, Dispatch, Role, SentCode, Standing, Token},
    state::{SendCount, State},
};

/// This code, and no earlier one, is right for this token. The same request gets the code that it got first, and nothing is
/// queued again.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct QueueCode {
    /// What asks for it: of a login, its conversation and how many codes were sent in it before; of an administrator, random.
    #[n(0)]
    pub request: Fingerprint,
    /// On whose behalf.
    #[n(1)]
    pub asker: Asker,
    /// The token to whose address it goes.
    #[n(2)]
    pub token: TokenId,
    /// The revision of the token that its address was read from.
    #[n(3)]
    pub token_revision: Revision,
    /// Random: which code it is.
    #[n(4)]
    pub code: CodeId,
    /// The sealed verifier of the code.
    #[n(5)]
    pub verifier: Sealed,
    /// Keyed digest of the first digits of a telephone number: messages to a region are counted by it.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub prefix: Option<[u8; 16]>,
    /// The user chose this token among others, and will be offered it first.
    #[n(7)]
    pub chosen: bool,
    /// The node that sends it.
    #[n(8)]
    pub node: NodeId,
}

/// On whose behalf a code is sent.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are logins, and one lives as long as its command"
)]
pub enum Asker {
    /// A login that has proven what comes before the code.
    #[n(0)]
    Login {
        /// By what it was judged; `user` is there.
        #[n(0)]
        judged: Judged,
        /// The login's conversation, also where this is its first packet.
        #[n(1)]
        conversation: ConversationId,
    },
    /// An administrator, who wants to see a code of the token.
    #[n(1)]
    Administrator(#[n(0)] Actor),
}

impl QueueCode {
    pub(crate) fn decide(&self, state: &State, now_ms: u64) -> Result<Decided, Refusal> {
        if let Some(dispatch) = state.memory().dispatches.find(&self.request) {
            return Ok(queued(dispatch.code, Vec::new()));
        }
        if !(1..=limits::SEALED_BYTES).contains(&self.verifier.0.len()) {
            return Err(Refusal::Invalid(Field::Verifier));
        }
        match &self.asker {
            Asker::Login { judged, .. } => {
                decide_verdict(state, judged, now_ms, |subject| self.for_login(subject, judged))
            }
            Asker::Administrator(actor) => {
                actor.permit(state, Permission::SendCodes)?;
                actor.reach(state, self.owner_role(state))?;
                self.for_administrator(state, now_ms)
            }
        }
    }

    fn for_login(&self, subject: &Subject<'_>, judged: &Judged) -> Result<Decided, Refusal> {
        let user = subject.user.ok_or(Refusal::Invalid(Field::Judgement))?;
        let (token, channel) = self.token(subject.state)?;
        let is_asked = |kind| subject.plan.factors.iter().any(|factor| factor.takes(kind));
        if token.user != user.id || !is_asked(channel.code_kind()) || !subject.password_settled() {
            return Err(Refusal::Invalid(Field::Judgement));
        }
        if let Some(reason) = subject.barred(user) {
            return Ok(reject(judged, reason, Vec::new()));
        }
        let usable = method::usable(subject.state.tokens_of(user.id), subject.now_ms);
        if !usable.iter().any(|usable| usable.id == token.id) {
            return Ok(reject(judged, Reason::NoToken, Vec::new()));
        }
        let mut events = vec![self.queue(subject.state, token, channel, subject.now_ms)?];
        if self.chosen && user.preferred != Some(token.id) {
            events.push(Event::PreferenceNoted {
                user: user.id,
                preferred: Some(token.id),
            });
        }
        Ok(queued(self.code, events))
    }

    /// The first code of a token is sent before anybody has shown one.
    fn for_administrator(&self, state: &State, now_ms: u64) -> Result<Decided, Refusal> {
        let (token, channel) = self.token(state)?;
        if !matches!(token.standing, Standing::Unverified | Standing::Enabled) || token.expired_at(now_ms) {
            return Err(Refusal::NotAllowed);
        }
        Ok(queued(self.code, vec![self.queue(state, token, channel, now_ms)?]))
    }

    fn owner_role(&self, state: &State) -> Option<Role> {
        let token = state.token(self.token)?;
        state.user(token.user).map(|user| user.role)
    }

    fn token<'a>(&self, state: &'a State) -> Result<(&'a Token, Channel), Refusal> {
        let token = state.token(self.token).ok_or(Refusal::Stale)?;
        if token.revision != self.token_revision {
            return Err(Refusal::Stale);
        }
        let channel = token.kind.channel().ok_or(Refusal::Invalid(Field::Judgement))?;
        Ok((token, channel))
    }

    /// The message, if it is within all limits.
    fn queue(&self, state: &State, token: &Token, channel: Channel, now_ms: u64) -> Result<Event, Refusal> {
        let (memory, policy) = (state.memory(), state.policy());
        if !memory.has_room_to_send() {
            return Err(Refusal::LimitReached);
        }
        let of_user = SendCount::of_user(token.user, now_ms);
        let of_prefix = self.prefix.map(|prefix| SendCount::of_prefix(&prefix, now_ms));
        let prefix_full = of_prefix.is_some_and(|count| memory.sends(count) >= policy.sends_per_prefix);
        if memory.sends(of_user) >= policy.sends_per_user || prefix_full {
            return Err(Refusal::SendLimit);
        }
        Ok(Event::CodeQueued {
            code: SentCode {
                id: self.code,
                verifier: self.verifier.clone(),
                request: self.request,
                conversation: self.conversation(),
                node: self.node,
                expires_ms: now_ms.saturating_add(policy.sent_code_ms),
            },
            dispatch: self.dispatch(token.user),
            counts: SendCounts([Some(of_user), of_prefix].into_iter().flatten().collect()),
            entry: self.entry(token, channel),
        })
    }

    fn conversation(&self) -> Option<ConversationId> {
        match &self.asker {
            Asker::Login { conversation, .. } => Some(*conversation),
            Asker::Administrator(_) => None,
        }
    }

    fn dispatch(&self, user: UserId) -> Dispatch {
        Dispatch {
            code: self.code,
            token: self.token,
            user,
            node: self.node,
            report: None,
        }
    }

    fn entry(&self, token: &Token, channel: Channel) -> SendEntry {
        let (actor, judged) = match &self.asker {
            Asker::Login { judged, .. } => (None, Some(judged)),
            Asker::Administrator(actor) => (Some(*actor), None),
        };
        SendEntry {
            code: self.code,
            token: token.id,
            user: token.user,
            channel,
            node: self.node,
            actor,
            client: judged.map(|judged| judged.client),
            facts: judged.map(|judged| judged.facts.clone()),
        }
    }
}

fn queued(code: CodeId, events: Vec<Event>) -> Decided {
    Decided {
        outcome: Outcome::Queued { code },
        events,
    }
}
