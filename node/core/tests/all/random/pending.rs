//! Changes that wait, at random.

use quorate_core::{change::*, command::*, *};

use super::Dice;

impl Dice<'_> {
    /// A change that waits, or the end of one.
    pub fn settling(&mut self, state: &State) -> Command {
        let (request, node) = (Fingerprint(self.digest(200)), NodeId(self.roll(3)));
        let waiting: Vec<PendingId> = state.pending().map(|pending| pending.id).collect();
        let actor = self.actor();
        let pending = match waiting.is_empty() {
            true => PendingId(0),
            false => waiting[self.roll(waiting.len() as u64) as usize],
        };
        match self.roll(8) {
            0 => Command::ConfirmChange(ConfirmChange {
                request,
                actor,
                node,
                pending,
            }),
            1 => Command::TakeBack(TakeBack {
                request,
                actor,
                node,
                pending,
            }),
            2 | 3 => Command::TakeBackOverdue(TakeBackOverdue { node, pending }),
            _ => Command::TryChange(TryChange {
                request,
                actor,
                node,
                change: self.configuration(),
                pending: PendingId(self.roll(32)),
                within_ms: [1_000, 60_000, 600_000, 0][self.roll(4) as usize],
            }),
        }
    }

    fn naming(&mut self) -> Naming {
        let alias = ["corp", "one", "lan"][self.roll(3) as usize];
        Naming {
            aliases: self.maybe(|_| alias.into()).into_iter().collect(),
            is_default: self.roll(3) == 0,
        }
    }

    /// A change of what may wait, mostly.
    pub fn configuration(&mut self) -> Change {
        let (directory, expected) = (DirectoryId(1 + self.roll(2)), None);
        match self.roll(12) {
            0 => Change::CreateDirectory(CreateDirectory {
                id: directory,
                name: self.text(),
                domain: ["one", "two"][self.roll(2) as usize].into(),
                settings: Sealed::from(vec![1; 8]),
                naming: self.naming(),
                remember_h: self.roll(2) as u16,
            }),
            1 => Change::ChangeDirectory(ChangeDirectory {
                directory,
                expected,
                name: self.text(),
                settings: Sealed::from(vec![2; 8]),
                naming: self.naming(),
                remember_h: self.roll(2) as u16,
            }),
            2 => Change::DisableDirectory(DisableDirectory { directory, expected }),
            3 => Change::DeleteDirectory(DeleteDirectory { directory, expected }),
            4 => Change::SetPolicy(SetPolicy {
                expected,
                max_code_failures: 1 + self.roll(9) as u32,
                lock_ms: 60_000,
                totp_window: 1,
                challenge_ms: 60_000,
                hotp_look_ahead: 10,
                sent_code_ms: 60_000,
                sends_per_user: 10,
                sends_per_prefix: 10,
                pins: Pins::IfSet,
                passwords: PasswordRules::default(),
            }),
            5 => Change::DeleteClient(DeleteClient {
                client: ClientId(self.roll(3)),
                expected,
            }),
            6 => Change::DeleteApplication(DeleteApplication {
                application: ApplicationId(self.roll(4)),
                expected,
            }),
            7 => Change::CreateApplication(CreateApplication {
                id: ApplicationId(self.roll(4)),
                settings: self.application_settings(),
            }),
            8 | 9 => self.rule_change(UserId(1), expected),
            _ => self.change(),
        }
    }
}
