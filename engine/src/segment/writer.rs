//! Writes sorted rows as a segment.

use std::sync::Arc;

use super::dependent::{self, Dependency};
use super::{links, marks, sections, tag_columns, tag_sets};
use crate::batch::Texts;
use crate::codec::bytes::{put_i64, put_len};
use crate::codec::dictionary;
use crate::correction::Mark;
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::format::container::{ContainerWriter, FileEntry, Identity};
use crate::format::names::FileKind;
use crate::index::bitmap::BitmapsBuilder;
use crate::io::Disk;
use crate::limits::BLOCK_ROWS;
use crate::rows::{EventRows, Quantity, zone_time};
use crate::schema::{Dimension, Number};

/// The dimensions whose rows are indexed by roaring bitmaps.
pub(super) const INDEXED: [Dimension; 3] = [Dimension::Tenant, Dimension::Team, Dimension::JobType];

/// Rows in segment order with sorted dictionaries, as a segment is written from them: those of a sorted batch, or of
/// segments being merged.
pub trait SortedRows: EventRows {
    /// Appends the ids of the rows of a block to `out`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn ids(&self, block: usize, out: &mut Texts) -> Result<()>;

    /// What corrections gave to these rows: the distinct marks in the order of their content, from code 1 on.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn marks(&self) -> Result<Vec<Mark>>;

    /// Replaces `out` by the code of the mark of each row of a block, 0 for none.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn mark_codes(&self, block: usize, out: &mut Vec<u32>) -> Result<()>;
}

/// Writes `rows` column by column, with no more than a block of each in memory, and syncs the file.
///
/// # Errors
/// What reading `rows` says, or the disk.
pub fn write(disk: &Arc<dyn Disk>, identity: Identity, rows: &dyn SortedRows) -> Result<FileEntry> {
    let mut writer = ContainerWriter::create(disk, FileKind::Segment, identity)?;
    let blocks = rows.rows().div_ceil(BLOCK_ROWS);
    let mut times = Vec::new();
    writer.numbers_by(sections::AT, blocks, |block, out: &mut Vec<u64>| {
        rows.times(block, &mut times)?;
        out.extend(times.iter().map(|at| zone_time(*at)));
        Ok(())
    })?;
    writer.ids_by(sections::ID, blocks, |block, out: &mut (Texts, Vec<i64>)| {
        rows.ids(block, &mut out.0)?;
        rows.times(block, &mut out.1)
    })?;
    for dimension in Dimension::ALL {
        match *dimension {
            Dimension::ParentId => links::write(&mut writer, rows, blocks)?,
            dimension => write_dimension(&mut writer, rows, dimension, blocks)?,
        }
    }
    let band = Quantity::ContextBand;
    writer.numbers_by(&sections::quantity(&band), blocks, |block, out: &mut Vec<u64>| {
        rows.quantities(&band, block, out)
    })?;
    let numbers = Number::ALL.iter().map(|number| Quantity::Number(*number));
    for quantity in numbers.chain(rows.meters().into_iter().map(Quantity::Meter)) {
        writer.numbers_unless_zero(&sections::quantity(&quantity), blocks, |block, out: &mut Vec<u64>| {
            rows.quantities(&quantity, block, out)
        })?;
    }
    write_tags(&mut writer, rows, blocks)?;
    marks::write(&mut writer, rows)?;
    writer.finish(&encode_meta(rows))
}

