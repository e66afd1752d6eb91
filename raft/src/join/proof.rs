//! The messages of a join and the proofs in them.
//!
//! Both sides prove that they hold the token's secret by an HMAC over what they say *and* over a
//! key exported from this very TLS session. A machine in between has two sessions, hence two
//! exporters, and can pass neither proof on; and what was said (the signing request, the
//! certificate, the key ring) cannot be exchanged, for the proof covers it.

use std::collections::BTreeMap;

use quinn::Connection;
use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::NodeInfo;

/// The joiner's only message.
#[derive(Serialize, Deserialize)]
pub struct Hello {
    pub petition: Petition,
    pub proof: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
pub struct Petition {
    pub token_id: u64,
    pub csr_der: Vec<u8>,
    pub node: NodeInfo,
}

/// The cluster's only answer.
#[derive(Serialize, Deserialize)]
pub enum Answer {
    Welcome { grant: Grant, proof: Vec<u8> },
    Refused(String),
}

#[derive(Serialize, Deserialize)]
pub struct Grant {
    pub cluster_id: [u8; 16],
    pub node_id: u64,
    pub certificate_der: Vec<u8>,
    pub ca_der: Vec<u8>,
    pub secrets: Vec<u8>,
    pub peers: BTreeMap<u64, NodeInfo>,
}

impl Drop for Grant {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.secrets);
    }
}

/// Who proves. The two must differ, or a proof could be sent back.
#[derive(Clone, Copy)]
pub enum Prover {
    Joiner,
    Cluster,
}

/// The session's exported key, for the proofs.
pub struct Binding([u8; 32]);

impl Binding {
    /// None when the session cannot export, which TLS 1.3 always can.
    pub fn of(connection: &Connection) -> Option<Self> {
        let mut exported = [0; 32];
        connection
            .export_keying_material(&mut exported, b"EXPORTER-quorate-join", b"")
            .ok()?;
        Some(Self(exported))
    }

    /// The prover's proof for a statement.
    pub fn prove<S: Serialize>(&self, secret: &[u8; 32], prover: Prover, statement: &S) -> Vec<u8> {
        hmac::sign(&key(secret), &self.claim(prover, statement))
            .as_ref()
            .to_vec()
    }

    /// Whether the proof is right; in constant time.
    pub fn verify<S: Serialize>(&self, secret: &[u8; 32], prover: Prover, statement: &S, proof: &[u8]) -> bool {
        hmac::verify(&key(secret), &self.claim(prover, statement), proof).is_ok()
    }

    fn claim<S: Serialize>(&self, prover: Prover, statement: &S) -> zeroize::Zeroizing<Vec<u8>> {
        let label: &[u8] = match prover {
            Prover::Joiner => b"quorate-join/1 joiner\0",
            Prover::Cluster => b"quorate-join/1 cluster\0",
        };
        let claim = [label, &self.0].concat();
        postcard::to_extend(statement, claim)
            .expect("invariant: statements serialize")
            .into()
    }
}

fn key(secret: &[u8; 32]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret)
}
