//! What every request shares, and the bounds on what requests may take.

use std::path::Path;
use std::sync::Arc;

use quipu::Result as QuipuResult;
use quipu::store::Store;
use tokio::sync::Semaphore;

use super::gate::Gate;
use super::problem::Problem;

/// Threads for blocking work. More than processors, since most of the time of a commit is waiting
/// for the disk, and waiting batches share one sync.
pub(super) const BLOCKING_THREADS: usize = 16;
/// Requests that may be at work or wait for a thread.
const REQUESTS_AT_WORK: usize = 64;
/// KiB of bodies that may be in memory at once, as they were sent.
const BODY_KIB: usize = 256 * 1024;

/// The shared state.
#[derive(Clone)]
pub(super) struct App {
    pub(super) store: Arc<Store>,
    pub(super) gate: Arc<Gate>,
    pub(super) bodies: Arc<Semaphore>,
    work: Arc<Semaphore>,
}

impl App {
    /// What serves the store that lies in `dir`.
    ///
    /// # Errors
    /// When its tokens cannot be read.
    pub(super) fn new(store: Store, dir: &Path) -> QuipuResult<Self> {
        Ok(Self {
            store: Arc::new(store),
            gate: Arc::new(Gate::of_store(dir)?),
            bodies: Arc::new(Semaphore::new(BODY_KIB)),
            work: Arc::new(Semaphore::new(REQUESTS_AT_WORK)),
        })
    }

    /// Runs blocking work on a thread of its own.
    ///
    /// # Errors
    /// 503 when too much waits already, 500 should the work panic, else its own problem.
    pub(super) async fn block<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = Arc::clone(&self.work).try_acquire_owned().map_err(|_| Problem::overloaded("requests"))?;
        let store = Arc::clone(&self.store);
        let done = tokio::task::spawn_blocking(move || {
            let result = work(&store);
            // Held to the end even when the client has gone, for the work goes on without it.
            drop(permit);
            result
        });
        done.await.unwrap_or_else(|_| Err(Problem::internal()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use axum::http::{StatusCode, header};
    use axum::response::{IntoResponse, Response};
    use quipu::store::Options;

    use super::*;

    fn app(dir: &tempfile::TempDir) -> App {
        App::new(Store::open(dir.path(), Options::default().background(false)).expect("a store"), dir.path())
            .expect("no tokens")
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
                tokio::spawn(async move { app.block(wait).await })
            })
            .collect();
        while app.work.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let response = refused(app.block(|_| Ok(())).await);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers().get(header::RETRY_AFTER).map(|value| value.as_bytes()), Some(&b"1"[..]));
        drop(release);
        for blocked in blocked {
            assert!(blocked.await.expect("no panic").is_ok());
        }
        assert!(app.block(|_| Ok(())).await.is_ok());
    }

    #[tokio::test]
    async fn a_panic_is_an_answer_and_gives_its_place_back() {
        let dir = tempfile::tempdir().expect("a directory");
        let app = app(&dir);
        let response = refused(app.block(|_| panic!("on purpose")).await);
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(app.work.available_permits(), REQUESTS_AT_WORK);
        assert!(app.block(|_| Ok(())).await.is_ok());
    }
}
