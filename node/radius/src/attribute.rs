//! Attributes: type, length, value, one after another until the packet ends (RFC 2865 §5).

use std::fmt;

use crate::limits::ATTRIBUTES_MAX;
use crate::packet::DecodeError;

/// The number of an attribute, with the names RFC 2865, 2869 and 3579 gave them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeType(pub u8);

impl AttributeType {
    /// RFC 2865 §5.1.
    pub const USER_NAME: Self = Self(1);
    /// RFC 2865 §5.2. Hidden under the shared secret.
    pub const USER_PASSWORD: Self = Self(2);
    /// RFC 2865 §5.3. Recognised, not supported.
    pub const CHAP_PASSWORD: Self = Self(3);
    /// RFC 2865 §5.4.
    pub const NAS_IP_ADDRESS: Self = Self(4);
    /// RFC 2865 §5.5.
    pub const NAS_PORT: Self = Self(5);
    /// RFC 2865 §5.18. Text for the person logging in.
    pub const REPLY_MESSAGE: Self = Self(18);
    /// RFC 2865 §5.24. Opaque to the NAS, returned unchanged.
    pub const STATE: Self = Self(24);
    /// RFC 2865 §5.25.
    pub const CLASS: Self = Self(25);
    /// RFC 2865 §5.26.
    pub const VENDOR_SPECIFIC: Self = Self(26);
    /// RFC 2865 §5.31. Usually the address of the person logging in.
    pub const CALLING_STATION_ID: Self = Self(31);
    /// RFC 2865 §5.32.
    pub const NAS_IDENTIFIER: Self = Self(32);
    /// RFC 2865 §5.33. Echoed by the server, unmodified and in order.
    pub const PROXY_STATE: Self = Self(33);
    /// RFC 2869 §5.13. Recognised, not supported.
    pub const EAP_MESSAGE: Self = Self(79);
    /// RFC 3579 §3.2.
    pub const MESSAGE_AUTHENTICATOR: Self = Self(80);
    /// RFC 3162 §2.1.
    pub const NAS_IPV6_ADDRESS: Self = Self(95);

    /// The name in the RFCs, where this crate knows the attribute.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::USER_NAME => "User-Name",
            Self::USER_PASSWORD => "User-Password",
            Self::CHAP_PASSWORD => "CHAP-Password",
            Self::NAS_IP_ADDRESS => "NAS-IP-Address",
            Self::NAS_PORT => "NAS-Port",
            Self::REPLY_MESSAGE => "Reply-Message",
            Self::STATE => "State",
            Self::CLASS => "Class",
            Self::VENDOR_SPECIFIC => "Vendor-Specific",
            Self::CALLING_STATION_ID => "Calling-Station-Id",
            Self::NAS_IDENTIFIER => "NAS-Identifier",
            Self::PROXY_STATE => "Proxy-State",
            Self::EAP_MESSAGE => "EAP-Message",
            Self::MESSAGE_AUTHENTICATOR => "Message-Authenticator",
            Self::NAS_IPV6_ADDRESS => "NAS-IPv6-Address",
            _ => return None,
        })
    }
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "attribute {}", self.0),
        }
    }
}

impl fmt::Debug for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One attribute where it lies in the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    pub kind: AttributeType,
    /// 0 to 253 octets, as received.
    pub value: &'a [u8],
}

/// The attributes of a decoded packet, in order.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    /// What is left to walk. Its lengths were checked by [`check`].
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// `checked` must have passed [`check`].
    pub(crate) fn new(checked: &'a [u8]) -> Self {
        Self { rest: checked }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let (attribute, rest) = split_first(self.rest)?;
        self.rest = rest;
        Some(attribute)
    }
}

/// Walks all attributes once, so that every later walk cannot fail.
///
/// # Errors
/// [`DecodeError::Attribute`] where a length is below 2 or runs past the end,
/// [`DecodeError::TooManyAttributes`] past [`ATTRIBUTES_MAX`].
pub(crate) fn check(mut rest: &[u8]) -> Result<(), DecodeError> {
    let mut seen = 0;
    while !rest.is_empty() {
        if seen == ATTRIBUTES_MAX {
            return Err(DecodeError::TooManyAttributes);
        }
        (_, rest) = split_first(rest).ok_or(DecodeError::Attribute)?;
        seen += 1;
    }
    Ok(())
}

/// The first attribute and what follows; `None` at the end or where the length is impossible.
fn split_first(bytes: &[u8]) -> Option<(Attribute<'_>, &[u8])> {
    let (&kind, after_kind) = bytes.split_first()?;
    let value_bytes = usize::from(*after_kind.first()?).checked_sub(2)?;
    let value = after_kind.get(1..1 + value_bytes)?;
    let attribute = Attribute {
        kind: AttributeType(kind),
        value,
    };
    Some((attribute, &after_kind[1 + value_bytes..]))
}
