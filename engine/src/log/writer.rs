//! Appending to the log.
//!
//! A writer owns one file at a time and only ever adds to it. After any failed write or sync the
//! state of the file is unknown, so the writer refuses all further work: reopen and recover.

use std::sync::Arc;

use super::FILE_BYTES;
use super::payload::{Packer, too_long};
use crate::format::log_frame::{FRAME_HEADER_BYTES, FrameHeader, FrameKind};
use crate::format::log_header::{LOG_HEADER_BYTES, LogHeader, Predecessor};
use crate::format::names::{LOG_DIR, log_file};
use crate::io::{Disk, WriteFile};
use crate::limits::FRAME_BYTES;
use crate::{Error, ErrorKind, Result};

/// Capacity of the frame buffer that is kept from one append to the next, in bytes.
const KEPT_BUFFER_BYTES: usize = 4 << 20;

/// Whose log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogIdentity {
    /// The store's uuid.
    pub store: [u8; 16],
    /// Grows with each opening for writing, so that two writers by accident show.
    pub epoch: u32,
}

/// The writing end of the log.
pub struct LogWriter {
    disk: Arc<dyn Disk>,
    identity: LogIdentity,
    current: CurrentFile,
    next_lsn: u64,
    durable_lsn: u64,
    /// How much of that the log itself says: damage up to there is told from a torn tail.
    stated_lsn: u64,
    /// The number of the next file to create; one that failed to be created is not tried again.
    next_number: u64,
    /// Whether anything was appended since the last sync.
    unsynced: bool,
    poisoned: bool,
    packer: Packer,
    frame: Vec<u8>,
}

struct CurrentFile {
    file: Box<dyn WriteFile>,
    name: String,
    number: u64,
    salt: u64,
    bytes: u64,
    last_crc: u32,
}

/// A file that exists and has its space, but no header yet: for a reader it is nothing.
struct PreparedFile {
    file: Box<dyn WriteFile>,
    name: String,
    number: u64,
    salt: u64,
}

impl LogWriter {
    /// Creates log file `number`, which continues `predecessor` with the record `first_lsn`, and makes it durable.
    ///
    /// `number` is at least 1 and larger than any before it; the directory `wal` exists.
    ///
    /// # Errors
    /// [`ErrorKind::Full`] when there is no room for [`FILE_BYTES`] (the file is removed again, nothing is
    /// harmed), [`ErrorKind::Invalid`] when the numbers are out of order, or what the operating system says.
    pub fn create(
        disk: &Arc<dyn Disk>,
        identity: LogIdentity,
        number: u64,
        first_lsn: u64,
        predecessor: Option<Predecessor>,
    ) -> Result<Self> {
        if first_lsn == 0 || number == u64::MAX || predecessor.map_or(0, |p| p.number) >= number {
            return Err(Error::invalid(format!(
                "log file {number} with first LSN {first_lsn} cannot continue {predecessor:?}: numbers start at 1 and grow"
            )));
        }
        let packer = Packer::new()?;
        let prepared = PreparedFile::create(disk.as_ref(), number)?;
        let current = prepared.start(disk.as_ref(), identity, first_lsn, predecessor)?;
        Ok(Self {
            disk: Arc::clone(disk),
            identity,
            current,
            next_lsn: first_lsn,
            durable_lsn: first_lsn - 1,
            stated_lsn: first_lsn - 1,
            next_number: number + 1,
            unsynced: false,
            poisoned: false,
            packer,
            frame: Vec::new(),
        })
    }

    /// Appends one commit group of `records` records; the LSN of the first. Not durable before [`LogWriter::sync`].
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a kind, count or length that cannot be (nothing was written);
    /// [`ErrorKind::DurabilityUnknown`] when the write failed, or when this frame is refused while others wait for
    /// their sync, which would make them durable though their group is not; [`ErrorKind::Poisoned`] ever after.
    pub fn append(&mut self, kind: FrameKind, records: u32, payload: &[u8]) -> Result<u64> {
        self.check_usable()?;
        self.append_frame(kind, records, payload).map_err(|error| {
            if !self.unsynced {
                return error;
            }
            self.poisoned = true;
            error.with_kind(ErrorKind::DurabilityUnknown)
        })
    }

