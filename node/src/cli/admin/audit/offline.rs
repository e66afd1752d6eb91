//! Verifying an export: its segments hash to the heads that nodes have signed, and the signatures are theirs.
//!
//! Everything here is public: segments, heads, certificates. What an attacker who wrote the export cannot know to forge is what the
//! auditor brings along: the CA certificate, an earlier `heads.json`, a head that was noted elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use data_encoding::{BASE64, HEXLOWER};
use quorate_api::{AuditHeads, AuditVerification, HeadSignature, SignedHead};
use quorate_core::audit::{ChainFault, Checkpoint, Head, Segment, Verifier, head_statement};
use quorate_core::limits::RECORDS_PER_SEGMENT;
use quorate_raft::pki;
use quorate_raft::signing::signer_of;
use rustls_pki_types::{CertificateDer, pem::PemObject};

use super::export::{HEADS, segment_file};
use crate::cli::exit::{Done, Exit, Failure};

/// Verifies the export in `dir`.
///
/// # Errors
/// Files that are no export. What does not hold is in the answer.
pub fn verify(
    dir: &Path,
    ca: Option<&Path>,
    earlier: Option<&Path>,
    expected_head: Option<String>,
) -> Done<AuditVerification> {
    let heads = read_heads(&dir.join(HEADS))?;
    let ca_der = match ca {
        Some(file) => read_certificate(file)?,
        None => {
            let der = decode(&heads.ca_certificate)?;
            eprintln!(
                "note: signatures are checked against the CA certificate in the export itself; compare its SHA-256 with that of your cluster's, or use --ca: {}",
                HEXLOWER.encode(&pki::fingerprint(&der))
            );
            der
        }
    };
    let mut waypoints = Waypoints::default();
    waypoints.add(&heads, "")?;
    if let Some(file) = earlier {
        waypoints.add(&read_heads(file)?, "the earlier export: ")?;
    }
    if let Some(head) = expected_head {
        waypoints.must(heads.now.records, parse_head(&head)?, "the expected head".to_owned());
    }
    let cluster = parse_array(&heads.cluster_id)?;
    let signed = heads.signed.iter().chain([&heads.now]);
    let signed: Vec<SignedHead> = signed
        .map(|head| checked(head, &cluster, &ca_der))
        .collect::<Done<_>>()?;
    let bad = signed.iter().find(|head| !head.good);
    let bad = bad.map(|bad| {
        format!(
            "what is there as node {}'s signature over {} records is none of this cluster",
            bad.node, bad.records
        )
    });
    let problem = follow(dir, &heads, &waypoints)?.or(bad);
    Ok(AuditVerification {
        ok: problem.is_none(),
        first_seq: heads.first_seq,
        records: heads.now.records,
        head: heads.now.head,
        signed,
        problem,
    })
}

/// Heads that the chain must have, by the number of records that they are over.
#[derive(Default)]
struct Waypoints(BTreeMap<u64, Vec<(Head, String)>>);

impl Waypoints {
    fn add(&mut self, heads: &AuditHeads, of: &str) -> Done {
        self.must(heads.first_seq, parse_head(&heads.base)?, format!("{of}the checkpoint"));
        for head in heads.signed.iter().chain([&heads.now]) {
            let who = format!("{of}the head that node {} signed", head.node);
            self.must(head.records, parse_head(&head.head)?, who);
        }
        Ok(())
    }

    fn must(&mut self, records: u64, head: Head, who: String) {
        self.0.entry(records).or_default().push((head, who));
    }

    /// Whoever says another head here.
    fn contradiction(&self, records: u64, head: Head) -> Option<String> {
        let others = self.0.get(&records)?;
        let (_, who) = others.iter().find(|(other, _)| *other != head)?;
        Some(format!(
            "the first {records} records do not hash to {who}: they were changed after it was made, or it is of another history"
        ))
    }
}

