//! The manifest: one file per version of the store, naming everything that exists.
//!
//! Publishing one is the only commit point. The newest must be sound; there is no falling back to
//! an older one, which might name files that are gone.
//!
//! ```text
//! manifest = epoch · flushed LSN · first log file · next file number · previous hash (16 bytes)
//!          · sealed bytes · merged bytes
//!          · part count · part × count · outcome run count · run × count · book count · book × count
//!          · correction run count · run × count · attribution count · attribution × count
//!          · record count · record × count
//!          · rollup count · rollup × count · retention count · retention × count
//! part     = window start · window end (zig-zag) · rows · segment · job run · id run · hidden rows · [mask]
//!          · rollup files, 0 or 1 · [rollup file]
//! run      = how many outcomes or amendments · file
//! book     = version · file
//! attribution = number · file
//! record   = time (zig-zag) · text
//! rollup   = dimension count · name × count · step, `hour` or `day`
//! retention = workspace · days (0 = for ever) · from (zig-zag)
//! file     = number · length · hash (16 bytes)
//! ```

use crate::codec::bytes::{DecodeError, Reader, put_bytes, put_i64, put_len, put_u64};
use crate::format::container::FileEntry;
use crate::format::names::FileKind;
use crate::retention::Retention;
use crate::rollup::Rollup;
use crate::segment::Window;
use crate::time::Timestamp;

/// A version of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Grows with each opening for writing.
    pub epoch: u32,
    /// The LSN of the last record that is in files; the log counts from the next on.
    pub flushed_lsn: u64,
    /// The oldest log file that is still needed.
    pub first_log: u64,
    /// A number that no file has had.
    pub next_file: u64,
    /// The hash of the manifest before this one; zero in the first.
    pub previous: [u8; 16],
    /// Bytes ever written of parts that were sealed.
    pub sealed_bytes: u64,
    /// Bytes ever written of parts that replaced others.
    pub merged_bytes: u64,
    /// Sealed events with what is derived from them, in the order they were sealed.
    pub parts: Vec<PartEntry>,
    /// Sealed outcomes.
    pub outcomes: Vec<RunEntry>,
    /// The versions of the price book, ascending.
    pub books: Vec<RunEntry>,
    /// Corrections of events.
    pub corrections: Vec<RunEntry>,
    /// Usage assigned afterwards, by number.
    pub attributions: Vec<RunEntry>,
    /// What was done to the store beside storing: erasures and repairs, in the order of time.
    pub records: Vec<Record>,
    /// What parts are to keep rollups of.
    pub rollups: Vec<Rollup>,
    /// How long workspaces keep their events, by workspace; one without an entry keeps them for ever.
    pub retention: Vec<Retention>,
}

/// A note of what was done to a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub at: Timestamp,
    /// What, in a sentence.
    pub what: String,
}

/// A segment with its counters and its fingerprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartEntry {
    /// The span of time its events lie in.
    pub window: Window,
    /// How many events it has.
    pub rows: u64,
    /// The events.
    pub segment: FileEntry,
    /// Their counters.
    pub job_run: FileEntry,
    /// Their fingerprints.
    pub id_run: FileEntry,
    /// Those of its rows that no longer count, if there are any.
    pub mask: Option<RunEntry>,
    /// Their rollups; none before the first merge.
    pub rollups: Option<FileEntry>,
}

/// A file with one number about it: how many things it holds, or which version it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunEntry {
    /// How many, or which.
    pub number: u64,
    /// The file.
    pub file: FileEntry,
}

impl PartEntry {
    /// Its files.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        let own = [&self.segment, &self.job_run, &self.id_run].into_iter();
        own.chain(self.mask.as_ref().map(|mask| &mask.file)).chain(&self.rollups)
    }
}

