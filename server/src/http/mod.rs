//! Quipu over HTTP.
//!
//! Ingest and queries are blocking work: routes hand it to a bounded number of threads and refuse
//! with 503 what would have to queue for long. There is no authentication; a request names its
//! workspace in the header [`WORKSPACE_HEADER`].

mod accept;
mod body;
mod events;
mod jobs;
mod outcomes;
mod problem;
mod query;
mod router;
mod state;

use std::net::SocketAddr;
use std::time::Duration;

use quipu::store::Store;
use quipu::{Error, ErrorKind, Result};
use tokio::runtime::Builder;

use state::{App, BLOCKING_THREADS};

/// The header that names the workspace of a request; `default` when absent.
pub const WORKSPACE_HEADER: &str = "x-quipu-workspace";

/// How long requests in flight may take once the server was told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves a store until the process is told to stop (SIGTERM or SIGINT), then finishes requests in
/// flight, seals the head and releases the store. `ready` learns the address that is listened on.
///
/// # Errors
/// When the address cannot be listened on, or the head cannot be sealed.
pub fn serve(store: Store, listen: SocketAddr, ready: impl FnOnce(SocketAddr)) -> Result<()> {
    let failed = |error| Error::io("start", "the server's threads", error);
    let runtime =
        Builder::new_multi_thread().enable_all().max_blocking_threads(BLOCKING_THREADS).build().map_err(failed)?;
    let app = App::new(store);
    let served = runtime.block_on(accept::until_stopped(app.clone(), listen, DRAIN, ready));
    // Blocking work that is still under way ends here; nothing new can start.
    runtime.shutdown_timeout(DRAIN);
    served?;
    app.store.seal().map_err(|error| match error.kind() {
        // What is in the log is safe; it will be sealed after the next start.
        ErrorKind::Full => error.context("stopped without sealing; nothing is lost"),
        _ => error,
    })
}
