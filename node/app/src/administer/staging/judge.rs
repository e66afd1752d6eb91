//! Whether a row can be made: by its fields, by who is there, and by the rows before it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quorate_core::change::{CreateUser, DisableToken, DisableUser, SetLocal};
use quorate_core::{Actor, Change, Local, State, Token, TokenId, TokenKind, UserId, UserName, limits as core_limits};
use quorate_seal::Field;
use tokio::time::Instant;

use super::super::kept_here::{check_own_groups, check_own_language};
use super::super::token_spec::PlannedToken;
use super::super::{AdminError, Administrator, Material, TokenSpec};
use super::{ImportRow, ImportedPassword, ImportedToken, ImportedUser, Planned, RowVerdict, What};
use crate::address;
use crate::fields::FieldErrors;
use crate::hash_queue::HashLane;
use crate::passwords::in_normal_form;

/// What the rows so far will have made.
#[derive(Default)]
pub(super) struct Judged {
    users: BTreeMap<UserName, UserId>,
    /// Of everybody whom a token was gathered for; nobody is 0.
    tokens: BTreeMap<UserId, Held>,
}

/// The tokens that somebody will have.
#[derive(Default)]
struct Held {
    count: usize,
    /// How many tokens so called were there before the import, less the rows that were taken for one of them. Names are not unique: of
    /// two phones one may be there already.
    there: BTreeMap<Box<str>, usize>,
}

impl Held {
    fn of<'a>(tokens: impl Iterator<Item = &'a Arc<Token>>) -> Self {
        let mut held = Held::default();
        for token in tokens {
            held.count += 1;
            *held.there.entry(token.name.clone()).or_default() += 1;
        }
        held
    }
}

impl Judged {
    fn held(&mut self, state: &State, owner: UserId) -> &mut Held {
        self.tokens.entry(owner).or_insert_with(|| match owner {
            UserId(0) => Held::of(state.stock_after(None)),
            owner => Held::of(state.tokens_of(owner)),
        })
    }
}

impl Administrator {
    /// What becomes of a row; if it will be made, the rows after it are judged by that.
    pub(super) fn judge_row(&self, actor: Actor, state: &State, judged: &mut Judged, row: &ImportRow) -> RowVerdict {
        match row {
            ImportRow::User(user) => self.judge_user(state, judged, user),
            ImportRow::Token(token) => self.judge_token(actor, state, judged, token),
        }
    }

    fn judge_user(&self, state: &State, judged: &mut Judged, user: &ImportedUser) -> RowVerdict {
        let mut errors = FieldErrors::default();
        let name = self.check_user_name(&mut errors, "name", &user.name);
        if name.as_ref().is_some_and(|name| state.user_by_name(name).is_some()) {
            return RowVerdict::There;
        }
        errors.check_label("display_name", &user.display_name, true);
        errors.check_groups("groups", &user.groups, core_limits::GROUPS_PER_USER);
        check_own_language(&mut errors, &user.language);
        if let (Some(name), Some(ImportedPassword::Clear(password))) = (&name, &user.password) {
            self.check_password(&mut errors, "password", name, password);
        }
        let mut channels = BTreeSet::new();
        for (channel, typed) in &user.addresses {
            let form = address::form(*channel);
            let right = address::normal(*channel, typed).is_some();
            errors.require(right, channel.label(), "has the wrong form", form);
            errors.require(
                channels.insert(*channel),
                channel.label(),
                "is there twice",
                "give it once",
            );
        }
        if name.as_ref().is_some_and(|name| judged.users.contains_key(name)) {
            errors.add("name", "is that of a former row, however it is spelt", "leave one out");
        }
        match errors.finish_with(name) {
            Ok(name) => {
                let id = UserId(self.random_id());
                judged.users.insert(name, id);
                let held = Held {
                    count: channels.len(),
                    ..Held::default()
                };
                judged.tokens.insert(id, held);
                RowVerdict::New
            }
            Err(errors) => RowVerdict::Wrong(errors),
        }
    }

    fn judge_token(&self, actor: Actor, state: &State, judged: &mut Judged, token: &ImportedToken) -> RowVerdict {
        let mut errors = FieldErrors::default();
        token.spec.check(&mut errors, "");
        let past = token
            .spec
            .expires_ms
            .is_some_and(|end_ms| end_ms <= self.clock.now_ms());
        errors.require(!past, "expires_ms", "has passed", "leave the token out");
        let owner = match &token.owner {
            None => Some(UserId(0)),
            Some(typed) => self.owner(actor, state, judged, typed, &mut errors),
        };
        let owner = match errors.finish_with(owner) {
            Ok(owner) => owner,
            Err(errors) => return RowVerdict::Wrong(errors),
        };
        let mut errors = FieldErrors::default();
        let held = judged.held(state, owner);
        if let Some(left) = held.there.get_mut(&*token.spec.name).filter(|left| **left > 0) {
            *left -= 1;
            return RowVerdict::There;
        }
        let room = match owner {
            UserId(0) => core_limits::STOCK,
            _ => core_limits::TOKENS_PER_USER,
        };
        errors.require(
            held.count < room,
            "owner",
            "has as many tokens as can be",
            "leave some out",
        );
        let handed = owner != UserId(0) || token.spec.kind.is_device();
        errors.require(handed, "owner", "is missing", "only devices can be nobody's");
        match errors.finish() {
            Ok(()) => {
                held.count += 1;
                RowVerdict::New
            }
            Err(errors) => RowVerdict::Wrong(errors),
        }
    }

