//! What each role may do: one row for each permission, and which permission each change needs.
//!
//! This is the whole of it. The HTTP API asks here before it reads a request (each of its routes names its permission, or does
//! not compile), and `decide` asks here again when the change is in the log, by the role that its actor has then. A role that
//! is not named in a row has not the permission; there is no "all" and no "else".
//!
//! How it grows: whatever a helpdesk agent or an auditor may do, an admin may; whatever an admin may do, a super admin may;
//! an auditor only reads (`tests/permissions.rs` holds the table to that, and to `tests/permissions.txt`).

use minicbor::{Decode, Encode};

use crate::{
    change::Change,
    records::{
        Former,
        Role::{self, Admin, Auditor, Helpdesk, SuperAdmin},
        TokenKind,
    },
};

/// One thing that one may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Permission {
    /// See users, their tokens and tokens that are nobody's; never a secret.
    #[n(0)]
    ReadUsers,
    /// End a lockout before its time.
    #[n(1)]
    UnlockUsers,
    /// Refuse a user everywhere.
    #[n(2)]
    DisableUsers,
    /// Create, import, change, enable and delete users, and set their passwords.
    #[n(3)]
    ManageUsers,
    /// Give a user another role, up to one's own, and other exceptions within the policy.
    #[n(4)]
    AssignRoles,
    /// Except users from what the policy says of their role.
    #[n(5)]
    OverridePolicy,
    /// Refuse the codes of a token: disabled, or lost.
    #[n(6)]
    WithdrawTokens,
    /// Give a user a code for a few days.
    #[n(7)]
    GiveTemporaryCodes,
    /// Put a token into use by its first code, and bring one into step.
    #[n(8)]
    VerifyTokens,
    /// Have a code sent to the address of a token.
    #[n(9)]
    SendCodes,
    /// Create, change, assign, enable and delete tokens of every kind.
    #[n(10)]
    ManageTokens,
    /// See clients, applications, directories, gateways, roles and the policy; never a secret.
    #[n(11)]
    ReadConfiguration,
    /// Create, change and delete RADIUS clients, and replace their secrets.
    #[n(12)]
    ManageClients,
    /// Create, change and delete applications, and the rules that send logins to them.
    #[n(13)]
    ManageApplications,
    /// Create, change, delete, try and synchronise directories.
    #[n(14)]
    ManageDirectories,
    /// Create, change, delete and try gateways, and write what messages say.
    #[n(15)]
    ManageGateways,
    /// Change the policy, and what it says of each role.
    #[n(16)]
    ManagePolicy,
    /// See API tokens; never the token itself.
    #[n(17)]
    ReadApiTokens,
    /// Create and delete API tokens.
    #[n(18)]
    ManageApiTokens,
    /// See the cluster and its join tokens.
    #[n(19)]
    ReadCluster,
    /// Admit and remove nodes, hand leadership over.
    #[n(20)]
    ManageCluster,
    /// See, search, verify and take along the audit.
    #[n(21)]
    ReadAudit,
    /// Say how much of the audit is kept.
    #[n(22)]
    ManageAudit,
    /// See the metrics from anywhere.
    #[n(23)]
    ReadMetrics,
    /// Confirm or take back changes that wait, of objects that one may change.
    #[n(26)]
    SettleChanges,
    /// Take users along, with the addresses that codes are sent to.
    #[n(24)]
    ExportUsers,
    /// Take secrets along: those of tokens, and what local passwords are checked against.
    #[n(25)]
    ExportSecrets,
    /// End the trust in devices, so that codes are asked for again.
    #[n(27)]
    RevokeDevices,
}

