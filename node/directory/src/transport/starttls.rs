//! The StartTLS operation (RFC 4511 §4.14), spoken by hand: it is one request and one answer, before there is anything to protect.
//!
//! Not a byte after the answer is taken off the connection: whatever somebody put behind it in clear meets TLS, which does not know it.

use std::{io, sync::Arc};

use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    failure::Failure,
    limits::MESSAGE_BYTES_MAX,
    wire::{
        frame::{self, NoFrame},
        screen::extended_result,
    },
};

const OID: &[u8; 22] = b"1.3.6.1.4.1.1466.20037";
const ID: u8 = 1;

pub(super) async fn ask(stream: &mut TcpStream) -> Result<(), Failure> {
    stream.write_all(&request()).await.map_err(closed)?;
    let message = frame::read(stream, MESSAGE_BYTES_MAX)
        .await
        .map_err(|none| match none {
            NoFrame::Closed => closed(io::ErrorKind::UnexpectedEof.into()),
            NoFrame::Io(error) => closed(error),
            NoFrame::Malformed(what) => Failure::Malformed(what),
        })?;
    let answer = extended_result(&message, ID.into()).map_err(|malformed| Failure::Malformed(malformed.0))?;
    match answer.code {
        0 => Ok(()),
        _ => Err(Failure::StartTls { answer }),
    }
}

/// `LDAPMessage { 1, extendedReq { requestName OID } }`.
fn request() -> Vec<u8> {
    let name = [&[0x80, OID.len() as u8], &OID[..]].concat();
    let operation = [&[0x77, name.len() as u8], &name[..]].concat();
    let content = [&[0x02, 1, ID], &operation[..]].concat();
    [&[0x30, content.len() as u8], &content[..]].concat()
}

fn closed(source: io::Error) -> Failure {
    Failure::Connect {
        source: Arc::new(source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_as_long_as_it_says() {
        let request = request();
        assert_eq!(request.len(), 2 + usize::from(request[1]));
        assert_eq!(request[..5], [0x30, 29, 0x02, 1, 1]);
    }
}
