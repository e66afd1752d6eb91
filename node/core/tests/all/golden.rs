//! Runs every golden script, and knows which commands and changes none of them uses.

use crate::{script, variants};
use std::{collections::BTreeSet, fs, path::PathBuf};

fn scripts() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

#[test]
fn scripts_come_to_what_they_say_and_use_every_command_and_change() {
    let used: BTreeSet<&str> = scripts().iter().flat_map(|path| script::run_file(path)).collect();
    let declared = [
        variants::declared(variants::COMMANDS, "Command"),
        variants::declared(variants::CHANGES, "Change"),
    ];
    let unused: Vec<_> = declared
        .concat()
        .into_iter()
        .filter(|name| !used.contains(name.as_str()))
        .collect();
    assert_eq!(unused, Vec::<String>::new(), "no golden script uses these");
}
