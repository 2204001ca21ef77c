//! OTLP over gRPC: `TraceService`, `LogsService` and `MetricsService`, each with its one method.
//!
//! A port of its own, with the certificate and the limits of the other; the same path into the store. What may succeed
//! later is answered `UNAVAILABLE`, which exporters retry; what never will, `INVALID_ARGUMENT`.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::post;
use bytes::{Buf, BufMut, Bytes};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::HttpService;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Status};

use super::accept::Peer;
use super::body;
use super::caller::Caller;
use super::otlp::{self, Context, status_code, take};
use super::problem::Problem;
use super::state::App;
use super::watch::watch as watch_request;
use crate::access::Permission;
use crate::wire::otlp::{Encoding, Signal, count_metrics};

/// Calls at once on one connection.
const STREAMS: u32 = 64;

/// Speaks HTTP/2 on a connection until its end, or until told to stop: then calls under way are finished. A client that
/// says nothing for so long is asked whether it is there.
pub(super) async fn converse<S, T>(stream: S, service: T, patience: Duration, mut stopping: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: HttpService<Incoming, ResBody = Body> + Send + 'static,
    T::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    T::Future: Send + 'static,
{
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new()).max_concurrent_streams(STREAMS).keep_alive_interval(patience);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // A client's fault is the client's to see.
        _ = connection.as_mut() => return,
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

pub(super) fn router(app: App) -> Router {
    let path = |signal: &str, service: &str| format!("/opentelemetry.proto.collector.{signal}.v1.{service}/Export");
    Router::new()
        .route(&path("trace", "TraceService"), post(traces))
        .route(&path("logs", "LogsService"), post(logs))
        .route(&path("metrics", "MetricsService"), post(metrics))
        .fallback(unknown)
        .layer(from_fn_with_state(app.clone(), watch_request))
        .with_state(app)
}

async fn traces(State(app): State<App>, request: Request) -> Response {
    unary(app, Kind::Records(Signal::Traces), request).await
}

async fn logs(State(app): State<App>, request: Request) -> Response {
    unary(app, Kind::Records(Signal::Logs), request).await
}

async fn metrics(State(app): State<App>, request: Request) -> Response {
    unary(app, Kind::Metrics, request).await
}

async fn unknown() -> Response {
    Status::unimplemented("this server knows the Export methods of OTLP").into_http::<Body>()
}

/// Takes a call: who sends it is known before any of its body is read, which then has the bounds that all bodies have.
async fn unary(app: App, kind: Kind, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let refused = |problem: Problem| status(&problem).into_http::<Body>();
    let caller = match app.gate.admit(&parts.headers, parts.extensions.get::<Peer>().copied(), Permission::Ingest) {
        Ok(caller) => caller,
        Err(problem) => return refused(problem),
    };
    let mut sent = match body::receive(&app, &parts.headers, body).await {
        Ok(sent) => sent,
        Err(problem) => return refused(problem),
    };
    // The message inside may be packed; its place in memory is kept until it is stored.
    let bytes = match sent.unpack() {
        Ok(bytes) => bytes,
        Err(problem) => return refused(problem),
    };
    let longest = usize::try_from(app.config().limits.unpacked_bytes).unwrap_or(usize::MAX);
    let mut grpc = Grpc::new(Plain)
        .accept_compressed(CompressionEncoding::Gzip)
        .apply_max_message_size_config(Some(longest), None);
    let response = grpc.unary(Export { app, kind, caller }, Request::from_parts(parts, Body::from(bytes))).await;
    response.map(Body::new)
}

/// What a method takes.
#[derive(Clone, Copy)]
enum Kind {
    Records(Signal),
    Metrics,
}

struct Export {
    app: App,
    kind: Kind,
    caller: Caller,
}

impl UnaryService<Bytes> for Export {
    type Response = Vec<u8>;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Vec<u8>>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let (app, kind, caller) = (self.app.clone(), self.kind, self.caller.clone());
        Box::pin(async move {
            let (metadata, _, message) = request.into_parts();
            let answer = export(&app, kind, caller, metadata.into_headers(), message).await;
            answer.map(tonic::Response::new).map_err(|problem| status(&problem))
        })
    }
}

async fn export(app: &App, kind: Kind, caller: Caller, headers: HeaderMap, message: Bytes) -> Result<Vec<u8>, Problem> {
    match kind {
        Kind::Metrics => {
            let count = app.store(move |_| Ok(count_metrics(&message, Encoding::Proto)?)).await?;
            app.traces.count_metrics(count);
            Ok(Vec::new())
        }
        Kind::Records(signal) => {
            let context = Context::new(app, caller, &headers);
            let taken = app.store(move |_| take(&context, &message, Encoding::Proto, signal)).await?;
            Ok(otlp::message(&taken))
        }
    }
}

fn status(problem: &Problem) -> Status {
    Status::new(Code::from_i32(status_code(problem.status())), problem.detail())
}

/// Messages as the bytes they are: they are read where the HTTP routes read theirs.
#[derive(Clone, Copy, Default)]
struct Plain;

impl Codec for Plain {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(length)))
    }
}
