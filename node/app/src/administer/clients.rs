//! RADIUS clients: create, change, rotate secrets, disable, enable, delete.

use std::sync::Arc;

use quorate_core::change::{ChangeClient, ClientSettings, CreateClient, DeleteClient, DisableClient, EnableClient};
use quorate_core::{
    Actor, ApplicationId, Change, Cidr, Client, ClientId, Cut, Entrance, Factor, FactorKind, Modes, Revision, Sealed,
    Trusted, limits as core_limits,
};
use quorate_seal::{Aad, Field};
use zeroize::Zeroizing;

use super::rules::{self, check_groups};
use super::{AdminError, Administrator};
use crate::base32::base32;
use crate::fields::FieldErrors;
use crate::limits;

/// What an administrator may set of a client.
#[derive(Debug, Clone)]
pub struct ClientSpec {
    pub name: String,
    pub device_type: String,
    /// Addresses or ranges in CIDR notation.
    pub networks: Vec<String>,
    pub nas_identifier: Option<String>,
    pub modes: Modes,
    pub require_message_authenticator: bool,
    pub application: ApplicationId,
    /// The NAS's timeout before it repeats a request, in ms.
    pub retry_timeout_ms: u32,
    /// How often it sends a request in all.
    pub retry_tries: u8,
    /// Users have to be in one of these; empty for everybody.
    pub required_groups: Vec<String>,
    /// Nobody is let in from these, by the user's own address.
    pub blocked_networks: Vec<String>,
    /// Less is asked for from these.
    pub trusted_networks: Vec<TrustedSpec>,
    /// How its fields are cut that hold password and code.
    pub cut: Cut,
}

/// A network from which a kind of factor is not asked for.
#[derive(Debug, Clone)]
pub struct TrustedSpec {
    /// An address or a range in CIDR notation.
    pub network: String,
    pub waives: FactorKind,
}

impl ClientSpec {
    /// A client with the defaults: one-step and two-step, Message-Authenticator required, three tries 3 s apart.
    #[must_use]
    pub fn new(name: impl Into<String>, networks: Vec<String>, application: ApplicationId) -> Self {
        Self {
            name: name.into(),
            device_type: "other".to_owned(),
            networks,
            nas_identifier: None,
            modes: Modes {
                one_step: true,
                two_step: true,
                passcode_only: false,
            },
            require_message_authenticator: true,
            application,
            retry_timeout_ms: 3_000,
            retry_tries: 3,
            required_groups: Vec::new(),
            blocked_networks: Vec::new(),
            trusted_networks: Vec::new(),
            cut: Cut::ByToken,
        }
    }
}

/// What happens to a client's shared secret.
#[derive(Default)]
pub enum SecretChange {
    /// The secrets stay.
    #[default]
    Keep,
    /// This one beside the newest so far: both are good until the rotation ends.
    Add(Zeroizing<String>),
    /// The newest so far alone: ends a rotation.
    DropOld,
    /// This one alone.
    Replace(Zeroizing<String>),
}

