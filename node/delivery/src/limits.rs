//! Every bound of this crate, and why it is what it is.

use std::time::Duration;

/// How long one attempt may take in all unless configured. A person waits for the code; most logins wait a minute at the most, and
/// a second gateway must have its turn in that minute.
pub const ATTEMPT: Duration = Duration::from_secs(15);

/// How long a connection may take to come about unless configured, per address: two lost SYNs (1 s, 2 s) and a slow route.
pub const CONNECT: Duration = Duration::from_secs(5);

/// The longest timeout that can be configured. RFC 5321 section 4.5.3.2 would wait ten minutes for the end of a mail; nobody waits for a code that
/// long, and the attempt holds a place in [`IN_FLIGHT`] meanwhile.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(120);

/// Addresses of one name that are tried. A name with more is a balancer whose others are no better.
pub const ADDRESSES: usize = 4;

/// Before a gateway that could not be reached is tried again for the same message: a restart of a proxy, a moved address.
pub const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// Retries that can be configured. More only delays the next gateway.
pub const RETRIES_MAX: u8 = 5;

/// Messages under way at one gateway. Each holds a connection and some 100 KB; a provider seldom admits more connections of one customer.
pub const IN_FLIGHT: usize = 64;

/// What a message is told to wait when [`IN_FLIGHT`] others are under way: about as long as one takes.
pub const CROWDED_RETRY: Duration = Duration::from_secs(1);

/// Consecutive failures after which a gateway is asked last. One or two happen on any network.
pub const FAILURES_BEFORE_BACKOFF: u32 = 3;

/// First backoff; it doubles with each further failure.
pub const BACKOFF: Duration = Duration::from_secs(5);

/// Longest backoff: an outage that ended is noticed after this time at the latest, even if the others do all the work.
pub const BACKOFF_MAX: Duration = Duration::from_secs(300);

/// Time for the parting words to a server that has already accepted the message: they change nothing any more.
pub const FAREWELL: Duration = Duration::from_millis(500);

/// Bytes of a gateway's answer that are read. The success rules look at no more; a provider's answer is a few hundred.
pub const ANSWER_BYTES: usize = 64 * 1024;

/// Bytes of the head of an answer. Hyper wants 8 KB at least; cookies and policies of large sites fill 10.
pub const HEAD_BYTES: usize = 64 * 1024;

/// Bytes of a proxy's answer to CONNECT.
pub const PROXY_HEAD_BYTES: usize = 8 * 1024;

/// Characters of an answer that are kept in an attempt: a sentence, not a page.
pub const QUOTE_CHARS: usize = 200;

/// Bytes of one line of an SMTP reply: RFC 5321 section 4.5.3.1.5 says 512; some servers ramble.
pub const REPLY_LINE_BYTES: usize = 2_048;

/// Lines of one SMTP reply. EHLO answers have about fifteen.
pub const REPLY_LINES: usize = 100;

/// Bytes of one PDU from an SMPP server. Answers have a hundred; only messages to us are longer, and a transmitter gets none.
pub const SMPP_PDU_BYTES: usize = 4 * 1024;

/// PDUs of an SMPP server that are read for one answer: signs of life it asks for, answers that it repeats.
pub const SMPP_PDUS: usize = 64;

/// Characters of an account's name: SMPP 3.4 section 5.2.1, less the end.
pub const SMPP_SYSTEM_ID_BYTES: usize = 15;

/// Characters of an account's password: SMPP 3.4 section 5.2.2, less the end.
pub const SMPP_PASSWORD_BYTES: usize = 8;

/// Characters of a kind of client: SMPP 3.4 section 5.2.3, less the end.
pub const SMPP_SYSTEM_TYPE_BYTES: usize = 12;

/// Characters of a sender's name: what 3GPP TS 23.040 section 9.1.2.5 has room for in seven bits each.
pub const SMPP_SENDER_CHARS: usize = 11;

/// Characters of a message's name: SMPP 3.4 section 5.2.23, less the end.
pub const SMPP_MESSAGE_ID_BYTES: usize = 64;

/// Sessions of one SMPP account that a node may be allowed. Providers sell them by ones and twos.
pub const SMPP_SESSIONS_MAX: u8 = 16;

/// Bytes of an access token. Those with groups inside reach 8 KB.
pub const TOKEN_BYTES: usize = 16 * 1024;

/// A token is renewed this long before it expires, so that it does not expire on its way.
pub const TOKEN_MARGIN: Duration = Duration::from_secs(30);

/// How long a token is used whose lifetime the server does not tell (RFC 6749 section 5.1 only recommends to).
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(300);

/// Longest lifetime that is believed: a day.
pub const TOKEN_LIFETIME_MAX: Duration = Duration::from_secs(86_400);

/// Bytes of any template: message, URL, header or body.
pub const TEMPLATE_BYTES: usize = 16 * 1024;

/// Placeholders in one template. With values of [`VALUE_CHARS`] it bounds what is rendered.
pub const PLACEHOLDERS: usize = 64;

/// Bytes of a placeholder with its braces; more is a forgotten brace.
pub const PLACEHOLDER_BYTES: usize = 80;

/// Characters of a value in a message for people (a user's or an application's name); the rest is cut off.
pub const VALUE_CHARS: usize = 128;

/// Bytes of a code in a message: it is never cut off, a longer one is refused.
pub const CODE_BYTES: usize = 2_048;

/// Bytes of a message's text. A mail of text alone stays far below it.
pub const TEXT_BYTES: usize = 64 * 1024;

/// Segments of an SMS, at the most. Ten cost as much as ten messages, and some networks carry no more.
pub const SEGMENTS_MAX: usize = 10;

/// Bytes of a subject. It has to fit into a line (RFC 5322 section 2.1.1: 998) when it is encoded.
pub const SUBJECT_BYTES: usize = 512;

/// Bytes of a message's reference: it becomes a Message-ID and an idempotency key.
pub const REFERENCE_BYTES: usize = 64;

/// Gateways at one site. Failover over more than a few helps nobody.
pub const GATEWAYS: usize = 64;

/// SMTP or SMPP servers of one gateway.
pub const SERVERS: usize = 8;

/// Bytes of a name, a host or a user in the settings.
pub const NAME_BYTES: usize = 255;

/// Bytes of a secret in the settings, a token among them.
pub const SECRET_BYTES: usize = TOKEN_BYTES;

/// Bytes of PEM: a bundle of all public authorities has 220 KB.
pub const PEM_BYTES: usize = 1024 * 1024;

/// Entries of any list in the settings: headers, fields, parameters, secrets, country codes, domains.
pub const ENTRIES: usize = 256;

/// Characters of a telephone number as somebody typed it.
pub const PHONE_INPUT_CHARS: usize = 64;

/// Digits of an international number: E.164 section 6.2.1.
pub const PHONE_DIGITS: usize = 15;

/// Fewest digits of a number with its country code: the shortest in use (Niue, Saint Helena) have seven.
pub const PHONE_DIGITS_MIN: usize = 7;

/// Bytes of a mail address: RFC 5321 section 4.5.3.1.3, less the angle brackets.
pub const MAIL_BYTES: usize = 254;

/// Bytes before the `@`: RFC 5321 section 4.5.3.1.1.
pub const MAIL_LOCAL_BYTES: usize = 64;
