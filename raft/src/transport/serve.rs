//! Answers what other nodes ask.
//!
//! A connection is let in by its protocol and certificate: a node must show one of this cluster
//! and must not have been removed; a joiner needs none and gets no further than
//! [`crate::join::server`]. Removal is asked again at each request, so that it also ends
//! connections that were open when it was committed.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest};
use quinn::crypto::rustls::HandshakeData;
use quinn::{Connection, Endpoint, Incoming, RecvStream, SendStream};
use quorate_storage::{LogId, Vote};
use tokio::time::{Instant, timeout};

use super::wire::{self, Appended, BadFrame, Change, ChangeDeclined, Declined, Request, Response};
use super::{quic, snapshot, tls};
use crate::errors::ProposeError;
use crate::shared::Shared;
use crate::status::Tally;
use crate::types::{EngineEntry, engine_log_id, engine_vote, stored_log_id, stored_vote};
use crate::{batch, campaign, join, limits, membership, replacement};

/// Accepts connections until the endpoint is closed.
pub async fn accept(endpoint: Endpoint, shared: Arc<Shared>) {
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(welcome(incoming, shared.clone()));
    }
}

async fn welcome(incoming: Incoming, shared: Arc<Shared>) {
    let from = incoming.remote_address();
    let Ok(connecting) = incoming.accept() else { return };
    let patience = Duration::from_millis(limits::CONNECT_TIMEOUT_MS);
    let connection = match timeout(patience, connecting).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => {
            Tally::one(&shared.tally.refused_connections);
            tracing::info!(%from, %error, "a connection was not established");
            return;
        }
        Err(_) => return,
    };
    if protocol(&connection).as_deref() == Some(tls::JOIN_ALPN) {
        return join::server::serve(connection, shared).await;
    }
    // Nobody else may be this node.
    let peer = quic::shown_id(&connection, &shared.identity.cluster_id).filter(|id| *id != shared.id);
    match peer.filter(|id| !shared.admission.is_removed(*id)) {
        Some(peer) => answer_all(connection, peer, shared).await,
        None => {
            Tally::one(&shared.tally.refused_connections);
            tracing::warn!(%from, "a node that is not of this cluster, or was removed from it, was refused");
            connection.close(1u32.into(), b"not a node of this cluster");
        }
    }
}

fn protocol(connection: &Connection) -> Option<Vec<u8>> {
    connection.handshake_data()?.downcast::<HandshakeData>().ok()?.protocol
}

async fn answer_all(connection: Connection, peer: u64, shared: Arc<Shared>) {
    while let Ok((send, receive)) = connection.accept_bi().await {
        if shared.admission.is_removed(peer) {
            // Request by request, and not by closing the connection: the answer that tells the node of its own removal
            // may still be on its way.
            continue;
        }
        let shared = shared.clone();
        tokio::spawn(async move {
            if let Err(error) = answer_one(send, receive, peer, &shared).await {
                tracing::debug!(peer, %error, "a request was not answered");
            }
        });
    }
}

async fn answer_one(
    mut send: SendStream,
    mut receive: RecvStream,
    peer: u64,
    shared: &Arc<Shared>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let request: Request = wire::receive_head(&mut receive).await?;
    let (response, mut tail) = match request {
        Request::Snapshot { vote } => (take_snapshot(&mut receive, vote, shared).await, Vec::new()),
        request => {
            let tail = Bytes::from(receive.read_to_end(limits::MAX_FRAME_BYTES).await?);
            answer(request, tail, peer, shared).await
        }
    };
    Ok(wire::send(&mut send, &response, &mut tail).await?)
}

/// Answers one whole frame of `peer` with another: what a simulated network delivers.
///
/// # Errors
/// When it is no frame of ours.
pub async fn answer_frame(shared: &Arc<Shared>, peer: u64, frame: &Bytes) -> Result<Vec<Bytes>, BadFrame> {
    let (request, tail) = wire::decode(frame)?;
    let (response, tail) = match request {
        Request::Snapshot { vote } => (take_whole_snapshot(&tail, vote, shared).await, Vec::new()),
        request => answer(request, tail, peer, shared).await,
    };
    let mut frame = vec![wire::encode_head(&response)];
    frame.extend(tail);
    Ok(frame)
}

