//! What a command comes to: outcomes, verdicts, and why something was refused or rejected.
//!
//! A [`Refusal`] says that a command changed nothing; it is deterministic and has no text in it. A [`Reason`] says
//! why a login was rejected: exact in the audit, and one vague sentence on the wire.

use std::fmt;

use minicbor::{Decode, Encode};

use crate::{
    ids::{CodeId, NodeId, PendingId, Revision},
    permissions::Permission,
};

/// The answer to one command, the same on every node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Outcome {
    /// A login was judged.
    #[n(0)]
    Verdict {
        /// Accept or reject.
        #[n(0)]
        verdict: Verdict,
        /// The request was judged before; this is that verdict again, and nothing was consumed.
        #[n(1)]
        replayed: bool,
    },
    /// An administrative command took effect; every object it touched has this revision.
    #[n(1)]
    Done {
        /// The new revision.
        #[n(0)]
        revision: Revision,
    },
    /// Nothing changed.
    #[n(2)]
    Refused(#[n(0)] Refusal),
    /// Nothing changed, because of one change of several.
    #[n(3)]
    ChangeRefused {
        /// Its place in the command, from 0.
        #[n(0)]
        index: u32,
        /// What was wrong with it.
        #[n(1)]
        refusal: Refusal,
    },
    /// A node was admitted under this number.
    #[n(4)]
    Node(#[n(0)] NodeId),
    /// A code was queued for this request, now or before. Whoever made this very code sends it; nobody else does.
    #[n(5)]
    Queued {
        /// Which code.
        #[n(0)]
        code: CodeId,
    },
}

impl Outcome {
    /// Its bytes, as they travel from the node that applied to the node that asked.
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::codec::to_bytes(self)
    }

    /// The outcome in these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, crate::codec::Undecodable> {
        crate::codec::from_bytes(bytes)
    }
}

/// What a login comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Verdict {
    /// Let in.
    #[n(0)]
    Accept,
    /// Not let in.
    #[n(1)]
    Reject(#[n(0)] Reason),
}

/// Why a login was rejected. `Display` is exact, for the audit; [`Reason::reply_text`] is for the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Reason {
    /// Nobody has this name.
    #[n(0)]
    UnknownUser,
    /// The password is wrong.
    #[n(1)]
    WrongPassword,
    /// The password was right and the code wrong; counts towards a lock.
    #[n(2)]
    WrongCode,
    /// What stood in the code's place is no code at all; does not count.
    #[n(3)]
    MalformedCode,
    /// The code is right and was accepted before, or is older than one that was.
    #[n(4)]
    CodeUsed,
    /// The code was right when it was judged, and its window has passed since.
    #[n(5)]
    CodeExpired,
    /// The user has no enabled token.
    #[n(6)]
    NoToken,
    /// The user is disabled.
    #[n(7)]
    UserDisabled,
    /// The client is disabled.
    #[n(8)]
    ClientDisabled,
    /// The application is disabled.
    #[n(9)]
    ApplicationDisabled,
    /// Too many wrong codes; the second factor is locked for a while.
    #[n(10)]
    Locked,
    /// Too many wrong passwords from this source; it has to wait.
    #[n(11)]
    PasswordDelayed,
    /// The password was changed between its check and the code.
    #[n(12)]
    PasswordChanged,
    /// The State attribute is not one of this cluster's, or was altered.
    #[n(13)]
    UnreadableState,
    /// The State attribute belongs to another client, user or application.
    #[n(14)]
    ConversationMismatch,
    /// The challenge was answered too late.
    #[n(15)]
    ConversationExpired,
    /// The challenge was answered before, with something else.
    #[n(16)]
    ConversationSpent,
    /// The user, the client or the token was disabled or locked after the challenge or the accept.
    #[n(17)]
    Voided,
    /// Too many rejects from this client and source; judged locally, audited in a summary.
    #[n(18)]
    OverBudget,
    /// The hash queue is full for this user or source; judged locally, audited in a summary.
    #[n(19)]
    QueueFull,
    /// The application asks for nothing that users of this client could prove.
    #[n(20)]
    NothingToProve,
    /// The directory has disabled the account, or no longer has it as a member.
    #[n(21)]
    DisabledInDirectory,
    /// The directory has locked the account.
    #[n(22)]
    LockedInDirectory,
    /// The account has expired in the directory.
    #[n(23)]
    ExpiredInDirectory,
    /// The password is right and has expired, or has to be changed first.
    #[n(24)]
    PasswordExpired,
    /// The directory permits no login at this time or from here.
    #[n(25)]
    NotPermittedNow,
    /// So many messages were sent to this user or region today that no more are.
    #[n(28)]
    SendLimit,
    /// A code was sent, as the user asked; the client cannot ask for it, so that the user has to begin again.
    #[n(29)]
    CodeSent,
    /// The code was right, and a newer one was sent since.
    #[n(30)]
    CodeReplaced,
    /// The user needs more than one factor, and the application lets in by one.
    #[n(35)]
    MfaRequired,
    /// The client lets nobody in from the network that the user is in.
    #[n(31)]
    NetworkBlocked,
    /// A rule refuses this login.
    #[n(32)]
    RefusedByRule,
    /// The user is in none of the groups that the client requires.
    #[n(33)]
    NotInGroups,
    /// The login was sent another way since the challenge, so that what was proven does not fit any more.
    #[n(34)]
    PlanChanged,
    /// The key of a first token was shown, and its code was wrong too often.
    #[n(26)]
    NotEnrolled,
    /// Codes need a PIN before them, and the user has none.
    #[n(27)]
    NoPin,
}