    fn owner(
        &self,
        actor: Actor,
        state: &State,
        judged: &Judged,
        typed: &str,
        errors: &mut FieldErrors,
    ) -> Option<UserId> {
        let name = self.check_user_name(errors, "owner", typed)?;
        let found = owner_of(state, judged, &name);
        let hint = "create or import the user first";
        errors.require(found.is_some(), "owner", "is nobody here or in this import", hint);
        let (id, _) = found?;
        let role = state.user(id).map(|user| user.role);
        let reached = role.is_none() || actor.reach(state, role).is_ok();
        errors.require(reached, "owner", "has a role above the one that asks", "");
        Some(id)
    }

    /// A row that was found right, sealed.
    pub(super) async fn plan_row(
        &self,
        judged: &Judged,
        row: ImportRow,
        deadline: Instant,
    ) -> Result<Planned, AdminError> {
        match row {
            ImportRow::User(user) => self.plan_imported_user(judged, user, deadline).await,
            ImportRow::Token(token) => self.plan_imported_token(judged, token),
        }
    }

    async fn plan_imported_user(
        &self,
        judged: &Judged,
        user: ImportedUser,
        deadline: Instant,
    ) -> Result<Planned, AdminError> {
        let mut errors = FieldErrors::default();
        let name = self.check_user_name(&mut errors, "name", &user.name);
        let local = Local {
            groups: check_own_groups(&mut errors, user.groups),
            enrol_by_ms: None,
            language: check_own_language(&mut errors, &user.language),
        };
        let name = errors.finish_with(name)?;
        let id = *judged.users.get(&name).ok_or(AdminError::Conflict)?;
        let foreign_password = matches!(user.password, Some(ImportedPassword::Foreign(_)));
        let lane = HashLane::ADMINISTRATION;
        let verifier = match user.password {
            None => None,
            Some(ImportedPassword::Verifier(verifier)) => Some(verifier),
            Some(ImportedPassword::Clear(password)) => {
                let password = in_normal_form(password.as_bytes());
                Some(self.hashes.compute(lane, password, self.random(), deadline).await?)
            }
            Some(ImportedPassword::Foreign(hash)) => Some(self.hashes.wrap(lane, hash, self.random(), deadline).await?),
        };
        let mut changes = vec![Change::CreateUser(CreateUser {
            id,
            name: name.clone(),
            display_name: user.display_name.into(),
            password: verifier.map(|verifier| self.seal(Field::UserPassword, id.0, &verifier.encode())),
            must_change_password: false,
            foreign_password,
        })];
        if local != Local::default() {
            changes.push(Change::SetLocal(SetLocal {
                user: id,
                expected: None,
                local,
            }));
        }
        for (channel, typed) in user.addresses {
            let spec = TokenSpec {
                name: channel.label().to_owned(),
                kind: TokenKind::Sent { channel },
                material: Material::Address(typed),
                verified: Some(true),
                ..TokenSpec::default()
            };
            changes.push(self.plan_token(id, Some(&name), spec).change);
        }
        if user.disabled {
            changes.push(Change::DisableUser(DisableUser {
                user: id,
                expected: None,
            }));
        }
        Ok(Planned {
            subject: name.to_string(),
            what: What::User { id, name },
            changes,
        })
    }

    fn plan_imported_token(&self, judged: &Judged, token: ImportedToken) -> Result<Planned, AdminError> {
        let (owner, name) = match &token.owner {
            None => (UserId(0), None),
            Some(typed) => {
                let mut errors = FieldErrors::default();
                let name = self.check_user_name(&mut errors, "owner", typed);
                let name = errors.finish_with(name)?;
                let (owner, name) = owner_of(&self.state(), judged, &name).ok_or(AdminError::Conflict)?;
                (owner, Some(name))
            }
        };
        let expires_ms = token.spec.expires_ms;
        let subject = match &name {
            Some(name) => format!("{} of {name}", token.spec.name),
            None => token.spec.name.clone(),
        };
        let PlannedToken { token: id, change, .. } = self.plan_token(owner, name.as_ref(), token.spec);
        Ok(Planned {
            subject,
            what: What::Token { id, owner, expires_ms },
            changes: std::iter::once(change)
                .chain(token.disabled.then(|| disabled(id)))
                .collect(),
        })
    }
}

/// Whom a name means: who is called so, here or in this import, before anybody of the default directory.
fn owner_of(state: &State, judged: &Judged, name: &UserName) -> Option<(UserId, UserName)> {
    let there = |name: &UserName| state.user_by_name(name).map(|user| (user.id, user.name.clone()));
    let coming = || judged.users.get(name).map(|id| (*id, name.clone()));
    there(name).or_else(coming).or_else(|| there(&state.meant(name)))
}

fn disabled(token: TokenId) -> Change {
    Change::DisableToken(DisableToken { token, expected: None })
}
