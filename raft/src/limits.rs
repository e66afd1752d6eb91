//! Every bound of this crate, each with its reason.

/// Default heartbeat in milliseconds. A heartbeat is also openraft's AppendEntries timeout, so it
/// must exceed round trip + fsync p99; 60 ms leaves room on a busy disk and still lets a dead
/// leader be noticed well within a second.
pub const HEARTBEAT_MS: u64 = 60;
/// Default least election time in milliseconds: more than two heartbeats, so that one lost
/// heartbeat elects nobody.
pub const ELECTION_MIN_MS: u64 = 150;
/// Default most election time, and leader lease, in milliseconds. Failover ≈ this + at most the
/// difference to the least, which must stay well below a second.
pub const ELECTION_MAX_MS: u64 = 300;
/// Default log growth that triggers a snapshot: replaying this much takes seconds, not minutes.
pub const SNAPSHOT_LOG_BYTES: u64 = 256 << 20;
/// Default tolerance between a node's clock and the cluster's, in milliseconds: a sixth of a code's timestep, far above what NTP leaves.
pub const CLOCK_TOLERANCE_MS: u64 = 5_000;
/// How long one attempt of a leader whose clock or disk is wrong to hand over may take, in milliseconds.
pub const STEP_ASIDE_MS: u64 = 3_000;
/// Entries kept behind a snapshot, so that a peer that was away briefly needs no snapshot.
pub const KEEP_ENTRIES: u64 = 2_000;
/// An orderly stop leaves a snapshot when the entries since the last are more than this share of [`KEEP_ENTRIES`]; fewer are
/// replayed sooner than a snapshot is written.
pub const STOP_SNAPSHOT_SHARE: u64 = 8;
/// Entries in flight at the leader: the next is written to disk while the former is replicated.
pub const PIPELINE: usize = 2;
/// Threads of the consensus runtime: one for openraft's core, which blocks on nothing but
/// appends, and one for the transport.
pub const THREADS: usize = 2;

/// Most bytes of commands in one entry. An entry is copied, checksummed and sent within one
/// heartbeat; larger ones would make a heartbeat late.
pub const MAX_BATCH_BYTES: usize = 256 << 10;
/// Commands in an entry from which on the next one waits [`GATHER_MS`]: fewer, and there is nothing to gather.
pub const GATHER_FROM_COMMANDS: usize = 8;
/// How long commands are gathered under load, in milliseconds: a fraction of a login's answer time, and many logins.
pub const GATHER_MS: u64 = 3;
/// Most commands in one entry, so that one apply cannot hold up readers for long.
pub const MAX_BATCH_COMMANDS: usize = 4_096;
/// Most bytes of one command: it must fit a batch with its framing.
pub const MAX_COMMAND_BYTES: usize = MAX_BATCH_BYTES - 64;
/// Commands that may wait at one node for the proposer: about a second of the largest load
/// measured. Beyond that a caller is better told at once.
pub const MAX_QUEUED_COMMANDS: usize = 16_384;
/// Bytes that may wait at one node for the proposer, so that a few imports cannot fill memory.
pub const MAX_QUEUED_BYTES: usize = 64 << 20;

/// Most bytes of entries in one AppendEntries: with the largest entry after the limit is reached
/// it still passes a 100 Mbit/s line within a heartbeat.
pub const MAX_APPEND_BYTES: usize = 512 << 10;
/// Most bytes of one frame read as a whole: an AppendEntries at its largest, with room.
pub const MAX_FRAME_BYTES: usize = 4 << 20;
/// Most bytes of a head that is read apart from its tail.
pub const MAX_HEAD_BYTES: usize = 64 << 10;
/// Bytes of a snapshot read, sent and stored at a time.
pub const SNAPSHOT_CHUNK_BYTES: usize = 256 << 10;
/// Pause before a snapshot that could not be written is tried again, in milliseconds.
pub const SNAPSHOT_RETRY_MS: u64 = 10_000;
/// How long a peer that has received a whole snapshot may take to verify and install it, in milliseconds: a million users take seconds.
/// Nothing else goes to that peer meanwhile, so a lost answer must not be waited for for ever.
pub const SNAPSHOT_ANSWER_MS: u64 = 60_000;
/// How often the growth of the log is looked at, in milliseconds.
pub const SNAPSHOT_CHECK_MS: u64 = 1_000;

