//! The store: the conductor of everything below, imported by nothing below.
//!
//! | module | what it does |
//! |---|---|
//! | `open`, `recover` | from a directory to a store, whatever a crash left |
//! | `commit` | batches in: dedup, log, sync, visible, acknowledged |
//! | `correct`, `ground`, `overlay`, `lasting` | corrections in: what they find, what they hide, what of them lasts |
//! | `outcomes` | outcomes in: first wins |
//! | `attribute` | usage assigned afterwards |
//! | `seal` | the head becomes segments |
//! | `draft`, `publish` | new files, then a manifest that names them: the only commit point |
//! | `compact` | parts become fewer and larger |
//! | `rollups` | sums by few dimensions, beside merged parts |
//! | `rewrite` | sealed parts anew, without some of their rows |
//! | `expire` | events that have outlived their retention go |
//! | `erase`, `search` | a person goes; any text is looked for in every byte |
//! | `collect` | what no manifest that anybody reads names is removed |
//! | `version`, `state`, `snapshot` | what readers see |
//! | `stat`, `verify`, `verify_corrections` | what operators ask |
//! | `repair` | what is damaged is taken out, what is whole stays |
//! | `backup` | a copy that is a store, beside the writer |

mod attribute;
mod backup;
mod collect;
mod commit;
mod compact;
mod correct;
mod dedup;
mod draft;
mod erase;
mod expire;
mod ground;
mod head;
mod jobs;
mod lasting;
mod open;
mod options;
mod outcomes;
mod overlay;
mod publish;
mod read_only;
mod receipt;
mod recover;
mod repair;
mod rewrite;
mod rollups;
mod screen;
mod seal;
mod search;
mod snapshot;
mod stat;
mod state;
mod verify;
mod verify_corrections;
mod version;

use std::path::Path;
use std::sync::Arc;

use crate::attribution::{Assignment, AttributionChange};
use crate::correction::Correction;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::io::{Disk, RealDisk};
use crate::outcome::Outcome;
use crate::price_book::PriceBook;
use crate::rollup::Rollup;

pub use crate::log::{LostRecords, TornTail};
pub use attribute::AttributionReceipt;
pub use backup::{Backup, Sharing, backup, backup_on};
pub use compact::Compaction;
pub use erase::{Erasure, ErasureReceipt};
pub use options::Options;
pub use read_only::{read_only, read_only_on, require};
pub use receipt::{CorrectionItem, CorrectionReceipt, Item, OutcomeItem, OutcomeReceipt, Receipt};
pub use repair::{Loss, Lost, Repair, examine, examine_on, repair, repair_on};
pub use search::{Found, Reach, search, search_on};
pub use snapshot::Snapshot;
pub use stat::{FileStat, RollupStat, Stat};
pub use verify::{Verification, verify, verify_on};

use attribute::Said;
use read_only::on_disk;
use state::Shared;

/// An open store: one writer, any number of snapshots. Share it by reference or [`Arc`] between
/// threads; batches that several threads append at once share one sync.
///
/// ```
/// use quipu_engine::store::{Options, Store};
/// use quipu_engine::{Dimension, Event, Timestamp, TokenMeter};
///
/// let dir = tempfile::tempdir()?;
/// let store = Store::open(dir.path(), Options::default())?;
/// let event = Event::new("call-1", Timestamp::from_seconds(1_767_225_600))
///     .with(Dimension::Model, "gpt-4o")
///     .used(TokenMeter::Input, 220);
/// let receipt = store.append(vec![event.clone(), event])?; // durable when it returns
/// assert_eq!((receipt.stored(), receipt.duplicates()), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Store {
    shared: Arc<Shared>,
}

