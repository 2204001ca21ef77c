//! Reading the log back when a store is opened. It only reports; what to do about it is the store's decision.

use std::fmt;

use super::chain::Chain;
use super::salvage::LostRecords;
use super::walk::Walk;
use crate::format::log_frame::FrameKind;
use crate::format::log_header::{LOG_HEADER_BYTES, Predecessor};
use crate::format::names::{LOG_DIR, log_file};
use crate::io::Disk;
use crate::{Error, Result};

/// What the manifest says about the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The store's uuid.
    pub store: [u8; 16],
    /// The LSN of the last record that is in segments; 0 when there is none.
    pub flushed_lsn: u64,
    /// The number of a log file that is known to have been made durable; the newest file may not be older.
    /// 0 when none is known. Without it, the loss of the newest files cannot be seen.
    pub min_file: u64,
}

/// One commit group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The LSN of its first record.
    pub lsn: u64,
    /// Number of records, at least 1.
    pub records: u32,
    /// What they are; never [`FrameKind::Seal`] or [`FrameKind::Heartbeat`].
    pub kind: FrameKind,
    /// What was appended.
    pub payload: Vec<u8>,
}

/// Bytes that a crash left behind the last frame. Nothing in them was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The number of the file.
    pub file: u64,
    /// Where they start; 0 when the creation of the file was cut short.
    pub offset: u64,
    /// How many there are; none when a file was created and nothing was written.
    pub bytes: u64,
    /// The LSN of the last record before them.
    pub after_lsn: u64,
}

impl fmt::Display for TornTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, Self { offset, bytes, after_lsn, .. }) = (log_file(self.file), self);
        write!(f, "{file}: {bytes} bytes of an unfinished commit from byte {offset} on, after LSN {after_lsn}")
    }
}

/// What [`recover`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The LSN that the next record gets.
    pub next_lsn: u64,
    /// A number that no log file has had.
    pub next_file: u64,
    /// All log files there are, ascending. None is needed once every record before `next_lsn` is in segments.
    pub files: Vec<u64>,
    /// What the next log file is to be chained to.
    pub last: Option<Predecessor>,
    /// What was dropped.
    pub torn: Option<TornTail>,
    /// Whether the writer closed the log: then every record of it is durable. Otherwise records may be in
    /// the page cache alone, so they are to be written into segments before anything is built on them.
    pub clean: bool,
    /// What was taken and is not there; always empty but after [`salvage`](super::salvage).
    pub lost: Vec<LostRecords>,
}

/// Reads all records after `start.flushed_lsn` in order, passing each commit group to `visit`.
///
/// A group that is partly in segments is passed whole. A torn tail is dropped and reported. May run
/// beside a live writer: it then sees a prefix of the log, and a frame being written is a torn tail.
/// If it then fails because a file is gone, a newer manifest says that the file is not needed:
/// read that and try again.
///
/// # Errors
/// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) when acknowledged records are damaged or missing, naming file,
/// offset and LSNs; [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for a file or frame of a newer Quipu;
/// what the operating system says; what `visit` says.
pub fn recover(disk: &dyn Disk, start: Start, visit: &mut dyn FnMut(Frame) -> Result<()>) -> Result<Recovery> {
    read(Chain::find(disk, &start)?, start, visit)
}

/// As [`recover`], for who will show the records beside a writer that lives or was killed: what is read is made
/// durable before it is visited, so that no power cut takes back what was shown.
///
/// # Errors
/// As [`recover`].
pub fn follow(disk: &dyn Disk, start: Start, visit: &mut dyn FnMut(Frame) -> Result<()>) -> Result<Recovery> {
    let chain = Chain::find(disk, &start)?;
    // Older files are synced before a newer one is begun. What is appended from now on is not in the bytes at hand.
    if let Some(newest) = chain.files.last() {
        disk.sync_file(&newest.name).map_err(|error| Error::io("sync", &newest.name, error))?;
    }
    read(chain, start, visit)
}

fn read(chain: Chain, start: Start, visit: &mut dyn FnMut(Frame) -> Result<()>) -> Result<Recovery> {
    let Chain { files, present, unfinished } = chain;
    let newest_number = present.last().copied().unwrap_or(0);
    let next_file = newest_number.checked_add(1).filter(|&next| next < u64::MAX).ok_or_else(|| {
        Error::corrupt(&log_file(newest_number), 0, format!("no number is left for another file in {LOG_DIR}"))
    })?;
    let covered = start.flushed_lsn.saturating_add(1);
    let mut walk = Walk::new(start.flushed_lsn, visit)?;
    let (next_lsn, lost) = (covered, Vec::new());
    let mut recovery =
        Recovery { next_lsn, next_file, files: present, last: None, torn: unfinished, clean: true, lost };
    for (i, file) in files.iter().enumerate() {
        let (first, next) = (file.header.first_lsn, walk.next_lsn);
        if i > 0 && (first < next || first > next.max(covered)) {
            return Err(Error::corrupt(&file.name, 48, format!("the file starts at LSN {first}, {next} expected")));
        }
        let successor = files.get(i + 1).and_then(|successor| successor.header.predecessor);
        let end = walk.read(file, successor)?;
        recovery.next_lsn = walk.next_lsn.max(covered);
        // A file without frames may be in the page cache alone, so nothing is chained to it.
        recovery.last = match file.len() {
            ..=LOG_HEADER_BYTES => file.header.predecessor,
            _ => Some(Predecessor { number: file.header.number, last_lsn: walk.next_lsn - 1, last_crc: end.last_crc }),
        };
        if successor.is_none() {
            recovery.clean = end.sealed;
            let torn = end.torn.map(|at| TornTail {
                file: file.header.number,
                offset: at as u64,
                bytes: (file.len() - at) as u64,
                after_lsn: 0,
            });
            recovery.torn = torn.or(recovery.torn);
        }
    }
    if let Some(torn) = &mut recovery.torn {
        torn.after_lsn = recovery.next_lsn - 1;
    }
    Ok(recovery)
}
