use minicbor::{Decode, Encode};

use crate::{
    limits,
    records::{Factor, Policy, User},
};

/// What somebody may do, of users and of API tokens alike, from the least to the most. Which permissions that is stands in
/// [`crate::Permission`]. The order counts: nobody changes an account or API token of a role above their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Role {
    /// Logs in, and administers nothing.
    #[n(0)]
    #[default]
    User,
    /// Helps people who cannot log in.
    #[n(1)]
    Helpdesk,
    /// Reads everything, changes nothing.
    #[n(2)]
    Auditor,
    /// Administers what is there to be administered, within the policy.
    #[n(3)]
    Admin,
    /// Sets the policy, and overrides it.
    #[n(4)]
    SuperAdmin,
}

impl Role {
    /// Every role; its place here is its place in [`Policy::roles`].
    pub const ALL: [Role; 5] = [Role::User, Role::Helpdesk, Role::Auditor, Role::Admin, Role::SuperAdmin];

    /// A stable word for the API, the command line and searching.
    pub fn label(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Helpdesk => "helpdesk",
            Role::Auditor => "auditor",
            Role::Admin => "admin",
            Role::SuperAdmin => "super_admin",
        }
    }

    /// The role with this label.
    pub fn of_label(label: &str) -> Option<Role> {
        Self::ALL.into_iter().find(|role| role.label() == label)
    }

    /// What a new user of this role gets: whoever has power over others needs more than one factor.
    pub fn default_mfa(self) -> Mfa {
        match self {
            Role::User => Mfa::ByRole,
            Role::Helpdesk | Role::Auditor | Role::Admin | Role::SuperAdmin => Mfa::Required,
        }
    }
}

/// What the policy says of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct RoleRule {
    /// Users of the role get in by more than one factor only, unless they are exempt.
    #[n(0)]
    pub mfa_required: bool,
    /// Users of the role may have a device remembered, unless it is said of them otherwise.
    #[n(1)]
    pub may_trust: bool,
    /// How long a device is remembered, in ms.
    #[n(2)]
    pub trust_ms: u64,
}

impl RoleRule {
    /// What the policy says of every role until somebody changes it, in the order of [`Role::ALL`].
    pub const DEFAULTS: [RoleRule; 5] = [
        Self::for_new_cluster(true),
        Self::for_new_cluster(false),
        Self::for_new_cluster(false),
        Self::for_new_cluster(false),
        Self::for_new_cluster(false),
    ];

    const fn for_new_cluster(may_trust: bool) -> Self {
        RoleRule {
            mfa_required: false,
            may_trust,
            trust_ms: limits::TRUST_MS_DEFAULT,
        }
    }
}

/// Whether a user needs more than one factor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Mfa {
    /// As the policy says of the user's role.
    #[n(0)]
    #[default]
    ByRole,
    /// Whatever the policy says.
    #[n(1)]
    Required,
    /// Never, whatever the policy says: for super admins to give.
    #[n(2)]
    Exempt,
}

impl Mfa {
    /// Every value.
    pub const ALL: [Mfa; 3] = [Mfa::ByRole, Mfa::Required, Mfa::Exempt];

    /// A stable word for the API and the command line.
    pub fn label(self) -> &'static str {
        match self {
            Mfa::ByRole => "by_role",
            Mfa::Required => "required",
            Mfa::Exempt => "exempt",
        }
    }
}

/// Whether a user may have a device remembered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Trust {
    /// As the policy says of the user's role.
    #[n(0)]
    #[default]
    ByRole,
    /// Whatever the policy says: for super admins to give, where the policy says no.
    #[n(1)]
    Allowed,
    /// Never.
    #[n(2)]
    Denied,
}

impl Trust {
    /// Every value.
    pub const ALL: [Trust; 3] = [Trust::ByRole, Trust::Allowed, Trust::Denied];

    /// A stable word for the API and the command line.
    pub fn label(self) -> &'static str {
        match self {
            Trust::ByRole => "by_role",
            Trust::Allowed => "allowed",
            Trust::Denied => "denied",
        }
    }
}

impl Policy {
    /// What it says of a role.
    pub fn role(&self, role: Role) -> &RoleRule {
        &self.roles[role as usize]
    }
}

impl User {
    /// Whether the user gets in by more than one factor only.
    pub fn needs_mfa(&self, policy: &Policy) -> bool {
        match self.mfa {
            Mfa::ByRole => policy.role(self.role).mfa_required,
            Mfa::Required => true,
            Mfa::Exempt => false,
        }
    }

    /// Whether the user may have a device remembered.
    pub fn may_trust(&self, policy: &Policy) -> bool {
        match self.trust {
            Trust::ByRole => policy.role(self.role).may_trust,
            Trust::Allowed => true,
            Trust::Denied => false,
        }
    }

    /// Whether the user is a super admin who is not shut out.
    pub(crate) fn is_standing_super_admin(&self) -> bool {
        self.role == Role::SuperAdmin && self.enabled && self.is_active()
    }
}

/// Whether whoever proves these has proven more than one factor. A password that the client has checked counts.
pub fn is_multi_factor(factors: &[Factor], client_checks_password: bool) -> bool {
    let here = factors
        .iter()
        .filter(|factor| !(client_checks_password && **factor == Factor::Password));
    here.count() + usize::from(client_checks_password) > 1
}
