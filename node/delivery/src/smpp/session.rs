//! One session with a message centre: a request, its answer, and what the server says in between.
//!
//! An answer is that to our sequence number and no other (SMPP 3.4 section 3.2): what comes twice, late, or for somebody else is passed over.

use rusmpp_core::{CommandId, CommandStatus, pdus::borrowed::Pdu};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::pdu::{HEADER_BYTES, Header, Octets, bare};
use crate::{
    attempt::{Blame, Halt},
    connect::{BoxStream, plain},
    limits::{SMPP_PDU_BYTES, SMPP_PDUS},
};

/// An open session.
pub(super) struct Session {
    stream: BoxStream,
    sequence: u32,
}

/// What the server answered.
pub(super) struct Answer {
    pub(super) status: CommandStatus,
    pub(super) body: Vec<u8>,
}

impl Session {
    pub(super) fn new(stream: BoxStream) -> Self {
        Self { stream, sequence: 0 }
    }

    /// Makes a request and waits for the answer to it, of the kind `wanted`.
    pub(super) async fn ask(&mut self, wanted: CommandId, request: impl FnOnce(u32) -> Octets) -> Result<Answer, Halt> {
        self.sequence += 1;
        self.write(&request(self.sequence)).await?;
        for _ in 0..SMPP_PDUS {
            let (header, body) = self.read().await?;
            match header.command {
                command if command == wanted && header.sequence == self.sequence => {
                    let status = header.status;
                    return Ok(Answer { status, body });
                }
                CommandId::GenericNack => self.nacked(header)?,
                command if command.is_operation() => self.reply(header).await?,
                _ => {}
            }
        }
        let reason = format!("the server said {SMPP_PDUS} other things instead of answering");
        Err(Halt::Broken(reason))
    }

    /// Takes leave (section 4.2).
    pub(super) async fn unbind(&mut self) -> Result<(), Halt> {
        let unbind = |sequence| bare(Pdu::Unbind, CommandStatus::EsmeRok, sequence);
        self.ask(CommandId::UnbindResp, unbind).await.map(drop)
    }

    /// The server did not understand something (section 4.3): our request, if it names it. If it could not even read a number, nobody knows what.
    fn nacked(&self, header: Header) -> Result<(), Halt> {
        let answer = format!(
            "generic_nack: the server does not understand us ({:#010X})",
            u32::from(header.status)
        );
        match header.sequence {
            0 => Err(Halt::Broken(answer)),
            sequence if sequence == self.sequence => {
                let blame = Blame::Gateway;
                Err(Halt::Refused { answer, blame })
            }
            _ => Ok(()),
        }
    }

    /// Answers a request of the server's. A transmitter is asked for nothing but a sign of life (section 4.11) and to go.
    async fn reply(&mut self, header: Header) -> Result<(), Halt> {
        let (reply, status) = match header.command {
            CommandId::EnquireLink => (Pdu::EnquireLinkResp, CommandStatus::EsmeRok),
            CommandId::Unbind => (Pdu::UnbindResp, CommandStatus::EsmeRok),
            _ => (Pdu::GenericNack, CommandStatus::EsmeRinvcmdid),
        };
        self.write(&bare(reply, status, header.sequence)).await?;
        match header.command {
            CommandId::Unbind => Err(Halt::Broken("the server ended the session (unbind)".to_owned())),
            _ => Ok(()),
        }
    }

    async fn write(&mut self, octets: &Octets) -> Result<(), Halt> {
        let written = self.stream.write_all(octets).await;
        written.map_err(|error| Halt::Broken(format!("the server hung up: {}", plain(&error))))?;
        let flushed = self.stream.flush().await;
        flushed.map_err(|error| Halt::Broken(format!("the server hung up: {}", plain(&error))))
    }

    async fn read(&mut self) -> Result<(Header, Vec<u8>), Halt> {
        let mut octets = [0; HEADER_BYTES];
        self.fill(&mut octets).await?;
        let header = Header::read(octets).map_err(|length| {
            let reason = "the server speaks no SMPP, or too much of it";
            Halt::Broken(format!(
                "{reason}: a PDU of {length} octets, and {SMPP_PDU_BYTES} are read"
            ))
        })?;
        let mut body = vec![0; header.body];
        self.fill(&mut body).await?;
        Ok((header, body))
    }

    async fn fill(&mut self, octets: &mut [u8]) -> Result<(), Halt> {
        let read = self.stream.read_exact(octets).await;
        read.map(drop)
            .map_err(|error| Halt::Broken(format!("the server hung up: {}", plain(&error))))
    }
}
