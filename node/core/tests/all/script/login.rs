//! Login dialogues of scripts: the shell that performs steps, with passwords and seeds in clear.

use quorate_core::{
    ClientId, Command, Failure, NodeId, ProofDigest, TokenId, Used, UserName, limits,
    login::{self, Decision, DirectorySays, OpenedState, Opening, Request, Step},
    method::Use,
};
use zeroize::Zeroizing;

use super::{
    World, devices, enrolling, rules, show, tokens,
    words::{Words, digest, duration_ms, fingerprint, id},
};

impl World {
    /// `login vpn alice "typed field" [state=NAME] [save=NAME] [request=NAME] [age=5s] [seen=STATE]`.
    pub fn login(&mut self, line: &str) {
        let words = Words::parse(line);
        let request = self.request(&words);
        let opened = words
            .key("state")
            .map(|name| self.conversations.get(name).cloned().unwrap_or(OpenedState::Unreadable));
        let mut step = match opened.clone() {
            None => login::start(&self.state, request.clone()),
            Some(opened) => login::resume(&self.state, opened, request.clone()),
        };
        loop {
            step = match step {
                // A script's directory knows the password "pw", and says so of the names that end in its word for a state.
                Step::CheckPassword(check) if words.key("down").is_some() && check.directory().is_some() => {
                    let name = check.name().to_owned();
                    let Some(remembered) = check.recalled() else {
                        self.say(format_args!("ask directory about {name}: it is down"));
                        self.say("=> silence");
                        return;
                    };
                    let said = match remembered.verifier.as_bytes() == check.candidate() {
                        true => DirectorySays::Recalled,
                        false => DirectorySays::Wrong,
                    };
                    self.say(format_args!(
                        "ask directory about {name}: it is down; by memory: {said:?}"
                    ));
                    check.answer_of_directory(said)
                }
                Step::CheckPassword(check) if check.directory().is_some() => {
                    let name = check.name().to_owned();
                    let said = match (check.candidate(), &*name) {
                        (b"pw", name) if name.ends_with("locked") => DirectorySays::Refuses(Failure::LockedInDirectory),
                        (b"pw", name) if name.ends_with("old") => DirectorySays::Refuses(Failure::PasswordExpired),
                        (b"pw", name) if name.ends_with("due") => DirectorySays::Due,
                        (typed, name) if name.ends_with("due") && typed.len() > 100 => DirectorySays::Due,
                        (b"pw", _) => DirectorySays::Right,
                        _ => DirectorySays::Wrong,
                    };
                    let known = if check.user().is_some() {
                        ""
                    } else {
                        ", who is nobody here"
                    };
                    self.say(format_args!("ask directory about {name}{known}: {said:?}"));
                    check.answer_of_directory(said)
                }
                Step::CheckPassword(check) => {
                    let right = check
                        .verifier()
                        .is_some_and(|verifier| verifier.as_bytes() == check.candidate());
                    let stand_in = if check.verifier().is_none() {
                        " by a stand-in"
                    } else {
                        ""
                    };
                    let typed = String::from_utf8_lossy(check.candidate()).into_owned();
                    self.say(format_args!(
                        "check password {typed:?}{stand_in}: {}",
                        if right { "right" } else { "wrong" }
                    ));
                    check.answer(right)
                }
                Step::MatchCode(code) => {
                    let open = |opening: Opening<'_>| {
                        let secret = match opening {
                            Opening::StandIn => b"stand-in",
                            Opening::Token(token) => token.secret.as_bytes(),
                            Opening::Sent(sent) => sent.verifier.as_bytes(),
                            Opening::Pin(_, pin) => pin.verifier.as_bytes(),
                        };
                        Some(Zeroizing::new(secret.to_vec()))
                    };
                    let matched = code.matching(open);
                    let stand_in = if code.candidates().is_empty() {
                        " by a stand-in"
                    } else {
                        ""
                    };
                    let found = matched.map_or("no match".into(), |(token, used)| self.found(token, used));
                    self.say(format_args!("match code{stand_in}: {found}"));
                    code.answer(matched)
                }
                Step::SendCode(send) => self.send(send),
                Step::JudgeNewPassword(judge) => self.judge_new_password(judge),
                Step::RenewPassword(set) => match self.set_new_password(set) {
                    // What the shell does once its own state has the change.
                    Step::JudgeAgain => {
                        self.say("judge again");
                        login::resume(&self.state, opened.clone().unwrap(), request.clone())
                    }
                    step => step,
                },
                Step::MakeKey(make) => {
                    self.say("make key");
                    make.answer(&enrolling::KEY)
                }
                Step::EnrolToken(enrol) => self.enrol_token(enrol),
                Step::Propose(propose) => {
                    let outcome = self.apply(propose.command());
                    let proposed = match propose.command() {
                        Command::RecordFailure(record) => format!("RecordFailure {:?}", record.failure),
                        other => crate::variants::command_name(other).to_owned(),
                    };
                    self.say(format_args!("propose {proposed}: {}", show::outcome(&outcome)));
                    propose.answer(&outcome)
                }
                Step::SealState(seal) => {
                    let bytes = seal.conversation().to_bytes();
                    assert!(
                        bytes.len() <= limits::CONVERSATION_BYTES,
                        "a State attribute must hold it"
                    );
                    let opened = login::Conversation::from_bytes(&bytes).unwrap();
                    if let Some(name) = words.key("save") {
                        self.conversations
                            .insert(name.into(), OpenedState::Conversation(opened.into()));
                    }
                    self.say("seal state");
                    seal.answer(bytes.to_vec())
                }
                Step::JudgeAgain => return self.say("judge again"),
                Step::Finish(decision) => return self.say(decided(&decision)),
            }
        }
    }

    fn request(&mut self, words: &Words) -> Request {
        let next = self.next_request();
        let field = self.fill_in_codes(&words.plain.get(2).cloned().unwrap_or_default());
        let user = &words.plain[1];
        Request {
            client: ClientId(id(&words.plain[0])),
            user: Some(match user.split_once('@') {
                Some((name, domain)) => UserName::new(domain, name),
                None => UserName::new("", user),
            }),
            user_name: words.or("typed", user).as_bytes().into(),
            proof: ProofDigest(digest(&field)),
            field: Zeroizing::new(field.into_bytes()),
            fingerprint: fingerprint(words.key("request").unwrap_or(&next)),
            received_ms: self.now_ms - words.key("age").map_or(0, duration_ms),
            node: NodeId(words.number("node", 1)),
            source: "192.0.2.1".parse().unwrap(),
            calling_station_id: words.key("station").map(|station| station.as_bytes().into()),
            nas_identifier: words.key("nas").map(|nas| nas.as_bytes().into()),
            attributes: rules::attributes(words),
            browser: devices::browser(words),
        }
    }

    /// Replaces `{phone}` by the current code of the token, `{phone-1}` by the one before, `{!phone}` by a wrong one.
    pub fn fill_in_codes(&self, field: &str) -> String {
        let Some((before, rest)) = field.split_once('{') else {
            return field.into();
        };
        let (inside, after) = rest.split_once('}').unwrap();
        let wrong = inside.starts_with('!');
        let inside = inside.trim_start_matches('!');
        if inside == "enrol" {
            return format!(
                "{before}{}{}",
                enrolling::first_code(self.now_ms),
                self.fill_in_codes(after)
            );
        }
        let (name, offset) = match inside.find(['+', '-']) {
            Some(place) => inside.split_at(place),
            None => (inside, ""),
        };
        let token = self.state.token(TokenId(id(name))).unwrap();
        let mut code = tokens::code(self, token, name, offset);
        if wrong {
            let last = code.pop().unwrap();
            code.push(match last {
                '0'..='8' => char::from(last as u8 + 1),
                '9' => '0',
                'c' => 'd',
                _ => 'c',
            });
        }
        format!("{before}{code}{}", self.fill_in_codes(after))
    }

    fn found(&self, token: TokenId, used: Use) -> String {
        let name = &self.state.token(token).unwrap().name;
        match (self.state.token(token).unwrap().used, used) {
            (Used::Time { .. }, Use::Counter(timestep)) => {
                let offset = timestep as i64 - self.timestep("now") as i64;
                format!("{name} at now{offset:+}")
            }
            (_, used) => format!("{name} by {used:?}"),
        }
    }
}

fn decided(decision: &Decision) -> String {
    match decision {
        Decision::Accept => "=> Access-Accept".into(),
        Decision::Reject { reason } => format!("=> Access-Reject {:?} ({})", reason.reply_text(), reason.label()),
        Decision::Challenge { message, .. } => format!("=> Access-Challenge {message:?}"),
        Decision::Silent => "=> silence".into(),
    }
}
