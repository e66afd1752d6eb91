//! RADIUS clients.

use quorate_api::{
    ChangeClient, Client, CreateClient, Modes, Nothing, Page, PageQuery, Previewed, RotateSecret, ShownClient,
    TrustedNetwork, Waives,
};
use quorate_app::{ClientSpec, SecretChange, TrustedSpec};
use quorate_core::{ApplicationId, Cut, FactorKind};

use super::{care, paging, pending};
use crate::call::{Answer, Call, Reply};
use crate::failure::Failure;
use crate::secret::{clear, shown};
use crate::site::Site;

pub(crate) async fn list(call: Call<Nothing>) -> Answer<Page<Client>> {
    let query: PageQuery = call.query()?;
    let state = call.site.replica.state();
    let after = query.after.as_deref();
    let clients = state
        .clients()
        .skip_while(|client| after.is_some_and(|after| &*client.name <= after));
    Ok(Reply::plain(paging::cut(
        clients,
        &query,
        |client| shape(client),
        |client| client.name.to_string(),
    )?))
}

pub(crate) async fn create(call: Call<CreateClient>) -> Answer<ShownClient> {
    let asked = call.body;
    let application = application(&call.site, &asked.application);
    let usual = ClientSpec::new(asked.name, asked.networks, application);
    let spec = ClientSpec {
        device_type: if asked.device_type.is_empty() {
            usual.device_type
        } else {
            asked.device_type
        },
        nas_identifier: asked.nas_identifier.filter(|name| !name.is_empty()),
        modes: modes(asked.modes),
        cut: cut(asked.separator.as_deref(), asked.code_length)?.unwrap_or_default(),
        require_message_authenticator: asked.require_message_authenticator,
        retry_timeout_ms: asked.retry_timeout_ms.unwrap_or(usual.retry_timeout_ms),
        retry_tries: asked.retry_tries.unwrap_or(usual.retry_tries),
        name: usual.name,
        networks: usual.networks,
        application,
        required_groups: asked.required_groups,
        blocked_networks: asked.blocked_networks,
        trusted_networks: asked.trusted_networks.into_iter().map(trusted).collect(),
    };
    let secret = asked.secret.as_ref().map(clear);
    let (client, made) = call.site.administrator.create_client(call.actor, spec, secret).await?;
    let revision = client.revision.0;
    Ok(Reply::revised(
        ShownClient {
            client: shape(&client),
            secret: made.as_ref().map(shown),
        },
        revision,
    ))
}

pub(crate) async fn show(call: Call<Nothing>) -> Answer<Client> {
    Ok(reply(&*call.site.administrator.find_client(call.name())?))
}

pub(crate) async fn change(call: Call<ChangeClient>) -> Answer<Previewed<Client>> {
    let administrator = care::asked(&call)?;
    let former = call.site.administrator.find_client(call.name())?;
    let spec = changed(&call.site, &former, call.body)?;
    // What the request leaves out was read just now, so the change is conditional in any case.
    let expected = call.expected.or(Some(former.revision));
    let changed = administrator.change_client(call.actor, former.id, expected, spec, SecretChange::Keep);
    care::reply(&administrator.state(), changed.await, |client| reply(&client))
}

fn changed(site: &Site, former: &quorate_core::Client, asked: ChangeClient) -> Result<ClientSpec, Failure> {
    let mut spec = spec_of(former);
    if let Some(text) = &asked.application {
        spec.application = application(site, text);
    }
    spec.name = asked.name.unwrap_or(spec.name);
    spec.device_type = asked.device_type.unwrap_or(spec.device_type);
    spec.networks = asked.networks.unwrap_or(spec.networks);
    spec.nas_identifier = asked
        .nas_identifier
        .or(spec.nas_identifier)
        .filter(|name| !name.is_empty());
    spec.modes = asked.modes.map_or(spec.modes, modes);
    spec.require_message_authenticator = asked
        .require_message_authenticator
        .unwrap_or(spec.require_message_authenticator);
    spec.retry_timeout_ms = asked.retry_timeout_ms.unwrap_or(spec.retry_timeout_ms);
    spec.retry_tries = asked.retry_tries.unwrap_or(spec.retry_tries);
    spec.required_groups = asked.required_groups.unwrap_or(spec.required_groups);
    spec.blocked_networks = asked.blocked_networks.unwrap_or(spec.blocked_networks);
    if let Some(networks) = asked.trusted_networks {
        spec.trusted_networks = networks.into_iter().map(trusted).collect();
    }
    spec.cut = cut(asked.separator.as_deref(), asked.code_length)?.unwrap_or(spec.cut);
    Ok(spec)
}

/// None where nothing is said of it.
fn cut(separator: Option<&str>, code_length: Option<u8>) -> Result<Option<Cut>, Failure> {
    match (separator, code_length) {
        (None, None) => Ok(None),
        (Some("") | None, Some(0)) | (Some(""), None) => Ok(Some(Cut::ByToken)),
        (None | Some(""), Some(length)) => Ok(Some(Cut::Length(length))),
        (Some(text), None | Some(0)) => match text.as_bytes() {
            [character] => Ok(Some(Cut::At(*character))),
            _ => Err(Failure::field(
                "separator",
                "is not one character",
                "a space, or a sign such as , or :",
            )),
        },
        (Some(_), Some(_)) => Err(Failure::field(
            "code_length",
            "stands beside a separator",
            "one of the two",
        )),
    }
}

