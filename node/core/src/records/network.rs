use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use minicbor::{Decode, Encode};

/// An address range in CIDR notation (RFC 4632): host bits are zero, mapped IPv4 addresses are plain ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Cidr {
    #[n(0)]
    address: IpAddr,
    #[n(1)]
    prefix: u8,
}

/// A text or pair that is no address range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedCidr {
    /// No IPv4 or IPv6 address before the slash.
    #[error("expected an IPv4 or IPv6 address, optionally followed by a slash and a prefix length")]
    Address,
    /// More prefix bits than the address has.
    #[error("the prefix length is at most 32 for IPv4 and 128 for IPv6")]
    Prefix,
    /// The address has bits beyond the prefix, as in 10.0.0.1/8.
    #[error("the address has bits set beyond the prefix length")]
    HostBits,
}

impl Cidr {
    /// A range from its first address and prefix length in bits.
    pub fn new(address: IpAddr, prefix: u8) -> Result<Self, MalformedCidr> {
        let (address, prefix) = match (address, address.to_canonical()) {
            (IpAddr::V6(_), mapped @ IpAddr::V4(_)) => (mapped, prefix.checked_sub(96).ok_or(MalformedCidr::Prefix)?),
            (_, plain) => (plain, prefix),
        };
        if prefix > width(address) {
            return Err(MalformedCidr::Prefix);
        }
        let cidr = Self::covering(address, prefix);
        (cidr.address == address).then_some(cidr).ok_or(MalformedCidr::HostBits)
    }

    /// The range of one address.
    pub fn host(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Cidr {
            address,
            prefix: width(address),
        }
    }

    /// The range of this prefix length that holds the address, which is canonical already.
    pub(crate) fn covering(address: IpAddr, prefix: u8) -> Self {
        let dropped = u32::from(width(address).saturating_sub(prefix));
        let address = match address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(dropped).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(dropped).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
            }
        };
        Cidr { address, prefix }
    }

    /// Its first address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Its prefix length in bits.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether the address lies in the range. Mapped IPv4 addresses count as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && Self::covering(address, self.prefix) == *self
    }

    /// Whether a decoded range is one that [`Cidr::new`] would have made.
    pub(crate) fn is_valid(&self) -> bool {
        Self::new(self.address, self.prefix) == Ok(*self)
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl FromStr for Cidr {
    type Err = MalformedCidr;

    fn from_str(text: &str) -> Result<Self, MalformedCidr> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| MalformedCidr::Address)?;
        match prefix {
            None => Ok(Self::host(address)),
            Some(prefix) => Self::new(address, prefix.parse().map_err(|_| MalformedCidr::Prefix)?),
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}
