//! Reading BER as LDAP restricts it (RFC 4511 §5.1): definite lengths only. Of those, only what LDAP uses: identifiers of one byte, lengths
//! of at most four. Nothing here panics, allocates or calls itself.

use std::ops::Range;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// Set in the identifier of what holds other elements.
pub(crate) const CONSTRUCTED: u8 = 0x20;

/// Elements one after the other, in a part of `bytes`.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    left: Range<usize>,
}

/// One element.
#[derive(Clone)]
pub(crate) struct Element<'a> {
    pub(crate) identifier: u8,
    bytes: &'a [u8],
    at: Range<usize>,
}

/// Not BER, or not what was expected there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            left: 0..bytes.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// The next element; nothing at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Element<'a>>, Malformed> {
        if self.left.is_empty() {
            return Ok(None);
        }
        let identifier = self.byte()?;
        if identifier & 0x1f == 0x1f {
            return Err(Malformed("an identifier of several bytes"));
        }
        let length = self.length()?;
        let end = self.left.start.checked_add(length).filter(|end| *end <= self.left.end);
        let end = end.ok_or(Malformed("an element is longer than what holds it"))?;
        let at = self.left.start..end;
        self.left.start = end;
        Ok(Some(Element {
            identifier,
            bytes: self.bytes,
            at,
        }))
    }

    /// The next element, which must be there and be this one.
    pub(crate) fn expect(&mut self, identifier: u8, otherwise: &'static str) -> Result<Element<'a>, Malformed> {
        match self.next()? {
            Some(element) if element.identifier == identifier => Ok(element),
            _ => Err(Malformed(otherwise)),
        }
    }

    /// Nothing more may come.
    pub(crate) fn end(&self, otherwise: &'static str) -> Result<(), Malformed> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(Malformed(otherwise))
        }
    }

    fn length(&mut self) -> Result<usize, Malformed> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(first.into());
        }
        let bytes = first & 0x7f;
        if !(1..=4).contains(&bytes) {
            return Err(Malformed("a length that LDAP does not know"));
        }
        let mut length = 0_usize;
        for _ in 0..bytes {
            length = length << 8 | usize::from(self.byte()?);
        }
        Ok(length)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = self.bytes.get(self.left.clone()).and_then(|left| left.first());
        self.left.start += 1;
        byte.copied().ok_or(Malformed("it ends within an element"))
    }
}

impl<'a> Element<'a> {
    /// What is in it.
    pub(crate) fn content(&self) -> &'a [u8] {
        self.bytes.get(self.at.clone()).unwrap_or_default()
    }

    /// Where that is in the whole message.
    pub(crate) fn range(&self) -> Range<usize> {
        self.at.clone()
    }

    /// The elements in it.
    pub(crate) fn elements(&self) -> Reader<'a> {
        Reader {
            bytes: self.bytes,
            left: self.at.clone(),
        }
    }

    pub(crate) fn is_text(&self) -> bool {
        std::str::from_utf8(self.content()).is_ok()
    }

    /// A number that is not negative and fits into 31 bits, as all of LDAP's are (`maxInt`).
    pub(crate) fn number(&self) -> Result<u32, Malformed> {
        let content = self.content();
        match content {
            [first, ..] if content.len() <= 4 && *first < 0x80 => {
                Ok(content.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
            }
            _ => Err(Malformed("a number that LDAP does not know")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn elements_are_read_in_order() {
        let bytes = [SEQUENCE, 7, INTEGER, 1, 5, OCTET_STRING, 2, b'h', b'i'];
        let mut outer = Reader::new(&bytes);
        let mut inner = outer.expect(SEQUENCE, "").unwrap().elements();
        assert_eq!(inner.next().unwrap().unwrap().number(), Ok(5));
        let text = inner.next().unwrap().unwrap();
        assert_eq!((text.content(), text.range()), (&b"hi"[..], 7..9));
        assert!(inner.next().unwrap().is_none() && outer.is_empty());
    }

    #[test]
    fn what_ldap_does_not_know_is_refused() {
        let refused: [&[u8]; 6] = [
            &[SEQUENCE],
            &[SEQUENCE, 5, 1],
            &[SEQUENCE, 0x80, 0, 0],
            &[SEQUENCE, 0x85, 0, 0, 0, 0, 1, 0],
            &[0x1f, 0x81, 1, 0],
            &[SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff],
        ];
        for bytes in refused {
            assert!(Reader::new(bytes).next().is_err(), "{bytes:?}");
        }
        assert!(Reader::new(&[INTEGER, 0]).next().unwrap().unwrap().number().is_err());
        assert!(
            Reader::new(&[INTEGER, 1, 0x80])
                .next()
                .unwrap()
                .unwrap()
                .number()
                .is_err()
        );
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = Reader::new(&bytes);
            while let Ok(Some(element)) = reader.next() {
                prop_assert!(element.range().end <= bytes.len());
                let _ = element.number();
            }
        }
    }
}
