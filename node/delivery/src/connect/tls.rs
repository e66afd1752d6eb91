//! TLS as a client: who is believed, and the handshake. Certificates are always verified; there is no switch for it.

use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Stream, plain};
use crate::{
    attempt::{Halt, StepName, Trace},
    limits::PEM_BYTES,
    problem::Checker,
    settings::Trust,
};

/// The client's side of TLS with the authorities that `trust` names; nothing, and a problem, if it names none that can be read.
pub(crate) fn client_config(trust: &Trust, checker: &mut Checker) -> Option<Arc<ClientConfig>> {
    let roots = roots(trust, checker)?;
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.expect("invariant: ring supports TLS 1.2 and 1.3");
    Some(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// Speaks TLS on `stream`, with a server that proves to be `host`.
pub(crate) async fn handshake<S: Stream>(
    stream: S,
    host: &str,
    config: &Arc<ClientConfig>,
    trace: &mut Trace,
) -> Result<TlsStream<S>, Halt> {
    trace.begin(StepName::Tls, host);
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|_| Halt::Broken(format!("{host} cannot stand in a certificate")))?;
    let connected = TlsConnector::from(config.clone()).connect(name, stream).await;
    let stream = connected.map_err(|error| Halt::Broken(format!("TLS with {host}: {}", plain(&error))))?;
    let (_, session) = stream.get_ref();
    let version = session.protocol_version().map(|version| format!("{version:?}"));
    let suite = session
        .negotiated_cipher_suite()
        .map(|suite| format!("{:?}", suite.suite()));
    trace.done(&[version, suite].map(Option::unwrap_or_default).join(" "));
    Ok(stream)
}

fn roots(trust: &Trust, checker: &mut Checker) -> Option<Arc<RootCertStore>> {
    if trust.ca_pem.is_empty() && trust.ca_file.is_empty() {
        return system_roots(checker);
    }
    let mut store = RootCertStore::empty();
    let mut whole = true;
    if !trust.ca_pem.is_empty() {
        whole &= add("ca_pem", trust.ca_pem.as_bytes(), &mut store, checker);
    }
    if !trust.ca_file.is_empty() {
        whole &= match read(&trust.ca_file) {
            Ok(pem) => add("ca_file", &pem, &mut store, checker),
            Err(problem) => {
                checker.wrong("ca_file", problem);
                false
            }
        };
    }
    whole.then(|| Arc::new(store))
}

fn read(file: &str) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {}", plain(&error));
    let length = std::fs::metadata(file).map_err(unreadable)?.len();
    if length > PEM_BYTES as u64 {
        return Err(format!("is larger than {PEM_BYTES} bytes"));
    }
    std::fs::read(file).map_err(unreadable)
}

/// Whether `pem` holds certificates, all of which can be believed in.
fn add(field: &str, pem: &[u8], store: &mut RootCertStore, checker: &mut Checker) -> bool {
    if pem.len() > PEM_BYTES {
        checker.wrong(field, format!("is larger than {PEM_BYTES} bytes"));
        return false;
    }
    let before = store.len();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let added = certificate
            .map_err(|error| error.to_string())
            .and_then(|certificate| store.add(certificate).map_err(|error| error.to_string()));
        if let Err(error) = added {
            checker.wrong(field, format!("has a certificate that cannot be used: {error}"));
            return false;
        }
    }
    checker.require(store.len() > before, field, "has no certificate in PEM form");
    store.len() > before
}

/// What the operating system believes, read once.
fn system_roots(checker: &mut Checker) -> Option<Arc<RootCertStore>> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let mut store = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        store.add_parsable_certificates(found.certs);
        Arc::new(store)
    });
    checker.require(
        !roots.is_empty(),
        "",
        "names no authority, and this system knows none: install ca-certificates, or give ca_pem or ca_file",
    );
    (!roots.is_empty()).then(|| roots.clone())
}
