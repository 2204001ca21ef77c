//! Reads the tags of a segment: sets, and columns of those that vary too much for sets.

use std::sync::Arc;

use super::reader::check_codes;
use super::{Segment, sections, tag_sets};
use crate::codec::dictionary;
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::rows::TagSets;

impl Segment {
    /// The tag sets, read for once.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn read_tag_sets(&self) -> Result<Arc<TagSets>> {
        match self.tag_sets.get() {
            Some(sets) => Ok(Arc::clone(sets)),
            None => {
                let sets = self.container().decode_blob(sections::TAG_SETS, tag_sets::decode)?;
                Ok(Arc::new(sets.unwrap_or_default()))
            }
        }
    }

    /// The values of a tag with a column of its own, read for once.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn read_tag_dictionary(&self, key: &str) -> Result<Arc<Dictionary>> {
        if let Some(dictionary) = self.tag_dictionaries.lock().get(key) {
            return Ok(Arc::clone(dictionary));
        }
        let decoded = self.container().decode_blob(&sections::tag_dictionary(key), dictionary::decode)?;
        Ok(Arc::new(decoded.unwrap_or_default()))
    }

    /// Replaces `out` by the codes of a tag with a column of its own, of which the dictionary has so many values.
    pub(crate) fn tag_codes_below(&self, key: &str, values: usize, block: usize, out: &mut Vec<u32>) -> Result<()> {
        out.clear();
        let name = sections::tag_codes(key);
        let Some(section) = self.container().section(&name) else {
            out.resize(self.block_rows(block), 0);
            return Ok(());
        };
        self.container().numbers(section, block, out)?;
        check_codes(self.container(), &name, block, out, values)
    }

    /// Replaces `out` by the codes of the tag sets of a block for a caller that knows how many sets there are.
    pub(crate) fn tag_set_codes_below(&self, sets: usize, block: usize, out: &mut Vec<u32>) -> Result<()> {
        out.clear();
        let Some(section) = self.container().section(sections::TAGS) else {
            out.resize(self.block_rows(block), 0);
            return Ok(());
        };
        self.container().numbers(section, block, out)?;
        check_codes(self.container(), sections::TAGS, block, out, sets - 1)
    }
}
