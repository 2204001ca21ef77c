//! The threads that answer questions: as many as may be at work at once, and behind those that store.
//!
//! A question may keep every processor busy for seconds, while whoever stores a batch waits for an answer within
//! milliseconds. Where the system can tell threads of one process apart (Linux), those of questions, and what they
//! start in turn, therefore yield to all others: they run when nothing is to be stored.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

/// The threads; they end when this is dropped.
pub(super) struct QueryThreads {
    work: Mutex<Sender<Work>>,
}

impl QueryThreads {
    /// Starts so many.
    pub(super) fn start(count: usize) -> io::Result<Self> {
        let (sender, receiver) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..count {
            let receiver = Arc::clone(&receiver);
            thread::Builder::new().name(format!("query {number}")).spawn(move || {
                yield_to_others();
                work_through(&receiver);
            })?;
        }
        Ok(Self { work: Mutex::new(sender) })
    }

    /// What `work` comes to, as soon as a thread is free; `None` when it panics.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (done, result) = oneshot::channel();
        // Whoever asked may have gone.
        let work = Box::new(move || {
            let _ = done.send(work());
        });
        self.work.lock().unwrap_or_else(PoisonError::into_inner).send(work).ok()?;
        result.await.ok()
    }
}

fn work_through(receiver: &Mutex<Receiver<Work>>) {
    loop {
        let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = next else { return };
        // The asker sees that no result came; the panic itself was reported where it happened.
        let _ = catch_unwind(AssertUnwindSafe(work));
    }
}

/// Puts this thread, and those that it starts, behind the others.
#[cfg(target_os = "linux")]
fn yield_to_others() {
    /// A tenth of the share of an ordinary thread.
    const NICE: i32 = 10;
    // Without it questions are answered just as well.
    let _ = rustix::process::nice(NICE);
}

/// Elsewhere a priority is that of the whole process.
#[cfg(not(target_os = "linux"))]
fn yield_to_others() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_takes_no_thread_away() {
        let threads = QueryThreads::start(1).expect("a thread");
        for _ in 0..3 {
            assert_eq!(threads.run(|| panic!("on purpose")).await, None::<()>);
            assert_eq!(threads.run(|| 7).await, Some(7));
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn questions_and_what_they_start_yield_to_all_else() {
        let nice = || rustix::process::nice(0).expect("a priority");
        let threads = QueryThreads::start(1).expect("a thread");
        let own = nice();
        let of_query = threads.run(move || thread::spawn(nice).join().ok()).await.flatten();
        assert_eq!(of_query, Some((own + 10).min(19)));
        assert_eq!(nice(), own);
    }
}
