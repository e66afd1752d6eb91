use minicbor::{Decode, Encode};

use crate::records::{Cidr, Factor};

/// Who may come in through a client, and from where. Networks are compared with the user's own address, as far as the client
/// tells it ([`crate::plan::Question::address`]).
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct Entrance {
    /// Users have to be in one of these groups; empty for everybody.
    #[n(0)]
    pub required_groups: Box<[Box<str>]>,
    /// Nobody gets in from these.
    #[n(1)]
    pub blocked: Box<[Cidr]>,
    /// Less is asked for from these. The first that holds the address counts.
    #[n(2)]
    pub trusted: Box<[Trusted]>,
}

/// A network from which a kind of factor is not asked for, as long as another remains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Trusted {
    /// The network.
    #[n(0)]
    pub network: Cidr,
    /// What is not asked for.
    #[n(1)]
    pub waives: FactorKind,
}

/// What is known, or what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum FactorKind {
    /// The password.
    #[n(0)]
    Password,
    /// Every code.
    #[n(1)]
    Code,
}

impl FactorKind {
    /// The kind of a factor.
    pub fn of(factor: Factor) -> FactorKind {
        match factor {
            Factor::Password => FactorKind::Password,
            Factor::Code(_) => FactorKind::Code,
        }
    }

    /// A stable word for the API and the command line.
    pub fn label(self) -> &'static str {
        match self {
            FactorKind::Password => "password",
            FactorKind::Code => "code",
        }
    }
}
