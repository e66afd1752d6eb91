//! Golden dialogues: each file under `dialogues/` is a script whose output is written below its
//! lines, indented. The test plays the script again and compares every octet.
//!
//! Lines of a script (words are separated by spaces; `_` in a text stands for a space):
//!   `secret TEXT`            both sides use this secret from here on
//!   `server TEXT`            only the server uses this secret from here on
//!   `ask KEY=VALUE …`        the NAS builds a request; prints the datagram
//!   `probe KEY=VALUE …`      the NAS builds a Status-Server; prints the datagram
//!   `receive [HEX]`          the server reads the last request, or this one; prints what it sees
//!   `accept|reject KEY=VALUE …`, `challenge state=HEX KEY=VALUE …`   the server answers; prints the datagram
//!   `verify [HEX]`           the NAS checks the last answer, or this one; prints what it sees
//! Keys: `id`, `auth` (32 hex digits), `user`, `password`, `state` (hex), `nas`, `message`,
//! `unsigned`, or an attribute's number with hex octets (`33=01ff`).
//!
//! `UPDATE_GOLDEN=1 cargo test -p quorate-radius --test dialogues` writes the output anew; read the
//! diff before you commit it.

#![allow(clippy::unwrap_used)] // a panic here is a failing test

use std::fmt::Write as _;
use std::path::Path;

use quorate_radius::client::{Request, Sent};
use quorate_radius::{AccessRequest, AttributeType, Packet, Reply, ReplyTo, SharedSecret};

#[test]
fn every_dialogue_reads_as_it_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues");
    let mut played = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let written = std::fs::read_to_string(&path).unwrap();
        let heard = play(&written);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &heard).unwrap();
        } else {
            assert_eq!(heard, written, "{}", path.display());
        }
        played += 1;
    }
    assert!(played >= 6, "dialogues are missing: only {played} found");
}

fn play(script: &str) -> String {
    let mut stage = Stage::new();
    let mut out = String::new();
    for line in script.lines().filter(|line| !line.starts_with("  ")) {
        writeln!(out, "{line}").unwrap();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        for said in stage.perform(line) {
            writeln!(out, "  {said}").unwrap();
        }
    }
    out
}

struct Stage {
    nas: SharedSecret,
    server: SharedSecret,
    sent: Option<Sent>,
    received: Vec<u8>,
    answered: Vec<u8>,
}

impl Stage {
    fn new() -> Self {
        let none = SharedSecret::new(b"");
        Self {
            nas: none.clone(),
            server: none,
            sent: None,
            received: vec![],
            answered: vec![],
        }
    }

    fn perform(&mut self, line: &str) -> Vec<String> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "secret" => {
                self.nas = SharedSecret::new(rest.as_bytes());
                self.server = self.nas.clone();
                vec![]
            }
            "server" => {
                self.server = SharedSecret::new(rest.as_bytes());
                vec![]
            }
            "ask" | "probe" => self.ask(verb, rest),
            "receive" => self.receive(rest),
            "accept" | "reject" | "challenge" => self.answer(verb, rest),
            "verify" => vec![self.verify(rest)],
            other => panic!("no such line: {other}"),
        }
    }

    fn ask(&mut self, verb: &str, rest: &str) -> Vec<String> {
        let (mut identifier, mut authenticator) = (0, [0; 16]);
        let mut request = match verb {
            "probe" => Request::status_server(),
            _ => Request::access(text(value_of(rest, "user").unwrap_or_default()).as_bytes()),
        };
        for (key, value) in pairs(rest) {
            request = match key {
                "user" => request,
                "id" => {
                    identifier = value.parse().unwrap();
                    request
                }
                "auth" => {
                    authenticator = unhex(value).try_into().unwrap();
                    request
                }
                "password" => request.password(text(value).as_bytes()),
                "state" => request.state(&unhex(value)),
                "nas" => request.nas_identifier(&text(value)),
                "unsigned" => request.unsigned(),
                number => request.attribute(AttributeType(number.parse().unwrap()), &unhex(value)),
            };
        }
        match request.encode(identifier, authenticator, &self.nas) {
            Ok(sent) => {
                self.received = sent.datagram().to_vec();
                self.sent = Some(sent);
                hex_lines(&self.received)
            }
            Err(problem) => vec![format!("error: {problem}")],
        }
    }

    fn receive(&mut self, hex: &str) -> Vec<String> {
        if !hex.is_empty() {
            self.received = unhex(hex);
        }
        let packet = match Packet::decode(&self.received) {
            Ok(packet) => packet,
            Err(problem) => return vec![format!("dropped: {problem}")],
        };
        let signature = packet.message_authenticator(&self.server);
        let mut said = vec![format!("{:?}, Message-Authenticator {signature:?}", packet.code())];
        match AccessRequest::parse(&packet, &self.server) {
            Ok(request) => said.push(describe(&request)),
            Err(problem) if problem.is_answered() => said.push(format!("to reject: {problem}")),
            Err(problem) => said.push(format!("to drop: {problem}")),
        }
        said
    }

    fn answer(&mut self, verb: &str, rest: &str) -> Vec<String> {
        let mut reply = match verb {
            "accept" => Reply::accept(),
            "reject" => Reply::reject(),
            _ => Reply::challenge(&unhex(value_of(rest, "state").unwrap())),
        };
        for (key, value) in pairs(rest).filter(|(key, _)| *key != "state") {
            reply = match key {
                "message" => reply.message(&text(value)),
                number => reply.attribute(AttributeType(number.parse().unwrap()), &unhex(value)),
            };
        }
        let request = ReplyTo::of(&Packet::decode(&self.received).unwrap());
        match reply.encode_signed(&request, &self.server) {
            Ok(datagram) => {
                self.answered = datagram;
                hex_lines(&self.answered)
            }
            Err(problem) => vec![format!("error: {problem}")],
        }
    }

    fn verify(&mut self, hex: &str) -> String {
        if !hex.is_empty() {
            self.answered = unhex(hex);
        }
        let sent = self.sent.as_ref().expect("nothing was asked");
        match sent.verify_leniently(&self.answered, &self.nas) {
            Ok(answer) => {
                let state = answer.state.as_deref().map_or("none".into(), hex_of);
                let (code, signed, messages) = (answer.code, answer.signed, answer.messages);
                format!("{code:?}, signed {signed}, state {state}, messages {messages:?}")
            }
            Err(problem) => format!("error: {problem}"),
        }
    }
}

fn describe(request: &AccessRequest) -> String {
    let text = |octets: &[u8]| octets.escape_ascii().to_string();
    let optional = |octets: &Option<Vec<u8>>| octets.as_deref().map_or("none".into(), text);
    format!(
        "user {} password {} state {} nas {} calling {}",
        text(&request.user_name),
        text(&request.password),
        request.state.as_deref().map_or("none".into(), hex_of),
        optional(&request.nas_identifier),
        optional(&request.calling_station_id),
    )
}

fn pairs(rest: &str) -> impl Iterator<Item = (&str, &str)> {
    rest.split_whitespace()
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn value_of<'a>(rest: &'a str, key: &str) -> Option<&'a str> {
    pairs(rest).find(|(found, _)| *found == key).map(|(_, value)| value)
}

fn text(value: &str) -> String {
    value.replace('_', " ")
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    assert!(digits.len().is_multiple_of(2), "half an octet in {text}");
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

fn hex_of(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn hex_lines(datagram: &[u8]) -> Vec<String> {
    datagram.chunks(32).map(hex_of).collect()
}