    fn append_frame(&mut self, kind: FrameKind, records: u32, payload: &[u8]) -> Result<u64> {
        if !kind.has_records() || records == 0 {
            return Err(Error::invalid(format!(
                "a {kind:?} frame of {records} records and {} bytes cannot be appended",
                payload.len()
            )));
        }
        if payload.len() > FRAME_BYTES {
            return Err(too_long(payload.len()));
        }
        self.write_frame(kind, records, payload)
    }

    /// Makes all appended frames durable.
    ///
    /// # Errors
    /// [`ErrorKind::DurabilityUnknown`] when the disk refused, and [`ErrorKind::Poisoned`] ever after.
    pub fn sync(&mut self) -> Result<()> {
        self.check_usable()?;
        if self.unsynced {
            if let Err(error) = self.current.file.sync() {
                return Err(self.poison("sync", error));
            }
            self.unsynced = false;
            self.durable_lsn = self.next_lsn - 1;
        }
        Ok(())
    }

    /// Makes all appended frames durable and has the log say so, in a frame of its own unless one says so already.
    ///
    /// # Errors
    /// As [`LogWriter::sync`].
    pub fn confirm(&mut self) -> Result<()> {
        self.sync()?;
        if self.stated_lsn < self.durable_lsn {
            self.write_frame(FrameKind::Heartbeat, 0, &[])?;
            self.sync()?;
        }
        Ok(())
    }

    /// Seals the current file and goes on in a new one chained to it. All appended frames are durable afterwards.
    ///
    /// # Errors
    /// [`ErrorKind::Full`] when there is no room for a new file: the writer goes on in the current one.
    /// [`ErrorKind::DurabilityUnknown`] or [`ErrorKind::Poisoned`] when the disk failed: the writer is poisoned.
    pub fn rotate(&mut self) -> Result<()> {
        // Appended frames come first: preparing the new file may fail while they are at stake.
        self.sync()?;
        let number = self.next_number;
        self.next_number += 1;
        let prepared = PreparedFile::create(self.disk.as_ref(), number)?;
        self.seal()?;
        let started = prepared.start(self.disk.as_ref(), self.identity, self.next_lsn, Some(self.position()));
        self.current = started.map_err(|error| {
            self.poisoned = true;
            error.with_kind(ErrorKind::Poisoned)
        })?;
        Ok(())
    }

    /// Seals the file, so that the next opening finds a log that was closed properly; the writer
    /// takes nothing more.
    ///
    /// # Errors
    /// As [`LogWriter::sync`].
    pub fn close(&mut self) -> Result<()> {
        self.sync()?;
        self.seal()?;
        self.poisoned = true;
        Ok(())
    }

    /// The LSN that the next record gets.
    pub fn next_lsn(&self) -> u64 {
        self.next_lsn
    }

    /// The LSN of the last record that is known to be synced; 0 when there is none.
    pub fn durable_lsn(&self) -> u64 {
        self.durable_lsn
    }

    /// Bytes in the current file.
    pub fn bytes(&self) -> u64 {
        self.current.bytes
    }

    /// The number of the current file.
    pub fn number(&self) -> u64 {
        self.current.number
    }

    /// Ends the file. Everything before the seal is durable before the seal is written, so whoever
    /// sees a seal, be it only in the page cache, sees durable records before it.
    fn seal(&mut self) -> Result<()> {
        self.write_frame(FrameKind::Seal, 0, &[])?;
        self.sync()
    }

    fn position(&self) -> Predecessor {
        Predecessor { number: self.current.number, last_lsn: self.next_lsn - 1, last_crc: self.current.last_crc }
    }

