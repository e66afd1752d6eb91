use minicbor::{Decode, Encode};

use crate::{PasswordRules, ids::Revision, records::RoleRule};

/// What holds for every login of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Policy {
    /// Wrong codes that lock the second factor.
    #[n(0)]
    pub max_code_failures: u32,
    /// How long a lock lasts, in ms; it ends by itself.
    #[n(1)]
    pub lock_ms: u64,
    /// Timesteps before and after the current one whose code is still right.
    #[n(2)]
    pub totp_window: u8,
    /// How long a challenge may be answered, in ms.
    #[n(3)]
    pub challenge_ms: u64,
    /// Counters ahead of the next one whose code is right too (RFC 4226, section 7.4).
    #[n(4)]
    pub hotp_look_ahead: u8,
    /// Moves with every change.
    #[n(5)]
    pub revision: Revision,
    /// How long a code that was sent is good, in ms.
    #[n(6)]
    pub sent_code_ms: u64,
    /// Messages to one user in one day (UTC).
    #[n(7)]
    pub sends_per_user: u32,
    /// Messages to telephones in one region, by the first digits of their numbers, in one day (UTC).
    #[n(8)]
    pub sends_per_prefix: u32,
    /// What holds for the users of each role, in the order of [`crate::Role::ALL`].
    #[n(9)]
    pub roles: [RoleRule; 5],
    /// What a local password has to be like.
    #[n(10)]
    pub passwords: PasswordRules,
    /// Whether a PIN stands in front of every code.
    #[n(11)]
    pub pins: Pins,
}

/// Whether a PIN stands in front of every code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(index_only)]
pub enum Pins {
    /// Nobody's does, though there are PINs.
    #[n(0)]
    Off,
    /// That of everybody who has one.
    #[default]
    #[n(1)]
    IfSet,
    /// Everybody's: whoever has none gets in by no code.
    #[n(2)]
    Required,
}

impl Pins {
    /// Every way there is.
    pub const ALL: [Pins; 3] = [Pins::Off, Pins::IfSet, Pins::Required];

    /// A stable word for the API and the command line.
    pub fn label(self) -> &'static str {
        match self {
            Pins::Off => "off",
            Pins::IfSet => "if_set",
            Pins::Required => "required",
        }
    }

    /// The way with this label.
    pub fn of_label(label: &str) -> Option<Pins> {
        Self::ALL.into_iter().find(|way| way.label() == label)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            max_code_failures: 5,
            lock_ms: 900_000,
            totp_window: 1,
            challenge_ms: 120_000,
            hotp_look_ahead: 10,
            revision: Revision(0),
            sent_code_ms: 300_000,
            sends_per_user: 20,
            sends_per_prefix: 10_000,
            roles: RoleRule::DEFAULTS,
            passwords: PasswordRules::default(),
            pins: Pins::default(),
        }
    }
}
