//! TLS as a client: whose certificates are believed, and this node's own where a server wants one.
//!
//! Files are read for each connection, so that a renewed certificate counts from the next one on, and a file that is missing is an
//! error of the connection and not of the node.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use zeroize::Zeroizing;

use crate::limits;

/// Why there is no TLS connection.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file holds something else than it should.
    #[error("{} {what}", file.display())]
    Unusable {
        /// Which.
        file: PathBuf,
        /// The rest of the sentence.
        what: String,
    },
    /// The server's certificate is not one that the CA answers for.
    #[error("{server} has a certificate that no CA in {} has signed: refused", ca.display())]
    UnknownIssuer {
        /// The server's name.
        server: String,
        /// Whose signatures count.
        ca: PathBuf,
    },
    /// The server's certificate is for another name, has expired, or is wrong otherwise.
    #[error("the certificate of {server} is refused: {why}")]
    Certificate {
        /// The server's name.
        server: String,
        /// What is wrong with it.
        why: String,
    },
    /// The name cannot be in a certificate.
    #[error("\"{0}\" is no name that a certificate could have")]
    Name(String),
    /// The handshake failed otherwise.
    #[error("TLS with {server} failed: {source}")]
    Handshake {
        /// The server's name.
        server: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// What a connection is made with.
pub(crate) struct Files<'a> {
    /// Whose signatures count, PEM.
    pub ca: &'a Path,
    /// Certificate chain and key of this node, PEM.
    pub identity: Option<(&'a Path, &'a Path)>,
}

/// TLS 1.2 or 1.3 over `stream` with a server of this name.
pub(crate) async fn connect(
    stream: TcpStream,
    files: &Files<'_>,
    server: &str,
) -> Result<TlsStream<TcpStream>, TlsError> {
    let name = ServerName::try_from(server.to_owned()).map_err(|_| TlsError::Name(server.to_owned()))?;
    let connector = TlsConnector::from(Arc::new(client_config(files)?));
    connector
        .connect(name, stream)
        .await
        .map_err(|source| explain(source, server, files.ca))
}

fn client_config(files: &Files<'_>) -> Result<ClientConfig, TlsError> {
    let unusable = |file: &Path, what: String| TlsError::Unusable {
        file: file.to_owned(),
        what,
    };
    let mut roots = RootCertStore::empty();
    let (taken, _) = roots.add_parsable_certificates(certificates(files.ca)?);
    if taken == 0 {
        return Err(unusable(files.ca, "holds no certificate of a CA".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(files.ca, error.to_string()))?
        .with_root_certificates(roots);
    match files.identity {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => builder
            .with_client_auth_cert(certificates(chain)?, private_key(key)?)
            .map_err(|error| unusable(chain, format!("cannot be used with {}: {error}", key.display()))),
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(file)?;
    CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| TlsError::Unusable {
            file: file.to_owned(),
            what: format!("is not PEM: {error}"),
        })
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(file)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| TlsError::Unusable {
        file: file.to_owned(),
        what: format!("holds no private key: {error}"),
    })
}

fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let mut text = Zeroizing::new(Vec::new());
    let read = std::fs::File::open(file).and_then(|opened| opened.take(limits::PEM_BYTES).read_to_end(&mut text));
    match read {
        Ok(_) => Ok(text),
        Err(source) => Err(TlsError::Unreadable {
            file: file.to_owned(),
            source,
        }),
    }
}

fn explain(source: std::io::Error, server: &str, ca: &Path) -> TlsError {
    let server = server.to_owned();
    let inner = source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)) => TlsError::UnknownIssuer {
            server,
            ca: ca.to_owned(),
        },
        Some(rustls::Error::InvalidCertificate(why)) => TlsError::Certificate {
            server,
            why: why.to_string(),
        },
        _ => TlsError::Handshake { server, source },
    }
}
