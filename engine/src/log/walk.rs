//! Reading the frames of one file in order, and judging the first place where there is none.
//!
//! | first invalid place, at LSN h | verdict |
//! |---|---|
//! | the next intact frame starts at h, or all records up to it are in segments | nothing is lost: go on there |
//! | a later file continues after h | acknowledged records are damaged: refuse |
//! | an intact frame behind it states that h is synced | acknowledged records are damaged: refuse |
//! | intact frames behind it, none of which states so | unsynced writes that the disk reordered: drop the tail |
//! | no intact frame behind it | torn tail: drop it |
//! | an intact frame, but not the one that must follow | two writers or a misdirected write: refuse |

use super::file::{Located, LogFile};
use super::payload::Unpacker;
use super::recover::Frame;
use crate::format::log_frame::{FRAME_ALIGN, FrameFault, FrameKind, KindCode};
use crate::format::log_header::{LOG_HEADER_BYTES, Predecessor};
use crate::{Error, ErrorKind, Result};

/// Reads file after file.
pub(super) struct Walk<'a> {
    flushed_lsn: u64,
    /// The LSN that the next record must have.
    pub(super) next_lsn: u64,
    unpacker: Unpacker,
    visit: &'a mut dyn FnMut(Frame) -> Result<()>,
}

/// How the frames of a file ended.
pub(super) struct End {
    /// The checksum of the last frame, which a successor is chained to.
    pub(super) last_crc: u32,
    /// Whether that frame is a seal.
    pub(super) sealed: bool,
    /// Offset of what is behind the last frame, if anything is.
    pub(super) torn: Option<usize>,
}

enum Verdict {
    Resume(usize),
    Torn,
}

impl<'a> Walk<'a> {
    pub(super) fn new(flushed_lsn: u64, visit: &'a mut dyn FnMut(Frame) -> Result<()>) -> Result<Self> {
        Ok(Self { flushed_lsn, next_lsn: 1, unpacker: Unpacker::new()?, visit })
    }

    /// Visits the records of `file`, up to where its successor says it ended.
    pub(super) fn read(&mut self, file: &LogFile, until: Option<Predecessor>) -> Result<End> {
        self.next_lsn = file.header.first_lsn;
        let mut at = LOG_HEADER_BYTES;
        let mut end = End { last_crc: file.header_crc, sealed: false, torn: None };
        let mut resumed = false;
        while at < file.len() && !end.is(until, self.next_lsn) {
            if end.sealed {
                return Err(Error::corrupt(&file.name, at as u64, "bytes follow the seal that ends the file"));
            }
            match self.intact_frame(file, at) {
                Ok(frame) => {
                    let link = (!resumed).then_some(end.last_crc);
                    self.check_sequence(file, &frame, link, until)?;
                    self.accept(file, &frame)?;
                    at += frame.header.padded_len();
                    end.last_crc = frame.crc;
                    end.sealed = frame.header.kind == FrameKind::Seal.code();
                    resumed = false;
                }
                Err(fault) => match self.judge(file, at, &fault.to_string(), until)? {
                    Verdict::Resume(offset) => {
                        at = offset;
                        resumed = true;
                    }
                    Verdict::Torn => {
                        end.torn = Some(at);
                        break;
                    }
                },
            }
        }
        if let Some(until) = until.filter(|until| end.torn.is_none() && until.last_lsn >= self.needed()) {
            let lost = lost(self.needed(), until.last_lsn);
            return Err(Error::corrupt(&file.name, at as u64, format!("the file ends without its seal; {lost}")));
        }
        Ok(end)
    }

    /// The frame at byte `at`; its payload is verified only if it is needed.
    fn intact_frame(&self, file: &LogFile, at: usize) -> Result<Located, FrameFault> {
        let frame = file.locate(at)?;
        if self.is_needed(&frame) {
            file.payload(&frame)?;
        }
        Ok(frame)
    }

    fn is_needed(&self, frame: &Located) -> bool {
        frame.header.records > 0 && frame.header.next_lsn().is_none_or(|next| next - 1 > self.flushed_lsn)
    }

