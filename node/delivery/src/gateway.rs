//! One gateway at work: its settings made ready, its rate, its health, and the rule of what may be tried again.

use std::{io::Write, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until, timeout_at},
};
use zeroize::Zeroizing;

use crate::{
    attempt::{Accepted, Attempt, Blame, Halt, Outcome, Step, StepName, Trace},
    health::Health,
    http::HttpEngine,
    limits::{CROWDED_RETRY, IN_FLIGHT, RETRY_PAUSE},
    mask::Mask,
    message::Message,
    problem::Checker,
    rate::Bucket,
    settings::Gateway,
    smpp::SmppEngine,
    smtp::SmtpEngine,
};

/// Where the console gateway prints.
pub type ConsoleWriter = Arc<Mutex<dyn Write + Send>>;

/// What sends.
pub(crate) enum Engine {
    Smtp(Box<SmtpEngine>),
    Http(Box<HttpEngine>),
    Smpp(Box<SmppEngine>),
    Console,
}

impl Engine {
    pub(crate) fn smtp(engine: SmtpEngine) -> Self {
        Self::Smtp(Box::new(engine))
    }

    pub(crate) fn http(engine: HttpEngine) -> Self {
        Self::Http(Box::new(engine))
    }

    pub(crate) fn smpp(engine: SmppEngine) -> Self {
        Self::Smpp(Box::new(engine))
    }

    /// The servers behind it, in the order in which they are tried.
    fn servers(&self) -> Vec<String> {
        match self {
            Self::Smtp(smtp) => smtp.servers(),
            Self::Http(http) => vec![http.server()],
            Self::Smpp(smpp) => smpp.servers(),
            Self::Console => vec!["console".to_owned()],
        }
    }

    fn secrets(&self) -> Vec<Zeroizing<String>> {
        match self {
            Self::Smtp(smtp) => smtp.secrets(),
            Self::Http(http) => http.secrets(),
            Self::Smpp(smpp) => smpp.secrets(),
            Self::Console => Vec::new(),
        }
    }
}

/// A gateway at work.
pub(crate) struct Running {
    pub(crate) settings: Gateway,
    /// What sends, or why nothing can be sent.
    engine: Result<Engine, String>,
    servers: Vec<String>,
    secrets: Vec<Zeroizing<String>>,
    bucket: Option<Bucket>,
    places: Semaphore,
    pub(crate) health: Arc<Health>,
    console: ConsoleWriter,
}

/// What to do after a gateway was asked.
pub(crate) enum Next {
    /// It has the message.
    Delivered(Option<String>),
    /// It certainly has not.
    AskAnother,
    /// It may have it, or nobody could deliver it.
    Stop,
}

impl Running {
    pub(crate) fn new(settings: Gateway, health: Arc<Health>, console: ConsoleWriter) -> Self {
        let mut checker = Checker::default();
        let engine = settings.compile(&mut checker).ok_or_else(|| {
            let (problems, _) = checker.finish();
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            problems.join("; ")
        });
        let of_engine = |of: fn(&Engine) -> Vec<String>| engine.as_ref().map(of).unwrap_or_default();
        Self {
            servers: of_engine(Engine::servers),
            secrets: engine.as_ref().map(Engine::secrets).unwrap_or_default(),
            bucket: settings.rate.map(Bucket::new),
            places: Semaphore::new(IN_FLIGHT),
            settings,
            engine,
            health,
            console,
        }
    }

    /// Why nothing can be sent by it; empty if it can.
    pub(crate) fn unusable(&self) -> &str {
        self.engine.as_ref().err().map_or("", String::as_str)
    }

    /// Sends the message, by the first of its servers that takes it, and tells in `attempts` what happened.
    pub(crate) async fn deliver(&self, message: &Message, deadline: Instant, attempts: &mut Vec<Attempt>) -> Next {
        let _place = match self.admit() {
            Ok(place) => place,
            Err(outcome) => {
                self.note("", outcome, Duration::ZERO, attempts);
                return Next::AskAnother;
            }
        };
        for round in 0..=self.settings.retries {
            if round > 0 {
                sleep_until(deadline.min(Instant::now() + RETRY_PAUSE)).await;
            }
            match self.round(message, deadline, attempts).await {
                Some(next) => return next,
                None => continue,
            }
        }
        Next::AskAnother
    }

