//! Writes the rollups of rows.

use std::sync::Arc;

use super::{Rollup, STEP, codes, section};
use crate::codec::bytes::put_len;
use crate::error::Result;
use crate::format::container::{ContainerWriter, FileEntry, Identity};
use crate::format::names::FileKind;
use crate::io::Disk;
use crate::job_run;
use crate::job_run::groups::Groups;
use crate::rows::EventRows;

/// A rollup is kept where it has so many times fewer rows than there are events.
const TIMES_SMALLER: usize = 8;

/// The most rows that a rollup of so many events may have to be worth its bytes.
pub const fn most_rows(events: usize) -> usize {
    events / TIMES_SMALLER
}

/// Writes those of the declared rollups of `rows`, which must be those of the segment and in its order, that have at most
/// `most` rows, and syncs the file. The file says of the others that they were left out.
///
/// # Errors
/// What reading `rows` says, or the disk.
pub fn write(
    disk: &Arc<dyn Disk>,
    identity: Identity,
    rows: &dyn EventRows,
    declared: &[Rollup],
    most: usize,
) -> Result<FileEntry> {
    let mut writer = ContainerWriter::create(disk, FileKind::Rollups, identity)?;
    let mut meta = Vec::new();
    put_len(&mut meta, declared.len());
    for (place, rollup) in declared.iter().enumerate() {
        let (dimensions, lacking) = (rollup.dimensions(), rollup.lacking());
        let groups = Groups::at_most(most, rows, rollup.apart(&dimensions, &lacking))?;
        rollup.encode(&mut meta);
        put_len(&mut meta, groups.as_ref().map_or(0, Groups::len));
        let Some(groups) = groups else { continue };
        for (at, dimension) in dimensions.iter().enumerate() {
            let values: Vec<u64> = groups.codes(at).map(u64::from).collect();
            if values.iter().any(|code| *code > 0) {
                writer.numbers(&codes(place, *dimension), &values)?;
            }
        }
        writer.numbers(&section(place, STEP), &groups.steps().map(u64::from).collect::<Vec<_>>())?;
        groups.each_counter(|counter, sums| writer.numbers(&section(place, &job_run::section(&counter)), &sums))?;
    }
    writer.finish(&meta)
}
