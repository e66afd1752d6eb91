use std::net::{Ipv4Addr, Ipv6Addr};

use minicbor::{Decode, Encode};

/// A RADIUS attribute that rules may ask about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum AttributeKind {
    /// NAS-IP-Address (RFC 2865, section 5.4).
    #[n(4)]
    NasIpAddress,
    /// Service-Type (RFC 2865, section 5.6).
    #[n(6)]
    ServiceType,
    /// Framed-IP-Address (RFC 2865, section 5.8).
    #[n(8)]
    FramedIpAddress,
    /// Called-Station-Id (RFC 2865, section 5.30): the number or network that was called, such as an SSID.
    #[n(30)]
    CalledStationId,
    /// Calling-Station-Id (RFC 2865, section 5.31).
    #[n(31)]
    CallingStationId,
    /// NAS-Identifier (RFC 2865, section 5.32).
    #[n(32)]
    NasIdentifier,
    /// NAS-Port-Type (RFC 2865, section 5.41).
    #[n(61)]
    NasPortType,
    /// NAS-Port-Id (RFC 2869, section 5.17).
    #[n(87)]
    NasPortId,
    /// NAS-IPv6-Address (RFC 3162, section 2.1).
    #[n(95)]
    NasIpv6Address,
}

impl AttributeKind {
    /// Every kind, by its number.
    pub const ALL: [AttributeKind; 9] = [
        AttributeKind::NasIpAddress,
        AttributeKind::ServiceType,
        AttributeKind::FramedIpAddress,
        AttributeKind::CalledStationId,
        AttributeKind::CallingStationId,
        AttributeKind::NasIdentifier,
        AttributeKind::NasPortType,
        AttributeKind::NasPortId,
        AttributeKind::NasIpv6Address,
    ];

    /// Its number in RADIUS.
    pub fn number(self) -> u8 {
        match self {
            AttributeKind::NasIpAddress => 4,
            AttributeKind::ServiceType => 6,
            AttributeKind::FramedIpAddress => 8,
            AttributeKind::CalledStationId => 30,
            AttributeKind::CallingStationId => 31,
            AttributeKind::NasIdentifier => 32,
            AttributeKind::NasPortType => 61,
            AttributeKind::NasPortId => 87,
            AttributeKind::NasIpv6Address => 95,
        }
    }

    /// Its name in RADIUS.
    pub fn label(self) -> &'static str {
        match self {
            AttributeKind::NasIpAddress => "NAS-IP-Address",
            AttributeKind::ServiceType => "Service-Type",
            AttributeKind::FramedIpAddress => "Framed-IP-Address",
            AttributeKind::CalledStationId => "Called-Station-Id",
            AttributeKind::CallingStationId => "Calling-Station-Id",
            AttributeKind::NasIdentifier => "NAS-Identifier",
            AttributeKind::NasPortType => "NAS-Port-Type",
            AttributeKind::NasPortId => "NAS-Port-Id",
            AttributeKind::NasIpv6Address => "NAS-IPv6-Address",
        }
    }

    /// The kind with this name, in whatever case.
    pub fn of_label(label: &str) -> Option<AttributeKind> {
        let named = |kind: &AttributeKind| kind.label().eq_ignore_ascii_case(label);
        Self::ALL.into_iter().find(named)
    }

    /// The kinds that a login's facts keep in their list; the other two have a place of their own there.
    pub fn is_listed(self) -> bool {
        !matches!(self, AttributeKind::CallingStationId | AttributeKind::NasIdentifier)
    }

    /// A value as people write it: addresses and numbers as such, everything else as UTF-8. None for what is neither.
    pub fn text(self, value: &[u8]) -> Option<String> {
        match self {
            AttributeKind::NasIpAddress | AttributeKind::FramedIpAddress => {
                let octets: [u8; 4] = value.try_into().ok()?;
                Some(Ipv4Addr::from(octets).to_string())
            }
            AttributeKind::NasIpv6Address => {
                let octets: [u8; 16] = value.try_into().ok()?;
                Some(Ipv6Addr::from(octets).to_string())
            }
            AttributeKind::ServiceType | AttributeKind::NasPortType => {
                let octets: [u8; 4] = value.try_into().ok()?;
                Some(u32::from_be_bytes(octets).to_string())
            }
            AttributeKind::CalledStationId
            | AttributeKind::CallingStationId
            | AttributeKind::NasIdentifier
            | AttributeKind::NasPortId => std::str::from_utf8(value).ok().map(str::to_owned),
        }
    }

    /// The value that people write so; none if this attribute has no such values.
    pub fn value(self, text: &str) -> Option<Box<[u8]>> {
        match self {
            AttributeKind::NasIpAddress | AttributeKind::FramedIpAddress => {
                text.parse().ok().map(|address: Ipv4Addr| address.octets()[..].into())
            }
            AttributeKind::NasIpv6Address => text.parse().ok().map(|address: Ipv6Addr| address.octets()[..].into()),
            AttributeKind::ServiceType | AttributeKind::NasPortType => {
                text.parse().ok().map(|number: u32| number.to_be_bytes()[..].into())
            }
            AttributeKind::CalledStationId
            | AttributeKind::CallingStationId
            | AttributeKind::NasIdentifier
            | AttributeKind::NasPortId => Some(text.as_bytes().into()),
        }
    }
}

/// An attribute of a request, as it came.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Attribute {
    /// Which.
    #[n(0)]
    pub kind: AttributeKind,
    /// Its octets.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub value: Box<[u8]>,
}