async fn answer(request: Request, tail: Bytes, peer: u64, shared: &Arc<Shared>) -> (Response, Vec<Bytes>) {
    let response = match request {
        Request::Append {
            vote,
            prev,
            commit,
            entries,
        } => append(shared, vote, prev, commit, &entries, &tail).await,
        Request::Vote { vote, last } => grant(shared, peer, vote, last).await,
        Request::PreVote { last } => Response::PreVote(campaign::would_vote(shared, peer, last)),
        Request::Propose { patience_ms, lengths } => return propose(shared, patience_ms, lengths, &tail).await,
        Request::Barrier => Response::Barrier(membership::confirm_leadership(shared).await),
        Request::Change(Change::AddLearner(id, _) | Change::Promote(id)) if id != peer => {
            Response::Changed(Err(ChangeDeclined::Refused("a node enters for itself only".to_owned())))
        }
        Request::Change(change) => Response::Changed(membership::change_here(shared, change).await),
        Request::Succeed { csr_der, node } => {
            Response::Successor(replacement::grant(shared, peer, &csr_der, &node).await)
        }
        Request::Probe => Response::Probe {
            leader: shared.leader(),
            committed: *shared.log_gauges.committed.lock(),
            wall_ms: shared.fence.wall_ms(),
            disk_in_order: shared.disk.standing().in_order(),
            digest: shared.digests.own(),
        },
        Request::Acknowledged => {
            let known = shared.ledger.of(peer);
            Response::Acknowledged {
                log: known.log,
                vote: known.vote,
            }
        }
        Request::Campaign => campaign_now(shared).await,
        Request::Ask => return ask(shared, peer, tail).await,
        Request::Snapshot { .. } => unreachable!("a snapshot is streamed, see answer_one"),
    };
    (response, Vec::new())
}

async fn append(
    shared: &Shared,
    vote: Vote,
    prev: Option<LogId>,
    commit: Option<LogId>,
    entries: &[(LogId, u32)],
    tail: &Bytes,
) -> Response {
    if !shared.gate.may_follow(vote) {
        return promised_to_another();
    }
    if !entries.is_empty() && shared.disk.is_short() {
        return Response::Failed("there is no room left on this node's disk".into());
    }
    let entries = match decode_entries(entries, tail) {
        Ok(entries) => entries,
        Err(problem) => return Response::Failed(problem),
    };
    #[cfg(feature = "mutants")]
    let commit = match entries.last() {
        Some(last) if quorate_mutants::is_planted(quorate_mutants::Mutant::ApplyBeforeCommit) => {
            Some(crate::types::stored_log_id(&last.log_id))
        }
        _ => commit,
    };
    let request = AppendEntriesRequest {
        vote: engine_vote(vote),
        prev_log_id: prev.map(engine_log_id),
        entries,
        leader_commit: commit.map(engine_log_id),
    };
    let answer = shared.engine.append_entries(request).await;
    if !matches!(answer, Ok(AppendEntriesResponse::HigherVote(_)) | Err(_)) {
        shared.gate.note_leader();
    }
    match answer {
        Ok(AppendEntriesResponse::Success) => Response::Append(Appended::Success),
        Ok(AppendEntriesResponse::PartialSuccess(upto)) => {
            Response::Append(Appended::Partial(upto.as_ref().map(stored_log_id)))
        }
        Ok(AppendEntriesResponse::Conflict) => Response::Append(Appended::Conflict),
        Ok(AppendEntriesResponse::HigherVote(vote)) => Response::Append(Appended::HigherVote(stored_vote(&vote))),
        Err(error) => Response::Failed(error.to_string()),
    }
}

fn decode_entries(heads: &[(LogId, u32)], tail: &Bytes) -> Result<Vec<EngineEntry>, String> {
    let payloads = wire::split(tail, heads.iter().map(|(_, length)| *length)).map_err(|e| e.to_string())?;
    let entries = heads.iter().zip(payloads).map(|((id, _), bytes)| {
        let payload = batch::decode_payload(bytes).map_err(|e| e.to_string())?;
        Ok(EngineEntry {
            log_id: engine_log_id(*id),
            payload,
        })
    });
    entries.collect()
}

