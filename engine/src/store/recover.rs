//! From what a crash left to a store that takes events.
//!
//! | the log says | then |
//! |---|---|
//! | nothing after the flushed LSN | go on in a new file |
//! | frames after the flushed LSN | write them into segments, publish, then go on in a new file |
//! | a torn tail | the same without it: nothing in it was acknowledged |
//! | damage to what was acknowledged | refuse to open, naming file, offset and LSNs |
//!
//! Nothing is appended to a file that existed before, and no log file is removed before the
//! manifest that makes it needless is durable; so a crash during recovery is recovered like any other.

use std::sync::Arc;

use super::collect::remove_orphans;
use super::correct::settle_replayed;
use super::dedup::HeadIndex;
use super::draft::{Draft, FileNumbers};
use super::head::Head;
use super::options::Options;
use super::outcomes::find_in_runs;
use super::publish::{Change, Publisher};
use super::read_only::not_a_store;
use super::repair::log_loss;
use super::seal::{remove_logs_before, write_head};
use super::state::Shared;
use super::version::{Published, Version, newest_manifest};
use crate::batch::BatchBuilder;
use crate::correction::Correction;
use crate::dedup::Secret;
use crate::error::{Error, ErrorKind, Result};
use crate::format::correction_row::decode_corrections;
use crate::format::event_row::{decode_events, decode_outcomes};
use crate::format::manifest::{Manifest, Record};
use crate::io::{Disk, Lock};
use crate::log::{self, Frame, FrameKind, LogIdentity, LogWriter, Recovery, Start};
use crate::schema::Dimension;
use crate::telling::tell;

/// Recovers the store on a disk that is locked and has a manifest.
pub(super) fn recover(disk: Arc<dyn Disk>, options: Options, lock: Box<dyn Lock>) -> Result<Arc<Shared>> {
    recover_by(disk, options, lock, log::recover)
}

/// The same, reading the log as `read` does; what that says is lost is recorded.
pub(super) fn recover_by(
    disk: Arc<dyn Disk>,
    options: Options,
    lock: Box<dyn Lock>,
    read: ReadLog,
) -> Result<Arc<Shared>> {
    let newest = newest_manifest(&*disk)?;
    let Some(Published { number, store, manifest, hash }) = newest else { return Err(not_a_store()) };
    let secret = Secret::read(&*disk, store)?;
    let garbage = remove_orphans(&*disk, number, &manifest)?;
    let mut version = Version::open(&*disk, store, number, manifest, None)?;
    let Replayed { head, index, recovery } = replay(&*disk, store, &secret, &version, read)?;
    let (at, lost) = (disk.now(), recovery.lost.iter().map(log_loss));
    let mut records: Vec<_> = lost.map(|loss| Record { at, what: format!("repaired {loss}") }).collect();

    let mut publisher = Publisher { newest: hash, garbage };
    if !head.is_empty() {
        let numbers = FileNumbers::new(version.manifest.next_file);
        let change = write_head(&disk, store, &secret, (&head, &index), &version, &mut Draft::new(&numbers))?;
        let log = Some((recovery.next_lsn - 1, version.manifest.first_log));
        let records = std::mem::take(&mut records);
        let manifest = version.manifest.with(Change { log, records, ..change })?;
        // After a kill the records read may be in the page cache alone. They are published before a log file is
        // chained to them: it would testify to what a power cut may yet take.
        version = publisher.publish(&disk, store, Manifest { next_file: numbers.next(), ..manifest }, &version)?;
    }
    let epoch =
        version.manifest.epoch.checked_add(1).ok_or_else(|| Error::invalid("the store was opened 2³² times"))?;
    let identity = LogIdentity { store, epoch };
    let log = LogWriter::create(&disk, identity, recovery.next_file, recovery.next_lsn, recovery.last)?;
    let flushed = Some((recovery.next_lsn - 1, log.number()));
    let manifest = Manifest { epoch, ..version.manifest.with(Change { log: flushed, records, ..Change::default() })? };
    let opened = publisher.publish(&disk, store, manifest, &version)?;
    drop(version);
    publisher.garbage.collect(&*disk, opened.number);
    remove_logs_before(&*disk, log.number());
    tell!(info, version = opened.number, parts = opened.parts.len(), lsn = log.next_lsn() - 1, "opened");
    let dropped = recovery.torn.filter(|torn| torn.bytes > 0);
    Ok(Shared::new(disk, options, store, secret, log, publisher, Arc::new(opened), dropped, lock))
}

