//! How long the tests wait, and why that long. Every wait ends with its condition; a limit is only what turns a
//! hang into a failure, so it is generous: two cores carry three nodes, the load and the compiler's leftovers.

use std::time::Duration;

/// Between two looks at a condition: short beside anything measured, long beside the cost of looking.
pub const POLL: Duration = Duration::from_millis(10);

/// A node that starts from a clean or an unclean stop, or a cluster that elects.
pub const READY: Duration = Duration::from_secs(30);

/// A learner that catches up under load and is made a voter.
pub const VOTER: Duration = Duration::from_secs(60);

/// A process that was told to end, before it is killed.
pub const STOP: Duration = Duration::from_secs(15);

/// One command of the CLI.
pub const COMMAND: Duration = Duration::from_secs(60);

/// What a NAS is usually set to: ask again after one second, three times, each time the next server.
pub const NAS_RETRY: Duration = Duration::from_secs(1);
pub const NAS_TRIES: u32 = 4;

/// How long silence has to last before it counts as silence: longer than an election, and than the second after
/// which a waiting proposal would have been answered.
pub const SILENCE: Duration = Duration::from_secs(3);

/// A reply is never sent later than 10 s after receipt; nothing that was outstanding can come after this.
pub const LAST_REPLY: Duration = Duration::from_secs(11);
