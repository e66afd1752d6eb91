//! Verdicts of scripts: what a judging node would propose, with every revision open to be wrong.

use quorate_core::{
    ApplicationId, ClientId, Command, ConversationId, Failure, Judged, LoginFacts, Method, NodeId, ProofDigest,
    Revision, TokenId, UserId, UserName, command::*, method::Use, otp,
};

use super::{
    World, tokens,
    words::{Words, digest, duration_ms, fingerprint, id},
};

impl World {
    /// `consume vpn alice phone step=now` (or `step=7`, `step=slot2`, `step=once`), `accept vpn alice`, `fail vpn alice WrongCode`.
    pub fn verdict(&mut self, verb: &str, words: &Words) {
        let judged = self.judged(words);
        let third = words.plain.get(2).map_or("", String::as_str);
        let command = match verb {
            "consume" => {
                let used = tokens::used(self, &words.or("step", "now"));
                let codes = words.plain[2..].iter().map(|name| self.proof(name, used)).collect();
                Command::ConsumeCode(ConsumeCode { judged, codes })
            }
            "accept" => Command::AcceptSingleFactor(AcceptSingleFactor { judged }),
            "fail" => Command::RecordFailure(RecordFailure {
                judged,
                failure: failure(third),
            }),
            other => unreachable!("{other}"),
        };
        self.apply_and_say(&command);
    }

    fn proof(&self, token: &str, used: Use) -> CodeProof {
        let token = TokenId(id(token));
        let revision = self.state.token(token).map_or(Revision(0), |token| token.revision);
        CodeProof { token, revision, used }
    }

    /// `now`, `now-2`, `now+1`, or a number.
    pub fn timestep(&self, text: &str) -> u64 {
        let now = otp::timestep(self.now_ms, 30);
        match text.strip_prefix("now") {
            Some("") => now,
            Some(offset) => now.checked_add_signed(offset.parse().unwrap()).unwrap(),
            None => text.parse().unwrap(),
        }
    }

    pub fn judged(&mut self, words: &Words) -> Judged {
        let next = self.next_request();
        let state = &self.state;
        let (client, user) = (&words.plain[0], &words.plain[1]);
        let stale = |what: &str| if words.key("stale") == Some(what) { 1_000 } else { 0 };
        let client = state.client(ClientId(id(client)));
        let named = words.key("application").map(|name| ApplicationId(id(name)));
        let application = client.and_then(|client| state.application(named.unwrap_or(client.application)));
        let user_id = UserId(id(user));
        let user = state.user(user_id);
        let conversation = words.key("conversation").map(|name| ConversationId(digest(name)));
        let received_ms = match (words.key("age"), words.key("ahead")) {
            (Some(age), _) => self.now_ms - duration_ms(age),
            (_, Some(ahead)) => self.now_ms + duration_ms(ahead),
            _ => self.now_ms,
        };
        Judged {
            recalled_ms: None,
            fingerprint: fingerprint(words.key("request").unwrap_or(&next)),
            conversation,
            proof: conversation.map(|_| ProofDigest(digest(&words.or("proof", "proof")))),
            client: client.map_or(ClientId(1), |client| client.id),
            client_revision: client.map_or(Revision(0), |client| Revision(client.revision.0 + stale("client"))),
            application: application.map_or(ApplicationId(1), |application| application.id),
            application_revision: application.map_or(Revision(0), |application| {
                Revision(application.revision.0 + stale("application"))
            }),
            policy_revision: Revision(state.policy().revision.0 + stale("policy")),
            user: user.map(|user| (user.id, Revision(user.revision.0 + stale("user")))),
            absent: words.key("absent").map(|name| UserName::new("", name)),
            password_revision: user
                .filter(|_| words.key("password") != Some("none"))
                .map(|user| Revision(user.password_revision.0 + stale("password"))),
            received_ms,
            retention_ms: words.number("retention", 120_000),
            facts: LoginFacts {
                user_name: words.plain[1].as_bytes().into(),
                source: "192.0.2.1".parse().unwrap(),
                calling_station_id: words.key("station").map(|station| station.as_bytes().into()),
                nas_identifier: None,
                node: NodeId(1),
                method: Method::TwoStep,
                attributes: super::rules::attributes(words),
            },
            browser: super::devices::browser(words),
        }
    }
}

fn failure(name: &str) -> Failure {
    match name {
        "UnknownUser" => Failure::UnknownUser,
        "WrongPassword" => Failure::WrongPassword,
        "WrongCode" => Failure::WrongCode,
        "MalformedCode" => Failure::MalformedCode,
        "NoToken" => Failure::NoToken,
        other => panic!("no such failure in golden scripts: {other}"),
    }
}
