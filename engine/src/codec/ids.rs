//! Blocks of ids, in frames of 1,024: those that are hexadecimal numbers or UUIDs as the bits in which they differ.
//!
//! ```text
//! block  = end of each frame u32 × ⌈rows / 1024⌉ (from the end of this list), then the frames
//! frame  = 0 · texts, see [`super::texts`]
//!        | form u8 · times u8 · digits u8 · common bits (16 bytes, little-endian) · mask of the others (16 bytes)
//!          · stream of the lower 64 differing bits · stream of the rest
//! ```
//! *Form* 1 is so many lower-case hexadecimal *digits*, 2 a UUID with its hyphens; both are read as numbers of 128
//! bits. Where *times* is 1, the number's upper 48 bits are the zig-zag difference (in 48 bits) to the start of the
//! event in milliseconds: the time in a UUID of version 7 or a ULID's like. The bits that differ within the frame
//! are gathered, least significant first; the others are stored once.

use crate::codec::bits::{self, Stream, stream_bytes};
use crate::codec::bytes::{DecodeError, Reader, put_bytes};
use crate::codec::texts;
use crate::limits::VECTOR_ROWS;

const TEXTS: u8 = 0;
const HEX: u8 = 1;
const UUID: u8 = 2;
const UUID_DIGITS: u8 = 32;
/// The hyphens of a UUID stand before these digits.
const HYPHENS: [usize; 4] = [8, 12, 16, 20];
/// Shorter hexadecimal texts are not worth it.
const DIGITS_MIN: usize = 8;
const TIME_BITS: u32 = 48;
const TIME_SHIFT: u32 = 128 - TIME_BITS;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;

/// How the text of an id is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    kind: u8,
    digits: u8,
}

impl Form {
    /// The form and the number of a text that is nothing but that number in that form.
    pub fn parse(text: &str) -> Option<(Self, u128)> {
        let bytes = text.as_bytes();
        let (kind, digits) = match bytes.len() {
            36 => (UUID, UUID_DIGITS),
            len @ DIGITS_MIN..=32 => (HEX, len as u8),
            _ => return None,
        };
        let (mut number, mut at) = (0_u128, 0);
        for digit in 0..usize::from(digits) {
            if kind == UUID && HYPHENS.contains(&digit) {
                if bytes[at] != b'-' {
                    return None;
                }
                at += 1;
            }
            let value = match bytes[at] {
                byte @ b'0'..=b'9' => byte - b'0',
                byte @ b'a'..=b'f' => byte - b'a' + 10,
                _ => return None,
            };
            number = number << 4 | u128::from(value);
            at += 1;
        }
        Some((Self { kind, digits }, number))
    }

    /// Appends the text of a number.
    pub fn write(self, number: u128, out: &mut Vec<u8>) {
        for digit in 0..usize::from(self.digits) {
            if self.kind == UUID && HYPHENS.contains(&digit) {
                out.push(b'-');
            }
            let value = (number >> ((usize::from(self.digits) - 1 - digit) * 4)) as usize & 15;
            out.push(b"0123456789abcdef"[value]);
        }
    }

    /// The form as it stands in files.
    pub fn to_bytes(self) -> [u8; 2] {
        [self.kind, self.digits]
    }

    /// The form that [`to_bytes`](Self::to_bytes) gave.
    pub fn from_bytes([kind, digits]: [u8; 2]) -> Option<Self> {
        let known = match kind {
            HEX => (DIGITS_MIN..=32).contains(&digits.into()),
            UUID => digits == UUID_DIGITS,
            _ => false,
        };
        known.then_some(Self { kind, digits })
    }

    /// How many bits its numbers have.
    pub fn bits(self) -> u32 {
        u32::from(self.digits) * 4
    }
}

/// The one form that all texts have, and their numbers.
pub fn numbers<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<(Form, Vec<u128>)> {
    let mut form = None;
    let mut numbers = Vec::new();
    for text in texts {
        let (found, number) = Form::parse(text)?;
        if *form.get_or_insert(found) != found {
            return None;
        }
        numbers.push(number);
    }
    Some((form?, numbers))
}

/// Appends a block of ids beside the starts of their events, in microseconds.
pub fn encode(ids: &[&str], micros: &[i64], out: &mut Vec<u8>) {
    let (mut ends, mut frames) = (Vec::new(), Vec::new());
    for (ids, micros) in ids.chunks(VECTOR_ROWS).zip(micros.chunks(VECTOR_ROWS)) {
        match numbers(ids.iter().copied()) {
            Some((form, numbers)) => encode_numbers(form, &numbers, micros, &mut frames),
            None => {
                let mut plain = Vec::new();
                ids.iter().for_each(|id| put_bytes(&mut plain, id.as_bytes()));
                frames.push(TEXTS);
                frames.extend_from_slice(&texts::compress(&plain));
            }
        }
        texts::put_end(&mut ends, frames.len());
    }
    out.extend_from_slice(&ends);
    out.extend_from_slice(&frames);
}

