//! Passwords in scripts: what the shell does while one is changed, with verifiers in clear.

use quorate_core::{
    Command, NodeId, Outcome, PasswordRules, Revision, UserId,
    change::AskStage,
    command::{ChangeOwnPassword, RehashPassword},
    login::{Decision, JudgeNewPassword, SetNewPassword, Step},
};

use super::{
    World, show,
    words::{Words, fingerprint, id, sealed},
};

/// `history=2 age=90 min=12`; everything else is as it is without.
pub fn rules(words: &Words) -> PasswordRules {
    PasswordRules {
        min_chars: words.number("min", 8) as u8,
        history: words.number("history", 5) as u8,
        max_age_days: words.key("age").map(|days| days.parse().unwrap()),
        ..PasswordRules::default()
    }
}

impl World {
    /// A script's rules refuse `weak`, and whatever there was before.
    pub fn judge_new_password(&mut self, judge: JudgeNewPassword) -> Step {
        let user = judge.user().unwrap();
        let typed = String::from_utf8(judge.candidate().to_vec()).unwrap();
        let used = user
            .password
            .iter()
            .chain(&user.former_passwords)
            .any(|verifier| *verifier == sealed(&typed));
        let wrong = match (&*typed, used) {
            ("weak", _) => Some("At least 8 characters.".to_owned()),
            ("long", _) => Some("ü".repeat(300)),
            (_, true) => Some("This password was used before.".to_owned()),
            (_, false) => None,
        };
        self.say(format_args!(
            "judge new password {typed:?}: {}",
            if wrong.is_some() { "wrong" } else { "good" }
        ));
        judge.answer(wrong.as_deref())
    }

    pub fn set_new_password(&mut self, set: SetNewPassword) -> Step {
        let typed = String::from_utf8(set.candidate().to_vec()).unwrap();
        if let Some((_, former)) = set.directory() {
            let former = String::from_utf8(former.to_vec()).unwrap();
            return self.set_in_directory(set, &former, &typed);
        }
        let outcome = self.apply(&set.command(sealed(&typed)));
        self.say(format_args!("set new password: {}", show::outcome(&outcome)));
        set.answer(&outcome)
    }

    /// A script's directory takes no "short" one, does not answer to "lost", and at "dies" the node does not live to see it.
    fn set_in_directory(&mut self, set: SetNewPassword, former: &str, typed: &str) -> Step {
        let request = fingerprint(&self.next_request());
        let outcome = self.apply(&set.order(request));
        self.say(format_args!(
            "order {typed:?} in place of {former:?}: {}",
            show::outcome(&outcome)
        ));
        if !matches!(outcome, Outcome::Done { .. }) {
            return set.answer(&outcome);
        }
        let stage = match typed {
            "dies" => return Step::Finish(Decision::Silent),
            "short" => AskStage::Refused,
            "lost" => AskStage::Unknown,
            _ => AskStage::Done,
        };
        let outcome = self.apply(&set.conclusion(stage));
        self.say(format_args!("the directory: {stage:?}: {}", show::outcome(&outcome)));
        match stage {
            AskStage::Refused => set.refused("It is too short."),
            AskStage::Unknown => set.failed(),
            AskStage::Ordered | AskStage::Done => set.answer(&outcome),
        }
    }

    /// `own alice new=pw2`, `own alice wrong`: the user's own change, the former password being right or wrong.
    pub fn own_password(&mut self, words: &Words) {
        let next = self.next_request();
        let user = UserId(id(&words.plain[0]));
        let found = self.state.user(user);
        let outcome: Outcome = self.apply(&Command::ChangeOwnPassword(ChangeOwnPassword {
            request: fingerprint(words.key("request").unwrap_or(&next)),
            user,
            password_revision: match words.key("revision") {
                Some(revision) => Revision(revision.parse().unwrap()),
                None => found.map_or(Revision(0), |found| found.password_revision),
            },
            source: words.or("from", "192.0.2.7").parse().unwrap(),
            node: NodeId(1),
            password: words.key("new").map(sealed),
            in_directory: words.key("in") == Some("directory"),
        }));
        self.say(show::outcome(&outcome));
    }

    /// `rehash alice a1 [judged-at=REVISION]`: the password was right, and this is a verifier of our own of it.
    pub fn rehash(&mut self, words: &Words) {
        let user = UserId(id(&words.plain[0]));
        let found = self.state.user(user).map_or(Revision(0), |user| user.password_revision);
        let judged_at = words
            .key("judged-at")
            .map(|revision| Revision(revision.parse().unwrap()));
        let command = Command::RehashPassword(RehashPassword {
            user,
            password_revision: judged_at.unwrap_or(found),
            verifier: sealed(words.plain.get(1).map_or("", String::as_str)),
        });
        self.apply_and_say(&command);
    }

    /// Whose password is how old, and which there were before it.
    pub fn show_password(&self, name: &str) -> Option<String> {
        let user = self.state.user(UserId(id(name)))?;
        let text = |verifier: &quorate_core::Sealed| String::from_utf8_lossy(verifier.as_bytes()).into_owned();
        let former: Vec<_> = user.former_passwords.iter().map(text).collect();
        let age_s = (self.now_ms - user.password_changed_ms) / 1_000;
        Some(format!(
            "{:?}, {age_s} s old, before it {former:?}, must_change={} due={} revision={}{}",
            user.password.as_ref().map(text),
            user.must_change_password,
            user.is_password_due(&self.state.policy().passwords, self.now_ms),
            user.password_revision,
            if user.foreign_password { " foreign" } else { "" },
        ))
    }
}
