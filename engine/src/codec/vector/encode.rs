//! Chooses the scheme of a vector by the exact size of each, and writes it.

use super::{CONSTANT, DELTA, DICTIONARY, FRAME_OF_REFERENCE, MASK_BYTES, PLACE_BITS, RUNS, SCALED, SPARSE};
use crate::codec::bytes::{put_len, put_u64};
use crate::codec::{bitpack, bits};
use crate::limits::VECTOR_ROWS;

/// A local dictionary with more values is longer than the values packed.
const DICTIONARY_MAX: usize = 256;

/// Appends one vector of 1 to 1,024 values.
pub(super) fn vector(values: &[u64], out: &mut Vec<u8>) {
    let is_constant = values.iter().all(|value| *value == values[0]);
    let Some((form, factor)) = common_factor(values).filter(|_| !is_constant) else { return unscaled(values, out) };
    out.extend_from_slice(&[SCALED, form]);
    put_u64(out, factor);
    let number = |value: &u64| value.saturating_sub(form.into()) / factor + u64::from(form == 1 && *value > 0);
    unscaled(&values.iter().map(number).collect::<Vec<_>>(), out);
}

fn unscaled(values: &[u64], out: &mut Vec<u8>) {
    let (min, max) = values.iter().fold((u64::MAX, 0), |(min, max), value| (min.min(*value), max.max(*value)));
    if min == max {
        out.push(CONSTANT);
        put_u64(out, min);
        return;
    }
    let mut offsets = [0; VECTOR_ROWS];
    offsets.iter_mut().zip(values).for_each(|(offset, value)| *offset = value - min);
    let frame = Patched::best(&offsets);
    let differences = differences(values);
    let delta = Patched::best(&differences);
    let runs = Runs::of(values, max - min);
    let sparse = Sparse::of(values);
    let dictionary = Dictionary::of(values, max - min, frame.bytes);
    // Summing up differences, and looking each value up, is slower than unpacking: they must save something.
    let slower = |bytes: usize| bytes + bytes / 8;
    let sizes = [
        (frame.bytes, FRAME_OF_REFERENCE),
        (slower(delta.bytes), DELTA),
        (runs.bytes, RUNS),
        (sparse.as_ref().map_or(usize::MAX, |sparse| sparse.bytes), SPARSE),
        (dictionary.as_ref().map_or(usize::MAX, |dictionary| slower(dictionary.bytes)), DICTIONARY),
    ];
    let (_, scheme) = sizes.into_iter().min().unwrap_or_default();
    out.push(scheme);
    match scheme {
        DELTA => {
            put_u64(out, values[0]);
            delta.write(&differences, out);
        }
        RUNS => runs.write(values, min, out),
        SPARSE => sparse.into_iter().for_each(|sparse| sparse.write(values, out)),
        DICTIONARY => dictionary.into_iter().for_each(|dictionary| dictionary.write(values, out)),
        _ => {
            put_u64(out, min);
            frame.write(&offsets, out);
        }
    }
}

/// The factor of [`SCALED`] and its form, where there is one worth dividing by.
fn common_factor(values: &[u64]) -> Option<(u8, u64)> {
    const WORTH_IT: u64 = 8;
    [0, 1].into_iter().find_map(|form| {
        let mut factor = 0;
        for value in values {
            // A value of 0 says nothing in either form, and neither does 1 in the second.
            factor = gcd(factor, value.saturating_sub(form));
            if factor == 1 {
                return None;
            }
        }
        (factor >= WORTH_IT).then_some((form as u8, factor))
    })
}

/// The greatest common divisor (Euclid); that of 0 and a number is the number.
fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The zig-zag differences of neighbours; the rows that a short vector lacks repeat its last value.
fn differences(values: &[u64]) -> [u64; VECTOR_ROWS] {
    let mut differences = [0; VECTOR_ROWS];
    for (difference, pair) in differences[1..].iter_mut().zip(values.windows(2)) {
        let signed = pair[1].wrapping_sub(pair[0]).cast_signed();
        *difference = ((signed << 1) ^ (signed >> 63)).cast_unsigned();
    }
    differences
}

/// 1,024 numbers packed in a width that some of them exceed.
struct Patched {
    width: u8,
    exceptions: usize,
    high_width: u8,
    bytes: usize,
}

impl Patched {
    /// The width that takes the fewest bytes.
    fn best(values: &[u64; VECTOR_ROWS]) -> Self {
        let mut of_width = [0_usize; 65];
        values.iter().for_each(|value| of_width[usize::from(bitpack::width_of(*value))] += 1);
        let widest = of_width.iter().rposition(|count| *count > 0).unwrap_or(0) as u8;
        let (mut best, mut exceptions) = (Self::new(widest, 0, 0), 0);
        for width in (0..widest).rev() {
            exceptions += of_width[usize::from(width) + 1];
            let patched = Self::new(width, exceptions, widest - width);
            if patched.bytes < best.bytes {
                best = patched;
            }
        }
        best
    }