impl Store {
    /// Opens the store in `dir`, creating it when the directory is empty or missing.
    ///
    /// ```
    /// use quipu_engine::ErrorKind;
    /// use quipu_engine::store::{Options, Store};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let store = Store::open(dir.path().join("usage"), Options::default().memory_bytes(256 << 20))?;
    /// let second = Store::open(dir.path().join("usage"), Options::default()).unwrap_err();
    /// assert_eq!(second.kind(), ErrorKind::Busy); // one writer; any number of `read_only` beside it
    /// # drop(store);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Busy`](crate::ErrorKind::Busy) naming the process that holds it,
    /// [`ErrorKind::NotAStore`](crate::ErrorKind::NotAStore) for a directory with other files,
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) naming the damage,
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for a newer format.
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<Self> {
        let dir = dir.as_ref();
        on_disk(dir, |disk| {
            RealDisk::create_root(dir).map_err(|error| Error::io("create", "the directory", error))?;
            Self::open_on(Arc::new(disk), options)
        })
    }

    /// Opens the store on any disk.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_on(disk: Arc<dyn Disk>, options: Options) -> Result<Self> {
        Ok(Self { shared: open::open(disk, options)? })
    }

    /// Stores a batch. When this returns, every event reported as stored or duplicate survives
    /// any crash; a bad one is reported by itself and harms no other.
    ///
    /// ```
    /// use quipu_engine::store::{Item, Options, Store};
    /// use quipu_engine::{Dimension, Event, Timestamp, TokenMeter};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let store = Store::open(dir.path(), Options::default())?;
    /// let call = |tokens| Event::new("call-1", Timestamp::from_seconds(1_767_225_600)).used(TokenMeter::Output, tokens);
    /// let overlong = Event::new("call-2", Timestamp::from_seconds(1_767_225_600)).with(Dimension::Team, "t".repeat(10_000));
    /// let receipt = store.append(vec![call(9), call(9), call(10), overlong])?;
    /// assert!(matches!(
    ///     receipt.items[..],
    ///     [Item::Stored { .. }, Item::Duplicate { .. }, Item::Conflict { .. }, Item::Rejected(_)]
    /// ));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// For the batch as a whole, none of which is then acknowledged:
    /// [`ErrorKind::Full`](crate::ErrorKind::Full), [`ErrorKind::Overloaded`](crate::ErrorKind::Overloaded),
    /// [`ErrorKind::DurabilityUnknown`](crate::ErrorKind::DurabilityUnknown) or
    /// [`ErrorKind::Poisoned`](crate::ErrorKind::Poisoned). Retrying the same batch is always safe.
    pub fn append(&self, events: Vec<Event>) -> Result<Receipt> {
        Ok(self.shared.append(events, Vec::new(), &mut |_| None)?.0)
    }

    /// Takes later words about events, about those still to come too. When this returns, they are durable
    /// and every answer heeds them. In which order events and corrections come never matters; nor does
    /// sending a correction twice.
    ///
    /// ```
    /// use quipu_engine::correction::{Correction, Target};
    /// use quipu_engine::store::{CorrectionItem, Options, Store};
    /// use quipu_engine::{Event, Timestamp, TokenMeter};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let store = Store::open(dir.path(), Options::default())?;
    /// let call = |tokens| Event::new("call-1", Timestamp::from_seconds(1_767_225_600)).used(TokenMeter::Output, tokens);
    /// store.append(vec![call(1)])?;
    /// let receipt = store.correct(vec![Correction::grow(call(90)), Correction::retract(Target::Trace("t".into()))])?;
    /// assert!(matches!(receipt.items[..], [CorrectionItem::Applied { events: 1 }, CorrectionItem::Pending]));
    /// assert_eq!(store.append(vec![call(1)])?.duplicates(), 1); // a retry stays one
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Store::append`].
    pub fn correct(&self, corrections: Vec<Correction>) -> Result<CorrectionReceipt> {
        Ok(self.shared.append(Vec::new(), corrections, &mut |_| None)?.1)
    }

    /// Stores a batch of events and corrections with one sync; the corrections are taken first. Of events that `coarsen`
    /// gives another form, that one is stored: texts replaced by [`OVERFLOW`](crate::coarse::OVERFLOW), and nothing else.
    /// An event is known by how it was sent, so two that differ only in what is replaced are two.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub fn append_with(
        &self,
        events: Vec<Event>,
        corrections: Vec<Correction>,
        mut coarsen: impl FnMut(&Event) -> Option<Event>,
    ) -> Result<(Receipt, CorrectionReceipt)> {
        self.shared.append(events, corrections, &mut coarsen)
    }

    /// Stores outcomes of jobs. The first report of a job's outcome wins; one with a
    /// [reason](Outcome::reason) amends it by a further revision, and the earlier ones stay.
    ///
    /// ```
    /// use quipu_engine::outcome::DEFAULT_WORKSPACE;
    /// use quipu_engine::store::{Options, OutcomeItem, Store};
    /// use quipu_engine::{Dimension, Event, Outcome, OutcomeStatus, Timestamp};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let store = Store::open(dir.path(), Options::default())?;
    /// store.append(vec![Event::new("call-1", Timestamp::from_seconds(1_767_225_600)).with(Dimension::JobId, "ticket-7")])?;
    /// let solved = Outcome::new("ticket-7", OutcomeStatus::Success);
    /// let failed = Outcome::new("ticket-7", OutcomeStatus::Failed);
    /// let amended = failed.clone().amending("the customer came back");
    /// let receipt = store.record_outcomes(vec![solved, failed, amended])?;
    /// assert!(matches!(receipt.items[0], OutcomeItem::Stored));
    /// assert!(matches!(receipt.items[1], OutcomeItem::AlreadyReported(_)));
    /// let revisions = store.snapshot().revisions(DEFAULT_WORKSPACE, "ticket-7")?;
    /// assert_eq!(revisions.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Store::append`].
    pub fn record_outcomes(&self, outcomes: Vec<Outcome>) -> Result<OutcomeReceipt> {
        self.shared.record_outcomes(outcomes)
    }

    /// Adds a version of the price book and returns its number. Every version stays.
    ///
    /// ```
    /// use quipu_engine::price_book::{ModelPattern, PriceBook, PriceOf, PriceRule};
    /// use quipu_engine::store::{Options, Store};
    /// use quipu_engine::TokenMeter;
    ///
    /// let dir = tempfile::tempdir()?;
    /// let store = Store::open(dir.path(), Options::default())?;
    /// let output = PriceOf::Meter(TokenMeter::Output.into());
    /// let dollars_per_million = |usd: u64| usd * 1_000_000; // in pico-USD per token
    /// let rule = PriceRule::new(ModelPattern::Exact("gpt-4o".into()), output, dollars_per_million(10));
    /// assert_eq!(store.add_price_book(PriceBook::new("the contract of May", vec![rule])?)?, 1);
    /// assert_eq!(store.snapshot().price_book(None)?.rules().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What the disk says.
    pub fn add_price_book(&self, book: PriceBook) -> Result<u32> {
        self.shared.add_price_book(book)
    }

    /// Declares what parts keep rollups of, in place of what was declared before. Merges write them, and
    /// [`Store::compact`] gives them to parts that have others.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for more than 16. What the disk says.
    pub fn declare_rollups(&self, rollups: Vec<Rollup>) -> Result<()> {
        self.shared.declare_rollups(rollups)
    }

    /// Makes segments of everything in the head, now.
    ///
    /// # Errors
    /// [`ErrorKind::Full`](crate::ErrorKind::Full): nothing is lost, the head stays. Any other failure of the disk
    /// poisons the store until it is reopened.
    pub fn seal(&self) -> Result<()> {
        self.shared.seal_now()
    }

    /// Has the log itself say that all commits so far are durable, so that from then on damage to the newest one
    /// is told from what a crash cuts short. Every commit says so of those before it, and closing the store says
    /// so of all; call this when commits pause, for example every second. It does nothing when there is nothing to say.
    ///
    /// # Errors
    /// [`ErrorKind::DurabilityUnknown`](crate::ErrorKind::DurabilityUnknown) or
    /// [`ErrorKind::Poisoned`](crate::ErrorKind::Poisoned).
    pub fn confirm(&self) -> Result<()> {
        self.shared.confirm()
    }

    /// Whether the store takes writes.
    ///
    /// # Errors
    /// [`ErrorKind::Poisoned`](crate::ErrorKind::Poisoned) when only reopening helps.
    pub fn check(&self) -> Result<()> {
        self.shared.check_usable()
    }

    /// What a crash had left behind the last commit when the store was opened; it was dropped. Nothing in it was
    /// acknowledged, unless the disk damaged a commit that nothing had confirmed yet.
    pub fn dropped(&self) -> Option<TornTail> {
        self.shared.dropped
    }

    /// Merges sealed parts until nothing more fits together: few large segments are smaller and faster to read. The
    /// store does what is worth it by itself; this does all there is, and as fast as it goes.
    ///
    /// ```
    /// use quipu_engine::store::{Options, Store};
    /// use quipu_engine::{Event, Timestamp};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let store = Store::open(dir.path(), Options::default().background(false))?;
    /// for n in 0..3 {
    ///     store.append(vec![Event::new(format!("call-{n}"), Timestamp::from_seconds(1_767_225_600 + n))])?;
    ///     store.seal()?; // mostly done by itself, when the head is full
    /// }
    /// assert_eq!(store.stat()?.segments, 3);
    /// assert_eq!(store.compact()?.rows, 3);
    /// assert_eq!(store.stat()?.segments, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Full`](crate::ErrorKind::Full) or [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt): the merge
    /// under way was given up, what is stored stands.
    pub fn compact(&self) -> Result<Compaction> {
        self.shared.compact()
    }

    /// Does one merge if one is due, and says whether there was one. For stores that are opened with
    /// [`Options::background`] off, whose owner decides when.
    ///
    /// # Errors
    /// As [`Store::compact`].
    pub fn merge_due(&self) -> Result<bool> {
        self.shared.merge_due()
    }

    /// Erases a subscriber of a workspace, by id or by e-mail: from events, corrections, outcomes and the log, down to
    /// the bytes. What the [`ErasureReceipt`] names as still read goes when its readers do; backups are out of reach.
    ///
    /// ```
    /// use quipu_engine::outcome::DEFAULT_WORKSPACE;
    /// use quipu_engine::store::{Erasure, Options, Store};
    /// use quipu_engine::{Dimension, Event, Timestamp};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let store = Store::open(dir.path(), Options::default())?;
    /// let at = Timestamp::from_seconds(1_767_225_600);
    /// store.append(vec![Event::new("call-1", at).with(Dimension::SubscriberId, "ada-lovelace")])?;
    /// let receipt = store.erase(DEFAULT_WORKSPACE, "ada-lovelace", Erasure::Anonymise)?;
    /// assert_eq!(receipt.events, 1);
    /// assert_eq!(store.stat()?.events, 1); // it still counts, for nobody in particular
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Store::compact`]; [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for what no subscriber can be called.
    pub fn erase(&self, workspace: &str, subscriber: &str, erasure: Erasure) -> Result<ErasureReceipt> {
        self.shared.erase(workspace, subscriber, erasure)
    }

    /// Has a workspace keep its events for so many days after they started, or for ever, which is what it does when
    /// nothing was said. What has expired goes by and by, and by [`Store::expire`] at once; older events are refused from
    /// then on. What went does not come back when the days are raised. Outcomes stay.
    ///
    /// ```
    /// use quipu_engine::outcome::DEFAULT_WORKSPACE;
    /// use quipu_engine::store::{Item, Options, Store};
    /// use quipu_engine::{Event, Timestamp};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let store = Store::open(dir.path(), Options::default())?;
    /// let old = Event::new("call-1", Timestamp::from_seconds(1_700_000_000)); // in 2023
    /// store.append(vec![old.clone()])?;
    /// store.set_retention(DEFAULT_WORKSPACE, Some(90))?;
    /// assert_eq!(store.expire()?, 1);
    /// assert_eq!(store.stat()?.events, 0);
    /// assert!(matches!(store.append(vec![old])?.items[..], [Item::Rejected(_)]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for no such number of days; what the disk says.
    pub fn set_retention(&self, workspace: &str, days: Option<u32>) -> Result<()> {
        self.shared.set_retention(workspace, days)
    }

    /// Lets all events go that have expired; how many went. All of them go, or by an error none.
    ///
    /// # Errors
    /// As [`Store::compact`]; [`ErrorKind::Overloaded`](crate::ErrorKind::Overloaded) when commits came first every time.
    pub fn expire(&self) -> Result<u64> {
        self.shared.expire_now()
    }

    /// Assigns usage of a workspace afterwards, by request, trace or credential, to whoever its sources left out: in
    /// what is stored, at once and in every answer, and in what is still to come. The receipt's number undoes it.
    ///
    /// ```
    /// use quipu_engine::attribution::Assignment;
    /// use quipu_engine::store::{Options, Store};
    /// use quipu_engine::{Dimension, Event, Timestamp};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let store = Store::open(dir.path(), Options::default())?;
    /// let at = Timestamp::from_seconds(1_767_225_600);
    /// store.append(vec![Event::new("call-1", at).with(Dimension::TraceId, "run-4711")])?;
    /// let assignment = Assignment::of(Dimension::TraceId, "run-4711").to(Dimension::Tenant, "acme");
    /// let receipt = store.attribute("default", vec![assignment], "ops", "the gateway dropped the header")?;
    /// assert_eq!((receipt.number, receipt.events), (1, 1));
    /// let tenant = || Ok::<_, quipu_engine::Error>(store.snapshot().event("default", "call-1")?.and_then(|event| event.get(Dimension::Tenant).map(String::from)));
    /// assert_eq!(tenant()?.as_deref(), Some("acme"));
    /// store.undo_attribution("default", receipt.number, "ops", "it was another customer's")?;
    /// assert_eq!(tenant()?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) naming the assignment that breaks a rule; else as
    /// [`Store::compact`].
    pub fn attribute(
        &self,
        workspace: &str,
        assignments: Vec<Assignment>,
        by: &str,
        why: &str,
    ) -> Result<AttributionReceipt> {
        self.shared.attribute(&Said { workspace, by, why, change: AttributionChange::Assign(assignments) })
    }

    /// Undoes an attribution: what earlier ones assigned is in force again. That is an attribution too.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when the workspace has none of that number,
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) when it was undone before; else as [`Store::attribute`].
    pub fn undo_attribution(&self, workspace: &str, number: u64, by: &str, why: &str) -> Result<AttributionReceipt> {
        self.shared.attribute(&Said { workspace, by, why, change: AttributionChange::Undo(number) })
    }

    /// What is stored at this moment; later changes do not touch it.
    ///
    /// ```
    /// use quipu_engine::outcome::DEFAULT_WORKSPACE;
    /// use quipu_engine::store::{Options, Store};
    /// use quipu_engine::{Event, Timestamp};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let store = Store::open(dir.path(), Options::default())?;
    /// let before = store.snapshot();
    /// store.append(vec![Event::new("call-1", Timestamp::from_seconds(1_767_225_600))])?;
    /// assert!(before.event(DEFAULT_WORKSPACE, "call-1")?.is_none());
    /// assert!(store.snapshot().event(DEFAULT_WORKSPACE, "call-1")?.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn snapshot(&self) -> Snapshot {
        self.shared.snapshot()
    }

    /// Numbers about the store.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn stat(&self) -> Result<Stat> {
        self.snapshot().stat()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.shared.close();
    }
}

#[cfg(test)]
mod tests;
