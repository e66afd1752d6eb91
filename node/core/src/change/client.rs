//! Changes to RADIUS clients.

use std::{collections::BTreeSet, sync::Arc};

use minicbor::{Decode, Encode};

use crate::{
    audit::Object,
    change::{
        Effect, expect, is_sealed, require, require_free,
        rule::{are_groups, are_networks},
    },
    event::Event,
    ids::{ApplicationId, ClientId, Revision, Sealed},
    limits, names,
    outcome::{Field, Refusal},
    records::{Cidr, Client, Cut, Entrance, Factor, FactorKind, Modes, Trusted},
    state::State,
};

/// A new client, enabled.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CreateClient {
    /// Random.
    #[n(0)]
    pub id: ClientId,
    /// Everything else.
    #[n(1)]
    pub settings: ClientSettings,
}

/// Other settings of a client, all of them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ChangeClient {
    /// Which client.
    #[n(0)]
    pub client: ClientId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
    /// What it shall have from now on.
    #[n(2)]
    pub settings: ClientSettings,
}

/// Rejects all logins of a client.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DisableClient {
    /// Which client.
    #[n(0)]
    pub client: ClientId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

/// Takes a disable back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct EnableClient {
    /// Which client.
    #[n(0)]
    pub client: ClientId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

/// Removes a client that no rule names.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DeleteClient {
    /// Which client.
    #[n(0)]
    pub client: ClientId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

/// What an administrator may set of a client; see [`crate::Client`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ClientSettings {
    /// Unique among clients.
    #[n(0)]
    pub name: Box<str>,
    /// VPN, firewall, switch, router, wireless controller, or the administrator's own word.
    #[n(1)]
    pub device_type: Box<str>,
    /// Where its packets come from; at least one, none twice.
    #[n(2)]
    pub networks: Box<[Cidr]>,
    /// Narrows the choice among clients of one network.
    #[n(3)]
    pub nas_identifier: Option<Box<str>>,
    /// One sealed secret, or two while it is rotated.
    #[n(4)]
    pub secrets: Box<[Sealed]>,
    /// How it hands over the factors.
    #[n(5)]
    pub modes: Modes,
    /// Whether packets without Message-Authenticator are dropped.
    #[n(6)]
    pub require_message_authenticator: bool,
    /// What its users are asked for.
    #[n(7)]
    pub application: ApplicationId,
    /// Its timeout before a retransmission, in ms.
    #[n(8)]
    pub retry_timeout_ms: u32,
    /// How often it sends a request in all.
    #[n(9)]
    pub retry_tries: u8,
    /// Who may come in, and from where.
    #[n(10)]
    pub entrance: Entrance,
    /// See [`crate::Client::cut`].
    #[n(11)]
    pub cut: Cut,
}

impl CreateClient {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        self.settings.check(state, self.id)?;
        if state.client(self.id).is_some() {
            return Err(Refusal::IdTaken);
        }
        if state.client_count() >= limits::CLIENTS {
            return Err(Refusal::LimitReached);
        }
        Ok(saved(self.settings.client(self.id, true, revision, 0)))
    }
}

impl ChangeClient {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let client = expected_client(state, self.client, self.expected)?;
        self.settings.check(state, self.client)?;
        Ok(saved(self.settings.client(
            client.id,
            client.enabled,
            revision,
            client.epoch,
        )))
    }
}

impl DisableClient {
    /// The new epoch voids every accept that is remembered of the client.
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let client = expected_client(state, self.client, self.expected)?;
        Ok(saved(Client {
            enabled: false,
            epoch: client.epoch.wrapping_add(1),
            revision,
            ..client.clone()
        }))
    }
}

impl EnableClient {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let client = expected_client(state, self.client, self.expected)?;
        Ok(saved(Client {
            enabled: true,
            revision,
            ..client.clone()
        }))
    }
}

impl DeleteClient {
    pub(super) fn decide(&self, state: &State, _revision: Revision) -> Result<Effect, Refusal> {
        let client = expected_client(state, self.client, self.expected)?;
        if state.rules().any(|rule| rule.when.client == Some(client.id)) {
            return Err(Refusal::InUse);
        }
        Ok(Effect {
            events: vec![Event::ClientDeleted(client.id)],
            object: Object::Client(client.id),
            name: client.name.clone(),
        })
    }
}

