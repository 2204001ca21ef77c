//! Quipu over HTTP.
//!
//! Ingest and queries are blocking work: routes hand it to a bounded number of threads and refuse
//! with 503 what would have to queue for long. From a store's first token on, every request but those
//! for health shows one; until then a request names its workspace in the header [`WORKSPACE_HEADER`].
//!
//! | route | does | answers |
//! |---|---|---|
//! | `POST /v1/events` | stores one event, an array, or one per line; gzip and zstd | 200 with a fate per event; 422 when none is stored |
//! | `POST /v1/outcomes` | stores outcomes, likewise | as above |
//! | `POST /v1/jobs/{id}/outcome` | stores the outcome of one job | 200 stored or replayed, 404, 409 with the one that stands |
//! | `POST /v1/query` | answers a plan | a sheet |
//! | `GET /v1/jobs`, `/v1/funnel`, `/v1/roi` | reports; flags as query parameters | a sheet |
//! | `GET /v1/jobs/{id}`, `/v1/traces/{id}` | everything about one | a document |
//! | `GET /healthz` | says that the server takes events, and the LSN | 200; 503 when only a restart helps |
//!
//! A sheet comes as JSON, or as `Accept` asks: `text/csv`, `application/x-ndjson`, `text/plain`.
//! Failures are `application/problem+json`: 400 wrong, 401 no token, 403 not allowed, 408 too slow, 413 too long, 415 unknown
//! encoding, 503 with `Retry-After` when too much is in flight or the disk's state is unknown, 507
//! when the disk is full.

mod accept;
mod body;
mod caller;
mod events;
mod gate;
mod jobs;
mod outcomes;
mod problem;
mod query;
mod router;
mod state;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use quipu::store::Store;
use quipu::{Error, ErrorKind, Result};
use tokio::runtime::Builder;

use state::{App, BLOCKING_THREADS};

/// The header that names the workspace of a request; `default` when absent.
pub const WORKSPACE_HEADER: &str = "x-quipu-workspace";

/// How often it is written down when tokens were last used.
const LAST_USED_EVERY: Duration = Duration::from_secs(60);
/// How long requests in flight may take once the server was told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves the store that lies in `dir` until the process is told to stop (SIGTERM or SIGINT), then finishes requests in
/// flight, seals the head and releases the store. `ready` learns the address that is listened on.
///
/// # Errors
/// When its tokens cannot be read, the address cannot be listened on, or the head cannot be sealed.
pub fn serve(store: Store, dir: &Path, listen: SocketAddr, ready: impl FnOnce(SocketAddr)) -> Result<()> {
    let failed = |error| Error::io("start", "the server's threads", error);
    let runtime =
        Builder::new_multi_thread().enable_all().max_blocking_threads(BLOCKING_THREADS).build().map_err(failed)?;
    let app = App::new(store, dir)?;
    let served = runtime.block_on(async {
        let keeping = tokio::spawn(keep_last_used(app.clone()));
        let served = accept::until_stopped(app.clone(), listen, DRAIN, ready).await;
        keeping.abort();
        served
    });
    // Blocking work that is still under way ends here; nothing new can start.
    runtime.shutdown_timeout(DRAIN);
    app.gate.save_last_used()?;
    served?;
    app.store.seal().map_err(|error| match error.kind() {
        // What is in the log is safe; it will be sealed after the next start.
        ErrorKind::Full => error.context("stopped without sealing; nothing is lost"),
        _ => error,
    })
}

/// Writes down when tokens were last used, now and then.
async fn keep_last_used(app: App) {
    loop {
        tokio::time::sleep(LAST_USED_EVERY).await;
        let gate = std::sync::Arc::clone(&app.gate);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || gate.save_last_used()).await {
            eprintln!("the last use of tokens was not written down: {error}");
        }
    }
}