/// What the log holds after the flushed LSN.
pub(super) struct Replayed {
    pub(super) head: Head,
    /// Empty while nothing was ever corrected.
    pub(super) index: HeadIndex,
    pub(super) recovery: Recovery,
}

/// Reads the log after the flushed LSN into a head, by [`log::recover`] or [`log::follow`].
pub(super) fn replay(
    disk: &dyn Disk,
    store: [u8; 16],
    secret: &Secret,
    version: &Version,
    read: ReadLog,
) -> Result<Replayed> {
    let start = Start { store, flushed_lsn: version.manifest.flushed_lsn, min_file: version.manifest.first_log };
    let (mut head, mut corrections) = (Head::default(), Vec::new());
    let recovery = read(disk, start, &mut |frame| apply(&mut head, &mut corrections, secret, version, &frame))?;
    let index = match corrections.is_empty() && version.corrections.is_empty() && version.in_force.is_empty() {
        true => HeadIndex::default(),
        false => settle_replayed(secret, version, &mut head, &corrections)?,
    };
    Ok(Replayed { head, index, recovery })
}

/// How the log is read.
pub(super) type ReadLog = fn(&dyn Disk, Start, &mut dyn FnMut(Frame) -> Result<()>) -> Result<Recovery>;

fn apply(
    head: &mut Head,
    corrections: &mut Vec<Correction>,
    secret: &Secret,
    version: &Version,
    frame: &Frame,
) -> Result<()> {
    let damaged = |what: String| {
        Error::new(ErrorKind::Corrupt, format!("log frame at LSN {}: sound by its checksum, but {what}", frame.lsn))
    };
    let announced = |found: usize, what: &str| match found == frame.records as usize {
        true => Ok(()),
        false => Err(damaged(format!("{found} {what} where {} were announced", frame.records))),
    };
    match frame.kind {
        FrameKind::Events => {
            let events = decode_events(&frame.payload).map_err(|error| damaged(error.to_string()))?;
            announced(events.len(), "events")?;
            let mut builder = BatchBuilder::default();
            events.iter().for_each(|event| builder.push(event));
            head.push_events(builder.finish());
        }
        FrameKind::Corrections => {
            let more = decode_corrections(&frame.payload).map_err(|error| damaged(error.to_string()))?;
            announced(more.len(), "corrections")?;
            corrections.extend(more);
        }
        FrameKind::Outcomes => {
            let outcomes = decode_outcomes(&frame.payload).map_err(|error| damaged(error.to_string()))?;
            let mut hashed = Vec::with_capacity(outcomes.len());
            for outcome in outcomes {
                let hash = secret.job(outcome.workspace(), &outcome.job_id);
                let known = find_in_runs(&version.outcomes, hash, outcome.workspace(), &outcome.job_id)?;
                if known.iter().any(|known| known.revision == outcome.revision) {
                    return Err(damaged(format!(
                        "the outcome of {} {:?} is in a file already",
                        Dimension::JobId,
                        outcome.job_id
                    )));
                }
                hashed.push((hash, Arc::new(outcome)));
            }
            hashed.sort_by_key(|(hash, _)| *hash);
            head.push_outcomes(hashed);
        }
        kind => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("log frame at LSN {} is of kind {kind:?}", frame.lsn),
            ));
        }
    }
    Ok(())
}
