//! A segment as rows of events: its columns, block by block or row by row.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::reader::check_codes;
use super::runs::LOOKED_UP;
use super::{Segment, dependent, sections, writer};
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::event::Event;
use crate::index::bitmap;
use crate::limits::BLOCK_ROWS;
use crate::rows::{EventRows, Quantity, TagSets, Zone, ZoneColumn};
use crate::schema::{Dimension, Meter, Text};
use crate::time::Timestamp;

impl EventRows for Segment {
    fn rows(&self) -> usize {
        self.rows
    }

    fn time_range(&self) -> (Timestamp, Timestamp) {
        (self.first, self.last)
    }

    fn dictionary(&self, dimension: Dimension) -> Result<Arc<Dictionary>> {
        if self.is_linked(dimension) {
            return Ok(Arc::clone(&self.links()?.dictionary));
        }
        self.dictionaries.get(&self.container, dimension)
    }

    fn find(&self, dimension: Dimension, value: &str) -> Result<Option<u32>> {
        self.find_value(dimension, value)
    }

    fn codes(&self, dimension: Dimension, block: usize, out: &mut Vec<u32>) -> Result<()> {
        let values = self.values(dimension)?;
        self.codes_below(dimension, values, block, out)
    }

    fn times(&self, block: usize, out: &mut Vec<i64>) -> Result<()> {
        out.clear();
        self.container.numbers(self.section(sections::AT)?, block, out)
    }

    fn quantities(&self, quantity: &Quantity, block: usize, out: &mut Vec<u64>) -> Result<()> {
        out.clear();
        match self.container.section(&sections::quantity(quantity)) {
            Some(section) => self.container.numbers(section, block, out),
            None => {
                out.resize(self.block_rows(block), 0);
                Ok(())
            }
        }
    }

    fn meters(&self) -> Vec<Meter> {
        let names = self.container.sections().filter_map(|(name, _)| name.strip_prefix("use."));
        names.filter_map(|name| Meter::parse(name).ok()).collect()
    }

    fn tag_sets(&self) -> Result<Arc<TagSets>> {
        if let Some(sets) = self.tag_sets.get() {
            return Ok(Arc::clone(sets));
        }
        let sets = self.read_tag_sets()?;
        Ok(Arc::clone(self.tag_sets.get_or_init(|| sets)))
    }

    fn tag_set_codes(&self, block: usize, out: &mut Vec<u32>) -> Result<()> {
        let sets = self.tag_sets()?.len();
        self.tag_set_codes_below(sets, block, out)
    }

    fn codes_of(&self, dimension: Dimension, block: usize, rows: &[u32], out: &mut Vec<u32>) -> Result<()> {
        let (name, values) = (sections::codes(dimension), self.values(dimension)?);
        out.clear();
        if let Some(section) = self.container.section(&name) {
            self.container.numbers_of(section, block, rows, out)?;
            return check_codes(&self.container, &name, block, out, values);
        }
        if self.is_linked(dimension) {
            let codes = &self.links()?.codes[(block * BLOCK_ROWS).min(self.rows)..];
            out.extend(rows.iter().map(|row| codes[*row as usize]));
            return Ok(());
        }
        let Some((source, codes)) = dependent::read(&self.container, values, dimension)? else {
            out.resize(rows.len(), 0);
            return Ok(());
        };
        self.codes_of(source, block, rows, out)?;
        dependent::follow(&self.container, (dimension, source), &codes, out)
    }

    fn times_of(&self, block: usize, rows: &[u32], out: &mut Vec<i64>) -> Result<()> {
        out.clear();
        self.container.numbers_of(self.section(sections::AT)?, block, rows, out)
    }

    fn quantities_of(&self, quantity: &Quantity, block: usize, rows: &[u32], out: &mut Vec<u64>) -> Result<()> {
        out.clear();
        match self.container.section(&sections::quantity(quantity)) {
            Some(section) => self.container.numbers_of(section, block, rows, out),
            None => {
                out.resize(rows.len(), 0);
                Ok(())
            }
        }
    }