    /// A place for one more message, if its rate and its load allow it.
    fn admit(&self) -> Result<tokio::sync::SemaphorePermit<'_>, Outcome> {
        if let Err(problems) = &self.engine {
            let reason = format!("its settings cannot be used here: {problems}");
            return Err(Outcome::Unreachable { reason });
        }
        let crowded = |_| Outcome::RateLimited {
            retry_after: CROWDED_RETRY,
        };
        let place = self.places.try_acquire().map_err(crowded)?;
        let taken = self
            .bucket
            .as_ref()
            .map_or(Ok(()), |bucket| bucket.take(Instant::now()));
        taken.map_err(|retry_after| Outcome::RateLimited { retry_after })?;
        Ok(place)
    }

    /// Every server once. Nothing if another round may be worth while.
    async fn round(&self, message: &Message, deadline: Instant, attempts: &mut Vec<Attempt>) -> Option<Next> {
        let mut refused = false;
        for (at, server) in self.servers.iter().enumerate() {
            let begun = Instant::now();
            if begun >= deadline {
                self.note(server, Outcome::TooLate, Duration::ZERO, attempts);
                return Some(Next::Stop);
            }
            let (outcome, blame, _) = self.attempt(at, message, deadline).await;
            self.record(&outcome, blame);
            let next = match &outcome {
                Outcome::Accepted { reference, .. } => Some(Next::Delivered(reference.clone())),
                Outcome::Unknown { .. } if !self.settings.retry_unknown => Some(Next::Stop),
                Outcome::Refused { .. } if blame == Blame::Recipient => Some(Next::Stop),
                _ => None,
            };
            refused |= matches!(outcome, Outcome::Refused { .. });
            self.push(server, outcome, begun.elapsed(), attempts);
            if next.is_some() {
                return next;
            }
        }
        refused.then_some(Next::AskAnother)
    }

    /// One attempt at one server, with its steps.
    pub(crate) async fn attempt(&self, at: usize, message: &Message, deadline: Instant) -> (Outcome, Blame, Vec<Step>) {
        let mut trace = Trace::new(Mask::new(message, &self.secrets));
        let limit = deadline.min(Instant::now() + self.settings.timeout());
        let ended = timeout_at(limit, self.engage(at, message, &mut trace)).await;
        let (outcome, blame) = match ended {
            Ok(ended) => judged(ended, &trace),
            Err(_) => {
                let reason = format!("time was up {}", trace.doing());
                judged(Err(Halt::Broken(reason)), &trace)
            }
        };
        if !matches!(outcome, Outcome::Accepted { .. }) {
            trace.failed(&outcome.to_string());
        }
        (outcome, blame, trace.into_steps())
    }

    async fn engage(&self, at: usize, message: &Message, trace: &mut Trace) -> Result<Accepted, Halt> {
        match &self.engine {
            Err(problems) => Err(Halt::Broken(problems.clone())),
            Ok(Engine::Smtp(smtp)) => smtp.attempt(at, message, trace).await,
            Ok(Engine::Http(http)) => http.attempt(message, trace).await,
            Ok(Engine::Smpp(smpp)) => smpp.attempt(at, message, trace).await,
            Ok(Engine::Console) => self.print(message, trace),
        }
    }

    fn print(&self, message: &Message, trace: &mut Trace) -> Result<Accepted, Halt> {
        trace.begin(StepName::Send, "the console");
        let subject = if message.subject.is_empty() {
            String::new()
        } else {
            format!(" [{}]", message.subject)
        };
        let (channel, to) = (message.channel.name(), message.to.as_str());
        let line = Zeroizing::new(format!("{channel} to {to}{subject}: {}\n", message.text.as_str()));
        let mut console = self.console.lock();
        let printed = console.write_all(line.as_bytes()).and_then(|()| console.flush());
        printed.map_err(|error| Halt::Broken(format!("cannot print: {error}")))?;
        let accepted = Accepted {
            answer: "printed".to_owned(),
            reference: None,
        };
        trace.done(&accepted.answer);
        Ok(accepted)
    }

    pub(crate) fn record(&self, outcome: &Outcome, blame: Blame) {
        let gateway = self.settings.name.as_str();
        let backs_off = self.health.record(outcome, blame, Instant::now());
        if backs_off {
            tracing::warn!(gateway, %outcome, "a gateway keeps failing and is asked last for a while");
        } else if matches!(outcome, Outcome::Accepted { .. }) {
            tracing::debug!(gateway, "a message was taken");
        } else {
            tracing::info!(gateway, %outcome, "a message was not taken");
        }
    }

    /// What was not even tried.
    fn note(&self, server: &str, outcome: Outcome, took: Duration, attempts: &mut Vec<Attempt>) {
        self.record(&outcome, Blame::Gateway);
        self.push(server, outcome, took, attempts);
    }

    fn push(&self, server: &str, outcome: Outcome, took: Duration, attempts: &mut Vec<Attempt>) {
        attempts.push(Attempt {
            gateway: self.settings.name.clone(),
            server: server.to_owned(),
            outcome,
            took,
        });
    }

    pub(crate) fn servers(&self) -> &[String] {
        &self.servers
    }
}

/// The outcome of an attempt, and who is to blame if it is none to be glad about. This is where *unknown* is told from *certainly not*.
fn judged(ended: Result<Accepted, Halt>, trace: &Trace) -> (Outcome, Blame) {
    let mask = |text: &str| trace.mask().apply(text);
    match ended {
        Ok(accepted) => {
            let reference = accepted.reference.map(|reference| mask(&reference));
            let answer = mask(&accepted.answer);
            (Outcome::Accepted { answer, reference }, Blame::Gateway)
        }
        Err(Halt::Refused { answer, blame }) => (Outcome::Refused { answer: mask(&answer) }, blame),
        Err(Halt::Uncertain(reason)) => (Outcome::Unknown { reason: mask(&reason) }, Blame::Gateway),
        Err(Halt::Broken(reason)) if trace.is_committed() => {
            (Outcome::Unknown { reason: mask(&reason) }, Blame::Gateway)
        }
        Err(Halt::Broken(reason)) => (Outcome::Unreachable { reason: mask(&reason) }, Blame::Gateway),
    }
}
