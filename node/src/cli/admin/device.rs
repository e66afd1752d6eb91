//! Trusted devices, as `quorate user` shows and revokes them.

use quorate_api::{Device, endpoints};

use crate::cli::{
    Context,
    admin::{self, Listing},
    api::Api,
    exit::Done,
    output::{Table, utc},
};

/// The devices of a user, the oldest first.
pub(super) async fn list(api: &Api, context: &Context, user: &str, listing: &Listing) -> Done {
    listing
        .show(api, context, (endpoints::LIST_DEVICES, &[user]), table)
        .await
}

/// Ends the trust in one.
pub(super) async fn revoke(api: &Api, context: &Context, device: &str) -> Done {
    api.order(endpoints::REVOKE_DEVICE, &[device]).await?;
    admin::done(context.format, format!("{device} is trusted no more"));
    Ok(())
}

/// Ends the trust in all of a user.
pub(super) async fn revoke_all(api: &Api, context: &Context, user: &str) -> Done {
    api.order(endpoints::REVOKE_DEVICES, &[user]).await?;
    admin::done(context.format, format!("no device of {user} is trusted any more"));
    Ok(())
}

fn table(devices: &[Device]) -> (Table, &'static str) {
    let mut table = Table::new(&["DEVICE", "NAME", "TRUSTED SINCE", "UNTIL", "LAST USED"]);
    for device in devices {
        table.row(vec![
            device.id.clone(),
            admin::or_dash(&device.name),
            utc(device.trusted_ms),
            match device.suspended {
                true => "suspended by the policy".to_owned(),
                false => utc(device.expires_ms),
            },
            device.used_ms.map_or_else(|| "never".to_owned(), utc),
        ]);
    }
    (table, "The user trusts no device")
}