    fn write_frame(&mut self, kind: FrameKind, records: u32, payload: &[u8]) -> Result<u64> {
        let lsn = self.next_lsn;
        let next_lsn = lsn.checked_add(u64::from(records)).ok_or_else(|| Error::invalid("the log is out of LSNs"))?;
        let crc = self.compose(kind, records, payload)?;
        self.unsynced = true;
        if let Err(error) = self.current.file.append(&self.frame) {
            return Err(self.poison("append to", error));
        }
        self.current.bytes += self.frame.len() as u64;
        self.current.last_crc = crc;
        self.stated_lsn = self.durable_lsn;
        self.next_lsn = next_lsn;
        self.frame.clear();
        self.frame.shrink_to(KEPT_BUFFER_BYTES);
        Ok(lsn)
    }

    /// Puts the whole padded frame into the buffer; its header's checksum.
    fn compose(&mut self, kind: FrameKind, records: u32, payload: &[u8]) -> Result<u32> {
        self.frame.clear();
        self.frame.resize(FRAME_HEADER_BYTES, 0);
        let compressed = self.packer.pack(payload, &mut self.frame)?;
        let stored = &self.frame[FRAME_HEADER_BYTES..];
        let header = FrameHeader {
            lsn: self.next_lsn,
            records,
            payload_len: u32::try_from(stored.len()).map_err(|_| too_long(stored.len()))?,
            payload_crc: crc32fast::hash(stored),
            prev_crc: self.current.last_crc,
            durable_lsn: self.durable_lsn,
            kind: kind.code(),
            flags: FrameHeader::flags_for(compressed),
            epoch: self.identity.epoch,
        };
        let (bytes, crc) = header.encode(self.current.salt);
        self.frame[..FRAME_HEADER_BYTES].copy_from_slice(&bytes);
        self.frame.resize(header.padded_len(), 0);
        Ok(crc)
    }

    fn check_usable(&self) -> Result<()> {
        if self.poisoned {
            return Err(Error::new(
                ErrorKind::Poisoned,
                format!("{}: an earlier write or sync failed; reopen the store to recover", self.current.name),
            ));
        }
        Ok(())
    }

    fn poison(&mut self, action: &str, error: std::io::Error) -> Error {
        self.poisoned = true;
        Error::io(action, &self.current.name, error).with_kind(ErrorKind::DurabilityUnknown)
    }
}

impl PreparedFile {
    fn create(disk: &dyn Disk, number: u64) -> Result<Self> {
        let mut salt = [0; 8];
        disk.random(&mut salt).map_err(|error| Error::io("draw randomness for", &log_file(number), error))?;
        let name = log_file(number);
        let mut file = disk.create(&name).map_err(|error| Error::io("create", &name, error))?;
        if let Err(error) = file.reserve(FILE_BYTES) {
            // An empty file left behind is nothing to recovery, so a failure to tidy up loses nothing.
            let _ = disk.remove(&name);
            return Err(Error::io("reserve 64 MiB for", &name, error));
        }
        Ok(Self { file, name, number, salt: u64::from_le_bytes(salt) })
    }

    /// Writes the header and makes file and name durable: from here on it is part of the chain.
    fn start(
        mut self,
        disk: &dyn Disk,
        identity: LogIdentity,
        first_lsn: u64,
        predecessor: Option<Predecessor>,
    ) -> Result<CurrentFile> {
        let header = LogHeader {
            store: identity.store,
            epoch: identity.epoch,
            number: self.number,
            salt: self.salt,
            first_lsn,
            predecessor,
        };
        let (bytes, last_crc) = header.encode();
        self.file.append(&bytes).map_err(|error| Error::io("write the header of", &self.name, error))?;
        self.file.sync().map_err(|error| Error::io("sync", &self.name, error))?;
        disk.sync_dir(LOG_DIR).map_err(|error| Error::io("sync the directory of", &self.name, error))?;
        Ok(CurrentFile {
            file: self.file,
            name: self.name,
            number: self.number,
            salt: self.salt,
            bytes: LOG_HEADER_BYTES as u64,
            last_crc,
        })
    }
}
