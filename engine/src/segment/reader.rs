//! Reads a segment, column by column and block by block.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use roaring::RoaringBitmap;

use super::dictionaries::DictionaryCache;
use super::links::Linked;
use super::runs::{LOOKED_UP, RowRuns};
use super::{dependent, sections};
use crate::batch::Texts;
use crate::codec::bytes::{DecodeError, Reader};
use crate::correction::Mark;
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::format::container::{Container, FileEntry, Section};
use crate::io::Disk;
use crate::limits::{BLOCK_ROWS, VECTOR_ROWS};
use crate::rows::TagSets;
use crate::schema::{Dimension, Text};
use crate::time::Timestamp;

/// An open segment.
#[derive(Debug)]
pub struct Segment {
    pub(super) container: Container,
    pub(super) rows: usize,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) dictionaries: DictionaryCache,
    links: OnceLock<Linked>,
    pub(super) tag_sets: OnceLock<Arc<TagSets>>,
    pub(super) tag_dictionaries: Mutex<BTreeMap<Text, Arc<Dictionary>>>,
    pub(super) marks: OnceLock<Vec<Mark>>,
    pub(super) bitmaps: Mutex<BTreeMap<(Dimension, u32), Arc<RoaringBitmap>>>,
    /// Of each of [`LOOKED_UP`].
    pub(super) runs: [OnceLock<RowRuns>; LOOKED_UP.len()],
}

/// Replaces `out` by the codes of a block, each checked against the number of values in the dictionary.
pub(super) fn read_codes(
    container: &Container,
    values: usize,
    dimension: Dimension,
    block: usize,
    rows: usize,
    out: &mut Vec<u32>,
) -> Result<()> {
    out.clear();
    let name = sections::codes(dimension);
    let Some(section) = container.section(&name) else {
        return read_dependent(container, values, dimension, block, rows, out);
    };
    if section.summary(block).is_none_or(|summary| summary.max > values as u64) {
        return Err(container.damaged(&name, &format!("block {block} has codes beyond the dictionary")));
    }
    container.numbers(section, block, out)?;
    check_codes(container, &name, block, out, values)
}

/// Replaces `out` by the codes that follow from those of another dimension, or by 0 when no row has a value.
fn read_dependent(
    container: &Container,
    values: usize,
    dimension: Dimension,
    block: usize,
    rows: usize,
    out: &mut Vec<u32>,
) -> Result<()> {
    let Some((source, codes)) = dependent::read(container, values, dimension)? else {
        out.resize(rows, 0);
        return Ok(());
    };
    match container.section(&sections::codes(source)) {
        Some(section) => container.numbers(section, block, out)?,
        None => out.resize(rows, 0),
    }
    dependent::follow(container, (dimension, source), &codes, out)
}

/// The footer's maximum is checked before, the values after decoding: both come from the file.
pub(super) fn check_codes(
    container: &Container,
    name: &str,
    block: usize,
    codes: &[u32],
    largest: usize,
) -> Result<()> {
    let max = codes.iter().copied().max().unwrap_or(0);
    if max as usize > largest {
        return Err(container.damaged(name, &format!("block {block} has code {max}, the largest is {largest}")));
    }
    Ok(())
}

impl Segment {
    /// Opens the segment that the manifest describes.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where, or what the disk says.
    pub fn open(disk: &dyn Disk, entry: &FileEntry, store: [u8; 16]) -> Result<Self> {
        let container = Container::open_entry(disk, entry, store)?;
        let (rows, first, last) =
            decode_meta(container.meta()).map_err(|error| container.damaged("meta", &error.what))?;
        let segment = Self {
            rows,
            first,
            last,
            dictionaries: DictionaryCache::default(),
            links: OnceLock::new(),
            tag_sets: OnceLock::new(),
            tag_dictionaries: Mutex::default(),
            marks: OnceLock::new(),
            bitmaps: Mutex::default(),
            runs: Default::default(),
            container,
        };
        segment.check_shape()?;
        Ok(segment)
    }

    /// Every column must have every row, so that no block index can miss.
    fn check_shape(&self) -> Result<()> {
        let columns = ["at", "id", "tags", "marks", "band", "dim.", "num.", "use.", "link.", sections::TAG_COLUMN];
        for (name, section) in self.container.sections() {
            let is_column =
                columns.iter().any(|column| name == *column || (column.ends_with('.') && name.starts_with(column)));
            let rows = (0..section.blocks()).map(|block| section.block_rows(block));
            let full = (0..section.blocks()).all(|block| section.block_rows(block) == self.block_rows(block));
            if is_column && (rows.sum::<usize>() != self.rows || !full) {
                return Err(self.container.damaged(name, "the column does not have the segment's rows"));
            }
        }
        for name in [sections::AT, sections::ID] {
            if self.container.section(name).is_none() {
                return Err(self.container.damaged(name, "the column is missing"));
            }
        }
        Ok(())
    }

