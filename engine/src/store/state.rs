//! What the writer, the sealer and the readers share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::{Condvar, Mutex, RwLock};

use super::commit::Queue;
use super::compact::Merger;
use super::dedup::HeadIndex;
use super::draft::FileNumbers;
use super::head::Head;
use super::jobs::KnownJobs;
use super::options::Options;
use super::publish::Publisher;
use super::snapshot::Snapshot;
use super::version::Version;
use crate::dedup::Secret;
use crate::error::{Error, ErrorKind, Result};
use crate::io::{Disk, Lock};
use crate::log::{LogWriter, TornTail};
use crate::outcome::Outcome;
use crate::telling::tell;

/// A store's innards. Locks are taken in the order `writer`, `adding_book`, `publisher`, `state`.
#[derive(Debug)]
pub(super) struct Shared {
    /// Itself, for the thread that seals beside the commits.
    pub(super) me: Weak<Self>,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) options: Options,
    pub(super) store: [u8; 16],
    pub(super) secret: Secret,
    /// Batches waiting for the next commit.
    pub(super) queue: Mutex<Queue>,
    /// Signalled when a commit is done.
    pub(super) committed: Condvar,
    /// Signalled when enough waits for a commit.
    pub(super) gathered: Condvar,
    /// Bytes of the batches that wait, or are being committed.
    pub(super) queued_bytes: AtomicUsize,
    pub(super) writer: Mutex<Writer>,
    /// Held while a manifest is made.
    pub(super) publisher: Mutex<Publisher>,
    pub(super) numbers: FileNumbers,
    pub(super) merger: Merger,
    /// Held while a price book is added.
    pub(super) adding_book: Mutex<()>,
    state: RwLock<Arc<State>>,
    pub(super) poison: Mutex<Option<String>>,
    /// What a crash had left behind the last commit.
    pub(super) dropped: Option<TornTail>,
    /// Released last of all.
    pub(super) _lock: Box<dyn Lock>,
}

/// What only one committer at a time touches.
pub(super) struct Writer {
    pub(super) log: LogWriter,
    /// Fingerprints, jobs and meters of the head that takes events.
    pub(super) active: HeadIndex,
    pub(super) sealer: Option<std::thread::JoinHandle<()>>,
    pub(super) id_frames: super::dedup::IdFrames,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("next_lsn", &self.log.next_lsn()).finish_non_exhaustive()
    }
}

/// What readers see; replaced as a whole.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// The LSN of the last record visible here.
    pub(super) lsn: u64,
    pub(super) version: Arc<Version>,
    /// The head being sealed.
    pub(super) frozen: Option<Frozen>,
    /// The head that takes events.
    pub(super) head: Head,
    pub(super) jobs: Arc<KnownJobs>,
}

/// A head that takes no more events.
#[derive(Clone, Debug)]
pub(super) struct Frozen {
    pub(super) head: Head,
    pub(super) index: Arc<HeadIndex>,
    /// The LSN of its last record.
    pub(super) last_lsn: u64,
    /// The log file that begins after it.
    pub(super) next_log: u64,
}

impl State {
    pub(super) fn new(lsn: u64, version: Arc<Version>, head: Head) -> Self {
        Self { lsn, version, frozen: None, head, jobs: Arc::default() }
    }

    /// The outcomes that are not yet in files, in the order in which they were reported.
    pub(super) fn head_outcomes(&self) -> impl Iterator<Item = &Outcome> {
        let frozen = self.frozen.iter().map(|frozen| &frozen.head);
        let chunks = frozen.chain([&self.head]).flat_map(|head| &head.outcomes);
        chunks.flat_map(|chunk| chunk.iter()).map(|(_, outcome)| &**outcome)
    }
}

impl Shared {
    #[expect(clippy::too_many_arguments, reason = "called once, when everything was just opened")]
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        options: Options,
        store: [u8; 16],
        secret: Secret,
        log: LogWriter,
        publisher: Publisher,
        version: Arc<Version>,
        dropped: Option<TornTail>,
        lock: Box<dyn Lock>,
    ) -> Arc<Self> {
        let id_frames = super::dedup::IdFrames::new(options.id_cache_bytes);
        let numbers = FileNumbers::new(version.manifest.next_file);
        let state = State::new(log.next_lsn() - 1, version, Head::default());
        Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            disk,
            options,
            store,
            secret,
            queue: Mutex::default(),
            committed: Condvar::new(),
            gathered: Condvar::new(),
            queued_bytes: AtomicUsize::new(0),
            writer: Mutex::new(Writer { log, active: HeadIndex::default(), sealer: None, id_frames }),
            numbers,
            publisher: Mutex::new(publisher),
            merger: Merger::default(),
            adding_book: Mutex::default(),
            state: RwLock::new(Arc::new(state)),
            poison: Mutex::default(),
            dropped,
            _lock: lock,
        })
    }

    pub(super) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read())
    }

    /// Replaces what readers see by what `change` makes of it.
    pub(super) fn change_state(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.write();
        let mut next = State { jobs: Arc::default(), ..State::clone(&state) };
        change(&mut next);
        *state = Arc::new(next);
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.state(), self.secret.clone())
    }

    pub(super) fn check_usable(&self) -> Result<()> {
        match &*self.poison.lock() {
            Some(why) => Err(Error::new(
                ErrorKind::Poisoned,
                format!("the store takes no more writes since the disk failed ({why}); reopen it"),
            )),
            None => Ok(()),
        }
    }

    /// Remembers a failure of the disk after which its state is unknown. Bad input, damage that
    /// was found, space running out and a change that came too late leave it known.
    pub(super) fn poison_by(&self, error: &Error) {
        let known =
            matches!(error.kind(), ErrorKind::Full | ErrorKind::Invalid | ErrorKind::Corrupt | ErrorKind::Conflict);
        if !known {
            tell!(error, %error, "the disk failed; the store takes no more writes until it is reopened");
            self.poison.lock().get_or_insert_with(|| error.to_string());
        }
    }

    pub(super) fn release_queue(&self, bytes: usize) {
        self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}
