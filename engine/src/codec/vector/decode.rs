//! Decodes one vector, whatever its scheme.

use super::{CONSTANT, DELTA, DICTIONARY, FRAME_OF_REFERENCE, MASK_BYTES, PLACE_BITS, RUNS, SCALED, SPARSE, Value};
use crate::codec::bitpack;
use crate::codec::bits::{Stream, stream_bytes};
use crate::codec::bytes::{DecodeError, Reader};
use crate::limits::VECTOR_ROWS;

/// Appends the `rows` values of a vector to `out`.
pub(super) fn vector<T: Value>(bytes: &[u8], rows: usize, out: &mut Vec<T>) -> Result<(), DecodeError> {
    let mut reader = Reader::new(bytes);
    let scheme = reader.u8()?;
    if scheme == SCALED {
        return scaled(&mut reader, rows, out);
    }
    of_scheme(scheme, &mut reader, rows, out)?;
    reader.finish()
}

fn scaled<T: Value>(reader: &mut Reader<'_>, rows: usize, out: &mut Vec<T>) -> Result<(), DecodeError> {
    let multiples = Multiples::read(reader)?;
    let scheme = reader.u8()?;
    let mut numbers: Vec<u64> = Vec::with_capacity(VECTOR_ROWS);
    of_scheme(scheme, reader, rows, &mut numbers)?;
    out.extend(numbers.iter().map(|number| T::from_stored(multiples.value(*number))));
    reader.finish()
}

/// What the numbers of [`SCALED`] are multiples of.
pub(super) struct Multiples {
    above: u64,
    factor: u64,
}

impl Multiples {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (form, factor) = (reader.u8()?, reader.u64()?);
        if form > 1 {
            return Err(reader.error(format!("a form of multiples {form}, which does not exist")));
        }
        Ok(Self { above: form.into(), factor })
    }

    /// The value of a number: 0 of 0, in the second form 1 more than a multiple otherwise.
    pub(super) fn value(&self, number: u64) -> u64 {
        let value = number.wrapping_sub(self.above).wrapping_mul(self.factor).wrapping_add(self.above);
        if number == 0 { 0 } else { value }
    }
}

fn of_scheme<T: Value>(scheme: u8, reader: &mut Reader<'_>, rows: usize, out: &mut Vec<T>) -> Result<(), DecodeError> {
    match scheme {
        CONSTANT => {
            let base = reader.u64()?;
            out.resize(out.len() + rows, T::from_stored(base));
        }
        FRAME_OF_REFERENCE => frame_of_reference(reader, rows, out)?,
        DELTA => delta(reader, rows, out)?,
        RUNS => runs(reader, rows, out)?,
        SPARSE => sparse(reader, rows, out)?,
        DICTIONARY => dictionary(reader, rows, out)?,
        scheme => return Err(reader.error(format!("a vector has scheme {scheme}, which does not exist"))),
    }
    Ok(())
}

fn frame_of_reference<T: Value>(reader: &mut Reader<'_>, rows: usize, out: &mut Vec<T>) -> Result<(), DecodeError> {
    let base = reader.u64()?;
    let patched = Patched::read(reader)?;
    let start = out.len();
    let patch = |place: usize, number: u64, out: &mut Vec<T>| {
        if let Some(slot) = out.get_mut(start + place) {
            *slot = T::from_stored(base.wrapping_add(number));
        }
    };
    match patched.width {
        0 => {
            out.resize(start + rows, T::from_stored(base));
            patched.each(&mut |place, high| patch(place, high, out));
        }
        1..=32 => {
            let mut low = [0_u32; VECTOR_ROWS];
            bitpack::unpack32(patched.packed, patched.width, &mut low);
            out.extend(low[..rows].iter().map(|low| T::from_stored(base.wrapping_add(u64::from(*low)))));
            patched.each(&mut |place, high| patch(place, high | u64::from(low[place]), out));
        }
        _ => {
            let mut low = [0_u64; VECTOR_ROWS];
            bitpack::unpack64(patched.packed, patched.width, &mut low);
            out.extend(low[..rows].iter().map(|low| T::from_stored(base.wrapping_add(*low))));
            patched.each(&mut |place, high| patch(place, high | low[place], out));
        }
    }
    Ok(())
}

