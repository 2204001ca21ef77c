//! What a failing disk looks like from outside, and a call of gRPC that never ends.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use bytes::Bytes;
use futures_util::stream;
use quipu::Store;
use quipu::store::Options;
use quipu_test_support::{Fault, SimDisk};
use serde_json::Value as Json;
use tower::ServiceExt;

use super::router::router;
use super::state::App;
use super::{WORKSPACE_HEADER, grpc};
use crate::config::{Config, Settings};

const RESERVE: u64 = 1 << 20;

struct Server {
    disk: SimDisk,
    app: App,
    _access: tempfile::TempDir,
}

/// What the server answered.
struct Answer {
    status: StatusCode,
    retry_after: bool,
    body: Json,
}

impl Server {
    fn new() -> Self {
        let disk = SimDisk::new(1);
        let options = Options::default().background(false).reserve_bytes(RESERVE);
        let store = Store::open_on(Arc::new(disk.clone()), options).expect("a store");
        let access = tempfile::tempdir().expect("a directory");
        let settings = Settings { store: Some(access.path().into()), ..Settings::default() };
        let config = Config::new(settings).expect("valid");
        Self { disk, app: App::new(store, config).expect("no tokens"), _access: access }
    }

    async fn ask(&self, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder().method(method).uri(path).body(body.into()).expect("a request");
        let answer = router(self.app.clone()).oneshot(request).await.expect("infallible");
        let (status, headers) = (answer.status(), answer.headers().clone());
        let bytes = to_bytes(answer.into_body(), usize::MAX).await.expect("in memory");
        if !status.is_success() {
            assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
        }
        let body = serde_json::from_slice(&bytes).expect("JSON");
        Answer { status, retry_after: headers.contains_key(header::RETRY_AFTER), body }
    }

    async fn send(&self, id: &str) -> Answer {
        let event = format!(r#"{{"id": "{id}", "at": "2026-01-01T00:00:00Z", "job_id": "j"}}"#);
        self.ask("POST", "/v1/events", event).await
    }

    async fn requests(&self) -> Json {
        let answer = self.ask("POST", "/v1/query", r#"{"measures": ["requests"]}"#).await;
        assert_eq!(answer.status, StatusCode::OK);
        answer.body["rows"][0]["requests"].clone()
    }
}

fn detail(answer: &Answer) -> &str {
    answer.body["detail"].as_str().expect("a sentence")
}

#[tokio::test]
async fn a_full_disk_is_507_until_there_is_room_again() {
    let server = Server::new();
    assert_eq!(server.send("a").await.status, StatusCode::OK);
    server.disk.set_capacity(RESERVE / 2);
    let outcome = r#"{"status": "SUCCESS"}"#;
    for answer in [server.send("b").await, server.ask("POST", "/v1/jobs/j/outcome", outcome).await] {
        assert_eq!(answer.status, StatusCode::INSUFFICIENT_STORAGE);
        assert!(detail(&answer).contains("was not stored, free some space and retry it"), "{}", detail(&answer));
    }
    assert_eq!(server.requests().await, 1);
    assert_eq!(server.ask("GET", "/healthz", "").await.status, StatusCode::OK);
    server.disk.set_capacity(u64::MAX);
    assert_eq!(server.send("b").await.body["stored"], 1);
    assert_eq!(server.requests().await, 2);
}

#[tokio::test]
async fn a_call_is_turned_away_before_its_body_is_read_and_no_body_is_waited_for_without_end() {
    let server = Server::new();
    let mut config = Config::clone(&server.app.config());
    config.limits.body = Duration::from_millis(50);
    server.app.take(config);
    let room = server.app.bodies.available_permits();
    for (workspace, status) in [("", "3"), ("default", "4")] {
        let endless = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let call = Request::post("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
            .header(header::CONTENT_TYPE, "application/grpc")
            .header(WORKSPACE_HEADER, workspace)
            .body(endless);
        let answer = grpc::router(server.app.clone()).oneshot(call.expect("a call")).await.expect("infallible");
        assert_eq!(answer.headers()["grpc-status"], status);
        assert_eq!(server.app.bodies.available_permits(), room, "its place is free again");
    }
}

#[tokio::test]
async fn a_failed_sync_is_503_for_good_while_reading_goes_on() {
    let server = Server::new();
    assert_eq!(server.send("a").await.status, StatusCode::OK);
    // A commit asks for the free space, appends, syncs.
    server.disk.fail_call(server.disk.calls() + 3, Fault::SyncDropsCache);
    let unknown = server.send("b").await;
    assert_eq!((unknown.status, unknown.retry_after), (StatusCode::SERVICE_UNAVAILABLE, true));
    assert!(detail(&unknown).contains("cannot sync wal/"), "{}", detail(&unknown));
    for poisoned in [server.send("c").await, server.ask("GET", "/healthz", "").await] {
        assert_eq!((poisoned.status, poisoned.retry_after), (StatusCode::SERVICE_UNAVAILABLE, true));
        assert!(detail(&poisoned).contains("takes no more writes since the disk failed"), "{}", detail(&poisoned));
    }
    assert_eq!(server.requests().await, 1);
}
