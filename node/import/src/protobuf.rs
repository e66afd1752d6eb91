//! As much of protocol buffers as a migration URI needs: the fields of one message, one after the other.

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A varint or a fixed number.
    Number(u64),
    /// A string, bytes or a message inside.
    Bytes(&'a [u8]),
}

/// The fields of a message: number and value; `None` once, and nothing more, where the bytes are no message.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn field(&mut self) -> Option<(u32, Value<'a>)> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).ok().filter(|number| *number > 0)?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Number(u64::from_le_bytes(self.rest.split_off(..8)?.try_into().ok()?)),
            2 => {
                let len = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.rest.split_off(..len)?)
            }
            5 => Value::Number(u64::from(u32::from_le_bytes(
                self.rest.split_off(..4)?.try_into().ok()?,
            ))),
            _ => return None,
        };
        Some((number, value))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.rest.split_off_first()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u32, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.rest = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_and_bytes() {
        let message = [0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x1d, 1, 0, 0, 0];
        let fields: Option<Vec<_>> = Fields::new(&message).collect();
        let right = vec![(1, Value::Number(150)), (2, Value::Bytes(b"hi")), (3, Value::Number(1))];
        assert_eq!(fields, Some(right));
    }

    #[test]
    fn a_message_that_is_cut_is_none() {
        for message in [&[0x08][..], &[0x12, 5, 1], &[0x08, 0xff], &[0x03], &[0x00], &[0x0b; 3]] {
            assert!(Fields::new(message).any(|field| field.is_none()), "{message:?}");
        }
        assert!(Fields::new(&[0xff; 32]).all(|field| field.is_none()));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(message in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(Fields::new(&message).count() <= message.len().max(1));
        }
    }
}
