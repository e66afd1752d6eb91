//! Changes: what an administrator may do to objects, one variant each and one file per kind of object.
//!
//! To add one, follow the box in [`crate::command`]: a variant with the next free number, the struct with `decide`
//! in the file of its object, frozen bytes and a golden script. Every change of an existing object carries the
//! revision it expects, or none to change whatever is there.

mod access;
mod api_token;
mod application;
mod ask_directory;
mod client;
mod device;
mod directory;
mod export;
mod gateway;
mod local;
mod person;
mod policy;
mod retention;
mod rule;
mod text;
mod token;
mod user;

use minicbor::{Decode, Encode};

pub use self::{
    access::{SetRoleRule, SetUserAccess},
    api_token::{CreateApiToken, DeleteApiToken},
    application::{
        ApplicationSettings, ChangeApplication, CreateApplication, DeleteApplication, DisableApplication,
        EnableApplication,
    },
    ask_directory::{AskDirectory, AskStage, AskedOfDirectory},
    client::{ChangeClient, ClientSettings, CreateClient, DeleteClient, DisableClient, EnableClient},
    device::{RevokeDevice, RevokeDevices},
    directory::{
        ChangeDirectory, CreateDirectory, DeleteDirectory, DisableDirectory, EnableDirectory, ForgetPasswords,
    },
    export::{ExportPassword, ExportToken, ExportUser},
    gateway::{ChangeGateway, CreateGateway, DeleteGateway, DisableGateway, EnableGateway, GatewaySettings},
    local::SetLocal,
    person::{LeaveDirectory, SyncPerson, SyncedAddress},
    policy::SetPolicy,
    retention::SetRetention,
    rule::{ChangeRule, CreateRule, DeleteRule, DisableRule, EnableRule, RuleSettings},
    text::{RemoveText, SetDefaultLanguage, SetText},
    token::{
        AssignToken, ChangeToken, CreateToken, DeleteToken, DisableToken, EnableToken, LoseToken, ResyncToken,
        VerifyToken,
    },
    user::{
        ChangeUser, CreateUser, DeleteUser, DisableUser, EnableUser, RequirePasswordChange, SetPassword, SetPin,
        UnlockUser,
    },
};
use crate::{
    audit::{ChangeKind, Object},
    event::Event,
    ids::{Revision, Sealed},
    limits,
    outcome::{Field, Refusal},
    state::State,
};