/// Writes a dimension: its dictionary, and the code of each row unless it follows from that of another dimension.
fn write_dimension(
    writer: &mut ContainerWriter,
    rows: &dyn SortedRows,
    dimension: Dimension,
    blocks: usize,
) -> Result<()> {
    let dictionary = rows.dictionary(dimension)?;
    if dictionary.is_empty() {
        return Ok(());
    }
    if let Some(source) = dependent::source_of(dimension)
        && let Some(codes) = dependency(rows, dimension, source, blocks)?
    {
        writer.numbers(&sections::dependent(dimension, source), &codes)?;
        return write_dictionary(writer, dimension, &dictionary);
    }
    write_dictionary(writer, dimension, &dictionary)?;
    let mut codes = Vec::new();
    let mut index = INDEXED.contains(&dimension).then(|| BitmapsBuilder::new(dictionary.len()));
    writer.numbers_by(&sections::codes(dimension), blocks, |block, out: &mut Vec<u64>| {
        rows.codes(dimension, block, &mut codes)?;
        index.iter_mut().for_each(|index| index.push(&codes));
        out.extend(codes.iter().map(|code| u64::from(*code)));
        Ok(())
    })?;
    match index {
        Some(index) => writer.blob(&sections::bitmaps(dimension), &index.finish()),
        None => Ok(()),
    }
}

/// Writes the sets of tags and their code in each row, and the columns of tags that would make too many sets.
fn write_tags(writer: &mut ContainerWriter, rows: &dyn SortedRows, blocks: usize) -> Result<()> {
    let sets = rows.tag_sets()?;
    let parted = tag_columns::part(&sets, &tag_columns::too_varied(&sets, rows.rows()));
    let mut codes = Vec::new();
    let mut write = |writer: &mut ContainerWriter, name: &str, new: &[u32]| {
        writer.numbers_by(name, blocks, |block, out: &mut Vec<u64>| {
            rows.tag_set_codes(block, &mut codes)?;
            out.extend(codes.iter().map(|code| u64::from(new[*code as usize])));
            Ok(())
        })
    };
    if parted.sets.len() > 1 {
        write(writer, sections::TAGS, &parted.set_codes)?;
        writer.blob(sections::TAG_SETS, &tag_sets::encode(&parted.sets))?;
    }
    for column in &parted.columns {
        write(writer, &sections::tag_codes(&column.key), &column.of_set)?;
        writer.blob(&sections::tag_dictionary(&column.key), &dictionary::encode(&column.values))?;
    }
    for key in rows.tag_columns() {
        let dictionary = rows.tag_dictionary(&key)?;
        let mut codes = Vec::new();
        writer.numbers_by(&sections::tag_codes(&key), blocks, |block, out: &mut Vec<u64>| {
            rows.tag_codes(&key, block, &mut codes)?;
            out.extend(codes.iter().map(|code| u64::from(*code)));
            Ok(())
        })?;
        writer.blob(&sections::tag_dictionary(&key), &dictionary::encode(&dictionary))?;
    }
    Ok(())
}

/// The code of `dimension` that each code of `source` goes with, if it is always the same.
fn dependency(
    rows: &dyn SortedRows,
    dimension: Dimension,
    source: Dimension,
    blocks: usize,
) -> Result<Option<Vec<u64>>> {
    let mut dependency = Dependency::on(rows.dictionary(source)?.len());
    // One column after the other, since merged rows are read fastest so.
    let (mut sources, mut codes) = (Vec::with_capacity(rows.rows()), Vec::new());
    for block in 0..blocks {
        rows.codes(source, block, &mut codes)?;
        sources.extend_from_slice(&codes);
    }
    for (block, sources) in sources.chunks(BLOCK_ROWS).enumerate() {
        rows.codes(dimension, block, &mut codes)?;
        dependency.push(sources.iter().copied(), &codes);
    }
    Ok(dependency.finish())
}

/// Writes the dictionary of a dimension.
pub(super) fn write_dictionary(writer: &mut ContainerWriter, dimension: Dimension, values: &Dictionary) -> Result<()> {
    writer.blob(&sections::dictionary(dimension), &dictionary::encode(values))
}

/// `meta = row count · first start · last start`
fn encode_meta(rows: &dyn SortedRows) -> Vec<u8> {
    let (first, last) = rows.time_range();
    let mut meta = Vec::new();
    put_len(&mut meta, rows.rows());
    put_i64(&mut meta, first.micros());
    put_i64(&mut meta, last.micros());
    meta
}
