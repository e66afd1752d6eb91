//! Every bound of this crate, and why it is what it is.

use std::time::Duration;

/// Controllers of one directory. More than a site has; each is tried within one deadline, so each more makes the shares smaller.
pub const CONTROLLERS_MAX: usize = 16;

/// A filter in the settings, in bytes. Long enough for a list of groups, and short enough to be read.
pub const FILTER_BYTES_MAX: usize = 4_096;

/// How deep a filter may be nested. ldap3's parser calls itself for each level.
pub const FILTER_DEPTH_MAX: usize = 32;

/// A name that somebody types to log in, in bytes: a UPN has at most 64 + 1 + 255 characters. Longer ones belong to nobody.
pub const NAME_BYTES_MAX: usize = 512;

/// A password, in bytes: four times what Active Directory keeps, and far below what a message may hold.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// A distinguished name, in bytes. Active Directory's limit is 255 characters for each part.
pub const DN_BYTES_MAX: usize = 4_096;

/// An attribute that is taken into a [`Person`](crate::Person), in bytes. Names, numbers and addresses are shorter; what is longer is
/// left out.
pub const VALUE_BYTES_MAX: usize = 1_024;

/// What may be written back into an attribute, in characters: a mail address has at most 254 (RFC 5321 §4.5.3.1.3).
pub const WRITE_BACK_CHARS_MAX: usize = 254;

/// Operations of one directory at once, at most what settings may ask for. Each is one or two connections.
pub const WIDTH_MAX: usize = 512;

/// Operations that wait for each one that is at work. A login takes two round trips, so the last of the queue still has an answer within
/// a second if the controller is well; if it is not, who waits only waits for nothing.
pub const WAITING_PER_WIDTH: usize = 4;

/// One message from a controller. The attributes asked for fill some kilobytes; a client's buffer must not grow as a stranger likes.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// One message to a controller, which is ours: a filter for a level of groups is the largest.
pub const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What one search may bring. Four times a full page of people with every attribute they can have.
pub const SEARCH_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Connections that are kept when nobody uses them, of each use: as many as a directory of the usual width has at work. A connection that
/// is not kept costs its next user a handshake, and the controller more than the login itself.
pub const IDLE_CONNECTIONS_MAX: usize = 32;

/// A kept connection that nobody used for so long is not used again: firewalls forget connections, often after some minutes, without
/// telling either end.
pub const IDLE_MAX: Duration = Duration::from_secs(60);

/// A connection that old is not used again, so that a controller taken out of a balancer's rotation loses its clients.
pub const CONNECTION_AGE_MAX: Duration = Duration::from_secs(600);

/// A name server's answer is used for so long before it is asked again. Short, since a domain's controllers move.
pub const ADDRESSES_FRESH: Duration = Duration::from_secs(30);

/// Addresses of one host that are tried.
pub const ADDRESSES_MAX: usize = 8;

/// How long a controller that failed is left alone, at first. Doubled with every failure after it.
pub const BACKOFF_FIRST: Duration = Duration::from_secs(1);

/// And at most, while another controller is well. One login in half a minute pays for finding out that a dead one is still dead.
pub const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// And at most when no controller is well: then nobody has anything to lose by another try.
pub const BACKOFF_ALONE_MAX: Duration = Duration::from_secs(1);

/// How long a controller that refused the service account's password is left alone, at least. Each try counts against that account, and
/// a directory locks it after a few.
pub const BACKOFF_CREDENTIALS: Duration = Duration::from_secs(60);

/// Who did not answer for that long is to blame for it; before, the caller's deadline may have been too near. Several round trips to any
/// controller that can be used for logins.
pub const BLAMED_AFTER: Duration = Duration::from_millis(500);

/// Time that an operation needs at least to be worth a try at another controller.
pub const SHARE_MIN: Duration = Duration::from_millis(50);

/// Entries that a search for one name is allowed to find: the second makes it ambiguous.
pub const PERSON_ENTRIES_MAX: usize = 2;

/// People on a page. Active Directory's own limit is 1,000.
pub const PAGE_PEOPLE: usize = 500;

/// Pages of one walk through a directory: ten million people. A controller whose cookies never end is stopped here.
pub const PAGES_MAX: usize = 20_000;

/// Groups of one person. Active Directory's token holds 1,015 (MaxTokenSize).
pub const GROUPS_MAX: usize = 1_024;

/// Levels of groups within groups that are walked.
pub const GROUP_DEPTH_MAX: usize = 16;

/// Groups that are asked about in one search of a level; a filter has a size.
pub const GROUPS_PER_SEARCH: usize = 64;

/// People whose groups are remembered, for each directory. 100 bytes a group; beyond it the oldest are forgotten.
pub const GROUP_CACHE_PEOPLE_MAX: usize = 10_000;

/// The longest that groups may be remembered: who was taken out of a group is out of it after that.
pub const GROUP_CACHE_AGE_MAX: Duration = Duration::from_secs(3_600);

/// Referrals followed for one search, where they are followed at all.
pub const REFERRALS_MAX: usize = 4;

/// Length of a diagnostic text that is repeated, in characters. What a controller says goes into logs and reports.
pub const DIAGNOSTIC_CHARS_MAX: usize = 300;

/// Shortest and longest timeout that settings may ask for. Below, a far controller never answers; above, a NAS has long given up.
pub const TIMEOUT_MIN: Duration = Duration::from_millis(100);
/// See [`TIMEOUT_MIN`].
pub const TIMEOUT_MAX: Duration = Duration::from_secs(60);
