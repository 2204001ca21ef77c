//! What corrections gave to the rows of a segment; there are no such sections where they gave nothing.
//!
//! ```text
//! marks     = numbers: the number of the row's mark, 0 for none
//! mark_sets = zstd of: mark count · (name count · (length · name) × count) × count
//! name      = "replaced", "erased", or a field that was completed: "dim.NAME", "num.NAME", "tag.KEY"
//! ```

use super::reader::check_codes;
use super::{Segment, SortedRows, sections};
use crate::batch::Marks;
use crate::codec::bytes::{DecodeError, Reader, put_bytes, put_len};
use crate::codec::texts;
use crate::correction::Mark;
use crate::error::Result;
use crate::format::container::ContainerWriter;
use crate::limits::BLOCK_ROWS;
use crate::rows::EventRows;

/// No table of marks that a head can hold is larger.
const TABLE_BYTES_MAX: usize = 1 << 30;

pub(super) fn write(writer: &mut ContainerWriter, rows: &dyn SortedRows) -> Result<()> {
    let known = rows.marks()?;
    if known.is_empty() {
        return Ok(());
    }
    let mut codes = Vec::new();
    writer.numbers_by(sections::MARKS, rows.rows().div_ceil(BLOCK_ROWS), |block, out: &mut Vec<u64>| {
        rows.mark_codes(block, &mut codes)?;
        out.extend(codes.iter().map(|code| u64::from(*code)));
        Ok(())
    })?;
    writer.blob(sections::MARK_SETS, &encode(&known))
}

fn encode(marks: &[Mark]) -> Vec<u8> {
    let mut out = Vec::new();
    put_len(&mut out, marks.len());
    for mark in marks {
        let names = mark.names();
        put_len(&mut out, names.len());
        names.iter().for_each(|name| put_bytes(&mut out, name.as_bytes()));
    }
    texts::compress(&out)
}

fn decode(bytes: &[u8]) -> Result<Vec<Mark>, DecodeError> {
    let bytes = texts::decompress(bytes, TABLE_BYTES_MAX)?;
    let mut reader = Reader::new(&bytes);
    let mut marks = Vec::new();
    for _ in 0..reader.count(2)? {
        let names = (0..reader.count(1)?).map(|_| reader.text()).collect::<Result<Vec<_>, _>>()?;
        marks.push(Mark::parse(names).ok_or_else(|| reader.error("names of fields expected"))?);
    }
    reader.finish()?;
    Ok(marks)
}

impl Segment {
    /// Whether any row is other than it was first sent.
    pub fn is_corrected(&self) -> bool {
        self.container().section(sections::MARKS).is_some()
    }

    /// What corrections gave to a row.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn mark(&self, row: usize) -> Result<Mark> {
        let Some(section) = self.container().section(sections::MARKS) else { return Ok(Mark::default()) };
        let code = self.number_in(section, row)?;
        if code == 0 {
            return Ok(Mark::default());
        }
        let known = match self.marks.get() {
            Some(known) => known,
            None => {
                let known = self.known_marks()?;
                self.marks.get_or_init(|| known)
            }
        };
        let mark = usize::try_from(code - 1).ok().and_then(|at| known.get(at)).cloned();
        mark.ok_or_else(|| self.container().damaged(sections::MARKS, &format!("row {row} has the mark {code}")))
    }

    /// The marks of all rows.
    pub(super) fn marks(&self) -> Result<Marks> {
        let (known, mut codes, mut marks) = (self.known_marks()?, Vec::new(), Marks::default());
        for block in 0..self.rows().div_ceil(BLOCK_ROWS) {
            self.mark_codes(known.len(), block, &mut codes)?;
            for (row, code) in (block * BLOCK_ROWS..).zip(&codes).filter(|(_, code)| **code > 0) {
                marks.put(row, &known[*code as usize - 1]);
            }
        }
        Ok(marks)
    }

    /// The distinct marks, from code 1 on.
    pub(super) fn known_marks(&self) -> Result<Vec<Mark>> {
        Ok(self.container().decode_blob(sections::MARK_SETS, decode)?.unwrap_or_default())
    }

    /// Replaces `out` by the code of the mark of each row of a block, each of which is a known one.
    pub(super) fn mark_codes(&self, known: usize, block: usize, out: &mut Vec<u32>) -> Result<()> {
        out.clear();
        let Some(section) = self.container().section(sections::MARKS) else {
            out.resize(self.block_rows(block), 0);
            return Ok(());
        };
        self.container().numbers(section, block, out)?;
        check_codes(self.container(), sections::MARKS, block, out, known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correction::Field;
    use crate::schema::Dimension;
    use proptest::prelude::*;

    #[test]
    fn marks_come_back_and_cut_ones_are_refused() {
        let completed = vec![Field::Dimension(Dimension::Team), Field::Tag("k".into())];
        let erased = Mark { erased: true, ..Mark::default() };
        let marks = [Mark { replaced: true, ..Mark::default() }, Mark { completed, ..Mark::default() }, erased];
        assert_eq!(decode(&encode(&marks)).expect("sound"), marks);
        let plain = texts::decompress(&encode(&marks), TABLE_BYTES_MAX).expect("sound");
        for len in 0..plain.len() {
            assert!(decode(&texts::compress(&plain[..len])).is_err(), "cut to {len} bytes");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&texts::compress(&bytes));
            let _ = decode(&bytes);
        }
    }
}
