//! Users and tokens of other products, taken over by the command an operator types, and then logging in.

use std::path::{Path, PathBuf};

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
        ensure!(taken["passwords_left_out"].as_u64() > Some(0), "hashes: {taken}");
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
        node.quorate(&["import", "--dry-run", &export, "--key-file", &key])?;
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
