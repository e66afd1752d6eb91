//! Every number of this crate, with its reason.

use std::time::Duration;

/// No reply to a login leaves later than this after its packet arrived: the core refuses older judgements
/// (`quorate_core::limits::JUDGEMENT_MS`), and a NAS has given up by then.
pub const LOGIN_DEADLINE: Duration = Duration::from_secs(10);

/// How long an administrator waits. As for a login: after it the caller hears *unknown* and may ask again.
pub const ADMINISTRATION_DEADLINE: Duration = Duration::from_secs(10);

/// For a change in a directory: its controllers are asked in turn, and one that was sent the change is waited for.
pub const DIRECTORY_CHANGE_DEADLINE: Duration = Duration::from_secs(10);

/// How often one login is judged when the state changes under it. Each time needs an administrative change of the
/// very objects it is judged by; four in ten seconds are no coincidence, and silence makes the NAS ask again.
pub const JUDGEMENTS_PER_LOGIN: u32 = 4;

/// First pause before a command without a leader is proposed again. A failover takes a few hundred milliseconds.
pub const RETRY_PAUSE_MIN: Duration = Duration::from_millis(10);

/// Longest such pause: what a login may lose after a new leader is there.
pub const RETRY_PAUSE_MAX: Duration = Duration::from_millis(100);

/// Waiting for the first try of a proposal. A leader that dies with a command in hand never answers, and the same
/// command is then proposed to the next one: shorter than the second after which an eager NAS repeats itself, longer
/// than a commit on a slow disk. Every further try waits twice as long, so that a slow cluster is not proposed to death.
pub const PROPOSE_FIRST_TRY: Duration = Duration::from_millis(700);
/// See [`PROPOSE_FIRST_TRY`]: as long as a login may take in all.
pub const PROPOSE_LONGEST_TRY: Duration = LOGIN_DEADLINE;

/// An idle hash thread keeps its 19 MiB this long: through any busy hour, not through the night.
pub const HASH_MEMORY_KEPT: Duration = Duration::from_secs(5);

/// Passwords of one user waiting to be hashed, beside the one in hand. A person has one; a NAS that retries too
/// eagerly a few.
pub const HASHES_WAITING_PER_USER: usize = 4;

/// Passwords waiting per hash thread: at 30 to 40 ms each, the last of them is answered shortly before its login's
/// ten seconds are over.
pub const HASHES_WAITING_PER_THREAD: usize = 240;

/// Of those, how many may come through one client, so that one flooded gateway leaves room for the others.
pub const HASHES_WAITING_PER_CLIENT_AND_THREAD: usize = 180;

/// Rejects of one client and source that are committed in a burst: a company's Monday morning through one gateway.
pub const REJECT_BURST: u32 = 500;

/// Rejects of one client and source that are committed per second in the long run: ten are far above what people
/// mistype, and below 1 GB of log a month.
pub const REJECTS_PER_SECOND: u32 = 10;

/// Pairs of client and source whose budget is tracked. Beyond it, idle ones go; with none idle, a new pair shares
/// one budget with all other new ones.
pub const BUDGETS: usize = 16_384;

/// Summaries of local rejects per interval and node; sources beyond it share one per client. Each is a log entry, and a flood from many
/// addresses must not fill the log.
pub const SUMMARIES: usize = 256;

/// How often rejects beyond the budget become one audit record per client and source.
pub const SUMMARY_INTERVAL: Duration = Duration::from_secs(10);

/// What a local reject waits when no commit has been measured yet.
pub const COMMIT_DELAY_FIRST: Duration = Duration::from_millis(5);

/// The longest a local reject is held back, however slow commits are: it holds a task.
pub const COMMIT_DELAY_MAX: Duration = Duration::from_secs(1);

/// Bytes of a local password. RFC 2865 section 5.2 carries 128, and in one-step logins a code of up to eight digits
/// follows in the same field.
pub const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 1..=120;

/// Characters of a RADIUS shared secret. Below six, one captured packet gives it away in seconds; RFC 2865 section 3
/// asks for sixteen; more than 128 no device takes.
pub const SECRET_CHARS: std::ops::RangeInclusive<usize> = 6..=128;

/// Random bytes of a generated shared secret: 120 bits, 24 characters of base 32.
pub const GENERATED_SECRET_BYTES: usize = 15;

/// Bytes of a token's seed. RFC 4226 section 4 demands 16 and recommends 20; 64 is a SHA-512 block's worth.
pub const SEED_BYTES: std::ops::RangeInclusive<usize> = 16..=64;

/// Bytes of one command of a synchronisation, about: half of what a log entry holds, so that logins fit beside it. A person with all groups
/// that a user may have takes half of this.
pub const SYNC_BYTES_PER_COMMAND: usize = 128 * 1024;

/// Users whom a synchronisation may part with at once without being told so, whatever their share: a team of a small office.
pub const SYNC_LEAVERS: u64 = 10;

/// The same as a share of the directory's users. A company that loses a fifth of its people from one synchronisation to the next has
/// somebody who knows; a filter that was mistyped has not.
pub const SYNC_LEAVERS_PERCENT: u64 = 20;

/// A directory that cannot be asked is told of once in so long: a node asks it a thousand times a second.
pub const OUTAGE_NOTICE_INTERVAL: Duration = Duration::from_secs(60);

/// People who could not be made users that a synchronisation names; the rest are counted by what is missing.
pub const SYNC_REFUSALS_SHOWN: usize = 100;

/// Codes on a sheet of recovery codes, unless said otherwise.
pub const RECOVERY_CODES: u8 = 10;

