//! The names of all variants: matched without a wildcard, so that the compiler asks for a new one's, and read from
//! the source, so that a test notices what was matched and then forgotten.

#![allow(dead_code, reason = "not every test binary asks for every name")]

use quorate_core::{Change, Command, Outcome};

pub fn command_name(command: &Command) -> &'static str {
    match command {
        Command::Genesis(_) => "Genesis",
        Command::ConsumeCode(_) => "ConsumeCode",
        Command::AcceptSingleFactor(_) => "AcceptSingleFactor",
        Command::RecordFailure(_) => "RecordFailure",
        Command::SummarizeRejects(_) => "SummarizeRejects",
        Command::Administer(_) => "Administer",
        Command::IssueJoinToken(_) => "IssueJoinToken",
        Command::SpendJoinToken(_) => "SpendJoinToken",
        Command::RemoveNode(_) => "RemoveNode",
        Command::SignHead(_) => "SignHead",
        Command::PruneAudit(_) => "PruneAudit",
        Command::AdmitSuccessor(_) => "AdmitSuccessor",
        Command::CompleteReplacement(_) => "CompleteReplacement",
        Command::QueueCode(_) => "QueueCode",
        Command::ReportMessage(_) => "ReportMessage",
        Command::RenewPassword(_) => "RenewPassword",
        Command::RememberPassword(_) => "RememberPassword",
        Command::RehashPassword(_) => "RehashPassword",
        Command::ChangeOwnPassword(_) => "ChangeOwnPassword",
        Command::EnrolToken(_) => "EnrolToken",
        Command::TryChange(_) => "TryChange",
        Command::ConfirmChange(_) => "ConfirmChange",
        Command::TakeBack(_) => "TakeBack",
        Command::TakeBackOverdue(_) => "TakeBackOverdue",
        Command::TrustDevice(_) => "TrustDevice",
    }
}

pub fn change_name(change: &Change) -> &'static str {
    match change {
        Change::CreateUser(_) => "CreateUser",
        Change::ChangeUser(_) => "ChangeUser",
        Change::SetPassword(_) => "SetPassword",
        Change::SetPin(_) => "SetPin",
        Change::DisableUser(_) => "DisableUser",
        Change::EnableUser(_) => "EnableUser",
        Change::UnlockUser(_) => "UnlockUser",
        Change::DeleteUser(_) => "DeleteUser",
        Change::CreateToken(_) => "CreateToken",
        Change::ChangeToken(_) => "ChangeToken",
        Change::DisableToken(_) => "DisableToken",
        Change::EnableToken(_) => "EnableToken",
        Change::DeleteToken(_) => "DeleteToken",
        Change::CreateClient(_) => "CreateClient",
        Change::ChangeClient(_) => "ChangeClient",
        Change::DisableClient(_) => "DisableClient",
        Change::EnableClient(_) => "EnableClient",
        Change::DeleteClient(_) => "DeleteClient",
        Change::CreateApplication(_) => "CreateApplication",
        Change::ChangeApplication(_) => "ChangeApplication",
        Change::DisableApplication(_) => "DisableApplication",
        Change::EnableApplication(_) => "EnableApplication",
        Change::DeleteApplication(_) => "DeleteApplication",
        Change::SetPolicy(_) => "SetPolicy",
        Change::CreateApiToken(_) => "CreateApiToken",
        Change::DeleteApiToken(_) => "DeleteApiToken",
        Change::SetRetention(_) => "SetRetention",
        Change::VerifyToken(_) => "VerifyToken",
        Change::ResyncToken(_) => "ResyncToken",
        Change::LoseToken(_) => "LoseToken",
        Change::AssignToken(_) => "AssignToken",
        Change::CreateDirectory(_) => "CreateDirectory",
        Change::ChangeDirectory(_) => "ChangeDirectory",
        Change::DisableDirectory(_) => "DisableDirectory",
        Change::EnableDirectory(_) => "EnableDirectory",
        Change::DeleteDirectory(_) => "DeleteDirectory",
        Change::SyncPerson(_) => "SyncPerson",
        Change::LeaveDirectory(_) => "LeaveDirectory",
        Change::AskDirectory(_) => "AskDirectory",
        Change::ForgetPasswords(_) => "ForgetPasswords",
        Change::CreateGateway(_) => "CreateGateway",
        Change::ChangeGateway(_) => "ChangeGateway",
        Change::DisableGateway(_) => "DisableGateway",
        Change::EnableGateway(_) => "EnableGateway",
        Change::DeleteGateway(_) => "DeleteGateway",
        Change::SetUserAccess(_) => "SetUserAccess",
        Change::SetRoleRule(_) => "SetRoleRule",
        Change::RequirePasswordChange(_) => "RequirePasswordChange",
        Change::CreateRule(_) => "CreateRule",
        Change::ChangeRule(_) => "ChangeRule",
        Change::DisableRule(_) => "DisableRule",
        Change::EnableRule(_) => "EnableRule",
        Change::DeleteRule(_) => "DeleteRule",
        Change::SetLocal(_) => "SetLocal",
        Change::ExportUser(_) => "ExportUser",
        Change::ExportPassword(_) => "ExportPassword",
        Change::ExportToken(_) => "ExportToken",
        Change::SetText(_) => "SetText",
        Change::RemoveText(_) => "RemoveText",
        Change::SetDefaultLanguage(_) => "SetDefaultLanguage",
        Change::RevokeDevice(_) => "RevokeDevice",
        Change::RevokeDevices(_) => "RevokeDevices",
    }
}

pub fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Verdict { .. } => "Verdict",
        Outcome::Done { .. } => "Done",
        Outcome::Refused(_) => "Refused",
        Outcome::ChangeRefused { .. } => "ChangeRefused",
        Outcome::Node(_) => "Node",
        Outcome::Queued { .. } => "Queued",
    }
}

/// The variants of a public enum, as they stand in its source.
pub fn declared(source: &str, name: &str) -> Vec<String> {
    let body = source
        .split_once(&format!("pub enum {name} {{\n"))
        .unwrap()
        .1
        .split_once("\n}")
        .unwrap()
        .0;
    let is_variant = |line: &&str| line.starts_with("    ") && line[4..].starts_with(|c: char| c.is_ascii_uppercase());
    let end = |c: char| !c.is_ascii_alphanumeric();
    body.lines()
        .filter(is_variant)
        .map(|line| line[4..].split(end).next().unwrap().to_owned())
        .collect()
}

pub const COMMANDS: &str = include_str!("../../../src/command/mod.rs");
pub const CHANGES: &str = include_str!("../../../src/change/mod.rs");
pub const OUTCOMES: &str = include_str!("../../../src/outcome.rs");
