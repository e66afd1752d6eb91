//! What a directory says of its people. Issued by a node that asked it, on behalf of [`crate::Actor::Directory`].

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    audit::Object,
    change::{Effect, expect, is_sealed, require, user::saved},
    event::Event,
    ids::{Revision, Sealed, TokenId, UserId},
    limits, names,
    outcome::{Field, Refusal},
    records::{Channel, Origin, Standing, Token, TokenKind, Used, User, UserName},
    state::State,
};

/// A person as the directory has them: made a user, or brought up to date.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SyncPerson {
    /// Random: the id of the user, if there is none yet.
    #[n(0)]
    pub id: UserId,
    /// Canonical, in the directory's domain.
    #[n(1)]
    pub name: UserName,
    /// What people call the user; may be empty.
    #[n(2)]
    pub display_name: Box<str>,
    /// Everything else that the directory says.
    #[n(3)]
    pub origin: Origin,
    /// Where codes are sent, because the directory says so; none twice on a channel.
    #[n(4)]
    pub addresses: Box<[SyncedAddress]>,
}

/// An address that a directory says, to which codes are sent: a token whose address is the directory's.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SyncedAddress {
    /// How they travel.
    #[n(0)]
    pub channel: Channel,
    /// Random: the id of the token, if there is none yet.
    #[n(1)]
    pub id: TokenId,
    /// Sealed for this id.
    #[n(2)]
    pub address: Sealed,
    /// The address with most of it left out.
    #[n(3)]
    pub hint: Box<str>,
}

/// A person whom the directory no longer has, or no longer as a member.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LeaveDirectory {
    /// Which user.
    #[n(0)]
    pub user: UserId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

impl SyncPerson {
    /// Whether the user is so already.
    pub fn changes_nothing(&self, state: &State, user: &User) -> bool {
        user.name == self.name
            && user.display_name == self.display_name
            && user.origin.as_deref() == Some(&self.origin)
            && Channel::ALL.into_iter().all(|channel| {
                let (held, said) = (held(state, user, channel).is_some(), self.said(channel).is_some());
                held == said || (said && user.tokens.len() >= limits::TOKENS_PER_USER)
            })
    }

