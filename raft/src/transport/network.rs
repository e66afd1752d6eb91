//! openraft's network: its three RPCs over [`Peers`].

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use openraft::error::{NetworkError, RPCError, RaftError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{Backoff, RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse};
use openraft::{OptionalSend, Snapshot};
use quorate_storage::LogId;

use super::peers::Peers;
use super::snapshot;
use super::wire::{self, Appended, Request, Response};
use crate::NodeInfo;
use crate::batch;
use crate::ledger::Ledger;
use crate::limits;
use crate::ports::CallError;
use crate::standing::Gate;
use crate::status::Tally;
use crate::types::{EngineVote, Types, engine_log_id, engine_vote, stored_log_id, stored_vote};

type RpcError = RPCError<u64, NodeInfo, RaftError<u64>>;

/// Makes one [`Line`] per peer and use.
#[derive(Clone)]
pub struct Lines {
    pub peers: Arc<Peers>,
    pub ledger: Arc<Ledger>,
    pub gate: Arc<Gate>,
    pub tally: Arc<Tally>,
}

impl RaftNetworkFactory<Types> for Lines {
    type Network = Line;

    async fn new_client(&mut self, target: u64, node: &NodeInfo) -> Line {
        // A new learner is called before its membership entry has been applied here.
        self.peers.introduce(target, node);
        Line {
            target,
            lines: self.clone(),
        }
    }
}

/// The engine's line to one peer.
pub struct Line {
    target: u64,
    lines: Lines,
}

impl RaftNetwork<Types> for Line {
    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, RpcError> {
        if self.lines.gate.is_out_of_touch() {
            return Err(Unreachable::new(&std::io::Error::other("this leader is out of touch with its quorum")).into());
        }
        let prev = rpc.prev_log_id.as_ref().map(stored_log_id);
        let mut tail: Vec<_> = rpc
            .entries
            .iter()
            .map(|entry| batch::encode_payload(&entry.payload))
            .collect();
        let entries: Vec<_> = rpc
            .entries
            .iter()
            .map(|entry| stored_log_id(&entry.log_id))
            .zip(wire::lengths(tail.iter()))
            .collect();
        let sent = entries.last().map(|(id, _)| *id).or(prev);
        let request = Request::Append {
            vote: stored_vote(&rpc.vote),
            prev,
            commit: rpc.leader_commit.as_ref().map(stored_log_id),
            entries,
        };
        match self.call(&request, &mut tail, option.hard_ttl()).await? {
            Response::Append(appended) => Ok(self.appended(appended, sent)),
            other => Err(unexpected(&other)),
        }
    }

    async fn vote(&mut self, rpc: VoteRequest<u64>, option: RPCOption) -> Result<VoteResponse<u64>, RpcError> {
        let last = rpc.last_log_id.as_ref().map(stored_log_id);
        #[cfg(feature = "mutants")]
        let last = crate::campaign::claimed(last);
        let request = Request::Vote {
            vote: stored_vote(&rpc.vote),
            last,
        };
        match self.call(&request, &mut [], option.hard_ttl()).await? {
            Response::Vote { vote, granted, last } => {
                if granted {
                    self.lines.ledger.record_vote(self.target, vote);
                }
                Ok(VoteResponse::new(engine_vote(vote), last.map(engine_log_id), granted))
            }
            other => Err(unexpected(&other)),
        }
    }

    async fn full_snapshot(
        &mut self,
        vote: EngineVote,
        snapshot: Snapshot<Types>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<u64>, StreamingError<Types, openraft::error::Fatal<u64>>> {
        let last = snapshot.meta.last_log_id.as_ref().map(stored_log_id);
        let file = snapshot
            .snapshot
            .0
            .ok_or_else(|| Unreachable::new(&std::io::Error::other("no file")))?;
        tracing::info!(to = self.target, ?last, bytes = file.len_bytes(), "sending a snapshot");
        let sending = snapshot::send(&self.lines.peers, self.target, stored_vote(&vote), &file);
        let answer = tokio::select! {
            closed = cancel => return Err(closed.into()),
            answer = sending => answer.map_err(|problem| Unreachable::new(&std::io::Error::other(problem)))?,
        };
        if answer <= stored_vote(&vote) {
            self.lines.ledger.record_log(self.target, last);
            Tally::one(&self.lines.tally.snapshots_sent);
        }
        Ok(SnapshotResponse::new(engine_vote(answer)))
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(std::iter::repeat(Duration::from_millis(limits::RECONNECT_MS)))
    }
}

impl Line {
    async fn call(
        &self,
        request: &Request,
        tail: &mut [bytes::Bytes],
        patience: Duration,
    ) -> Result<Response, RpcError> {
        match self.lines.peers.call(self.target, request, tail, patience).await {
            Ok((Response::Failed(problem), _)) => Err(NetworkError::new(&std::io::Error::other(problem)).into()),
            Ok((response, _)) => Ok(response),
            Err(error @ CallError::NotSent(_)) => Err(Unreachable::new(&error).into()),
            Err(error @ CallError::Lost(_)) => Err(NetworkError::new(&error).into()),
        }
    }

    fn appended(&self, appended: Appended, sent: Option<LogId>) -> AppendEntriesResponse<u64> {
        match appended {
            Appended::Success => {
                self.lines.ledger.record_log(self.target, sent);
                AppendEntriesResponse::Success
            }
            Appended::Partial(upto) => {
                self.lines.ledger.record_log(self.target, upto);
                AppendEntriesResponse::PartialSuccess(upto.map(engine_log_id))
            }
            Appended::Conflict => AppendEntriesResponse::Conflict,
            Appended::HigherVote(vote) => AppendEntriesResponse::HigherVote(engine_vote(vote)),
        }
    }
}

fn unexpected(response: &Response) -> RpcError {
    NetworkError::new(&std::io::Error::other(format!("unexpected answer {response:?}"))).into()
}