impl Permission {
    /// Every permission, in the order of the table.
    pub const ALL: [Permission; 28] = [
        Permission::ReadUsers,
        Permission::UnlockUsers,
        Permission::DisableUsers,
        Permission::ManageUsers,
        Permission::AssignRoles,
        Permission::OverridePolicy,
        Permission::WithdrawTokens,
        Permission::GiveTemporaryCodes,
        Permission::VerifyTokens,
        Permission::SendCodes,
        Permission::ManageTokens,
        Permission::ReadConfiguration,
        Permission::ManageClients,
        Permission::ManageApplications,
        Permission::ManageDirectories,
        Permission::ManageGateways,
        Permission::ManagePolicy,
        Permission::ReadApiTokens,
        Permission::ManageApiTokens,
        Permission::ReadCluster,
        Permission::ManageCluster,
        Permission::ReadAudit,
        Permission::ManageAudit,
        Permission::ReadMetrics,
        Permission::SettleChanges,
        Permission::ExportUsers,
        Permission::ExportSecrets,
        Permission::RevokeDevices,
    ];

    /// The table: its name, and who has it.
    #[rustfmt::skip]
    fn row(self) -> (&'static str, &'static [Role]) {
        match self {
            Permission::ReadUsers          => ("read_users",           &[Helpdesk, Auditor, Admin, SuperAdmin]),
            Permission::UnlockUsers        => ("unlock_users",         &[Helpdesk,          Admin, SuperAdmin]),
            Permission::DisableUsers       => ("disable_users",        &[Helpdesk,          Admin, SuperAdmin]),
            Permission::ManageUsers        => ("manage_users",         &[                   Admin, SuperAdmin]),
            Permission::AssignRoles        => ("assign_roles",         &[                   Admin, SuperAdmin]),
            Permission::OverridePolicy     => ("override_policy",      &[                          SuperAdmin]),
            Permission::WithdrawTokens     => ("withdraw_tokens",      &[Helpdesk,          Admin, SuperAdmin]),
            Permission::GiveTemporaryCodes => ("give_temporary_codes", &[Helpdesk,          Admin, SuperAdmin]),
            Permission::VerifyTokens       => ("verify_tokens",        &[Helpdesk,          Admin, SuperAdmin]),
            Permission::SendCodes          => ("send_codes",           &[                   Admin, SuperAdmin]),
            Permission::ManageTokens       => ("manage_tokens",        &[                   Admin, SuperAdmin]),
            Permission::ReadConfiguration  => ("read_configuration",   &[          Auditor, Admin, SuperAdmin]),
            Permission::ManageClients      => ("manage_clients",       &[                   Admin, SuperAdmin]),
            Permission::ManageApplications => ("manage_applications",  &[                   Admin, SuperAdmin]),
            Permission::ManageDirectories  => ("manage_directories",   &[                   Admin, SuperAdmin]),
            Permission::ManageGateways     => ("manage_gateways",      &[                   Admin, SuperAdmin]),
            Permission::ManagePolicy       => ("manage_policy",        &[                          SuperAdmin]),
            Permission::ReadApiTokens      => ("read_api_tokens",      &[          Auditor, Admin, SuperAdmin]),
            Permission::ManageApiTokens    => ("manage_api_tokens",    &[                          SuperAdmin]),
            Permission::ReadCluster        => ("read_cluster",         &[          Auditor, Admin, SuperAdmin]),
            Permission::ManageCluster      => ("manage_cluster",       &[                          SuperAdmin]),
            Permission::ReadAudit          => ("read_audit",           &[          Auditor, Admin, SuperAdmin]),
            Permission::ManageAudit        => ("manage_audit",         &[                          SuperAdmin]),
            Permission::ReadMetrics        => ("read_metrics",         &[          Auditor, Admin, SuperAdmin]),
            Permission::SettleChanges      => ("settle_changes",       &[                   Admin, SuperAdmin]),
            Permission::ExportUsers        => ("export_users",         &[                   Admin, SuperAdmin]),
            Permission::ExportSecrets      => ("export_secrets",       &[                          SuperAdmin]),
            Permission::RevokeDevices      => ("revoke_devices",       &[Helpdesk,          Admin, SuperAdmin]),
        }
    }

    /// A stable word for the API and searching.
    pub fn label(self) -> &'static str {
        self.row().0
    }

    /// Whether it changes nothing.
    pub fn is_reading(self) -> bool {
        self.label().starts_with("read_")
    }
}

impl Role {
    /// Whether the role has this permission.
    pub fn has(self, permission: Permission) -> bool {
        permission.row().1.contains(&self)
    }

