//! Dictionaries as they lie in files: front-coded texts, or ids as numbers.
//!
//! ```text
//! 0 · zstd of the front-coded values, see [`super::front`]
//! 1 · form (2 bytes, see [`super::ids`]) · count · (length · block of numbers, see [`super::vector`]) × ⌈count / 16384⌉
//!   · lower 64 bits of each value where they have more (8 bytes each)
//! ```
//! Ids of one form are numbers; sorted, their upper 64 bits differ little from one to the next and are stored as
//! such differences, each block behind its smallest (8 bytes) and largest (8 bytes).

use crate::codec::bytes::{DecodeError, Reader, put_bytes, put_len};
use crate::codec::ids::Form;
use crate::codec::vector::Summary;
use crate::codec::{front, ids, texts, vector};
use crate::dictionary::Dictionary;
use crate::limits::BLOCK_ROWS;

const FRONT: u8 = 0;
const NUMBERS: u8 = 1;
/// No dictionary that a head can hold is larger.
const BYTES_MAX: usize = 4 << 30;
/// Bits of a number that are not among its upper ones.
const LOW_BITS: u32 = 64;

/// The bytes of a dictionary.
pub fn encode(dictionary: &Dictionary) -> Vec<u8> {
    let values = || dictionary.iter().map(|(_, value)| value);
    match ids::numbers(values()).filter(|_| dictionary.is_sorted()) {
        Some((form, numbers)) => encode_numbers(form, &numbers),
        None => {
            let mut out = vec![FRONT];
            out.extend_from_slice(&texts::compress(&front::encode(dictionary)));
            out
        }
    }
}

/// How many bits lie below the upper 64 of a form's numbers.
fn low_bits(form: Form) -> u32 {
    form.bits().saturating_sub(LOW_BITS)
}

fn encode_numbers(form: Form, numbers: &[u128]) -> Vec<u8> {
    let mut out = vec![NUMBERS];
    out.extend_from_slice(&form.to_bytes());
    put_len(&mut out, numbers.len());
    let highs: Vec<u64> = numbers.iter().map(|number| (number >> low_bits(form)) as u64).collect();
    for highs in highs.chunks(BLOCK_ROWS) {
        let mut block = Vec::new();
        let summary = vector::encode(highs, &mut block);
        out.extend_from_slice(&summary.min.to_le_bytes());
        out.extend_from_slice(&summary.max.to_le_bytes());
        put_bytes(&mut out, &block);
    }
    if low_bits(form) > 0 {
        let mask = u64::MAX >> (LOW_BITS - low_bits(form));
        out.extend(numbers.iter().flat_map(|number| (*number as u64 & mask).to_le_bytes()));
    }
    out
}

/// Reads a dictionary back.
///
/// # Errors
/// When the bytes are not one.
pub fn decode(bytes: &[u8]) -> Result<Dictionary, DecodeError> {
    let mut reader = Reader::new(bytes);
    match reader.u8()? {
        FRONT => front::decode(&texts::decompress(&bytes[1..], BYTES_MAX)?),
        NUMBERS => Numbers::read(&mut reader)?.decode(&reader),
        kind => Err(reader.error(format!("a dictionary of kind {kind}, which does not exist"))),
    }
}

/// A dictionary of numbers, not decoded yet.
struct Numbers<'a> {
    form: Form,
    count: usize,
    /// The upper bits.
    blocks: Vec<(Summary, &'a [u8])>,
    /// The lower bits; none where numbers have no more than the upper ones.
    lows: &'a [[u8; 8]],
}

impl<'a> Numbers<'a> {
    fn of(bytes: &'a [u8]) -> Result<Option<Self>, DecodeError> {
        let mut reader = Reader::new(bytes);
        match reader.u8()? {
            FRONT => Ok(None),
            NUMBERS => Self::read(&mut reader).map(Some),
            kind => Err(reader.error(format!("a dictionary of kind {kind}, which does not exist"))),
        }
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let form = Form::from_bytes(reader.array()?).ok_or_else(|| reader.error("a form of ids expected"))?;
        let count = usize::try_from(reader.u64()?).unwrap_or(usize::MAX);
        let blocks = (0..count.div_ceil(BLOCK_ROWS)).map(|_| {
            let (min, max) = (u64::from_le_bytes(reader.array()?), u64::from_le_bytes(reader.array()?));
            Ok((Summary { min, max, ..Summary::default() }, reader.bytes()?))
        });
        let blocks = blocks.collect::<Result<Vec<_>, DecodeError>>()?;
        let lows = if low_bits(form) > 0 { reader.take(count.saturating_mul(8))? } else { &[] };
        reader.finish()?;
        Ok(Self { form, count, blocks, lows: lows.as_chunks().0 })
    }