/// Everything an administrator may do to an object.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Change {
    /// A new user.
    #[n(0)]
    CreateUser(#[n(0)] CreateUser),
    /// Another name or display name.
    #[n(1)]
    ChangeUser(#[n(0)] ChangeUser),
    /// Another local password, or none.
    #[n(2)]
    SetPassword(#[n(0)] SetPassword),
    /// Refuses the user everywhere.
    #[n(3)]
    DisableUser(#[n(0)] DisableUser),
    /// Takes a disable back.
    #[n(4)]
    EnableUser(#[n(0)] EnableUser),
    /// Ends a lock of the second factor and all delays.
    #[n(5)]
    UnlockUser(#[n(0)] UnlockUser),
    /// Removes a user and its tokens.
    #[n(6)]
    DeleteUser(#[n(0)] DeleteUser),
    /// A new token of a user.
    #[n(7)]
    CreateToken(#[n(0)] CreateToken),
    /// Another name for a token.
    #[n(8)]
    ChangeToken(#[n(0)] ChangeToken),
    /// A token that matches nothing.
    #[n(9)]
    DisableToken(#[n(0)] DisableToken),
    /// Takes a disable back.
    #[n(10)]
    EnableToken(#[n(0)] EnableToken),
    /// Removes a token.
    #[n(11)]
    DeleteToken(#[n(0)] DeleteToken),
    /// A new RADIUS client.
    #[n(12)]
    CreateClient(#[n(0)] CreateClient),
    /// Other settings of a client.
    #[n(13)]
    ChangeClient(#[n(0)] ChangeClient),
    /// Rejects all logins of a client.
    #[n(14)]
    DisableClient(#[n(0)] DisableClient),
    /// Takes a disable back.
    #[n(15)]
    EnableClient(#[n(0)] EnableClient),
    /// Removes a client.
    #[n(16)]
    DeleteClient(#[n(0)] DeleteClient),
    /// A new application.
    #[n(17)]
    CreateApplication(#[n(0)] CreateApplication),
    /// Another name or other factors.
    #[n(18)]
    ChangeApplication(#[n(0)] ChangeApplication),
    /// Rejects all logins of an application.
    #[n(19)]
    DisableApplication(#[n(0)] DisableApplication),
    /// Takes a disable back.
    #[n(20)]
    EnableApplication(#[n(0)] EnableApplication),
    /// Removes an application that no client uses.
    #[n(21)]
    DeleteApplication(#[n(0)] DeleteApplication),
    /// Another policy.
    #[n(22)]
    SetPolicy(#[n(0)] SetPolicy),
    /// A new bearer token of the API.
    #[n(23)]
    CreateApiToken(#[n(0)] CreateApiToken),
    /// Removes a bearer token.
    #[n(24)]
    DeleteApiToken(#[n(0)] DeleteApiToken),
    /// Another retention rule of the audit.
    #[n(25)]
    SetRetention(#[n(0)] SetRetention),
    /// The first code of a token was shown: it is in use from now on.
    #[n(26)]
    VerifyToken(#[n(0)] VerifyToken),
    /// Two codes in a row told where a token is.
    #[n(27)]
    ResyncToken(#[n(0)] ResyncToken),
    /// A token that somebody else may hold.
    #[n(28)]
    LoseToken(#[n(0)] LoseToken),
    /// A token for another user, or back into the drawer.
    #[n(29)]
    AssignToken(#[n(0)] AssignToken),
    /// A new directory.
    #[n(30)]
    CreateDirectory(#[n(0)] CreateDirectory),
    /// Another name or other settings of a directory.
    #[n(31)]
    ChangeDirectory(#[n(0)] ChangeDirectory),
    /// Asks a directory no more.
    #[n(32)]
    DisableDirectory(#[n(0)] DisableDirectory),
    /// Takes a disable back.
    #[n(33)]
    EnableDirectory(#[n(0)] EnableDirectory),
    /// Removes a directory that has no users here.
    #[n(34)]
    DeleteDirectory(#[n(0)] DeleteDirectory),
    /// A person as a directory has them.
    #[n(35)]
    SyncPerson(#[n(0)] SyncPerson),
    /// A person whom a directory no longer has.
    #[n(36)]
    LeaveDirectory(#[n(0)] LeaveDirectory),
    /// A new gateway.
    #[n(38)]
    CreateGateway(#[n(0)] CreateGateway),
    /// Other settings of a gateway.
    #[n(39)]
    ChangeGateway(#[n(0)] ChangeGateway),
    /// A gateway that carries nothing.
    #[n(40)]
    DisableGateway(#[n(0)] DisableGateway),
    /// Takes a disable back.
    #[n(41)]
    EnableGateway(#[n(0)] EnableGateway),
    /// Removes a gateway.
    #[n(42)]
    DeleteGateway(#[n(0)] DeleteGateway),
    /// Another role of a user, or other exceptions from the policy.
    #[n(44)]
    SetUserAccess(#[n(0)] SetUserAccess),
    /// Another rule of the policy for a role.
    #[n(45)]
    SetRoleRule(#[n(0)] SetRoleRule),
    /// Has a user change the local password at the next login.
    #[n(43)]
    RequirePasswordChange(#[n(0)] RequirePasswordChange),
    /// A new rule.
    #[n(46)]
    CreateRule(#[n(0)] CreateRule),
    /// Other settings of a rule.
    #[n(47)]
    ChangeRule(#[n(0)] ChangeRule),
    /// A rule that is passed over.
    #[n(48)]
    DisableRule(#[n(0)] DisableRule),
    /// Takes a disable back.
    #[n(49)]
    EnableRule(#[n(0)] EnableRule),
    /// Removes a rule.
    #[n(50)]
    DeleteRule(#[n(0)] DeleteRule),
    /// Other groups of a user that are kept here.
    #[n(51)]
    SetLocal(#[n(0)] SetLocal),
    /// Another PIN for a user, or none.
    #[n(37)]
    SetPin(#[n(0)] SetPin),
    /// A user is taken along.
    #[n(52)]
    ExportUser(#[n(0)] ExportUser),
    /// The verifier of a user's local password is taken along.
    #[n(53)]
    ExportPassword(#[n(0)] ExportPassword),
    /// The secret of a token is taken along.
    #[n(54)]
    ExportToken(#[n(0)] ExportToken),
    /// Something that a directory is asked to change of one of its people, or what came of it.
    #[n(55)]
    AskDirectory(#[n(0)] AskDirectory),
    /// Forgets the passwords that are remembered of a directory's people.
    #[n(56)]
    ForgetPasswords(#[n(0)] ForgetPasswords),
    /// Another text of messages, in the place of the one that comes with the program.
    #[n(57)]
    SetText(#[n(0)] SetText),
    /// Gives back the text that comes with the program.
    #[n(58)]
    RemoveText(#[n(0)] RemoveText),
    /// Another language for people whose own has no text.
    #[n(59)]
    SetDefaultLanguage(#[n(0)] SetDefaultLanguage),
    /// Ends the trust in a device.
    #[n(60)]
    RevokeDevice(#[n(0)] RevokeDevice),
    /// Ends the trust in all devices of a user.
    #[n(61)]
    RevokeDevices(#[n(0)] RevokeDevices),
}

/// What a change does, and to what.
pub(crate) struct Effect {
    pub events: Vec<Event>,
    pub object: Object,
    /// The object's name, for the audit.
    pub name: Box<str>,
}

impl Change {
    /// What the change does to this state; everything it touches gets this revision.
    pub(crate) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        match self {
            Change::CreateUser(change) => change.decide(state, revision),
            Change::ChangeUser(change) => change.decide(state, revision),
            Change::SetPassword(change) => change.decide(state, revision),
            Change::SetPin(change) => change.decide(state, revision),
            Change::DisableUser(change) => change.decide(state, revision),
            Change::EnableUser(change) => change.decide(state, revision),
            Change::UnlockUser(change) => change.decide(state, revision),
            Change::DeleteUser(change) => change.decide(state, revision),
            Change::CreateToken(change) => change.decide(state, revision),
            Change::ChangeToken(change) => change.decide(state, revision),
            Change::DisableToken(change) => change.decide(state, revision),
            Change::EnableToken(change) => change.decide(state, revision),
            Change::DeleteToken(change) => change.decide(state, revision),
            Change::CreateClient(change) => change.decide(state, revision),
            Change::ChangeClient(change) => change.decide(state, revision),
            Change::DisableClient(change) => change.decide(state, revision),
            Change::EnableClient(change) => change.decide(state, revision),
            Change::DeleteClient(change) => change.decide(state, revision),
            Change::CreateApplication(change) => change.decide(state, revision),
            Change::ChangeApplication(change) => change.decide(state, revision),
            Change::DisableApplication(change) => change.decide(state, revision),
            Change::EnableApplication(change) => change.decide(state, revision),
            Change::DeleteApplication(change) => change.decide(state, revision),
            Change::SetPolicy(change) => change.decide(state, revision),
            Change::CreateApiToken(change) => change.decide(state, revision),
            Change::DeleteApiToken(change) => change.decide(state, revision),
            Change::SetRetention(change) => change.decide(state, revision),
            Change::VerifyToken(change) => change.decide(state, revision),
            Change::ResyncToken(change) => change.decide(state, revision),
            Change::LoseToken(change) => change.decide(state, revision),
            Change::AssignToken(change) => change.decide(state, revision),
            Change::CreateDirectory(change) => change.decide(state, revision),
            Change::ChangeDirectory(change) => change.decide(state, revision),
            Change::DisableDirectory(change) => change.decide(state, revision),
            Change::EnableDirectory(change) => change.decide(state, revision),
            Change::DeleteDirectory(change) => change.decide(state, revision),
            Change::SyncPerson(change) => change.decide(state, revision),
            Change::LeaveDirectory(change) => change.decide(state, revision),
            Change::CreateGateway(change) => change.decide(state, revision),
            Change::ChangeGateway(change) => change.decide(state, revision),
            Change::DisableGateway(change) => change.decide(state, revision),
            Change::EnableGateway(change) => change.decide(state, revision),
            Change::DeleteGateway(change) => change.decide(state, revision),
            Change::SetUserAccess(change) => change.decide(state, revision),
            Change::SetRoleRule(change) => change.decide(state, revision),
            Change::RequirePasswordChange(change) => change.decide(state, revision),
            Change::CreateRule(change) => change.decide(state, revision),
            Change::ChangeRule(change) => change.decide(state, revision),
            Change::DisableRule(change) => change.decide(state, revision),
            Change::EnableRule(change) => change.decide(state, revision),
            Change::DeleteRule(change) => change.decide(state, revision),
            Change::SetLocal(change) => change.decide(state, revision),
            Change::ExportUser(change) => change.decide(state),
            Change::ExportPassword(change) => change.decide(state),
            Change::ExportToken(change) => change.decide(state),
            Change::AskDirectory(change) => change.decide(state, revision),
            Change::ForgetPasswords(change) => change.decide(state, revision),
            Change::SetText(change) => change.decide(state, revision),
            Change::RemoveText(change) => change.decide(state),
            Change::SetDefaultLanguage(change) => change.decide(state, revision),
            Change::RevokeDevice(change) => change.decide(state),
            Change::RevokeDevices(change) => change.decide(state, revision),
        }
    }

    /// Which change this is.
    pub fn kind(&self) -> ChangeKind {
        match self {
            Change::CreateUser(_) => ChangeKind::CreateUser,
            Change::ChangeUser(_) => ChangeKind::ChangeUser,
            Change::SetPassword(_) => ChangeKind::SetPassword,
            Change::SetPin(_) => ChangeKind::SetPin,
            Change::DisableUser(_) => ChangeKind::DisableUser,
            Change::EnableUser(_) => ChangeKind::EnableUser,
            Change::UnlockUser(_) => ChangeKind::UnlockUser,
            Change::DeleteUser(_) => ChangeKind::DeleteUser,
            Change::CreateToken(_) => ChangeKind::CreateToken,
            Change::ChangeToken(_) => ChangeKind::ChangeToken,
            Change::DisableToken(_) => ChangeKind::DisableToken,
            Change::EnableToken(_) => ChangeKind::EnableToken,
            Change::DeleteToken(_) => ChangeKind::DeleteToken,
            Change::CreateClient(_) => ChangeKind::CreateClient,
            Change::ChangeClient(_) => ChangeKind::ChangeClient,
            Change::DisableClient(_) => ChangeKind::DisableClient,
            Change::EnableClient(_) => ChangeKind::EnableClient,
            Change::DeleteClient(_) => ChangeKind::DeleteClient,
            Change::CreateApplication(_) => ChangeKind::CreateApplication,
            Change::ChangeApplication(_) => ChangeKind::ChangeApplication,
            Change::DisableApplication(_) => ChangeKind::DisableApplication,
            Change::EnableApplication(_) => ChangeKind::EnableApplication,
            Change::DeleteApplication(_) => ChangeKind::DeleteApplication,
            Change::SetPolicy(_) => ChangeKind::SetPolicy,
            Change::CreateApiToken(_) => ChangeKind::CreateApiToken,
            Change::DeleteApiToken(_) => ChangeKind::DeleteApiToken,
            Change::SetRetention(_) => ChangeKind::SetRetention,
            Change::VerifyToken(_) => ChangeKind::VerifyToken,
            Change::ResyncToken(_) => ChangeKind::ResyncToken,
            Change::LoseToken(_) => ChangeKind::LoseToken,
            Change::AssignToken(_) => ChangeKind::AssignToken,
            Change::CreateDirectory(_) => ChangeKind::CreateDirectory,
            Change::ChangeDirectory(_) => ChangeKind::ChangeDirectory,
            Change::DisableDirectory(_) => ChangeKind::DisableDirectory,
            Change::EnableDirectory(_) => ChangeKind::EnableDirectory,
            Change::DeleteDirectory(_) => ChangeKind::DeleteDirectory,
            Change::SyncPerson(_) => ChangeKind::SyncPerson,
            Change::LeaveDirectory(_) => ChangeKind::LeaveDirectory,
            Change::CreateGateway(_) => ChangeKind::CreateGateway,
            Change::ChangeGateway(_) => ChangeKind::ChangeGateway,
            Change::DisableGateway(_) => ChangeKind::DisableGateway,
            Change::EnableGateway(_) => ChangeKind::EnableGateway,
            Change::DeleteGateway(_) => ChangeKind::DeleteGateway,
            Change::SetUserAccess(_) => ChangeKind::SetUserAccess,
            Change::SetRoleRule(_) => ChangeKind::SetRoleRule,
            Change::RequirePasswordChange(_) => ChangeKind::RequirePasswordChange,
            Change::CreateRule(_) => ChangeKind::CreateRule,
            Change::ChangeRule(_) => ChangeKind::ChangeRule,
            Change::DisableRule(_) => ChangeKind::DisableRule,
            Change::EnableRule(_) => ChangeKind::EnableRule,
            Change::DeleteRule(_) => ChangeKind::DeleteRule,
            Change::SetLocal(_) => ChangeKind::SetLocal,
            Change::ExportUser(_) => ChangeKind::ExportUser,
            Change::ExportPassword(_) => ChangeKind::ExportPassword,
            Change::ExportToken(_) => ChangeKind::ExportToken,
            Change::AskDirectory(change) => change.kind(),
            Change::ForgetPasswords(_) => ChangeKind::ForgetPasswords,
            Change::SetText(_) => ChangeKind::SetText,
            Change::RemoveText(_) => ChangeKind::RemoveText,
            Change::SetDefaultLanguage(_) => ChangeKind::SetDefaultLanguage,
            Change::RevokeDevice(_) => ChangeKind::RevokeDevice,
            Change::RevokeDevices(_) => ChangeKind::RevokeDevices,
        }
    }
}

/// Whether an object is as its editor last saw it.
fn expect(found: Revision, expected: Option<Revision>) -> Result<(), Refusal> {
    match expected.is_none_or(|expected| expected == found) {
        true => Ok(()),
        false => Err(Refusal::Conflict),
    }
}

/// Whether a value is in its bounds.
fn require(holds: bool, field: Field) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(Refusal::Invalid(field)) }
}

/// Whether a name belongs to nobody, or to the object itself.
fn require_free<Id: PartialEq>(holder: Option<Id>, own: Id) -> Result<(), Refusal> {
    match holder.is_none_or(|holder| holder == own) {
        true => Ok(()),
        false => Err(Refusal::NameTaken),
    }
}

pub(crate) fn is_sealed(sealed: &Sealed) -> bool {
    (1..=limits::SEALED_BYTES).contains(&sealed.0.len())
}
