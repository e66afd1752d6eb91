//! Every number that bounds the core, each with its reason.

/// Requests whose verdict is remembered at once. 30,000 logins a second (the most one node is meant to do)
/// over 120 s, about 130 bytes each. Beyond it a login gets [`crate::Refusal::LimitReached`]: silence, and
/// the NAS tries again.
pub const FINGERPRINTS: usize = 4_000_000;

/// Spent conversations remembered at once. A conversation needs a right password, and one Argon2id costs 30 ms
/// of a core, so that 64 cores need 11 minutes to fill it.
pub const CONVERSATIONS: usize = 1_000_000;

/// Pairs of user and source with wrong passwords remembered at once.
pub const PASSWORD_DELAYS: usize = 1_000_000;

/// Sources whose delay an unlock ends; a user has a handful, an attacker's need not be waited for.
pub const DELAYS_CLEARED: usize = 1_000;

/// Administrative requests whose answer is remembered at once, so that a repeated proposal is harmless.
pub const ANSWERS: usize = 100_000;

/// Expired rows removed with each command. A command adds at most two with an expiry, so tables shrink
/// under load, and no command pays for a backlog.
pub const PRUNED_PER_COMMAND: usize = 8;

/// A fingerprint lives at least this long, in ms: the longest sum of retries seen in practice is 90 s.
pub const RETENTION_MS_MIN: u64 = 120_000;

/// A fingerprint lives at most this long, in ms: a client cannot claim memory for ever.
pub const RETENTION_MS_MAX: u64 = 900_000;

/// A verdict judged longer ago than this, in ms, is refused, and no reply leaves later. Also how far the
/// clock of the judging node may run ahead.
pub const JUDGEMENT_MS: u64 = 10_000;

/// A challenge may be answered for at most this long, in ms; the policy chooses below it.
pub const CHALLENGE_MS_MAX: u64 = 600_000;

/// How long a spent conversation is remembered, in ms: no challenge, with both clocks at their worst, outlives it.
pub const CONVERSATION_MEMORY_MS: u64 = CHALLENGE_MS_MAX + 2 * JUDGEMENT_MS;

/// Wrong passwords from one source that cost nothing: people mistype.
pub const FREE_WRONG_PASSWORDS: u32 = 3;

/// The longest delay after a wrong password, in ms: a nuisance to a person, a wall to a guesser.
pub const PASSWORD_DELAY_MS_MAX: u64 = 60_000;

/// Wrong passwords are forgotten this long after the last one, in ms.
pub const PASSWORD_MEMORY_MS: u64 = 900_000;

/// How long the answer to an administrative request is remembered, in ms.
pub const ANSWER_MEMORY_MS: u64 = 120_000;

/// Changes in one administrative command. A log entry is at most 256 KB and the smallest change about 40 bytes.
pub const CHANGES_PER_COMMAND: usize = 4_096;

/// From one damaged node that replaces itself to the next, in ms: long enough for an operator to hear of the first.
pub const REPLACEMENT_INTERVAL_MS: u64 = 3_600_000;

/// Tokens of one user: a phone, a spare, a tablet and some history.
pub const TOKENS_PER_USER: usize = 16;

/// Networks of one client.
pub const NETWORKS_PER_CLIENT: usize = 256;

/// API tokens, join tokens, applications and nodes, each: administered by hand.
pub const HAND_MADE: usize = 10_000;

/// Directories: one for each domain, administered by hand.
pub const DIRECTORIES: usize = 64;

/// Hours for which right passwords of a directory's people are remembered: over a long week-end, and not so long that a password which was
/// changed there is good for ever here.
pub const REMEMBER_HOURS_MAX: u16 = 168;

/// An hour.
pub const HOUR_MS: u64 = 3_600_000;

/// Further names of a directory's domain: a NetBIOS name, and a suffix for each company that was bought.
pub const DOMAIN_ALIASES: usize = 16;

/// Bytes of a directory's sealed settings: names, filters, and certificates of its authority.
pub const SETTINGS_BYTES: usize = 65_536;

/// Groups of one user, of a directory and kept here each. Active Directory itself puts no more than 1,015 into a ticket, and a rule names a handful.
pub const GROUPS_PER_USER: usize = 256;

/// RADIUS clients.
pub const CLIENTS: usize = 100_000;

/// Clients that may share one network and differ by NAS-Identifier or secret; each costs a signature check per packet.
pub const CLIENTS_PER_NETWORK: usize = 64;

/// Secrets of one client: the one in use and the one it is rotated to.
pub const SECRETS_PER_CLIENT: usize = 2;

/// Bytes of any name, in UTF-8. A RADIUS attribute holds 253 (RFC 2865, section 5).
pub const NAME_BYTES: usize = 253;

/// Bytes of a sealed field. The largest is the CA key.
pub const SEALED_BYTES: usize = 4_096;

/// Bytes of a certificate.
pub const CERTIFICATE_BYTES: usize = 16_384;