fn encode_numbers(form: Form, numbers: &[u128], micros: &[i64], out: &mut Vec<u8>) {
    let timed: Vec<u128> = numbers.iter().zip(micros).map(|(number, at)| toggle_time(*number, *at, true)).collect();
    let differing = |numbers: &[u128]| numbers.iter().fold(0, |mask, number| mask | (number ^ numbers[0]));
    let (plain_mask, timed_mask) = (differing(numbers), differing(&timed));
    let use_times = form.digits == 32 && timed_mask.count_ones() < plain_mask.count_ones();
    let (mask, numbers) = if use_times { (timed_mask, timed.as_slice()) } else { (plain_mask, numbers) };
    out.extend_from_slice(&[form.kind, use_times.into(), form.digits]);
    out.extend_from_slice(&(numbers[0] & !mask).to_le_bytes());
    out.extend_from_slice(&mask.to_le_bytes());
    let gather = Gather::new(mask);
    let (low, high) = gather.widths();
    let gathered: Vec<u128> = numbers.iter().map(|number| gather.gather(*number)).collect();
    bits::put(gathered.iter().map(|number| *number as u64 & mask_of(low)), low, out);
    bits::put(gathered.iter().map(|number| (number >> 64) as u64), high, out);
}

fn mask_of(width: u8) -> u64 {
    u64::MAX.checked_shr(64 - u32::from(width)).unwrap_or(0)
}

/// Replaces the upper 48 bits, a time in milliseconds, by the difference to the event's start, or back.
fn toggle_time(number: u128, micros: i64, forth: bool) -> u128 {
    let start = micros.div_euclid(1000).cast_unsigned();
    let upper = (number >> TIME_SHIFT) as u64;
    let upper = if forth {
        let difference = (upper.wrapping_sub(start) << (64 - TIME_BITS)).cast_signed() >> (64 - TIME_BITS);
        ((difference << 1) ^ (difference >> 63)).cast_unsigned()
    } else {
        ((upper >> 1) ^ (upper & 1).wrapping_neg()).wrapping_add(start)
    };
    number << TIME_BITS >> TIME_BITS | u128::from(upper & TIME_MASK) << TIME_SHIFT
}

/// Moves the bits under a mask together, and back.
struct Gather {
    /// Runs of set bits: where each starts in the number, where among the gathered, and its mask there.
    runs: Vec<(u32, u32, u128)>,
    bits: u32,
}

impl Gather {
    fn new(mut mask: u128) -> Self {
        let mut gather = Self { runs: Vec::new(), bits: 0 };
        let mut passed = 0;
        while mask != 0 {
            let zeros = mask.trailing_zeros();
            let ones = (mask >> zeros).trailing_ones();
            let run = u128::MAX >> (128 - ones);
            gather.runs.push((passed + zeros, gather.bits, run << gather.bits));
            gather.bits += ones;
            passed += zeros + ones;
            mask = mask.checked_shr(zeros + ones).unwrap_or(0);
        }
        gather
    }

    /// The widths of the lower and the upper stream.
    fn widths(&self) -> (u8, u8) {
        (self.bits.min(64) as u8, self.bits.saturating_sub(64) as u8)
    }

    fn gather(&self, number: u128) -> u128 {
        self.runs.iter().fold(0, |bits, (from, to, run)| bits | (number >> from << to & run))
    }

    fn scatter(&self, bits: u128) -> u128 {
        self.runs.iter().fold(0, |number, (from, to, run)| number | ((bits & run) >> to << from))
    }
}

/// A frame of a block, being read.
#[derive(Debug)]
pub struct Frame<'a> {
    bytes: &'a [u8],
    rows: usize,
}

impl<'a> Frame<'a> {
    /// The frame of that number in a block of `rows` rows.
    ///
    /// # Errors
    /// When the bytes are not such a block.
    pub fn of(block: &'a [u8], rows: usize, frame: usize) -> Result<Self, DecodeError> {
        let bytes = texts::frame_bytes(block, rows, frame)?;
        Ok(Self { bytes, rows: (rows - frame * VECTOR_ROWS).min(VECTOR_ROWS) })
    }

    /// Every id, by the starts of the frame's events.
    ///
    /// # Errors
    /// When the bytes are not such a frame.
    pub fn decode(&self, micros: &[i64]) -> Result<Vec<Vec<u8>>, DecodeError> {
        match self.packed()? {
            None => texts::decode_texts(&self.bytes[1..], self.rows),
            Some(packed) => {
                Ok(micros.iter().take(self.rows).enumerate().map(|(row, at)| packed.text(row, *at)).collect())
            }
        }
    }

    /// The id of one row (below 1,024), by the start of its event.
    ///
    /// # Errors
    /// When the bytes are not such a frame, or it has no such row.
    pub fn get(&self, row: usize, micros: i64) -> Result<Vec<u8>, DecodeError> {
        let found = match self.packed()? {
            Some(packed) if row < self.rows => Some(packed.text(row, micros)),
            Some(_) => None,
            None => texts::decode_texts(&self.bytes[1..], self.rows)?.into_iter().nth(row),
        };
        found.ok_or_else(|| Reader::new(self.bytes).error(format!("an id at row {row} of {} expected", self.rows)))
    }

