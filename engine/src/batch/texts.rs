//! A column of texts in one allocation.

/// Texts one after the other, each row at its position.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    bytes: String,
    ends: Vec<usize>,
}

impl Texts {
    /// Appends a row.
    pub fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
    }

    /// The text of a row.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn get(&self, row: usize) -> &str {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[row]]
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Removes all rows.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Every row in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.ends.len()).map(|row| self.get(row))
    }

    /// Appends all rows of `other`.
    pub(crate) fn append(&mut self, other: &Self) {
        let before = self.bytes.len();
        self.bytes.push_str(&other.bytes);
        self.ends.extend(other.ends.iter().map(|end| before + end));
    }

    /// The texts of the rows named, in that order.
    pub(crate) fn select(&self, rows: &[u32]) -> Self {
        let mut selected =
            Self { bytes: String::with_capacity(self.bytes.len()), ends: Vec::with_capacity(rows.len()) };
        rows.iter().for_each(|row| selected.push(self.get(*row as usize)));
        selected
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_texts() {
        let mut texts = Texts::default();
        ["a", "", "ccc"].into_iter().for_each(|text| texts.push(text));
        let mut both = texts.clone();
        both.append(&texts);
        assert!(both.iter().eq(["a", "", "ccc", "a", "", "ccc"]));
        assert!(both.select(&[5, 1, 0]).iter().eq(["ccc", "", "a"]));
    }
}