    fn new(width: u8, exceptions: usize, high_width: u8) -> Self {
        let patches = bits::stream_bytes(exceptions, PLACE_BITS) + bits::stream_bytes(exceptions, high_width);
        Self { width, exceptions, high_width, bytes: bitpack::packed_bytes(width) + patches }
    }

    fn write(&self, values: &[u64; VECTOR_ROWS], out: &mut Vec<u8>) {
        out.push(self.width);
        put_len(out, self.exceptions);
        let high = |value: u64| value.checked_shr(self.width.into()).unwrap_or(0);
        if self.exceptions > 0 {
            out.push(self.high_width);
            let places = (0..VECTOR_ROWS as u64).zip(values).filter(|(_, value)| high(**value) > 0);
            bits::put(places.clone().map(|(place, _)| place), PLACE_BITS, out);
            bits::put(places.map(|(_, value)| high(*value)), self.high_width, out);
        }
        let mask = u64::MAX.checked_shr(64 - u32::from(self.width)).unwrap_or(0);
        bitpack::pack(&values.map(|value| value & mask), self.width, out);
    }
}

struct Runs {
    count: usize,
    width: u8,
    length_width: u8,
    bytes: usize,
}

impl Runs {
    fn of(values: &[u64], range: u64) -> Self {
        let (mut count, mut longest) = (0, 0);
        for run in values.chunk_by(|a, b| a == b) {
            count += 1;
            longest = longest.max(run.len());
        }
        let (width, length_width) = (bitpack::width_of(range), bitpack::width_of(longest as u64 - 1));
        let bytes = bits::stream_bytes(count, width) + bits::stream_bytes(count, length_width);
        Self { count, width, length_width, bytes }
    }

    fn write(&self, values: &[u64], base: u64, out: &mut Vec<u8>) {
        put_u64(out, base);
        put_len(out, self.count);
        out.extend_from_slice(&[self.width, self.length_width]);
        let runs = || values.chunk_by(|a, b| a == b);
        bits::put(runs().map(|run| run[0] - base), self.width, out);
        bits::put(runs().map(|run| run.len() as u64 - 1), self.length_width, out);
    }
}

struct Sparse {
    common: u64,
    base: u64,
    count: usize,
    width: u8,
    bytes: usize,
}

impl Sparse {
    /// `None` unless more than half of the values are the same.
    fn of(values: &[u64]) -> Option<Self> {
        let common = majority(values)?;
        let others = || values.iter().copied().filter(|value| *value != common);
        let (count, base) = (others().count(), others().min()?);
        let width = bitpack::width_of(others().max()? - base);
        let places = bits::stream_bytes(count, PLACE_BITS).min(MASK_BYTES);
        Some(Self { common, base, count, width, bytes: places + bits::stream_bytes(count, width) })
    }

    fn write(&self, values: &[u64], out: &mut Vec<u8>) {
        put_u64(out, self.common);
        put_u64(out, self.base);
        put_len(out, self.count);
        out.push(self.width);
        let others = || (0_u64..).zip(values).filter(|(_, value)| **value != self.common);
        if bits::stream_bytes(self.count, PLACE_BITS) < MASK_BYTES {
            bits::put(others().map(|(place, _)| place), PLACE_BITS, out);
        } else {
            let mut mask = [0_u8; MASK_BYTES];
            others().for_each(|(place, _)| mask[place as usize / 8] |= 1 << (place % 8));
            out.extend_from_slice(&mask);
        }
        bits::put(others().map(|(_, value)| value - self.base), self.width, out);
    }
}

/// The value that more than half of them have (Boyer and Moore's vote, then a count).
fn majority(values: &[u64]) -> Option<u64> {
    let (mut candidate, mut votes) = (0, 0_usize);
    for value in values {
        if votes == 0 {
            candidate = *value;
        }
        votes = if *value == candidate { votes + 1 } else { votes - 1 };
    }
    (values.iter().filter(|value| **value == candidate).count() > values.len() / 2).then_some(candidate)
}

struct Dictionary {
    distinct: Vec<u64>,
    width: u8,
    code_width: u8,
    bytes: usize,
}

impl Dictionary {
    /// `None` where it cannot be shorter than `limit` bytes.
    fn of(values: &[u64], range: u64, limit: usize) -> Option<Self> {
        let width = bitpack::width_of(range);
        if width < 3 {
            return None;
        }
        let mut distinct = values.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() > DICTIONARY_MAX {
            return None;
        }
        let code_width = bitpack::width_of(distinct.len() as u64 - 1);
        let bytes = bits::stream_bytes(distinct.len(), width) + bitpack::packed_bytes(code_width);
        (bytes < limit).then_some(Self { distinct, width, code_width, bytes })
    }

    fn write(&self, values: &[u64], out: &mut Vec<u8>) {
        put_u64(out, self.distinct[0]);
        put_len(out, self.distinct.len());
        out.push(self.width);
        bits::put(self.distinct.iter().map(|value| value - self.distinct[0]), self.width, out);
        out.push(self.code_width);
        let mut codes = [0; VECTOR_ROWS];
        for (code, value) in codes.iter_mut().zip(values) {
            *code = self.distinct.partition_point(|known| known < value) as u64;
        }
        bitpack::pack(&codes, self.code_width, out);
    }
}
