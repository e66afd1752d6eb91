//! Every bound of this crate, and why it is what it is.

use std::time::Duration;

/// Header of a packet: code, identifier, length, authenticator (RFC 2865 §3). Octets.
pub const PACKET_MIN_BYTES: usize = 20;

/// Longest legal packet (RFC 2865 §3). Octets.
pub const PACKET_MAX_BYTES: usize = 4096;

/// Longest attribute value: the length octet counts itself and the type (RFC 2865 §5). Octets.
pub const VALUE_MAX_BYTES: usize = 253;

/// Most attributes in one packet. 4096 octets could hold 2,038 empty ones, which only an attacker
/// sends; FreeRADIUS draws the line at the same number (`max_attributes`).
pub const ATTRIBUTES_MAX: usize = 200;

/// Longest User-Password, after hiding and before (RFC 2865 §5.2). Octets.
pub const PASSWORD_MAX_BYTES: usize = 128;

/// Retransmissions are recognised this long after the request first came. NASes give up within
/// 30 s (3 tries of 10 s is the slowest default in common use), and the replicated fingerprint
/// recognises what comes later.
pub const DUPLICATE_LIFETIME: Duration = Duration::from_secs(30);

/// Most requests remembered at once; the oldest leaves first. At 5,000 requests a second on one
/// node this covers 13 s, several ordinary retransmission intervals, in about 15 MB. What is
/// forgotten early is still recognised by the replicated fingerprint, so the bound costs a commit,
/// never correctness.
pub const DUPLICATES_MAX: usize = 65_536;
