use minicbor::{Decode, Encode};

use crate::{
    ids::{ApplicationId, ClientId, Revision, RuleId},
    records::{AttributeKind, Cidr},
};

/// Sends some logins another way than their client's own application. Of the enabled rules, in the order of their positions, the first
/// whose conditions all hold is the one that counts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Rule {
    /// Opaque and never used again.
    #[n(0)]
    pub id: RuleId,
    /// Unique among rules.
    #[n(1)]
    pub name: Box<str>,
    /// The lowest is asked first; of equal ones, the lower id.
    #[n(2)]
    pub position: u32,
    /// A disabled rule is passed over.
    #[n(3)]
    pub enabled: bool,
    /// Which logins.
    #[n(4)]
    pub when: When,
    /// What with them.
    #[n(5)]
    pub then: Then,
    /// Moves with every administrative change.
    #[n(6)]
    pub revision: Revision,
}

/// Conditions, all of which have to hold. One that is empty holds for every login.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct When {
    /// Logins through this client.
    #[n(0)]
    pub client: Option<ClientId>,
    /// Users in any of these groups.
    #[n(1)]
    pub groups: Box<[Box<str>]>,
    /// Users whose canonical names are like this: `*` stands for any characters, `?` for one. With an `@` in it, it is compared
    /// with `name@domain`, else with the name alone.
    #[n(2)]
    pub user: Option<Box<str>>,
    /// Users whose own address, as far as the client tells it, is in any of these.
    #[n(3)]
    pub networks: Box<[Cidr]>,
    /// Requests that have all of these attributes.
    #[n(4)]
    pub attributes: Box<[AttributeTest]>,
}

/// An attribute with a value like this.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AttributeTest {
    /// Which attribute.
    #[n(0)]
    pub kind: AttributeKind,
    /// The value as [`AttributeKind::text`] writes it, with `*` and `?` as in names, in whatever case.
    #[n(1)]
    pub value: Box<str>,
}

/// What a rule does with a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Then {
    /// It has to prove what this application asks for.
    #[n(0)]
    Application(#[n(0)] ApplicationId),
    /// It is rejected, whatever it proves.
    #[n(1)]
    Refuse,
}
