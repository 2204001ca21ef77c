//! Repair: a damaged store becomes one that opens again, with everything that is whole, and says what it lost.
//!
//! First all of it is looked at, and nothing changed. Then whatever is damaged is copied to `lost/`; then what is whole
//! of it is written anew beside what goes on, corrected rows are brought to what is still known of corrections, and one
//! manifest names the new files in place of the damaged ones, and in its records what is gone. Last the log is
//! recovered, from all frames of it that are whole. A crash before the manifest leaves the store as it was, one after
//! it a log that is still damaged: repairing it again goes on from there.

mod loss;
mod mend;
mod settle;
mod survey;

use std::path::Path;
use std::sync::Arc;

use super::Store;
use super::open::lock;
use super::options::Options;
use super::publish::sync_dir;
use super::read_only::on_store;
use super::recover::recover_by;
use crate::error::{Error, Result};
use crate::format::names::{DIRECTORIES, LOST_DIR, lost_file};
use crate::io::Disk;
use crate::log;

pub use loss::{Loss, Lost};
use survey::Survey;
pub(super) use survey::log_loss;

/// What is wrong with a store, and what it comes to.
#[derive(Debug, Default)]
pub struct Repair {
    /// The damage, as [`verify`](super::verify) names it; empty when there is nothing to repair.
    pub damage: Vec<Error>,
    /// What is lost, file by file; a damaged file that can be made anew from others lost nothing.
    pub losses: Vec<Loss>,
    /// Where the damaged files lie now; empty before anything is repaired.
    pub moved: Vec<String>,
}

/// What repairing the store in `dir` would come to; nothing is changed.
///
/// # Errors
/// As [`repair`], but for what the disk says of writing.
pub fn examine(dir: impl AsRef<Path>) -> Result<Repair> {
    on_store(dir.as_ref(), |disk| examine_on(&disk))
}

/// The same on any disk.
///
/// # Errors
/// As [`examine`].
pub fn examine_on(disk: &dyn Disk) -> Result<Repair> {
    Ok(Survey::of(disk)?.report())
}

/// Takes what is damaged out of the store in `dir`, so that it opens again, and keeps all that is whole. The damaged
/// files are moved to the directory `lost` in it. Where nothing is damaged, nothing is done.
///
/// ```
/// use quipu_engine::store::{Options, Store, repair};
/// use quipu_engine::{Event, Timestamp};
///
/// let dir = tempfile::tempdir()?;
/// let store = Store::open(dir.path(), Options::default())?;
/// store.append(vec![Event::new("call-1", Timestamp::from_seconds(1_767_225_600))])?;
/// store.seal()?;
/// drop(store);
/// let counters = std::fs::read_dir(dir.path().join("job"))?.next().expect("one file")?.path();
/// std::fs::remove_file(counters)?;
/// assert!(Store::open(dir.path(), Options::default()).is_err());
///
/// let repaired = repair(dir.path())?;
/// assert_eq!(repaired.losses[0].to_string(), "job/J-0000000001.qj: nothing is lost, it was made anew");
/// assert_eq!(Store::open(dir.path(), Options::default())?.stat()?.events, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Busy`](crate::ErrorKind::Busy) while another process writes to it;
/// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) when its manifest or its secret cannot be read, for nothing else
/// says what there is, or which event is which; [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for what a
/// newer Quipu wrote; what the disk says, and then nothing is lost by trying again.
pub fn repair(dir: impl AsRef<Path>) -> Result<Repair> {
    on_store(dir.as_ref(), |disk| repair_on(Arc::new(disk)))
}

/// The same on any disk.
///
/// # Errors
/// As [`repair`].
pub fn repair_on(disk: Arc<dyn Disk>) -> Result<Repair> {
    let lock = lock(&*disk)?;
    let survey = Survey::of(&*disk)?;
    let mut report = survey.report();
    if report.damage.is_empty() {
        return Ok(report);
    }
    for directory in DIRECTORIES.into_iter().chain([LOST_DIR]) {
        disk.create_dir(directory).map_err(|error| Error::io("create", directory, error))?;
    }
    sync_dir(&*disk, "")?;
    for path in survey.damaged_files() {
        report.moved.extend(copy_aside(&*disk, &path)?);
    }
    sync_dir(&*disk, LOST_DIR)?;
    if survey.has_damaged_files() {
        mend::publish(&disk, &survey)?;
    }
    drop(survey);
    drop(Store { shared: recover_by(disk, Options::default().background(false), lock, log::salvage)? });
    Ok(report)
}

/// Copies a file to where damaged ones are kept, if it is there; where that is.
fn copy_aside(disk: &dyn Disk, path: &str) -> Result<Option<String>> {
    let content = match disk.open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        content => content.map_err(|error| Error::io("read", path, error))?,
    };
    let aside = lost_file(path);
    // An earlier repair may have been cut short; no two files ever have the same number.
    let _ = disk.remove(&aside);
    let write = || {
        let mut copy = disk.create(&aside)?;
        copy.append(&content)?;
        copy.sync()
    };
    write().map_err(|error| Error::io("write", &aside, error))?;
    Ok(Some(aside))
}