/// Bytes of a fact taken over from a packet: one RADIUS attribute.
pub const FACT_BYTES: usize = 253;

/// Records in an audit segment: closed at the same record on every node, about 2 MB.
pub const RECORDS_PER_SEGMENT: u64 = 8_192;

/// Bytes of one audit record at most: three facts of a packet, names, and room for what later records will hold.
pub const RECORD_BYTES: u32 = 16_384;

/// Segments that one command may give up: a rule that is made much stricter takes several commands, each of which is applied
/// in a millisecond.
pub const SEGMENTS_PRUNED_PER_COMMAND: u64 = 1_024;

/// The strictest age a retention rule may ask for, in ms: a day. Segments are cut off whole, and what was done this
/// morning shall be there this evening.
pub const RETENTION_AGE_MS_MIN: u64 = 86_400_000;

/// The fewest bytes a retention rule may ask for: about half a segment of logins, and nothing smaller ever goes.
pub const RETENTION_BYTES_MIN: u64 = 1 << 20;

/// Bytes of a signature: ECDSA P-256 in DER has 72 at most, Ed25519 64.
pub const SIGNATURE_BYTES: usize = 128;

/// Bytes of one command; the log entry that holds it is bounded at 256 KB.
pub const COMMAND_BYTES: usize = 256 * 1024;

/// Timesteps on either side that a policy may allow. Each makes guessing easier by two codes.
pub const TOTP_WINDOW_MAX: u8 = 10;

/// Wrong codes that a policy may allow before a lock. More than this, and a six-digit code can be guessed.
pub const CODE_FAILURES_MAX: u32 = 100;

/// The longest lock a policy may ask for, in ms: one day. Longer is a disable, which has a command.
pub const LOCK_MS_MAX: u64 = 86_400_000;

/// Counters ahead that a policy may allow. Each makes guessing easier by one code, and 100 presses in a pocket are many.
pub const HOTP_LOOK_AHEAD_MAX: u8 = 100;

/// Timesteps that a token's clock may be off before it has to be replaced: half an hour at 30 s.
pub const DRIFT_MAX: i8 = 60;

/// Counters in which two codes in a row are looked for. A wrong pair is found once in a thousand million tries.
pub const RESYNC_COUNTERS: u64 = 1_000;

/// Factors that an application may ask for. What was proven of them has to fit into a State attribute.
pub const FACTORS_PER_APPLICATION: usize = 3;

/// Codes on a sheet: a bit each.
pub const CODES_PER_SHEET: u8 = 32;

/// How often a temporary code may be used: twice an hour for its fourteen days.
pub const TEMPORARY_USES_MAX: u32 = 672;

/// The longest life of a temporary code, in ms: fourteen days.
pub const TEMPORARY_MS_MAX: u64 = 14 * 86_400_000;

/// Tokens that are nobody's yet: a large delivery.
pub const STOCK: usize = 200_000;

/// Codes have 6 to 8 digits (RFC 4226, section 5.3: at least 6; more than 8 nobody types).
pub const CODE_DIGITS: std::ops::RangeInclusive<u8> = 6..=8;

/// Seconds of a TOTP period that tokens in the field use (RFC 6238 recommends 30).
pub const TOTP_PERIOD_S: std::ops::RangeInclusive<u32> = 15..=300;

/// How long a code that was sent may be good, in ms: long enough for a slow provider, and never more than a quarter of an hour.
pub const SENT_CODE_MS: std::ops::RangeInclusive<u64> = 30_000..=900_000;

/// How long a code that was sent is remembered after its time, in ms: whoever types it late is told apart from a guesser.
pub const SENT_CODE_MEMORY_MS: u64 = 300_000;

/// Digits of a code that is sent. It is typed off a screen, and one of few guesses at a million has to be right.
pub const SENT_CODE_DIGITS: usize = 6;

/// Messages to one user in a day that a policy may allow: nobody logs in so often.
pub const SENDS_PER_USER_MAX: u32 = 1_000;

/// Messages to one region in a day that a policy may allow: more than any operator would pay for without noticing.
pub const SENDS_PER_PREFIX_MAX: u32 = 10_000_000;

/// Codes on their way at once, about 250 bytes each. They live for fifteen minutes at most, and each needs a right password or
/// whatever comes before it.
pub const SENT_CODES: usize = 200_000;

/// Requests for codes remembered at once, about 100 bytes each.
pub const DISPATCHES: usize = 500_000;

/// Counts of messages remembered at once: one for each user that was sent something today, and one for each region.
pub const SEND_COUNTS: usize = 2_000_000;

/// How long a request for a code is remembered, in ms: as long as the challenge that came of it can be answered.
pub const DISPATCH_MEMORY_MS: u64 = CONVERSATION_MEMORY_MS;

/// A day, in ms: messages are counted by days of replicated time, from midnight UTC.
pub const DAY_MS: u64 = 86_400_000;

/// Bytes of an address with most of it left out.
pub const HINT_BYTES: usize = 48;

