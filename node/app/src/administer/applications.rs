//! Applications: the ordered factors that the users of a client are asked for.

use std::sync::Arc;

use quorate_core::change::{
    ApplicationSettings, ChangeApplication, CreateApplication, DeleteApplication, DisableApplication, EnableApplication,
};
use quorate_core::{Actor, Application, ApplicationId, Change, Enrolment, Factor, Revision};

use super::{AdminError, Administrator};
use crate::fields::FieldErrors;

/// What an administrator may set of an application.
#[derive(Debug, Clone)]
pub struct ApplicationSpec {
    pub name: String,
    /// At least one; a password comes before a code.
    pub factors: Vec<Factor>,
    /// Until when users who never had a token in use are let in by the password alone, in ms since 1970; none for never.
    pub passthru_until_ms: Option<u64>,
    /// How users who never had a token in use come to one in a login.
    pub enrolment: Enrolment,
}

impl ApplicationSpec {
    fn check(&self) -> Result<(), AdminError> {
        let mut errors = FieldErrors::default();
        errors.check_name::<ApplicationId>(&self.name);
        errors.require(
            Factor::may_be_asked(&self.factors),
            "factors",
            "cannot be asked for",
            "one to three: codes, and a password before or behind them if any",
        );
        errors.require(
            self.passthru_until_ms.is_none() || (self.factors.contains(&Factor::Password) && self.factors.len() > 1),
            "passthru_until_ms",
            "would leave nothing to prove, or nothing out",
            "only where a password and a code are asked for",
        );
        errors.require(
            self.enrolment.fits(&self.factors),
            "enrolment",
            "cannot be done in this login",
            "off, or, where one code is asked for and may be a TOTP code: password (which is asked for then), or registration_code",
        );
        Ok(errors.finish()?)
    }

    fn settings(self) -> ApplicationSettings {
        ApplicationSettings {
            name: self.name.into(),
            factors: self.factors.into(),
            passthru_until_ms: self.passthru_until_ms,
            enrolment: self.enrolment,
        }
    }
}

impl Administrator {
    /// Creates an application.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn create_application(
        &self,
        actor: Actor,
        spec: ApplicationSpec,
    ) -> Result<Arc<Application>, AdminError> {
        spec.check()?;
        let id = ApplicationId(self.random_id());
        let change = Change::CreateApplication(CreateApplication {
            id,
            settings: spec.settings(),
        });
        self.administer(actor, vec![change]).await?;
        self.read_application(id)
    }

    /// Gives an application another name and other factors.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn change_application(
        &self,
        actor: Actor,
        application: ApplicationId,
        expected: Option<Revision>,
        spec: ApplicationSpec,
    ) -> Result<Arc<Application>, AdminError> {
        spec.check()?;
        let change = Change::ChangeApplication(ChangeApplication {
            application,
            expected,
            settings: spec.settings(),
        });
        self.change_one_application(actor, application, change).await
    }

    /// Disables an application: its logins are rejected.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn disable_application(
        &self,
        actor: Actor,
        application: ApplicationId,
        expected: Option<Revision>,
    ) -> Result<Arc<Application>, AdminError> {
        let change = Change::DisableApplication(DisableApplication { application, expected });
        self.change_one_application(actor, application, change).await
    }

    /// Takes a disable back.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn enable_application(
        &self,
        actor: Actor,
        application: ApplicationId,
        expected: Option<Revision>,
    ) -> Result<Arc<Application>, AdminError> {
        let change = Change::EnableApplication(EnableApplication { application, expected });
        self.change_one_application(actor, application, change).await
    }

    /// Deletes an application that no client and no rule uses.
    ///
    /// # Errors
    /// [`AdminError`]; [`AdminError::InUse`] while a client or a rule refers to it.
    pub async fn delete_application(
        &self,
        actor: Actor,
        application: ApplicationId,
        expected: Option<Revision>,
    ) -> Result<(), AdminError> {
        self.read_application(application)?;
        let change = Change::DeleteApplication(DeleteApplication { application, expected });
        self.administer(actor, vec![change]).await.map(drop)
    }

    /// An application by id (`a-…`) or name.
    ///
    /// # Errors
    /// [`AdminError::NotFound`].
    pub fn find_application(&self, text: &str) -> Result<Arc<Application>, AdminError> {
        let state = self.state();
        let by_id = text.parse().ok().and_then(|id| state.application(id));
        by_id
            .or_else(|| state.application_by_name(text))
            .cloned()
            .ok_or(AdminError::NotFound { what: "application" })
    }

    fn read_application(&self, id: ApplicationId) -> Result<Arc<Application>, AdminError> {
        let state = self.state();
        state
            .application(id)
            .cloned()
            .ok_or(AdminError::NotFound { what: "application" })
    }

    async fn change_one_application(
        &self,
        actor: Actor,
        application: ApplicationId,
        change: Change,
    ) -> Result<Arc<Application>, AdminError> {
        self.read_application(application)?;
        self.administer(actor, vec![change]).await?;
        self.read_application(application)
    }
}