impl Administrator {
    /// Creates a client. Without a secret one is drawn; the second value is that secret, which cannot be had again.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn create_client(
        &self,
        actor: Actor,
        spec: ClientSpec,
        secret: Option<Zeroizing<String>>,
    ) -> Result<(Arc<Client>, Option<Zeroizing<String>>), AdminError> {
        let mut errors = FieldErrors::default();
        let (networks, entrance) = self.check_client(&mut errors, &spec);
        if let Some(secret) = &secret {
            check_secret(&mut errors, secret);
        }
        errors.finish()?;
        let generated = secret.is_none().then(|| self.draw_secret());
        let id = ClientId(self.random_id());
        let secrets = secret
            .iter()
            .chain(&generated)
            .map(|secret| self.seal_secret(id, secret))
            .collect();
        let settings = settings(spec, networks, secrets, entrance);
        self.administer(actor, vec![Change::CreateClient(CreateClient { id, settings })])
            .await?;
        Ok((self.read_client(id)?, generated))
    }

    /// Changes all settings of a client; its secrets as `secret` says.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn change_client(
        &self,
        actor: Actor,
        client: ClientId,
        expected: Option<Revision>,
        spec: ClientSpec,
        secret: SecretChange,
    ) -> Result<Arc<Client>, AdminError> {
        let former = self.read_client(client)?;
        let mut errors = FieldErrors::default();
        let (networks, entrance) = self.check_client(&mut errors, &spec);
        if let SecretChange::Add(secret) | SecretChange::Replace(secret) = &secret {
            check_secret(&mut errors, secret);
        }
        errors.finish()?;
        let secrets = self.changed_secrets(&former, &secret);
        let change = Change::ChangeClient(ChangeClient {
            client,
            // The secrets that stay were read here: without a revision of the caller's, that one is expected.
            expected: expected.or(Some(former.revision)),
            settings: settings(spec, networks, secrets, entrance),
        });
        self.change_one_client(actor, client, change).await
    }

    /// Disables a client: its logins are rejected.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn disable_client(
        &self,
        actor: Actor,
        client: ClientId,
        expected: Option<Revision>,
    ) -> Result<Arc<Client>, AdminError> {
        let change = Change::DisableClient(DisableClient { client, expected });
        self.change_one_client(actor, client, change).await
    }

    /// Takes a disable back.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn enable_client(
        &self,
        actor: Actor,
        client: ClientId,
        expected: Option<Revision>,
    ) -> Result<Arc<Client>, AdminError> {
        let change = Change::EnableClient(EnableClient { client, expected });
        self.change_one_client(actor, client, change).await
    }

    /// Deletes a client.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn delete_client(
        &self,
        actor: Actor,
        client: ClientId,
        expected: Option<Revision>,
    ) -> Result<(), AdminError> {
        self.read_client(client)?;
        let change = Change::DeleteClient(DeleteClient { client, expected });
        self.administer(actor, vec![change]).await.map(drop)
    }

    /// A client by id (`c-…`) or name.
    ///
    /// # Errors
    /// [`AdminError::NotFound`].
    pub fn find_client(&self, text: &str) -> Result<Arc<Client>, AdminError> {
        let state = self.state();
        let by_id = text.parse().ok().and_then(|id| state.client(id));
        by_id
            .or_else(|| state.client_by_name(text))
            .cloned()
            .ok_or(AdminError::NotFound { what: "client" })
    }

    fn read_client(&self, id: ClientId) -> Result<Arc<Client>, AdminError> {
        let state = self.state();
        state.client(id).cloned().ok_or(AdminError::NotFound { what: "client" })
    }

    async fn change_one_client(
        &self,
        actor: Actor,
        client: ClientId,
        change: Change,
    ) -> Result<Arc<Client>, AdminError> {
        self.read_client(client)?;
        self.administer(actor, vec![change]).await?;
        self.read_client(client)
    }

    fn check_client(&self, errors: &mut FieldErrors, spec: &ClientSpec) -> (Vec<Cidr>, Entrance) {
        errors.check_name::<ClientId>(&spec.name);
        errors.check_label("device_type", &spec.device_type, true);
        if let Some(nas_identifier) = &spec.nas_identifier {
            errors.check_label("nas_identifier", nas_identifier, false);
        }
        check_retries(errors, spec);
        self.check_modes(errors, spec);
        check_cut(errors, spec);
        (
            check_networks(errors, &spec.networks),
            self.check_entrance(errors, spec),
        )
    }

    fn check_entrance(&self, errors: &mut FieldErrors, spec: &ClientSpec) -> Entrance {
        let state = self.state();
        let factors = state.application(spec.application).map(|found| found.factors.clone());
        let mut trusted = Vec::with_capacity(spec.trusted_networks.len());
        for (place, one) in spec.trusted_networks.iter().enumerate() {
            let field = format!("trusted_networks[{place}]");
            let network = errors.check_network(&format!("{field}.network"), &one.network);
            trusted.extend(network.map(|network| Trusted {
                network,
                waives: one.waives,
            }));
            let is_left = |factor: &Factor| {
                let settled = spec.modes.passcode_only && *factor == Factor::Password;
                !settled && FactorKind::of(*factor) != one.waives
            };
            let leaves_some = factors.as_ref().is_none_or(|factors| factors.iter().any(is_left));
            errors.require(
                leaves_some,
                &format!("{field}.waives"),
                "leaves nothing to prove",
                "a kind of factor beside which the application asks for another",
            );
        }
        Entrance {
            required_groups: check_groups(errors, "required_groups", &spec.required_groups),
            blocked: rules::check_networks(errors, "blocked_networks", &spec.blocked_networks),
            trusted: trusted.into(),
        }
    }

    /// Modes and application must fit each other: a mode without its factor could let nobody in, or everybody.
    fn check_modes(&self, errors: &mut FieldErrors, spec: &ClientSpec) {
        let modes = spec.modes;
        let interactive = modes.one_step || modes.two_step;
        errors.require(
            modes.passcode_only != interactive,
            "modes",
            "do not go together",
            "passcode_only alone, or one_step, two_step or both",
        );
        let state = self.state();
        let Some(application) = state.application(spec.application) else {
            errors.add("application", "does not exist", "the id or the name of an application");
            return;
        };
        errors.require(
            !modes.passcode_only || application.asks_for_code(),
            "modes",
            "ask for a code, and the application has no such factor",
            "an application with a code among its factors",
        );
    }

    fn changed_secrets(&self, former: &Client, change: &SecretChange) -> Box<[Sealed]> {
        let newest = || former.secrets.last().cloned();
        match change {
            SecretChange::Keep => former.secrets.clone(),
            SecretChange::DropOld => newest().into_iter().collect(),
            SecretChange::Replace(secret) => Box::new([self.seal_secret(former.id, secret)]),
            SecretChange::Add(secret) => newest()
                .into_iter()
                .chain([self.seal_secret(former.id, secret)])
                .collect(),
        }
    }

    fn seal_secret(&self, client: ClientId, secret: &Zeroizing<String>) -> Sealed {
        self.seal(Field::ClientSecret, client.0, secret.as_bytes())
    }

    /// A shared secret that nobody has to think up, for [`SecretChange::Add`] and [`SecretChange::Replace`].
    #[must_use]
    pub fn draw_secret(&self) -> Zeroizing<String> {
        base32(&self.random::<{ limits::GENERATED_SECRET_BYTES }>())
    }
}

