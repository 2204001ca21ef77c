//! What every request shares, and the bounds on what requests may take.

use std::sync::{Arc, PoisonError, RwLock};

use quipu::store::Store;
use quipu::{Cancel, Error, Result as QuipuResult};
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

use super::cardinality::Cardinality;
use super::gate::Gate;
use super::metrics::{Metrics, Turned};
use super::otlp::Traces;
use super::problem::Problem;
use super::query_threads::QueryThreads;
use crate::config::Config;

/// Requests with something to store that may be at work or wait for a thread.
const REQUESTS_AT_WORK: usize = 64;
/// Queries that may wait for their turn, for each that may be at work.
const WAITING_PER_QUERY: usize = 32;
/// KiB of bodies that may be in memory at once, as they were sent.
const BODY_KIB: usize = 256 * 1024;

/// Stops a query when nobody waits for its answer any more.
struct StopOnDrop(Cancel);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Work that has its place to the end even when the client has gone, for it goes on without it.
fn held<T>(place: impl Send + 'static, work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    move || {
        let result = work();
        drop(place);
        result
    }
}

/// The shared state.
#[derive(Clone)]
pub(in crate::http) struct App {
    pub(super) store: Arc<Store>,
    /// Told when the settings have changed.
    pub(super) changed: Arc<Notify>,
    pub(super) gate: Arc<Gate>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) bodies: Arc<Semaphore>,
    pub(super) traces: Arc<Traces>,
    pub(super) cardinality: Arc<Cardinality>,
    config: Arc<RwLock<Arc<Config>>>,
    work: Arc<Semaphore>,
    queries: Arc<Semaphore>,
    query_threads: Arc<QueryThreads>,
    waiting: Arc<Semaphore>,
}

impl App {
    /// Threads for blocking work, besides those of queries. More than processors, since most of the time of a commit
    /// is waiting for the disk, and waiting batches share one sync.
    pub(super) const INGEST_THREADS: usize = 16;

    /// What serves a store.
    ///
    /// # Errors
    /// When its tokens cannot be read, or the system has no more threads.
    pub(super) fn new(store: Store, config: Config) -> QuipuResult<Self> {
        let (metrics, limits) = (Arc::new(Metrics::new()), &config.limits);
        let threads = QueryThreads::start(limits.queries).map_err(|error| Error::io("start", "threads", error))?;
        let traces = Arc::new(Traces::new(&store));
        Ok(Self {
            store: Arc::new(store),
            gate: Arc::new(Gate::new(&config, Arc::clone(&metrics))?),
            metrics,
            bodies: Arc::new(Semaphore::new(BODY_KIB)),
            traces,
            cardinality: Arc::new(Cardinality::new(limits.variety)),
            work: Arc::new(Semaphore::new(REQUESTS_AT_WORK)),
            queries: Arc::new(Semaphore::new(limits.queries)),
            query_threads: Arc::new(threads),
            waiting: Arc::new(Semaphore::new(limits.queries * WAITING_PER_QUERY)),
            config: Arc::new(RwLock::new(Arc::new(config))),
            changed: Arc::default(),
        })
    }

    /// The settings as they are now.
    pub(super) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Goes by other settings from now on.
    pub(super) fn take(&self, config: Config) {
        self.gate.allow(config.limits.requests_per_second);
        self.cardinality.allow(config.limits.variety);
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
        self.changed.notify_waiters();
    }