    fn decode(self, reader: &Reader<'_>) -> Result<Dictionary, DecodeError> {
        let (count, low_bits) = (self.count, low_bits(self.form));
        let mut lows = self.lows.iter().map(|low| u64::from_le_bytes(*low));
        let (mut dictionary, mut highs, mut text) = (Dictionary::default(), Vec::<u64>::new(), Vec::with_capacity(36));
        for (at, (summary, block)) in self.blocks.into_iter().enumerate() {
            highs.clear();
            vector::decode(block, (count - at * BLOCK_ROWS).min(BLOCK_ROWS), &summary, &mut highs)?;
            for high in &highs {
                let low = lows.next().unwrap_or(0);
                text.clear();
                self.form.write(u128::from(*high) << low_bits | u128::from(low), &mut text);
                let value = std::str::from_utf8(&text).map_err(|_| reader.error("digits expected"))?;
                if !dictionary.has_room_for(value) {
                    return Err(reader.error("a dictionary of more than 4 GiB"));
                }
                dictionary.push(value);
            }
        }
        Ok(dictionary)
    }
}

/// How many values the bytes of a dictionary of numbers have; `None` for any other.
///
/// # Errors
/// When the bytes are no dictionary.
pub fn count_of_numbers(bytes: &[u8]) -> Result<Option<usize>, DecodeError> {
    Ok(Numbers::of(bytes)?.map(|numbers| numbers.count))
}

/// The code of a text in the bytes of a dictionary of numbers, of which one block is looked at; `None` for any other.
///
/// # Errors
/// When the bytes are no dictionary.
pub fn find_number(bytes: &[u8], text: &str) -> Result<Option<Option<u32>>, DecodeError> {
    let Some(numbers) = Numbers::of(bytes)? else { return Ok(None) };
    let Some(number) = Form::parse(text).filter(|(form, _)| *form == numbers.form).map(|(_, number)| number) else {
        return Ok(Some(None));
    };
    let low_bits = low_bits(numbers.form);
    let (high, mask) = ((number >> low_bits) as u64, u64::MAX.checked_shr(LOW_BITS - low_bits).unwrap_or(0));
    // Several values may share their upper bits, also across blocks.
    let wanted = numbers.blocks.iter().enumerate().filter(|(_, (block, _))| block.min <= high && high <= block.max);
    let mut highs: Vec<u64> = Vec::new();
    for (at, (summary, block)) in wanted {
        let start = at * BLOCK_ROWS;
        highs.clear();
        vector::decode(block, (numbers.count - start).min(BLOCK_ROWS), summary, &mut highs)?;
        let first = highs.partition_point(|known| *known < high);
        for within in (first..highs.len()).take_while(|within| highs[*within] == high) {
            let low = numbers.lows.get(start + within).map_or(0, |low| u64::from_le_bytes(*low));
            if low == number as u64 & mask {
                return Ok(Some(u32::try_from(start + within + 1).ok()));
            }
        }
    }
    Ok(Some(None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn dictionaries_come_back(values in prop_oneof![
            prop::collection::btree_set("[0-9a-f]{32}", 0..3000),
            prop::collection::btree_set("[0-9a-f]{16}", 0..300),
            prop::collection::btree_set("[0-9a-f]{9}", 0..300),
            prop::collection::btree_set("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", 0..300),
            prop::collection::btree_set("[0-9a-f]{24}", 1..300),
            prop::collection::btree_set(".{0,12}", 0..60),
        ]) {
            let dictionary = Dictionary::new(&values);
            let bytes = encode(&dictionary);
            if let Some(count) = count_of_numbers(&bytes).unwrap() {
                prop_assert_eq!(count, dictionary.len());
                let others = [String::new(), "0".repeat(32), "f".repeat(16), "-".repeat(36)];
                for value in values.iter().chain(&others) {
                    prop_assert_eq!(find_number(&bytes, value).unwrap(), Some(dictionary.find(value)));
                }
            }
            prop_assert_eq!(decode(&bytes).unwrap(), dictionary);
        }

        #[test]
        fn values_that_share_their_upper_bits_are_told_apart(lows in prop::collection::btree_set(any::<u16>(), 1..200)) {
            // More equal upper halves than fit one block.
            let text = |n: u64| format!("{:016x}{n:016x}", 7);
            let many = (0..17_000).map(|n| n * 3).chain(lows.iter().map(|low| u64::from(*low)));
            let values: std::collections::BTreeSet<String> = many.map(text).collect();
            let dictionary = Dictionary::new(&values);
            let bytes = encode(&dictionary);
            for low in lows.iter().flat_map(|low| [u64::from(*low), u64::from(*low) + 1, u64::from(*low) + 50_000]) {
                prop_assert_eq!(find_number(&bytes, &text(low)).unwrap(), Some(dictionary.find(&text(low))));
            }
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(kind in 0..3_u8, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut dictionary = vec![kind];
            dictionary.extend(bytes);
            let _ = (count_of_numbers(&dictionary), find_number(&dictionary, "0123456789abcdef"));
            let _ = decode(&dictionary);
        }
    }

    #[test]
    fn sorted_random_ids_take_fewer_bytes_than_their_bits() {
        let number = |n: u128| (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_0C21_4B37_A8B5).rotate_left(61);
        let mut values: Vec<String> = (0..20_000).map(|n| format!("{:032x}", number(n))).collect();
        values.sort();
        let bytes = encode(&Dictionary::new(&values)).len();
        assert!(bytes < 20_000 * 15, "{bytes} bytes for 20,000 ids of 16");
    }
}