impl Reason {
    /// Every reason, for metrics that want their labels from the start.
    pub const ALL: [Reason; 36] = [
        Reason::UnknownUser,
        Reason::WrongPassword,
        Reason::WrongCode,
        Reason::MalformedCode,
        Reason::CodeUsed,
        Reason::CodeExpired,
        Reason::NoToken,
        Reason::UserDisabled,
        Reason::ClientDisabled,
        Reason::ApplicationDisabled,
        Reason::Locked,
        Reason::PasswordDelayed,
        Reason::PasswordChanged,
        Reason::UnreadableState,
        Reason::ConversationMismatch,
        Reason::ConversationExpired,
        Reason::ConversationSpent,
        Reason::Voided,
        Reason::OverBudget,
        Reason::QueueFull,
        Reason::NothingToProve,
        Reason::DisabledInDirectory,
        Reason::LockedInDirectory,
        Reason::ExpiredInDirectory,
        Reason::PasswordExpired,
        Reason::NotPermittedNow,
        Reason::SendLimit,
        Reason::CodeSent,
        Reason::CodeReplaced,
        Reason::MfaRequired,
        Reason::NetworkBlocked,
        Reason::RefusedByRule,
        Reason::NotInGroups,
        Reason::PlanChanged,
        Reason::NotEnrolled,
        Reason::NoPin,
    ];