async fn grant(shared: &Shared, candidate: u64, vote: Vote, last: Option<LogId>) -> Response {
    if !shared.gate.may_vote() || !shared.gate.may_follow(vote) {
        return Response::Failed("this node does not vote at present".into());
    }
    if last < shared.ledger.of(candidate).log {
        Tally::one(&shared.tally.refused_votes);
        tracing::warn!(
            candidate,
            "a candidate's log ends below what it had acknowledged; no vote for it"
        );
        return Response::Failed("your log ends below what you had acknowledged".into());
    }
    let request = VoteRequest::new(engine_vote(vote), last.map(engine_log_id));
    match shared.engine.vote(request).await {
        Ok(answer) => {
            if answer.vote_granted {
                shared.gate.note_vote();
            }
            Response::Vote {
                vote: stored_vote(&answer.vote),
                granted: answer.vote_granted,
                last: answer.last_log_id.as_ref().map(stored_log_id),
            }
        }
        Err(error) => Response::Failed(error.to_string()),
    }
}

async fn propose(shared: &Shared, patience_ms: u64, lengths: Vec<u32>, tail: &Bytes) -> (Response, Vec<Bytes>) {
    if !shared.leads() {
        return (Response::NotProposed(Declined::NotLeader), Vec::new());
    }
    let commands = match wire::split(tail, lengths.into_iter()) {
        Ok(commands) if !commands.is_empty() => commands,
        _ => return (Response::Failed("not a batch".into()), Vec::new()),
    };
    let patience = Duration::from_millis(patience_ms.min(limits::MAX_PATIENCE_MS));
    match shared
        .proposer
        .propose_foreign(commands, Instant::now() + patience)
        .await
    {
        Ok((index, outcomes)) => (
            Response::Proposed {
                index,
                lengths: wire::lengths(outcomes.iter()),
            },
            outcomes,
        ),
        Err(ProposeError::Unknown) => (Response::OutcomeUnknown, Vec::new()),
        Err(ProposeError::Overloaded) => (Response::NotProposed(Declined::Overloaded), Vec::new()),
        Err(ProposeError::NoLeader | ProposeError::TooLarge) => {
            (Response::NotProposed(Declined::NotLeader), Vec::new())
        }
    }
}

async fn campaign_now(shared: &Shared) -> Response {
    if !campaign::may_campaign(shared) {
        return Response::Failed("this node does not campaign at present".into());
    }
    match shared.engine.trigger().elect().await {
        Ok(()) => Response::Done,
        Err(error) => Response::Failed(error.to_string()),
    }
}

async fn ask(shared: &Shared, peer: u64, request: Bytes) -> (Response, Vec<Bytes>) {
    match &shared.service {
        Some(service) => (Response::Answer, vec![service.answer(peer, request).await]),
        None => (Response::Failed("nothing answers here".into()), Vec::new()),
    }
}

async fn take_snapshot(receive: &mut RecvStream, vote: Vote, shared: &Shared) -> Response {
    if !shared.gate.may_follow(vote) {
        return promised_to_another();
    }
    match write_snapshot(receive, shared).await {
        Ok(incoming) => install(incoming, vote, shared).await,
        Err(problem) => Response::Failed(problem),
    }
}

async fn write_snapshot(receive: &mut RecvStream, shared: &Shared) -> Result<quorate_storage::Incoming, String> {
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let mut incoming = tokio::task::block_in_place(|| shared.snapshots.receive()).map_err(|e| words(&e))?;
    while let Some(chunk) = receive
        .read_chunk(limits::SNAPSHOT_CHUNK_BYTES, true)
        .await
        .map_err(|e| words(&e))?
    {
        tokio::task::block_in_place(|| incoming.write(&chunk.bytes)).map_err(|e| words(&e))?;
    }
    Ok(incoming)
}

async fn take_whole_snapshot(bytes: &[u8], vote: Vote, shared: &Shared) -> Response {
    if !shared.gate.may_follow(vote) {
        return promised_to_another();
    }
    let written = shared.snapshots.receive().and_then(|mut incoming| {
        incoming.write(bytes)?;
        Ok(incoming)
    });
    match written {
        Ok(incoming) => install(incoming, vote, shared).await,
        Err(problem) => Response::Failed(problem.to_string()),
    }
}

async fn install(incoming: quorate_storage::Incoming, vote: Vote, shared: &Shared) -> Response {
    match snapshot::install(incoming, vote, shared.waiting, &shared.engine).await {
        Ok(vote) => {
            shared.gate.note_leader();
            Tally::one(&shared.tally.snapshots_received);
            Response::Installed(vote)
        }
        Err(problem) => Response::Failed(problem),
    }
}

fn promised_to_another() -> Response {
    Response::Failed("a later leader was promised this node's vote".into())
}
