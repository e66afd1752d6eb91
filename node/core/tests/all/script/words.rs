//! Words of a script line: `name key=value key="two words" flag`.

use std::collections::BTreeMap;

use quorate_core::{Fingerprint, Sealed};

/// FNV-1a: the id of a name, the same for ever.
pub fn id(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

pub fn digest(name: &str) -> [u8; 16] {
    let mut digest = [0; 16];
    digest[..8].copy_from_slice(&id(name).to_be_bytes());
    digest[8..].copy_from_slice(&id(&format!("{name}'")).to_be_bytes());
    digest
}

pub fn fingerprint(name: &str) -> Fingerprint {
    Fingerprint(digest(name))
}

pub fn sealed(text: &str) -> Sealed {
    Sealed(text.as_bytes().into())
}

/// `90s` or `1500ms`.
pub fn duration_ms(text: &str) -> u64 {
    match text.strip_suffix("ms") {
        Some(ms) => ms.parse().unwrap(),
        None => text.strip_suffix('s').unwrap().parse::<u64>().unwrap() * 1_000,
    }
}

pub struct Words {
    pub plain: Vec<String>,
    pub keyed: BTreeMap<String, String>,
}

impl Words {
    pub fn parse(line: &str) -> Self {
        let mut words = Words {
            plain: Vec::new(),
            keyed: BTreeMap::new(),
        };
        for word in split(line) {
            match word.split_once('=') {
                Some((key, value)) => drop(words.keyed.insert(key.into(), value.into())),
                None => words.plain.push(word),
            }
        }
        words
    }

    pub fn key(&self, key: &str) -> Option<&str> {
        self.keyed.get(key).map(String::as_str)
    }

    pub fn or(&self, key: &str, default: &str) -> String {
        self.key(key).unwrap_or(default).into()
    }

    pub fn number(&self, key: &str, default: u64) -> u64 {
        self.key(key).map_or(default, |value| value.parse().unwrap())
    }
}

/// Words are separated by spaces that are not between quotes; the quotes go.
fn split(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for char in line.chars() {
        match char {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            char => words.last_mut().unwrap().push(char),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
