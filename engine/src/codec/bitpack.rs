//! Bit-packing of vectors of 1,024 values, transposed so that plain safe loops vectorise.
//!
//! A vector is seen as rows of `LANES` neighbouring values. Lane *l* of all rows forms a stream
//! of its own, row *r* at bit `r × width`; word *k* of every lane lies side by side. Unpacking a
//! row is then the same shift and mask over `LANES` adjacent words, whatever the width. (The idea
//! is that of FastLanes, Afroozeh and Boncz, VLDB 2023; the layout is our own.) Widths up to 32
//! use 32 lanes of 32-bit words, wider ones 16 lanes of 64-bit words.

use crate::limits::VECTOR_ROWS;

/// Bytes that a packed vector of that width takes.
pub const fn packed_bytes(width: u8) -> usize {
    width as usize * VECTOR_ROWS / 8
}

/// Bits needed for values up to `max`.
pub const fn width_of(max: u64) -> u8 {
    (u64::BITS - max.leading_zeros()) as u8
}

macro_rules! lanes {
    ($word:ty, $bits:literal, $pack:ident, $unpack:ident, $unpack_width:ident, [$($width:literal)+]) => {
        fn $pack(values: &[$word; VECTOR_ROWS], width: usize, out: &mut Vec<u8>) {
            const LANES: usize = VECTOR_ROWS / $bits;
            let mut words = vec![0 as $word; width * LANES];
            for (row, lanes) in values.chunks_exact(LANES).enumerate() {
                let (word, shift) = (row * width / $bits, row * width % $bits);
                for (lane, value) in lanes.iter().enumerate() {
                    words[word * LANES + lane] |= value << shift;
                    if shift + width > $bits {
                        words[(word + 1) * LANES + lane] |= value >> ($bits - shift);
                    }
                }
            }
            out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        }

        fn $unpack_width<const WIDTH: usize>(packed: &[u8], out: &mut [$word; VECTOR_ROWS]) {
            const LANES: usize = VECTOR_ROWS / $bits;
            let mut words = [[0 as $word; LANES]; WIDTH];
            for (word, bytes) in words.as_flattened_mut().iter_mut().zip(packed.chunks_exact($bits / 8)) {
                *word = <$word>::from_le_bytes(bytes.try_into().expect("chunks are as wide as a word"));
            }
            let mask: $word = <$word>::MAX >> ($bits - WIDTH);
            for (row, lanes) in out.chunks_exact_mut(LANES).enumerate() {
                let (word, shift) = (row * WIDTH / $bits, row * WIDTH % $bits);
                for (lane, value) in lanes.iter_mut().enumerate() {
                    let low = words[word][lane] >> shift;
                    let high = if shift + WIDTH > $bits { words[word + 1][lane] << ($bits - shift) } else { 0 };
                    *value = (low | high) & mask;
                }
            }
        }

        fn $unpack(packed: &[u8], width: usize, out: &mut [$word; VECTOR_ROWS]) {
            match width {
                $($width => $unpack_width::<$width>(packed, out),)+
                _ => out.fill(0),
            }
        }
    };
}

lanes!(u32, 32, pack32, unpack32_any, unpack32_width,
    [1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32]);
lanes!(u64, 64, pack64, unpack64_any, unpack64_width,
    [33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64]);

/// Appends `values`, each below 2^`width`, packed; width 0 appends nothing.
pub fn pack(values: &[u64; VECTOR_ROWS], width: u8, out: &mut Vec<u8>) {
    debug_assert!(values.iter().all(|value| width_of(*value) <= width), "every value fits the width");
    match width {
        0 => {}
        1..=32 => pack32(&values.map(|value| value as u32), width.into(), out),
        _ => pack64(values, width.into(), out),
    }
}

/// Unpacks a vector of a width up to 32; `packed` must have [`packed_bytes`] bytes.
pub fn unpack32(packed: &[u8], width: u8, out: &mut [u32; VECTOR_ROWS]) {
    debug_assert_eq!(packed.len(), packed_bytes(width), "the caller checked the length");
    unpack32_any(packed, width.into(), out);
}

/// Unpacks a vector of a width from 33 to 64; `packed` must have [`packed_bytes`] bytes.
pub fn unpack64(packed: &[u8], width: u8, out: &mut [u64; VECTOR_ROWS]) {
    debug_assert_eq!(packed.len(), packed_bytes(width), "the caller checked the length");
    unpack64_any(packed, width.into(), out);
}

/// The value at `place` (below 1,024) of a packed vector, without unpacking the rest; `packed` must have
/// [`packed_bytes`] bytes.
pub fn get(packed: &[u8], width: u8, place: usize) -> u64 {
    let word_bytes = if width <= 32 { 4 } else { 8 };
    let (bits, lanes) = (word_bytes * 8, VECTOR_ROWS / (word_bytes * 8));
    let (row, lane, width) = (place / lanes, place % lanes, usize::from(width));
    let word = |number: usize| {
        let at = (number * lanes + lane) * word_bytes;
        let bytes = packed.get(at..at + word_bytes).unwrap_or_default();
        bytes.iter().rev().fold(0_u128, |word, byte| word << 8 | u128::from(*byte))
    };
    let (first, shift) = (row * width / bits, row * width % bits);
    let both = word(first) | word(first + 1) << bits;
    ((both >> shift) & ((1_u128 << width) - 1)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_comes_back() {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state
        };
        for width in 0..=64_u8 {
            let mask = u64::MAX.checked_shr(64 - u32::from(width)).unwrap_or(0);
            let values: [u64; VECTOR_ROWS] = std::array::from_fn(|_| next() & mask);
            let mut packed = Vec::new();
            pack(&values, width, &mut packed);
            assert_eq!(packed.len(), packed_bytes(width));
            let back = if width <= 32 {
                let mut out = [7; VECTOR_ROWS];
                unpack32(&packed, width, &mut out);
                out.map(u64::from)
            } else {
                let mut out = [7; VECTOR_ROWS];
                unpack64(&packed, width, &mut out);
                out
            };
            assert_eq!(back, values, "width {width}");
            assert!((0..VECTOR_ROWS).all(|place| get(&packed, width, place) == values[place]), "width {width}");
        }
    }
}
