//! A password that is changed in the middle of a login, because it is due.

use std::ops::ControlFlow;

use quorate_core::login::{JudgeNewPassword, SetNewPassword, Step};
use quorate_core::{Outcome, Refusal};
use quorate_seal::NONCE_LEN;

use super::judge::{Judgement, Performed, refused, silence_of};
use super::{Authenticator, Login, Silence};
use crate::passwords::{History, broken_rules, in_normal_form, sentences, verifier_aad};
use crate::ports::{Proposed, random};
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
        let mut broken = broken_rules(judge.rules(), &user.name, typed);
        if broken.is_empty() {
            let Ok(history) = History::open(&self.keys, judge.rules(), user) else {
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
        let proposed = propose_until_known(&*self.replica, &command, login.deadline).await;
        let Proposed { index, outcome } = match proposed {
            Ok(proposed) => proposed,
            Err(error) => return ControlFlow::Break(Judgement::silent(silence_of(error))),
        };
        match outcome {
            Outcome::Done { .. } | Outcome::Refused(Refusal::Stale) => {
                match self.replica.wait_applied(index, login.deadline).await {
                    Ok(()) => ControlFlow::Continue(set.answer(&outcome)),
                    Err(_) => ControlFlow::Break(Judgement::silent(Silence::Late)),
                }
            }
            Outcome::Refused(refusal) | Outcome::ChangeRefused { refusal, .. } => {
                ControlFlow::Break(Judgement::silent(refused(refusal)))
            }
            Outcome::Verdict { .. } => match set.answer(&outcome) {
                Step::Finish(decision) => ControlFlow::Break(super::judge::finish(decision)),
                _ => ControlFlow::Break(Judgement::silent(Silence::Refused)),
            },
            Outcome::Node(_) | Outcome::Queued { .. } => ControlFlow::Break(Judgement::silent(Silence::Refused)),
        }
    }
}
