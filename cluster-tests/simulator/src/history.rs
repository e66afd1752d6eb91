//! What clients asked, and what they were told. A login that got no answer is *unknown*: it may have been judged or not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use quorate_app::Decision;
use quorate_core::Fingerprint;

/// A code that a user types.
#[derive(Debug, Clone)]
pub struct Code {
    /// The timestep whose code it is; none for a wrong one.
    pub timestep: Option<u64>,
    pub text: String,
}

/// What a packet carries.
#[derive(Debug, Clone)]
pub enum Carries {
    /// A code; the client has checked the password.
    Code(Code),
    /// A password, in the hope of a challenge, which will be answered with these codes: two, where somebody tries both.
    Password {
        right: bool,
        answers: Vec<Code>,
        think_ms: u64,
    },
    /// A code in answer to the challenge that this login got.
    Answer { to: usize, state: Vec<u8>, code: Code },
}

/// One Access-Request of a client, however often it was sent.
#[derive(Debug, Clone)]
pub struct Login {
    pub user: usize,
    pub carries: Carries,
    pub fingerprint: Fingerprint,
    pub begun_ms: u64,
    pub tries: u32,
    pub next_try_ms: u64,
    /// Whether the client has heard an answer, or given up. One that was lost on its way to the client counts for the invariants all the same.
    pub heard: bool,
}

impl Login {
    /// The code it carries.
    pub fn code(&self) -> Option<&Code> {
        match &self.carries {
            Carries::Code(code) | Carries::Answer { code, .. } => Some(code),
            Carries::Password { .. } => None,
        }
    }
}

/// What must be judged but once: a packet, or a code in answer to a challenge, however it was signed.
pub type Question<'a> = (usize, Option<&'a str>);

/// What a node answered.
#[derive(Debug, Clone)]
pub struct Answered {
    pub login: usize,
    pub host: u64,
    pub asked_ms: u64,
    pub at_ms: u64,
    pub decision: Decision,
    pub replayed: bool,
}

/// What an administrator did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Disable,
    Enable,
    Unlock,
}

/// One administrative act; without `acknowledged_ms` its outcome is unknown.
#[derive(Debug, Clone)]
pub struct Administered {
    pub act: Act,
    pub user: usize,
    pub asked_ms: u64,
    pub acknowledged_ms: Option<u64>,
}

/// Everything of one run.
#[derive(Debug, Default)]
pub struct History {
    pub logins: Vec<Login>,
    pub answers: Vec<Answered>,
    pub acts: Vec<Administered>,
}

impl History {
    /// What the login asks: the same for all that must get the same verdict.
    pub fn question(&self, login: usize) -> Question<'_> {
        match &self.logins[login].carries {
            Carries::Answer { to, code, .. } => (*to, Some(&code.text)),
            Carries::Code(_) | Carries::Password { .. } => (login, None),
        }
    }
}

/// The history as the tasks on the nodes share it, and the true time.
#[derive(Debug, Clone, Default)]
pub struct Book {
    pub history: Arc<Mutex<History>>,
    now_ms: Arc<AtomicU64>,
}

impl Book {
    pub fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    pub fn set_now(&self, now_ms: u64) {
        self.now_ms.store(now_ms, Ordering::Relaxed);
    }
}