    /// Everything that the role may do.
    pub fn permissions(self) -> impl Iterator<Item = Permission> {
        Permission::ALL
            .into_iter()
            .filter(move |permission| self.has(*permission))
    }
}

impl Change {
    /// What one has to be permitted to make this change.
    pub fn permission(&self) -> Permission {
        match self {
            Change::CreateUser(_)
            | Change::ChangeUser(_)
            | Change::SetLocal(_)
            | Change::SetPassword(_)
            | Change::RequirePasswordChange(_)
            | Change::EnableUser(_)
            | Change::DeleteUser(_)
            | Change::AskDirectory(_)
            | Change::LeaveDirectory(_) => Permission::ManageUsers,
            Change::DisableUser(_) => Permission::DisableUsers,
            Change::UnlockUser(_) => Permission::UnlockUsers,
            Change::SetUserAccess(_) => Permission::AssignRoles,
            Change::CreateToken(change) => match change.kind {
                TokenKind::Temporary { .. } | TokenKind::Registration => Permission::GiveTemporaryCodes,
                TokenKind::Totp { .. }
                | TokenKind::Hotp { .. }
                | TokenKind::Yubikey { .. }
                | TokenKind::Recovery { .. }
                | TokenKind::Static
                | TokenKind::Sent { .. } => Permission::ManageTokens,
            },
            Change::ChangeToken(_) | Change::EnableToken(_) | Change::DeleteToken(_) | Change::AssignToken(_) => {
                Permission::ManageTokens
            }
            Change::SetPin(_) => Permission::ManageTokens,
            Change::DisableToken(_) | Change::LoseToken(_) => Permission::WithdrawTokens,
            Change::VerifyToken(_) | Change::ResyncToken(_) => Permission::VerifyTokens,
            Change::RevokeDevice(_) | Change::RevokeDevices(_) => Permission::RevokeDevices,
            Change::CreateClient(_)
            | Change::ChangeClient(_)
            | Change::DisableClient(_)
            | Change::EnableClient(_)
            | Change::DeleteClient(_) => Permission::ManageClients,
            Change::CreateApplication(_)
            | Change::ChangeApplication(_)
            | Change::DisableApplication(_)
            | Change::EnableApplication(_)
            | Change::DeleteApplication(_)
            | Change::CreateRule(_)
            | Change::ChangeRule(_)
            | Change::DisableRule(_)
            | Change::EnableRule(_)
            | Change::DeleteRule(_) => Permission::ManageApplications,
            Change::CreateDirectory(_)
            | Change::ChangeDirectory(_)
            | Change::DisableDirectory(_)
            | Change::EnableDirectory(_)
            | Change::DeleteDirectory(_)
            | Change::ForgetPasswords(_)
            | Change::SyncPerson(_) => Permission::ManageDirectories,
            Change::CreateGateway(_)
            | Change::ChangeGateway(_)
            | Change::DisableGateway(_)
            | Change::EnableGateway(_)
            | Change::DeleteGateway(_)
            | Change::SetText(_)
            | Change::RemoveText(_)
            | Change::SetDefaultLanguage(_) => Permission::ManageGateways,
            Change::SetPolicy(_) | Change::SetRoleRule(_) => Permission::ManagePolicy,
            Change::CreateApiToken(_) | Change::DeleteApiToken(_) => Permission::ManageApiTokens,
            Change::SetRetention(_) => Permission::ManageAudit,
            Change::ExportUser(_) => Permission::ExportUsers,
            Change::ExportPassword(_) | Change::ExportToken(_) => Permission::ExportSecrets,
        }
    }
}

impl Former {
    /// What one has to be permitted to confirm or take back a change of such an object: what its change needs.
    pub fn permission(&self) -> Permission {
        match self {
            Former::Rule { .. } | Former::Application(_) => Permission::ManageApplications,
            Former::Policy(_) => Permission::ManagePolicy,
            Former::Client(_) => Permission::ManageClients,
            Former::Directory(_) => Permission::ManageDirectories,
        }
    }
}
