//! Sets of tags that rows share.

use crate::schema::Text;

/// The distinct tag sets of some rows; set 0 is the empty one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagSets {
    sets: Vec<Vec<(Text, Text)>>,
}

impl Default for TagSets {
    fn default() -> Self {
        Self { sets: vec![Vec::new()] }
    }
}

impl TagSets {
    /// Sets in code order; the first must be empty and each sorted by key.
    pub fn new(sets: Vec<Vec<(Text, Text)>>) -> Self {
        debug_assert!(sets.first().is_some_and(Vec::is_empty), "set 0 is the empty one");
        Self { sets }
    }

    /// How many sets there are, the empty one included.
    #[expect(clippy::len_without_is_empty, reason = "set 0 always exists")]
    pub fn len(&self) -> usize {
        self.sets.len()
    }

    /// The tags of a set, by key; empty for an unknown code.
    pub fn get(&self, code: u32) -> &[(Text, Text)] {
        self.sets.get(code as usize).map_or(&[], Vec::as_slice)
    }

    /// The value of `key` in a set.
    pub fn value(&self, code: u32, key: &str) -> Option<&str> {
        let set = self.get(code);
        set.binary_search_by(|(k, _)| k.as_str().cmp(key)).ok().map(|at| set[at].1.as_str())
    }
}
