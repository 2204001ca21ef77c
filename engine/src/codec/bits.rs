//! Streams of numbers of one width, bit behind bit: for the few values that stand beside a packed vector.
//!
//! Number *i* of a stream of width *w* lies at bits *i × w* to *(i + 1) × w*, least significant first; the
//! last byte is filled up with zeros. Whole vectors are packed transposed instead, see [`super::bitpack`].

/// Bytes that `count` numbers of that width take.
pub const fn stream_bytes(count: usize, width: u8) -> usize {
    (count * width as usize).div_ceil(8)
}

/// Appends numbers, each below 2^`width`, as a stream.
pub fn put(values: impl IntoIterator<Item = u64>, width: u8, out: &mut Vec<u8>) {
    let (mut pending, mut bits) = (0_u128, 0_u32);
    for value in values {
        debug_assert!(width == 64 || value >> width == 0, "every number fits the width");
        pending |= u128::from(value) << bits;
        bits += u32::from(width);
        while bits >= 8 {
            out.push(pending as u8);
            pending >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        out.push(pending as u8);
    }
}

/// A stream of numbers being read; what lies beyond its end reads as 0.
#[derive(Clone, Copy, Debug)]
pub struct Stream<'a> {
    bytes: &'a [u8],
    width: usize,
    mask: u64,
}

impl<'a> Stream<'a> {
    /// The stream in `bytes` of numbers `width` (at most 64) bits wide.
    pub fn new(bytes: &'a [u8], width: u8) -> Self {
        let mask = u64::MAX.checked_shr(64 - u32::from(width)).unwrap_or(0);
        Self { bytes, width: width.into(), mask }
    }

    /// The number at `index`.
    #[inline]
    pub fn get(&self, index: usize) -> u64 {
        let bit = index * self.width;
        let (at, shift) = (bit / 8, bit % 8);
        // A number of up to 57 bits lies in the eight bytes from its first one.
        let Some(low) = self.bytes[at.min(self.bytes.len())..].first_chunk::<8>() else {
            return self.near_end(at, shift);
        };
        let low = u64::from_le_bytes(*low) >> shift;
        if shift + self.width <= 64 {
            return low & self.mask;
        }
        let high = self.bytes.get(at + 8).copied().unwrap_or(0);
        (low | u64::from(high) << (64 - shift)) & self.mask
    }

    #[cold]
    fn near_end(&self, at: usize, shift: usize) -> u64 {
        let mut window = [0; 16];
        let rest = &self.bytes[at.min(self.bytes.len())..];
        let len = rest.len().min(16);
        window[..len].copy_from_slice(&rest[..len]);
        (u128::from_le_bytes(window) >> shift) as u64 & self.mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn streams_come_back(values in prop::collection::vec(any::<u64>(), 0..70), width in 0..=64_u8) {
            let mask = u64::MAX.checked_shr(64 - u32::from(width)).unwrap_or(0);
            let values: Vec<u64> = values.into_iter().map(|value| value & mask).collect();
            let mut bytes = vec![];
            put(values.iter().copied(), width, &mut bytes);
            prop_assert_eq!(bytes.len(), stream_bytes(values.len(), width));
            let stream = Stream::new(&bytes, width);
            prop_assert!((0..values.len()).all(|at| stream.get(at) == values[at]));
            prop_assert_eq!(stream.get(values.len() + 64), 0);
        }
    }
}
