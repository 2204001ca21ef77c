//! The thread that merges beside everything else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

use super::pace::PacedDisk;
use super::pick::Zeal;
use crate::error::ErrorKind;
use crate::io::Disk;
use crate::store::state::Shared;
use crate::telling::tell;

/// How long a merge that found the disk full waits before it tries again.
const FULL_PAUSE: Duration = Duration::from_secs(5);
/// Longest sleep, after which it is looked whether to stop.
const PAUSE: Duration = Duration::from_millis(20);

/// Who merges.
#[derive(Debug, Default)]
pub(in crate::store) struct Merger {
    /// Held while a merge goes on: there is one at a time.
    pub(in crate::store) turn: Mutex<()>,
    thread: Mutex<Thread>,
    stop: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Thread {
    handle: Option<JoinHandle<()>>,
    running: bool,
    /// Whether more parts came since the thread last looked.
    again: bool,
}

impl Shared {
    /// Has a thread do the merges that are due, if there is one to be had.
    pub(in crate::store) fn merge_behind(&self) {
        if !self.options.background || self.merger.stop.load(Ordering::Relaxed) {
            return;
        }
        let mut thread = self.merger.thread.lock();
        if thread.running {
            thread.again = true;
            return;
        }
        let Some(shared) = self.me.upgrade() else { return };
        let spawned = std::thread::Builder::new().name("quipu-merge".into()).spawn(move || shared.merge_all_due());
        // Without a thread merging waits for the next occasion.
        thread.handle = spawned.ok();
        thread.running = thread.handle.is_some();
    }

    #[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "what failed is only said"))]
    fn merge_all_due(&self) {
        let rate = self.options.merge_bytes_per_second;
        let disk: Arc<dyn Disk> = Arc::new(PacedDisk::new(Arc::clone(&self.disk), rate, Arc::clone(&self.merger.stop)));
        loop {
            if let Err(error) = self.expire(&disk, Zeal::Due) {
                // It is tried again before the next merge.
                tell!(warn, kind = ?error.kind(), %error, "expired events stay for now");
            }
            let merged = self.merge_next(&disk, Zeal::Due);
            if let Err(error) = &merged {
                tell!(warn, kind = ?error.kind(), %error, "a merge was given up");
            }
            let merged = match merged {
                Ok(merged) => merged.is_some(),
                // Another publication changed what was being merged: look anew.
                Err(error) if error.kind() == ErrorKind::Conflict => true,
                Err(error) if error.kind() == ErrorKind::Full => self.wait_for_room(),
                // What failed for another reason would fail again at once; the next sealing tries it again.
                Err(_) => false,
            };
            let mut thread = self.merger.thread.lock();
            let stopped = self.merger.stop.load(Ordering::Relaxed);
            if stopped || !(merged || std::mem::take(&mut thread.again)) {
                thread.running = false;
                return;
            }
        }
    }

    /// Waits a while; whether it is worth trying again.
    fn wait_for_room(&self) -> bool {
        let mut waited = Duration::ZERO;
        while waited < FULL_PAUSE && !self.merger.stop.load(Ordering::Relaxed) {
            std::thread::sleep(PAUSE);
            waited += PAUSE;
        }
        true
    }

    /// Ends merging: one under way is given up.
    pub(in crate::store) fn stop_merging(&self) {
        self.merger.stop.store(true, Ordering::Relaxed);
        let handle = self.merger.thread.lock().handle.take();
        if let Some(handle) = handle {
            // A panic there published nothing.
            let _ = handle.join();
        }
    }
}