/// The first thing that does not hold.
fn follow(dir: &Path, heads: &AuditHeads, waypoints: &Waypoints) -> Done<Option<String>> {
    let checkpoint = Checkpoint {
        segment: heads.first_seq / RECORDS_PER_SEGMENT,
        head: parse_head(&heads.base)?,
    };
    let mut verifier = Verifier::from(checkpoint);
    if let Some(problem) = waypoints.contradiction(heads.first_seq, checkpoint.head) {
        return Ok(Some(problem));
    }
    while verifier.so_far().next_seq() < heads.now.records {
        let number = verifier.so_far().next_seq() / RECORDS_PER_SEGMENT;
        let Some(segment) = read_segment(dir, number)? else {
            return Ok(Some(format!("segment {number} is missing, or its file is damaged")));
        };
        if let Err(problem) = follow_segment(&mut verifier, &segment, heads.now.records, waypoints) {
            return Ok(Some(problem));
        }
    }
    Ok(None)
}

/// A closed segment whole; of the open one as many records as the export's head is over.
fn follow_segment(verifier: &mut Verifier, segment: &Segment, upto: u64, waypoints: &Waypoints) -> Result<(), String> {
    let fault = |fault: ChainFault| fault.to_string();
    let begins = verifier.so_far();
    let ends = begins.next_seq() + RECORDS_PER_SEGMENT;
    let mut by_record = verifier.clone();
    if ends <= upto {
        verifier.segment(segment).map_err(fault)?;
    } else if segment.base() != begins.head {
        let segment = segment.number();
        return Err(fault(ChainFault::BrokenLink { segment }));
    }
    let wanted = (upto - begins.next_seq()).min(RECORDS_PER_SEGMENT);
    for place in 0..wanted as usize {
        let seq = by_record.so_far().next_seq();
        let record = segment
            .records()
            .get(place)
            .ok_or_else(|| format!("the records end at number {seq}; the rest, up to {upto}, was cut off"))?;
        by_record.record(record).map_err(fault)?;
        let now = by_record.so_far();
        if let Some(problem) = waypoints.contradiction(now.next_seq(), now.head) {
            return Err(problem);
        }
    }
    *verifier = by_record;
    Ok(())
}

fn checked(head: &HeadSignature, cluster: &[u8; 16], ca_der: &[u8]) -> Done<SignedHead> {
    let statement = head_statement(cluster, head.records, &parse_head(&head.head)?);
    let (certificate, signature) = (decode(&head.certificate)?, decode(&head.signature)?);
    Ok(SignedHead {
        node: head.node,
        records: head.records,
        head: head.head.clone(),
        good: signer_of(cluster, ca_der, &certificate, &statement, &signature) == Some(head.node),
    })
}

fn read_heads(file: &Path) -> Done<AuditHeads> {
    let text = fs::read(file).map_err(|error| Failure::system(file.display(), error))?;
    serde_json::from_slice(&text).map_err(|error| unreadable(format_args!("{}: {error}", file.display())))
}

fn read_segment(dir: &Path, number: u64) -> Done<Option<Segment>> {
    let file = segment_file(dir, number);
    match fs::read(&file) {
        Ok(bytes) => Ok(Segment::from_bytes(&bytes).ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::system(file.display(), error)),
    }
}

fn read_certificate(file: &Path) -> Done<Vec<u8>> {
    let bytes = fs::read(file).map_err(|error| Failure::system(file.display(), error))?;
    match CertificateDer::from_pem_slice(&bytes) {
        Ok(certificate) => Ok(certificate.to_vec()),
        Err(_) => Ok(bytes),
    }
}

fn decode(text: &str) -> Done<Vec<u8>> {
    BASE64.decode(text.as_bytes()).map_err(unreadable)
}

fn parse_head(text: &str) -> Done<Head> {
    parse_array(text)
}

fn parse_array<const N: usize>(text: &str) -> Done<[u8; N]> {
    let bytes = HEXLOWER
        .decode(text.to_ascii_lowercase().as_bytes())
        .map_err(unreadable)?;
    bytes
        .try_into()
        .map_err(|_| unreadable(format_args!("\"{text}\" has not {N} bytes")))
}

fn unreadable(why: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Refused, format!("this is no export of an audit: {why}"))
}
