//! Text messages by SMPP 3.4 ("Short Message Peer to Peer Protocol Specification v3.4, Issue 1.2"), as a transmitter.
//!
//! One session for each message, from the bind to the unbind. A session that is kept open would save two round trips, and would have to be watched,
//! kept alive and given up in time; codes are too few for it, and a message would be written into connections that have died. What providers limit is
//! how often an account is bound at once: [`Smpp::sessions`] bounds it for this node, and who comes too late waits within its own time.
//!
//! A server may act on a message once it has all of `submit_sm`. Up to its first octet everything that breaks means *certainly not*; after it, an answer
//! alone tells (`status.rs`), and anything else means *unknown*: silence, a broken connection, an answer to another sequence number, a leave in
//! between. A text of several parts is in doubt from the first part that was taken: what is refused then may have arrived in part.
//!
//! Caveats
//! - No receipts are asked for and none are read.
//! - `data_coding` 0 is the server's default alphabet. With most it is the GSM alphabet; where it is another, `coding` has to be `ucs2`.

mod pdu;
mod session;
mod status;

use std::{sync::Arc, time::Duration};

use rusmpp_core::{CommandId, CommandStatus};
use rustls::ClientConfig;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use zeroize::Zeroizing;

use pdu::{Submission, SubmittedText, message_id, part_header};
use session::Session;

use crate::{
    attempt::{Accepted, Blame, Halt, StepName, Trace},
    connect::{handshake, tcp},
    limits::{FAREWELL, SEGMENTS_MAX},
    mask::spellings,
    message::{Message, Recipient},
    segments::{Alphabet, Coded},
    settings::{LongMessages, Smpp, SmppCoding, SmppServer},
};

/// An SMPP gateway that is ready to send.
pub(crate) struct SmppEngine {
    settings: Smpp,
    tls: Option<Arc<ClientConfig>>,
    connect: Duration,
    sessions: Arc<Semaphore>,
}

impl SmppEngine {
    /// Of settings that were checked, with what TLS needs if a server wants it.
    pub(crate) fn new(settings: Smpp, tls: Option<Arc<ClientConfig>>, connect: Duration) -> Self {
        let sessions = Arc::new(Semaphore::new(settings.sessions.into()));
        Self {
            settings,
            tls,
            connect,
            sessions,
        }
    }

    pub(crate) fn servers(&self) -> Vec<String> {
        let name = |server: &SmppServer| format!("{}:{}", server.host, server.port);
        self.settings.servers.iter().map(name).collect()
    }

    pub(crate) fn secrets(&self) -> Vec<Zeroizing<String>> {
        spellings(self.settings.password.expose())
    }

    /// Hands the message to the server number `at`.
    pub(crate) async fn attempt(&self, at: usize, message: &Message, trace: &mut Trace) -> Result<Accepted, Halt> {
        let Recipient::Phone(to) = &message.to else {
            return Err(Halt::Broken("SMPP carries no mail".to_owned()));
        };
        let server = self.settings.servers.get(at);
        let server = server.ok_or_else(|| Halt::Broken("no such server".to_owned()))?;
        let (alphabet, texts) = self.texts(message)?;
        let turn = self.turn(trace).await?;
        let mut session = self.open(server, trace).await?;
        self.bind(&mut session, trace).await?;
        let submissions = texts.submitted().map(|text| Submission {
            to: to.digits(),
            alphabet,
            text,
        });
        let submissions: Vec<_> = submissions.collect();
        let accepted = self.submit(&mut session, &submissions, trace).await?;
        leave(session, turn);
        Ok(accepted)
    }

    /// The text as it is handed over, in one submission or several.
    fn texts(&self, message: &Message) -> Result<(Alphabet, Texts), Halt> {
        let coded = Coded::of(&message.text, self.settings.coding == SmppCoding::Ucs2);
        let count = coded.parts.len();
        if count > SEGMENTS_MAX {
            let answer = format!("the text is as long as {count} messages; {SEGMENTS_MAX} are sent at the most");
            let blame = Blame::Message;
            return Err(Halt::Refused { answer, blame });
        }
        let texts = match self.settings.long_messages {
            _ if count == 1 => Texts::Whole(coded.whole()),
            LongMessages::MessagePayload => Texts::Payload(coded.whole()),
            LongMessages::Udh => Texts::Parts(with_headers(&coded.parts, &message.reference)),
        };
        Ok((coded.alphabet, texts))
    }