fn delta<T: Value>(reader: &mut Reader<'_>, rows: usize, out: &mut Vec<T>) -> Result<(), DecodeError> {
    let mut value = reader.u64()?;
    let steps = Patched::read(reader)?.steps();
    out.extend(steps[..rows].iter().map(|step| {
        value = value.wrapping_add(*step);
        T::from_stored(value)
    }));
    Ok(())
}

fn runs<T: Value>(reader: &mut Reader<'_>, rows: usize, out: &mut Vec<T>) -> Result<(), DecodeError> {
    /// Most runs are short, and writing a fixed number of values is faster than counting.
    const AT_ONCE: usize = 8;
    let base = reader.u64()?;
    let count = count(reader, rows)?;
    let [width, length_width] = [width(reader)?, width(reader)?];
    let values = Stream::new(reader.take(stream_bytes(count, width))?, width);
    let lengths = Stream::new(reader.take(stream_bytes(count, length_width))?, length_width);
    let start = out.len();
    out.resize(start + rows, T::default());
    let mut rest = &mut out[start..];
    for run in 0..count {
        let value = T::from_stored(base.wrapping_add(values.get(run)));
        let length = usize::try_from(lengths.get(run)).unwrap_or(usize::MAX).saturating_add(1);
        if length > rest.len() {
            return Err(reader.error(format!("runs of more than the {rows} rows of a vector")));
        }
        if let Some(first) = rest.first_chunk_mut::<AT_ONCE>() {
            *first = [value; AT_ONCE];
        } else {
            rest[..length].fill(value);
        }
        if length > AT_ONCE {
            rest[AT_ONCE.min(length)..length].fill(value);
        }
        rest = &mut rest[length..];
    }
    if rest.is_empty() { Ok(()) } else { Err(reader.error(format!("runs of fewer than the {rows} rows of a vector"))) }
}

fn sparse<T: Value>(reader: &mut Reader<'_>, rows: usize, out: &mut Vec<T>) -> Result<(), DecodeError> {
    let (common, base) = (reader.u64()?, reader.u64()?);
    let count = count(reader, rows)?;
    let width = width(reader)?;
    let start = out.len();
    out.resize(start + rows, T::from_stored(common));
    let vector = &mut out[start..];
    let place_bytes = stream_bytes(count, PLACE_BITS);
    let places = reader.take(place_bytes.min(MASK_BYTES))?;
    let values = Stream::new(reader.take(stream_bytes(count, width))?, width);
    let value = |at: usize| T::from_stored(base.wrapping_add(values.get(at)));
    let outside = || DecodeError { offset: 0, what: format!("a place beyond the {rows} rows of a vector") };
    if place_bytes < MASK_BYTES {
        let places = Stream::new(places, PLACE_BITS);
        for at in 0..count {
            *vector.get_mut(places.get(at) as usize).ok_or_else(outside)? = value(at);
        }
        return Ok(());
    }
    let mut at = 0;
    for (word, bytes) in places.as_chunks::<8>().0.iter().enumerate() {
        let mut mask = u64::from_le_bytes(*bytes);
        while mask != 0 {
            let place = word * 64 + mask.trailing_zeros() as usize;
            *vector.get_mut(place).ok_or_else(outside)? = value(at);
            mask &= mask - 1;
            at += 1;
        }
    }
    if at == count { Ok(()) } else { Err(reader.error(format!("{count} places expected in a mask of {at}"))) }
}

