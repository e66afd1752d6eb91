//! Changes to applications.

use minicbor::{Decode, Encode};

use crate::{
    audit::Object,
    change::{Effect, expect, require, require_free},
    event::Event,
    ids::{ApplicationId, Revision},
    limits, names,
    outcome::{Field, Refusal},
    records::{Application, Enrolment, Factor},
    state::State,
};

/// What an administrator may set of an application.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ApplicationSettings {
    /// Unique among applications.
    #[n(0)]
    pub name: Box<str>,
    /// See [`Application::factors`].
    #[n(1)]
    pub factors: Box<[Factor]>,
    /// See [`Application::passthru_until_ms`].
    #[n(2)]
    pub passthru_until_ms: Option<u64>,
    /// See [`Application::enrolment`].
    #[n(3)]
    pub enrolment: Enrolment,
}

/// A new application, enabled.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CreateApplication {
    /// Random.
    #[n(0)]
    pub id: ApplicationId,
    /// What it is like.
    #[n(1)]
    pub settings: ApplicationSettings,
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
    /// What it is like from now on.
    #[n(2)]
    pub settings: ApplicationSettings,
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

impl ApplicationSettings {
    fn check(&self, state: &State, own: ApplicationId) -> Result<(), Refusal> {
        require(names::is_name(&self.name), Field::Name)?;
        require(Factor::may_be_asked(&self.factors), Field::Factors)?;
        // Without a password nothing would be left to be let in by.
        let has_both = self.factors.contains(&Factor::Password) && self.factors.len() > 1;
        require(self.passthru_until_ms.is_none() || has_both, Field::PassthruUntil)?;
        require(self.enrolment.fits(&self.factors), Field::Enrolment)?;
        require_free(
            state.application_by_name(&self.name).map(|application| application.id),
            own,
        )
    }

    fn of(self, id: ApplicationId, enabled: bool, revision: Revision) -> Application {
        Application {
            id,
            name: self.name,
            factors: self.factors,
            enabled,
            revision,
            passthru_until_ms: self.passthru_until_ms,
            enrolment: self.enrolment,
        }
    }
}

impl CreateApplication {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        self.settings.check(state, self.id)?;
        if state.application(self.id).is_some() {
            return Err(Refusal::IdTaken);
        }
        if state.applications().count() >= limits::HAND_MADE {
            return Err(Refusal::LimitReached);
        }
        Ok(saved(self.settings.clone().of(self.id, true, revision)))
    }
}

impl ChangeApplication {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let application = expected_application(state, self.application, self.expected)?;
        self.settings.check(state, self.application)?;
        Ok(saved(self.settings.clone().of(
            application.id,
            application.enabled,
            revision,
        )))
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

fn saved(application: Application) -> Effect {
    let (object, name) = (Object::Application(application.id), application.name.clone());
    Effect {
        events: vec![Event::ApplicationSaved(application)],
        object,
        name,
    }
}
