//! Codes that are sent, of scripts: the shell that makes them, administrators who have one sent, reports, gateways.

use quorate_core::{
    Actor, Asker, Channel, CodeId, Command, ConversationId, NodeId, Outcome, Report, Sealed, TokenId,
    change::GatewaySettings,
    command::{QueueCode, ReportMessage},
    login::{NewCode, SendCode, Step},
    method,
};

use super::{
    World, show,
    words::{Words, digest, fingerprint, id, sealed},
};

impl World {
    /// What a node does: makes a code, has it queued, and sends it if it is the one that was.
    pub fn send(&mut self, send: SendCode) -> Step {
        let new = self.make_code(send.token().kind.channel());
        let (id, token, name) = (new.id, send.token().id, send.token().name.clone());
        let outcome = self.apply(&send.command(new));
        let queued = show::outcome(&outcome);
        self.say(format_args!(
            "send a code to {name}: {queued}{}",
            self.carried(id, token, &outcome)
        ));
        self.note(id, token, &outcome);
        send.answer(&outcome)
    }

    /// `send-code mobile`: an administrator wants to see a code. `queue vpn alice mobile [code=3]`: a node that judged a login.
    /// `report mobile sent`.
    pub fn sending(&mut self, verb: &str, words: &Words) {
        let name = words.plain[if verb == "queue" { 2 } else { 0 }].clone();
        let token = TokenId(id(&name));
        if verb == "report" {
            return self.report(token, &words.plain[1], NodeId(words.number("node", 1)));
        }
        let channel = self.state.token(token).and_then(|token| token.kind.channel());
        let new = self.make_code(channel);
        let next = self.next_request();
        let request = fingerprint(words.key("request").unwrap_or(&next));
        let asker = match verb {
            "queue" => Asker::Login {
                judged: self.judged(words),
                conversation: ConversationId(digest(&words.or("conversation", "conversation"))),
            },
            _ => Asker::Administrator(Actor::Root { uid: 0 }),
        };
        let command = Command::QueueCode(QueueCode {
            request,
            asker,
            token,
            token_revision: self
                .state
                .token(token)
                .map_or(quorate_core::Revision(0), |token| token.revision),
            code: new.id,
            verifier: new.verifier,
            prefix: words.key("prefix").map(digest).or(new.prefix),
            chosen: false,
            node: NodeId(words.number("node", 1)),
        });
        let outcome = self.apply(&command);
        let carried = self.carried(new.id, token, &outcome);
        self.say(format_args!("{}{carried}", show::outcome(&outcome)));
        self.note(new.id, token, &outcome);
    }

    fn report(&mut self, token: TokenId, report: &str, node: NodeId) {
        let sent = self.state.sent_code(token).unwrap();
        let command = Command::ReportMessage(ReportMessage {
            request: sent.request,
            code: sent.id,
            node,
            report: match report {
                "sent" => Report::Sent { gateway: None },
                "failed" => Report::Failed,
                _ => Report::Unknown,
            },
            attempts: 1,
        });
        self.apply_and_say(&command);
    }

    /// The third code that is made has the number 3 and the digits 000003, twice shifted so that codes differ in all places.
    fn make_code(&mut self, channel: Option<Channel>) -> NewCode {
        self.codes_made += 1;
        let id = CodeId(self.codes_made);
        NewCode {
            id,
            verifier: Sealed::from(method::verifiers(digest("salt"), [digits(id).as_bytes()])),
            prefix: channel
                .filter(|channel| *channel != Channel::Email)
                .map(|_| digest("+49 17")),
        }
    }

    fn carried(&self, id: CodeId, token: TokenId, outcome: &Outcome) -> String {
        let before = self.sent.get(&token).map_or(0, Vec::len);
        match *outcome == (Outcome::Queued { code: id }) {
            true => format!(", message {} goes out", before + 1),
            false => ", nothing goes out".into(),
        }
    }

    fn note(&mut self, id: CodeId, token: TokenId, outcome: &Outcome) {
        if *outcome == (Outcome::Queued { code: id }) {
            self.sent.entry(token).or_default().push(digits(id));
        }
    }
}

pub fn digits(id: CodeId) -> String {
    format!("{:06}", id.0 * 111_111 % 1_000_000)
}

/// `create-gateway provider channels=sms|voice priority=10`.
pub fn gateway(words: &Words, name: Box<str>) -> GatewaySettings {
    GatewaySettings {
        name,
        channels: words
            .or("channels", "sms")
            .split('|')
            .filter_map(Channel::of_label)
            .collect(),
        priority: words.number("priority", 10) as u16,
        settings: sealed(&words.or("settings", "settings")),
    }
}
