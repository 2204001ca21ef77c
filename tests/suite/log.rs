//! The write-ahead log alone, on a disk that crashes, fails and is damaged.
//!
//! A ledger beside the log notes what was handed to it and what it acknowledged. Whatever happens,
//! what is recovered is a prefix of the former that holds all of the latter.

mod crash;
mod damage;
mod faults;
mod sequence;

use std::sync::Arc;

use quipu_engine::io::Disk;
use quipu_engine::log::{Frame, FrameKind, LogIdentity, LogWriter, Recovery, Start, recover};
use quipu_engine::{Error, Result};

const STORE: [u8; 16] = *b"a store for test";

/// One call on the log.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many records in so many bytes.
    Append(u32, usize),
    Confirm,
    Sync,
    Rotate,
    Close,
}

/// When the driver takes records for acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Acknowledge {
    OnceSynced,
    /// A planted bug.
    BeforeSync,
}

/// What was handed to the log, and what it promised.
#[derive(Clone, Debug, Default)]
struct Ledger {
    /// Every frame whose append was tried, in order.
    frames: Vec<Frame>,
    acknowledged_lsn: u64,
    /// The newest log file that is known to be durable.
    file: u64,
}

fn identity(epoch: u32) -> LogIdentity {
    LogIdentity { store: STORE, epoch }
}

/// Bytes that do not compress and differ for each record.
fn payload(lsn: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    fastrand::Rng::with_seed(lsn).fill(&mut bytes);
    bytes
}

impl Ledger {
    /// Starts a log in an empty store and takes `steps` up to the first that fails.
    fn run(&mut self, disk: &Arc<dyn Disk>, steps: &[Step], acknowledge: Acknowledge) -> Result<()> {
        disk.create_dir("wal").map_err(|error| Error::io("create", "wal", error))?;
        disk.sync_dir("").map_err(|error| Error::io("sync", "the store's directory", error))?;
        let log = LogWriter::create(disk, identity(1), 1, 1, None)?;
        self.take(log, steps, acknowledge)
    }

    fn take(&mut self, log: LogWriter, steps: &[Step], acknowledge: Acknowledge) -> Result<()> {
        let mut log = Some(log);
        for &step in steps {
            let Some(writer) = &mut log else { break };
            self.file = writer.number();
            match step {
                Step::Append(records, len) => {
                    self.append(writer, records, len)?;
                    if acknowledge == Acknowledge::BeforeSync {
                        self.acknowledged_lsn = writer.next_lsn() - 1;
                    }
                }
                Step::Confirm => writer.confirm()?,
                Step::Sync => writer.sync()?,
                Step::Rotate => writer.rotate()?,
                Step::Close => {
                    let last = writer.next_lsn() - 1;
                    log.take().map_or(Ok(()), |mut log| log.close())?;
                    self.acknowledged_lsn = last;
                }
            }
            if let Some(writer) = &log {
                self.file = writer.number();
                self.acknowledged_lsn = self.acknowledged_lsn.max(writer.durable_lsn());
            }
        }
        Ok(())
    }

    fn append(&mut self, writer: &mut LogWriter, records: u32, len: usize) -> Result<()> {
        let lsn = writer.next_lsn();
        let payload = payload(lsn, len);
        let kind = if lsn.is_multiple_of(3) { FrameKind::Outcomes } else { FrameKind::Events };
        self.frames.push(Frame { lsn, records, kind, payload: payload.clone() });
        assert_eq!(writer.append(kind, records, &payload)?, lsn);
        Ok(())
    }

    /// Recovers the log on `disk` and holds it against the ledger; `flushed_lsn` is what segments hold.
    fn check(&self, disk: &dyn Disk, flushed_lsn: u64) -> Result<Recovery, String> {
        let start = Start { store: STORE, flushed_lsn, min_file: self.file };
        let (recovery, found) = read(disk, start).map_err(|error| format!("refused: {error}"))?;
        let expected: Vec<&Frame> = self.frames.iter().filter(|frame| last_lsn(frame) > flushed_lsn).collect();
        if found.len() > expected.len() || found.iter().zip(&expected).any(|(found, expected)| found != *expected) {
            return Err(format!("not a prefix: {:?}", found.iter().map(last_lsn).collect::<Vec<_>>()));
        }
        let last = found.last().map_or(flushed_lsn, last_lsn);
        if recovery.next_lsn != last + 1 {
            return Err(format!("the log goes on at LSN {}, {} expected", recovery.next_lsn, last + 1));
        }
        if last < self.acknowledged_lsn {
            return Err(format!("LSN {} was acknowledged, the log ends at {last}", self.acknowledged_lsn));
        }
        Ok(recovery)
    }
}

fn last_lsn(frame: &Frame) -> u64 {
    frame.lsn + u64::from(frame.records) - 1
}

fn read(disk: &dyn Disk, start: Start) -> Result<(Recovery, Vec<Frame>)> {
    let mut frames = Vec::new();
    let recovery = recover(disk, start, &mut |frame| {
        frames.push(frame);
        Ok(())
    })?;
    Ok((recovery, frames))
}