impl ClientSettings {
    fn client(&self, id: ClientId, enabled: bool, revision: Revision, epoch: u32) -> Client {
        Client {
            id,
            name: self.name.clone(),
            device_type: self.device_type.clone(),
            networks: self.networks.clone(),
            nas_identifier: self.nas_identifier.clone(),
            secrets: self.secrets.clone(),
            modes: self.modes,
            require_message_authenticator: self.require_message_authenticator,
            application: self.application,
            retry_timeout_ms: self.retry_timeout_ms,
            retry_tries: self.retry_tries,
            enabled,
            revision,
            epoch,
            entrance: self.entrance.clone(),
            cut: self.cut,
        }
    }

    fn check(&self, state: &State, own: ClientId) -> Result<(), Refusal> {
        require(names::is_name(&self.name), Field::Name)?;
        require(names::is_label(&self.device_type), Field::DeviceType)?;
        require(
            self.nas_identifier.as_deref().is_none_or(names::is_name),
            Field::NasIdentifier,
        )?;
        let secrets = (1..=limits::SECRETS_PER_CLIENT).contains(&self.secrets.len());
        require(secrets && self.secrets.iter().all(is_sealed), Field::Secrets)?;
        require(self.modes.are_valid(), Field::Modes)?;
        let cuts = self.cut == Cut::ByToken || self.modes.one_step;
        require(self.cut.is_valid() && cuts, Field::Cut)?;
        require(self.retry_timeout_ms > 0, Field::RetryTimeout)?;
        require(self.retry_tries > 0, Field::RetryTries)?;
        require(state.application(self.application).is_some(), Field::Application)?;
        self.check_entrance(state)?;
        self.check_networks(state, own)?;
        require_free(state.client_by_name(&self.name).map(|client| client.id), own)
    }

    fn check_entrance(&self, state: &State) -> Result<(), Refusal> {
        let Entrance {
            required_groups,
            blocked,
            trusted,
        } = &self.entrance;
        require(are_groups(required_groups), Field::RequiredGroups)?;
        require(are_networks(blocked), Field::BlockedNetworks)?;
        let networks: Vec<Cidr> = trusted.iter().map(|trusted| trusted.network).collect();
        let factors = state.application(self.application).map(|found| found.factors.to_vec());
        let asked = factors.unwrap_or_default().into_iter();
        let asked: Vec<Factor> = asked
            .filter(|factor| !(self.modes.passcode_only && *factor == Factor::Password))
            .collect();
        // Where a rule has chosen another application, the same is seen to when the login is planned.
        let leaves_some = |trusted: &Trusted| asked.iter().any(|factor| FactorKind::of(*factor) != trusted.waives);
        require(
            are_networks(&networks) && trusted.iter().all(leaves_some),
            Field::TrustedNetworks,
        )
    }

    fn check_networks(&self, state: &State, own: ClientId) -> Result<(), Refusal> {
        let count = (1..=limits::NETWORKS_PER_CLIENT).contains(&self.networks.len());
        let distinct = self.networks.iter().collect::<BTreeSet<_>>().len() == self.networks.len();
        require(
            count && distinct && self.networks.iter().all(Cidr::is_valid),
            Field::Networks,
        )?;
        match self
            .networks
            .iter()
            .all(|network| state.networks().has_room(network, own))
        {
            true => Ok(()),
            false => Err(Refusal::LimitReached),
        }
    }
}

fn expected_client(state: &State, id: ClientId, expected: Option<Revision>) -> Result<&Client, Refusal> {
    let client = state.client(id).ok_or(Refusal::NotFound)?;
    expect(client.revision, expected)?;
    Ok(client)
}

fn saved(client: Client) -> Effect {
    let (object, name) = (Object::Client(client.id), client.name.clone());
    Effect {
        events: vec![Event::ClientSaved(Arc::new(client))],
        object,
        name,
    }
}
