//! Connections: accepted, bounded in number and patience, and drained at the end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use quipu::{Error, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_io_timeout::TimeoutStream;

use super::router::router;
use super::state::App;

/// Connections at once; more wait to be accepted.
const CONNECTIONS: usize = 1024;
/// How long a client may take to send a request's head, and may stay silent between requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How often the log may have to say that its newest commit is durable.
const CONFIRM_EVERY: Duration = Duration::from_secs(1);
/// How long a client may take none of its answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause after the system refused a connection, as when it has no more file handles.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until a signal comes, then drains for at most `drain`.
pub(super) async fn until_stopped(
    app: App,
    listen: SocketAddr,
    drain: Duration,
    ready: impl FnOnce(SocketAddr),
) -> Result<()> {
    let failed = |error| Error::io("listen on", &listen.to_string(), error);
    // Before the line that says so, for whoever reads it may send a signal at once.
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    ready(listener.local_addr().map_err(failed)?);
    let store = Arc::clone(&app.store);
    let mut confirming: Option<JoinHandle<()>> = None;
    let mut pauses = tokio::time::interval(CONFIRM_EVERY);
    let (slots, (stop, stopping)) = (Arc::new(Semaphore::new(CONNECTIONS)), watch::channel(false));
    let mut connections = JoinSet::new();
    let service = TowerToHyperService::new(router(app));
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            Some(_) = connections.join_next() => {}
            _ = pauses.tick() => if confirming.as_ref().is_none_or(JoinHandle::is_finished) {
                let store = Arc::clone(&store);
                // A failure poisons the store, of which the next request tells.
                confirming = Some(tokio::task::spawn_blocking(move || drop(store.confirm())));
            },
            (slot, accepted) = next(&listener, &slots) => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, service.clone(), stopping.clone(), slot));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
        }
    }
    drop(listener);
    stop.send_replace(true);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(drain, drained).await.is_err() {
        eprintln!("{} connections did not end in time and were cut", connections.len());
    }
    Ok(())
}

async fn next(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (Option<OwnedSemaphorePermit>, std::io::Result<(TcpStream, SocketAddr)>) {
    // The semaphore is never closed, so there always is a slot.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    (slot, listener.accept().await)
}

async fn serve(
    stream: TcpStream,
    service: TowerToHyperService<axum::Router>,
    mut stopping: watch::Receiver<bool>,
    _slot: Option<OwnedSemaphorePermit>,
) {
    // Small answers should not wait for more to come; where this fails they only come later.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // A client's fault is the client's to see.
        _ = connection.as_mut() => return,
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
