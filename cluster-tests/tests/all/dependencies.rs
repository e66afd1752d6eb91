//! Licences and sources of everything that is built, against deny.toml: what `cargo deny` checks, without the tool.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

#[test]
fn every_dependency_has_an_allowed_licence() {
    let allowed = allowed("licenses", "allow");
    let refused: Vec<String> = packages()
        .iter()
        .filter(|package| !permits(package["license"].as_str().unwrap_or_default(), &allowed))
        .map(|package| format!("{} ({})", package["name"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "not in deny.toml: {refused:?}");
}

#[test]
fn every_dependency_comes_from_an_allowed_source() {
    let allowed = allowed("sources", "allow-registry");
    for package in packages() {
        let Some(source) = package["source"].as_str() else {
            continue;
        };
        let known = source
            .strip_prefix("registry+")
            .is_some_and(|registry| allowed.contains(&registry.to_owned()));
        assert!(known, "{} comes from {source}", package["name"]);
    }
}

#[test]
fn banned_crates_are_not_built() {
    let deny = deny();
    let banned: Vec<&str> = deny["bans"]["deny"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|ban| ban["name"].as_str())
        .collect();
    let used: Vec<String> = packages()
        .iter()
        .filter_map(|package| package["name"].as_str())
        .filter(|name| banned.contains(name))
        .map(str::to_owned)
        .collect();
    assert!(used.is_empty(), "banned in deny.toml: {used:?}");
}

#[test]
fn licence_expressions_are_understood() {
    let allowed: Vec<String> = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "MPL-2.0"]
        .map(str::to_owned)
        .into();
    for right in [
        "MIT",
        "MIT/GPL-3.0",
        "GPL-2.0 OR MIT",
        "(MIT OR GPL-3.0) AND Apache-2.0",
        "MPL-2.0+",
    ] {
        assert!(permits(right, &allowed), "{right}");
    }
    assert!(permits("Apache-2.0 WITH LLVM-exception OR GPL-3.0", &allowed));
    for wrong in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR Apache-2.0) AND (GPL-3.0 OR OpenSSL)",
        "GPL-3.0 WITH MIT",
    ] {
        assert!(!permits(wrong, &allowed), "{wrong}");
    }
}

/// Whether an SPDX expression (or the older `A/B`) can be satisfied with the allowed licences alone.
fn permits(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = &words[..];
    let holds = any_of(&mut rest, allowed);
    holds && rest.is_empty()
}

fn any_of(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut holds = all_of(rest, allowed);
    while let ["OR", after @ ..] = *rest {
        *rest = after;
        holds |= all_of(rest, allowed);
    }
    holds
}

fn all_of(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut holds = one(rest, allowed);
    while let ["AND", after @ ..] = *rest {
        *rest = after;
        holds &= one(rest, allowed);
    }
    holds
}

fn one(rest: &mut &[&str], allowed: &[String]) -> bool {
    let is_allowed = |licence: &str| allowed.iter().any(|known| known == licence.trim_end_matches('+'));
    match *rest {
        ["(", after @ ..] => {
            *rest = after;
            let holds = any_of(rest, allowed);
            let closed = rest.first() == Some(&")");
            *rest = rest.get(1..).unwrap_or_default();
            holds && closed
        }
        [licence, "WITH", exception, after @ ..] => {
            *rest = after;
            is_allowed(&format!("{licence} WITH {exception}"))
        }
        [licence, after @ ..] => {
            *rest = after;
            is_allowed(licence)
        }
        [] => false,
    }
}

fn deny() -> toml::Table {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deny.toml");
    fs::read_to_string(file)
        .expect("deny.toml")
        .parse()
        .expect("deny.toml is TOML")
}

fn allowed(section: &str, list: &str) -> Vec<String> {
    let deny = deny();
    let entries = deny[section][list].as_array().expect("a list");
    entries
        .iter()
        .filter_map(|entry| entry.as_str())
        .map(str::to_owned)
        .collect()
}

fn packages() -> Vec<Value> {
    let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--offline",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    metadata["packages"].as_array().expect("packages").clone()
}
