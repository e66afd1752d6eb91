//! Users and tokens of other products, taken over by the command an operator types, and then logging in.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};
use cluster_tests::{otp, radclient, with_cluster};
use serde_json::Value;

/// The seed of RFC 6238's vectors, which all of these files invent.
const SEED: &[u8; 20] = b"12345678901234567890";

#[test]
fn users_of_freeradius_move_over_and_log_in_with_password_and_code() {
    with_cluster(1, |cluster| {
        let node = &cluster.nodes[0];
        let file = fixture("freeradius.csv");
        let look = node.try_quorate(&["import", "--dry-run", &file])?;
        ensure!(look.status.code() == Some(3), "two of its rows are wrong: {look:?}");
        let nobody = node.try_quorate(&["user", "show", "alice"])?;
        ensure!(nobody.status.code() == Some(7), "a look changed something");
        // What was good enough there breaks the rules here: an operator who wants it taken over loosens them for the time.
        node.quorate(&[
            "policy",
            "change",
            "--password-upper",
            "false",
            "--password-digit",
            "false",
        ])?;
        let taken = node.json(&["import", "--json", "--partial", &file])?;
        ensure!(
            taken["users_created"].as_u64() > Some(5) && taken["tokens_created"] == 1,
            "{taken}"
        );
        ensure!(taken["passwords_left_out"] == 0, "hashes are taken: {taken}");
        let again = node.json(&["import", "--json", "--partial", &file])?;
        ensure!(again["users_created"] == 0 && again["tokens_created"] == 0, "{again}");
        ensure!(again["users_there_before"] == taken["users_created"], "{again}");
        ensure!(again["tokens_there_before"] == 1, "{again}");

        let challenge = radclient::ask(node.radius, "alice", "correct horse battery", None)?.context("silence")?;
        let state = challenge
            .attribute("State")
            .with_context(|| format!("no challenge: {challenge:?}"))?;
        let code = otp::code(SEED, otp::timestep());
        let accepted = radclient::ask(node.radius, "alice", &code, Some(state))?.context("silence")?;
        ensure!(accepted.code == 2, "{accepted:?}");
        let disabled = node.json(&["user", "show", "frank", "--json"])?;
        ensure!(
            disabled["enabled"] == false,
            "who was rejected there is disabled here: {disabled}"
        );
        Ok(())
    });
}

#[test]
fn one_wrong_row_and_nothing_is_written_unless_told_so() {
    with_cluster(1, |cluster| {
        let node = &cluster.nodes[0];
        let file = fixture("oath.csv");
        let refused = node.try_quorate(&["import", &file])?;
        let said = String::from_utf8_lossy(&refused.stdout).into_owned();
        ensure!(refused.status.code() == Some(3), "{refused:?}");
        ensure!(
            said.contains("OATH0004") && said.contains("WRONG"),
            "the row is named: {said}"
        );
        ensure!(
            length(&node.json(&["token", "stock", "--json"])?) == 0,
            "nothing was written"
        );
        let taken = node.json(&["import", "--json", "--partial", &file])?;
        ensure!(taken["tokens_created"].as_u64() > Some(1), "{taken}");
        let stock = node.json(&["token", "stock", "--json"])?;
        ensure!(
            Some(length(&stock) as u64) == taken["tokens_created"].as_u64(),
            "they are nobody's: {stock}"
        );
        let (export, key) = (fixture("privacyidea.export"), fixture("privacyidea.export.key"));
        let wrong = node.try_quorate(&["import", &export, "--key-file", &file])?;
        ensure!(wrong.status.code() == Some(3), "a wrong key: {wrong:?}");
        let ownerless = node.try_quorate(&["import", "--dry-run", &export, "--key-file", &key])?;
        let said = String::from_utf8_lossy(&ownerless.stdout).into_owned();
        ensure!(
            ownerless.status.code() == Some(3) && said.contains("owner is nobody here or in this import"),
            "{ownerless:?}"
        );
        for name in ["alice@example", "bob@example"] {
            node.quorate(&["user", "create", name, "--no-password"])?;
        }
        node.quorate(&["import", "--dry-run", &export, "--key-file", &key])?;
        let taken = node.json(&["import", "--json", &export, "--key-file", &key])?;
        ensure!(taken["tokens_created"] == 5, "{taken}");
        let hers = node.json(&["token", "list", "alice@example", "--json"])?;
        ensure!(length(&hers) == 2, "a phone and a YubiKey: {hers}");
        Ok(())
    });
}

