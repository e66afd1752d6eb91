use minicbor::{Decode, Encode};

use crate::{
    ids::{ApplicationId, Revision},
    limits,
    records::{CodeKind, CodeKinds},
};

/// One thing a user proves. What is known is judged before what is held, so that nobody without the password can use up
/// the guesses at a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Factor {
    /// The user's password.
    #[n(0)]
    Password,
    /// A code of any of these kinds.
    #[n(1)]
    Code(#[n(0)] CodeKinds),
}

impl Factor {
    /// A code of whatever the user carries.
    pub const ANY_CODE: Factor = Factor::Code(CodeKinds::CARRIED);

    /// The kinds of code that prove it; none for a password.
    pub fn code_kinds(self) -> Option<CodeKinds> {
        match self {
            Factor::Password => None,
            Factor::Code(kinds) => Some(kinds),
        }
    }

    /// The password first, and the codes as they are.
    pub fn in_order_of_judging(factors: &[Factor]) -> Vec<Factor> {
        let mut factors = factors.to_vec();
        factors.sort_by_key(|factor| *factor != Factor::Password);
        factors
    }

    /// Whether an application may ask for these, in this order. A registration code leads to a token and is not asked for beside.
    pub fn may_be_asked(factors: &[Factor]) -> bool {
        let codes = match factors {
            [Factor::Password, codes @ ..] | [codes @ .., Factor::Password] => codes,
            codes => codes,
        };
        let may_be_code = |kinds: CodeKinds| !kinds.is_empty() && !kinds.contains(CodeKind::Registration);
        let is_code = |factor: &Factor| factor.code_kinds().is_some_and(may_be_code);
        (1..=limits::FACTORS_PER_APPLICATION).contains(&factors.len()) && codes.iter().all(is_code)
    }

    /// Whether a code of this kind proves it.
    pub fn takes(self, kind: CodeKind) -> bool {
        self.code_kinds().is_some_and(|kinds| kinds.contains(kind))
    }
}

/// How users who never had a token in use come to one in a login itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(index_only)]
pub enum Enrolment {
    /// They do not: an administrator gives them one.
    #[default]
    #[n(0)]
    Off,
    /// Whoever has proven the password is shown a key.
    #[n(1)]
    ByPassword,
    /// Whoever has proven a registration code is, beside the password where that is asked for.
    #[n(2)]
    ByRegistrationCode,
}

impl Enrolment {
    /// Whether a first token, which makes codes from the time, can stand for what these ask for.
    pub fn fits(self, factors: &[Factor]) -> bool {
        let codes: Vec<&Factor> = factors.iter().filter(|factor| **factor != Factor::Password).collect();
        let takes_first_token = matches!(codes[..], [code] if code.takes(CodeKind::Totp));
        match self {
            Enrolment::Off => true,
            Enrolment::ByPassword => takes_first_token && factors.contains(&Factor::Password),
            Enrolment::ByRegistrationCode => takes_first_token,
        }
    }
}

/// What the users of a client are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Application {
    /// Opaque and never used again.
    #[n(0)]
    pub id: ApplicationId,
    /// Unique among applications.
    #[n(1)]
    pub name: Box<str>,
    /// One to [`crate::limits::FACTORS_PER_APPLICATION`]; a password, if there is one, is the first or the last.
    #[n(2)]
    pub factors: Box<[Factor]>,
    /// A disabled application accepts nobody.
    #[n(3)]
    pub enabled: bool,
    /// Moves with every administrative change.
    #[n(4)]
    pub revision: Revision,
    /// Until when users who never had a token in use are let in by the password alone, in ms since 1970; none for never.
    #[n(5)]
    pub passthru_until_ms: Option<u64>,
    /// How users who never had a token in use come to one in a login.
    #[n(6)]
    pub enrolment: Enrolment,
}

impl Application {
    /// Whether it asks for a password.
    pub fn asks_for_password(&self) -> bool {
        self.factors.contains(&Factor::Password)
    }

    /// Whether it asks for a code.
    pub fn asks_for_code(&self) -> bool {
        self.factors.iter().any(|factor| factor.code_kinds().is_some())
    }
}
