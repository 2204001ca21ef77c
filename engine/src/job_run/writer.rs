//! Writes the counters of rows as a job run.

use std::sync::Arc;

use super::groups::Groups;
use super::{FIRST, SPAN, section};
use crate::codec::bytes::put_len;
use crate::error::Result;
use crate::format::container::{ContainerWriter, FileEntry, Identity};
use crate::format::names::FileKind;
use crate::io::Disk;
use crate::rows::{COUNTER_DIMENSIONS, EventRows, zone_time};
use crate::segment::{Dependency, source_of, write_codes, write_dependent};

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
            let source = source_of(dimension)
                .and_then(|source| Some((source, COUNTER_DIMENSIONS.iter().position(|known| *known == source)?)));
            if let Some((source, of)) = source {
                let mut dependency = Dependency::on(rows.dictionary(source)?.len());
                groups.keys.iter().for_each(|key| dependency.push([key[of]], &[key[at]]));
                if let Some(codes) = dependency.finish() {
                    write_dependent(&mut writer, dimension, source, &dictionary, &codes)?;
                    continue;
                }
            }
            let codes: Vec<u64> = groups.keys.iter().map(|key| key[at].into()).collect();
            write_codes(&mut writer, dimension, &dictionary, &codes)?;
        }
    }
    groups.each_counter(|counter, sums| writer.numbers(&section(&counter), &sums))?;
    let (first, last) = groups.times()?;
    let span = |(first, last): (&i64, &i64)| zone_time(*last) - zone_time(*first);
    writer.numbers(SPAN, &first.iter().zip(&last).map(span).collect::<Vec<_>>())?;
    writer.numbers(FIRST, &first.into_iter().map(zone_time).collect::<Vec<_>>())?;
    let mut meta = Vec::new();
    put_len(&mut meta, groups.len());
    writer.finish(&meta)
}
