//! A password that is changed in the middle of a login, because it is due: here, or in the directory that keeps it.

use std::ops::ControlFlow;
use std::sync::Arc;

use quorate_core::change::AskStage;
use quorate_core::login::{JudgeNewPassword, SetNewPassword};
use quorate_core::{Command, Fingerprint, Outcome, Refusal};
use quorate_seal::NONCE_LEN;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::judge::{Judgement, Performed, refused, silence_of};
use super::{Authenticator, Login, Silence};
use crate::limits;
use crate::passwords::{History, broken_rules, in_normal_form, sentences, unusable, verifier_aad};
use crate::ports::{NotChanged, Proposed, Replica, random};
use crate::propose::propose_until_known;

impl Authenticator {
    /// Compares a new password with the rules and, if it keeps them, with those before it.
    pub(super) async fn judge_new_password(&self, login: &Login, judge: JudgeNewPassword) -> Performed {
        let Some(user) = judge.user() else {
            return ControlFlow::Break(Judgement::silent(Silence::Refused));
        };
        let Ok(typed) = std::str::from_utf8(judge.candidate()) else {
            return ControlFlow::Continue(judge.answer(Some("Printable characters only.")));
        };
        // A directory has rules of its own, which are told once it was asked.
        let Some(rules) = judge.rules() else {
            let broken = unusable(typed);
            let said = (!broken.is_empty()).then(|| sentences(&broken));
            return ControlFlow::Continue(judge.answer(said.as_deref()));
        };
        let mut broken = broken_rules(rules, &user.name, typed);
        if broken.is_empty() {
            let Ok(history) = History::open(&self.keys, rules, user) else {
                tracing::error!(user = %user.id, "a password verifier does not open under this node's application key");
                return ControlFlow::Break(Judgement::silent(Silence::Sealed));
            };
            let typed = in_normal_form(judge.candidate());
            match history.judge(&self.hashes, login.lane, &typed, login.deadline).await {
                Ok(used) => broken.extend(used),
                Err(refused) => return ControlFlow::Break(self.not_hashed(login, refused).await),
            }
        }
        ControlFlow::Continue(match broken.is_empty() {
            true => judge.answer(None),
            false => judge.answer(Some(&sentences(&broken))),
        })
    }

    /// Has it set. Of several answers one is; then the login is judged again, by a state that has it.
    pub(super) async fn set_new_password(&self, login: &Login, set: SetNewPassword) -> Performed {
        if set.directory().is_some() {
            return self.set_in_directory(login, set).await;
        }
        let Some(user) = set.user().map(|user| user.id) else {
            return ControlFlow::Break(Judgement::silent(Silence::Refused));
        };
        let typed = in_normal_form(set.candidate());
        let salt = random(&*self.entropy);
        let verifier = match self.hashes.compute(login.lane, typed, salt, login.deadline).await {
            Ok(verifier) => verifier,
            Err(refused) => return ControlFlow::Break(self.not_hashed(login, refused).await),
        };
        let nonce: [u8; NONCE_LEN] = random(&*self.entropy);
        let sealed = self.keys.seal(nonce, verifier_aad(user), &verifier.encode());
        let command = set.command(sealed.into());
        match propose_renewal(&*self.replica, &command, login.deadline).await {
            Ok(outcome) => ControlFlow::Continue(set.answer(&outcome)),
            Err(silence) => ControlFlow::Break(Judgement::silent(silence)),
        }
    }

    /// The same by the directory that keeps it. Once it is ordered it is done to its end, for nobody else asks the directory.
    async fn set_in_directory(&self, login: &Login, set: SetNewPassword) -> Performed {
        let Some((directory, former)) = set.directory() else {
            return ControlFlow::Break(Judgement::silent(Silence::Refused));
        };
        let text = |typed: &[u8]| std::str::from_utf8(typed).map(|text| Zeroizing::new(text.to_owned()));
        let (Some(user), Ok(former), Ok(new)) = (set.user(), text(former), text(set.candidate())) else {
            return ControlFlow::Continue(set.failed());
        };
        let (directory, name) = (directory.clone(), user.name.name.clone());
        let order = set.order(Fingerprint(random(&*self.entropy)));
        match propose_renewal(&*self.replica, &order, login.deadline).await {
            Ok(Outcome::Done { .. }) => {}
            Ok(outcome) => return ControlFlow::Continue(set.answer(&outcome)),
            Err(silence) => return ControlFlow::Break(Judgement::silent(silence)),
        }
        let conclusion = [AskStage::Done, AskStage::Refused, AskStage::Unknown].map(|stage| set.conclusion(stage));
        let (replica, directories) = (Arc::clone(&self.replica), Arc::clone(&self.directories));
        // A task of its own: whoever asked may have gone before the directory has answered, and what it did has to be written down.
        let asking = tokio::spawn(async move {
            let deadline = Instant::now() + limits::DIRECTORY_CHANGE_DEADLINE;
            let asked = directories
                .set_password(&directory, &name, Some(&former), &new, deadline)
                .await;
            let [done, refused, unknown] = &conclusion;
            let command = match &asked {
                Ok(()) => done,
                Err(NotChanged::Unknown(_)) => unknown,
                Err(_) => refused,
            };
            let deadline = Instant::now() + limits::ADMINISTRATION_DEADLINE;
            let concluded = propose_renewal(&*replica, command, deadline).await;
            if concluded.is_err() || matches!(asked, Err(NotChanged::Unknown(_) | NotChanged::Unavailable(_))) {
                tracing::warn!(%name, directory = %directory.name, ?asked, ?concluded, "a password that is due could not be changed, or written down");
            }
            (asked, concluded)
        });
        let Ok((asked, concluded)) = asking.await else {
            return ControlFlow::Break(Judgement::silent(Silence::Unknown));
        };
        let outcome = match concluded {
            Ok(outcome) => outcome,
            Err(silence) => return ControlFlow::Break(Judgement::silent(silence)),
        };
        ControlFlow::Continue(match asked {
            Ok(()) => set.answer(&outcome),
            Err(NotChanged::Refused(problem)) => set.refused(&sentence(&problem)),
            Err(_) => set.failed(),
        })
    }
}

/// What came of it, once this node's own state has it.
async fn propose_renewal(replica: &dyn Replica, command: &Command, deadline: Instant) -> Result<Outcome, Silence> {
    let proposed = propose_until_known(replica, command, deadline).await;
    let Proposed { index, outcome } = proposed.map_err(silence_of)?;
    match outcome {
        Outcome::Done { .. } | Outcome::Refused(Refusal::Stale) => {
            let applied = replica.wait_applied(index, deadline).await;
            applied.map_err(|_| Silence::Late)?;
            Ok(outcome)
        }
        Outcome::Verdict { .. } => Ok(outcome),
        Outcome::Refused(refusal) | Outcome::ChangeRefused { refusal, .. } => Err(refused(refusal)),
        Outcome::Node(_) | Outcome::Queued { .. } => Err(Silence::Refused),
    }
}

/// `is too short` as the user is told it.
fn sentence(problem: &str) -> String {
    format!("The new password {problem}.")
}
