//! Numbers about a store: what it holds and where every byte is.

use std::collections::BTreeMap;

use super::snapshot::Snapshot;
use crate::error::Result;
use crate::format::container::Container;
use crate::format::names::FileKind;
use crate::rollup::{Rollup, RollupRun};
use crate::segment::Window;
use crate::time::Timestamp;

/// Numbers about a store at one moment.
#[derive(Clone, Debug)]
pub struct Stat {
    /// The LSN of the last record.
    pub lsn: u64,
    /// All events.
    pub events: u64,
    /// Those of them that are in the log only.
    pub head_events: u64,
    /// Rows that corrections hide, until a merge leaves them out; they are not among the events.
    pub hidden_rows: u64,
    /// All outcomes, every revision of them.
    pub outcomes: u64,
    /// How many segments there are.
    pub segments: usize,
    /// The windows of the segments, in order, with their events.
    pub windows: BTreeMap<Window, u64>,
    /// The first and the last start of an event; `None` when there is none.
    pub time_range: Option<(Timestamp, Timestamp)>,
    /// Versions of the price book.
    pub price_books: usize,
    /// Bytes ever written of parts that were sealed.
    pub sealed_bytes: u64,
    /// Bytes ever written of parts that replaced others. Each byte sealed was written
    /// (sealed + merged) / sealed times in all: the write amplification.
    pub merged_bytes: u64,
    /// Every kind of file.
    pub files: Vec<FileStat>,
    /// What is kept of each rollup that is declared, or was when its parts were merged.
    pub rollups: BTreeMap<Rollup, RollupStat>,
}

/// What is kept of one rollup.
#[derive(Clone, Copy, Debug, Default)]
pub struct RollupStat {
    /// Whether it is still declared.
    pub declared: bool,
    /// How many segments keep it.
    pub segments: usize,
    /// Its rows in these.
    pub rows: u64,
    /// The events that these sum up.
    pub events: u64,
    /// The bytes of its sections.
    pub bytes: u64,
}

/// The bytes of one kind of file.
#[derive(Clone, Debug)]
pub struct FileStat {
    /// The kind.
    pub kind: FileKind,
    /// How many there are.
    pub files: usize,
    /// Their bytes, everything included.
    pub bytes: u64,
    /// The bytes of each section over all files; what is left of `bytes` is headers, footers and alignment.
    pub sections: BTreeMap<String, u64>,
}

impl Stat {
    /// Bytes of all sealed files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

impl Snapshot {
    /// Numbers about what this snapshot shows.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn stat(&self) -> Result<Stat> {
        let version = &self.state.version;
        let heads = || self.state.frozen.iter().map(|frozen| &frozen.head).chain([&self.state.head]);
        let head_parts = &self.parts()[version.parts.len()..];
        let head_events = head_parts.iter().map(|part| part.len() as u64).sum();
        let sealed_outcomes: u64 = version.manifest.outcomes.iter().map(|run| run.number).sum();
        let head_outcomes: usize = heads().flat_map(|head| &head.outcomes).map(|chunk| chunk.len()).sum();
        let mut windows = BTreeMap::new();
        for (part, seen) in version.parts.iter().zip(self.parts()) {
            *windows.entry(part.entry.window).or_default() += seen.len() as u64;
        }
        let counting = || self.parts().iter().filter(|part| !part.is_empty());
        let ranges = || counting().map(|part| part.events.time_range());
        let first = ranges().map(|(first, _)| first).min();
        let books = version.manifest.books.iter().map(|run| run.file.bytes);
        let mut files = vec![
            file_stat(FileKind::Segment, version.parts.iter().map(|part| part.segment.container())),
            file_stat(FileKind::JobRun, version.parts.iter().map(|part| part.job_run.container())),
            file_stat(
                FileKind::Rollups,
                version.parts.iter().filter_map(|part| part.rollups()).map(RollupRun::container),
            ),
            file_stat(FileKind::IdRun, version.parts.iter().map(|part| part.id_run.container())),
            file_stat(FileKind::OutcomeRun, version.outcomes.iter().map(|run| run.container())),
            file_stat(FileKind::CorrectionRun, version.corrections.iter().map(|run| run.container())),
        ];
        let masks = version.manifest.parts.iter().filter_map(|part| part.mask.map(|mask| mask.file.bytes));
        let attributions = version.manifest.attributions.iter().map(|run| run.file.bytes);
        let others = [
            (FileKind::Mask, masks.collect::<Vec<_>>()),
            (FileKind::PriceBook, books.collect()),
            (FileKind::Attribution, attributions.collect()),
        ];
        for (kind, bytes) in others {
            files.push(FileStat { kind, files: bytes.len(), bytes: bytes.iter().sum(), sections: BTreeMap::new() });
        }
        Ok(Stat {
            lsn: self.lsn(),
            events: self.parts().iter().map(|part| part.len() as u64).sum(),
            head_events,
            hidden_rows: self.parts().iter().map(|part| part.hidden.len()).sum(),
            outcomes: sealed_outcomes + head_outcomes as u64,
            segments: version.parts.len(),
            windows,
            time_range: first.zip(ranges().map(|(_, last)| last).max()),
            price_books: version.books.len(),
            sealed_bytes: version.manifest.sealed_bytes,
            merged_bytes: version.manifest.merged_bytes,
            files,
            rollups: self.rollup_stats(),
        })
    }

    fn rollup_stats(&self) -> BTreeMap<Rollup, RollupStat> {
        let declared = self
            .rollups()
            .iter()
            .map(|rollup| (rollup.clone(), RollupStat { declared: true, ..RollupStat::default() }));
        let mut stats: BTreeMap<Rollup, RollupStat> = declared.collect();
        for part in &self.state.version.parts {
            for (rollup, rows, bytes) in part.rollups().into_iter().flat_map(RollupRun::sizes) {
                let stat = stats.entry(rollup.clone()).or_default();
                stat.segments += 1;
                stat.rows += rows as u64;
                stat.events += part.entry.rows;
                stat.bytes += bytes;
            }
        }
        stats
    }
}

fn file_stat<'a>(kind: FileKind, containers: impl Iterator<Item = &'a Container>) -> FileStat {
    let mut stat = FileStat { kind, files: 0, bytes: 0, sections: BTreeMap::new() };
    for container in containers {
        stat.files += 1;
        stat.bytes += container.file_bytes();
        for (name, section) in container.sections() {
            *stat.sections.entry(name.to_owned()).or_default() += section.bytes();
        }
    }
    stat
}
