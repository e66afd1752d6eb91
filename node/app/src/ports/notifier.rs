//! Carrying messages to people.

use std::sync::Arc;

use async_trait::async_trait;
use quorate_core::{Channel, CodeId, Gateway, GatewayId, MessageText, Report, State};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::ExaminedStep;
use crate::fields::FieldError;

/// Carries messages to people, through gateways whose settings it alone understands.
#[async_trait]
pub trait Notifier: Send + Sync + 'static {
    /// Reads settings as an administrator gives them. Secrets that they leave out are those of `former`.
    ///
    /// # Errors
    /// Every field that is wrong.
    fn read(&self, asked: &AskedGateway<'_>, former: Option<&[u8]>) -> Result<ReadGateway, Vec<FieldError>>;

    /// Kept settings as they may be shown.
    fn shown(&self, kept: &[u8]) -> ShownGateway;

    /// Checks subject and text as an administrator writes them, and says what is allowed and unwise.
    ///
    /// # Errors
    /// Every field that is wrong.
    fn check_text(&self, asked: &WrittenText) -> Result<Vec<FieldError>, Vec<FieldError>>;

    /// The texts that come with the program.
    fn built_in_texts(&self) -> Vec<WrittenText>;

    /// What somebody of this language would be sent, with sample values.
    ///
    /// # Errors
    /// Why it would be nothing; a sentence.
    fn preview(&self, wording: &Wording, channel: Channel, language: &str) -> Result<Preview, String>;

    /// Carries one message, once, through the first of `gateways` that takes it: what one of them may have taken is given to no
    /// other. Returns by the deadline.
    async fn send(&self, gateways: &[Arc<Gateway>], wording: &Wording, message: Message, deadline: Instant)
    -> Delivery;

    /// Sends a message without a code through every server of one of `gateways`, and says how each step went.
    async fn test(
        &self,
        gateways: &[Arc<Gateway>],
        gateway: GatewayId,
        recipient: (Channel, &str),
        deadline: Instant,
    ) -> Vec<ExaminedStep>;

    /// How a gateway stands, as this node has seen it.
    fn standing(&self, gateway: &Gateway) -> GatewayStanding;
}

/// A gateway as it is asked for.
pub struct AskedGateway<'a> {
    pub name: &'a str,
    /// What it is to carry; none for all that it can.
    pub channels: Option<&'a [Channel]>,
    pub priority: u16,
    /// In the adapter's own form.
    pub settings: &'a [u8],
}

/// A gateway that can be kept.
pub struct ReadGateway {
    pub channels: Vec<Channel>,
    /// Settings with their secrets, to be sealed.
    pub kept: Zeroizing<Vec<u8>>,
}

/// Settings without their secrets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShownGateway {
    /// In the form in which they are given.
    pub settings: Vec<u8>,
    /// `smtp`, `http` or `console`; empty if they cannot be read.
    pub kind: String,
    /// What is allowed and unwise.
    pub warnings: Vec<FieldError>,
}

/// What messages say, in one language by one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenText {
    pub channel: Channel,
    pub language: String,
    /// Of a mail; else empty.
    pub subject: String,
    /// With placeholders.
    pub text: String,
}

/// What operators have messages say, over what comes with the program.
#[derive(Debug, Clone, Default)]
pub struct Wording {
    /// For people whose own language has no text.
    pub default_language: String,
    pub texts: Vec<Arc<MessageText>>,
}

impl Wording {
    #[must_use]
    pub fn of(state: &State) -> Self {
        Wording {
            default_language: state.default_language().language.to_string(),
            texts: state.texts().cloned().collect(),
        }
    }
}

/// A message as somebody would read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The language it is in.
    pub language: String,
    /// Of a mail; else empty.
    pub subject: String,
    pub text: String,
    /// Of a text message: how many it becomes, each of which costs, and whether for a character that the GSM alphabet has not.
    pub segments: Option<(u32, Option<char>)>,
}

/// A code on its way. It holds the code and the address, so it has no `Debug`.
pub struct Message {
    /// Which code: for logs and gateways that want a reference.
    pub id: CodeId,
    pub channel: Channel,
    /// A number with its plus (E.164), or a mail address.
    pub address: Zeroizing<String>,
    pub code: Zeroizing<String>,
    /// How long the code is good, in ms.
    pub lifetime_ms: u64,
    /// The user's name.
    pub user: String,
    /// What the user logs in to, and the RADIUS client; empty if an administrator has the code sent.
    pub application: String,
    pub client: String,
    /// The user's language, such as `de` or `en-GB`; empty if nobody says one.
    pub language: String,
}

/// What came of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    pub report: Report,
    /// How many gateways were asked.
    pub attempts: u8,
}

/// How a gateway stands, as one node has seen it since it started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewayStanding {
    /// Whether it took the last message that it was given, or was given none.
    pub well: bool,
    /// What was wrong last; empty if nothing was.
    pub said: String,
    /// Messages it has taken.
    pub sent: u64,
    /// Attempts after which it certainly had none.
    pub failed: u64,
    /// Attempts after which nobody knows.
    pub unknown: u64,
    /// Messages it was not given, because of its rate.
    pub rate_limited: u64,
    /// For how long it is asked after all others, in ms, because it failed several times in a row.
    pub backing_off_ms: Option<u64>,
    /// What went wrong last, also if it took a message since, and how long ago, in ms.
    pub last_error: Option<(String, u64)>,
}

/// For a node that carries nothing: every message fails.
#[derive(Debug, Clone, Copy)]
pub struct NoGateways;

#[async_trait]
impl Notifier for NoGateways {
    fn read(&self, _asked: &AskedGateway<'_>, _former: Option<&[u8]>) -> Result<ReadGateway, Vec<FieldError>> {
        Err(Vec::new())
    }

    fn shown(&self, _kept: &[u8]) -> ShownGateway {
        ShownGateway::default()
    }

    fn check_text(&self, _asked: &WrittenText) -> Result<Vec<FieldError>, Vec<FieldError>> {
        Err(Vec::new())
    }

    fn built_in_texts(&self) -> Vec<WrittenText> {
        Vec::new()
    }

    fn preview(&self, _wording: &Wording, _channel: Channel, _language: &str) -> Result<Preview, String> {
        Err("this node sends no messages".to_owned())
    }

    async fn send(
        &self,
        _gateways: &[Arc<Gateway>],
        _wording: &Wording,
        _message: Message,
        _deadline: Instant,
    ) -> Delivery {
        Delivery {
            report: Report::Failed,
            attempts: 0,
        }
    }

    async fn test(
        &self,
        _gateways: &[Arc<Gateway>],
        _gateway: GatewayId,
        _recipient: (Channel, &str),
        _deadline: Instant,
    ) -> Vec<ExaminedStep> {
        Vec::new()
    }

    fn standing(&self, _gateway: &Gateway) -> GatewayStanding {
        GatewayStanding::default()
    }
}