    /// The one text every rejected user sees: it tells a wrong password from an unknown user to nobody.
    pub fn reply_text(self) -> &'static str {
        "Login failed."
    }

    /// A stable word for metrics, JSON and searching.
    pub fn label(self) -> &'static str {
        match self {
            Reason::UnknownUser => "unknown_user",
            Reason::WrongPassword => "wrong_password",
            Reason::WrongCode => "wrong_code",
            Reason::MalformedCode => "malformed_code",
            Reason::CodeUsed => "code_used",
            Reason::CodeExpired => "code_expired",
            Reason::NoToken => "no_token",
            Reason::UserDisabled => "user_disabled",
            Reason::ClientDisabled => "client_disabled",
            Reason::ApplicationDisabled => "application_disabled",
            Reason::Locked => "locked",
            Reason::PasswordDelayed => "password_delayed",
            Reason::PasswordChanged => "password_changed",
            Reason::UnreadableState => "unreadable_state",
            Reason::ConversationMismatch => "conversation_mismatch",
            Reason::ConversationExpired => "conversation_expired",
            Reason::ConversationSpent => "conversation_spent",
            Reason::Voided => "voided",
            Reason::OverBudget => "over_budget",
            Reason::QueueFull => "queue_full",
            Reason::NothingToProve => "nothing_to_prove",
            Reason::DisabledInDirectory => "disabled_in_directory",
            Reason::LockedInDirectory => "locked_in_directory",
            Reason::ExpiredInDirectory => "expired_in_directory",
            Reason::PasswordExpired => "password_expired",
            Reason::NotPermittedNow => "not_permitted_now",
            Reason::SendLimit => "send_limit",
            Reason::CodeSent => "code_sent",
            Reason::CodeReplaced => "code_replaced",
            Reason::MfaRequired => "mfa_required",
            Reason::NetworkBlocked => "network_blocked",
            Reason::RefusedByRule => "refused_by_rule",
            Reason::NotInGroups => "not_in_groups",
            Reason::PlanChanged => "plan_changed",
            Reason::NotEnrolled => "not_enrolled",
            Reason::NoPin => "no_pin",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::UnknownUser => "no user has this name",
            Reason::WrongPassword => "wrong password",
            Reason::WrongCode => "right password, wrong code",
            Reason::MalformedCode => "no code where one was expected",
            Reason::CodeUsed => "the code was used before",
            Reason::CodeExpired => "the code's time passed while the login was judged",
            Reason::NoToken => "the user has no enabled token",
            Reason::UserDisabled => "the user is disabled",
            Reason::ClientDisabled => "the client is disabled",
            Reason::ApplicationDisabled => "the application is disabled",
            Reason::Locked => "locked after too many wrong codes",
            Reason::PasswordDelayed => "has to wait after too many wrong passwords",
            Reason::PasswordChanged => "the password was changed during the login",
            Reason::UnreadableState => "the State attribute was not issued here",
            Reason::ConversationMismatch => "the State attribute belongs to another login",
            Reason::ConversationExpired => "the challenge was answered too late",
            Reason::ConversationSpent => "the challenge was answered before",
            Reason::Voided => "disabled or locked since the login began",
            Reason::OverBudget => "too many rejects from this client and source",
            Reason::QueueFull => "too many logins of this user or source are waiting",
            Reason::DisabledInDirectory => "the directory has disabled the account, or has it no more",
            Reason::LockedInDirectory => "the directory has locked the account",
            Reason::ExpiredInDirectory => "the account has expired in the directory",
            Reason::PasswordExpired => "the password is right and has to be changed first",
            Reason::NotPermittedNow => "the directory permits no login at this time or from here",
            Reason::NothingToProve => "the application asks for nothing that users of this client could prove",
            Reason::SendLimit => "so many codes were sent today that no more are",
            Reason::CodeSent => "a code was sent; to be used in another login",
            Reason::CodeReplaced => "a newer code was sent since",
            Reason::MfaRequired => "the user needs more than one factor, and the application lets in by one",
            Reason::NetworkBlocked => "the client lets nobody in from the user's network",
            Reason::RefusedByRule => "a rule refuses this login",
            Reason::NotInGroups => "the user is in none of the groups that the client requires",
            Reason::PlanChanged => "the login was sent another way since it began",
            Reason::NotEnrolled => "a first token was offered, and its code was wrong too often",
            Reason::NoPin => "codes need a PIN before them, and the user has none",
        })
    }
}

/// Why a command changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Refusal {
    /// Judged by a revision that is no longer current: judge again.
    #[n(0)]
    Stale,
    /// Judged more than ten seconds ago.
    #[n(1)]
    TooOld,
    /// Judged by a clock more than ten seconds ahead of the cluster's.
    #[n(2)]
    ClockAhead,
    /// The object has another revision than the one expected.
    #[n(3)]
    Conflict,
    /// No such object.
    #[n(4)]
    NotFound,
    /// The actor may not do this.
    #[n(5)]
    NotAllowed,
    /// A value is out of its bounds.
    #[n(6)]
    Invalid(#[n(0)] Field),
    /// Another object has this name.
    #[n(7)]
    NameTaken,
    /// Another object has this identifier.
    #[n(8)]
    IdTaken,
    /// A bounded table is full.
    #[n(9)]
    LimitReached,
    /// Something still refers to the object.
    #[n(10)]
    InUse,
    /// The cluster has not been founded yet.
    #[n(11)]
    NotFounded,
    /// The cluster has been founded already.
    #[n(12)]
    AlreadyFounded,
    /// The join token's time has passed.
    #[n(13)]
    Expired,
    /// The join token was used by another node.
    #[n(14)]
    Spent,
    /// A damaged node is being replaced, or was a short while ago.
    #[n(15)]
    NotYet,
    /// A directory owns it: it is changed there.
    #[n(16)]
    OfDirectory,
    /// So many messages were sent today that no more are.
    #[n(17)]
    SendLimit,
    /// The actor's role has not this permission.
    #[n(19)]
    Missing(#[n(0)] Permission),
    /// An account or API token of a role above the actor's.
    #[n(20)]
    AboveRole,
    /// Nobody would be left who may do everything.
    #[n(21)]
    LastSuperAdmin,
    /// Too many wrong passwords from there: it has to wait.
    #[n(18)]
    PasswordDelayed,
    /// A change of the object, or of what it belongs to, waits for its confirmation.
    #[n(22)]
    Waits(#[n(0)] PendingId),
    /// The change may still be confirmed.
    #[n(23)]
    NotOverdue,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Stale => "judged by a state that has changed since",
            Refusal::TooOld => "judged too long ago",
            Refusal::ClockAhead => "judged by a clock that runs ahead of the cluster's",
            Refusal::Conflict => "the object was changed meanwhile",
            Refusal::NotFound => "there is no such object",
            Refusal::NotAllowed => "not allowed",
            Refusal::Invalid(field) => return write!(f, "the value of {} is out of its bounds", field.label()),
            Refusal::NameTaken => "the name is taken",
            Refusal::IdTaken => "the identifier is taken",
            Refusal::LimitReached => "a limit is reached",
            Refusal::InUse => "the object is still in use",
            Refusal::NotFounded => "the cluster has not been founded",
            Refusal::AlreadyFounded => "the cluster has been founded already",
            Refusal::Expired => "the join token has expired",
            Refusal::Spent => "the join token was used before",
            Refusal::OfDirectory => "a directory owns this: change it there",
            Refusal::NotYet => "another damaged node is being replaced, or was within the last hour",
            Refusal::SendLimit => "so many messages were sent to this user or region today that no more are",
            Refusal::Missing(permission) => return write!(f, "the permission {} is missing", permission.label()),
            Refusal::AboveRole => "its role is above the one that asks",
            Refusal::LastSuperAdmin => "it is the last super admin",
            Refusal::Waits(pending) => {
                return write!(
                    f,
                    "a change waits for its confirmation: confirm {pending} or take it back first"
                );
            }
            Refusal::NotOverdue => "the change may still be confirmed",
            Refusal::PasswordDelayed => "there were too many wrong passwords: wait a while",
        })
    }
}