    fn tag_set_codes_of(&self, block: usize, rows: &[u32], out: &mut Vec<u32>) -> Result<()> {
        let sets = self.tag_sets()?.len();
        out.clear();
        let Some(section) = self.container.section(sections::TAGS) else {
            out.resize(rows.len(), 0);
            return Ok(());
        };
        self.container.numbers_of(section, block, rows, out)?;
        check_codes(&self.container, sections::TAGS, block, out, sets - 1)
    }

    fn tag_columns(&self) -> Vec<Text> {
        let keys = self.container.sections().filter_map(|(name, _)| name.strip_prefix(sections::TAG_COLUMN));
        keys.map(Text::from).collect()
    }

    fn tag_dictionary(&self, key: &str) -> Result<Arc<Dictionary>> {
        if let Some(dictionary) = self.tag_dictionaries.lock().get(key) {
            return Ok(Arc::clone(dictionary));
        }
        let dictionary = self.read_tag_dictionary(key)?;
        Ok(Arc::clone(self.tag_dictionaries.lock().entry(key.into()).or_insert(dictionary)))
    }

    fn tag_codes(&self, key: &str, block: usize, out: &mut Vec<u32>) -> Result<()> {
        let values = self.tag_dictionary(key)?.len();
        self.tag_codes_below(key, values, block, out)
    }

    fn tag_codes_of(&self, key: &str, block: usize, rows: &[u32], out: &mut Vec<u32>) -> Result<()> {
        let (name, values) = (sections::tag_codes(key), self.tag_dictionary(key)?.len());
        out.clear();
        let Some(section) = self.container.section(&name) else {
            out.resize(rows.len(), 0);
            return Ok(());
        };
        self.container.numbers_of(section, block, rows, out)?;
        check_codes(&self.container, &name, block, out, values)
    }

    fn zone(&self, column: ZoneColumn<'_>, block: usize) -> Option<Zone> {
        let name = match column {
            ZoneColumn::Time => sections::AT.into(),
            ZoneColumn::Codes(dimension) => sections::codes(dimension),
            ZoneColumn::Quantity(quantity) => sections::quantity(quantity),
        };
        let elsewhere = |dimension| {
            let source = dependent::source_of(dimension);
            let follows =
                source.is_some_and(|of| self.container.section(&sections::dependent(dimension, of)).is_some());
            follows || self.is_linked(dimension)
        };
        match (self.container.section(&name), column) {
            (Some(section), _) => section.summary(block).map(|summary| Zone { min: summary.min, max: summary.max }),
            (None, ZoneColumn::Codes(dimension)) if elsewhere(dimension) => None,
            (None, _) => Some(Zone { min: 0, max: 0 }),
        }
    }

    fn rows_with(&self, dimension: Dimension, code: u32) -> Result<Option<Arc<RoaringBitmap>>> {
        if LOOKED_UP.contains(&dimension) && code > 0 {
            return self.looked_up(dimension, code).map(|rows| Some(Arc::new(rows)));
        }
        if !writer::INDEXED.contains(&dimension) {
            return Ok(None);
        }
        if let Some(rows) = self.bitmaps.lock().get(&(dimension, code)) {
            return Ok(Some(Arc::clone(rows)));
        }
        let decode = |bytes: &[u8]| bitmap::decode(bytes, code, self.rows);
        let Some(rows) = self.container.decode_blob(&sections::bitmaps(dimension), decode)? else {
            // No row has a value, so all of them carry code 0.
            return Ok(None);
        };
        let rows = rows.map(Arc::new);
        if let Some(rows) = &rows {
            self.bitmaps.lock().insert((dimension, code), Arc::clone(rows));
        }
        Ok(rows)
    }

    fn event(&self, row: usize) -> Result<Event> {
        self.event_in(row)
    }

    fn value(&self, dimension: Dimension, row: usize) -> Result<Option<Text>> {
        self.value_in(dimension, row)
    }
}
