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
    current: RwLock<Arc<ServerConfig>>,
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

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

fn read(files: &TlsFiles) -> Result<Arc<ServerConfig>> {
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
    let mut config = config.with_no_client_auth().with_single_cert(chain, key).map_err(refused)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