    /// The file.
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// The id of a row.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn id(&self, row: usize) -> Result<Text> {
        self.id_at(row, self.time(row)?)
    }

    /// The id of a row whose start is known, in microseconds.
    pub(super) fn id_at(&self, row: usize, at: i64) -> Result<Text> {
        let (block, frame, within) = (row / BLOCK_ROWS, row % BLOCK_ROWS / VECTOR_ROWS, row % VECTOR_ROWS);
        let id = self.container.ids(self.section(sections::ID)?, block, frame, |frame| frame.get(within, at))?;
        let id = std::str::from_utf8(&id).ok();
        id.map(Text::from)
            .ok_or_else(|| self.container.damaged(sections::ID, &format!("the id of row {row} is not UTF-8")))
    }

    /// The starts of the 1,024 rows around `row`.
    fn frame_times(&self, row: usize) -> Result<Vec<i64>> {
        let mut micros = Vec::with_capacity(VECTOR_ROWS);
        let vector = row % BLOCK_ROWS / VECTOR_ROWS;
        self.container.vector(self.section(sections::AT)?, row / BLOCK_ROWS, vector, &mut micros)?;
        Ok(micros)
    }

    /// The ids of the 1,024 rows around `row`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn id_frame(&self, row: usize) -> Result<Vec<Vec<u8>>> {
        let (block, frame) = (row / BLOCK_ROWS, row % BLOCK_ROWS / VECTOR_ROWS);
        let micros = self.frame_times(row)?;
        self.container.ids(self.section(sections::ID)?, block, frame, |frame| frame.decode(&micros))
    }

    /// Whether a row has this id; `None` where ids cannot be read one by one, see [`Segment::frame_ids`].
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn holds_id(&self, row: usize, id: &str) -> Result<Option<bool>> {
        let (block, frame, within) = (row / BLOCK_ROWS, row % BLOCK_ROWS / VECTOR_ROWS, row % VECTOR_ROWS);
        let section = self.section(sections::ID)?;
        if self.container.ids(section, block, frame, |frame| Ok(frame.is_texts()))? {
            return Ok(None);
        }
        let at = self.time(row)?;
        let found = self.container.ids(section, block, frame, |frame| frame.get(within, at))?;
        Ok(Some(found == id.as_bytes()))
    }

    /// Appends the ids of the 1,024 rows around `row` to `out`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn frame_ids(&self, row: usize, out: &mut Texts) -> Result<()> {
        for id in self.id_frame(row)? {
            let text = std::str::from_utf8(&id);
            let damaged = |_| self.container.damaged(sections::ID, &format!("an id near row {row} is not UTF-8"));
            out.push(text.map_err(damaged)?);
        }
        Ok(())
    }

    /// Appends the ids of the rows of a block to `out`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn ids(&self, block: usize, out: &mut Texts) -> Result<()> {
        let start = block * BLOCK_ROWS;
        for row in (start..start + self.block_rows(block)).step_by(VECTOR_ROWS) {
            self.frame_ids(row, out)?;
        }
        Ok(())
    }

    /// Replaces `out` by the codes of a block for a caller that knows how many values the dictionary has, so that it
    /// need not stay in memory.
    pub(crate) fn codes_below(
        &self,
        dimension: Dimension,
        values: usize,
        block: usize,
        out: &mut Vec<u32>,
    ) -> Result<()> {
        if self.is_linked(dimension) {
            out.clear();
            let start = (block * BLOCK_ROWS).min(self.rows);
            out.extend_from_slice(&self.links()?.codes[start..start + self.block_rows(block)]);
            return Ok(());
        }
        read_codes(&self.container, values, dimension, block, self.block_rows(block), out)
    }

    /// Whether the values of a dimension are links to rows.
    pub(super) fn is_linked(&self, dimension: Dimension) -> bool {
        dimension == Dimension::ParentId && self.container.section(sections::LINKS).is_some()
    }

    pub(super) fn links(&self) -> Result<&Linked> {
        if let Some(links) = self.links.get() {
            return Ok(links);
        }
        let links = self.read_links()?;
        Ok(self.links.get_or_init(|| links))
    }

    pub(super) fn section(&self, name: &str) -> Result<&Section> {
        self.container.section(name).ok_or_else(|| self.container.damaged(name, "the column is missing"))
    }

    pub(super) fn block_rows(&self, block: usize) -> usize {
        self.rows.saturating_sub(block * BLOCK_ROWS).min(BLOCK_ROWS)
    }
}

fn decode_meta(meta: &[u8]) -> Result<(usize, Timestamp, Timestamp), DecodeError> {
    let mut reader = Reader::new(meta);
    let rows = reader.u32()? as usize;
    let (first, last) = (reader.i64()?, reader.i64()?);
    reader.finish()?;
    Ok((rows, Timestamp::from_micros(first), Timestamp::from_micros(last)))
}
