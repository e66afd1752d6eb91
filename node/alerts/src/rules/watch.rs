//! One rule at work: which of its subjects are on.

use std::collections::{BTreeMap, VecDeque};

use super::condition::{Condition, News, Pace};
use super::{Fact, Rule, RuleKind};
use crate::limits;
use crate::timestamp::rfc3339;

/// A rule and what it has seen.
pub(super) struct Watch {
    rule: Rule,
    seen: Seen,
    subjects: BTreeMap<String, Subject>,
}

struct Subject {
    condition: Condition,
    /// What was the matter when it last was on.
    sentence: String,
}

/// What a rule has to remember beside that.
enum Seen {
    /// States speak for themselves.
    Nothing,
    /// When users were locked, as many as the rule waits for at most.
    Locks(VecDeque<u64>),
    /// Logins in parts of the rule's time: which part, all, rejected.
    Logins(VecDeque<(u64, u64, u64)>),
    /// Until when certificates are valid.
    Certificates(BTreeMap<String, u64>),
    /// When there was a backup last, or when looking for one began.
    Backup(u64),
}

/// A subject and what is to be said about it.
pub(super) struct Said {
    pub subject: String,
    pub sentence: String,
    pub news: News,
}

/// What subjects beyond [`limits::SUBJECTS_MAX`] share.
const OTHERS: &str = "others";

impl Watch {
    pub fn new(rule: Rule, now_ms: u64) -> Self {
        let seen = match rule.rule {
            RuleKind::Lockouts => Seen::Locks(VecDeque::new()),
            RuleKind::FailureRate => Seen::Logins(VecDeque::new()),
            RuleKind::CertificateExpires => Seen::Certificates(BTreeMap::new()),
            RuleKind::BackupOld => Seen::Backup(now_ms),
            _ => Seen::Nothing,
        };
        Watch {
            rule,
            seen,
            subjects: BTreeMap::new(),
        }
    }

    pub fn kind(&self) -> RuleKind {
        self.rule.rule
    }

    pub fn observe(&mut self, now_ms: u64, fact: &Fact) {
        match (self.rule.rule, fact) {
            (RuleKind::Lockouts, Fact::Locked { user }) => self.locked(now_ms, user),
            (RuleKind::FailureRate, Fact::Login { accepted }) => self.login(now_ms, *accepted),
            (RuleKind::GatewayDown, Fact::Gateway { name, down }) => {
                let sentence = down
                    .as_ref()
                    .map(|why| format!("the gateway {name} does not answer: {why}"));
                self.state(now_ms, name, sentence);
            }
            (RuleKind::DirectoryDown, Fact::Directory { name, down }) => {
                let sentence = down
                    .as_ref()
                    .map(|why| format!("the directory {name} does not answer: {why}"));
                self.state(now_ms, name, sentence);
            }
            (RuleKind::CertificateExpires, Fact::Certificate { name, expires_ms }) => {
                self.certificate(now_ms, name, *expires_ms);
            }
            (RuleKind::QuorumLost, Fact::Quorum { held }) => {
                let sentence = "this node reaches no quorum: it accepts no one-time code".to_owned();
                self.state(now_ms, "", (!held).then_some(sentence));
            }
            (RuleKind::BackupFailed, Fact::Backup { failed }) => {
                let sentence = failed.as_ref().map(|why| format!("the backup failed: {why}"));
                self.state(now_ms, "", sentence);
            }
            (RuleKind::BackupOld, Fact::Backup { failed: None }) => {
                self.seen = Seen::Backup(now_ms);
                self.state(now_ms, "", None);
            }
            (RuleKind::ClockFenced, Fact::Clock { fenced_ahead_ms }) => {
                let said =
                    |ahead| format!("this node's clock is {ahead:+} ms from the cluster's time: it stands aside");
                self.state(now_ms, "", fenced_ahead_ms.map(said));
            }
            (RuleKind::AuditDamaged, Fact::Audit { damaged }) => {
                let sentence = damaged.as_ref().map(|what| format!("the audit is damaged: {what}"));
                self.state(now_ms, "", sentence);
            }
            _ => {}
        }
    }

    /// What is to be said now, after looking at what time alone has changed.
    pub fn due(&mut self, now_ms: u64) -> Vec<Said> {
        self.pass_time(now_ms);
        let pace = self.pace();
        let mut said = Vec::new();
        for (name, subject) in &mut self.subjects {
            if let Some(news) = subject.condition.due(now_ms, pace) {
                said.push(Said {
                    subject: name.clone(),
                    sentence: subject.sentence.clone(),
                    news,
                });
            }
        }
        self.subjects
            .retain(|_, subject| !subject.condition.is_forgettable(now_ms, pace));
        said
    }

    fn pace(&self) -> Pace {
        Pace {
            after_ms: self.rule.after_ms(),
            interval_ms: self.rule.interval_ms(),
        }
    }

    /// A subject is on, with what is the matter, or off.
    fn state(&mut self, now_ms: u64, name: &str, sentence: Option<String>) {
        let was_on = self.subjects.get(name).is_some_and(|known| known.condition.is_on());
        match sentence {
            Some(sentence) => self.on(now_ms, name, sentence, u64::from(!was_on)),
            None => self.off(now_ms, name),
        }
    }

