//! Frozen bytes: what was written once must be readable for ever, and be written alike by every node.
//!
//! Each line of a file under `tests/frozen` is a name and the bytes of its sample. `QUORATE_GOLDEN=write` writes
//! them; a line that *changes* is a mistake, unless nothing was released with it yet.

use crate::{samples, variants};
use std::{collections::BTreeMap, fs};

use quorate_core::{Command, Outcome, Reason, State};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|place| u8::from_str_radix(&hex[place..place + 2], 16).unwrap())
        .collect()
}

/// Compares with the frozen file, or writes it. Returns the frozen bytes by name.
fn thaw(file: &str, now: &[(String, Vec<u8>)]) -> BTreeMap<String, Vec<u8>> {
    let path = format!("{}/tests/frozen/{file}", env!("CARGO_MANIFEST_DIR"));
    let text: String = now
        .iter()
        .map(|(name, bytes)| format!("{name} {}\n", hex(bytes)))
        .collect();
    if std::env::var("QUORATE_GOLDEN").is_ok_and(|mode| mode == "write") {
        fs::write(&path, &text).unwrap();
    }
    let frozen = fs::read_to_string(&path).unwrap();
    for (was, is) in frozen.lines().zip(text.lines()) {
        assert_eq!(was, is, "{file}");
    }
    assert_eq!(
        frozen.lines().count(),
        text.lines().count(),
        "{file} lacks a variant, or has one too many"
    );
    frozen
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, hex)| (name.into(), bytes(hex)))
        .collect()
}

#[test]
fn every_command_and_change_keeps_its_bytes() {
    let commands = samples::commands();
    let changes = samples::changes();
    let mut now: Vec<(String, Vec<u8>)> = commands
        .iter()
        .map(|command| (variants::command_name(command).into(), command.to_bytes()))
        .collect();
    now.extend(changes.iter().map(|change| {
        (
            format!("Administer.{}", variants::change_name(change)),
            samples::administer(change.clone()).to_bytes(),
        )
    }));
    let frozen = thaw("commands.txt", &now);
    for name in variants::declared(variants::COMMANDS, "Command") {
        assert!(frozen.contains_key(&name), "no frozen bytes of {name}");
    }
    for name in variants::declared(variants::CHANGES, "Change") {
        assert!(
            frozen.contains_key(&format!("Administer.{name}")),
            "no frozen bytes of {name}"
        );
    }
    let all = commands.into_iter().chain(changes.into_iter().map(samples::administer));
    for (command, (name, _)) in all.zip(&now) {
        assert_eq!(Command::from_bytes(&frozen[name]).unwrap(), command, "{name}");
    }
}

#[test]
fn every_outcome_refusal_and_reason_keeps_its_bytes() {
    let outcomes = samples::outcomes();
    let name = |(index, outcome): (usize, &Outcome)| format!("{}.{index}", variants::outcome_name(outcome));
    let now: Vec<_> = outcomes
        .iter()
        .enumerate()
        .map(|pair| (name(pair), pair.1.to_bytes()))
        .collect();
    let frozen = thaw("outcomes.txt", &now);
    for declared in variants::declared(variants::OUTCOMES, "Outcome") {
        assert!(
            frozen.keys().any(|name| name.starts_with(&format!("{declared}."))),
            "no frozen bytes of {declared}"
        );
    }
    let refusals = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Outcome::Refused(_)))
        .count();
    assert_eq!(
        refusals,
        variants::declared(variants::OUTCOMES, "Refusal").len(),
        "a refusal has no sample"
    );
    assert_eq!(
        Reason::ALL.len(),
        variants::declared(variants::OUTCOMES, "Reason").len(),
        "a reason is not in ALL"
    );
    for (outcome, (name, _)) in outcomes.iter().zip(&now) {
        assert_eq!(&Outcome::from_bytes(&frozen[name]).unwrap(), outcome, "{name}");
    }
}

/// Rows of a state with something in every table, among them records of the audit.
#[test]
fn the_image_keeps_its_bytes() {
    let state = samples::state();
    let now: Vec<_> = state.rows().map(|(key, value)| (hex(&key), value)).collect();
    let frozen = thaw("image.txt", &now);
    let tables: std::collections::BTreeSet<_> = frozen.keys().map(|key| key[..2].to_owned()).collect();
    assert_eq!(tables.len(), 26, "a table has no row in the sample");
    let read = State::from_rows(frozen.iter().map(|(key, value)| (bytes(key), value))).unwrap();
    assert!(read == state);
}