impl Manifest {
    /// Every file named.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        let parts = self.parts.iter().flat_map(PartEntry::files);
        let runs = self.outcomes.iter().chain(&self.books).chain(&self.corrections).chain(&self.attributions);
        parts.chain(runs.map(|run| &run.file))
    }

    /// The bytes of the manifest.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_u64(&mut out, self.epoch.into());
        put_u64(&mut out, self.flushed_lsn);
        put_u64(&mut out, self.first_log);
        put_u64(&mut out, self.next_file);
        out.extend_from_slice(&self.previous);
        put_u64(&mut out, self.sealed_bytes);
        put_u64(&mut out, self.merged_bytes);
        put_len(&mut out, self.parts.len());
        for part in &self.parts {
            put_i64(&mut out, part.window.start.micros());
            put_i64(&mut out, part.window.end.micros());
            put_u64(&mut out, part.rows);
            [&part.segment, &part.job_run, &part.id_run].into_iter().for_each(|file| put_file(&mut out, file));
            put_u64(&mut out, part.mask.map_or(0, |mask| mask.number));
            if let Some(mask) = &part.mask {
                put_file(&mut out, &mask.file);
            }
            put_len(&mut out, part.rollups.iter().len());
            part.rollups.iter().for_each(|file| put_file(&mut out, file));
        }
        for runs in [&self.outcomes, &self.books, &self.corrections, &self.attributions] {
            put_len(&mut out, runs.len());
            for run in runs {
                put_u64(&mut out, run.number);
                put_file(&mut out, &run.file);
            }
        }
        put_len(&mut out, self.records.len());
        for record in &self.records {
            put_i64(&mut out, record.at.micros());
            put_bytes(&mut out, record.what.as_bytes());
        }
        put_len(&mut out, self.rollups.len());
        self.rollups.iter().for_each(|rollup| rollup.encode(&mut out));
        put_len(&mut out, self.retention.len());
        for retention in &self.retention {
            put_bytes(&mut out, retention.workspace.as_bytes());
            put_u64(&mut out, retention.days.unwrap_or(0).into());
            put_i64(&mut out, retention.from.micros());
        }
        out
    }

    /// Reads a manifest back.
    ///
    /// # Errors
    /// When the bytes are not one.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut manifest = Self {
            epoch: reader.u32()?,
            flushed_lsn: reader.u64()?,
            first_log: reader.u64()?,
            next_file: reader.u64()?,
            previous: reader.array()?,
            sealed_bytes: reader.u64()?,
            merged_bytes: reader.u64()?,
            ..Self::default()
        };
        for _ in 0..reader.count(56)? {
            let window =
                Window { start: Timestamp::from_micros(reader.i64()?), end: Timestamp::from_micros(reader.i64()?) };
            manifest.parts.push(PartEntry {
                window,
                rows: reader.u64()?,
                segment: get_file(&mut reader, FileKind::Segment)?,
                job_run: get_file(&mut reader, FileKind::JobRun)?,
                id_run: get_file(&mut reader, FileKind::IdRun)?,
                mask: get_mask(&mut reader)?,
                rollups: get_rollups(&mut reader)?,
            });
        }
        manifest.outcomes = get_runs(&mut reader, FileKind::OutcomeRun)?;
        manifest.books = get_runs(&mut reader, FileKind::PriceBook)?;
        manifest.corrections = get_runs(&mut reader, FileKind::CorrectionRun)?;
        manifest.attributions = get_runs(&mut reader, FileKind::Attribution)?;
        if !manifest.attributions.is_sorted_by(|older, newer| older.number < newer.number) {
            return Err(reader.error("the numbers of attributions do not ascend"));
        }
        for _ in 0..reader.count(2)? {
            let at = Timestamp::from_micros(reader.i64()?);
            manifest.records.push(Record { at, what: reader.text()?.into() });
        }
        for _ in 0..reader.count(2)? {
            manifest.rollups.push(Rollup::decode(&mut reader)?);
        }
        for _ in 0..reader.count(3)? {
            let (workspace, days) = (reader.text()?.into(), reader.u32()?);
            let from = Timestamp::from_micros(reader.i64()?);
            manifest.retention.push(Retention { workspace, days: (days > 0).then_some(days), from });
        }
        if !manifest.retention.is_sorted_by(|one, next| one.workspace < next.workspace) {
            return Err(reader.error("the workspaces with a retention do not ascend"));
        }
        reader.finish()?;
        Ok(manifest)
    }
}

