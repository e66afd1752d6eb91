//! Gateways: create, change, disable, enable, delete, test.
//!
//! As with directories, settings are bytes here and sealed whole: they hold passwords of providers and mail servers.

use std::sync::Arc;

use quorate_core::change::{
    ChangeGateway, CreateGateway, DeleteGateway, DisableGateway, EnableGateway, GatewaySettings,
};
use quorate_core::{Actor, Change, Channel, Gateway, GatewayId, Revision};
use quorate_seal::Field;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{AdminError, Administrator};
use crate::fields::FieldErrors;
use crate::ports::{AskedGateway, ExaminedStep, GatewayStanding, ShownGateway};
use crate::{address, limits};

/// A gateway to be created, or as it shall be.
pub struct GatewaySpec {
    pub name: String,
    /// What it carries; none for all that it can.
    pub channels: Option<Vec<Channel>>,
    /// The lowest is asked first.
    pub priority: u16,
    /// What the adapter reads; none to keep the former.
    pub settings: Option<Zeroizing<Vec<u8>>>,
}

impl Administrator {
    /// Creates a gateway.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn create_gateway(&self, actor: Actor, spec: GatewaySpec) -> Result<Arc<Gateway>, AdminError> {
        let id = GatewayId(self.random_id());
        let settings = self.plan_gateway(id, &spec, None)?;
        let change = Change::CreateGateway(CreateGateway { id, settings });
        self.administer(actor, vec![change]).await?;
        self.read_gateway(id)
    }

    /// Gives a gateway another name, priority, and other settings. Secrets that are left out stay.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn change_gateway(
        &self,
        actor: Actor,
        gateway: &Gateway,
        expected: Option<Revision>,
        spec: GatewaySpec,
    ) -> Result<Arc<Gateway>, AdminError> {
        let former = self.open(Field::GatewaySettings, gateway.id.0, &gateway.settings)?;
        let settings = self.plan_gateway(gateway.id, &spec, Some(&former))?;
        let change = Change::ChangeGateway(ChangeGateway {
            gateway: gateway.id,
            expected,
            settings,
        });
        self.change_one_gateway(actor, gateway.id, change).await
    }

    /// Gives a gateway no more messages.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn disable_gateway(
        &self,
        actor: Actor,
        gateway: GatewayId,
        expected: Option<Revision>,
    ) -> Result<Arc<Gateway>, AdminError> {
        let change = Change::DisableGateway(DisableGateway { gateway, expected });
        self.change_one_gateway(actor, gateway, change).await
    }

    /// Takes a disable back.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn enable_gateway(
        &self,
        actor: Actor,
        gateway: GatewayId,
        expected: Option<Revision>,
    ) -> Result<Arc<Gateway>, AdminError> {
        let change = Change::EnableGateway(EnableGateway { gateway, expected });
        self.change_one_gateway(actor, gateway, change).await
    }

    /// Deletes a gateway.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn delete_gateway(
        &self,
        actor: Actor,
        gateway: GatewayId,
        expected: Option<Revision>,
    ) -> Result<(), AdminError> {
        self.read_gateway(gateway)?;
        let change = Change::DeleteGateway(DeleteGateway { gateway, expected });
        self.administer(actor, vec![change]).await.map(drop)
    }

    /// A gateway by name or id (`g-…`).
    ///
    /// # Errors
    /// [`AdminError::NotFound`].
    pub fn find_gateway(&self, text: &str) -> Result<Arc<Gateway>, AdminError> {
        let state = self.state();
        let found = match text.parse() {
            Ok(id) => state.gateway(id),
            Err(_) => state.gateways().find(|gateway| &*gateway.name == text),
        };
        found.cloned().ok_or(AdminError::NotFound { what: "gateway" })
    }

    /// The settings of a gateway without their secrets, and what is unwise about them.
    ///
    /// # Errors
    /// [`AdminError::Seal`].
    pub fn gateway_shown(&self, gateway: &Gateway) -> Result<ShownGateway, AdminError> {
        let kept = self.open(Field::GatewaySettings, gateway.id.0, &gateway.settings)?;
        Ok(self.notifier.shown(&kept))
    }

    /// How a gateway stands, as this node has seen it.
    #[must_use]
    pub fn gateway_standing(&self, gateway: &Gateway) -> GatewayStanding {
        self.notifier.standing(gateway)
    }

    /// Sends a message without a code through a gateway. It costs what messages cost.
    ///
    /// # Errors
    /// An address that is none, or a channel that the gateway does not carry.
    pub async fn test_gateway(
        &self,
        gateway: &Gateway,
        channel: Option<Channel>,
        typed: &str,
    ) -> Result<Vec<ExaminedStep>, AdminError> {
        let carried = channel.or(gateway.channels.first().copied());
        let Some(channel) = carried.filter(|channel| gateway.channels.contains(channel)) else {
            return Err(AdminError::field(
                "channel",
                "is not carried by this gateway",
                "see its channels",
            ));
        };
        let Some(address) = address::normal(channel, typed) else {
            return Err(AdminError::field(
                "address",
                "is no address for this channel",
                address::form(channel),
            ));
        };
        let deadline = Instant::now() + limits::CARRY_DEADLINE;
        let gateways: Vec<_> = self.state().gateways().cloned().collect();
        let recipient = (channel, address.as_str());
        Ok(self.notifier.test(&gateways, gateway.id, recipient, deadline).await)
    }

    fn plan_gateway(
        &self,
        id: GatewayId,
        spec: &GatewaySpec,
        former: Option<&[u8]>,
    ) -> Result<GatewaySettings, AdminError> {
        let mut errors = FieldErrors::default();
        errors.check_name::<GatewayId>(&spec.name);
        errors.finish().map_err(AdminError::Invalid)?;
        let kept_as_shown;
        let settings = match (&spec.settings, former) {
            (Some(settings), _) => settings.as_slice(),
            (None, former) => {
                kept_as_shown = self.notifier.shown(former.unwrap_or_default()).settings;
                &kept_as_shown
            }
        };
        let asked = AskedGateway {
            name: &spec.name,
            channels: spec.channels.as_deref(),
            priority: spec.priority,
            settings,
        };
        let read = self.notifier.read(&asked, former).map_err(AdminError::Invalid)?;
        Ok(GatewaySettings {
            name: spec.name.as_str().into(),
            channels: read.channels.into(),
            priority: spec.priority,
            settings: self.seal(Field::GatewaySettings, id.0, &read.kept),
        })
    }

    fn read_gateway(&self, id: GatewayId) -> Result<Arc<Gateway>, AdminError> {
        let state = self.state();
        state
            .gateway(id)
            .cloned()
            .ok_or(AdminError::NotFound { what: "gateway" })
    }

    async fn change_one_gateway(
        &self,
        actor: Actor,
        gateway: GatewayId,
        change: Change,
    ) -> Result<Arc<Gateway>, AdminError> {
        self.read_gateway(gateway)?;
        self.administer(actor, vec![change]).await?;
        self.read_gateway(gateway)
    }
}
