//! The cluster's side of a join.

use std::sync::Arc;
use std::time::Duration;

use quinn::Connection;
use tokio::time::timeout;

use super::Admitted;
use super::proof::{Answer, Binding, Grant, Hello, Prover};
use crate::limits;
use crate::shared::Shared;
use crate::transport::wire;

/// Serves one joiner on its connection.
pub async fn serve(connection: Connection, shared: Arc<Shared>) {
    let from = connection.remote_address();
    let Ok(_permit) = shared.joiners.try_acquire() else {
        return connection.close(2u32.into(), b"busy with other joiners");
    };
    let patience = Duration::from_millis(limits::JOIN_PATIENCE_MS);
    match timeout(patience, talk(&connection, &shared)).await {
        Ok(Ok(node_id)) => tracing::info!(%from, node_id, "admitted a new node"),
        Ok(Err(problem)) => tracing::warn!(%from, problem, "a join was not completed"),
        Err(_) => tracing::warn!(%from, "a join took too long"),
    }
}

async fn talk(connection: &Connection, shared: &Shared) -> Result<u64, String> {
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let (mut send, mut receive) = connection.accept_bi().await.map_err(|e| words(&e))?;
    let hello = receive
        .read_to_end(limits::MAX_JOIN_BYTES)
        .await
        .map_err(|e| words(&e))?;
    let hello: Hello = postcard::from_bytes(&hello).map_err(|_| "the joiner broke the protocol")?;
    let binding = Binding::of(connection).ok_or("the session exports no key")?;
    let decided = decide(shared, &binding, &hello).await;
    let (answer, result) = match decided {
        Ok((answer, node_id)) => (answer, Ok(node_id)),
        Err(reason) => (Answer::Refused(reason.clone()), Err(reason)),
    };
    wire::send(&mut send, &answer, &mut []).await.map_err(|e| words(&e))?;
    // The joiner closes when it has read the answer; closing first would cut it off.
    connection.closed().await;
    result
}

async fn decide(shared: &Shared, binding: &Binding, hello: &Hello) -> Result<(Answer, u64), String> {
    let petition = &hello.petition;
    // An unknown token and a wrong proof are answered alike.
    let turned_away = || "the token has expired, was used, or does not exist".to_owned();
    let secret = shared
        .admission
        .token_secret(petition.token_id)
        .await
        .ok_or_else(turned_away)?;
    if !binding.verify(&secret, Prover::Joiner, petition, &hello.proof) {
        return Err(turned_away());
    }
    let admitted = shared
        .admission
        .admit(petition.token_id, &petition.csr_der, &petition.node)
        .await;
    let mut admitted = admitted.map_err(|e| e.to_string())?;
    let grant = grant(&mut admitted, shared);
    let (node_id, proof) = (grant.node_id, binding.prove(&secret, Prover::Cluster, &grant));
    Ok((Answer::Welcome { grant, proof }, node_id))
}

fn grant(admitted: &mut Admitted, shared: &Shared) -> Grant {
    Grant {
        cluster_id: admitted.cluster_id,
        node_id: admitted.node_id,
        certificate_der: std::mem::take(&mut admitted.certificate_der),
        ca_der: std::mem::take(&mut admitted.ca_der),
        secrets: std::mem::take(&mut admitted.secrets).to_vec(),
        peers: shared.nodes(),
    }
}
