//! One login, from a genuine Access-Request to an answer.
//!
//! The conversation itself is `quorate_core::login`, a pure state machine that asks for one thing at a time. Here is
//! who does these things: passwords are checked by the hash queue, seeds are opened and codes compared, the verdict is
//! proposed, a challenge is sealed. Then the answer is what the *cluster* said, never what this node thought:
//!
//! - *Stale* means that something it was judged by has changed: wait until the local state is as new as the refusal,
//!   and judge again from the start.
//! - *Unknown* means that an answer was lost: the same command is proposed again until somebody knows.
//! - Without a quorum, when overloaded, or when ten seconds are over, there is no answer, and the NAS asks another node.
//!
//! A node whose clock is wrong judges no code: [`passing`] has another node do it.
//!
//! An unknown user takes the same steps as a known one, against stand-ins that are sealed, opened and compared alike.
//!
//! Caveat: rejects beyond a budget, and those for which the hash queue has no room, are not committed one by one;
//! see [`budget`].

mod budget;
mod decision;
#[cfg(test)]
mod device_tests;
mod devices;
mod directory;
#[cfg(test)]
mod directory_tests;
#[cfg(test)]
mod due_in_directory_tests;
mod foreign;
#[cfg(test)]
mod foreign_tests;
mod judge;
mod local_reject;
mod memory;
mod passing;
mod renewal;
#[cfg(test)]
mod renewal_tests;
mod request;
mod stand_in;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;
use quorate_core::NodeId;
use quorate_core::login::{Conversation, OpenedState, Request};
use quorate_core::{ProofDigest, State, UserName};
use quorate_seal::{KeyRing, StateBinding};
use tokio::time::Instant;

pub use self::decision::{Answer, Decision, Silence};
pub use self::devices::{DeviceWish, TrustError, TrustedDevice};
use self::directory::Known;
pub(crate) use self::directory::sync_person;
use self::foreign::Foreign;
use self::judge::Judgement;
use self::local_reject::LocalRejects;
use self::memory::Remembered;
pub use self::request::{AccessRequest, PresentedBrowser, fingerprint};
use self::stand_in::StandIn;
use crate::courier::Courier;
use crate::hash_queue::{HashLane, HashQueue};
use crate::limits;
use crate::names::Names;
use crate::ports::{Clock, Deps, Directories, Entropy, Replica};

/// Judges logins. One per node; any number of logins at once.
pub struct Authenticator {
    replica: Arc<dyn Replica>,
    keys: Arc<KeyRing>,
    hashes: Arc<HashQueue>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    names: Names,
    directories: Arc<dyn Directories>,
    node: NodeId,
    stand_in: StandIn,
    local_rejects: LocalRejects,
    /// Drawn once per process: nobody outside can choose names that share a lane of the hash queue.
    lanes: RandomState,
    courier: Courier,
    /// Passwords of directories' people that are remembered already.
    remembered: Mutex<Remembered>,
}

impl Authenticator {
    #[must_use]
    pub fn new(deps: Deps) -> Self {
        Self {
            courier: Courier::new(&deps),
            stand_in: StandIn::new(&deps.keys, &*deps.entropy),
            replica: deps.replica,
            keys: deps.keys,
            hashes: deps.hashes,
            clock: deps.clock,
            entropy: deps.entropy,
            names: deps.names,
            directories: deps.directories,
            node: deps.node,
            local_rejects: LocalRejects::default(),
            lanes: RandomState::new(),
            remembered: Mutex::default(),
        }
    }

    /// Judges one login. Returns within ten seconds of its receipt, and after that only [`Decision::Silent`].
    ///
    /// A node whose clock is wrong has another judge what needs a clock.
    pub async fn authenticate(&self, access: AccessRequest) -> Answer {
        let deadline = access.received + limits::LOGIN_DEADLINE;
        let packed = (!self.replica.clock().in_time).then(|| passing::pack(&access));
        let answer = self.judge_until_settled(access).await;
        match packed {
            Some(packed) if passing::is_for_others(&answer) => self.pass_on(packed, deadline).await.unwrap_or(answer),
            _ => answer,
        }
    }

    async fn judge_until_settled(&self, access: AccessRequest) -> Answer {
        let login = self.prepare(access);
        let mut answer = Answer::silent(Silence::Restless);
        for _ in 0..limits::JUDGEMENTS_PER_LOGIN {
            match self.judge(&login).await {
                Judgement::Answer(judged) => {
                    answer = judged;
                    break;
                }
                Judgement::Again => {}
            }
        }
        if Instant::now() >= login.deadline {
            answer = Answer::silent(Silence::Late);
        }
        self.replace_foreign(&login, &answer.decision);
        answer
    }

    /// What is the same however often the login is judged.
    fn prepare(&self, access: AccessRequest) -> Login {
        let state = self.replica.state();
        let user = self.names.fold_bytes(&access.user_name).ok();
        let meant = user.as_ref().map(|name| state.meant(name));
        let lane = HashLane {
            client: access.client.id,
            user: self.lane(meant.as_ref(), &access.user_name),
        };
        let opened = access
            .state
            .as_deref()
            .map(|sealed| self.open_state(&state, &access, sealed));
        let proof = match &opened {
            Some(OpenedState::Conversation(conversation)) => {
                let answer = conversation.answer(&access.password);
                self.keys
                    .digest_proof(&conversation.id().0, access.client.id.0, &answer)
            }
            // A proof is remembered by its conversation only.
            Some(OpenedState::Unreadable) | None => [0; 16],
        };
        Login {
            deadline: access.received + limits::LOGIN_DEADLINE,
            known: Mutex::new(None),
            foreign: Mutex::new(None),
            is_down: AtomicBool::new(false),
            lane,
            opened,
            request: Request {
                client: access.client.id,
                user,
                user_name: access.user_name.into(),
                field: access.password,
                fingerprint: access.fingerprint,
                proof: ProofDigest(proof),
                received_ms: access.received_ms,
                node: self.node,
                source: access.source,
                calling_station_id: access.calling_station_id.map(Into::into),
                nas_identifier: access.nas_identifier.map(Into::into),
                attributes: access.attributes.into(),
                browser: access.browser.as_ref().map(devices::read),
            },
        }
    }

    fn open_state(&self, state: &State, access: &AccessRequest, sealed: &[u8]) -> OpenedState {
        let opened = state.cluster().and_then(|cluster| {
            let binding = StateBinding {
                cluster: cluster.id,
                client: access.client.id.0,
                user_name: &access.user_name,
            };
            let plain = self.keys.open_state(&binding, sealed).ok()?;
            Conversation::from_bytes(&plain).ok().map(Box::new)
        });
        opened.map_or(OpenedState::Unreadable, OpenedState::Conversation)
    }

    fn lane(&self, user: Option<&UserName>, received: &[u8]) -> u64 {
        match user {
            Some(name) => self.lanes.hash_one(name),
            None => self.lanes.hash_one(received),
        }
    }
}

/// A login, ready to be judged as often as it takes.
struct Login {
    request: Request,
    opened: Option<OpenedState>,
    lane: HashLane,
    deadline: Instant,
    /// What a directory has said of the password already.
    known: Mutex<Option<Known>>,
    /// A right password that another product had hashed.
    foreign: Mutex<Option<Foreign>>,
    /// No controller of the directory has answered: it is not waited for again.
    is_down: AtomicBool,
}
