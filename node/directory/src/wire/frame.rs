//! One LDAP message off a connection: its own first bytes say how long it is (RFC 4511 §5.1), and that is bounded.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};
use zeroize::Zeroizing;

use super::ber;

/// Why there is no next message.
#[derive(Debug)]
pub(crate) enum NoFrame {
    /// The other end closed the connection between two messages.
    Closed,
    /// The connection failed.
    Io(io::Error),
    /// What comes is no message.
    Malformed(&'static str),
}

impl From<io::Error> for NoFrame {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The next message, whole, of at most `most` bytes. Not a byte after it is taken off the connection.
pub(crate) async fn read(from: &mut (impl AsyncRead + Unpin), most: usize) -> Result<Zeroizing<Vec<u8>>, NoFrame> {
    let mut head = [0; 2];
    if from.read(&mut head[..1]).await? == 0 {
        return Err(NoFrame::Closed);
    }
    if head[0] != ber::SEQUENCE {
        return Err(NoFrame::Malformed("a message does not begin like one"));
    }
    from.read_exact(&mut head[1..]).await?;
    let mut message = Zeroizing::new(Vec::with_capacity(256));
    message.extend_from_slice(&head);
    let length = length(from, head[1], &mut message).await?;
    if length > most {
        return Err(NoFrame::Malformed(
            "a message is longer than anything that was asked for",
        ));
    }
    let begins = message.len();
    message.reserve(length);
    let got = from.take(length as u64).read_to_end(&mut message).await?;
    match got == length && message.len() == begins + length {
        true => Ok(message),
        false => Err(NoFrame::Io(io::ErrorKind::UnexpectedEof.into())),
    }
}

async fn length(from: &mut (impl AsyncRead + Unpin), first: u8, message: &mut Vec<u8>) -> Result<usize, NoFrame> {
    if first < 0x80 {
        return Ok(first.into());
    }
    let bytes = usize::from(first & 0x7f);
    if !(1..=4).contains(&bytes) {
        return Err(NoFrame::Malformed("a message whose length LDAP does not know"));
    }
    let mut length = [0; 4];
    from.read_exact(&mut length[4 - bytes..]).await?;
    message.extend_from_slice(&length[4 - bytes..]);
    Ok(u32::from_be_bytes(length) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_is_taken_whole_and_no_byte_more() {
        let bytes = [0x30, 0x81, 3, 1, 2, 3, 0x30, 0];
        let mut from = &bytes[..];
        assert_eq!(&read(&mut from, 10).await.unwrap()[..], &bytes[..6]);
        assert_eq!(&read(&mut from, 10).await.unwrap()[..], &bytes[6..]);
        assert!(matches!(read(&mut from, 10).await, Err(NoFrame::Closed)));
    }

    #[tokio::test]
    async fn what_is_no_message_is_refused() {
        for bytes in [
            &[0x04, 1, 1][..],
            &[0x30, 11],
            &[0x30, 0x80],
            &[0x30, 0x84, 0x7f, 0, 0, 0],
        ] {
            assert!(
                matches!(read(&mut &*bytes, 10).await, Err(NoFrame::Malformed(_))),
                "{bytes:?}"
            );
        }
        assert!(matches!(read(&mut &[0x30, 5, 1][..], 10).await, Err(NoFrame::Io(_))));
    }
}
