use std::{fmt, net::IpAddr};

use minicbor::{Decode, Encode};

use crate::{
    audit::Head,
    codec::{self, Undecodable},
    command::{Actor, LoginFacts},
    ids::{
        ApiTokenId, ApplicationId, ClientId, CodeId, DeviceId, DirectoryId, Fingerprint, GatewayId, JoinTokenId,
        NodeId, RuleId, TokenId, UserId,
    },
    outcome::Verdict,
    plan::Waiver,
    records::{Channel, Report},
};

/// One line of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AuditRecord {
    /// Counts from 0 without gaps.
    #[n(0)]
    pub seq: u64,
    /// Replicated time, in ms since 1970.
    #[n(1)]
    pub at_ms: u64,
    /// What happened.
    #[n(2)]
    pub entry: Entry,
}

impl AuditRecord {
    /// The record in these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Undecodable> {
        codec::from_bytes(bytes)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        codec::to_bytes(self)
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Entry {
    /// A login was judged.
    #[n(0)]
    Login(#[n(0)] LoginEntry),
    /// Logins beyond a budget were rejected locally.
    #[n(1)]
    RejectsSummarized(#[n(0)] RejectsEntry),
    /// An object was changed.
    #[n(2)]
    Changed(#[n(0)] ChangeEntry),
    /// The cluster was founded.
    #[n(3)]
    Founded {
        /// Its first node.
        #[n(0)]
        node: NodeId,
    },
    /// A node was permitted to join.
    #[n(4)]
    JoinTokenIssued {
        /// By whom.
        #[n(0)]
        actor: Actor,
        /// The node that was asked.
        #[n(1)]
        node: NodeId,
        /// The token.
        #[n(2)]
        token: JoinTokenId,
        /// Not valid from this time on, in ms since 1970.
        #[n(3)]
        expires_ms: u64,
    },
    /// A node was admitted.
    #[n(5)]
    NodeAdmitted {
        /// Its number.
        #[n(0)]
        node: NodeId,
        /// Its name.
        #[n(1)]
        name: Box<str>,
        /// The token it used.
        #[n(2)]
        token: JoinTokenId,
        /// The node that it called.
        #[n(3)]
        by: NodeId,
    },
    /// A node was fenced off.
    #[n(6)]
    NodeRemoved {
        /// By whom.
        #[n(0)]
        actor: Actor,
        /// The node that was asked.
        #[n(1)]
        node: NodeId,
        /// The node that was removed.
        #[n(2)]
        removed: NodeId,
    },
    /// The oldest records were given up, as the retention rule has it.
    #[n(7)]
    AuditPruned {
        /// The node that noticed that it was time.
        #[n(0)]
        node: NodeId,
        /// The first record that is kept.
        #[n(1)]
        first_seq: u64,
        /// The head before it: what the rest is verified from.
        #[cbor(n(2), with = "minicbor::bytes")]
        head: Head,
    },
    /// A damaged node was given a successor.
    #[n(8)]
    SuccessorAdmitted {
        /// Its new number.
        #[n(0)]
        node: NodeId,
        /// The damaged node.
        #[n(1)]
        damaged: NodeId,
        /// The leader.
        #[n(2)]
        by: NodeId,
    },
    /// A successor has taken the place of a damaged node, which was fenced off.
    #[n(9)]
    ReplacementCompleted {
        /// The node that is gone.
        #[n(0)]
        damaged: NodeId,
        /// The one in its place.
        #[n(1)]
        successor: NodeId,
        /// The leader.
        #[n(2)]
        by: NodeId,
    },
    /// A code was queued, to be sent.
    #[n(10)]
    CodeQueued(#[n(0)] SendEntry),
    /// The gateways have said what came of a message.
    #[n(11)]
    MessageReported(#[n(0)] ReportEntry),
}

impl Entry {
    /// A stable word for JSON and searching.
    pub fn label(&self) -> &'static str {
        match self {
            Entry::Login(login) => match login.verdict {
                Verdict::Accept => "login_accepted",
                Verdict::Reject(_) => "login_rejected",
            },
            Entry::RejectsSummarized(_) => "rejects_summarized",
            Entry::Changed(change) => change.kind.label(),
            Entry::Founded { .. } => "cluster_founded",
            Entry::JoinTokenIssued { .. } => "join_token_issued",
            Entry::NodeAdmitted { .. } => "node_admitted",
            Entry::NodeRemoved { .. } => "node_removed",
            Entry::AuditPruned { .. } => "audit_pruned",
            Entry::SuccessorAdmitted { .. } => "successor_admitted",
            Entry::ReplacementCompleted { .. } => "replacement_completed",
            Entry::CodeQueued(_) => "code_queued",
            Entry::MessageReported(_) => "message_reported",
        }
    }
}

/// A judged login.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LoginEntry {
    /// Accept, or reject and why.
    #[n(0)]
    pub verdict: Verdict,
    /// Who it was; none if nobody has the name.
    #[n(1)]
    pub user: Option<UserId>,
    /// The client.
    #[n(2)]
    pub client: ClientId,
    /// The application.
    #[n(3)]
    pub application: ApplicationId,
    /// The tokens whose codes were right, or had been.
    #[n(4)]
    pub tokens: Box<[TokenId]>,
    /// The request.
    #[n(5)]
    pub fingerprint: Fingerprint,
    /// When it was received, by the clock of the judging node, in ms since 1970.
    #[n(6)]
    pub received_ms: u64,
    /// Name, addresses, node and method.
    #[n(7)]
    pub facts: LoginFacts,
    /// The rule that chose the application.
    #[n(8)]
    pub rule: Option<RuleId>,
    /// Why less was asked for than the application does.
    #[n(9)]
    pub waiver: Option<Waiver>,
    /// The password was judged by what was remembered of it, for the directory was down.
    #[n(10)]
    pub recalled: bool,
    /// The trusted device that stood for the codes.
    #[n(11)]
    pub device: Option<DeviceId>,
}

/// Logins rejected beyond a budget.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RejectsEntry {
    /// The node that rejected them.
    #[n(0)]
    pub node: NodeId,
    /// The client whose budget was used up.
    #[n(1)]
    pub client: ClientId,
    /// The source whose budget was used up.
    #[n(2)]
    pub source: IpAddr,
    /// The first of them, in ms since 1970.
    #[n(3)]
    pub from_ms: u64,
    /// The last of them.
    #[n(4)]
    pub to_ms: u64,
    /// How many there were.
    #[n(5)]
    pub rejects: u64,
}

/// One administrative change.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ChangeEntry {
    /// By whom.
    #[n(0)]
    pub actor: Actor,
    /// The node that was asked.
    #[n(1)]
    pub node: NodeId,
    /// What was done.
    #[n(2)]
    pub kind: ChangeKind,
    /// To what.
    #[n(3)]
    pub object: Object,
    /// The object's name then, for it may be gone when this is read.
    #[n(4)]
    pub name: Box<str>,
}

/// A code that was queued.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SendEntry {
    /// Which code.
    #[n(0)]
    pub code: CodeId,
    /// The token whose address it goes to.
    #[n(1)]
    pub token: TokenId,
    /// Whose.
    #[n(2)]
    pub user: UserId,
    /// How.
    #[n(3)]
    pub channel: Channel,
    /// The node that sends it.
    #[n(4)]
    pub node: NodeId,
    /// The administrator who had it sent; none if a login did.
    #[n(5)]
    pub actor: Option<Actor>,
    /// The client of the login.
    #[n(6)]
    pub client: Option<ClientId>,
    /// Name, addresses, node and method of the login.
    #[n(7)]
    pub facts: Option<LoginFacts>,
}

/// What came of a message.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ReportEntry {
    /// Which code was in it.
    #[n(0)]
    pub code: CodeId,
    /// The token whose address it went to.
    #[n(1)]
    pub token: TokenId,
    /// Whose.
    #[n(2)]
    pub user: UserId,
    /// The node that sent it.
    #[n(3)]
    pub node: NodeId,
    /// What the gateways said.
    #[n(4)]
    pub report: Report,
    /// How many were asked.
    #[n(5)]
    pub attempts: u8,
}

