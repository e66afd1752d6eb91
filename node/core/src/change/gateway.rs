//! Changes to the gateways that carry messages.

use minicbor::{Decode, Encode};

use crate::{
    audit::Object,
    change::{Effect, expect, require, require_free},
    event::Event,
    ids::{GatewayId, Revision, Sealed},
    limits, names,
    outcome::{Field, Refusal},
    records::{Channel, Gateway},
    state::State,
};

/// What an administrator may set of a gateway; see [`crate::Gateway`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GatewaySettings {
    /// Unique among gateways.
    #[n(0)]
    pub name: Box<str>,
    /// What it carries; at least one, none twice.
    #[n(1)]
    pub channels: Box<[Channel]>,
    /// The lowest is asked first.
    #[n(2)]
    pub priority: u16,
    /// The sealed settings of the adapter.
    #[n(3)]
    pub settings: Sealed,
}

/// A new gateway, enabled.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CreateGateway {
    /// Random.
    #[n(0)]
    pub id: GatewayId,
    /// What it is like.
    #[n(1)]
    pub settings: GatewaySettings,
}

/// Other settings of a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ChangeGateway {
    /// Which gateway.
    #[n(0)]
    pub gateway: GatewayId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
    /// What it is like from now on.
    #[n(2)]
    pub settings: GatewaySettings,
}

/// A gateway that carries nothing.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DisableGateway {
    /// Which gateway.
    #[n(0)]
    pub gateway: GatewayId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

/// Takes a disable back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct EnableGateway {
    /// Which gateway.
    #[n(0)]
    pub gateway: GatewayId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

/// Removes a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DeleteGateway {
    /// Which gateway.
    #[n(0)]
    pub gateway: GatewayId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

impl GatewaySettings {
    fn check(&self, state: &State, own: GatewayId) -> Result<(), Refusal> {
        require(names::is_name(&self.name), Field::Name)?;
        let once = |at: usize, channel: &Channel| !self.channels[..at].contains(channel);
        let distinct = self.channels.iter().enumerate().all(|(at, channel)| once(at, channel));
        require(distinct && !self.channels.is_empty(), Field::Channels)?;
        require(
            (1..=limits::GATEWAY_BYTES).contains(&self.settings.0.len()),
            Field::Settings,
        )?;
        let holder = state.gateways().find(|gateway| gateway.name == self.name);
        require_free(holder.map(|gateway| gateway.id), own)
    }

    fn gateway(&self, id: GatewayId, enabled: bool, revision: Revision) -> Gateway {
        Gateway {
            id,
            name: self.name.clone(),
            channels: self.channels.clone(),
            enabled,
            priority: self.priority,
            settings: self.settings.clone(),
            revision,
        }
    }
}

impl CreateGateway {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        self.settings.check(state, self.id)?;
        if state.gateway(self.id).is_some() {
            return Err(Refusal::IdTaken);
        }
        if state.gateways().count() >= limits::GATEWAYS {
            return Err(Refusal::LimitReached);
        }
        Ok(saved(self.settings.gateway(self.id, true, revision)))
    }
}

impl ChangeGateway {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let gateway = expected_gateway(state, self.gateway, self.expected)?;
        self.settings.check(state, self.gateway)?;
        Ok(saved(self.settings.gateway(gateway.id, gateway.enabled, revision)))
    }
}

impl DisableGateway {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        switch(state, self.gateway, self.expected, false, revision)
    }
}

impl EnableGateway {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        switch(state, self.gateway, self.expected, true, revision)
    }
}

impl DeleteGateway {
    pub(super) fn decide(&self, state: &State, _revision: Revision) -> Result<Effect, Refusal> {
        let gateway = expected_gateway(state, self.gateway, self.expected)?;
        Ok(Effect {
            events: vec![Event::GatewayDeleted(gateway.id)],
            object: Object::Gateway(gateway.id),
            name: gateway.name.clone(),
        })
    }
}

fn expected_gateway(state: &State, id: GatewayId, expected: Option<Revision>) -> Result<&Gateway, Refusal> {
    let gateway = state.gateway(id).ok_or(Refusal::NotFound)?;
    expect(gateway.revision, expected)?;
    Ok(gateway)
}

fn switch(
    state: &State,
    id: GatewayId,
    expected: Option<Revision>,
    enabled: bool,
    revision: Revision,
) -> Result<Effect, Refusal> {
    let gateway = expected_gateway(state, id, expected)?;
    Ok(saved(Gateway {
        enabled,
        revision,
        ..gateway.clone()
    }))
}

fn saved(gateway: Gateway) -> Effect {
    let (object, name) = (Object::Gateway(gateway.id), gateway.name.clone());
    Effect {
        events: vec![Event::GatewaySaved(gateway)],
        object,
        name,
    }
}
