//! Writes counters as a job run.

use std::sync::Arc;

use super::{Counters, FIRST, LAST, section};
use crate::codec::bytes::put_len;
use crate::error::Result;
use crate::format::container::{ContainerWriter, FileEntry, Identity};
use crate::format::names::FileKind;
use crate::io::Disk;
use crate::rows::zone_time;
use crate::segment::write_codes;

/// Writes the counters and syncs the file.
///
/// # Errors
/// What the disk says.
pub fn write(disk: &Arc<dyn Disk>, identity: Identity, counters: &Counters) -> Result<FileEntry> {
    let mut writer = ContainerWriter::create(disk, FileKind::JobRun, identity)?;
    for (dimension, dictionary, codes) in &counters.codes {
        write_codes(&mut writer, *dimension, dictionary, codes)?;
    }
    for (counter, sums) in &counters.sums {
        writer.numbers(&section(counter), sums)?;
    }
    let times = |times: &[i64]| times.iter().map(|at| zone_time(*at)).collect::<Vec<_>>();
    writer.numbers(FIRST, &times(&counters.first))?;
    writer.numbers(LAST, &times(&counters.last))?;
    let mut meta = Vec::new();
    put_len(&mut meta, counters.len());
    writer.finish(&meta)
}
