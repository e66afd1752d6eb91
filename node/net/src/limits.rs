//! Every bound of this crate, and why it is what it is.

use std::time::Duration;

/// No reply leaves later than this after its request was received. The same bound as for the age of
/// a command: what a NAS hears is never older than what the log would still take.
pub const REPLY_WITHIN: Duration = Duration::from_millis(quorate_core::limits::JUDGEMENT_MS);

/// Logins being judged at once, all sockets together. A new leader takes a second to be there; at
/// 15,000 logins a second that is how many wait. A waiting login costs about 4 KB.
pub const IN_FLIGHT_MAX: usize = 16_384;

/// Logins in hand, at least, before a queue is a queue. A third of a second at what one node does on two cores.
pub const CROWD: usize = 1_024;

/// When even the quickest login of a [`CROWD_WINDOW`] took longer, one more is dropped: half of the shortest time after which a NAS asks
/// again, and five times what a login takes at full load.
pub const CROWD_PATIENCE: Duration = Duration::from_millis(500);

/// How long the quickest login is looked for: a few round trips of the log.
pub const CROWD_WINDOW: Duration = Duration::from_millis(100);

/// Sockets per address unless configured: one for each core, and no more than pay off. One core
/// takes over 100,000 datagrams a second off a socket, many times what it can judge.
pub const SOCKETS_MAX: usize = 4;

/// Receive buffer asked of the kernel for each socket, which grants twice that. A login datagram occupies about 1 KB there, so this
/// is a burst of 2,000 for each socket. More would be a queue that nobody sees: in an overload it only makes all answers late. Bytes.
pub const RECEIVE_BUFFER_BYTES: usize = 1024 * 1024;

/// Datagrams taken from the kernel by one system call. The most `quinn-udp` takes.
pub const BATCH: usize = quinn_udp::BATCH_SIZE;

/// Room for one datagram. The longest UDP carries, so that none is ever cut; only pages that were
/// written to occupy memory. Bytes.
pub const DATAGRAM_BYTES: usize = 65_536;

/// One line per reason in this time, however many packets were dropped. An operator sees that it
/// goes on; a flood does not fill the disk.
pub const DROP_LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Clients with a label of their own in metrics; the others share `other`. Four results and five
/// methods make up to 20 series of each.
pub const CLIENT_LABELS_MAX: usize = 250;

/// Pause after the kernel refused to hand out datagrams (out of memory, usually), so that the loop
/// does not eat a core meanwhile.
pub const RECEIVE_ERROR_PAUSE: Duration = Duration::from_millis(100);

/// Clients whose signing keys are kept ready, per node. 300 bytes each; beyond it all are dropped
/// and made anew, two MD5 blocks each.
pub const SIGNING_KEYS_MAX: usize = 65_536;

/// A leader that no quorum confirmed for this long does not answer Status-Server. Many heartbeats, and less than the
/// shortest interval at which NASes probe (RFC 5997 §4: 6 s). Milliseconds.
pub const QUORUM_FRESH_MS: u64 = 2_000;
