//! Every number of this crate, with its reason.

use std::time::Duration;

// --- Syslog messages.

/// Bytes of a message, framing aside. RFC 5424 §6.1 asks every receiver to take 2,048, and RFC 5425 §4.3.1 insists.
pub const MESSAGE_BYTES: usize = 2_048;

/// Bytes of structured data in it: with the longest header there are at least 450 left for the text.
pub const DATA_BYTES: usize = 1_200;

/// Bytes of one value, escapes included: a RADIUS attribute holds 253, and some room for escapes.
pub const VALUE_BYTES: usize = 300;

/// Bytes of HOSTNAME, APP-NAME, PROCID and MSGID (RFC 5424 §6).
pub const HOST_BYTES: usize = 255;
/// See [`HOST_BYTES`].
pub const APP_BYTES: usize = 48;
/// See [`HOST_BYTES`].
pub const PROCESS_BYTES: usize = 128;
/// See [`HOST_BYTES`].
pub const MESSAGE_ID_BYTES: usize = 32;

/// Bytes of an SD-ID or a PARAM-NAME (RFC 5424 §6.3.2).
pub const NAME_BYTES: usize = 32;

/// The private enterprise number in the SD-ID `quorate@…` (RFC 5424 §7.2.2). The number that RFC 5612 sets aside for documentation: Quorate
/// has none of its own, and a number of somebody else's would be a lie.
pub const ENTERPRISE: u32 = 32_473;

// --- Syslog servers.

/// Servers of one node. Each has a queue and a connection of its own.
pub const SERVERS_MAX: usize = 8;

/// Messages that wait for one server, unless configured: 5 MB at the usual 500 bytes, and ten seconds of a busy node.
pub const QUEUE: usize = 10_000;

/// The least that may be configured: a batch must fit.
pub const QUEUE_MIN: usize = 16;

/// The most that may be configured: 2 GB at the longest messages.
pub const QUEUE_MAX: usize = 1_000_000;

/// Bytes handed to the kernel at once.
pub const BATCH_BYTES: usize = 64 * 1024;

/// Time to resolve a name, connect and finish a TLS handshake.
pub const CONNECT: Duration = Duration::from_secs(10);

/// Time for one batch to be taken by the kernel. A server that takes nothing for so long is as good as gone.
pub const WRITE: Duration = Duration::from_secs(30);

/// Pause before the first attempt to connect again, and the longest. A server that restarts is away for a second or two; one that is gone
/// for the weekend is asked twice a minute.
pub const RECONNECT_FIRST: Duration = Duration::from_millis(250);
/// See [`RECONNECT_FIRST`].
pub const RECONNECT_MAX: Duration = Duration::from_secs(30);

/// A connection that lived so long ends the backoff: one that is accepted and dropped at once does not.
pub const STABLE: Duration = Duration::from_secs(10);

/// How long a message that was written is kept to be written again should the connection break. TCP gives up on data that the
/// peer's kernel does not confirm for [`UNCONFIRMED`]; the rest is for the peer's process to read it.
pub const REPEAT_AGE: Duration = Duration::from_secs(15);

/// See [`REPEAT_AGE`]: TCP_USER_TIMEOUT (RFC 5482).
pub const UNCONFIRMED: Duration = Duration::from_secs(10);

/// The same for UDP, where only an ICMP message tells that nobody listens: a round trip over the worst of links.
pub const REPEAT_AGE_UDP: Duration = Duration::from_secs(1);

/// Bytes that are kept to be written again, at most: our send buffer, and a receiver that has not read for a while.
pub const REPEAT_BYTES: usize = 1024 * 1024;

/// Send buffer asked of the kernel, which grants twice that. Small, so that what waits here is counted here.
pub const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// Datagrams in a row before a pause, and the pause: 6,400 messages a second at most. The receiver's socket holds about 200 at the kernel's
/// default size, and what does not fit is lost unseen.
pub const DATAGRAM_BURST: usize = 64;
/// See [`DATAGRAM_BURST`].
pub const DATAGRAM_PAUSE: Duration = Duration::from_millis(10);

/// Time for the last messages when the node stops, and for the server to close its side: systemd waits 90 s for all of a node.
pub const FAREWELL: Duration = Duration::from_secs(3);

/// Bytes of an error that is kept to be shown.
pub const ERROR_BYTES: usize = 300;

// --- Rules.

/// Rules of one node.
pub const RULES_MAX: usize = 64;

/// Subjects (users, gateways, certificates) that one rule tells apart; what goes beyond shares one. A site has a dozen gateways; users
/// are what could grow without bound.
pub const SUBJECTS_MAX: usize = 256;

/// Bytes of a subject and of a sentence.
pub const SUBJECT_BYTES: usize = 256;
/// See [`SUBJECT_BYTES`].
pub const SENTENCE_BYTES: usize = 512;

/// Events that a rule can wait for within its time: each is a timestamp that is kept.
pub const EVENTS_MAX: u32 = 10_000;

/// Parts of a rate's time: the rate is exact to a twelfth of it.
pub const RATE_PARTS: usize = 12;

/// The longest time a rule looks back over or holds an alert down, in seconds: a week.
pub const SPAN_MAX_S: u64 = 7 * 24 * 3_600;

/// How long one rule and subject are quiet after an alert unless configured, in seconds.
pub const INTERVAL_S: u64 = 900;

/// The shortest interval that may be configured, in seconds.
pub const INTERVAL_MIN_S: u64 = 1;

/// How long something must have been over before it is called over, in milliseconds, or the rule's interval if that is shorter: what comes and
/// goes is one alert.
pub const OVER_AFTER_MS: u64 = 60_000;

// --- Delivery.

/// Webhooks of one node.
pub const WEBHOOKS_MAX: usize = 8;

/// Mailboxes that are told.
pub const MAILS_MAX: usize = 8;

/// Alerts that wait for one receiver: more than hold-down lets through in a day of trouble.
pub const OUTBOX: usize = 1_000;

/// Time for one attempt: connect, handshake, request and the head of the answer.
pub const ATTEMPT: Duration = Duration::from_secs(15);

/// Pause after the first failed attempt, and the longest.
pub const RETRY_FIRST: Duration = Duration::from_secs(1);
/// See [`RETRY_FIRST`].
pub const RETRY_MAX: Duration = Duration::from_secs(300);

/// An alert that could not be delivered for so long is given up: news of the day before yesterday only hides today's.
pub const ALERT_AGE: Duration = Duration::from_secs(24 * 3_600);

/// Attempts at a receiver that refuses an alert for good (a 4xx): a deployment of the receiver may be under way.
pub const REFUSALS_MAX: u32 = 3;

/// Bytes of a webhook's secret: HMAC-SHA-256 gains nothing from more than 64, and is guessed with less than 16.
pub const SECRET_MIN_BYTES: usize = 16;
/// See [`SECRET_MIN_BYTES`].
pub const SECRET_MAX_BYTES: usize = 1_024;

/// How far a signature's time may be from the receiver's, in seconds: the usual five minutes.
pub const SIGNATURE_AGE_S: u64 = 300;

/// Bytes of a file with certificates: a system's whole bundle has a quarter of a megabyte.
pub const PEM_BYTES: u64 = 4 * 1024 * 1024;
