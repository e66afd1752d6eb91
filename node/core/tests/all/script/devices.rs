//! Trusted devices of scripts: a device's secret is its name, unless something is said.

use quorate_core::{
    Browser, Change, Command, DeviceDigest, DeviceId, DeviceProof, NodeId, Revision, UserId,
    change::{RevokeDevice, RevokeDevices},
    command::TrustDevice,
};

use super::{
    World,
    words::{Words, digest, fingerprint, id},
};

/// What a browser shows that keeps this secret for this device.
pub fn proof(device: &str, secret: &str) -> DeviceProof {
    let halves = [digest(secret), digest(&format!("{secret}\""))];
    let mut whole = [0; 32];
    whole[..16].copy_from_slice(&halves[0]);
    whole[16..].copy_from_slice(&halves[1]);
    DeviceProof {
        device: DeviceId(id(device)),
        digest: DeviceDigest(whole),
    }
}

/// `browser=yes` of a login that comes from one, `device=laptop` of one that is a device, `secret=another` of one that only says so.
pub fn browser(words: &Words) -> Option<Browser> {
    let device = words
        .key("device")
        .map(|device| proof(device, &words.or("secret", device)));
    (device.is_some() || words.key("browser").is_some()).then_some(Browser { device })
}

/// `revoke-device laptop`, `revoke-devices alice`.
pub fn revoke(verb: &str, name: &str, expected: Option<Revision>) -> Change {
    match verb {
        "revoke-device" => Change::RevokeDevice(RevokeDevice {
            device: DeviceId(id(name)),
        }),
        _ => Change::RevokeDevices(RevokeDevices {
            user: UserId(id(name)),
            expected,
        }),
    }
}

impl World {
    /// `trust laptop after=login [former=desktop] [name="Firefox on Linux"] [request=NAME] [secret=…]`.
    pub fn trust(&mut self, words: &Words) {
        let next = self.next_request();
        let device = &words.plain[0];
        let proven = proof(device, &words.or("secret", device));
        let command = Command::TrustDevice(TrustDevice {
            request: fingerprint(words.key("request").unwrap_or(&next)),
            login: fingerprint(words.key("after").unwrap()),
            device: if device == "nothing" {
                DeviceId(0)
            } else {
                proven.device
            },
            digest: proven.digest,
            name: words.or("name", device).into(),
            former: words
                .key("former")
                .map(|former| proof(former, &words.or("former-secret", former))),
            node: NodeId(words.number("node", 1)),
        });
        self.apply_and_say(&command);
    }

    /// The devices of a user, the oldest first.
    pub fn show_devices(&self, user: &str) -> Option<String> {
        let line = |device: &std::sync::Arc<quorate_core::Device>| {
            let left_s = (device.expires_ms as i64 - self.now_ms as i64) / 1_000;
            let used = device.used_ms.map_or_else(
                || "never used".into(),
                |at| format!("used {} s ago", (self.now_ms - at) / 1_000),
            );
            format!("{:?}, {left_s} s left, {used}", device.name)
        };
        let lines: Vec<String> = self.state.devices_of(UserId(id(user))).map(line).collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    }
}
