//! Blocks of numbers: each vector of 1,024 values in the scheme that takes the fewest bytes.
//!
//! ```text
//! block  = length of each vector u16 × ⌈rows / 1024⌉, then the vectors
//! vector = scheme u8 · body, see the schemes below; every number in a body is a varint unless said otherwise
//! ```
//! A block whose values are all equal has no bytes at all: its zone says the value.

mod decode;
mod encode;
mod get;

use crate::codec::bytes::{DecodeError, Reader};
use crate::limits::{BLOCK_ROWS, VECTOR_ROWS};

/// Every value is `base`: `base`.
const CONSTANT: u8 = 0;
/// `base · patched`: the packed numbers are value − base.
const FRAME_OF_REFERENCE: u8 = 1;
/// `first · patched`: the packed numbers are the zig-zag differences to the value before; that of the first is 0.
const DELTA: u8 = 2;
/// `base · count · width u8 · length width u8 · stream of value − base · stream of length − 1`: runs of equal values.
const RUNS: u8 = 3;
/// `common · base · count · width u8 · places · stream of value − base`: all but `count` values are `common`. The
/// places of the others are a stream of 10 bits each, or a mask of 1,024 bits where that is not longer.
const SPARSE: u8 = 4;
/// `base · count · width u8 · stream of value − base · code width u8 · packed codes`: few distinct values.
const DICTIONARY: u8 = 5;
/// `form u8 · factor · scheme u8 · body`: a vector of the numbers that the values are multiples of. Form 0: value = number
/// × factor. Form 1: 0 is 0, and any other value = (number − 1) × factor + 1, for quantities in stored form.
const SCALED: u8 = 6;
// `patched = width u8 · count · [high width u8 · stream of places, 10 bits each · stream of high parts] · packed`: 1,024
// numbers of which `count` do not fit the width; their lower bits are packed, the bits above stand apart.

/// Bits of a place in a vector.
const PLACE_BITS: u8 = 10;
/// Bytes of a mask over a vector.
const MASK_BYTES: usize = VECTOR_ROWS / 8;

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
    out.resize(start + values.len().div_ceil(VECTOR_ROWS) * 2, 0);
    for (at, vector) in values.chunks(VECTOR_ROWS).enumerate() {
        let before = out.len();
        encode::vector(vector, out);
        let len = u16::try_from(out.len() - before).expect("a vector is at most as long as its values");
        out[start + at * 2..start + at * 2 + 2].copy_from_slice(&len.to_le_bytes());
    }
    summary
}

/// A number that a block can be decoded into.
pub trait Value: Copy + Default {
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
    let mut at = rows.div_ceil(VECTOR_ROWS) * 2;
    for vector in 0..rows.div_ceil(VECTOR_ROWS) {
        let len = vector_len(bytes, vector).unwrap_or(usize::MAX);
        let rows = (rows - vector * VECTOR_ROWS).min(VECTOR_ROWS);
        decode::vector(vector_bytes(bytes, at, len)?, rows, out).map_err(|error| in_block(error, at))?;
        at += len;
    }
    if at == bytes.len() {
        Ok(())
    } else {
        Err(Reader::new(bytes).error(format!("{} bytes too many", bytes.len() - at)))
    }
}

/// Appends the values of one vector of a block of `rows` values to `out`.
///
/// # Errors
/// When the bytes are not such a block.
pub fn decode_vector<T: Value>(
    bytes: &[u8],
    rows: usize,
    summary: &Summary,
    vector: usize,
    out: &mut Vec<T>,
) -> Result<(), DecodeError> {
    let len = rows.saturating_sub(vector * VECTOR_ROWS).min(VECTOR_ROWS);
    if summary.is_constant() {
        out.resize(out.len() + len, T::from_stored(summary.min));
        return Ok(());
    }
    let (at, vector) = find_vector(bytes, rows, vector)?;
    decode::vector(vector, len, out).map_err(|error| in_block(error, at))
}

/// From so many wanted rows of a vector on, all of it is decoded: most schemes read single rows fast, but not all do.
const WORTH_DECODING: usize = 4;

/// Appends the values of the `wanted` rows, which ascend, of a block of `rows` values to `out`.
///
/// # Errors
/// When the bytes are not such a block, or there is no such row.
pub fn decode_rows<T: Value>(
    bytes: &[u8],
    rows: usize,
    summary: &Summary,
    wanted: &[u32],
    out: &mut Vec<T>,
) -> Result<(), DecodeError> {
    if let Some(row) = wanted.last().filter(|row| **row as usize >= rows) {
        return Err(Reader::new(bytes).error(format!("row {row} of {rows}")));
    }
    if summary.is_constant() {
        out.resize(out.len() + wanted.len(), T::from_stored(summary.min));
        return Ok(());
    }
    let mut values: Vec<T> = Vec::new();
    for wanted in wanted.chunk_by(|row, next| *row as usize / VECTOR_ROWS == *next as usize / VECTOR_ROWS) {
        let number = wanted[0] as usize / VECTOR_ROWS;
        let (at, vector) = find_vector(bytes, rows, number)?;
        let len = (rows - number * VECTOR_ROWS).min(VECTOR_ROWS);
        if wanted.len() < WORTH_DECODING {
            for row in wanted {
                let value = get::value(vector, len, *row as usize % VECTOR_ROWS);
                out.push(T::from_stored(value.map_err(|error| in_block(error, at))?));
            }
            continue;
        }
        values.clear();
        decode::vector(vector, len, &mut values).map_err(|error| in_block(error, at))?;
        out.extend(wanted.iter().map(|row| values[*row as usize % VECTOR_ROWS]));
    }
    Ok(())
}

/// The value of one row of a block of `rows` values.
///
/// # Errors
/// When the bytes are not such a block, or there is no such row.
pub fn decode_value(bytes: &[u8], rows: usize, summary: &Summary, row: usize) -> Result<u64, DecodeError> {
    if row >= rows {
        return Err(Reader::new(bytes).error(format!("row {row} of {rows}")));
    }
    if summary.is_constant() {
        return Ok(summary.min);
    }
    let (at, vector) = find_vector(bytes, rows, row / VECTOR_ROWS)?;
    let len = (rows - row / VECTOR_ROWS * VECTOR_ROWS).min(VECTOR_ROWS);
    get::value(vector, len, row % VECTOR_ROWS).map_err(|error| in_block(error, at))
}

/// Where a vector of a block of `rows` values lies, and its bytes.
fn find_vector(bytes: &[u8], rows: usize, vector: usize) -> Result<(usize, &[u8]), DecodeError> {
    let start = rows.div_ceil(VECTOR_ROWS) * 2;
    let before = (0..vector).try_fold(start, |at, before| Some(at + vector_len(bytes, before)?));
    let (at, len) = (before.unwrap_or(usize::MAX), vector_len(bytes, vector).unwrap_or(usize::MAX));
    Ok((at, vector_bytes(bytes, at, len)?))
}

fn vector_len(bytes: &[u8], vector: usize) -> Option<usize> {
    Some(u16::from_le_bytes(*bytes.get(vector * 2..)?.first_chunk()?).into())
}

fn vector_bytes(bytes: &[u8], at: usize, len: usize) -> Result<&[u8], DecodeError> {
    let vector = bytes.get(at..).and_then(|tail| tail.get(..len));
    vector.ok_or_else(|| Reader::new(bytes).error("a vector lies outside its block"))
}

fn in_block(error: DecodeError, at: usize) -> DecodeError {
    DecodeError { offset: at + error.offset, what: error.what }
}

#[cfg(test)]
mod tests;