fn dictionary<T: Value>(reader: &mut Reader<'_>, rows: usize, out: &mut Vec<T>) -> Result<(), DecodeError> {
    let base = reader.u64()?;
    let count = count(reader, 256)?;
    let width = width(reader)?;
    let values = Stream::new(reader.take(stream_bytes(count, width))?, width);
    let mut table = [T::default(); 256];
    for (at, slot) in table[..count].iter_mut().enumerate() {
        *slot = T::from_stored(base.wrapping_add(values.get(at)));
    }
    let code_width = reader.u8()?;
    if !(1..=8).contains(&code_width) {
        return Err(reader.error(format!("codes of {code_width} bits; allowed are 1 to 8")));
    }
    let mut codes = [0_u32; VECTOR_ROWS];
    bitpack::unpack32(reader.take(bitpack::packed_bytes(code_width))?, code_width, &mut codes);
    out.extend(codes[..rows].iter().map(|code| table[*code as usize & 255]));
    Ok(())
}

/// A width of 0 to 64 bits.
pub(super) fn width(reader: &mut Reader<'_>) -> Result<u8, DecodeError> {
    let width = reader.u8()?;
    if width <= 64 { Ok(width) } else { Err(reader.error(format!("a width of {width} bits; allowed are 0 to 64"))) }
}

pub(super) fn count(reader: &mut Reader<'_>, max: usize) -> Result<usize, DecodeError> {
    let count = usize::try_from(reader.u64()?).unwrap_or(usize::MAX);
    if count <= max { Ok(count) } else { Err(reader.error(format!("{count} values; at most {max} can be"))) }
}

/// Packed numbers and the places where more bits belong on top.
pub(super) struct Patched<'a> {
    width: u8,
    packed: &'a [u8],
    places: Stream<'a>,
    highs: Stream<'a>,
    count: usize,
}

impl<'a> Patched<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let bits = width(reader)?;
        let count = count(reader, VECTOR_ROWS)?;
        let high_width = if count > 0 { width(reader)? } else { 0 };
        if bits + high_width > 64 {
            return Err(reader.error(format!("numbers of {bits} and {high_width} bits; 64 are allowed together")));
        }
        let places = Stream::new(reader.take(stream_bytes(count, PLACE_BITS))?, PLACE_BITS);
        let highs = Stream::new(reader.take(stream_bytes(count, high_width))?, high_width);
        Ok(Self { width: bits, packed: reader.take(bitpack::packed_bytes(bits))?, places, highs, count })
    }

    /// The number at `place`.
    pub(super) fn get(&self, place: usize) -> u64 {
        let exception = (0..self.count).rev().find(|at| self.places.get(*at) as usize == place);
        let high = exception.map_or(0, |at| self.highs.get(at).checked_shl(self.width.into()).unwrap_or(0));
        high | bitpack::get(self.packed, self.width, place)
    }

    /// The numbers as differences, out of their zig-zag.
    fn steps(&self) -> [u64; VECTOR_ROWS] {
        let mut steps = [0_u64; VECTOR_ROWS];
        match self.width {
            0 => {}
            1..=32 => {
                let mut low = [0_u32; VECTOR_ROWS];
                bitpack::unpack32(self.packed, self.width, &mut low);
                steps.iter_mut().zip(low).for_each(|(step, low)| *step = low.into());
            }
            _ => bitpack::unpack64(self.packed, self.width, &mut steps),
        }
        let low = 1_u64.checked_shl(self.width.into()).map_or(u64::MAX, |above| above - 1);
        self.each(&mut |place, high| steps[place] = high | steps[place] & low);
        steps.iter_mut().for_each(|step| *step = (*step >> 1) ^ (*step & 1).wrapping_neg());
        steps
    }

    /// The sum of the differences up to the one at `place`.
    pub(super) fn sum_of_steps(&self, place: usize) -> u64 {
        self.steps()[..=place].iter().fold(0, |sum, step| sum.wrapping_add(*step))
    }

    /// Calls `patch` with the place and the upper bits of each exception.
    fn each(&self, patch: &mut impl FnMut(usize, u64)) {
        for at in 0..self.count {
            let high = self.highs.get(at).checked_shl(self.width.into()).unwrap_or(0);
            patch(self.places.get(at) as usize, high);
        }
    }
}