/// Only a node can tell that two spellings are one name, so it is the node that finds row 50,001.
#[test]
fn a_wrong_row_50_001_writes_nothing_and_is_named() {
    with_cluster(1, |cluster| {
        let node = &cluster.nodes[0];
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("users.csv");
        let name = |row: usize| match row {
            7 => "\u{e9}mile".to_owned(),
            50_001 => "\u{c9}MILE".to_owned(),
            row => format!("u{row}"),
        };
        let mut text = "name,groups\n".to_owned();
        (1..=51_000).for_each(|row| text += &format!("{},staff\n", name(row)));
        fs::write(&file, text)?;
        let file = file.to_string_lossy().into_owned();
        for look in [
            &["import", "--json", "--dry-run", &file][..],
            &["import", "--json", &file],
        ] {
            let refused = node.try_quorate(look)?;
            ensure!(
                refused.status.code() == Some(3),
                "{}",
                String::from_utf8_lossy(&refused.stderr)
            );
            let report: Value = serde_json::from_slice(&refused.stdout)?;
            let rows = report["rows"].as_array().context("rows")?;
            let wrong: Vec<&Value> = rows.iter().filter(|row| row["outcome"] == "wrong").collect();
            ensure!(rows.len() == 51_000 && wrong.len() == 1, "{wrong:?}");
            ensure!(wrong[0]["row"] == 50_001 && wrong[0]["line"] == 50_002, "{wrong:?}");
            ensure!(
                length(&node.json(&["user", "list", "--json"])?) == 0,
                "something was written"
            );
        }
        let taken = node.json(&["import", "--json", "--partial", &file])?;
        ensure!(taken["users_created"] == 50_999 && taken["rows_wrong"] == 1, "{taken}");
        let again = node.json(&["import", "--json", "--partial", &file])?;
        ensure!(
            again["users_created"] == 0 && again["users_there_before"] == 51_000,
            "{again}"
        );
        Ok(())
    });
}

#[test]
fn users_and_tokens_are_taken_along_and_log_in_where_they_come_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (users, tokens, password) = (path("users.csv"), path("tokens.pskc"), path("password"));
    fs::write(&password, "correct horse battery staple\n").expect("a password");
    fs::write(
        path("people.csv"),
        format!(
            "name,password,mobile,groups,enabled,token_secret_hex,token_name\n\
         alice,Correct 9 horse,+491712345667,staff;vpn,yes,{},phone\nbob,,,,no,,\n",
            data_encoding::HEXLOWER.encode(SEED)
        ),
    )
    .expect("people");
    with_cluster(1, |cluster| {
        let node = &cluster.nodes[0];
        node.quorate(&["import", &path("people.csv"), "--send-codes-to", "sms"])?;
        node.quorate(&["user", "export", "--password-hashes", "--output", &users])?;
        let export = ["token", "export", "--password-file", &password, "--output", &tokens];
        node.quorate(&export)?;
        let mode = fs::metadata(&tokens)?.permissions().mode() & 0o777;
        ensure!(mode == 0o600, "readable for others: {mode:o}");
        ensure!(
            node.try_quorate(&export)?.status.code() == Some(3),
            "a file is never written over"
        );
        let table = fs::read_to_string(&users)?;
        ensure!(
            table.contains("$argon2id$") && table.contains("+491712345667"),
            "{table}"
        );
        ensure!(!table.contains("Correct 9 horse") && !fs::read_to_string(&tokens)?.contains("GEZDGNBVGY3TQOJQ"));
        let clear = node.quorate(&["token", "export", "--format", "otpauth", "--user", "alice"])?;
        ensure!(
            clear.contains("secret=GEZDGNBVGY3TQOJQ"),
            "a pipe is no terminal: {clear}"
        );
        let line = "quorate token export --format csv";
        let binary = node.command(&[])?.get_program().to_owned();
        let on_a_terminal = |line: &str| -> anyhow::Result<Option<i32>> {
            let line = line.replacen("quorate", &binary.to_string_lossy(), 1);
            let mut script = Command::new("script");
            script
                .args(["-qec", &line, "/dev/null"])
                .env("QUORATE_CONFIG", node.config_file());
            Ok(script.stdin(Stdio::null()).output()?.status.code())
        };
        ensure!(on_a_terminal(line)? == Some(3), "secrets were shown to a terminal");
        ensure!(
            on_a_terminal(&format!("{line} --to-terminal"))? == Some(0),
            "it was told so"
        );
        let audit = node.quorate(&["audit", "list", "--json"])?;
        ensure!(
            audit.matches("\"export_token\"").count() == 3,
            "one for each time: {audit}"
        );
        ensure!(audit.matches("\"export_password\"").count() == 1 && audit.matches("\"export_user\"").count() == 2);
        Ok(())
    });
    with_cluster(1, |cluster| {
        let node = &cluster.nodes[0];
        node.quorate(&["import", &users, "--send-codes-to", "sms"])?;
        node.quorate(&["import", &tokens, "--key-file", &password])?;
        let alice = node.json(&["user", "show", "alice", "--json"])?;
        ensure!(
            alice["groups"] == serde_json::json!(["staff", "vpn"]) && alice["tokens"] == 2,
            "{alice}"
        );
        ensure!(node.json(&["user", "show", "bob", "--json"])?["enabled"] == false);
        let challenge = radclient::ask(node.radius, "alice", "Correct 9 horse", None)?.context("silence")?;
        let state = challenge.attribute("State").with_context(|| format!("{challenge:?}"))?;
        let code = otp::code(SEED, otp::timestep());
        let accepted = radclient::ask(node.radius, "alice", &code, Some(state))?.context("silence")?;
        ensure!(accepted.code == 2, "{accepted:?}");
        Ok(())
    });
}

fn length(listed: &Value) -> usize {
    listed.as_array().map_or(0, Vec::len)
}

fn fixture(name: &str) -> String {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../node/import/tests/fixtures");
    folder.join(name).to_string_lossy().into_owned()
}
