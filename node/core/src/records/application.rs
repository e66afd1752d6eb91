use minicbor::{Decode, Encode};

use crate::ids::{ApplicationId, Revision};

/// One thing a user proves. The numbers are also the order in which factors may follow each other: what is
/// known before what is held, so that nobody without the password can use up the guesses at a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Factor {
    /// The password kept here.
    #[n(0)]
    LocalPassword,
    /// A time-based one-time code of one of the user's tokens.
    #[n(1)]
    Totp,
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
    /// At least one, in ascending order, none twice.
    #[n(2)]
    pub factors: Box<[Factor]>,
    /// A disabled application accepts nobody.
    #[n(3)]
    pub enabled: bool,
    /// Moves with every administrative change.
    #[n(4)]
    pub revision: Revision,
}
