//! Golden scripts: text files of `> command` lines, each followed by what came of it.
//!
//! Names stand for ids (hashed, so that they never change), passwords and seeds are in clear where the real thing is
//! sealed, and `{phone}` in a typed field is the current code of token `phone`, `{phone-1}` the one before.
//! `QUORATE_GOLDEN=write cargo test -p quorate-core` writes what came of it into the files; read the difference.

#![allow(dead_code, reason = "not every test binary uses every part")]

mod admin;
mod audit;
pub mod devices;
pub mod enrolling;
mod login;
mod passwords;
mod pending;
mod roles;
mod rules;
mod sending;
mod show;
mod tokens;
mod verdict;
pub mod words;

use std::{collections::BTreeSet, fmt::Write, fs, path::Path};

use quorate_core::{Command, Level, Outcome, Stamp, State, apply};

use self::words::Words;

/// 2025-10-09T12:00:00Z: the first millisecond of a timestep, so that `now` is easy to count from.
pub const START_MS: u64 = 1_760_011_200_000;

/// The state a script has come to, and what it used on the way.
pub struct World {
    pub state: State,
    pub now_ms: u64,
    pub used: BTreeSet<&'static str>,
    pub conversations: std::collections::BTreeMap<String, quorate_core::login::OpenedState>,
    /// Every code that was sent, by token, the newest last.
    pub sent: std::collections::BTreeMap<quorate_core::TokenId, Vec<String>>,
    /// Codes that were made, sent or not.
    pub codes_made: u64,
    requests: u64,
    out: String,
}

impl World {
    pub fn new() -> Self {
        World {
            state: State::new(),
            now_ms: START_MS,
            used: BTreeSet::new(),
            conversations: Default::default(),
            sent: Default::default(),
            codes_made: 0,
            requests: 0,
            out: String::new(),
        }
    }

    /// A fingerprint of its own for every request that names none.
    pub fn next_request(&mut self) -> String {
        self.requests += 1;
        format!("request {}", self.requests)
    }

    pub fn say(&mut self, line: impl std::fmt::Display) {
        writeln!(self.out, "{line}").unwrap();
    }

    /// Applies a command through its bytes, as a node does.
    pub fn apply(&mut self, command: &Command) -> Outcome {
        self.used.insert(crate::variants::command_name(command));
        if let Command::Administer(administer) = command {
            self.used
                .extend(administer.changes.iter().map(crate::variants::change_name));
        }
        apply(
            &mut self.state,
            Level::FIRST,
            Stamp { ms: self.now_ms },
            &command.to_bytes(),
        )
        .unwrap()
    }

    /// What was said last.
    pub fn last_words(&self) -> &str {
        self.out.lines().last().unwrap_or_default()
    }

    /// Whether there is a token of this name.
    pub fn holds(&self, token: &str) -> bool {
        self.state.token(quorate_core::TokenId(words::id(token))).is_some()
    }

    /// Whether a code was sent to the address of a token.
    pub fn has_sent(&self, token: &str) -> bool {
        self.sent.contains_key(&quorate_core::TokenId(words::id(token)))
    }

    pub fn apply_and_say(&mut self, command: &Command) {
        let outcome = self.apply(command);
        self.say(show::outcome(&outcome));
    }

    pub fn run_line(&mut self, line: &str) {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "wait" => self.now_ms += words::duration_ms(rest),
            "back" => self.now_ms -= words::duration_ms(rest),
            "genesis"
            | "admin"
            | "join-token"
            | "spend"
            | "remove-node"
            | "summarize"
            | "admit-successor"
            | "sync"
            | "leave"
            | "complete-replacement" => self.administer(verb, rest),
            "fill" | "sign" | "prune" => self.audit(verb, &Words::parse(rest)),
            "consume" | "accept" | "fail" => self.verdict(verb, &Words::parse(rest)),
            "login" => self.login(rest),
            "own" => self.own_password(&Words::parse(rest)),
            "remember" => self.remember(&Words::parse(rest)),
            "rehash" => self.rehash(&Words::parse(rest)),
            "send-code" | "queue" | "report" => self.sending(verb, &Words::parse(rest)),
            "trust" => self.trust(&Words::parse(rest)),
            "plan" => self.plan(&Words::parse(rest)),
            "try" | "confirm" | "take-back" | "overdue" => self.pending(verb, rest),
            "show" => self.show(rest),
            other => panic!("no such command in golden scripts: {other}"),
        }
    }
}

/// Runs a script and compares it with what it says, or writes it. Returns the variants that it used.
pub fn run_file(path: &Path) -> BTreeSet<&'static str> {
    let script = fs::read_to_string(path).unwrap();
    let mut world = World::new();
    let mut result = String::new();
    for line in script
        .lines()
        .filter(|line| line.is_empty() || line.starts_with(['>', '#']))
    {
        result.push_str(line);
        result.push('\n');
        if let Some(command) = line.strip_prefix("> ") {
            world.out.clear();
            world.run_line(command);
            result.push_str(&world.out);
        }
    }
    if std::env::var("QUORATE_GOLDEN").is_ok_and(|mode| mode == "write") {
        fs::write(path, &result).unwrap();
    }
    let differs = script.lines().zip(result.lines()).find(|(said, came)| said != came);
    let same_length = script.lines().count() == result.lines().count();
    if std::env::var("QUORATE_GOLDEN").is_err() {
        assert!(
            differs.is_none(),
            "{}: the script says and it came: {differs:#?}",
            path.display()
        );
        assert!(
            same_length,
            "{}: more or less came of it than the script says:\n{result}",
            path.display()
        );
    }
    world.used
}