    /// Runs something that stores, on a thread of its own.
    ///
    /// # Errors
    /// 503 when too much waits already, 500 should the work panic, else its own problem.
    pub(super) async fn store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = Arc::clone(&self.work).try_acquire_owned().map_err(|_| self.overloaded("requests"))?;
        let store = Arc::clone(&self.store);
        let work = held(permit, move || work(&store));
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(Problem::internal()))
    }

    /// Runs something that only reads, on a thread for that, once it is its turn. It is told to stop, and gives its
    /// place to the next, when it takes too long or the client goes away.
    ///
    /// # Errors
    /// 503 when too many wait already or waiting took too long, 504 when the work did, 500 should it
    /// panic, else its own problem.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store, Cancel) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let _waiting = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| self.overloaded("queries"))?;
        let limit = self.config().limits.query;
        let turn = timeout(limit, Arc::clone(&self.queries).acquire_owned()).await;
        let permit = turn.ok().and_then(Result::ok).ok_or_else(|| self.overloaded("queries"))?;
        let under_way = self.metrics.query();
        let stop = StopOnDrop(Cancel::default());
        let cancel = stop.0.clone();
        let store = Arc::clone(&self.store);
        let work = held((permit, under_way), move || work(&store, cancel));
        let done = timeout(limit, self.query_threads.run(work)).await;
        done.map_or_else(|_| Err(Problem::too_slow(limit)), |done| done.unwrap_or_else(|| Err(Problem::internal())))
    }

    /// Whether something to store would be taken right now.
    pub(super) fn has_room(&self) -> bool {
        self.work.available_permits() > 0
    }

    pub(super) fn overloaded(&self, what: &str) -> Problem {
        self.metrics.turned_away(Turned::Overload);
        Problem::overloaded(what)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use axum::http::{StatusCode, header};
    use axum::response::{IntoResponse, Response};
    use quipu::store::Options;

    use super::*;
    use crate::config::Settings;

    fn app(dir: &tempfile::TempDir) -> App {
        let store = Store::open(dir.path(), Options::default().background(false)).expect("a store");
        let settings = Settings { store: Some(dir.path().into()), max_queries: Some(1), ..Settings::default() };
        let config = Config::new(Settings { query_timeout: Some("50ms".parse().expect("a span")), ..settings });
        App::new(store, config.expect("valid")).expect("no tokens")
    }

    fn refused(result: Result<(), Problem>) -> Response {
        result.expect_err("a problem").into_response()
    }

    #[tokio::test]
    async fn work_beyond_the_bound_is_refused_and_taken_again_later() {
        let dir = tempfile::tempdir().expect("a directory");
        let app = app(&dir);
        let (release, released) = mpsc::channel::<()>();
        let released = Arc::new(std::sync::Mutex::new(released));
        let blocked: Vec<_> = (0..REQUESTS_AT_WORK)
            .map(|_| {
                let (app, released) = (app.clone(), Arc::clone(&released));
                // Waits until the sender is gone, one after the other.
                let wait = move |_: &Store| {
                    let _ = released.lock().map(|released| released.recv());
                    Ok(())
                };
                tokio::spawn(async move { app.store(wait).await })
            })
            .collect();
        while app.work.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let response = refused(app.store(|_| Ok(())).await);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers().get(header::RETRY_AFTER).map(|value| value.as_bytes()), Some(&b"1"[..]));
        drop(release);
        for blocked in blocked {
            assert!(blocked.await.expect("no panic").is_ok());
        }
        assert!(app.store(|_| Ok(())).await.is_ok());
    }

    #[tokio::test]
    async fn a_panic_is_an_answer_and_gives_its_place_back() {
        let dir = tempfile::tempdir().expect("a directory");
        let app = app(&dir);
        let response = refused(app.store(|_| panic!("on purpose")).await);
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(app.work.available_permits(), REQUESTS_AT_WORK);
        assert!(app.store(|_| Ok(())).await.is_ok());
    }

    #[tokio::test]
    async fn a_query_that_takes_too_long_is_given_up_and_keeps_its_place_until_it_ends() {
        let dir = tempfile::tempdir().expect("a directory");
        let app = app(&dir);
        let (release, released) = mpsc::channel::<()>();
        let slow = move |_: &Store, _: Cancel| {
            let _ = released.recv();
            Ok(())
        };
        assert_eq!(refused(app.ask(slow).await).status(), StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(refused(app.ask(|_, _| Ok(())).await).status(), StatusCode::SERVICE_UNAVAILABLE);
        // What stores has threads of its own.
        assert!(app.store(|_| Ok(())).await.is_ok());
        drop(release);
        while app.queries.available_permits() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(app.ask(|_, _| Ok(())).await.is_ok());
    }

    #[tokio::test]
    async fn a_query_that_takes_too_long_is_told_to_stop_and_the_next_one_has_its_place() {
        let dir = tempfile::tempdir().expect("a directory");
        let app = app(&dir);
        let until_told = |_: &Store, cancel: Cancel| {
            while !cancel.is_cancelled() {
                std::thread::yield_now();
            }
            Ok(())
        };
        for _ in 0..3 {
            assert_eq!(refused(app.ask(until_told).await).status(), StatusCode::GATEWAY_TIMEOUT);
            while app.queries.available_permits() == 0 {
                tokio::task::yield_now().await;
            }
        }
        // So is one whose client goes away.
        let gone = timeout(std::time::Duration::from_millis(5), app.ask(until_told)).await;
        assert!(gone.is_err());
        while app.queries.available_permits() == 0 {
            tokio::task::yield_now().await;
        }
    }
}
