//! Ids for rows that have none: what a row says, and how often its file said so before.
//!
//! The same file, under any name or through a pipe, then gives the same ids, also when it has grown; so do exports
//! that overlap. A row that is changed is another one. What a map makes of a row is no part of it, so a map that is
//! changed gives other content under the same ids, which is reported and not counted twice.

use std::collections::HashMap;

use quipu::Text;

/// Rows among which equal ones are counted; after so many the counting starts anew under other ids. What it takes is
/// at most 17 bytes for each place of a table of 2²¹.
const STRETCH_ROWS: u32 = (1 << 21) / 8 * 7;

/// Gives the rows of one file their ids.
pub(super) struct Identity {
    /// How the file is read: the same row means something else under another header or map.
    key: [u8; 32],
    said: HashMap<u64, u32>,
    rows: u32,
    stretch: u64,
    row: Vec<u8>,
}

impl Identity {
    /// For a file that is read by the map or as the format `reader`, with these columns where it names them itself.
    pub(super) fn new(reader: &str, header: &[String]) -> Self {
        let mut row = Vec::new();
        for part in std::iter::once(reader).chain(header.iter().map(String::as_str)) {
            write(part.as_bytes(), &mut row);
        }
        let key = blake3::derive_key("quipu 2026 rows of files without ids", &row);
        Self { key, said: HashMap::new(), rows: 0, stretch: 0, row }
    }

    /// The id of the next row, which says these parts: 16 hexadecimal digits.
    pub(super) fn of<'a>(&mut self, parts: impl IntoIterator<Item = &'a [u8]>) -> Text {
        if self.rows == STRETCH_ROWS {
            self.said.clear();
            (self.rows, self.stretch) = (0, self.stretch + 1);
        }
        self.rows += 1;
        self.row.clear();
        for part in parts {
            write(part, &mut self.row);
        }
        let content = blake3::keyed_hash(&self.key, &self.row);
        let times = self.said.entry(number(&content)).and_modify(|times| *times += 1).or_insert(1);
        self.row.clear();
        self.row.extend_from_slice(content.as_bytes());
        self.row.extend_from_slice(&times.to_le_bytes());
        self.row.extend_from_slice(&self.stretch.to_le_bytes());
        format!("{:016x}", number(&blake3::keyed_hash(&self.key, &self.row))).into()
    }
}

/// Appends a part behind its length, so that no two rows are written alike.
fn write(part: &[u8], row: &mut Vec<u8>) {
    row.extend_from_slice(&(part.len() as u64).to_le_bytes());
    row.extend_from_slice(part);
}

fn number(hash: &blake3::Hash) -> u64 {
    u64::from_le_bytes(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn ids(identity: &mut Identity, rows: &[&[&str]]) -> Vec<Text> {
        rows.iter().map(|row| identity.of(row.iter().map(|cell| cell.as_bytes()))).collect()
    }

    #[test]
    fn equal_rows_are_told_apart_and_other_rows_never_taken_for_one() {
        let rows: [&[&str]; 5] = [&["a", "b"], &["a", "b"], &["ab", ""], &["", "ab"], &["a", "b"]];
        let header = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut all = HashSet::new();
        for (reader, header) in [("m", header(&["x", "y"])), ("m", header(&["y", "x"])), ("n", header(&["x", "y"]))] {
            let first = ids(&mut Identity::new(reader, &header), &rows);
            assert_eq!(first, ids(&mut Identity::new(reader, &header), &rows), "the same again");
            all.extend(first);
        }
        assert_eq!(all.len(), 15);
    }

    #[test]
    fn rows_of_a_later_stretch_are_others() {
        let mut identity = Identity::new("m", &[]);
        let first = identity.of([&b"row"[..]]);
        identity.rows = STRETCH_ROWS;
        assert_ne!(identity.of([&b"row"[..]]), first);
        assert_eq!(identity.said.len(), 1, "the stretch before is forgotten");
    }
}
