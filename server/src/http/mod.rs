//! Quipu over HTTP.
//!
//! Ingest and queries are blocking work: routes hand it to a bounded number of threads and refuse
//! with 503 what would have to queue for long. Those of queries yield to all others (see `query_threads`). From a store's first token on, every request but those
//! for health shows one; until then a request names its workspace in the header [`WORKSPACE_HEADER`].
//!
//! | route | does | answers |
//! |---|---|---|
//! | `POST /v1/events` | stores one event, an array, or one per line; gzip and zstd | 200 with a fate per event; 422 when none is stored |
//! | `POST /v1/traces`, `/v1/logs`, `/v1/metrics` | OTLP, protobuf or JSON; also under `/api/public/otel` and `/v1/otel` | as OTLP says; 503 whenever a retry may help |
//! | `POST /ingest/{source}` | events as another source writes them; `/v1/events` finds out which | as `/v1/events` |
//! | `POST /api/public/ingestion`, `/api/v1/events`, `/oai/v1/log`, `/meter/v2/…` | what clients of Langfuse, OpenMeter, Helicone and Revenium send | what those clients expect |
//! | `/v2/api/jobs…` | jobs and outcomes as Revenium's interface has them | as that has it |
//! | `POST /v1/outcomes` | stores outcomes, likewise | as above |
//! | `POST /v1/jobs/{id}/outcome` | stores the outcome of one job | 200 stored or replayed, 404, 409 with the one that stands |
//! | `POST /v1/attributions`, `GET /v1/attributions` | assigns usage afterwards, and shows that; needs the scope admin | the number and the events changed |
//! | `POST /v1/erasures` | erases a subscriber, or looks for one in every file; needs the scope admin | what was done and found |
//! | `POST /v1/query` | answers a plan | a sheet |
//! | `GET /v1/jobs`, `/v1/funnel`, `/v1/roi` | reports; flags as query parameters | a sheet |
//! | `GET /v1/jobs/{id}`, `/v1/traces/{id}` | everything about one | a document |
//! | `GET /` | a dashboard over these routes | a page |
//! | `GET /openapi.json` | describes these routes | JSON |
//! | `GET /readyz` | says that the server takes events | 200, 503 |
//! | `GET /metrics` | counters for Prometheus; needs the scope admin | text |
//! | `GET /healthz` | says that the server takes events, and the LSN | 200; 503 when only a restart helps |
//!
//! Answers from what is stored can be asked to hold an LSN, and carry an ETag (see `fresh`).
//! A sheet comes as JSON, or as `Accept` asks: `text/csv`, `application/x-ndjson`, `text/plain`.
//! Failures are `application/problem+json`: 400 wrong, 401 no token, 403 not allowed, 408 too
//! slow, 413 too long, 415 unknown encoding, 429 too often, 503 with `Retry-After` when too much is in flight or the
//! disk's state is unknown, 504 when a query takes too long, 507 when the disk is full.

mod accept;
mod alerts;
mod api;
mod attributions;
mod body;
mod budgets;
mod caller;
mod cardinality;
mod connections;
mod corrections;
mod dashboard;
mod erasures;
mod events;
mod fresh;
mod gate;
mod grpc;
mod jobs;
mod langfuse;
mod metrics;
mod otlp;
mod outcomes;
mod problem;
mod query;
mod query_threads;
mod questions;
mod rate;
mod reload;
mod revenium;
mod router;
mod sources;
mod state;
#[cfg(test)]
mod tests;
mod tls;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quipu::store::Store;
use quipu::{Error, ErrorKind, Result};
use tokio::runtime::Builder;
use tracing::level_filters::LevelFilter;

use crate::config::{Config, LogFormat, LogLevel};
pub use accept::Listeners;
use reload::Reload;
use state::App;
use tls::Tls;

/// The header that names the workspace of a request; `default` when absent.
pub const WORKSPACE_HEADER: &str = "x-quipu-workspace";

/// How often it is written down when tokens were last used.
const LAST_USED_EVERY: Duration = Duration::from_secs(60);
/// How often the log may have to say that its newest commit is durable.
const CONFIRM_EVERY: Duration = Duration::from_secs(1);

/// Serves a store until the process is told to stop (SIGTERM or SIGINT), then finishes requests in
/// flight, seals the head and releases the store. On SIGHUP it goes by what `reread` then says, as far as
/// that is possible without a start. `ready` learns the address that is listened on, and that of gRPC where it is wanted.
///
/// # Errors
/// When the tokens or the certificate cannot be read, the address cannot be listened on, or the head
/// cannot be sealed.
pub fn serve(
    store: Store,
    config: Config,
    listeners: Listeners,
    reread: impl Fn() -> Result<Config> + Send + Sync + 'static,
    ready: impl FnOnce(SocketAddr, Option<SocketAddr>),
) -> Result<()> {
    let failed = |error| Error::io("start", "the server's threads", error);
    let tls = config.tls.as_ref().map(Tls::load).transpose()?.map(Arc::new);
    let runtime =
        Builder::new_multi_thread().enable_all().max_blocking_threads(App::INGEST_THREADS).build().map_err(failed)?;
    let app = App::new(store, config)?;
    let served = runtime.block_on(async {
        let keeping = [
            tokio::spawn(keep_last_used(app.clone())),
            tokio::spawn(confirm(app.clone())),
            tokio::spawn(alerts::watch(app.clone())),
        ];
        let reload = Arc::new(Reload::new(app.clone(), tls.clone(), reread));
        let served = accept::until_stopped(app.clone(), tls, listeners, reload, ready).await;
        keeping.iter().for_each(tokio::task::JoinHandle::abort);
        served
    });
    // Blocking work that is still under way ends here; nothing new can start.
    runtime.shutdown_timeout(app.config().drain);
    app.gate.save_last_used()?;
    served?;
    let sealed = app.store.seal().map_err(|error| match error.kind() {
        // What is in the log is safe; it will be sealed after the next start.
        ErrorKind::Full => error.context("stopped without sealing; nothing is lost"),
        _ => error,
    });
    tracing::info!(lsn = app.store.snapshot().lsn(), "stopped");
    sealed
}

/// Checks what only the files that settings name can tell.
///
/// # Errors
/// As [`serve`].
pub fn check(config: &Config) -> Result<()> {
    config.tls.as_ref().map(Tls::load).transpose()?;
    gate::Gate::new(config, Arc::new(metrics::Metrics::new())).map(drop)
}

/// Has this process log to its standard error from now on, as the settings say.
pub fn log_as(config: &Config) {
    let level = match config.log_level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let lines = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_ansi(false);
    // Whoever embeds this and logs already goes on as before.
    let _ = match config.log_format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}

/// Writes down when tokens were last used, now and then, and lets go of what is not needed any more.
async fn keep_last_used(app: App) {
    loop {
        tokio::time::sleep(LAST_USED_EVERY).await;
        if app.traces.is_late() {
            app.traces.let_go();
        }
        let gate = Arc::clone(&app.gate);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || gate.save_last_used()).await {
            tracing::warn!(%error, "the last use of tokens was not written down");
        }
    }
}

/// Lets the log say, when commits pause, that the newest one is durable.
async fn confirm(app: App) {
    loop {
        tokio::time::sleep(CONFIRM_EVERY).await;
        let store = Arc::clone(&app.store);
        // A failure poisons the store, of which the next request tells.
        let _ = tokio::task::spawn_blocking(move || store.confirm()).await;
    }
}
