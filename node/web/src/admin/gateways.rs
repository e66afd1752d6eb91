//! Gateways. Their settings pass through as they are: the adapter gives them their meaning.

use quorate_api::{
    ChangeGateway, CreateGateway, Examination, Gateway, GatewayHealth, GatewayStanding, GatewayState, Nothing, Page,
    PageQuery, ProblemKind, TestGateway,
};
use quorate_app::GatewaySpec;
use quorate_core::Channel;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{examination, field_problem, paging};
use crate::call::{Answer, Call, Reply};
use crate::failure::Failure;
use crate::site::Site;

pub(crate) async fn list(call: Call<Nothing>) -> Answer<Page<Gateway>> {
    let query: PageQuery = call.query()?;
    let state = call.site.replica.state();
    let mut gateways: Vec<_> = state.gateways().collect();
    if let Some(after) = &query.after {
        let read = gateways.iter().position(|one| one.id.to_string() == *after);
        gateways.drain(..read.map_or(0, |at| at + 1));
    }
    let shaped: Vec<Gateway> = gateways
        .into_iter()
        .map(|one| shape(&call.site, one))
        .collect::<Result<_, _>>()?;
    Ok(Reply::plain(paging::cut(
        shaped.into_iter(),
        &query,
        |one| one.clone(),
        |one| one.id.clone(),
    )?))
}

pub(crate) async fn create(call: Call<CreateGateway>) -> Answer<Gateway> {
    let spec = GatewaySpec {
        name: call.body.name,
        channels: call.body.channels.as_deref().map(channels).transpose()?,
        priority: call.body.priority,
        settings: Some(bytes(&call.body.settings)),
    };
    let made = call.site.administrator.create_gateway(call.actor, spec).await?;
    reply(&call.site, &made)
}

pub(crate) async fn show(call: Call<Nothing>) -> Answer<Gateway> {
    reply(&call.site, &*call.site.administrator.find_gateway(call.name())?)
}

pub(crate) async fn change(call: Call<ChangeGateway>) -> Answer<Gateway> {
    let former = call.site.administrator.find_gateway(call.name())?;
    let asked = call.body;
    let spec = GatewaySpec {
        name: asked.name.unwrap_or_else(|| former.name.to_string()),
        channels: match &asked.channels {
            Some(asked) => Some(channels(asked)?),
            // Other settings may carry less: what they can is then taken.
            None => asked.settings.is_none().then(|| former.channels.to_vec()),
        },
        priority: asked.priority.unwrap_or(former.priority),
        settings: asked.settings.as_ref().map(bytes),
    };
    // What the request leaves out was read just now, so the change is conditional in any case.
    let expected = call.expected.or(Some(former.revision));
    let changed = call
        .site
        .administrator
        .change_gateway(call.actor, &former, expected, spec)
        .await?;
    reply(&call.site, &changed)
}

pub(crate) async fn delete(call: Call<Nothing>) -> Answer<Nothing> {
    let gateway = call.site.administrator.find_gateway(call.name())?.id;
    call.site
        .administrator
        .delete_gateway(call.actor, gateway, call.expected)
        .await?;
    Ok(Reply::plain(Nothing))
}

pub(crate) async fn disable(call: Call<Nothing>) -> Answer<Gateway> {
    let gateway = call.site.administrator.find_gateway(call.name())?.id;
    let changed = call
        .site
        .administrator
        .disable_gateway(call.actor, gateway, call.expected)
        .await?;
    reply(&call.site, &changed)
}

pub(crate) async fn enable(call: Call<Nothing>) -> Answer<Gateway> {
    let gateway = call.site.administrator.find_gateway(call.name())?.id;
    let changed = call
        .site
        .administrator
        .enable_gateway(call.actor, gateway, call.expected)
        .await?;
    reply(&call.site, &changed)
}

pub(crate) async fn test(call: Call<TestGateway>) -> Answer<Examination> {
    let gateway = call.site.administrator.find_gateway(call.name())?;
    let channel = call
        .body
        .channel
        .as_ref()
        .map(|label| channel("channel", label))
        .transpose()?;
    let steps = call
        .site
        .administrator
        .test_gateway(&gateway, channel, &call.body.address)
        .await?;
    Ok(Reply::plain(examination(steps)))
}

/// All of them in short.
pub(super) fn health(site: &Site) -> Vec<GatewayHealth> {
    let state = site.replica.state();
    let now_ms = site.clock.now_ms();
    state
        .gateways()
        .map(|gateway| in_short(site, gateway, now_ms))
        .collect()
}

fn in_short(site: &Site, gateway: &quorate_core::Gateway, now_ms: u64) -> GatewayHealth {
    let standing = site.administrator.gateway_standing(gateway);
    // Settings that do not open are the node's trouble, and no reason to show nothing of the cluster.
    let kind = site.administrator.gateway_shown(gateway).map(|shown| shown.kind);
    let state = if !gateway.enabled {
        GatewayState::Disabled
    } else if standing.backing_off_ms.is_some() {
        GatewayState::BackingOff
    } else if !standing.well {
        GatewayState::Down
    } else if standing.sent + standing.failed + standing.unknown == 0 {
        GatewayState::Unasked
    } else {
        GatewayState::Up
    };
    let (last_error, last_error_ms) = match standing.last_error {
        Some((said, ago_ms)) => (said, Some(now_ms.saturating_sub(ago_ms))),
        None => (standing.said, None),
    };
    GatewayHealth {
        name: gateway.name.to_string(),
        kind: kind.unwrap_or_default(),
        channels: gateway.channels.iter().map(|one| one.label().to_owned()).collect(),
        state,
        backing_off_ms: standing.backing_off_ms,
        last_error,
        last_error_ms,
    }
}

fn channels(labels: &[String]) -> Result<Vec<Channel>, Failure> {
    let named = labels.iter().enumerate();
    named
        .map(|(place, label)| channel(&format!("channels[{place}]"), label))
        .collect()
}

pub(super) fn channel(field: &str, label: &str) -> Result<Channel, Failure> {
    Channel::of_label(label).ok_or_else(|| Failure::field(field, "is no channel", "sms, email or voice"))
}

fn bytes(settings: &Value) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(settings.to_string().into_bytes())
}

fn reply(site: &Site, gateway: &quorate_core::Gateway) -> Answer<Gateway> {
    Ok(Reply::revised(shape(site, gateway)?, gateway.revision.0))
}

fn shape(site: &Site, gateway: &quorate_core::Gateway) -> Result<Gateway, Failure> {
    let shown = site.administrator.gateway_shown(gateway)?;
    let settings = serde_json::from_slice(&shown.settings).map_err(|error| {
        Failure::new(ProblemKind::Internal).because(format!("the settings of a gateway cannot be read: {error}"))
    })?;
    let standing = site.administrator.gateway_standing(gateway);
    Ok(Gateway {
        id: gateway.id.to_string(),
        name: gateway.name.to_string(),
        channels: gateway.channels.iter().map(|one| one.label().to_owned()).collect(),
        priority: gateway.priority,
        enabled: gateway.enabled,
        settings,
        warnings: shown.warnings.into_iter().map(field_problem).collect(),
        standing: GatewayStanding {
            well: standing.well,
            said: standing.said,
            sent: standing.sent,
            failed: standing.failed,
            unknown: standing.unknown,
            rate_limited: standing.rate_limited,
        },
        revision: gateway.revision.0,
    })
}