    /// The first LSN from here on that is not in a segment.
    fn needed(&self) -> u64 {
        self.next_lsn.max(self.flushed_lsn.saturating_add(1))
    }

    /// No crash puts an intact frame where another must be: frames carry the file's salt, and each place is written once.
    fn check_sequence(
        &self,
        file: &LogFile,
        frame: &Located,
        link: Option<u32>,
        until: Option<Predecessor>,
    ) -> Result<()> {
        let header = &frame.header;
        let refuse =
            |what: String| Err(Error::corrupt(&file.name, frame.at as u64, format!("frame out of sequence: {what}")));
        if header.lsn != self.next_lsn {
            return refuse(format!("LSN {} expected, {} found", self.next_lsn, header.lsn));
        }
        if let Some(link) = link.filter(|&link| link != header.prev_crc) {
            return refuse(format!("it follows the frame {:08x}, but stands behind {link:08x}", header.prev_crc));
        }
        if header.epoch != file.header.epoch {
            return refuse(format!("writer epoch {} in a file of epoch {}", header.epoch, file.header.epoch));
        }
        let Some(next) = header.next_lsn() else {
            return refuse(format!("{} records from LSN {} on", header.records, header.lsn));
        };
        if let Some(until) = until.filter(|until| next - 1 > until.last_lsn) {
            return refuse(format!("LSN {} in a file that its successor says to end at {}", next - 1, until.last_lsn));
        }
        Ok(())
    }

    fn accept(&mut self, file: &LogFile, frame: &Located) -> Result<()> {
        let header = &frame.header;
        if self.is_needed(frame) {
            self.deliver(file, frame)?;
        }
        self.next_lsn += u64::from(header.records);
        Ok(())
    }

    pub(super) fn deliver(&mut self, file: &LogFile, frame: &Located) -> Result<()> {
        let header = &frame.header;
        let unsupported = |what: String| {
            let message = format!("{}: frame at byte {} {what}; use a newer Quipu", file.name, frame.at);
            Err(Error::new(ErrorKind::Unsupported, message))
        };
        let kind = match FrameKind::from_code(header.kind) {
            KindCode::Known(kind) => kind,
            KindCode::Skippable => return Ok(()),
            KindCode::Unknown => return unsupported(format!("is of the unknown kind {}", header.kind)),
        };
        let Some(compressed) = header.compressed() else {
            return unsupported(format!("has the unknown flags {:#06x}", header.flags));
        };
        let damaged = |what: String| Error::corrupt(&file.name, frame.at as u64, what);
        let stored = file.payload(frame).map_err(|fault| damaged(fault.to_string()))?;
        let payload = self.unpacker.unpack(stored, compressed).map_err(damaged)?;
        (self.visit)(Frame { lsn: header.lsn, records: header.records, kind, payload })
    }

    fn judge(&mut self, file: &LogFile, at: usize, fault: &str, until: Option<Predecessor>) -> Result<Verdict> {
        let needed = self.needed();
        let expected = self.next_lsn;
        let mut later = file.headers_from(at + FRAME_ALIGN).filter(|found| found.header.lsn >= expected);
        let first = later.next();
        if let Some(found) = first.filter(|found| found.header.lsn <= needed) {
            self.next_lsn = found.header.lsn;
            return Ok(Verdict::Resume(found.at));
        }
        let acknowledged = match until {
            Some(until) => until.last_lsn,
            None => first.into_iter().chain(later).map(|found| found.header.durable_lsn).max().unwrap_or(0),
        };
        if acknowledged < needed {
            return Ok(Verdict::Torn);
        }
        let lost = lost(needed, first.map_or(acknowledged, |found| found.header.lsn - 1));
        Err(Error::corrupt(&file.name, at as u64, format!("{fault}; {lost}")))
    }
}

impl End {
    /// Whether the file's successor says that it ended here.
    fn is(&self, until: Option<Predecessor>, next_lsn: u64) -> bool {
        until.is_some_and(|until| until.last_crc == self.last_crc && until.last_lsn == next_lsn - 1)
    }
}

fn lost(from: u64, to: u64) -> String {
    format!("acknowledged records LSN {from}..={to} are lost")
}
