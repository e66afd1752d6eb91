//! An entry that was found. Attributes are asked for without regard to the case of their names, since controllers answer in their own.

use ldap3::asn1::{PL, StructureTag};

use crate::limits::VALUE_BYTES_MAX;

#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub(crate) dn: String,
    attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Entry {
    /// Nothing, if it has not the shape of an entry.
    pub(super) fn of(tag: StructureTag) -> Option<Self> {
        let mut parts = constructed(tag)?.into_iter();
        let dn = text(parts.next()?)?;
        let attributes = constructed(parts.next()?)?.into_iter().map(attribute);
        Some(Self {
            dn,
            attributes: attributes.collect::<Option<_>>()?,
        })
    }

    /// All values of an attribute.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let named = self
            .attributes
            .iter()
            .filter(move |(found, _)| found.eq_ignore_ascii_case(name));
        named.flat_map(|(_, values)| values).map(|value| &value[..])
    }

    /// The first value.
    pub(crate) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.values(name).next()
    }

    /// The first value, if it is a text of sensible length and says something.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let value = self.bytes(name).filter(|value| value.len() <= VALUE_BYTES_MAX)?;
        std::str::from_utf8(value)
            .ok()
            .map(str::trim)
            .filter(|text| !text.is_empty())
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| text.eq_ignore_ascii_case("TRUE"))
    }

    #[cfg(test)]
    pub(crate) fn with(dn: &str, attributes: &[(&str, &[u8])]) -> Self {
        let attributes = attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), vec![value.to_vec()]));
        Self {
            dn: dn.to_owned(),
            attributes: attributes.collect(),
        }
    }
}

/// Addresses of other servers.
pub(super) fn references(tag: StructureTag) -> Vec<String> {
    let addresses = constructed(tag).unwrap_or_default();
    addresses.into_iter().filter_map(text).collect()
}

fn attribute(tag: StructureTag) -> Option<(String, Vec<Vec<u8>>)> {
    let mut parts = constructed(tag)?.into_iter();
    let name = text(parts.next()?)?;
    let values = constructed(parts.next()?)?.into_iter().map(primitive);
    Some((name, values.collect::<Option<_>>()?))
}

fn text(tag: StructureTag) -> Option<String> {
    String::from_utf8(primitive(tag)?).ok()
}

fn constructed(tag: StructureTag) -> Option<Vec<StructureTag>> {
    match tag.payload {
        PL::C(parts) => Some(parts),
        PL::P(_) => None,
    }
}

fn primitive(tag: StructureTag) -> Option<Vec<u8>> {
    match tag.payload {
        PL::P(bytes) => Some(bytes),
        PL::C(_) => None,
    }
}
