//! What corrections gave to the rows of a batch: mostly nothing, else one of a few combinations of fields.

use hashbrown::HashMap;

use crate::correction::Mark;

/// The marks of rows; those beyond the last marked one are not stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    /// The distinct marks, from code 1 on; 0 is the empty one.
    known: Vec<Mark>,
    numbers: HashMap<Mark, u32>,
    codes: Vec<u32>,
}

impl Marks {
    /// Marks `row`, which lies beyond all rows marked before.
    pub(crate) fn put(&mut self, row: usize, mark: &Mark) {
        if !mark.is_empty() {
            self.codes.resize(row, 0);
            let code = self.code(mark);
            self.codes.push(code);
        }
    }

    fn code(&mut self, mark: &Mark) -> u32 {
        if let Some(code) = self.numbers.get(mark) {
            return *code;
        }
        self.known.push(mark.clone());
        let code = u32::try_from(self.known.len()).expect("there are no more marks than rows");
        self.numbers.insert(mark.clone(), code);
        code
    }

    /// The mark of a row; `None` when it has none.
    pub(crate) fn get(&self, row: usize) -> Option<&Mark> {
        self.known.get((self.code_of(row) as usize).checked_sub(1)?)
    }

    /// The code of the mark of a row, 0 for none.
    pub(crate) fn code_of(&self, row: usize) -> u32 {
        self.codes.get(row).copied().unwrap_or(0)
    }

    /// The distinct marks, from code 1 on.
    pub(crate) fn known(&self) -> &[Mark] {
        &self.known
    }

    /// Whether no row is marked.
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Appends the marks of further rows, the first of which is `start`.
    pub(crate) fn append(&mut self, start: usize, other: &Self) {
        if other.is_empty() {
            return;
        }
        self.codes.resize(start, 0);
        let renumbered: Vec<u32> = std::iter::once(0).chain(other.known.iter().map(|mark| self.code(mark))).collect();
        self.codes.extend(other.codes.iter().map(|code| renumbered[*code as usize]));
    }

    /// The marks of the rows named, in that order; numbered in the order of their content, whatever the order of arrival.
    pub(crate) fn select(&self, rows: &[u32]) -> Self {
        let mut used: Vec<&Mark> = rows.iter().filter_map(|row| self.get(*row as usize)).collect();
        used.sort_unstable();
        used.dedup();
        let mut selected = Self::default();
        for mark in used {
            selected.code(mark);
        }
        for (at, row) in rows.iter().enumerate() {
            if let Some(mark) = self.get(*row as usize) {
                selected.put(at, mark);
            }
        }
        selected
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.codes.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correction::Field;
    use crate::schema::Dimension;

    fn mark(n: usize) -> Mark {
        let completed = [Dimension::Team, Dimension::Tenant][..n % 3].iter().map(|d| Field::Dimension(*d)).collect();
        Mark { replaced: n.is_multiple_of(4), completed, ..Mark::default() }
    }

    #[test]
    fn marks_follow_their_rows() {
        let (mut first, mut second) = (Marks::default(), Marks::default());
        (0..7).for_each(|row| first.put(row, &mark(row)));
        (0..5).for_each(|row| second.put(row, &mark(row + 7)));
        let mut both = first.clone();
        both.append(7, &second);
        let rows = [11_u32, 0, 6, 3, 9];
        let some = both.select(&rows);
        for (at, row) in rows.iter().enumerate() {
            let expected = Some(mark(*row as usize)).filter(|mark| !mark.is_empty());
            assert_eq!((both.get(*row as usize).cloned(), some.get(at).cloned()), (expected.clone(), expected));
        }
        assert_eq!((both.get(12), Marks::default().get(0)), (None, None));
    }
}