    /// Whether reading one id unpacks them all, so that a reader of many should keep them.
    pub fn is_texts(&self) -> bool {
        self.bytes.first() == Some(&TEXTS)
    }

    fn packed(&self) -> Result<Option<Packed<'a>>, DecodeError> {
        let mut reader = Reader::new(self.bytes);
        let kind = reader.u8()?;
        if kind == TEXTS {
            return Ok(None);
        }
        let [times, digits] = reader.array()?;
        let form = Form::from_bytes([kind, digits]).filter(|_| times <= 1);
        let form = form.ok_or_else(|| reader.error(format!("ids of form {kind} with {digits} digits do not exist")))?;
        let common = u128::from_le_bytes(reader.array()?);
        let gather = Gather::new(u128::from_le_bytes(reader.array()?));
        let (low, high) = gather.widths();
        let lows = Stream::new(reader.take(stream_bytes(self.rows, low))?, low);
        let highs = Stream::new(reader.take(stream_bytes(self.rows, high))?, high);
        reader.finish()?;
        Ok(Some(Packed { form, times: times == 1, common, gather, lows, highs }))
    }
}

struct Packed<'a> {
    form: Form,
    times: bool,
    common: u128,
    gather: Gather,
    lows: Stream<'a>,
    highs: Stream<'a>,
}

impl Packed<'_> {
    fn text(&self, row: usize, micros: i64) -> Vec<u8> {
        let gathered = u128::from(self.lows.get(row)) | u128::from(self.highs.get(row)) << 64;
        let number = self.common | self.gather.scatter(gathered);
        let number = if self.times { toggle_time(number, micros, false) } else { number };
        let mut text = Vec::with_capacity(36);
        self.form.write(number, &mut text);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn uuid_v7(millis: u64, random: u128) -> String {
        let number = u128::from(millis) << 80 | 7 << 76 | (random & 0xFFF) << 64 | 2 << 62 | random >> 66;
        let mut text = Vec::new();
        Form { kind: UUID, digits: 32 }.write(number, &mut text);
        String::from_utf8(text).unwrap()
    }

    fn ids() -> impl Strategy<Value = Vec<String>> {
        let some = |one: BoxedStrategy<String>| prop::collection::vec(one, 1..40);
        prop_oneof![
            some("[0-9a-f]{32}".boxed()),
            some("[0-9a-f]{16}".boxed()),
            some("[0-9a-f]{9}".boxed()),
            some("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}".boxed()),
            some((1_767_225_000_000..1_767_225_700_000_u64, any::<u128>()).prop_map(|(at, r)| uuid_v7(at, r)).boxed()),
            some("[0-9A-Fa-f-]{31,37}|.{0,9}|[0-9a-f]{32}".boxed()),
        ]
    }

    proptest! {
        #[test]
        fn ids_come_back(ids in ids(), repeat in 1..60_usize, start in any::<i32>()) {
            let ids: Vec<&str> = ids.iter().map(String::as_str).cycle().take(ids.len() * repeat).collect();
            let micros: Vec<i64> =
                (0..ids.len() as i64).map(|n| 1_767_225_600_000_000 + i64::from(start) * 1000 + n * 977).collect();
            let mut block = Vec::new();
            encode(&ids, &micros, &mut block);
            for (at, expected) in ids.chunks(VECTOR_ROWS).enumerate() {
                let frame = Frame::of(&block, ids.len(), at).unwrap();
                let micros = &micros[at * VECTOR_ROWS..];
                let back = frame.decode(micros).unwrap();
                prop_assert!(back.iter().map(Vec::as_slice).eq(expected.iter().map(|id| id.as_bytes())));
                prop_assert_eq!(frame.get(expected.len() - 1, micros[expected.len() - 1]).unwrap(), back.last().unwrap().clone());
                prop_assert!(frame.get(expected.len(), 0).is_err());
            }
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(kind in 0..4_u8, body in prop::collection::vec(any::<u8>(), 0..200), row in 0..30_usize) {
            let mut frame = vec![kind, 1, 32];
            frame.extend(body);
            let mut block = u32::try_from(frame.len()).unwrap().to_le_bytes().to_vec();
            block.extend(frame);
            if let Ok(frame) = Frame::of(&block, 30, 0) {
                let _ = (frame.get(row, 5), frame.decode(&[0; 30]), frame.is_texts());
            }
            let _ = Frame::of(&block[4..], 30, 0).map(|frame| frame.decode(&[0; 30]));
        }
    }

    #[test]
    fn the_time_in_an_id_costs_nothing_beside_the_events_own() {
        let micros: Vec<i64> = (0..1024).map(|n| 1_767_225_600_000_000 + n * 7_000_123).collect();
        let random = |n: u128| (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_0C21_4B37_A8B5);
        let ids: Vec<String> =
            micros.iter().zip(0..).map(|(at, n)| uuid_v7(at.div_euclid(1000).cast_unsigned(), random(n))).collect();
        let mut block = Vec::new();
        encode(&ids.iter().map(String::as_str).collect::<Vec<_>>(), &micros, &mut block);
        assert_eq!(block.len(), 4 + 3 + 32 + 1024 * 74 / 8, "74 random bits each");
    }
}
