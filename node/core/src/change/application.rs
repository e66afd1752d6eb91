//! Changes to applications.

use minicbor::{Decode, Encode};

use crate::{
    audit::Object,
    change::{Effect, expect, require, require_free},
    event::Event,
    ids::{ApplicationId, Revision},
    limits, names,
    outcome::{Field, Refusal},
    records::{Application, Factor},
    state::State,
};

/// A new application, enabled.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CreateApplication {
    /// Random.
    #[n(0)]
    pub id: ApplicationId,
    /// Unique among applications.
    #[n(1)]
    pub name: Box<str>,
    /// See [`Application::factors`].
    #[n(2)]
    pub factors: Box<[Factor]>,
    /// See [`Application::passthru_until_ms`].
    #[n(3)]
    pub passthru_until_ms: Option<u64>,
}

/// Another name or other factors.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ChangeApplication {
    /// Which application.
    #[n(0)]
    pub application: ApplicationId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
    /// Unique among applications.
    #[n(2)]
    pub name: Box<str>,
    /// See [`Application::factors`].
    #[n(3)]
    pub factors: Box<[Factor]>,
    /// See [`Application::passthru_until_ms`].
    #[n(4)]
    pub passthru_until_ms: Option<u64>,
}

/// Rejects all logins of an application.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DisableApplication {
    /// Which application.
    #[n(0)]
    pub application: ApplicationId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

/// Takes a disable back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct EnableApplication {
    /// Which application.
    #[n(0)]
    pub application: ApplicationId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

/// Removes an application that no client and no rule uses.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DeleteApplication {
    /// Which application.
    #[n(0)]
    pub application: ApplicationId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

impl CreateApplication {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        check(state, self.id, &self.name, &self.factors, self.passthru_until_ms)?;
        if state.application(self.id).is_some() {
            return Err(Refusal::IdTaken);
        }
        if state.applications().count() >= limits::HAND_MADE {
            return Err(Refusal::LimitReached);
        }
        let (name, factors) = (self.name.clone(), self.factors.clone());
        Ok(saved(Application {
            id: self.id,
            name,
            factors,
            enabled: true,
            revision,
            passthru_until_ms: self.passthru_until_ms,
        }))
    }
}

impl ChangeApplication {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let application = expected_application(state, self.application, self.expected)?;
        check(
            state,
            self.application,
            &self.name,
            &self.factors,
            self.passthru_until_ms,
        )?;
        let (name, factors) = (self.name.clone(), self.factors.clone());
        Ok(saved(Application {
            name,
            factors,
            revision,
            passthru_until_ms: self.passthru_until_ms,
            ..application.clone()
        }))
    }
}

impl DisableApplication {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let application = expected_application(state, self.application, self.expected)?;
        Ok(saved(Application {
            enabled: false,
            revision,
            ..application.clone()
        }))
    }
}

impl EnableApplication {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let application = expected_application(state, self.application, self.expected)?;
        Ok(saved(Application {
            enabled: true,
            revision,
            ..application.clone()
        }))
    }
}

impl DeleteApplication {
    pub(super) fn decide(&self, state: &State, _revision: Revision) -> Result<Effect, Refusal> {
        let application = expected_application(state, self.application, self.expected)?;
        if state.application_in_use(application.id) {
            return Err(Refusal::InUse);
        }
        Ok(Effect {
            events: vec![Event::ApplicationDeleted(application.id)],
            object: Object::Application(application.id),
            name: application.name.clone(),
        })
    }
}

fn expected_application(state: &State, id: ApplicationId, expected: Option<Revision>) -> Result<&Application, Refusal> {
    let application = state.application(id).ok_or(Refusal::NotFound)?;
    expect(application.revision, expected)?;
    Ok(application)
}

fn check(
    state: &State,
    own: ApplicationId,
    name: &str,
    factors: &[Factor],
    passthru_until_ms: Option<u64>,
) -> Result<(), Refusal> {
    require(names::is_name(name), Field::Name)?;
    require(Factor::may_be_asked(factors), Field::Factors)?;
    // Without a password nothing would be left to be let in by.
    let has_both = factors.contains(&Factor::Password) && factors.len() > 1;
    require(passthru_until_ms.is_none() || has_both, Field::PassthruUntil)?;
    require_free(state.application_by_name(name).map(|application| application.id), own)
}

fn saved(application: Application) -> Effect {
    let (object, name) = (Object::Application(application.id), application.name.clone());
    Effect {
        events: vec![Event::ApplicationSaved(application)],
        object,
        name,
    }
}