/// A connection without any sign of life for this long is given up, in milliseconds. Failover
/// does not wait for it; it only bounds how long a request hangs on a dead peer.
pub const IDLE_TIMEOUT_MS: u64 = 2_000;
/// Interval of QUIC's own keep-alive, in milliseconds: several fit into the idle timeout.
pub const KEEP_ALIVE_MS: u64 = 500;
/// Assumed round trip before the first measurement, in milliseconds. QUIC's default of 333 ms
/// would make the first lost packet cost a second.
pub const INITIAL_RTT_MS: u64 = 10;
/// Bytes sent before the first acknowledgement: a common entry in one flight, and well below the
/// kernel's default receive buffer of 208 KiB.
pub const INITIAL_WINDOW_BYTES: u64 = 64 << 10;
/// Streams one peer may have open here: RPCs in flight, far above any real number.
pub const MAX_STREAMS: u32 = 256;
/// Bytes one stream may have in flight: the largest AppendEntries without a pause.
pub const STREAM_WINDOW_BYTES: u32 = 2 << 20;
/// Bytes all streams of one connection may have in flight. Strangers may open a connection to join: without this bound each could
/// have us keep the windows of all its streams.
pub const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;
/// Connections that may wait for their handshake.
pub const MAX_PENDING_CONNECTIONS: usize = 64;
/// Limit for resolving the handshake of a connection we make, in milliseconds.
pub const CONNECT_TIMEOUT_MS: u64 = 2_000;
/// Pause between attempts to connect to a peer, in milliseconds: a restarted node is found
/// again within about this.
pub const RECONNECT_MS: u64 = 100;
/// A write that waits longer than this, in milliseconds, says that the disk is out of order: far above the slowest flush of a disk that
/// is merely busy, and within the patience of a NAS.
pub const DISK_STALL_MS: u64 = 1_500;
/// How often the room on the disk is looked at, in milliseconds.
pub const SPACE_CHECK_MS: u64 = 500;

/// Interval of probes to each peer, in milliseconds.
pub const PROBE_MS: u64 = 100;
/// How long one probe may take, in milliseconds.
pub const PROBE_TIMEOUT_MS: u64 = 500;

/// How long a leader that was deposed waits for its entries to be committed by its successor
/// before it calls them unknown, in milliseconds: the successor's first heartbeats settle most.
pub const DEPOSED_GRACE_MS: u64 = 300;
/// Pause before a batch that nobody proposed is sent again, in milliseconds.
pub const REROUTE_MS: u64 = 20;
/// Most time, in milliseconds, that the cluster's time moves on between two looks at the clocks, which are [`STANDING_CHECK_MS`] apart: much more than
/// a busy machine keeps that task waiting, and below the default tolerance.
pub const ANCHOR_STEP_MS: u64 = 2_000;
/// How often reachability and membership are looked at, in milliseconds: well within the least
/// election time.
pub const STANDING_CHECK_MS: u64 = 30;
/// After this long a restarted node contents itself with a quorum's answers, in milliseconds:
/// long enough for every live peer, short against a restart.
pub const ASK_GRACE_MS: u64 = 1_000;
/// How long one peer may take to say what we had acknowledged, in milliseconds.
pub const ASK_PATIENCE_MS: u64 = 250;
/// Pause between two rounds of asking, in milliseconds.
pub const ASK_PAUSE_MS: u64 = 50;

/// Longest a forwarded batch may ask us to wait, in milliseconds: no login outlives ten seconds.
pub const MAX_PATIENCE_MS: u64 = 30_000;
/// Pause before a membership change is tried again, in milliseconds.
pub const CHANGE_RETRY_MS: u64 = 50;
/// Longest one attempt at a membership change may take, in milliseconds: two commits, amply.
pub const CHANGE_PATIENCE_MS: u64 = 5_000;
/// Longest one question for a read index may take, in milliseconds, before it is asked again: a
/// dead leader must not use up a whole deadline.
pub const BARRIER_PATIENCE_MS: u64 = 500;
/// Entries a learner may lack when it becomes a voter: a fraction of a second of load.
pub const PROMOTE_LAG_ENTRIES: u64 = 100;
/// Longest a leader that is being removed tries to hand over first, in milliseconds.
pub const HAND_OVER_MS: u64 = 3_000;

/// Most bytes of a joiner's message: a signing request and a few names.
pub const MAX_JOIN_BYTES: usize = 16 << 10;
/// Joiners served at once: anybody who reaches the port may try, so they get little.
pub const MAX_JOINERS: usize = 4;
/// Longest a join may take once connected, in milliseconds: two commits, and patience with a
/// cluster that is just electing.
pub const JOIN_PATIENCE_MS: u64 = 15_000;
/// How long a joiner tries to connect, in milliseconds.
pub const JOIN_CONNECT_MS: u64 = 5_000;
/// Entries between a new node and the leader below which it asks to become a voter.
pub const ENTER_LAG_ENTRIES: u64 = 20;
/// How often a new node looks how far it has come, in milliseconds.
pub const ENTER_CHECK_MS: u64 = 50;
/// How often a node looks whether the membership describes it rightly, in milliseconds.
pub const ANNOUNCE_CHECK_MS: u64 = 1_000;
/// How long an orderly stop waits for peers to hear of it, in milliseconds.
pub const CLOSE_PATIENCE_MS: u64 = 200;
/// Entries purged at a time: fewer, larger purges, each of which waits for the disk.
pub const PURGE_BATCH_ENTRIES: u64 = 256;

/// Default entries between two digests of the state: under full load one in about half a minute, each a second of one core with a million
/// users.
pub const DIGEST_EVERY: u64 = 16_384;
/// How often digests are compared, in milliseconds.
pub const DIGEST_CHECK_MS: u64 = 500;
/// Indexes whose digests are remembered: nodes are at most a few apart.
pub const DIGESTS_KEPT: usize = 8;