    fn said(&self, channel: Channel) -> Option<&SyncedAddress> {
        self.addresses.iter().find(|address| address.channel == channel)
    }

    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        self.check(state)?;
        let known = state.person(self.origin.directory, &self.origin.unique_id);
        match known.or_else(|| state.user_by_name(&self.name)) {
            None => self.create(state, revision),
            Some(user) => self.update(state, user, revision),
        }
    }

    fn check(&self, state: &State) -> Result<(), Refusal> {
        let directory = state.directory(self.origin.directory).ok_or(Refusal::NotFound)?;
        require(
            names::is_canonical(&self.name) && self.name.domain == directory.domain,
            Field::Name,
        )?;
        require(names::is_label(&self.display_name), Field::DisplayName)?;
        let Origin {
            unique_id,
            mail,
            mobile,
            language,
            groups,
            ..
        } = &self.origin;
        let bounded = [unique_id, mail, mobile, language]
            .into_iter()
            .chain(groups)
            .all(|text| names::is_label(text));
        let sorted = groups.is_sorted_by(|former, next| former < next);
        require(
            bounded && sorted && groups.len() <= limits::GROUPS_PER_USER,
            Field::Attributes,
        )?;
        for (place, address) in self.addresses.iter().enumerate() {
            let hint = &address.hint;
            require(names::is_label(hint) && hint.len() <= limits::HINT_BYTES, Field::Hint)?;
            require(is_sealed(&address.address), Field::Seed)?;
            let once = self.addresses[..place]
                .iter()
                .all(|former| former.channel != address.channel);
            require(once && address.id != TokenId(0), Field::Attributes)?;
        }
        Ok(())
    }

    fn create(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        if self.id == UserId(0) || state.user(self.id).is_some() {
            return Err(Refusal::IdTaken);
        }
        let (name, display_name) = (self.name.clone(), self.display_name.clone());
        let user = User {
            origin: Some(Box::new(self.origin.clone())),
            ..User::new(self.id, name, display_name, revision, state.stamp().ms)
        };
        self.with_addresses(state, user, None)
    }

    /// A local user of that name, or one of another directory, stays whose it is. Who may no longer get in loses what is
    /// remembered of former accepts.
    fn update(&self, state: &State, user: &User, revision: Revision) -> Result<Effect, Refusal> {
        let former = user
            .origin
            .as_ref()
            .filter(|origin| origin.directory == self.origin.directory);
        let former = former.ok_or(Refusal::NameTaken)?;
        // Somebody new with the name of somebody who left or was renamed: what that one carries is not theirs.
        let same = |id: &str| id.is_empty() || id == &*self.origin.unique_id;
        if !same(&former.unique_id) {
            return Err(Refusal::NameTaken);
        }
        let holder = state.user_by_name(&self.name).map(|holder| holder.id);
        if holder.is_some_and(|holder| holder != user.id) {
            return Err(Refusal::NameTaken);
        }
        if self.changes_nothing(state, user) {
            return Ok(Effect {
                events: Vec::new(),
                object: Object::User(user.id),
                name: user.name.to_string().into(),
            });
        }
        let leaves = former.active && !self.origin.active;
        let changed = User {
            name: self.name.clone(),
            display_name: self.display_name.clone(),
            origin: Some(Box::new(self.origin.clone())),
            epoch: user.epoch.wrapping_add(u32::from(leaves)),
            remembered: user.remembered.clone().filter(|_| !leaves),
            revision,
            ..user.clone()
        };
        self.with_addresses(state, changed, Some(former))
    }

    /// The user, and its tokens whose addresses are the directory's: made, given another address, taken away. Who has too many
    /// tokens gets no more: that is no reason to keep anybody out.
    fn with_addresses(&self, state: &State, mut user: User, former: Option<&Origin>) -> Result<Effect, Refusal> {
        let mut events = Vec::new();
        for channel in Channel::ALL {
            match (held(state, &user, channel), self.said(channel)) {
                (None, None) => {}
                (Some(held), None) => events.push(parted(&mut user, held)),
                (Some(held), Some(said)) => {
                    if former.is_none_or(|former| former.address(channel) != self.origin.address(channel)) {
                        // Sealed for the id it came with, so the token is another.
                        events.push(parted(&mut user, held));
                        events.push(said.token(state, &mut user, held.standing)?);
                        let preferred = user.preferred.filter(|id| *id != held.id);
                        user.preferred = preferred.or(user.preferred.map(|_| said.id));
                    }
                }
                (None, Some(said)) if user.tokens.len() < limits::TOKENS_PER_USER => {
                    events.push(said.token(state, &mut user, Standing::Enabled)?);
                }
                (None, Some(_)) => {}
            }
        }
        let mut effect = saved(user);
        effect.events.extend(events);
        Ok(effect)
    }
}

impl SyncedAddress {
    fn token(&self, state: &State, user: &mut User, standing: Standing) -> Result<Event, Refusal> {
        if state.token(self.id).is_some() {
            return Err(Refusal::IdTaken);
        }
        user.tokens = user.tokens.iter().copied().chain([self.id]).collect();
        let kind = TokenKind::Sent { channel: self.channel };
        Ok(Event::TokenSaved(Arc::new(Token {
            id: self.id,
            user: user.id,
            name: self.channel.label().into(),
            kind,
            secret: self.address.clone(),
            standing,
            used: Used::nothing(kind.code_kind()),
            revision: user.revision,
            expires_ms: None,
            hint: self.hint.clone(),
            of_directory: true,
        })))
    }
}

/// The user loses a token, and with it what is remembered of former accepts.
fn parted(user: &mut User, token: &Token) -> Event {
    user.tokens = user.tokens.iter().copied().filter(|id| *id != token.id).collect();
    user.epoch = user.epoch.wrapping_add(1);
    Event::TokenDeleted(token.id)
}

/// The user's token on a channel whose address is the directory's.
fn held<'a>(state: &'a State, user: &User, channel: Channel) -> Option<&'a Arc<Token>> {
    let mut tokens = user.tokens.iter().filter_map(|id| state.token(*id));
    tokens.find(|token| token.of_directory && token.kind.channel() == Some(channel))
}

impl LeaveDirectory {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let user = state.user(self.user).ok_or(Refusal::NotFound)?;
        expect(user.revision, self.expected)?;
        let origin = user.origin.as_ref().ok_or(Refusal::NotFound)?;
        Ok(saved(User {
            origin: Some(Box::new(Origin {
                active: false,
                ..(**origin).clone()
            })),
            epoch: user.epoch.wrapping_add(1),
            remembered: None,
            revision,
            ..(**user).clone()
        }))
    }
}
