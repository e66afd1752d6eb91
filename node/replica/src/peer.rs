//! Audit segments between nodes, asked for by hash.
//!
//! Question: number, head and an offset. Answer: how many bytes the segment has, and those from the offset on as far as they
//! fit; or nothing. Who asked knows the head from the replicated state and believes nothing else: the records must hash to it.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use quorate_core::audit::Head;

use crate::archive::Archive;
use crate::limits::{SEGMENT_BYTES, SEGMENT_PIECE_BYTES};

/// What a node asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Question {
    pub number: u64,
    pub head: Head,
    pub offset: u32,
}

impl Question {
    pub fn to_bytes(self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(44);
        bytes.put_u64(self.number);
        bytes.put_slice(&self.head);
        bytes.put_u32(self.offset);
        bytes.freeze()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Question> {
        let (number, rest) = bytes.split_first_chunk::<8>()?;
        let (head, offset) = rest.split_first_chunk::<32>()?;
        Some(Question {
            number: u64::from_be_bytes(*number),
            head: *head,
            offset: u32::from_be_bytes(offset.try_into().ok()?),
        })
    }
}

/// The size of the whole, and the piece, in an answer.
pub(crate) fn piece_of(answer: &[u8]) -> Option<(usize, &[u8])> {
    let (total, piece) = answer.split_first_chunk::<4>()?;
    let total = u32::from_be_bytes(*total) as usize;
    (total <= SEGMENT_BYTES).then_some((total, piece))
}

/// Answers peers from this node's archive.
pub(crate) struct SegmentService {
    archive: Arc<Archive>,
}

impl SegmentService {
    /// Serves this archive.
    pub fn new(archive: Arc<Archive>) -> Self {
        SegmentService { archive }
    }

    /// The piece that was asked for; empty if it is not here.
    pub async fn answer(&self, question: &[u8]) -> Bytes {
        let Some(question) = Question::from_bytes(question) else {
            return Bytes::new();
        };
        let archive = self.archive.clone();
        let read = tokio::task::spawn_blocking(move || SegmentService::piece(&archive, question)).await;
        read.ok().flatten().unwrap_or_default()
    }

    fn piece(archive: &Archive, question: Question) -> Option<Bytes> {
        let bytes = archive.bytes(question.number, question.head).ok()?;
        let rest = bytes.get(question.offset as usize..)?;
        let piece = &rest[..rest.len().min(SEGMENT_PIECE_BYTES)];
        let mut answer = BytesMut::with_capacity(4 + piece.len());
        answer.put_u32(bytes.len() as u32);
        answer.put_slice(piece);
        Some(answer.freeze())
    }
}
