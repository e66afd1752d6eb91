//! A user's own change of the local password: the former one is proven, with the delays of a login.

use std::net::IpAddr;
use std::sync::Arc;

use quorate_core::command::ChangeOwnPassword;
use quorate_core::{Command, Sealed, User, UserId};
use quorate_seal::{Field, PasswordVerifier};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{AdminError, Administrator};
use crate::hash_queue::HashLane;
use crate::limits;
use crate::passwords::in_normal_form;

/// What a user gives to have another password.
pub struct OwnPasswordChange {
    /// As typed.
    pub name: String,
    pub old: Zeroizing<String>,
    pub new: Zeroizing<String>,
    /// Where it comes from: whoever has it wrong too often has to wait.
    pub source: IpAddr,
}

/// What came of the former password.
pub(super) enum Proven {
    /// It was wrong.
    Nothing,
    /// It was right: the verifier of the new one.
    Here(Sealed),
    /// It was right, and the directory has the new one.
    InDirectory,
}

impl Administrator {
    /// Gives a user another password, if the former one is right. Rules and former passwords are told only then.
    ///
    /// # Errors
    /// [`AdminError::WrongPassword`], also of nobody; [`AdminError::TooManyTries`]; [`AdminError::Invalid`] with every rule that the
    /// new one breaks.
    pub async fn change_own_password(&self, change: OwnPasswordChange) -> Result<Arc<User>, AdminError> {
        let state = self.state();
        let user = self.names.fold(&change.name).ok();
        let user = user.and_then(|name| state.user_by_name(&state.meant(&name))).cloned();
        let now_ms = self.clock.now_ms().max(state.stamp().ms);
        if let Some(user) = &user {
            if state.own_password_delayed(user.id, change.source, now_ms) {
                return Err(AdminError::TooManyTries);
            }
            if user.origin.is_some() {
                return self.change_own_in_directory(user, &change).await;
            }
        }
        let is_right = self.is_password_of(user.as_deref(), &change.old).await?;
        let Some(user) = user else {
            return Err(AdminError::WrongPassword);
        };
        if !is_right {
            self.propose_own(&user, change.source, Proven::Nothing).await?;
            return Err(AdminError::WrongPassword);
        }
        let lane = lane_of(user.id);
        self.check_new_password("new_password", &user, &change.new, lane)
            .await?;
        let verifier = self.hash_password(change.new.as_bytes()).await?;
        let sealed = self.seal(Field::UserPassword, user.id.0, &verifier);
        self.propose_own(&user, change.source, Proven::Here(sealed)).await?;
        self.read_user(user.id)
    }

    /// Of nobody, and of who has none, no password is right, after the same work.
    async fn is_password_of(&self, user: Option<&User>, password: &str) -> Result<bool, AdminError> {
        let sealed = user.and_then(|user| Some((user.id, user.password.as_ref()?)));
        let verifier = match sealed {
            Some((id, sealed)) => {
                let bytes = self.open(Field::UserPassword, id.0, sealed)?;
                PasswordVerifier::decode(&bytes).map_err(|_| quorate_seal::SealError::NotAuthentic)?
            }
            None => PasswordVerifier::dummy(),
        };
        let lane = lane_of(user.map_or(UserId(0), |user| user.id));
        let deadline = Instant::now() + limits::ADMINISTRATION_DEADLINE;
        let typed = in_normal_form(password.as_bytes());
        let right = self.hashes.verify(lane, Arc::new(verifier), typed, deadline).await?;
        Ok(right && sealed.is_some())
    }

    pub(super) async fn propose_own(&self, user: &User, source: IpAddr, proven: Proven) -> Result<(), AdminError> {
        let in_directory = matches!(proven, Proven::InDirectory);
        let password = match proven {
            Proven::Here(verifier) => Some(verifier),
            Proven::Nothing | Proven::InDirectory => None,
        };
        let command = Command::ChangeOwnPassword(ChangeOwnPassword {
            request: self.request(),
            user: user.id,
            password_revision: user.password_revision,
            source,
            node: self.node,
            password,
            in_directory,
        });
        self.submit(&command, limits::ADMINISTRATION_DEADLINE).await.map(drop)
    }
}

/// One password of a user at a time; through no client.
fn lane_of(user: UserId) -> HashLane {
    HashLane {
        user: user.0,
        ..HashLane::ADMINISTRATION
    }
}
