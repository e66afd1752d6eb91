//! The command line as a whole: it is consistent, and what scripts depend on stays.

use clap::{CommandFactory, Parser};

use super::*;

#[test]
fn clap_finds_nothing_wrong_with_our_commands() {
    Cli::command().debug_assert();
}

/// Everything a person can ask help about says what it is for.
#[test]
fn every_command_and_every_option_explains_itself() {
    fn look(command: &clap::Command, path: &str, silent: &mut Vec<String>) {
        if command.get_about().is_none() {
            silent.push(path.to_owned());
        }
        for argument in command
            .get_arguments()
            .filter(|a| !a.is_hide_set() && !a.is_positional())
        {
            let obvious = ["name", "display_name", "application", "help", "version"];
            if argument.get_help().is_none() && !obvious.contains(&argument.get_id().as_str()) {
                silent.push(format!("{path} --{}", argument.get_id()));
            }
        }
        for sub in command.get_subcommands() {
            look(sub, &format!("{path} {}", sub.get_name()), silent);
        }
    }
    let mut silent = Vec::new();
    look(&Cli::command(), "quorate", &mut silent);
    let tolerated = ["quorate client change --network", "quorate client change --mode"];
    silent.retain(|it| !tolerated.contains(&it.as_str()));
    assert!(silent.is_empty(), "{silent:#?}");
}

/// The numbers are an interface. This test is changed only to add one.
#[test]
fn exit_codes_stay_what_they_are() {
    let codes = [
        (Exit::Failed, 1),
        (Exit::Refused, 3),
        (Exit::Unavailable, 4),
        (Exit::Configuration, 5),
        (Exit::NotAllowed, 6),
        (Exit::NotFound, 7),
        (Exit::AuditBroken, 8),
        (Exit::OutcomeUnknown, 9),
        (Exit::LoginRejected, 10),
        (Exit::NoAnswer, 11),
        (Exit::UntrustedAnswer, 12),
    ];
    for (exit, number) in codes {
        assert_eq!(exit as u8, number);
        assert!(
            exit::TABLE.contains(&format!("\n  {number:2}  ")),
            "{number} is not explained"
        );
    }
    assert_eq!(
        Cli::try_parse_from(["quorate", "--nonsense"])
            .expect_err("is wrong")
            .exit_code(),
        2
    );
}

#[test]
fn the_table_of_exit_codes_is_in_the_help() {
    let help = Cli::try_parse_from(["quorate", "help", "exit-codes"]).expect_err("help ends the parsing");
    assert!(help.to_string().contains("12  an answer came that cannot be trusted"));
}

#[test]
fn every_shell_gets_completions() {
    use clap_complete::Shell::*;
    for shell in [Bash, Zsh, Fish, Elvish, PowerShell] {
        let mut out = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "quorate", &mut out);
        let text = String::from_utf8(out).expect("text");
        assert!(text.contains("join-token") && text.contains("exit-codes"), "{shell}");
    }
}

#[test]
fn the_lines_of_the_manual_parse() {
    let lines = [
        "quorate init",
        "quorate run --config ./node1.toml",
        "quorate join 10.0.0.1:7443 --token qj1-x",
        "quorate join-token create --json",
        "quorate status --server https://mfa-1 --api-token x --ca-file ca.pem",
        "quorate user list --json",
        "quorate user create alice --password-stdin",
        "quorate user change alice --password",
        "quorate token create alice --digits 8 --seed-stdin",
        "quorate application create vpn --factor password --factor code",
        "quorate client create gate-1 --network 192.0.2.1 --application vpn --mode passcode-only",
        "quorate client change gate-1 --require-message-authenticator false",
        "quorate policy change --max-code-failures 3",
        "quorate api-token create backup-script --role auditor",
        "quorate policy explain --user alice --client vpn --source 10.1.2.3 --attribute NAS-Port-Type=19",
        "quorate policy whatif --since 7d --rules draft.toml",
        "quorate rule create guests --client wifi --attribute Called-Station-Id=*:guests --application light",
        "quorate rule change partners --group a --group b --network 203.0.113.0/24 --refuse --position 5",
        "quorate rule change partners --always",
        "quorate client change gate-1 --required-group vpn --trusted-network 10.0.0.0/8=code --blocked-network ::/0",
        "quorate application change vpn --passthru-until 2027-01-31",
        "quorate user change bob --group staff --enrol-by 14d",
        "quorate user list --without-token",
        "quorate api-token delete backup-script",
        "quorate role list",
        "quorate role show super_admin",
        "quorate role change admin --mfa-required true --may-trust false --trust-days 7",
        "quorate user create carol --role helpdesk --no-password",
        "quorate user access alice --role admin --mfa exempt --trust by_role",
        "quorate audit list --user alice",
        "quorate audit list --client vpn --result rejected --since 24h --until 2026-11-22T10:00",
        "quorate audit status",
        "quorate audit retention --days 365 --gib 0.5",
        "quorate audit export /mnt/audit",
        "quorate audit verify --expected-head 00ff",
        "quorate audit verify --dir /mnt/audit --ca ca.pem --earlier /mnt/old/heads.json",
        "quorate radius test --server 10.0.0.1 --server 10.0.0.2 --user alice --seed ABC",
        "quorate radius test --user alice --secret-base32 ABC --mode one-step",
        "quorate radius test --user alice --otpauth otpauth://totp/x?secret=ABC",
        "quorate radius status --server 10.0.0.1 --secret x",
        "quorate code ABC --at 59",
        "quorate config check --json",
        "quorate doctor",
        "quorate demo --fresh --dir /tmp/try --users 10 --json",
        "quorate remove ankara-2 --yes",
        "quorate user export --format ldif --base dc=example,dc=org",
        "quorate user export --password-hashes --output users.csv",
        "quorate token export --key-file key.hex --user alice -o tokens.pskc",
        "quorate token export --format otpauth --to-terminal",
        "quorate import people.ldif --send-codes-to sms --send-codes-to email",
        "quorate drain",
        "quorate leave --yes",
        "quorate completions bash",
    ];
    for line in lines {
        if let Err(e) = Cli::try_parse_from(line.split(' ')) {
            panic!("{line}: {e}");
        }
    }
}

#[test]
fn a_socket_and_a_server_exclude_each_other() {
    let both = ["quorate", "status", "--socket", "/s", "--server", "https://h"];
    assert!(Cli::try_parse_from(both).is_err());
}

#[test]
fn an_api_token_gets_its_role_by_name_and_by_nothing_else() {
    assert!(Cli::try_parse_from(["quorate", "api-token", "create", "script"]).is_err());
    let unknown = ["quorate", "api-token", "create", "script", "--role", "root"];
    assert!(Cli::try_parse_from(unknown).is_err());
}
