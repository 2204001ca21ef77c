//! Connections: accepted, bounded in number and patience, and drained at the end.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use quipu::{Error, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tower_service::Service;
use tracing::field::display;

use super::connections::{Connections, Counted};
use super::grpc;
use super::metrics::Turned;
use super::reload::Reload;
use super::router::router;
use super::state::App;
use super::tls::Tls;
use crate::config::Config;

/// How long a client may take none of its answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause after the system refused a connection, as when it has no more file handles.
const PAUSE: Duration = Duration::from_millis(50);

/// The address a request comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// What every connection shares.
#[derive(Clone)]
struct House {
    app: App,
    router: Router,
    protocol: Protocol,
    tls: Option<Arc<Tls>>,
    stopping: watch::Receiver<bool>,
}

/// What is spoken on a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// HTTP/1.1.
    Http,
    /// gRPC, which is HTTP/2.
    Grpc,
}

/// The addresses that are listened on.
#[derive(Debug)]
pub struct Listeners {
    http: std::net::TcpListener,
    grpc: Option<std::net::TcpListener>,
}

impl Listeners {
    /// Takes the addresses of the settings. Whoever connects waits until there is a server.
    ///
    /// # Errors
    /// When one is taken, or is not of this machine.
    pub fn bind(config: &Config) -> Result<Self> {
        let bind = |address: SocketAddr| {
            let bound = std::net::TcpListener::bind(address).and_then(|listener| {
                listener.set_nonblocking(true)?;
                Ok(listener)
            });
            bound.map_err(|error| Error::io("listen on", &address.to_string(), error))
        };
        Ok(Self { http: bind(config.listen)?, grpc: config.otlp_grpc.map(bind).transpose()? })
    }
}

/// Serves until a signal comes, then drains. SIGHUP has the settings and the certificate read again.
pub(super) async fn until_stopped(
    app: App,
    tls: Option<Arc<Tls>>,
    listeners: Listeners,
    reload: Arc<Reload>,
    ready: impl FnOnce(SocketAddr, Option<SocketAddr>),
) -> Result<()> {
    let config = app.config();
    let listen = config.listen;
    let failed = |error| Error::io("listen on", &listen.to_string(), error);
    // Before the line that says so, for whoever reads it may send a signal at once.
    let [mut terminate, mut interrupt, mut hangup] = signals().map_err(failed)?;
    let listener = TcpListener::from_std(listeners.http).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let grpc = listeners.grpc.map(TcpListener::from_std).transpose().map_err(failed)?;
    let grpc_address = grpc.as_ref().map(TcpListener::local_addr).transpose().map_err(failed)?;
    let (grpc_shown, tokens) = (grpc_address.as_ref().map(display), app.gate.requires_token());
    tracing::info!(%address, grpc = grpc_shown, tls = tls.is_some(), tokens, "listening");
    ready(address, grpc_address);
    let (stop, stopping) = watch::channel(false);
    let limits = &config.limits;
    let room = Connections::new(limits.connections, limits.connections_per_address);
    let mut connections = JoinSet::new();
    let house = House { router: router(app.clone()), protocol: Protocol::Http, app, tls, stopping };
    let grpc_house = House { router: grpc::router(house.app.clone()), protocol: Protocol::Grpc, ..house.clone() };
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => drop(tokio::task::spawn_blocking({
                let reload = Arc::clone(&reload);
                move || reload.run()
            })),
            Some(_) = connections.join_next() => {}
            accepted = next(&listener, &room) => admit(accepted, &house, &room, &mut connections).await,
            accepted = next_of(grpc.as_ref(), &room) => admit(accepted, &grpc_house, &room, &mut connections).await,
        }
    }
    drop((listener, grpc));
    tracing::info!(connections = connections.len(), "stopping");
    stop.send_replace(true);
    let drained = async { while connections.join_next().await.is_some() {} };
    if timeout(house.app.config().drain, drained).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections did not end in time and were cut");
    }
    Ok(())
}

fn signals() -> std::io::Result<[Signal; 3]> {
    Ok([signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?])
}

/// A place for a connection, and the connection.
type Accepted = (Option<OwnedSemaphorePermit>, std::io::Result<(TcpStream, SocketAddr)>);

async fn next(listener: &TcpListener, room: &Connections) -> Accepted {
    (room.slot().await, listener.accept().await)
}

/// The next connection of a listener that there may not be.
async fn next_of(listener: Option<&TcpListener>, room: &Connections) -> Accepted {
    match listener {
        Some(listener) => next(listener, room).await,
        None => std::future::pending().await,
    }
}

async fn admit(accepted: Accepted, house: &House, room: &Connections, connections: &mut JoinSet<()>) {
    let (Some(slot), Ok((stream, peer))) = accepted else { return tokio::time::sleep(PAUSE).await };
    match room.count(peer.ip(), slot) {
        Some(counted) => drop(connections.spawn(greet(house.clone(), stream, peer.ip(), counted))),
        None => house.app.metrics.turned_away(Turned::Connections),
    }
}

/// Waits for a connection's first byte, and for its handshake, before it costs more than that.
async fn greet(house: House, stream: TcpStream, peer: IpAddr, _counted: Counted) {
    let _open = house.app.metrics.connection();
    // Small answers should not wait for more to come; where this fails they only come later.
    let _ = stream.set_nodelay(true);
    let mut stopping = house.stopping.clone();
    let patience = house.app.config().limits.first_byte;
    let first =
        async { timeout(patience, stream.peek(&mut [0])).await.is_ok_and(|peeked| peeked.is_ok_and(|n| n > 0)) };
    let spoke = tokio::select! {
        spoke = first => spoke,
        _ = stopping.wait_for(|stopping| *stopping) => return,
    };
    let acceptor = house.tls.as_ref().map(|tls| match house.protocol {
        Protocol::Http => tls.http(),
        Protocol::Grpc => tls.grpc(),
    });
    match acceptor {
        _ if !spoke => {}
        None => serve(house, stream, peer).await,
        Some(acceptor) => match timeout(patience, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => serve(house, stream, peer).await,
            // A client's fault is the client's to see.
            _ => house.app.metrics.turned_away(Turned::Handshake),
        },
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Send + 'static>(house: House, stream: S, peer: IpAddr) {
    let House { app, router, protocol, mut stopping, .. } = house;
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        router.clone().call(request)
    });
    if protocol == Protocol::Grpc {
        let patience = app.config().limits.head;
        // Whoever is there answers pings, so nothing for so long means that nobody is.
        stream.set_read_timeout(Some(patience * 2));
        return grpc::converse(Box::pin(stream), service, patience, stopping).await;
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(app.config().limits.head)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
