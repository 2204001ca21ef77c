//! Writes a sorted batch as a segment.

use std::sync::Arc;

use super::{sections, tag_sets};
use crate::batch::Batch;
use crate::codec::bytes::{put_i64, put_len};
use crate::codec::{front, texts};
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::format::container::{ContainerWriter, FileEntry, Identity};
use crate::format::names::FileKind;
use crate::index::bitmap;
use crate::io::Disk;
use crate::rows::{EventRows, Quantity, zone_time};
use crate::schema::Dimension;

/// The dimensions whose rows are indexed by roaring bitmaps.
pub(super) const INDEXED: [Dimension; 3] = [Dimension::Tenant, Dimension::Team, Dimension::JobType];

/// Writes `batch`, which must be in segment order, and syncs the file.
///
/// # Errors
/// What the disk says.
pub fn write(disk: &Arc<dyn Disk>, identity: Identity, batch: &Batch) -> Result<FileEntry> {
    let mut writer = ContainerWriter::create(disk, FileKind::Segment, identity)?;
    writer.numbers(sections::AT, &batch.at.iter().map(|at| zone_time(*at)).collect::<Vec<_>>())?;
    writer.texts(sections::ID, &batch.ids.iter().map(str::as_bytes).collect::<Vec<_>>())?;
    for (dimension, column) in &batch.dimensions {
        write_codes(&mut writer, *dimension, &column.dictionary, &column.codes)?;
        if INDEXED.contains(dimension) {
            let index = bitmap::encode(&column.codes, column.dictionary.len());
            writer.blob(&sections::bitmaps(*dimension), &index)?;
        }
    }
    let bands: Vec<u64> = batch.bands.iter().map(|band| u64::from(*band) + 1).collect();
    writer.numbers(&sections::quantity(&Quantity::ContextBand), &bands)?;
    for (number, column) in &batch.numbers {
        writer.numbers(&sections::quantity(&Quantity::Number(*number)), column)?;
    }
    for (meter, column) in &batch.usage {
        writer.numbers(&sections::quantity(&Quantity::Meter(meter.clone())), column)?;
    }
    if batch.tag_sets.len() > 1 {
        writer.numbers(sections::TAGS, &batch.tag_codes.iter().map(|code| u64::from(*code)).collect::<Vec<_>>())?;
        writer.blob(sections::TAG_SETS, &tag_sets::encode(&batch.tag_sets))?;
    }
    writer.finish(&encode_meta(batch))
}

/// Writes a column of codes and its dictionary.
pub(crate) fn write_codes(
    writer: &mut ContainerWriter,
    dimension: Dimension,
    dictionary: &Dictionary,
    codes: &[u32],
) -> Result<()> {
    writer.numbers(&sections::codes(dimension), &codes.iter().map(|code| u64::from(*code)).collect::<Vec<_>>())?;
    writer.blob(&sections::dictionary(dimension), &texts::compress(&front::encode(dictionary)))
}

/// `meta = row count · first start · last start`
fn encode_meta(batch: &Batch) -> Vec<u8> {
    let (first, last) = batch.time_range();
    let mut meta = Vec::new();
    put_len(&mut meta, batch.len());
    put_i64(&mut meta, first.micros());
    put_i64(&mut meta, last.micros());
    meta
}
