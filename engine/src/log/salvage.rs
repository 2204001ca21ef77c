//! Reading what is left of a damaged log: every frame that is whole, wherever it stands, in the order of LSNs.
//!
//! Nothing is judged here and nothing refused but what a newer Quipu wrote. What is missing between the frames is
//! named: LSNs that another frame, a later file or the log itself says were taken.

use std::fmt;

use super::chain::list;
use super::file::{LogFile, Opened};
use super::recover::{Frame, Recovery, Start};
use super::walk::Walk;
use crate::format::log_header::LOG_HEADER_BYTES;
use crate::io::Disk;
use crate::{Error, ErrorKind, Result};

/// Records that were taken and are in no frame that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostRecords {
    /// The LSN of the first.
    pub first: u64,
    /// The LSN of the last; `None` where nothing is left that says how many there were, if any.
    pub last: Option<u64>,
}

impl fmt::Display for LostRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last {
            Some(last) if last == self.first => write!(f, "the record LSN {last}"),
            Some(last) => write!(f, "the records LSN {}..={last}", self.first),
            None => write!(f, "the records from LSN {} on, if there were any", self.first),
        }
    }
}

/// As [`recover`](super::recover), but takes what is whole instead of refusing what is damaged, and says in
/// [`Recovery::lost`] what is not there.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for a file or a frame of a newer Quipu; what the operating system says; what `visit` says.
pub fn salvage(disk: &dyn Disk, start: Start, visit: &mut dyn FnMut(Frame) -> Result<()>) -> Result<Recovery> {
    let present = list(disk)?;
    let newest = present.last().copied().unwrap_or(0).max(start.min_file);
    let mut left = Left { walk: Walk::new(start.flushed_lsn, visit)?, taken: 0, epoch: 0, lost: Vec::new() };
    left.walk.next_lsn = start.flushed_lsn.saturating_add(1);
    let mut newest_is_whole = newest == 0;
    for &number in &present {
        match LogFile::open(disk, start.store, number) {
            Ok(Opened::Valid(file)) => {
                left.file(&file)?;
                newest_is_whole |= number == newest;
            }
            // One whose creation was cut short never held a record, unless it is known to have been there.
            Ok(Opened::Unfinished(_) | Opened::Absent) => {
                newest_is_whole |= number == newest && number > start.min_file
            }
            Err(error) if error.kind() == ErrorKind::Corrupt => {}
            Err(error) => return Err(error),
        }
    }
    left.lose_up_to(left.taken);
    if !newest_is_whole {
        left.lost.push(LostRecords { first: left.walk.next_lsn, last: None });
    }
    let next_file = newest.checked_add(1).filter(|next| *next < u64::MAX);
    let next_file = next_file.ok_or_else(|| Error::invalid("no number is left for another log file"))?;
    let Left { walk: Walk { next_lsn, .. }, lost, .. } = left;
    Ok(Recovery { next_lsn, next_file, files: present, last: None, torn: None, clean: false, lost })
}

/// What was read so far.
struct Left<'a> {
    walk: Walk<'a>,
    /// The last LSN that something says was taken for good.
    taken: u64,
    /// The epoch of the file before.
    epoch: u32,
    lost: Vec<LostRecords>,
}

impl Left<'_> {
    fn file(&mut self, file: &LogFile) -> Result<()> {
        // An opening begins its file after what it read, which may have been in the page cache alone; a rotation, and
        // whoever writes a frame, syncs what was before.
        if file.len() > LOG_HEADER_BYTES || file.header.epoch == self.epoch {
            self.taken = self.taken.max(file.header.first_lsn - 1);
        }
        self.epoch = file.header.epoch;
        for frame in file.headers_from(LOG_HEADER_BYTES) {
            let header = &frame.header;
            self.taken = self.taken.max(header.durable_lsn);
            let Some(next) = header.next_lsn().filter(|_| header.records > 0 && header.lsn >= self.walk.next_lsn)
            else {
                continue;
            };
            match self.walk.deliver(file, &frame) {
                Ok(()) => {
                    self.lose_up_to(header.lsn - 1);
                    self.walk.next_lsn = next;
                }
                // Its LSNs are lost if anything says later that they were taken.
                Err(error) if error.kind() == ErrorKind::Corrupt => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Nothing was found of the records up to `last`, if they have not been passed.
    fn lose_up_to(&mut self, last: u64) {
        if last >= self.walk.next_lsn {
            self.lost.push(LostRecords { first: self.walk.next_lsn, last: Some(last) });
            self.walk.next_lsn = last + 1;
        }
    }
}
