//! One value of a vector, without decoding the others where its scheme allows that.

use super::decode::{Multiples, Patched, count, width};
use super::{CONSTANT, DELTA, DICTIONARY, FRAME_OF_REFERENCE, MASK_BYTES, PLACE_BITS, RUNS, SCALED, SPARSE};
use crate::codec::bitpack;
use crate::codec::bits::{Stream, stream_bytes};
use crate::codec::bytes::{DecodeError, Reader};

/// The value at `place` of a vector of `rows` values.
pub(super) fn value(bytes: &[u8], rows: usize, place: usize) -> Result<u64, DecodeError> {
    let mut reader = Reader::new(bytes);
    match reader.u8()? {
        SCALED => {
            let multiples = Multiples::read(&mut reader)?;
            let scheme = reader.u8()?;
            Ok(multiples.value(value_of(scheme, &mut reader, rows, place)?))
        }
        scheme => value_of(scheme, &mut reader, rows, place),
    }
}

fn value_of(scheme: u8, reader: &mut Reader<'_>, rows: usize, place: usize) -> Result<u64, DecodeError> {
    match scheme {
        CONSTANT => reader.u64(),
        FRAME_OF_REFERENCE => Ok(reader.u64()?.wrapping_add(Patched::read(reader)?.get(place))),
        DELTA => Ok(reader.u64()?.wrapping_add(Patched::read(reader)?.sum_of_steps(place))),
        RUNS => runs(reader, rows, place),
        SPARSE => sparse(reader, rows, place),
        DICTIONARY => dictionary(reader, place),
        scheme => Err(reader.error(format!("a vector has scheme {scheme}, which does not exist"))),
    }
}

fn runs(reader: &mut Reader<'_>, rows: usize, place: usize) -> Result<u64, DecodeError> {
    let base = reader.u64()?;
    let count = count(reader, rows)?;
    let [width, length_width] = [width(reader)?, width(reader)?];
    let values = Stream::new(reader.take(stream_bytes(count, width))?, width);
    let lengths = Stream::new(reader.take(stream_bytes(count, length_width))?, length_width);
    let mut end = 0_u64;
    for run in 0..count {
        end = end.saturating_add(lengths.get(run)).saturating_add(1);
        if place as u64 >= end {
            continue;
        }
        return Ok(base.wrapping_add(values.get(run)));
    }
    Err(reader.error(format!("runs of fewer than the {rows} rows of a vector")))
}

fn sparse(reader: &mut Reader<'_>, rows: usize, place: usize) -> Result<u64, DecodeError> {
    let (common, base) = (reader.u64()?, reader.u64()?);
    let count = count(reader, rows)?;
    let width = width(reader)?;
    let place_bytes = stream_bytes(count, PLACE_BITS);
    let places = reader.take(place_bytes.min(MASK_BYTES))?;
    let values = Stream::new(reader.take(stream_bytes(count, width))?, width);
    let found = if place_bytes < MASK_BYTES {
        let places = Stream::new(places, PLACE_BITS);
        (0..count).rev().find(|at| places.get(*at) as usize == place)
    } else {
        let before: u32 = places[..place / 8].iter().map(|byte| byte.count_ones()).sum();
        let (byte, bit) = (places[place / 8], place % 8);
        let within = (byte & ((1_u8 << bit) - 1)).count_ones();
        (byte >> bit & 1 == 1).then_some((before + within) as usize)
    };
    Ok(found.map_or(common, |at| base.wrapping_add(values.get(at))))
}

fn dictionary(reader: &mut Reader<'_>, place: usize) -> Result<u64, DecodeError> {
    let base = reader.u64()?;
    let count = count(reader, 256)?;
    let width = width(reader)?;
    let values = Stream::new(reader.take(stream_bytes(count, width))?, width);
    let code_width = reader.u8()?;
    if !(1..=8).contains(&code_width) {
        return Err(reader.error(format!("codes of {code_width} bits; allowed are 1 to 8")));
    }
    let code = bitpack::get(reader.take(bitpack::packed_bytes(code_width))?, code_width, place) as usize;
    Ok(if code < count { base.wrapping_add(values.get(code)) } else { 0 })
}