/// A value that can be out of its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Field {
    /// The name of a user, client, application, node or API token; or what a user calls a token.
    #[n(0)]
    Name,
    /// What people call a user.
    #[n(1)]
    DisplayName,
    /// The sealed password verifier.
    #[n(2)]
    Password,
    /// The sealed seed.
    #[n(3)]
    Seed,
    /// Digits of a code.
    #[n(4)]
    Digits,
    /// Seconds of a code.
    #[n(5)]
    Period,
    /// The kind of device.
    #[n(6)]
    DeviceType,
    /// A client's networks.
    #[n(7)]
    Networks,
    /// A client's NAS-Identifier.
    #[n(8)]
    NasIdentifier,
    /// A client's secrets.
    #[n(9)]
    Secrets,
    /// A client's modes.
    #[n(10)]
    Modes,
    /// A client's application.
    #[n(11)]
    Application,
    /// A client's retransmission timeout.
    #[n(12)]
    RetryTimeout,
    /// A client's number of transmissions.
    #[n(13)]
    RetryTries,
    /// An application's factors.
    #[n(14)]
    Factors,
    /// Wrong codes until a lock.
    #[n(15)]
    MaxCodeFailures,
    /// How long a lock lasts.
    #[n(16)]
    Lock,
    /// Timesteps around the current one.
    #[n(17)]
    TotpWindow,
    /// How long a challenge may be answered.
    #[n(18)]
    Challenge,
    /// The sealed verifier of an API token.
    #[n(19)]
    Verifier,
    /// The secret of a join token.
    #[n(20)]
    Secret,
    /// A time.
    #[n(21)]
    Expiry,
    /// A node's site.
    #[n(22)]
    Site,
    /// The CA certificate.
    #[n(23)]
    Certificate,
    /// The sealed CA key.
    #[n(24)]
    CaKey,
    /// What a login was judged by.
    #[n(25)]
    Judgement,
    /// A fact taken from a packet.
    #[n(26)]
    Fact,
    /// How old audit records may grow.
    #[n(27)]
    RetentionAge,
    /// How many bytes of audit records are kept.
    #[n(28)]
    RetentionBytes,
    /// Counters ahead of the next one.
    #[n(29)]
    HotpLookAhead,
    /// How often a temporary code may be used, or how many codes a sheet has.
    #[n(30)]
    Uses,
    /// Where a token's counter or clock is.
    #[n(31)]
    Counter,
    /// Whose a token is.
    #[n(32)]
    Owner,
    /// The domain of a directory's users.
    #[n(33)]
    Domain,
    /// Further names of that domain.
    #[n(56)]
    Aliases,
    /// Hours for which right passwords are remembered.
    #[n(57)]
    RememberHours,
    /// The sealed settings of a directory or gateway.
    #[n(34)]
    Settings,
    /// What a directory says of a person.
    #[n(35)]
    Attributes,
    /// An address with most of it left out.
    #[n(36)]
    Hint,
    /// How long a code that was sent is good.
    #[n(37)]
    SentCode,
    /// Messages to one user in a day.
    #[n(38)]
    SendsPerUser,
    /// Messages to one region in a day.
    #[n(39)]
    SendsPerPrefix,
    /// What a gateway carries.
    #[n(40)]
    Channels,
    /// How long a device is remembered.
    #[n(44)]
    Trust,
    /// The fewest characters of a password.
    #[n(41)]
    PasswordMinChars,
    /// Passwords that are remembered.
    #[n(42)]
    PasswordHistory,
    /// Days after which a password is due.
    #[n(43)]
    PasswordMaxAge,
    /// Names of groups.
    #[n(45)]
    Groups,
    /// Groups that a client requires.
    #[n(46)]
    RequiredGroups,
    /// Networks from which a client lets nobody in.
    #[n(47)]
    BlockedNetworks,
    /// Networks from which less is asked for, and what.
    #[n(48)]
    TrustedNetworks,
    /// Until when users without a token are let in.
    #[n(49)]
    PassthruUntil,
    /// The client that a rule names.
    #[n(50)]
    RuleClient,
    /// What names of users are compared with.
    #[n(51)]
    UserPattern,
    /// Attributes that a request has to have.
    #[n(52)]
    RadiusAttributes,
    /// How users come to a first token in a login.
    #[n(53)]
    Enrolment,
    /// Digits in front of a code.
    #[n(54)]
    Pin,
    /// How fields are cut that hold password and code.
    #[n(55)]
    Cut,
    /// How long a change waits for its confirmation, or that it waits at all.
    #[n(58)]
    ConfirmWithin,
    /// The language of a text or a user.
    #[n(59)]
    Language,
    /// The subject of a mail.
    #[n(60)]
    Subject,
    /// What messages say.
    #[n(61)]
    Text,
}

