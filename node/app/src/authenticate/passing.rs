//! Logins that this node must not judge, because its clock is wrong, are passed to one whose clock is right.
//!
//! The packet travels as it was received, with its age instead of a time; the answer travels back. The other node judges it as its own:
//! same fingerprint, so that a NAS which asks elsewhere meanwhile gets the same verdict. A login that was passed is passed no further.

use std::net::IpAddr;
use std::time::Duration;

use minicbor::{Decode, Encode};
use quorate_core::{Attribute, ClientId, Fingerprint, Method, Reason};
use tokio::time::Instant;
use zeroize::{Zeroize, Zeroizing};

use super::devices;
use super::{AccessRequest, Answer, Authenticator, Decision, PresentedBrowser, Silence};
use crate::limits;

/// A login on its way to another node.
#[derive(Encode, Decode)]
struct Passed {
    #[n(0)]
    client: ClientId,
    #[cbor(n(1), with = "minicbor::bytes")]
    user_name: Vec<u8>,
    #[cbor(n(2), with = "minicbor::bytes")]
    password: Vec<u8>,
    #[cbor(n(3), with = "minicbor::bytes")]
    state: Option<Vec<u8>>,
    #[n(4)]
    source: IpAddr,
    #[cbor(n(5), with = "minicbor::bytes")]
    calling_station_id: Option<Vec<u8>>,
    #[cbor(n(6), with = "minicbor::bytes")]
    nas_identifier: Option<Vec<u8>>,
    #[n(7)]
    fingerprint: Fingerprint,
    /// How long ago it was received.
    #[n(8)]
    age_ms: u64,
    #[n(9)]
    attributes: Vec<Attribute>,
    /// That it comes from a browser, and what that shows.
    #[n(10)]
    browser: Option<PassedBrowser>,
}

#[derive(Encode, Decode)]
struct PassedBrowser {
    #[n(0)]
    device: Option<String>,
}

impl Drop for Passed {
    fn drop(&mut self) {
        self.password.zeroize();
        if let Some(PassedBrowser { device }) = &mut self.browser {
            device.zeroize();
        }
    }
}

/// What came of it. Silence is no answer.
#[derive(Encode, Decode)]
struct Back {
    #[n(0)]
    decision: BackDecision,
    #[n(1)]
    method: Option<Method>,
    #[n(2)]
    replayed: bool,
}

#[derive(Encode, Decode)]
enum BackDecision {
    #[n(0)]
    Accept,
    #[n(1)]
    Reject(#[n(0)] Reason),
    #[n(2)]
    Challenge {
        #[cbor(n(0), with = "minicbor::bytes")]
        state: Vec<u8>,
        #[n(1)]
        prompt: String,
    },
}

impl Authenticator {
    /// Has another node judge this login; none when none did.
    pub(super) async fn pass_on(&self, login: Zeroizing<Vec<u8>>, deadline: Instant) -> Option<Answer> {
        let back = self.replica.pass_on(login, deadline).await?;
        let Back {
            decision,
            method,
            replayed,
        } = minicbor::decode(&back).ok()?;
        let decision = match decision {
            BackDecision::Accept => Decision::Accept,
            BackDecision::Reject(reason) => Decision::Reject(reason),
            BackDecision::Challenge { state, prompt } => Decision::Challenge {
                state,
                prompt: prompt.into(),
            },
        };
        Some(Answer {
            decision,
            method,
            replayed,
        })
    }

    /// Judges a login that another node has passed on. Empty when there is no answer.
    pub async fn judge_passed(&self, login: &[u8]) -> Vec<u8> {
        let Some(access) = self.unpack(login) else {
            return Vec::new();
        };
        let answer = self.judge_until_settled(access).await;
        let decision = match answer.decision {
            Decision::Accept => BackDecision::Accept,
            Decision::Reject(reason) => BackDecision::Reject(reason),
            Decision::Challenge { state, prompt } => BackDecision::Challenge {
                state,
                prompt: prompt.into(),
            },
            Decision::Silent(_) => return Vec::new(),
        };
        let back = Back {
            decision,
            method: answer.method,
            replayed: answer.replayed,
        };
        minicbor::to_vec(back).expect("invariant: writing to memory does not fail")
    }

    /// As if it had been received here, so long ago. The client is this node's own view of it.
    fn unpack(&self, login: &[u8]) -> Option<AccessRequest> {
        let mut passed: Passed = minicbor::decode(login).ok()?;
        let age = Duration::from_millis(passed.age_ms.min(limits::LOGIN_DEADLINE.as_millis() as u64));
        Some(AccessRequest {
            client: self.replica.state().client(passed.client)?.clone(),
            user_name: std::mem::take(&mut passed.user_name),
            password: Zeroizing::new(std::mem::take(&mut passed.password)),
            state: passed.state.take(),
            source: passed.source,
            calling_station_id: passed.calling_station_id.take(),
            nas_identifier: passed.nas_identifier.take(),
            attributes: std::mem::take(&mut passed.attributes),
            fingerprint: passed.fingerprint,
            received: Instant::now().checked_sub(age)?,
            received_ms: self.clock.now_ms().saturating_sub(age.as_millis() as u64),
            browser: passed.browser.as_mut().map(|browser| PresentedBrowser {
                device: browser.device.take().map(Zeroizing::new),
            }),
        })
    }
}

/// The bytes to pass on.
pub(super) fn pack(access: &AccessRequest) -> Zeroizing<Vec<u8>> {
    let passed = Passed {
        client: access.client.id,
        user_name: access.user_name.clone(),
        password: access.password.to_vec(),
        state: access.state.clone(),
        source: access.source,
        calling_station_id: access.calling_station_id.clone(),
        nas_identifier: access.nas_identifier.clone(),
        attributes: access.attributes.clone(),
        fingerprint: access.fingerprint,
        browser: access.browser.as_ref().map(|browser| PassedBrowser {
            // Whatever else it shows is as long as its sender likes.
            device: browser.device.as_deref().filter(|text| devices::is_one(text)).cloned(),
        }),
        age_ms: u64::try_from(access.received.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    // As large as it can get at once, so that no copy of the password stays behind where the buffer grew.
    let mut bytes = Vec::with_capacity(limits::PASSED_LOGIN_BYTES);
    minicbor::encode(&passed, &mut bytes).expect("invariant: writing to memory does not fail");
    Zeroizing::new(bytes)
}

/// Whether another node may know better.
pub(super) fn is_for_others(answer: &Answer) -> bool {
    answer.decision == Decision::Silent(Silence::Clock)
}
