//! Browsers and devices, at random.

use quorate_core::{
    audit::{AuditRecord, Entry},
    command::*,
    plan::{Question, plan},
    *,
};

use super::{Dice, planned};

impl Dice<'_> {
    /// Mostly a device of the user's that an honest node would count upon, if there is one; else whatever.
    pub(super) fn browser(&mut self, state: &State, judged: &Judged, honest: bool, now_ms: u64) -> Browser {
        let own = judged.user.and_then(|(user, _)| state.devices_of(user).last());
        let shown = match self.roll(4) {
            0 => Some(self.proof()),
            1 => state.device(self.device_id()).map(|device| device.proof()),
            _ => own.map(|device| device.proof()),
        };
        let counted = || {
            let user = judged.user.and_then(|(user, _)| state.user(user)).map(|user| &**user);
            let question = Question {
                device: shown,
                ..Question::of_facts(
                    state.client(judged.client)?,
                    user,
                    user.map(|user| &user.name),
                    &judged.facts,
                    now_ms,
                )
            };
            plan(state, &question)?.device
        };
        let device = match honest {
            true => shown.filter(|proof| counted() == Some(proof.device)),
            false => shown,
        };
        Browser { device }
    }

    /// Once there is a device, it is mostly used.
    pub(super) fn on_devices(&mut self, state: &State, now_ms: u64) -> Command {
        match state.device_count() > 0 && self.roll(4) > 0 {
            true => self.by_device(state, now_ms),
            false => self.trusting(state),
        }
    }

    /// With the password, by a device that there is, as an honest node would.
    fn by_device(&mut self, state: &State, now_ms: u64) -> Command {
        let mut judged = self.judged(state, now_ms);
        let first = self.device_id().0;
        let device = (0..5).find_map(|step| state.device(DeviceId((first + step) % 5)));
        if let (Some(device), Some(client)) = (device, state.client(ClientId(0))) {
            let user = state.user(device.user).unwrap();
            let application = planned(state, client, Some(user), &judged.facts, now_ms);
            judged = Judged {
                client: client.id,
                client_revision: client.revision,
                application,
                application_revision: state.application(application).unwrap().revision,
                policy_revision: state.policy().revision,
                user: Some((user.id, user.revision)),
                absent: None,
                password_revision: Some(user.password_revision),
                received_ms: now_ms,
                recalled_ms: None,
                browser: Some(Browser {
                    device: Some(device.proof()),
                }),
                ..judged
            };
        }
        Command::AcceptSingleFactor(AcceptSingleFactor { judged })
    }

    /// Mostly after the login that was judged last.
    fn trusting(&mut self, state: &State) -> Command {
        let mut records = state
            .audit()
            .open_records()
            .map(|(_, bytes)| AuditRecord::from_bytes(bytes).unwrap());
        let last =
            records.rfind(|record| matches!(&record.entry, Entry::Login(login) if login.verdict == Verdict::Accept));
        let login = match last.map(|record| record.entry) {
            Some(Entry::Login(login)) if self.roll(8) > 0 => login.fingerprint,
            _ => Fingerprint(self.digest(200)),
        };
        let proof = self.proof();
        Command::TrustDevice(TrustDevice {
            request: Fingerprint(self.digest(64)),
            login,
            device: proof.device,
            digest: proof.digest,
            name: self.text(),
            former: self.maybe(Self::proof),
            node: NodeId(self.roll(4)),
        })
    }

    pub(super) fn device_id(&mut self) -> DeviceId {
        DeviceId(self.roll(5))
    }

    fn proof(&mut self) -> DeviceProof {
        DeviceProof {
            device: self.device_id(),
            digest: DeviceDigest([self.roll(2) as u8; 32]),
        }
    }
}
