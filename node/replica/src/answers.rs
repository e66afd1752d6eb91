//! What nodes ask each other beside consensus: audit segments, and to judge a login. One byte in front says which.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bytes::{BufMut, Bytes, BytesMut};
use quorate_app::Authenticator;
use quorate_raft::PeerService;

use crate::archive::Archive;
use crate::peer::SegmentService;

/// What a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Topic {
    Segment = 1,
    Login = 2,
}

impl Topic {
    /// The question as it travels.
    pub fn question(self, about: &[u8]) -> Bytes {
        let mut bytes = BytesMut::with_capacity(1 + about.len());
        bytes.put_u8(self as u8);
        bytes.put_slice(about);
        bytes.freeze()
    }
}

/// Answers other nodes.
pub struct PeerAnswers {
    segments: SegmentService,
    logins: OnceLock<Arc<Authenticator>>,
}

impl PeerAnswers {
    /// Answers for this archive's segments; logins are judged once there is who can.
    pub fn new(archive: Arc<Archive>) -> Arc<Self> {
        Arc::new(PeerAnswers {
            segments: SegmentService::new(archive),
            logins: OnceLock::new(),
        })
    }

    /// From now on logins that others pass on are judged, too.
    pub fn judge_with(&self, logins: Arc<Authenticator>) {
        let _ = self.logins.set(logins);
    }
}

#[async_trait]
impl PeerService for PeerAnswers {
    async fn answer(&self, _from: u64, request: Bytes) -> Bytes {
        let Some((topic, about)) = request.split_first() else {
            return Bytes::new();
        };
        if *topic == Topic::Segment as u8 {
            return self.segments.answer(about).await;
        }
        match self.logins.get() {
            Some(logins) if *topic == Topic::Login as u8 => logins.judge_passed(about).await.into(),
            _ => Bytes::new(),
        }
    }
}
