//! Codes that are sent: making one, and carrying it once the cluster has said that it is the one.
//!
//! The order is the promise. A code is drawn and sealed, then queued through the log, and only if the cluster names this very code
//! is it given to the gateways; the digits exist in this process alone, and nothing carries them a second time. So a node
//! that dies on the way has sent at most once, and a user without a message asks again.

use std::sync::Arc;

use quorate_core::command::ReportMessage;
use quorate_core::login::NewCode;
use quorate_core::method::{self, SALT_BYTES};
use quorate_core::{
    Asker, Channel, CodeId, Command, Fingerprint, NodeId, Outcome, Report, SentCode, Token, limits as core_limits,
};
use quorate_seal::{Aad, Field, KeyRing, NONCE_LEN, SealError};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::limits;
use crate::ports::{Clock, Delivery, Deps, Entropy, Message, Notifier, Replica, Wording, random};
use crate::propose::propose_until_known;

/// Makes codes and has them carried.
#[derive(Clone)]
pub(crate) struct Courier {
    replica: Arc<dyn Replica>,
    keys: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    notifier: Arc<dyn Notifier>,
    node: NodeId,
}

/// A code that nobody but this node knows, and the address it is for.
pub(crate) struct Draft {
    pub(crate) new: NewCode,
    message: Message,
}

impl Courier {
    pub(crate) fn new(deps: &Deps) -> Self {
        Self {
            replica: deps.replica.clone(),
            keys: deps.keys.clone(),
            clock: deps.clock.clone(),
            entropy: deps.entropy.clone(),
            notifier: deps.notifier.clone(),
            node: deps.node,
        }
    }

    /// A new code for a token whose codes are sent.
    ///
    /// # Errors
    /// The address does not open under this node's key.
    pub(crate) fn draft(&self, token: &Token, channel: Channel) -> Result<Draft, SealError> {
        let aad = Aad {
            field: Field::TokenSecret,
            record: token.id.0,
        };
        let address = self.keys.open(aad, token.secret.as_bytes())?;
        let address = Zeroizing::new(String::from_utf8_lossy(&address).into_owned());
        let id = CodeId(u64::from_be_bytes(random(&*self.entropy)));
        let code = self.digits();
        let salt: [u8; SALT_BYTES] = random(&*self.entropy);
        let verifier = Zeroizing::new(method::verifiers(salt, [code.as_bytes()]));
        let nonce: [u8; NONCE_LEN] = random(&*self.entropy);
        let sealed = self.keys.seal(nonce, code_aad(id), &verifier);
        let state = self.replica.state();
        let user = state.user(token.user);
        Ok(Draft {
            new: NewCode {
                id,
                verifier: sealed.into(),
                prefix: self.prefix(channel, &address),
            },
            message: Message {
                id,
                channel,
                address,
                code,
                lifetime_ms: state.policy().sent_code_ms,
                user: user.map_or_else(String::new, |user| user.name.to_string()),
                application: String::new(),
                client: String::new(),
                language: user.map_or_else(String::new, |user| user.language().to_owned()),
            },
        })
    }

    /// Has a code carried if the cluster has named it, in the background: whoever logs in is asked for it at once.
    pub(crate) fn carry_if_named(&self, draft: Draft, command: &Command, outcome: &Outcome) {
        let Command::QueueCode(queue) = command else {
            return;
        };
        if *outcome == (Outcome::Queued { code: draft.new.id }) {
            let (courier, request) = (self.clone(), queue.request);
            let message = self.at_its_place(draft.message, &queue.asker);
            tokio::spawn(async move { courier.carry(message, request).await });
        }
    }

    /// The message, with the names of what the user logs in to.
    fn at_its_place(&self, message: Message, asker: &Asker) -> Message {
        let Asker::Login { judged, .. } = asker else {
            return message;
        };
        let state = self.replica.state();
        let application = state.application(judged.application);
        let client = state.client(judged.client);
        Message {
            application: application.map_or_else(String::new, |application| application.name.to_string()),
            client: client.map_or_else(String::new, |client| client.name.to_string()),
            ..message
        }
    }

    async fn carry(&self, message: Message, request: Fingerprint) {
        let (code, channel) = (message.id, message.channel);
        let deadline = Instant::now() + limits::CARRY_DEADLINE;
        let state = self.replica.state();
        let gateways: Vec<_> = state.gateways().cloned().collect();
        let wording = Wording::of(&state);
        let Delivery { report, attempts } = self.notifier.send(&gateways, &wording, message, deadline).await;
        if report != (Report::Failed) {
            tracing::info!(%code, channel = channel.label(), report = report.label(), attempts, "a code was sent");
        } else {
            tracing::warn!(%code, channel = channel.label(), attempts, "no gateway took a code; its user has to ask again");
        }
        let command = Command::ReportMessage(ReportMessage {
            request,
            code,
            node: self.node,
            report,
            attempts,
        });
        let deadline = Instant::now() + limits::ADMINISTRATION_DEADLINE;
        if let Err(error) = propose_until_known(&*self.replica, &command, deadline).await {
            tracing::warn!(%code, %error, "what came of a code that was sent is not in the audit");
        }
    }

    /// Messages to a region are counted by the first digits of the number, which nobody reads in the state.
    fn prefix(&self, channel: Channel, address: &str) -> Option<[u8; 16]> {
        let region: String = address.chars().take(limits::PREFIX_CHARS).collect();
        match channel {
            Channel::Email => None,
            Channel::Sms | Channel::Voice => Some(self.keys.digest_proof(b"telephone prefix", 0, region.as_bytes())),
        }
    }

    /// Digits that are each as likely: 64 bits are many rounds of all codes.
    fn digits(&self) -> Zeroizing<String> {
        let digits = core_limits::SENT_CODE_DIGITS;
        let number = u64::from_be_bytes(random(&*self.entropy)) % 10u64.pow(digits as u32);
        Zeroizing::new(format!("{number:0digits$}"))
    }

    /// The verifier of a code that was sent.
    pub(crate) fn open_verifier(&self, sent: &SentCode) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.keys.open(code_aad(sent.id), sent.verifier.as_bytes())
    }

    /// What time it is, for whoever has only this.
    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }
}

const fn code_aad(id: CodeId) -> Aad {
    Aad {
        field: Field::SentCode,
        record: id.0,
    }
}
