//! Trusted devices.

use quorate_api::{Device, Nothing, Page, PageQuery};
use quorate_app::AdminError;
use quorate_core::{DeviceId, State, User};

use super::paging;
use crate::call::{Answer, Call, Reply};

pub(crate) async fn list(call: Call<Nothing>) -> Answer<Page<Device>> {
    let query: PageQuery = call.query()?;
    let user = call.site.administrator.find_user(call.name())?;
    let state = call.site.replica.state();
    let now_ms = call.site.clock.now_ms();
    let held: Vec<Device> = state
        .devices_of(user.id)
        .map(|device| shape(&state, &user, device))
        .filter(|device| now_ms < device.expires_ms)
        .collect();
    // As with tokens: a cursor that is gone begins again.
    let seen = held
        .iter()
        .position(|device| Some(&device.id) == query.after.as_ref())
        .map_or(0, |place| place + 1);
    let left = held.into_iter().skip(seen);
    Ok(Reply::plain(paging::cut(left, &query, Device::clone, |device| {
        device.id.clone()
    })?))
}

pub(crate) async fn revoke(call: Call<Nothing>) -> Answer<Nothing> {
    let device: DeviceId = call
        .name()
        .parse()
        .map_err(|_| AdminError::NotFound { what: "device" })?;
    call.site.administrator.revoke_device(call.actor, device).await?;
    Ok(Reply::plain(Nothing))
}

pub(crate) async fn revoke_all(call: Call<Nothing>) -> Answer<Nothing> {
    let user = call.site.administrator.find_user(call.name())?.id;
    call.site
        .administrator
        .revoke_devices(call.actor, user, call.expected)
        .await?;
    Ok(Reply::plain(Nothing))
}

fn shape(state: &State, user: &User, device: &quorate_core::Device) -> Device {
    let policy = state.policy();
    Device {
        id: device.id.to_string(),
        name: device.name.to_string(),
        trusted_ms: device.trusted_ms,
        expires_ms: device.ends_ms(policy.role(user.role)),
        used_ms: device.used_ms,
        suspended: !user.may_trust(policy),
    }
}
