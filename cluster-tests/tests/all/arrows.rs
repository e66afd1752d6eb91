//! The arrows of the house (docs/architecture.md): who may depend on whom, from cargo's own graph, and what a pure
//! crate may not even mention, from its sources.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// No crate on the left may depend on one on the right, however indirectly (dev-dependencies aside).
const FORBIDDEN: [(&str, &[&str]); 15] = [
    ("quorate-core", PERFORMS_IO),
    ("quorate-radius", PERFORMS_IO),
    ("quorate-seal", PERFORMS_IO),
    // What other products keep has nothing to do with what Quorate keeps.
    ("quorate-import", PERFORMS_IO),
    ("quorate-import", EVERY_OTHER),
    (
        "quorate-storage",
        &["quorate-core", "quorate-app", "quorate-raft", "openraft"],
    ),
    (
        "quorate-raft",
        &["quorate-core", "quorate-app", "quorate-seal", "quorate-radius"],
    ),
    (
        "quorate-app",
        &[
            "quorate-raft",
            "quorate-storage",
            "quorate-replica",
            "quorate-web",
            "quorate-net",
            "axum",
        ],
    ),
    ("quorate-api", &["quorate-core", "quorate-app", "axum", "tokio"]),
    (
        "quorate-net",
        &[
            "quorate-raft",
            "quorate-storage",
            "quorate-replica",
            "quorate-web",
            "quorate-api",
            "axum",
        ],
    ),
    (
        "quorate-web",
        &[
            "quorate-raft",
            "quorate-storage",
            "quorate-replica",
            "quorate-net",
            "quorate-radius",
        ],
    ),
    // Adapters: the composition root joins them to the use cases.
    ("quorate-directory", EVERY_OTHER),
    ("quorate-alerts", EVERY_OTHER),
    ("quorate-delivery", EVERY_OTHER),
    (
        "quorate-replica",
        &["quorate-radius", "quorate-web", "quorate-net", "quorate-api", "axum"],
    ),
];

/// For a crate that stands alone.
const EVERY_OTHER: &[&str] = &[
    "quorate-core",
    "quorate-radius",
    "quorate-seal",
    "quorate-app",
    "quorate-replica",
    "quorate-api",
    "quorate-web",
    "quorate-net",
    "quorate-raft",
    "quorate-storage",
    "axum",
    "prometheus",
];

/// What no pure crate may reach: runtimes, sockets, disks, clocks, sources of randomness, logs.
const PERFORMS_IO: &[&str] = &[
    "tokio",
    "mio",
    "async-std",
    "smol",
    "openraft",
    "quinn",
    "rustls",
    "raft-log",
    "hyper",
    "axum",
    "socket2",
    "getrandom",
    "rand",
    "fastrand",
    "tempfile",
    "chrono",
    "time",
    "tracing",
    "log",
    "prometheus",
    "quorate-app",
];

/// What the sources of a pure crate may not name.
const IMPURE: [&str; 9] = [
    "std::fs",
    "std::net::Udp",
    "std::net::Tcp",
    "std::process",
    "std::thread",
    "std::env",
    "SystemTime",
    "Instant::now",
    "println!",
];

/// What replicated state may not hold beside: its order differs from process to process.
const UNORDERED: [&str; 3] = ["HashMap", "HashSet", "RandomState"];

#[test]
fn forbidden_arrows_do_not_exist() {
    let mut broken = Vec::new();
    for (from, forbidden) in FORBIDDEN {
        let reached = reached_by(from);
        broken.extend(
            forbidden
                .iter()
                .filter(|to| reached.contains(**to))
                .map(|to| format!("{from} → {to}")),
        );
    }
    assert!(broken.is_empty(), "forbidden: {broken:?}");
}

#[test]
fn production_does_not_know_the_tools_and_only_the_binary_knows_everybody() {
    for member in members()
        .keys()
        .filter(|name| !["cluster-tests", "bench"].contains(&&name[..]))
    {
        let reached = reached_by(member);
        assert!(
            !reached.contains("cluster-tests") && !reached.contains("bench"),
            "{member} depends on a tool"
        );
        assert!(
            member == "quorate-directories" || !reached.contains("quorate-directories"),
            "{member} depends on the directories of the tests"
        );
        assert!(
            member == "quorate-mutants" || !reached.contains("quorate-mutants"),
            "{member} holds planted bugs without being asked to"
        );
        assert!(
            !reached.contains("quorate"),
            "{member} depends on the binary and so on its configuration"
        );
    }
}

#[test]
fn pure_crates_name_no_clock_socket_or_file() {
    for folder in ["node/core", "node/radius", "node/seal", "node/import"] {
        no_source_names(folder, &IMPURE);
    }
}

#[test]
fn replicated_state_has_no_hash_order() {
    no_source_names("node/core", &UNORDERED);
}

fn no_source_names(folder: &str, forbidden: &[&str]) {
    let mut sources = Vec::new();
    collect(&root().join(folder).join("src"), &mut sources);
    assert!(!sources.is_empty(), "{folder} has no sources");
    for file in sources {
        let text = fs::read_to_string(&file).expect("a source file");
        // Tests of a pure crate may count with whatever they like.
        let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for line in product.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let named = forbidden.iter().find(|word| line.contains(**word));
            assert!(named.is_none(), "{} names {named:?}: {}", file.display(), line.trim());
        }
    }
}

#[test]
fn every_crate_inherits_the_workspace_lints() {
    for (name, manifest) in members() {
        let text = fs::read_to_string(&manifest).expect("a manifest");
        let parsed: toml::Table = text.parse().expect("a manifest is TOML");
        let inherits = parsed
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .and_then(toml::Value::as_bool);
        assert_eq!(inherits, Some(true), "{name} has no `[lints] workspace = true`");
    }
}

/// Names of everything that `package` is built from. `cargo metadata` would unite the features of all members, so that
/// one crate's wish seems to be everyone's; `cargo tree` resolves the package by itself.
fn reached_by(package: &str) -> BTreeSet<String> {
    let tree = cargo(&[
        "tree",
        "-p",
        package,
        "-e",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
        "--locked",
        "--offline",
    ]);
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    names
        .filter(|name| !name.is_empty() && *name != package)
        .map(str::to_owned)
        .collect()
}

/// Workspace members, with their manifests.
fn members() -> BTreeMap<String, PathBuf> {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline"]))
            .expect("cargo metadata prints JSON");
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| (text(&package["name"]), text(&package["manifest_path"]).into()))
        .collect()
}

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "cargo {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("cargo speaks UTF-8")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
            .to_owned();
        if path.is_dir() && name != "tests" {
            collect(&path, into);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            into.push(path);
        }
    }
}