fn put_file(out: &mut Vec<u8>, file: &FileEntry) {
    put_u64(out, file.number);
    put_u64(out, file.bytes);
    out.extend_from_slice(&file.hash);
}

fn get_file(reader: &mut Reader<'_>, kind: FileKind) -> Result<FileEntry, DecodeError> {
    Ok(FileEntry { kind, number: reader.u64()?, bytes: reader.u64()?, hash: reader.array()? })
}

fn get_mask(reader: &mut Reader<'_>) -> Result<Option<RunEntry>, DecodeError> {
    match reader.u64()? {
        0 => Ok(None),
        number => Ok(Some(RunEntry { number, file: get_file(reader, FileKind::Mask)? })),
    }
}

fn get_rollups(reader: &mut Reader<'_>) -> Result<Option<FileEntry>, DecodeError> {
    match reader.u8()? {
        0 => Ok(None),
        1 => get_file(reader, FileKind::Rollups).map(Some),
        files => Err(reader.error(format!("{files} files of rollups in a part; there is one or none"))),
    }
}

fn get_runs(reader: &mut Reader<'_>, kind: FileKind) -> Result<Vec<RunEntry>, DecodeError> {
    let count = reader.count(19)?;
    (0..count).map(|_| Ok(RunEntry { number: reader.u64()?, file: get_file(reader, kind)? })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(kind: FileKind, number: u64) -> FileEntry {
        FileEntry { kind, number, bytes: number * 1000, hash: [number as u8; 16] }
    }

    #[test]
    fn manifests_come_back() {
        let part = PartEntry {
            window: Window { start: Timestamp::from_seconds(-5), end: Timestamp::from_seconds(5) },
            rows: 12,
            segment: file(FileKind::Segment, 3),
            job_run: file(FileKind::JobRun, 3),
            id_run: file(FileKind::IdRun, 3),
            mask: None,
            rollups: None,
        };
        let masked = PartEntry {
            mask: Some(RunEntry { number: 2, file: file(FileKind::Mask, 5) }),
            rollups: Some(file(FileKind::Rollups, 9)),
            ..part
        };
        let manifest = Manifest {
            epoch: 4,
            flushed_lsn: 99,
            first_log: 2,
            next_file: 7,
            previous: [8; 16],
            sealed_bytes: 1_000,
            merged_bytes: 3_000,
            parts: vec![part, masked],
            outcomes: vec![RunEntry { number: 5, file: file(FileKind::OutcomeRun, 4) }],
            books: vec![RunEntry { number: 1, file: file(FileKind::PriceBook, 6) }],
            corrections: vec![RunEntry { number: 9, file: file(FileKind::CorrectionRun, 8) }],
            attributions: vec![RunEntry { number: 3, file: file(FileKind::Attribution, 9) }],
            records: vec![Record { at: Timestamp::from_seconds(7), what: "something was repaired".into() }],
            rollups: Rollup::usual(),
            retention: [("a", Some(30)), ("b", None)]
                .map(|(workspace, days)| Retention::new(workspace, days).expect("valid"))
                .to_vec(),
        };
        let bytes = manifest.encode();
        assert_eq!(Manifest::decode(&bytes), Ok(manifest));
        for len in 0..bytes.len() {
            assert!(Manifest::decode(&bytes[..len]).is_err(), "cut to {len} bytes");
        }
    }

    #[test]
    fn attributions_are_in_the_order_of_their_numbers() {
        let attribution = |number| RunEntry { number, file: file(FileKind::Attribution, number) };
        let decoded = |numbers: [u64; 3]| {
            Manifest::decode(
                &Manifest { attributions: numbers.map(attribution).to_vec(), ..Manifest::default() }.encode(),
            )
        };
        assert!(decoded([1, 2, 4]).is_ok());
        for numbers in [[1, 3, 2], [1, 2, 2]] {
            let refused = decoded(numbers).expect_err("must be refused").to_string();
            assert!(refused.contains("the numbers of attributions do not ascend"), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Manifest::decode(&bytes);
        }
    }
}
