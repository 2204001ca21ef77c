//! Writes the counters of rows as a job run.

use std::sync::Arc;

use super::groups::{Apart, Groups};
use super::{EVENTS, ROW, SPAN, section};
use crate::codec::bytes::put_len;
use crate::error::Result;
use crate::format::container::{ContainerWriter, FileEntry, Identity};
use crate::format::names::FileKind;
use crate::io::Disk;
use crate::limits::BLOCK_ROWS;
use crate::rows::{Counter, EventRows};

/// Writes the counters of `rows`, which must be those of the segment and in its order, one column at a time, and syncs
/// the file.
///
/// # Errors
/// What reading `rows` says, or the disk.
pub fn write(disk: &Arc<dyn Disk>, identity: Identity, rows: &dyn EventRows) -> Result<FileEntry> {
    let groups = Groups::of(rows, Apart::COUNTERS)?;
    let events = groups.events();
    let times = groups.times()?;
    let mut writer = ContainerWriter::create(disk, FileKind::JobRun, identity)?;
    writer.numbers(ROW, &times.row.iter().map(|row| u64::from(*row)).collect::<Vec<_>>())?;
    writer.numbers(EVENTS, &events)?;
    let mut write_of_several = |name: &str, values: &[u64]| {
        let of_several = |block: usize| {
            let range = block * BLOCK_ROWS..(block * BLOCK_ROWS + BLOCK_ROWS).min(events.len());
            let pairs = events[range.clone()].iter().zip(&values[range]);
            pairs.filter(|(events, _)| **events > 1).map(|(_, value)| *value)
        };
        let blocks = events.len().div_ceil(BLOCK_ROWS);
        if (0..blocks).flat_map(of_several).all(|value| value == 0) {
            return Ok(());
        }
        writer.numbers_by(name, blocks, |block, out: &mut Vec<u64>| {
            out.extend(of_several(block));
            Ok(())
        })
    };
    groups.each_counter(|counter, sums| match counter {
        // Told by the row in which the counter begins, and by how many events there are.
        Counter::ContextBand | Counter::Events | Counter::Retries => Ok(()),
        counter => write_of_several(&section(&counter), &sums),
    })?;
    let span = |(first, last): (&i64, &i64)| last.wrapping_sub(*first).cast_unsigned();
    write_of_several(SPAN, &times.first.iter().zip(&times.last).map(span).collect::<Vec<_>>())?;
    let mut meta = Vec::new();
    put_len(&mut meta, groups.len());
    writer.finish(&meta)
}