    fn on(&mut self, now_ms: u64, name: &str, sentence: String, times: u64) {
        let full = self.subjects.len() >= limits::SUBJECTS_MAX && !self.subjects.contains_key(name);
        let name: String = if full { OTHERS } else { name }
            .chars()
            .take(limits::SUBJECT_BYTES / 4)
            .collect();
        let subject = self.subjects.entry(name).or_insert_with(|| Subject {
            condition: Condition::new(),
            sentence: String::new(),
        });
        subject.condition.on(now_ms, times);
        subject.sentence = sentence.chars().take(limits::SENTENCE_BYTES / 4).collect();
    }

    fn off(&mut self, now_ms: u64, name: &str) {
        let pace = self.pace();
        let name: String = name.chars().take(limits::SUBJECT_BYTES / 4).collect();
        if let Some(subject) = self.subjects.get_mut(&name) {
            subject.condition.off(now_ms, pace);
        }
    }

    fn locked(&mut self, now_ms: u64, user: &str) {
        let (count, within_ms) = (self.rule.count() as usize, self.rule.within_ms());
        let Seen::Locks(locks) = &mut self.seen else { return };
        locks.push_back(now_ms);
        forget_locks(locks, now_ms, within_ms);
        let enough = locks.len() >= count;
        if locks.len() > count {
            locks.pop_front();
        }
        if enough {
            let was_on = self.subjects.get("").is_some_and(|known| known.condition.is_on());
            let sentence = format!(
                "{count} lockouts or more within {} s; the last user is {user}",
                within_ms / 1_000
            );
            self.on(now_ms, "", sentence, if was_on { 1 } else { count as u64 });
        }
    }

    fn login(&mut self, now_ms: u64, accepted: bool) {
        let part_ms = self.part_ms();
        let Seen::Logins(parts) = &mut self.seen else { return };
        let part = now_ms / part_ms;
        if parts.back().is_none_or(|(newest, ..)| *newest < part) {
            parts.push_back((part, 0, 0));
        }
        if let Some((_, all, rejected)) = parts.back_mut() {
            *all += 1;
            *rejected += u64::from(!accepted);
        }
        self.judge_rate(now_ms);
    }

    fn judge_rate(&mut self, now_ms: u64) {
        let part_ms = self.part_ms();
        let Seen::Logins(parts) = &mut self.seen else { return };
        let oldest = (now_ms / part_ms).saturating_sub(limits::RATE_PARTS as u64 - 1);
        while parts.front().is_some_and(|(part, ..)| *part < oldest) {
            parts.pop_front();
        }
        let (all, rejected) = parts
            .iter()
            .fold((0, 0), |(all, rejected), (_, a, r)| (all + a, rejected + r));
        let high = all >= u64::from(self.rule.count()) && rejected * 100 >= all * u64::from(self.rule.percent());
        let within_s = self.rule.within_ms() / 1_000;
        let sentence = format!("{rejected} of {all} logins were rejected within {within_s} s");
        self.state(now_ms, "", high.then_some(sentence));
    }

    fn part_ms(&self) -> u64 {
        (self.rule.within_ms() / limits::RATE_PARTS as u64).max(1)
    }

    fn certificate(&mut self, now_ms: u64, name: &str, expires_ms: u64) {
        if let Seen::Certificates(certificates) = &mut self.seen
            && (certificates.len() < limits::SUBJECTS_MAX || certificates.contains_key(name))
        {
            certificates.insert(name.to_owned(), expires_ms);
            self.judge_certificate(now_ms, name, expires_ms);
        }
    }

    fn judge_certificate(&mut self, now_ms: u64, name: &str, expires_ms: u64) {
        let soon = now_ms.saturating_add(self.rule.expires_within_ms()) >= expires_ms;
        let verb = if now_ms >= expires_ms { "has expired" } else { "expires" };
        let when = rfc3339(expires_ms).unwrap_or_else(|| "never".to_owned());
        let sentence = format!("the certificate of {name} {verb}: {when}");
        self.state(now_ms, name, soon.then_some(sentence));
    }

    /// What changes without a fact: events grow old, certificates and backups too.
    fn pass_time(&mut self, now_ms: u64) {
        let within_ms = self.rule.within_ms();
        match &mut self.seen {
            Seen::Nothing => {}
            Seen::Locks(locks) => {
                forget_locks(locks, now_ms, within_ms);
                if locks.len() < self.rule.count() as usize {
                    self.off(now_ms, "");
                }
            }
            Seen::Logins(_) => self.judge_rate(now_ms),
            Seen::Certificates(certificates) => {
                let all: Vec<(String, u64)> = certificates.iter().map(|(name, at)| (name.clone(), *at)).collect();
                for (name, expires_ms) in all {
                    self.judge_certificate(now_ms, &name, expires_ms);
                }
            }
            Seen::Backup(last_ms) => {
                let since = *last_ms;
                let old = now_ms.saturating_sub(since) >= self.rule.backup_within_ms();
                let when = rfc3339(since).unwrap_or_default();
                self.state(now_ms, "", old.then(|| format!("there was no backup since {when}")));
            }
        }
    }
}

fn forget_locks(locks: &mut VecDeque<u64>, now_ms: u64, within_ms: u64) {
    while locks.front().is_some_and(|at| now_ms.saturating_sub(*at) >= within_ms) {
        locks.pop_front();
    }
}
