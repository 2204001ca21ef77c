//! Reads a job run.

use std::sync::Arc;

use super::{FIRST, SPAN, section};
use crate::codec::bytes::Reader;
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::format::container::{Container, FileEntry};
use crate::io::Disk;
use crate::limits::BLOCK_ROWS;
use crate::rows::{Counter, CounterRows, time_of_zone, zone_time};
use crate::schema::{Dimension, Meter};
use crate::segment::{DictionaryCache, read_codes};

/// An open job run.
#[derive(Debug)]
pub struct JobRun {
    container: Container,
    rows: usize,
    dictionaries: DictionaryCache,
}

impl JobRun {
    /// Opens the job run that the manifest describes.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where, or what the disk says.
    pub fn open(disk: &dyn Disk, entry: &FileEntry, store: [u8; 16]) -> Result<Self> {
        let container = Container::open_entry(disk, entry, store)?;
        let rows = Reader::new(container.meta()).u32().map_err(|error| container.damaged("meta", &error.what))?;
        let run = Self { rows: rows as usize, dictionaries: DictionaryCache::default(), container };
        for (name, section) in
            run.container.sections().filter(|(name, _)| !name.starts_with("dict.") && !name.starts_with("of."))
        {
            let blocks = run.rows.div_ceil(BLOCK_ROWS);
            if section.blocks() != blocks || (0..blocks).any(|block| section.block_rows(block) != run.block_rows(block))
            {
                return Err(run.container.damaged(name, "the column does not have the run's rows"));
            }
        }
        for name in [FIRST, SPAN] {
            if run.container.section(name).is_none() {
                return Err(run.container.damaged(name, "the column is missing"));
            }
        }
        Ok(run)
    }

    /// The file.
    pub fn container(&self) -> &Container {
        &self.container
    }

    fn block_rows(&self, block: usize) -> usize {
        self.rows.saturating_sub(block * BLOCK_ROWS).min(BLOCK_ROWS)
    }

    fn column<T: crate::codec::vector::Value + Default>(
        &self,
        name: &str,
        block: usize,
        out: &mut Vec<T>,
    ) -> Result<()> {
        out.clear();
        match self.container.section(name) {
            Some(section) => self.container.numbers(section, block, out),
            None => {
                out.resize(self.block_rows(block), T::default());
                Ok(())
            }
        }
    }
}

impl CounterRows for JobRun {
    fn rows(&self) -> usize {
        self.rows
    }

    fn dictionary(&self, dimension: Dimension) -> Result<Arc<Dictionary>> {
        self.dictionaries.get(&self.container, dimension)
    }

    fn codes(&self, dimension: Dimension, block: usize, out: &mut Vec<u32>) -> Result<()> {
        let dictionary = self.dictionary(dimension)?;
        read_codes(&self.container, dictionary.len(), dimension, block, self.block_rows(block), out)
    }

    fn sums(&self, counter: &Counter, block: usize, out: &mut Vec<u64>) -> Result<()> {
        self.column(&section(counter), block, out)
    }

    fn times(&self, block: usize, first: &mut Vec<i64>, last: &mut Vec<i64>) -> Result<()> {
        self.column(FIRST, block, first)?;
        let mut spans: Vec<u64> = Vec::with_capacity(first.len());
        self.column(SPAN, block, &mut spans)?;
        last.clear();
        last.extend(first.iter().zip(spans).map(|(first, span)| time_of_zone(zone_time(*first).saturating_add(span))));
        Ok(())
    }

    fn meters(&self) -> Vec<Meter> {
        let names = self.container.sections().filter_map(|(name, _)| name.strip_prefix("use."));
        names.filter_map(|name| Meter::parse(name).ok()).collect()
    }
}