    /// Our turn to open one of the sessions.
    async fn turn(&self, trace: &mut Trace) -> Result<OwnedSemaphorePermit, Halt> {
        let sessions = self.settings.sessions;
        trace.begin(
            StepName::Greeting,
            &format!("one of its {sessions} sessions to be free"),
        );
        let turn = self.sessions.clone().acquire_owned().await;
        turn.map_err(|_| Halt::Broken("its sessions are closed".to_owned()))
    }

    async fn open(&self, server: &SmppServer, trace: &mut Trace) -> Result<Session, Halt> {
        let stream = tcp(&server.host, server.port, self.connect, trace).await?;
        Ok(match self.tls.as_ref().filter(|_| server.tls) {
            Some(config) => Session::new(Box::new(handshake(stream, &server.host, config, trace).await?)),
            None => Session::new(Box::new(stream)),
        })
    }

    async fn bind(&self, session: &mut Session, trace: &mut Trace) -> Result<(), Halt> {
        trace.begin(StepName::Authenticate, "bind_transmitter");
        let bind = |sequence| pdu::bind(&self.settings, sequence);
        let answer = session.ask(CommandId::BindTransmitterResp, bind).await?;
        if answer.status != CommandStatus::EsmeRok {
            return Err(status::bind_refusal(answer.status));
        }
        trace.done(&format!("bound as {}", self.settings.system_id));
        Ok(())
    }

    /// Part after part, so that nothing of a message has gone out when its first part is refused.
    async fn submit(
        &self,
        session: &mut Session,
        submissions: &[Submission<'_>],
        trace: &mut Trace,
    ) -> Result<Accepted, Halt> {
        trace.begin(StepName::Send, "submit_sm");
        let count = submissions.len();
        let mut reference = None;
        for (taken, submission) in submissions.iter().enumerate() {
            trace.commit();
            let id = self.submit_one(session, submission).await;
            let id = id.map_err(|halt| after(taken, count, halt))?;
            reference = reference.or(id);
        }
        let accepted = Accepted {
            answer: match count {
                1 => "ESME_ROK".to_owned(),
                _ => format!("ESME_ROK, in {count} parts"),
            },
            reference,
        };
        trace.done(&accepted.answer);
        Ok(accepted)
    }

    /// What the server calls it.
    async fn submit_one(&self, session: &mut Session, submission: &Submission<'_>) -> Result<Option<String>, Halt> {
        let submit = |sequence| pdu::submit(&self.settings, submission, sequence);
        let answer = session.ask(CommandId::SubmitSmResp, submit).await?;
        match answer.status {
            CommandStatus::EsmeRok => Ok(message_id(&answer.body)),
            status => Err(status::submit_refusal(status)),
        }
    }
}

/// The texts of all submissions of a message.
enum Texts {
    Whole(Zeroizing<Vec<u8>>),
    Payload(Zeroizing<Vec<u8>>),
    Parts(Vec<Zeroizing<Vec<u8>>>),
}

impl Texts {
    fn submitted(&self) -> impl Iterator<Item = SubmittedText<'_>> {
        let (alone, parts) = match self {
            Self::Whole(text) => (Some(SubmittedText::Whole(text)), &[][..]),
            Self::Payload(text) => (Some(SubmittedText::Payload(text)), &[][..]),
            Self::Parts(parts) => (None, parts.as_slice()),
        };
        alone
            .into_iter()
            .chain(parts.iter().map(|part| SubmittedText::Part(part)))
    }
}

fn with_headers(parts: &[Zeroizing<Vec<u8>>], reference: &str) -> Vec<Zeroizing<Vec<u8>>> {
    // Parts of two messages to one telephone are told apart by it; that it repeats once in 256 messages is the standard's limit.
    let reference = reference
        .bytes()
        .fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    let count = u8::try_from(parts.len()).expect("invariant: SEGMENTS_MAX parts at the most");
    let with_header = |(number, part): (u8, &Zeroizing<Vec<u8>>)| {
        let header = part_header(reference, count, number);
        Zeroizing::new([header.as_slice(), part.as_slice()].concat())
    };
    (1..=count).zip(parts).map(with_header).collect()
}

/// Why it ended, if `taken` parts of `count` were taken before.
fn after(taken: usize, count: usize, halt: Halt) -> Halt {
    match halt {
        Halt::Refused { answer, .. } if taken > 0 => {
            let part = taken + 1;
            Halt::Uncertain(format!(
                "part {part} of {count} was refused, and the former was taken: {answer}"
            ))
        }
        halt => halt,
    }
}

/// The message is theirs; nobody waits for the parting words, and the session counts until they were said.
fn leave(mut session: Session, turn: OwnedSemaphorePermit) {
    tokio::spawn(async move {
        let _ = timeout(FAREWELL, session.unbind()).await;
        drop(turn);
    });
}
