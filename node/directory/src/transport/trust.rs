//! Whose certificates are believed, and what is said about one that is not: whose it is, who issued it, and what is wrong with it.
//!
//! A pinned certificate is believed for itself; that the controller has its key is proven by the handshake like any other's.

use std::{fmt, io, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::{failure::Failure, settings::Trust};

/// A controller's certificate, as far as an operator wants to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Whose it is.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The names and addresses it is for.
    pub names: Vec<String>,
    /// When it ends, in Unix seconds.
    pub expires_s: i64,
    /// SHA-256 of the DER form: what a pin would be.
    pub fingerprint: [u8; 32],
}

/// A certificate that is not believed, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}; it is {leaf}")]
pub struct CertificateRefused {
    /// What is wrong, in words.
    pub why: String,
    /// The certificate.
    pub leaf: Leaf,
}

impl Leaf {
    pub(crate) fn of(der: &CertificateDer<'_>) -> Self {
        let fingerprint = Sha256::digest(der).into();
        let Ok((_, certificate)) = X509Certificate::from_der(der) else {
            let (subject, issuer) = ("unreadable".to_owned(), String::new());
            return Self {
                subject,
                issuer,
                names: Vec::new(),
                expires_s: 0,
                fingerprint,
            };
        };
        Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            names: names(&certificate),
            expires_s: certificate.validity().not_after.timestamp(),
            fingerprint,
        }
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.subject)?;
        match &self.names[..] {
            [] => f.write_str(", for no name at all")?,
            names => write!(f, ", for {}", names.join(", "))?,
        }
        write!(f, ", issued by {}, SHA-256 ", self.issuer)?;
        self.fingerprint.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    };
    extension.value.general_names.iter().filter_map(name).take(32).collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    let four: Result<[u8; 4], _> = bytes.try_into();
    let sixteen: Result<[u8; 16], _> = bytes.try_into();
    let four = four.map(std::net::IpAddr::from).ok();
    four.or(sixteen.map(std::net::IpAddr::from).ok())
        .map(|address| address.to_string())
}

/// What a certificate has to be for, if `host` is one.
pub(crate) fn server_name(host: &str) -> Option<ServerName<'static>> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(host.to_owned()).ok()
}

/// The authorities in a PEM text; why there are none, in words.
pub(crate) fn authorities(pem: &str) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        store.add(certificate).map_err(|error| error.to_string())?;
    }
    match store.is_empty() {
        false => Ok(store),
        true => Err("there is no BEGIN CERTIFICATE in it".to_owned()),
    }
}

/// The TLS client that believes these.
pub(super) fn client(trust: &Trust) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let believed = match trust {
        Trust::System => by_authorities(system()?, &provider)?,
        Trust::Authority(pem) => by_authorities(authorities(pem)?, &provider)?,
        Trust::Pinned(pins) => Believed::Pins(pins.clone()),
    };
    let verifier = Arc::new(Verifier {
        believed,
        provider: Arc::clone(&provider),
    });
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

fn by_authorities(store: RootCertStore, provider: &Arc<CryptoProvider>) -> Result<Believed, String> {
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
    builder
        .build()
        .map(Believed::Authorities)
        .map_err(|error| error.to_string())
}

fn system() -> Result<RootCertStore, String> {
    let loaded = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(loaded.certs);
    match store.is_empty() {
        false => Ok(store),
        true => Err("the system has no certificates of authorities (package ca-certificates)".to_owned()),
    }
}

/// What a failed handshake was about.
pub(super) fn failure(error: io::Error) -> Failure {
    match refused(&error) {
        Some(refused) => Failure::Certificate(Box::new(refused)),
        None => Failure::Tls {
            source: Arc::new(error),
        },
    }
}

fn refused(error: &io::Error) -> Option<CertificateRefused> {
    match error.get_ref()?.downcast_ref()? {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(refused))) => {
            refused.downcast_ref().cloned()
        }
        _ => None,
    }
}

#[derive(Debug)]
struct Verifier {
    believed: Believed,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Believed {
    Authorities(Arc<WebPkiServerVerifier>),
    Pins(Vec<[u8; 32]>),
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let why = match &self.believed {
            Believed::Authorities(authorities) => {
                let verified =
                    authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
                match verified {
                    Ok(verified) => return Ok(verified),
                    Err(error) => complaint(&error, server_name),
                }
            }
            Believed::Pins(pins) => match pins.contains(&Sha256::digest(end_entity).into()) {
                true => return Ok(ServerCertVerified::assertion()),
                false => "it is not the pinned certificate".to_owned(),
            },
        };
        let leaf = Leaf::of(end_entity);
        let refused = Arc::new(CertificateRefused { why, leaf });
        Err(CertificateError::Other(OtherError(refused)).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn complaint(error: &rustls::Error, asked: &ServerName<'_>) -> String {
    let rustls::Error::InvalidCertificate(error) = error else {
        return error.to_string();
    };
    match error {
        CertificateError::UnknownIssuer => "its issuer is none of the authorities that are believed here".to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet, or this machine's clock is behind".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("it is not for {}, by which the controller was asked", asked.to_str())
        }
        CertificateError::BadSignature => {
            "an authority of that name is believed here, but it did not sign this with the key that is known".to_owned()
        }
        other => other.to_string(),
    }
}