/// How a client's secret is bound when it is sealed.
pub(crate) const fn secret_aad(client: ClientId) -> Aad {
    Aad {
        field: Field::ClientSecret,
        record: client.0,
    }
}

fn settings(spec: ClientSpec, networks: Vec<Cidr>, secrets: Box<[Sealed]>, entrance: Entrance) -> ClientSettings {
    ClientSettings {
        name: spec.name.into(),
        device_type: spec.device_type.into(),
        networks: networks.into(),
        nas_identifier: spec.nas_identifier.map(Into::into),
        secrets,
        modes: spec.modes,
        require_message_authenticator: spec.require_message_authenticator,
        application: spec.application,
        retry_timeout_ms: spec.retry_timeout_ms,
        retry_tries: spec.retry_tries,
        entrance,
        cut: spec.cut,
    }
}

fn check_cut(errors: &mut FieldErrors, spec: &ClientSpec) {
    let (field, hint) = match spec.cut {
        Cut::ByToken => return,
        Cut::At(_) => (
            "separator",
            "one character: a space, or a sign such as , or :".to_owned(),
        ),
        Cut::Length(_) => {
            let bounds = core_limits::CUT_LENGTH;
            (
                "code_length",
                format!("{} to {} characters", bounds.start(), bounds.end()),
            )
        }
    };
    errors.require(spec.cut.is_valid(), field, "is out of its bounds", &hint);
    errors.require(
        spec.modes.one_step,
        field,
        "is for password and code in one field",
        "allow one-step, or leave it out",
    );
}

fn check_networks(errors: &mut FieldErrors, texts: &[String]) -> Vec<Cidr> {
    let mut networks = Vec::with_capacity(texts.len());
    for (place, text) in texts.iter().enumerate() {
        let field = format!("networks[{place}]");
        match errors.check_network(&field, text) {
            Some(network) if networks.contains(&network) => errors.add(field, "is there twice", "each network once"),
            network => networks.extend(network),
        }
    }
    let max = core_limits::NETWORKS_PER_CLIENT;
    errors.require(
        (1..=max).contains(&texts.len()),
        "networks",
        "has the wrong number of entries",
        &format!("1 to {max} addresses or ranges such as 192.0.2.0/24"),
    );
    networks
}

fn check_retries(errors: &mut FieldErrors, spec: &ClientSpec) {
    errors.require(
        spec.retry_timeout_ms > 0,
        "retry_timeout_ms",
        "is zero",
        "milliseconds until the device repeats a request, often 3000",
    );
    errors.require(
        spec.retry_tries > 0,
        "retry_tries",
        "is zero",
        "how often the device sends a request in all, often 3",
    );
}

fn check_secret(errors: &mut FieldErrors, secret: &Zeroizing<String>) {
    let bounds = limits::SECRET_CHARS;
    errors.require(
        bounds.contains(&secret.len()),
        "secret",
        "has the wrong length",
        &format!("{} to {} characters, better 16 or more", bounds.start(), bounds.end()),
    );
    errors.require(
        secret.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
        "secret",
        "has a character that devices disagree about",
        "printable ASCII",
    );
}
