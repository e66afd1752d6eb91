//! What protects the server. What a client may rely on is in `quorate_api::limits`.

use std::time::Duration;

/// Connections of the TLS listener at once. Each holds about 50 KB of buffers: 25 MB, and far more
/// than administrators, scripts, probes and one balancer open.
pub const CONNECTIONS: usize = 512;

/// Connections of one address at once, so that one client cannot hold them all.
pub const CONNECTIONS_PER_ADDRESS: usize = 128;

/// Connections of the Unix socket at once: only root opens them.
pub const UNIX_CONNECTIONS: usize = 64;

/// Time for a TLS handshake: three round trips over the worst of links.
pub const HANDSHAKE: Duration = Duration::from_secs(5);

/// Time for the head of a request, and so also how long a connection may idle between two: as long
/// as a balancer's keep-alive, short enough that a slow-loris gives up its place.
pub const HEAD: Duration = Duration::from_secs(15);

/// Time for the body of a request, [`quorate_api::limits::BODY_MAX_BYTES`] at most.
pub const BODY: Duration = Duration::from_secs(15);

/// Headers in a request: a browser sends 20.
pub const HEADERS: usize = 64;

/// Bytes of the read buffer and so of a request's head: hyper's minimum is 8,192.
pub const HEAD_BYTES: usize = 16 * 1024;

/// Time for the work of one request: as long as a login may take, after which its outcome is
/// unknown.
pub const REQUEST: Duration = Duration::from_secs(10);

/// Time for the barrier of `/readyz`: below the timeout of the usual probes (HAProxy 2 s, systemd
/// and Kubernetes 1 s or more), so that the probe hears "no" and not silence.
pub const READY: Duration = Duration::from_millis(900);

/// How long an answer of `/readyz` may be reused. Anybody may ask, and each answer costs the quorum
/// a round trip: so at most five a second.
pub const READY_REUSE: Duration = Duration::from_millis(200);

/// How old a connection may grow. A peer that stops reading would otherwise hold its place for ever.
pub const LIFETIME: Duration = Duration::from_secs(900);

/// Time for the request under way when a connection is too old: the longest there is, a follower's
/// wait for audit records, and some for the answer.
pub const LINGER: Duration = Duration::from_secs(quorate_api::limits::FOLLOW_WAIT_MAX_S + 10);

/// Time that requests under way get when the server stops.
pub const FAREWELL: Duration = Duration::from_secs(5);

/// Pause after `accept` failed, most likely for want of file descriptors: trying at once would spin.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Time that a listing of the audit may look where no index helps; what it did not reach is said, and asked for next.
pub const AUDIT_LOOK: Duration = Duration::from_secs(6);

/// Users that one page of a list by enrolment looks at: some dozens of milliseconds, however few of them are meant.
pub(crate) const USERS_LOOKED_AT: usize = 50_000;
