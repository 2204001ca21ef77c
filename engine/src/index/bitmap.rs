//! Roaring bitmaps of the rows that carry each code of a dimension.
//!
//! ```text
//! count of codes, 0 included · length of each bitmap · the bitmaps, in the portable Roaring format
//! ```
//! A bitmap longer than a byte for every [`ROWS_PER_BYTE`] rows is left out, with length 0: its rows are many and lie
//! scattered, so that a scan of the packed codes is faster than going through the bitmap.

use roaring::RoaringBitmap;

use crate::codec::bytes::{DecodeError, Reader, put_len};

/// Rows of a segment for which a bitmap may have one byte.
const ROWS_PER_BYTE: u64 = 512;
/// A bitmap of so many bytes is kept in any segment.
const BYTES_ALWAYS: u64 = 64;

/// Collects the bitmaps of a column.
#[derive(Debug)]
pub struct BitmapsBuilder {
    bitmaps: Vec<RoaringBitmap>,
    rows: u32,
}

impl BitmapsBuilder {
    /// For a column whose dictionary has `values` values; code 0 gets a bitmap too.
    pub fn new(values: usize) -> Self {
        Self { bitmaps: vec![RoaringBitmap::new(); values + 1], rows: 0 }
    }

    /// Adds the codes of the next rows.
    pub fn push(&mut self, codes: &[u32]) {
        for run in codes.chunk_by(|a, b| a == b) {
            let end = self.rows + u32::try_from(run.len()).expect("a segment has fewer than 2³² rows");
            self.bitmaps[run[0] as usize].insert_range(self.rows..end);
            self.rows = end;
        }
    }

    /// The bytes of all bitmaps.
    pub fn finish(mut self) -> Vec<u8> {
        let (mut lengths, mut bodies) = (Vec::new(), Vec::new());
        put_len(&mut lengths, self.bitmaps.len());
        for bitmap in &mut self.bitmaps {
            bitmap.optimize();
            let bytes = bitmap.serialized_size();
            if bytes as u64 > u64::from(self.rows) / ROWS_PER_BYTE + BYTES_ALWAYS {
                put_len(&mut lengths, 0);
                continue;
            }
            bitmap.serialize_into(&mut bodies).expect("writing into memory does not fail");
            put_len(&mut lengths, bytes);
        }
        lengths.extend_from_slice(&bodies);
        lengths
    }
}

/// The bitmaps of a column whose dictionary has `values` values.
pub fn encode(codes: &[u32], values: usize) -> Vec<u8> {
    let mut builder = BitmapsBuilder::new(values);
    builder.push(codes);
    builder.finish()
}

/// The bitmap of one code; `None` when there is no such code, or none is kept for it.
///
/// # Errors
/// When the bytes are not such an index over `rows` rows.
pub fn decode(bytes: &[u8], code: u32, rows: usize) -> Result<Option<RoaringBitmap>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let lengths = (0..reader.count(1)?).map(|_| reader.u64()).collect::<Result<Vec<_>, _>>()?;
    let Some(len) = lengths.get(code as usize).filter(|len| **len > 0) else { return Ok(None) };
    let error = reader.error(format!("a bitmap of {len} bytes for code {code} expected"));
    let before = lengths[..code as usize].iter().try_fold(0_u64, |sum, len| sum.checked_add(*len));
    let before = before.and_then(|before| usize::try_from(before).ok()).ok_or_else(|| error.clone())?;
    reader.take(before)?;
    let body = reader.take(usize::try_from(*len).map_err(|_| error.clone())?)?;
    let bitmap = RoaringBitmap::deserialize_from(body).map_err(|_| error.clone())?;
    if bitmap.max().is_some_and(|max| max as usize >= rows) {
        return Err(error);
    }
    Ok(Some(bitmap))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_code_has_its_rows(codes in prop::collection::vec(0..6_u32, 1..500)) {
            let bytes = encode(&codes, 6);
            for code in 0..=6 {
                let Some(rows) = decode(&bytes, code, codes.len()).unwrap() else { continue };
                let expected: RoaringBitmap = (0_u32..).zip(&codes).filter(|(_, c)| **c == code).map(|(row, _)| row).collect();
                prop_assert_eq!(rows, expected);
            }
            prop_assert_eq!(decode(&bytes, 7, codes.len()).unwrap(), None);
        }

        #[test]
        fn runs_are_kept_and_scattered_rows_are_not(rows in 20_000..70_000_u32) {
            let codes: Vec<u32> = (0..rows).map(|row| if row % 5 == 0 { 1 } else { 2 + row / 10_000 }).collect();
            let bytes = encode(&codes, 9);
            prop_assert!(decode(&bytes, 1, codes.len()).unwrap().is_none());
            let sorted: Vec<u32> = (0..rows).map(|row| 1 + row / 10_000).collect();
            let bytes = encode(&sorted, 9);
            prop_assert_eq!(decode(&bytes, 2, sorted.len()).unwrap().unwrap().len(), 10_000);
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), code in 0..4_u32) {
            if let Ok(Some(rows)) = decode(&bytes, code, 100) {
                prop_assert!(rows.max().is_none_or(|max| max < 100));
            }
        }
    }
}
