//! The dictionaries of a segment: decoded when they are first asked for, or searched as they lie in the file.

use std::sync::{Arc, OnceLock};

use super::{Segment, sections};
use crate::codec::dictionary;
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::format::container::Container;
use crate::rows::EventRows;
use crate::schema::Dimension;

/// Dictionaries decoded when they are first asked for.
#[derive(Debug)]
pub(super) struct DictionaryCache(Vec<OnceLock<Arc<Dictionary>>>);

impl Default for DictionaryCache {
    fn default() -> Self {
        Self(Dimension::ALL.iter().map(|_| OnceLock::new()).collect())
    }
}

impl DictionaryCache {
    /// The dictionary of a dimension in `container`; an empty one when no row has a value.
    pub(super) fn get(&self, container: &Container, dimension: Dimension) -> Result<Arc<Dictionary>> {
        let cell = &self.0[dimension.index()];
        if let Some(dictionary) = cell.get() {
            return Ok(Arc::clone(dictionary));
        }
        let dictionary = read_dictionary(container, dimension)?;
        Ok(Arc::clone(cell.get_or_init(|| Arc::new(dictionary))))
    }
}

pub(super) fn read_dictionary(container: &Container, dimension: Dimension) -> Result<Dictionary> {
    Ok(container.decode_blob(&sections::dictionary(dimension), dictionary::decode)?.unwrap_or_default())
}

impl Segment {
    /// The values of a dimension, read for once: they are not kept in memory for the next who asks.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn read_dictionary(&self, dimension: Dimension) -> Result<Arc<Dictionary>> {
        if self.is_linked(dimension) {
            return self.dictionary(dimension);
        }
        match self.dictionaries.0[dimension.index()].get() {
            Some(dictionary) => Ok(Arc::clone(dictionary)),
            None => read_dictionary(self.container(), dimension).map(Arc::new),
        }
    }

    /// How many values a dimension has here, without decoding them where they are numbers.
    pub(super) fn values(&self, dimension: Dimension) -> Result<usize> {
        if let (false, None) = (self.is_linked(dimension), self.dictionaries.0[dimension.index()].get())
            && let Some(Some(values)) =
                self.container().decode_blob(&sections::dictionary(dimension), dictionary::count_of_numbers)?
        {
            return Ok(values);
        }
        Ok(self.dictionary(dimension)?.len())
    }

    /// The code of a value, looked for in the file where the dictionary was not decoded and its values are numbers.
    pub(super) fn find_value(&self, dimension: Dimension, value: &str) -> Result<Option<u32>> {
        if let (false, None) = (self.is_linked(dimension), self.dictionaries.0[dimension.index()].get())
            && let Some(Some(found)) = self
                .container()
                .decode_blob(&sections::dictionary(dimension), |bytes| dictionary::find_number(bytes, value))?
        {
            return Ok(found);
        }
        Ok(self.dictionary(dimension)?.find(value))
    }
}
