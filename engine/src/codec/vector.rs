//! Blocks of numbers: each vector of 1,024 values in the scheme that suits it.
//!
//! ```text
//! block  = descriptor × ⌈rows / 1024⌉, then the packed words of the vectors that have any
//! descriptor (16 bytes) = base u64 · offset u32 (from the start of the block) · scheme u8 · width u8 · 0 u16
//! ```
//! A block whose values are all equal has no bytes at all: its zone says the value.

use crate::codec::bitpack;
use crate::codec::bytes::{DecodeError, Reader};
use crate::limits::{BLOCK_ROWS, VECTOR_ROWS};

/// Every value of the vector is `base`.
const CONSTANT: u8 = 0;
/// `value − base`, bit-packed in `width` bits.
const FRAME_OF_REFERENCE: u8 = 1;
const DESCRIPTOR_BYTES: usize = 16;

/// What a block holds, known without decoding it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The smallest value.
    pub min: u64,
    /// The largest value.
    pub max: u64,
    /// The sum of all values.
    pub sum: u128,
    /// How many values are not 0.
    pub nonzero: u32,
}

impl Summary {
    /// The summary of some values.
    pub fn of(values: &[u64]) -> Self {
        let mut summary = Self { min: u64::MAX, ..Self::default() };
        for value in values {
            summary.min = summary.min.min(*value);
            summary.max = summary.max.max(*value);
            summary.sum += u128::from(*value);
            summary.nonzero += u32::from(*value != 0);
        }
        summary.min = summary.min.min(summary.max);
        summary
    }

    /// Whether every value is the same, so that the block needs no bytes.
    pub fn is_constant(&self) -> bool {
        self.min == self.max
    }
}

/// Appends a block of at most [`BLOCK_ROWS`] values and says what it holds.
pub fn encode(values: &[u64], out: &mut Vec<u8>) -> Summary {
    debug_assert!(values.len() <= BLOCK_ROWS, "a block has at most {BLOCK_ROWS} rows");
    let summary = Summary::of(values);
    if summary.is_constant() {
        return summary;
    }
    let start = out.len();
    let mut words = Vec::new();
    let words_at = values.len().div_ceil(VECTOR_ROWS) * DESCRIPTOR_BYTES;
    for vector in values.chunks(VECTOR_ROWS) {
        let base = vector.iter().copied().min().unwrap_or(0);
        let max = vector.iter().copied().max().unwrap_or(0);
        let width = bitpack::width_of(max - base);
        let scheme = if width == 0 { CONSTANT } else { FRAME_OF_REFERENCE };
        let offset = u32::try_from(words_at + words.len()).expect("a block is far below 4 GiB");
        out.extend_from_slice(&base.to_le_bytes());
        out.extend_from_slice(&offset.to_le_bytes());
        out.extend_from_slice(&[scheme, width, 0, 0]);
        // The rows a short last vector lacks are packed as the base.
        let mut padded = [0; VECTOR_ROWS];
        for (slot, value) in padded.iter_mut().zip(vector) {
            *slot = value - base;
        }
        bitpack::pack(&padded, width, &mut words);
    }
    debug_assert_eq!(out.len() - start, words_at);
    out.extend_from_slice(&words);
    summary
}

/// A number that a block can be decoded into.
pub trait Value: Copy {
    /// The number of a stored value, which the block's zone proved to fit.
    fn from_stored(value: u64) -> Self;
}

impl Value for u64 {
    #[inline]
    fn from_stored(value: u64) -> Self {
        value
    }
}

impl Value for u32 {
    #[inline]
    fn from_stored(value: u64) -> Self {
        value as Self
    }
}

impl Value for u8 {
    #[inline]
    fn from_stored(value: u64) -> Self {
        value as Self
    }
}

/// Times, which are stored in the unsigned order of [`crate::rows::zone_time`].
impl Value for i64 {
    #[inline]
    fn from_stored(value: u64) -> Self {
        crate::rows::time_of_zone(value)
    }
}

/// Appends the `rows` values of a block to `out`.
///
/// # Errors
/// When the bytes are not such a block.
pub fn decode<T: Value>(bytes: &[u8], rows: usize, summary: &Summary, out: &mut Vec<T>) -> Result<(), DecodeError> {
    if summary.is_constant() {
        out.resize(out.len() + rows, T::from_stored(summary.min));
        return if bytes.is_empty() { Ok(()) } else { Err(Reader::new(bytes).error("a constant block has no bytes")) };
    }
    out.reserve(rows);
    for vector in 0..rows.div_ceil(VECTOR_ROWS) {
        decode_vector(bytes, vector, (rows - vector * VECTOR_ROWS).min(VECTOR_ROWS), out)?;
    }
    Ok(())
}

fn decode_vector<T: Value>(bytes: &[u8], vector: usize, rows: usize, out: &mut Vec<T>) -> Result<(), DecodeError> {
    let mut reader = Reader::new(bytes);
    reader.take(vector * DESCRIPTOR_BYTES)?;
    let base = u64::from_le_bytes(reader.array()?);
    let offset = u32::from_le_bytes(reader.array()?) as usize;
    let [scheme, width, _, _] = reader.array()?;
    if scheme == CONSTANT {
        out.resize(out.len() + rows, T::from_stored(base));
        return Ok(());
    }
    if scheme != FRAME_OF_REFERENCE || !(1..=64).contains(&width) {
        return Err(reader.error(format!("vector {vector} has scheme {scheme} and width {width}, which do not exist")));
    }
    let packed = bytes.get(offset..).and_then(|tail| tail.get(..bitpack::packed_bytes(width)));
    let packed = packed.ok_or_else(|| reader.error(format!("vector {vector} lies outside its block")))?;
    if width <= 32 {
        let mut values = [0_u32; VECTOR_ROWS];
        bitpack::unpack32(packed, width, &mut values);
        out.extend(values[..rows].iter().map(|value| T::from_stored(base.wrapping_add(u64::from(*value)))));
    } else {
        let mut values = [0_u64; VECTOR_ROWS];
        bitpack::unpack64(packed, width, &mut values);
        out.extend(values[..rows].iter().map(|value| T::from_stored(base.wrapping_add(*value))));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values() -> impl Strategy<Value = Vec<u64>> {
        let value = prop_oneof![Just(0), 0..5_u64, 0..1_u64 << 40, any::<u64>()];
        (prop::collection::vec(value, 1..3000), 1..50_usize).prop_map(|(values, stretch)| {
            let runs = values.into_iter().flat_map(|value| std::iter::repeat_n(value, stretch));
            runs.take(BLOCK_ROWS).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn blocks_come_back(values in values()) {
            let mut bytes = Vec::new();
            let summary = encode(&values, &mut bytes);
            prop_assert_eq!(summary, Summary::of(&values));
            let mut back: Vec<u64> = Vec::new();
            decode(&bytes, values.len(), &summary, &mut back).unwrap();
            prop_assert_eq!(back, values);
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..600), rows in 1..BLOCK_ROWS) {
            let summary = Summary { min: 0, max: 9, sum: 0, nonzero: 0 };
            let mut out: Vec<u64> = Vec::new();
            if decode(&bytes, rows, &summary, &mut out).is_ok() {
                prop_assert_eq!(out.len(), rows);
            }
        }
    }
}