fn spec_of(client: &quorate_core::Client) -> ClientSpec {
    let entrance = &client.entrance;
    ClientSpec {
        name: client.name.to_string(),
        device_type: client.device_type.to_string(),
        networks: client.networks.iter().map(ToString::to_string).collect(),
        nas_identifier: client.nas_identifier.as_deref().map(str::to_owned),
        modes: client.modes,
        cut: client.cut,
        require_message_authenticator: client.require_message_authenticator,
        application: client.application,
        retry_timeout_ms: client.retry_timeout_ms,
        retry_tries: client.retry_tries,
        required_groups: entrance.required_groups.iter().map(ToString::to_string).collect(),
        blocked_networks: entrance.blocked.iter().map(ToString::to_string).collect(),
        trusted_networks: entrance
            .trusted
            .iter()
            .map(|trusted| TrustedSpec {
                network: trusted.network.to_string(),
                waives: trusted.waives,
            })
            .collect(),
    }
}

fn trusted(network: TrustedNetwork) -> TrustedSpec {
    TrustedSpec {
        network: network.network,
        waives: match network.waives {
            Waives::Password => FactorKind::Password,
            Waives::Code => FactorKind::Code,
        },
    }
}

pub(crate) async fn rotate_secret(call: Call<RotateSecret>) -> Answer<ShownClient> {
    let administrator = pending::administrator(&call)?;
    let former = call.site.administrator.find_client(call.name())?;
    let expected = call.expected.or(Some(former.revision));
    let made = call
        .body
        .secret
        .is_none()
        .then(|| call.site.administrator.draw_secret());
    let secret = call
        .body
        .secret
        .as_ref()
        .map(clear)
        .or_else(|| made.clone())
        .unwrap_or_default();
    let change = if call.body.keep_current {
        SecretChange::Add(secret)
    } else {
        SecretChange::Replace(secret)
    };
    let changed = administrator.change_client(call.actor, former.id, expected, spec_of(&former), change);
    let client = changed.await?;
    let revision = client.revision.0;
    Ok(Reply::revised(
        ShownClient {
            client: shape(&client),
            secret: made.as_ref().map(shown),
        },
        revision,
    ))
}

pub(crate) async fn delete(call: Call<Nothing>) -> Answer<Nothing> {
    let administrator = pending::administrator(&call)?;
    let client = call.site.administrator.find_client(call.name())?.id;
    administrator.delete_client(call.actor, client, call.expected).await?;
    Ok(Reply::plain(Nothing))
}

pub(crate) async fn disable(call: Call<Nothing>) -> Answer<Client> {
    let administrator = pending::administrator(&call)?;
    let client = call.site.administrator.find_client(call.name())?.id;
    Ok(reply(
        &*administrator.disable_client(call.actor, client, call.expected).await?,
    ))
}

pub(crate) async fn enable(call: Call<Nothing>) -> Answer<Client> {
    let administrator = pending::administrator(&call)?;
    let client = call.site.administrator.find_client(call.name())?.id;
    Ok(reply(
        &*administrator.enable_client(call.actor, client, call.expected).await?,
    ))
}

/// An application by id or name, as a field of a client.
/// An application that does not exist becomes an id that nothing has: the use case then reports it with everything else that is wrong.
fn application(site: &Site, text: &str) -> ApplicationId {
    let found = site.administrator.find_application(text);
    found.map_or(NO_APPLICATION, |application| application.id)
}

/// Ids are drawn above zero.
const NO_APPLICATION: ApplicationId = ApplicationId(0);

fn modes(modes: Modes) -> quorate_core::Modes {
    quorate_core::Modes {
        one_step: modes.one_step,
        two_step: modes.two_step,
        passcode_only: modes.passcode_only,
    }
}

fn reply(client: &quorate_core::Client) -> Reply<Client> {
    Reply::revised(shape(client), client.revision.0)
}

fn shape(client: &quorate_core::Client) -> Client {
    let quorate_core::Modes {
        one_step,
        two_step,
        passcode_only,
    } = client.modes;
    Client {
        id: client.id.to_string(),
        name: client.name.to_string(),
        device_type: client.device_type.to_string(),
        networks: client.networks.iter().map(ToString::to_string).collect(),
        nas_identifier: client.nas_identifier.as_deref().map(str::to_owned),
        secrets: u8::try_from(client.secrets.len()).unwrap_or(u8::MAX),
        modes: Modes {
            one_step,
            two_step,
            passcode_only,
        },
        separator: match client.cut {
            Cut::At(character) => Some(char::from(character).to_string()),
            Cut::ByToken | Cut::Length(_) => None,
        },
        code_length: match client.cut {
            Cut::Length(length) => Some(length),
            Cut::ByToken | Cut::At(_) => None,
        },
        require_message_authenticator: client.require_message_authenticator,
        application: client.application.to_string(),
        retry_timeout_ms: client.retry_timeout_ms,
        retry_tries: client.retry_tries,
        required_groups: client
            .entrance
            .required_groups
            .iter()
            .map(ToString::to_string)
            .collect(),
        blocked_networks: client.entrance.blocked.iter().map(ToString::to_string).collect(),
        trusted_networks: client.entrance.trusted.iter().map(shown_trusted).collect(),
        enabled: client.enabled,
        revision: client.revision.0,
    }
}

fn shown_trusted(trusted: &quorate_core::Trusted) -> TrustedNetwork {
    TrustedNetwork {
        network: trusted.network.to_string(),
        waives: match trusted.waives {
            FactorKind::Password => Waives::Password,
            FactorKind::Code => Waives::Code,
        },
    }
}
