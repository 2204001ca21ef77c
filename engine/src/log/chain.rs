//! Which log files hold what is not in segments yet.
//!
//! Each file names its predecessor, so the newest file leads back to all that is needed, and a file
//! that is missing shows. Files before those, and files whose creation was cut short, hold nothing
//! of value and are only reported.

use std::io;

use super::file::{LogFile, Opened};
use super::recover::{Start, TornTail};
use crate::format::log_header::LOG_HEADER_BYTES;
use crate::format::names::{LOG_DIR, log_file, parse_log_name};
use crate::io::Disk;
use crate::{Error, Result};

/// The files to read, and all there are.
pub(super) struct Chain {
    /// Those that may hold needed records, oldest first.
    pub(super) files: Vec<LogFile>,
    /// The numbers of all log files in the directory, ascending.
    pub(super) present: Vec<u64>,
    /// The newest file, when its creation was cut short.
    pub(super) unfinished: Option<TornTail>,
}

impl Chain {
    pub(super) fn find(disk: &dyn Disk, start: &Start) -> Result<Self> {
        let present = list(disk)?;
        let mut chain = Self { files: Vec::new(), present, unfinished: None };
        chain.find_newest(disk, start)?;
        while let Some(oldest) = chain.files.last()
            && oldest.header.first_lsn > start.flushed_lsn.saturating_add(1)
        {
            let predecessor = predecessor(disk, start, oldest)?;
            // An opening starts its file before it publishes what it recovered. If it got no further, the
            // file says nothing of what was durable in its predecessor, whose tail it may have read from
            // the page cache. A rotation keeps the epoch, and syncs the predecessor first.
            if oldest.len() <= LOG_HEADER_BYTES && predecessor.header.epoch < oldest.header.epoch {
                chain.files.pop();
            }
            chain.files.push(predecessor);
        }
        chain.files.reverse();
        chain.refuse_strangers(disk, start)?;
        Ok(chain)
    }

    fn find_newest(&mut self, disk: &dyn Disk, start: &Start) -> Result<()> {
        for &number in self.present.iter().rev() {
            match LogFile::open(disk, start.store, number)? {
                Opened::Valid(file) => {
                    self.files.push(file);
                    break;
                }
                Opened::Unfinished(_) if number == start.min_file => {
                    let what = format!(
                        "the header is damaged or cut off; acknowledged records from LSN {} on are lost, if there were any",
                        start.flushed_lsn.saturating_add(1)
                    );
                    return Err(Error::corrupt(&log_file(number), 0, what));
                }
                Opened::Unfinished(bytes) => {
                    self.unfinished.get_or_insert(TornTail { file: number, offset: 0, bytes, after_lsn: 0 });
                }
                Opened::Absent => {}
            }
        }
        let newest = self.files.last().map_or(0, |file| file.header.number);
        if newest < start.min_file {
            return Err(Error::corrupt(
                &log_file(start.min_file),
                0,
                format!(
                    "the file is missing; acknowledged records from LSN {} on are lost",
                    start.flushed_lsn.saturating_add(1)
                ),
            ));
        }
        Ok(())
    }

    /// A file between the chain's that is not part of it may exist only without frames: left by a
    /// creation that failed. With frames it is the trace of a second writer.
    fn refuse_strangers(&self, disk: &dyn Disk, start: &Start) -> Result<()> {
        let Some(oldest) = self.files.first() else { return Ok(()) };
        for &number in self.present.iter().filter(|&&number| number > oldest.header.number) {
            if self.files.iter().any(|file| file.header.number == number) {
                continue;
            }
            if let Opened::Valid(file) = LogFile::open(disk, start.store, number)?
                && file.len() > LOG_HEADER_BYTES
            {
                let what = "the file has frames, but no later file continues it: two writers, or files of two copies";
                return Err(Error::corrupt(&file.name, 0, what));
            }
        }
        Ok(())
    }
}

pub(super) fn list(disk: &dyn Disk) -> Result<Vec<u64>> {
    let names = match disk.list(LOG_DIR) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        result => result.map_err(|error| Error::io("list", LOG_DIR, error))?,
    };
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| parse_log_name(name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// The file that `file` continues, which is needed.
fn predecessor(disk: &dyn Disk, start: &Start, file: &LogFile) -> Result<LogFile> {
    let lost = format!("acknowledged records LSN {}..={} are lost", start.flushed_lsn + 1, file.header.first_lsn - 1);
    let Some(declared) = file.header.predecessor else {
        return Err(Error::corrupt(&file.name, 56, format!("the file continues no other; {lost}")));
    };
    if declared.number >= file.header.number {
        return Err(Error::corrupt(&file.name, 56, format!("the file continues the later file {}", declared.number)));
    }
    match LogFile::open(disk, start.store, declared.number)? {
        Opened::Valid(older) if older.header.epoch > file.header.epoch => Err(Error::corrupt(
            &file.name,
            12,
            format!("writer epoch {} follows {}: two writers", file.header.epoch, older.header.epoch),
        )),
        Opened::Valid(older) => Ok(older),
        Opened::Unfinished(_) => {
            let what = format!("the header is damaged, and {} continues the file; {lost}", file.name);
            Err(Error::corrupt(&log_file(declared.number), 0, what))
        }
        Opened::Absent => {
            let what = format!("the file is missing, and {} continues it; {lost}", file.name);
            Err(Error::corrupt(&log_file(declared.number), 0, what))
        }
    }
}
