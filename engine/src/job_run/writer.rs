//! Writes the counters of rows as a job run.

use std::sync::Arc;

use super::groups::Groups;
use super::{FIRST, LAST, section};
use crate::codec::bytes::put_len;
use crate::error::Result;
use crate::format::container::{ContainerWriter, FileEntry, Identity};
use crate::format::names::FileKind;
use crate::io::Disk;
use crate::rows::{COUNTER_DIMENSIONS, EventRows, zone_time};
use crate::segment::write_codes;

/// Writes the counters of `rows`, which must be in segment order, one column at a time, and syncs the file.
///
/// # Errors
/// What reading `rows` says, or the disk.
pub fn write(disk: &Arc<dyn Disk>, identity: Identity, rows: &dyn EventRows) -> Result<FileEntry> {
    let groups = Groups::of(rows)?;
    let mut writer = ContainerWriter::create(disk, FileKind::JobRun, identity)?;
    for (at, dimension) in COUNTER_DIMENSIONS.into_iter().enumerate() {
        let dictionary = rows.dictionary(dimension)?;
        if !dictionary.is_empty() {
            let codes: Vec<u64> = groups.keys.iter().map(|key| key[at].into()).collect();
            write_codes(&mut writer, dimension, &dictionary, &codes)?;
        }
    }
    groups.each_counter(|counter, sums| writer.numbers(&section(&counter), &sums))?;
    let (first, last) = groups.times()?;
    let times = |times: Vec<i64>| times.into_iter().map(zone_time).collect::<Vec<_>>();
    writer.numbers(FIRST, &times(first))?;
    writer.numbers(LAST, &times(last))?;
    let mut meta = Vec::new();
    put_len(&mut meta, groups.len());
    writer.finish(&meta)
}
