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

/// Removes an application that no client uses.
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
        check(state, self.id, &self.name, &self.factors)?;
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
        }))
    }
}

impl ChangeApplication {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let application = expected_application(state, self.application, self.expected)?;
        check(state, self.application, &self.name, &self.factors)?;
        let (name, factors) = (self.name.clone(), self.factors.clone());
        Ok(saved(Application {
            name,
            factors,
            revision,
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

fn check(state: &State, own: ApplicationId, name: &str, factors: &[Factor]) -> Result<(), Refusal> {
    require(names::is_name(name), Field::Name)?;
    require(Factor::may_be_asked(factors), Field::Factors)?;
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
