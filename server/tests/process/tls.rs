//! TLS: spoken where it is asked for, with the certificate that lies there now.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::support::{Server, arg, quipu};

/// A new certificate in `dir`; how a client trusts it and nothing else.
pub(crate) fn certify(dir: &Path) -> Agent {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    std::fs::write(dir.join("cert.pem"), cert.pem()).expect("writable");
    std::fs::write(dir.join("key.pem"), signing_key.serialize_pem()).expect("writable");
    let trusted = RootCerts::Specific(Arc::new(vec![Certificate::from_der(cert.der()).to_owned()]));
    Agent::config_builder().tls_config(TlsConfig::builder().root_certs(trusted).build()).build().into()
}

fn is_well(agent: &Agent, server: &Server) -> bool {
    agent.get(format!("{}/healthz", server.url)).call().is_ok_and(|answer| answer.status() == 200)
}

/// What a client that offers this protocol alone comes to speak with a server.
fn spoken(address: &str, certificate: &Path, offered: &[u8]) -> Option<Vec<u8>> {
    let mut trusted = rustls::RootCertStore::empty();
    trusted.add(CertificateDer::from_pem_file(certificate).expect("a certificate")).expect("sound");
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("versions").with_root_certificates(trusted);
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![offered.to_vec()];
    let name = "127.0.0.1".try_into().expect("a name");
    let mut client = rustls::ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut stream = TcpStream::connect(address).expect("a server");
    while client.is_handshaking() {
        client.complete_io(&mut stream).ok()?;
    }
    client.alpn_protocol().map(<[u8]>::to_vec)
}

#[test]
fn each_port_speaks_the_protocol_that_its_clients_offer() {
    let dir = tempfile::tempdir().expect("a directory");
    certify(dir.path());
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let flags = ["--tls-cert", arg(&cert), "--tls-key", arg(&key), "--otlp-grpc", "127.0.0.1:0"];
    let server = Server::start_with(&dir.path().join("store"), &flags);
    let http = server.url.trim_start_matches("https://");
    assert_eq!(spoken(http, &cert, b"http/1.1").as_deref(), Some(&b"http/1.1"[..]));
    assert_eq!(spoken(&server.grpc, &cert, b"h2").as_deref(), Some(&b"h2"[..]));
    assert_eq!((spoken(http, &cert, b"h2"), spoken(&server.grpc, &cert, b"http/1.1")), (None, None));
}

#[test]
fn the_certificate_is_replaced_on_sighup_and_a_broken_one_is_not_taken() {
    let dir = tempfile::tempdir().expect("a directory");
    let first = certify(dir.path());
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let store = dir.path().join("store");
    let server = Server::start_with(&store, &["--tls-cert", arg(&cert), "--tls-key", arg(&key)]);
    assert!(server.url.starts_with("https://") && is_well(&first, &server));
    let hang_up = || {
        let sent = Command::new("kill").args(["-HUP", &server.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    };
    std::fs::write(&cert, "not a certificate").expect("writable");
    hang_up();
    std::thread::sleep(std::time::Duration::from_millis(200));
    // An agent of its own, whose connections are new.
    assert!(is_well(&first, &server));
    let second = certify(dir.path());
    assert!(!is_well(&second, &server));
    hang_up();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !is_well(&second, &server) {
        assert!(std::time::Instant::now() < deadline, "the new certificate never came");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(server.terminate().success());

    let args = ["serve", "--check-config", "--store", arg(&store), "--tls-cert", arg(&key), "--tls-key", arg(&key)];
    let wrong = quipu(&args);
    assert!(wrong.code == Some(2) && wrong.err.contains("key.pem"), "{}", wrong.err);
}