/// Which object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Object {
    /// A user.
    #[n(0)]
    User(#[n(0)] UserId),
    /// A token.
    #[n(1)]
    Token(#[n(0)] TokenId),
    /// A RADIUS client.
    #[n(2)]
    Client(#[n(0)] ClientId),
    /// An application.
    #[n(3)]
    Application(#[n(0)] ApplicationId),
    /// The policy.
    #[n(4)]
    Policy,
    /// A bearer token of the API.
    #[n(5)]
    ApiToken(#[n(0)] ApiTokenId),
    /// The retention rule of the audit.
    #[n(6)]
    Retention,
    /// A directory.
    #[n(7)]
    Directory(#[n(0)] DirectoryId),
    /// A gateway.
    #[n(8)]
    Gateway(#[n(0)] GatewayId),
    /// A rule.
    #[n(9)]
    Rule(#[n(0)] RuleId),
    /// What messages say.
    #[n(10)]
    Texts,
    /// A device, and who trusted it.
    #[n(11)]
    Device(#[n(0)] DeviceId, #[n(1)] UserId),
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Object::User(id) => id.fmt(f),
            Object::Token(id) => id.fmt(f),
            Object::Client(id) => id.fmt(f),
            Object::Application(id) => id.fmt(f),
            Object::Policy => f.write_str("policy"),
            Object::Retention => f.write_str("retention"),
            Object::ApiToken(id) => id.fmt(f),
            Object::Directory(id) => id.fmt(f),
            Object::Gateway(id) => id.fmt(f),
            Object::Rule(id) => id.fmt(f),
            Object::Texts => f.write_str("texts"),
            Object::Device(id, _) => id.fmt(f),
        }
    }
}

/// What was done to an object. The numbers are those of [`crate::Change`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
#[allow(
    missing_docs,
    reason = "each is the change of the same name, which has its sentence there"
)]
pub enum ChangeKind {
    #[n(0)]
    CreateUser,
    #[n(1)]
    ChangeUser,
    #[n(2)]
    SetPassword,
    #[n(3)]
    DisableUser,
    #[n(4)]
    EnableUser,
    #[n(5)]
    UnlockUser,
    #[n(6)]
    DeleteUser,
    #[n(7)]
    CreateToken,
    #[n(8)]
    ChangeToken,
    #[n(9)]
    DisableToken,
    #[n(10)]
    EnableToken,
    #[n(11)]
    DeleteToken,
    #[n(12)]
    CreateClient,
    #[n(13)]
    ChangeClient,
    #[n(14)]
    DisableClient,
    #[n(15)]
    EnableClient,
    #[n(16)]
    DeleteClient,
    #[n(17)]
    CreateApplication,
    #[n(18)]
    ChangeApplication,
    #[n(19)]
    DisableApplication,
    #[n(20)]
    EnableApplication,
    #[n(21)]
    DeleteApplication,
    #[n(22)]
    SetPolicy,
    #[n(23)]
    CreateApiToken,
    #[n(24)]
    DeleteApiToken,
    #[n(25)]
    SetRetention,
    #[n(26)]
    VerifyToken,
    #[n(27)]
    ResyncToken,
    #[n(28)]
    LoseToken,
    #[n(29)]
    AssignToken,
    #[n(30)]
    CreateDirectory,
    #[n(31)]
    ChangeDirectory,
    #[n(32)]
    DisableDirectory,
    #[n(33)]
    EnableDirectory,
    #[n(34)]
    DeleteDirectory,
    #[n(35)]
    SyncPerson,
    #[n(36)]
    LeaveDirectory,
    #[n(37)]
    CreateGateway,
    #[n(38)]
    ChangeGateway,
    #[n(39)]
    DisableGateway,
    #[n(40)]
    EnableGateway,
    #[n(41)]
    DeleteGateway,
    #[n(45)]
    SetUserAccess,
    #[n(46)]
    SetRoleRule,
    #[n(42)]
    RequirePasswordChange,
    /// By the user, who had proven the former one.
    #[n(43)]
    ChangeOwnPassword,
    /// Somebody wanted to change the password of this user, and had the former one wrong.
    #[n(44)]
    OwnPasswordWrong,
    #[n(47)]
    CreateRule,
    #[n(48)]
    ChangeRule,
    #[n(49)]
    DisableRule,
    #[n(50)]
    EnableRule,
    #[n(51)]
    DeleteRule,
    #[n(52)]
    SetLocal,
    /// By the user, in the login that this token ended.
    #[n(53)]
    EnrolToken,
    #[n(54)]
    SetPin,
    /// The change of this object before this record is taken back unless it is confirmed.
    #[n(67)]
    AwaitConfirmation,
    /// A change stays that had waited.
    #[n(68)]
    ConfirmChange,
    /// A change that had waited was taken back: the object is what it was.
    #[n(69)]
    TakeBackChange,
    /// A change was not confirmed in time, and the object is what it was. By whoever had made the change.
    #[n(70)]
    ChangeNotConfirmed,
    #[n(55)]
    ExportUser,
    #[n(56)]
    ExportPassword,
    #[n(57)]
    ExportToken,
    /// A directory is asked next for another password of one of its people.
    #[n(58)]
    OrderDirectoryPassword,
    /// It has set it.
    #[n(59)]
    DirectoryPasswordSet,
    /// It has not.
    #[n(60)]
    DirectoryPasswordRefused,
    /// It did not answer, and may have set it.
    #[n(61)]
    DirectoryPasswordUnknown,
    /// A directory is asked next to write where one of its people is reached.
    #[n(62)]
    OrderDirectoryContact,
    /// It has written it.
    #[n(63)]
    DirectoryContactWritten,
    /// It has not.
    #[n(64)]
    DirectoryContactRefused,
    /// It did not answer, and may have written it.
    #[n(65)]
    DirectoryContactUnknown,
    #[n(66)]
    ForgetPasswords,
    #[n(71)]
    SetText,
    #[n(72)]
    RemoveText,
    #[n(73)]
    SetDefaultLanguage,
    /// By the user, after a login by a code.
    #[n(74)]
    TrustDevice,
    /// Another user trusts the browser now, or the same one anew; or a user has trusted too many others since.
    #[n(75)]
    EvictDevice,
    #[n(76)]
    RevokeDevice,
    #[n(77)]
    RevokeDevices,
}

impl ChangeKind {
    /// A stable word for JSON and searching.
    pub fn label(self) -> &'static str {
        match self {
            ChangeKind::CreateUser => "create_user",
            ChangeKind::ChangeUser => "change_user",
            ChangeKind::SetPassword => "set_password",
            ChangeKind::DisableUser => "disable_user",
            ChangeKind::EnableUser => "enable_user",
            ChangeKind::UnlockUser => "unlock_user",
            ChangeKind::DeleteUser => "delete_user",
            ChangeKind::CreateToken => "create_token",
            ChangeKind::ChangeToken => "change_token",
            ChangeKind::DisableToken => "disable_token",
            ChangeKind::EnableToken => "enable_token",
            ChangeKind::DeleteToken => "delete_token",
            ChangeKind::CreateClient => "create_client",
            ChangeKind::ChangeClient => "change_client",
            ChangeKind::DisableClient => "disable_client",
            ChangeKind::EnableClient => "enable_client",
            ChangeKind::DeleteClient => "delete_client",
            ChangeKind::CreateApplication => "create_application",
            ChangeKind::ChangeApplication => "change_application",
            ChangeKind::DisableApplication => "disable_application",
            ChangeKind::EnableApplication => "enable_application",
            ChangeKind::DeleteApplication => "delete_application",
            ChangeKind::SetPolicy => "set_policy",
            ChangeKind::CreateApiToken => "create_api_token",
            ChangeKind::DeleteApiToken => "delete_api_token",
            ChangeKind::SetRetention => "set_retention",
            ChangeKind::VerifyToken => "verify_token",
            ChangeKind::ResyncToken => "resync_token",
            ChangeKind::LoseToken => "lose_token",
            ChangeKind::AssignToken => "assign_token",
            ChangeKind::CreateDirectory => "create_directory",
            ChangeKind::ChangeDirectory => "change_directory",
            ChangeKind::DisableDirectory => "disable_directory",
            ChangeKind::EnableDirectory => "enable_directory",
            ChangeKind::DeleteDirectory => "delete_directory",
            ChangeKind::SyncPerson => "sync_person",
            ChangeKind::LeaveDirectory => "leave_directory",
            ChangeKind::CreateGateway => "create_gateway",
            ChangeKind::ChangeGateway => "change_gateway",
            ChangeKind::DisableGateway => "disable_gateway",
            ChangeKind::EnableGateway => "enable_gateway",
            ChangeKind::DeleteGateway => "delete_gateway",
            ChangeKind::SetUserAccess => "set_user_access",
            ChangeKind::SetRoleRule => "set_role_rule",
            ChangeKind::RequirePasswordChange => "require_password_change",
            ChangeKind::ChangeOwnPassword => "change_own_password",
            ChangeKind::EnrolToken => "enrol_token",
            ChangeKind::SetPin => "set_pin",
            ChangeKind::OwnPasswordWrong => "own_password_wrong",
            ChangeKind::CreateRule => "create_rule",
            ChangeKind::ChangeRule => "change_rule",
            ChangeKind::DisableRule => "disable_rule",
            ChangeKind::EnableRule => "enable_rule",
            ChangeKind::DeleteRule => "delete_rule",
            ChangeKind::SetLocal => "set_local",
            ChangeKind::AwaitConfirmation => "await_confirmation",
            ChangeKind::ConfirmChange => "confirm_change",
            ChangeKind::TakeBackChange => "take_back_change",
            ChangeKind::ChangeNotConfirmed => "change_not_confirmed",
            ChangeKind::ExportUser => "export_user",
            ChangeKind::ExportPassword => "export_password",
            ChangeKind::ExportToken => "export_token",
            ChangeKind::OrderDirectoryPassword => "order_directory_password",
            ChangeKind::DirectoryPasswordSet => "directory_password_set",
            ChangeKind::DirectoryPasswordRefused => "directory_password_refused",
            ChangeKind::DirectoryPasswordUnknown => "directory_password_unknown",
            ChangeKind::OrderDirectoryContact => "order_directory_contact",
            ChangeKind::DirectoryContactWritten => "directory_contact_written",
            ChangeKind::DirectoryContactRefused => "directory_contact_refused",
            ChangeKind::DirectoryContactUnknown => "directory_contact_unknown",
            ChangeKind::ForgetPasswords => "forget_passwords",
            ChangeKind::SetText => "set_text",
            ChangeKind::RemoveText => "remove_text",
            ChangeKind::SetDefaultLanguage => "set_default_language",
            ChangeKind::TrustDevice => "trust_device",
            ChangeKind::EvictDevice => "evict_device",
            ChangeKind::RevokeDevice => "revoke_device",
            ChangeKind::RevokeDevices => "revoke_devices",
        }
    }
}
