//! The server's certificate, which can be replaced while connections go on.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use quipu::{Error, Result};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use crate::config::TlsFiles;

/// A certificate from files.
#[derive(Debug)]
pub(super) struct Tls {
    current: RwLock<Certified>,
}

/// A certificate for both protocols: clients of gRPC offer HTTP/2 alone, and hang up on anything else.
#[derive(Clone, Debug)]
struct Certified {
    http: Arc<ServerConfig>,
    grpc: Arc<ServerConfig>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid), naming the file and what is wrong with it.
    pub(super) fn load(files: &TlsFiles) -> Result<Self> {
        Ok(Self { current: RwLock::new(read(files)?) })
    }

    /// Reads files again, for the connections to come; those that are open keep their certificate.
    ///
    /// # Errors
    /// As [`Self::load`]; the certificate in use stays.
    pub(super) fn reload(&self, files: &TlsFiles) -> Result<()> {
        let read = read(files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// For connections that speak HTTP/1.1.
    pub(super) fn http(&self) -> TlsAcceptor {
        self.current().http.into()
    }

    /// For connections that speak gRPC.
    pub(super) fn grpc(&self) -> TlsAcceptor {
        self.current().grpc.into()
    }

    fn current(&self) -> Certified {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read(files: &TlsFiles) -> Result<Certified> {
    let wrong = |path: &Path, error: pem::Error| match error {
        pem::Error::Io(error) => Error::io("read", &path.display().to_string(), error),
        error => Error::invalid(format!("{}: {error}; expected PEM", path.display())),
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| wrong(&files.certificate, error))?;
    if chain.is_empty() {
        return Err(wrong(&files.certificate, pem::Error::NoItemsFound));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| wrong(&files.key, error))?;
    let refused = |error: rustls::Error| {
        let (certificate, key) = (files.certificate.display(), files.key.display());
        Error::invalid(format!("{certificate} and {key}: {error}"))
    };
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().map_err(refused)?;
    let config = config.with_no_client_auth().with_single_cert(chain, key).map_err(refused)?;
    let speaking = |protocol: &[u8]| {
        let mut config = config.clone();
        config.alpn_protocols = vec![protocol.to_vec()];
        Arc::new(config)
    };
    Ok(Certified { http: speaking(b"http/1.1"), grpc: speaking(b"h2") })
}