/// How long a temporary code lasts, unless said otherwise: a working day and the night after it.
pub const TEMPORARY_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// How long a registration code lasts, unless said otherwise: a letter is on its way for some days.
pub const REGISTRATION_LIFETIME: Duration = Duration::from_secs(7 * 86_400);

/// How often a temporary code may be used, unless said otherwise.
pub const TEMPORARY_USES: u32 = 20;

/// Bytes of a YubiKey's AES key, and of its private identity.
pub const YUBIKEY_KEY_BYTES: usize = 16;
/// See [`YUBIKEY_KEY_BYTES`].
pub const YUBIKEY_PRIVATE_ID_BYTES: usize = 6;

/// Bytes of the secret of a join token.
pub const JOIN_TOKEN_SECRET_BYTES: usize = 32;

/// How long a join token is valid by default and at most. An hour is a coffee and a typing mistake; a week, a
/// machine that is still in the post.
pub const JOIN_TOKEN_LIFETIME: Duration = Duration::from_secs(3600);
/// See [`JOIN_TOKEN_LIFETIME`].
pub const JOIN_TOKEN_LIFETIME_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// Users with one token each in one atomic command of a bulk creation: about 75 KB, well below the 256 KB of a log
/// entry, so that logins still fit beside it.
pub const BULK_USERS_PER_COMMAND: usize = 256;

/// Commands of one bulk creation under way at once: enough to keep the log busy, few enough for logins to pass.
pub const BULK_COMMANDS_IN_FLIGHT: usize = 4;

/// Imports that a node gathers at once: an operator has one, and a script that was broken off leaves another.
pub const IMPORTS: usize = 4;

/// Rows that a node holds of one import, some 600 bytes each: 150 MB at the worst. Larger files are imported in parts.
pub const IMPORT_ROWS: usize = 250_000;

/// How long an import is kept after it was last spoken of. Its rows come every few seconds; an operator who looks at a report takes longer.
pub const IMPORT_LIFETIME: Duration = Duration::from_secs(1_800);

/// Bytes of one command of an import, about: half of what a log entry holds, so that logins fit beside it.
pub const IMPORT_BYTES_PER_COMMAND: usize = 96 * 1024;

/// How long one order to commit an import goes on before it says how far it is: well below the deadline of its request.
pub const COMMIT_SLICE: Duration = Duration::from_secs(3);

/// What ends within this many ms is not imported any more: the leader's clock judges it, a little later.
pub const IMPORT_END_MS: u64 = 10_000;

/// Rows left out by a commit that are named; the rest are counted.
pub const IMPORT_LEFT_OUT_SHOWN: usize = 100;

/// Users or tokens in one command that says they are taken along, and in one answer: 500 KB of users with all that belongs to them.
pub const EXPORTED_PER_COMMAND: usize = 500;

/// How long a bulk creation goes on proposing one chunk: it may run while a leader is replaced.
pub const BULK_DEADLINE: Duration = Duration::from_secs(60);

/// Clients whose opened secrets are remembered, per node. Every client of a large site; 200 bytes each.
pub const CACHED_CLIENTS: usize = 65_536;

/// Audit records returned by one listing at most: a few megabytes.
pub const AUDIT_PAGE_MAX: usize = 10_000;

/// Logins of the past that one question about other rules looks at: some milliseconds of planning.
pub const WHAT_IF_RECORDS: usize = 4_000;

/// From the position of one rule to that of the next, where nobody says it: room for others between them.
pub const RULE_STEP: u32 = 10;

/// How long a listing may look where no index helps, when nobody waits longer: some dozens of segments.
pub const AUDIT_LOOK: Duration = Duration::from_secs(2);

/// How often a node looks whether a head is to be signed or records are to be given up. A segment takes minutes to fill.
pub const AUDIT_KEEPING_INTERVAL: Duration = Duration::from_secs(2);

/// How often the leader looks whether a change was not confirmed in time: this much later than said it is taken back at most.
pub const PENDING_INTERVAL: Duration = Duration::from_millis(500);

/// Room for a login on its way to another node: six attributes of 253 bytes at most and five short ones, a password of
/// 128, and what a trusted device shows.
pub const PASSED_LOGIN_BYTES: usize = 4_096;

/// Characters of a telephone number, its plus among them, by which messages to a region are counted: the country and the first digit
/// or two after it.
pub const PREFIX_CHARS: usize = 5;

/// Digits of a telephone number (E.164: 15 at most, and no country has fewer than seven with its code).
pub const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Bytes of a mail address (RFC 5321, section 4.5.3.1.3: a path of 256 with its brackets).
pub const MAIL_BYTES: usize = 254;

/// How long all gateways together may take over a message: a user waits no longer than this before asking again.
pub const CARRY_DEADLINE: Duration = Duration::from_secs(60);

/// Users named of those whom a change would lock out: enough to see who they are.
pub const LOCKOUTS_NAMED: usize = 50;
/// A user's name of fewer characters may stand in the middle of a password: one or two letters are in half of them.
pub const NAME_CHARS_BARRED: usize = 3;

/// Digits and signs around a common password that do not make it another: a year, a sign and one more.
pub const COMMON_PASSWORD_EXTRAS: usize = 6;

/// What is left of a login's time when a directory is given up, where something is remembered: for an Argon2id in a queue, and the verdict.
pub const RECALL_RESERVE: Duration = Duration::from_secs(3);

/// How long the replacement of an imported password hash is tried, beside the login: the next login does it again.
pub const REHASH_DEADLINE: Duration = Duration::from_secs(10);

/// How long a login waits to have its password remembered: it gets in without.
pub const REMEMBER_PATIENCE: Duration = Duration::from_secs(2);

/// Users of whom a node knows which password is remembered: 16 bytes each, and one Argon2id more for everybody else.
pub const REMEMBERED_USERS: usize = 100_000;