/// Bytes of what a challenge carries, sealed: a State attribute holds 253 (RFC 2865, section 5.24), of which sealing takes 44.
pub const CONVERSATION_BYTES: usize = 209;

/// Bytes of what was typed and has to be judged in a later packet: what [`CONVERSATION_BYTES`] leaves room for. Two codes of a YubiKey, each
/// behind the longest PIN.
pub const KEPT_BYTES: usize = 112;

/// Bytes of the text of a challenge: one Reply-Message (RFC 2865, section 5.18).
pub const PROMPT_BYTES: usize = 253;

/// Bytes of the sealed settings of a gateway: templates, headers, certificates of a private authority.
pub const GATEWAY_BYTES: usize = 65_536;

/// Gateways: each message may ask all of them, one after the other.
pub const GATEWAYS: usize = 64;

/// How long a device is remembered unless the policy says otherwise, in ms: 30 days.
pub const TRUST_MS_DEFAULT: u64 = 30 * DAY_MS;

/// How long the policy may have a device remembered, in ms: an hour to a year. Less is no use to anybody, and more is for ever.
pub const TRUST_MS: std::ops::RangeInclusive<u64> = 3_600_000..=366 * DAY_MS;

/// Devices that one user trusts at once: a browser or two on each machine that people sit at. The oldest gives way.
pub const DEVICES_PER_USER: usize = 16;

/// Devices that are trusted at once, about 350 bytes each with their indexes. Each needs a login by a code.
pub const DEVICES: usize = 1_000_000;

/// Bytes of the name of a device: which browser it is and on what.
pub const DEVICE_NAME_BYTES: usize = 128;

/// How long after a login its device may be trusted, in ms: as long as one looks at the question.
pub const TRUST_OFFER_MS: u64 = 300_000;

/// Logins at once after which a device may be trusted, about 100 bytes each. Beyond it nobody is asked, and everybody gets in as before.
pub const TRUST_OFFERS: usize = 500_000;

/// The fewest characters that a policy may ask of a password: below four it is none, and more than 64 nobody types.
pub const PASSWORD_CHARS_MIN: std::ops::RangeInclusive<u8> = 4..=64;

/// Passwords of one user that a policy may have remembered. Each costs an Argon2id, 30 to 40 ms, whenever a password is set, and 100
/// bytes for as long as the user is there.
pub const PASSWORD_HISTORY_MAX: u8 = 24;

/// Days after which a policy may ask for another password: ten years are for ever.
pub const PASSWORD_AGE_DAYS: std::ops::RangeInclusive<u16> = 1..=3_650;

/// New passwords that may be tried in one login: each is compared with all that are remembered.
pub const NEW_PASSWORDS_PER_LOGIN: u8 = 5;

/// Characters at the end of a field that are its code: the shortest code there is, to a YubiKey's behind the longest PIN.
pub const CUT_LENGTH: std::ops::RangeInclusive<u8> = 6..=56;

/// Digits of a PIN. Fewer are guessed by whoever holds the token; more are written on it.
pub const PIN_DIGITS: std::ops::RangeInclusive<u8> = 4..=12;

/// How often the code of a first token is asked for in one login: a clock that is wrong is not set right by trying.
pub const FIRST_CODES_PER_LOGIN: u8 = 5;

/// Rules: each is asked for every login that none before it matched, by the judging node and by each that applies the verdict.
pub const RULES: usize = 256;

/// Groups that a rule or a client names. With [`RULES`] and [`GROUPS_PER_USER`] that is a million comparisons for one verdict at the very
/// worst: some milliseconds.
pub const GROUPS_PER_RULE: usize = 16;

/// Networks that a rule names, or a client trusts or blocks.
pub const NETWORKS_PER_RULE: usize = 256;

/// Attributes that a rule asks for: one of each.
pub const ATTRIBUTES_PER_RULE: usize = 8;

/// Changes that wait for their confirmation at once: each is looked at for every change, and more than a handful nobody keeps in mind.
pub const PENDING: usize = 16;

/// How long a change may wait for its confirmation, in ms: a second, which is for programs, to a day. Whoever needs longer to see whether
/// people still get in confirms and changes it back.
pub const CONFIRM_WITHIN_MS: std::ops::RangeInclusive<u64> = 1_000..=DAY_MS;

/// Texts of messages that operators write: 64 languages by each of three channels. With [`TEXT_BYTES`] less than a MB in all.
pub const TEXTS: usize = 192;

/// Bytes of one text. A mail about a code has a few hundred, and ten text messages hold 1,340 characters.
pub const TEXT_BYTES: usize = 4_096;

/// Bytes of a mail's subject. It has to fit into a line (RFC 5322 section 2.1.1: 998) when it is encoded.
pub const SUBJECT_BYTES: usize = 512;

/// Bytes of a language's tag: RFC 5646 section 4.4.1 recommends room for 35.
pub const LANGUAGE_BYTES: usize = 35;