impl Field {
    /// Its name in the HTTP API and in sentences.
    pub fn label(self) -> &'static str {
        match self {
            Field::Name => "name",
            Field::DisplayName => "display_name",
            Field::Password => "password",
            Field::Seed => "seed",
            Field::Digits => "digits",
            Field::Period => "period_s",
            Field::DeviceType => "device_type",
            Field::Networks => "networks",
            Field::NasIdentifier => "nas_identifier",
            Field::Secrets => "secrets",
            Field::Modes => "modes",
            Field::Application => "application",
            Field::RetryTimeout => "retry_timeout_ms",
            Field::RetryTries => "retry_tries",
            Field::Factors => "factors",
            Field::MaxCodeFailures => "max_code_failures",
            Field::Lock => "lock_ms",
            Field::TotpWindow => "totp_window",
            Field::Challenge => "challenge_ms",
            Field::Verifier => "verifier",
            Field::Secret => "secret",
            Field::Expiry => "expires_ms",
            Field::Site => "site",
            Field::Certificate => "certificate",
            Field::CaKey => "ca_key",
            Field::Judgement => "judgement",
            Field::Fact => "fact",
            Field::RetentionAge => "max_age_ms",
            Field::RetentionBytes => "max_bytes",
            Field::HotpLookAhead => "hotp_look_ahead",
            Field::Uses => "uses",
            Field::Counter => "counter",
            Field::Owner => "user",
            Field::Domain => "domain",
            Field::Aliases => "aliases",
            Field::RememberHours => "remember_passwords_h",
            Field::Settings => "settings",
            Field::Attributes => "attributes",
            Field::Hint => "hint",
            Field::SentCode => "sent_code_ms",
            Field::SendsPerUser => "sends_per_user",
            Field::SendsPerPrefix => "sends_per_prefix",
            Field::Channels => "channels",
            Field::Trust => "trust_ms",
            Field::PasswordMinChars => "passwords.min_chars",
            Field::PasswordHistory => "passwords.history",
            Field::PasswordMaxAge => "passwords.max_age_days",
            Field::Groups => "groups",
            Field::RequiredGroups => "required_groups",
            Field::BlockedNetworks => "blocked_networks",
            Field::TrustedNetworks => "trusted_networks",
            Field::PassthruUntil => "passthru_until_ms",
            Field::Enrolment => "enrolment",
            Field::Pin => "pin",
            Field::Cut => "cut",
            Field::RuleClient => "client",
            Field::UserPattern => "user",
            Field::RadiusAttributes => "attributes",
            Field::ConfirmWithin => "confirm_within_ms",
            Field::Language => "language",
            Field::Subject => "subject",
            Field::Text => "text",
        }
    }
}
