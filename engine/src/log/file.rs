//! One log file opened for reading: its verified header, and where its frames are.

use std::io;

use crate::format::log_frame::{FRAME_ALIGN, FrameFault, FrameHeader};
use crate::format::log_header::{HeaderFault, LOG_HEADER_BYTES, LogHeader};
use crate::format::names::log_file;
use crate::io::{Bytes, Disk};
use crate::{Error, ErrorKind, Result};

/// What stands under the name of a log file.
pub(super) enum Opened {
    /// A file with an intact header.
    Valid(LogFile),
    /// A file whose creation was cut short, of so many bytes: the header is synced before the first
    /// frame is written, so one without header and frames never held a record.
    Unfinished(u64),
    /// Nothing; beside a running writer a listed file may be gone by now.
    Absent,
}

/// A log file with an intact header of its store and number.
pub(super) struct LogFile {
    pub(super) name: String,
    pub(super) header: LogHeader,
    /// The header's checksum, which the first frame is chained to.
    pub(super) header_crc: u32,
    bytes: Bytes,
}

/// An intact frame header in a file.
#[derive(Clone, Copy)]
pub(super) struct Located {
    pub(super) at: usize,
    pub(super) header: FrameHeader,
    pub(super) crc: u32,
}

impl LogFile {
    pub(super) fn open(disk: &dyn Disk, store: [u8; 16], number: u64) -> Result<Opened> {
        let name = log_file(number);
        let bytes = match disk.open(&name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Opened::Absent),
            result => result.map_err(|error| Error::io("open", &name, error))?,
        };
        let (header, header_crc) = match LogHeader::decode(&bytes) {
            Ok(header) => header,
            Err(fault @ HeaderFault::Version(_)) => {
                return Err(Error::new(ErrorKind::Unsupported, format!("{name}: {fault}; use a newer Quipu")));
            }
            Err(_) if bytes.len() <= LOG_HEADER_BYTES => return Ok(Opened::Unfinished(bytes.len() as u64)),
            Err(fault) => {
                return Err(Error::corrupt(&name, 0, format!("{fault}; all records of the file are out of reach")));
            }
        };
        if header.store != store {
            return Err(Error::corrupt(&name, 16, "the file belongs to another store; was it copied here?"));
        }
        if header.number != number {
            return Err(Error::corrupt(
                &name,
                32,
                format!("the file says it is number {}; was it renamed?", header.number),
            ));
        }
        if header.first_lsn == 0 {
            return Err(Error::corrupt(&name, 48, "the first LSN is 0; LSNs are counted from 1"));
        }
        Ok(Opened::Valid(Self { name, header, header_crc, bytes }))
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The frame header at byte `at`, of which the payload is not verified yet.
    pub(super) fn locate(&self, at: usize) -> Result<Located, FrameFault> {
        let (header, crc) = FrameHeader::decode(self.from(at), self.header.salt)?;
        Ok(Located { at, header, crc })
    }

    /// The verified payload of a frame, as stored.
    pub(super) fn payload(&self, frame: &Located) -> Result<&[u8], FrameFault> {
        frame.header.payload(self.from(frame.at))
    }

    /// The intact frame headers from byte `at` on, stepping over what is none.
    pub(super) fn headers_from(&self, mut at: usize) -> impl Iterator<Item = Located> {
        std::iter::from_fn(move || {
            while at < self.len() {
                if let Ok(found) = self.locate(at) {
                    at += found.header.padded_len();
                    return Some(found);
                }
                at += FRAME_ALIGN;
            }
            None
        })
    }

    fn from(&self, at: usize) -> &[u8] {
        self.bytes.get(at..).unwrap_or_default()
    }
}
