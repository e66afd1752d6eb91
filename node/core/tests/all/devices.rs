//! What holds of trusted devices whatever is written to the log, told without the code that decides it.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};
use quorate_core::{
    Change, Command, DeviceDigest, DeviceId, Fingerprint, Judged, Mfa, Outcome, Revision, Role, State, Trust, UserId,
    Verdict,
    audit::{AuditRecord, Entry, LoginEntry},
    command::{Administer, TrustDevice},
    limits,
};

use crate::properties::{founded, run};

/// What was proven when a device was trusted, and by whom.
struct Trusted {
    user: UserId,
    digest: DeviceDigest,
    password: Revision,
    rights: (Role, Mfa, Trust),
    at_ms: u64,
    lasts_ms: u64,
}

/// What has been seen of the log so far.
#[derive(Default)]
struct Model {
    /// Accepts by a code of a browser, and the user's revision then.
    logins: BTreeMap<Fingerprint, (UserId, Revision, u64)>,
    devices: BTreeMap<DeviceId, Trusted>,
    records: u64,
    by_device: usize,
    faults: Vec<String>,
}

impl Model {
    fn see(&mut self, command: &Command, outcome: &Outcome, state: &State) {
        let is_new = state.audit().next_seq() > self.records;
        self.records = state.audit().next_seq();
        match (command, outcome) {
            (Command::Administer(administer), Outcome::Done { .. }) if is_new => self.administered(administer),
            (Command::TrustDevice(trust), Outcome::Done { .. }) if is_new => self.trusted(trust, state),
            (
                Command::ConsumeCode(consume),
                Outcome::Verdict {
                    verdict: Verdict::Accept,
                    replayed: false,
                },
            ) => {
                self.accepted(&consume.judged, state);
                if consume.judged.browser.is_some() {
                    let user = consume.judged.user.unwrap().0;
                    let revision = state.user(user).unwrap().revision;
                    let login = (user, revision, state.stamp().ms);
                    self.logins.insert(consume.judged.fingerprint, login);
                }
            }
            (
                Command::AcceptSingleFactor(accept),
                Outcome::Verdict {
                    verdict: Verdict::Accept,
                    replayed: false,
                },
            ) => {
                self.accepted(&accept.judged, state);
            }
            _ => (),
        }
    }

    /// What is ended on purpose stays ended.
    fn administered(&mut self, administer: &Administer) {
        for change in &administer.changes {
            match change {
                Change::RevokeDevice(revoke) => drop(self.devices.remove(&revoke.device)),
                Change::RevokeDevices(revoke) => self.devices.retain(|_, device| device.user != revoke.user),
                Change::DisableUser(disable) => self.devices.retain(|_, device| device.user != disable.user),
                Change::DeleteUser(delete) => self.devices.retain(|_, device| device.user != delete.user),
                Change::SetPin(set) => self.devices.retain(|_, device| device.user != set.user),
                _ => (),
            }
        }
    }

    /// One device for one accept by a code, soon after it, of a user to whom nothing has been done since.
    fn trusted(&mut self, trust: &TrustDevice, state: &State) {
        let now_ms = state.stamp().ms;
        let Some((user, revision, at_ms)) = self.logins.remove(&trust.login) else {
            return self.faults.push("trusted after no login by a code".into());
        };
        let user = state.user(user).unwrap();
        let rule = state.policy().role(user.role);
        if user.revision != revision || now_ms >= at_ms + limits::TRUST_OFFER_MS || !user.may_trust(state.policy()) {
            self.faults
                .push("trusted after a login that says nothing any more".into());
        }
        let is_evicted = |former: &quorate_core::DeviceProof| {
            state.device(former.device).map(|found| found.proof()) != Some(*former)
        };
        if let Some(former) = trust.former.filter(|former| former.device != trust.device) {
            if !is_evicted(&former) {
                self.faults.push("two trust one browser".into());
            }
            if self
                .devices
                .get(&former.device)
                .is_some_and(|device| device.digest == former.digest)
            {
                self.devices.remove(&former.device);
            }
        }
        let trusted = Trusted {
            user: user.id,
            digest: trust.digest,
            password: user.password_revision,
            rights: (user.role, user.mfa, user.trust),
            at_ms: now_ms,
            lasts_ms: rule.trust_ms,
        };
        self.devices.insert(trust.device, trusted);
    }

    /// An accept by a device is by one that this user trusted, by what the user still is, and with the password.
    fn accepted(&mut self, judged: &Judged, state: &State) {
        let Some(id) = last_login(state).device else { return };
        self.by_device += 1;
        let user = state.user(judged.user.unwrap().0).unwrap();
        let shown = judged.browser.and_then(|browser| browser.device);
        let is_good = self.devices.get(&id).is_some_and(|device| {
            device.user == user.id
                && shown.is_some_and(|shown| shown.device == id && shown.digest == device.digest)
                && device.password == user.password_revision
                && device.rights == (user.role, user.mfa, user.trust)
                && state.stamp().ms < device.at_ms.saturating_add(device.lasts_ms)
        });
        if !is_good || !user.enabled || !user.may_trust(state.policy()) || judged.password_revision.is_none() {
            self.faults.push(format!("accepted by {id}"));
        }
    }
}

fn last_login(state: &State) -> LoginEntry {
    let (_, bytes) = state.audit().open_records().last().unwrap();
    match AuditRecord::from_bytes(bytes).unwrap().entry {
        Entry::Login(login) => login,
        other => panic!("an accept is the last record: {other:?}"),
    }
}

fn seen(bytes: &[u8]) -> Model {
    let mut state = founded();
    let mut model = Model {
        records: state.audit().next_seq(),
        ..Model::default()
    };
    run(&mut state, bytes, &mut |command, outcome, state| {
        model.see(command, outcome, state)
    });
    model
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_device_stands_for_codes_that_its_user_has_proven_and_only_as_long_as_that_says_something(
        bytes in vec(any::<u8>(), 0..6_000),
    ) {
        let model = seen(&bytes);
        prop_assert!(model.faults.is_empty(), "{:?}", model.faults);
    }
}

/// The property says nothing if no device is ever counted upon.
#[test]
fn random_commands_come_to_accepts_by_devices() {
    let bytes = |seed: u64| -> Vec<u8> {
        let byte = |place: u64| (crate::script::words::id(&format!("{seed} {place}")) >> 16) as u8;
        (0..4_000).map(byte).collect()
    };
    let by_device: usize = (0..300).map(|seed| seen(&bytes(seed)).by_device).sum();
    assert!(by_device > 5, "{by_device}");
}
