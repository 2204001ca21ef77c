//! A split-block Bloom filter: is this hash perhaps in the set?
//!
//! The layout is the one of Parquet's bloom filters (Putze, Sanders, Singler 2007, "Cache-, Hash-
//! and Space-Efficient Bloom Filters"): the upper half of the hash picks a block of 32 bytes, the
//! lower half one bit in each of its eight words. A look-up touches one cache line.

const BLOCK_BYTES: usize = 32;
/// About 1 % of the absent hashes are let through.
const BITS_PER_KEY: usize = 11;
/// The odd constants of the Parquet format specification.
const SALT: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

fn place(blocks: usize, hash: u64) -> (usize, [u32; 8]) {
    let block = ((u128::from(hash >> 32) * blocks as u128) >> 32) as usize;
    (block * BLOCK_BYTES, SALT.map(|salt| 1 << ((hash as u32).wrapping_mul(salt) >> 27)))
}

/// The filter of some hashes.
pub fn build(hashes: &[u64]) -> Vec<u8> {
    let blocks = (hashes.len() * BITS_PER_KEY).div_ceil(BLOCK_BYTES * 8).max(1);
    let mut filter = vec![0; blocks * BLOCK_BYTES];
    for hash in hashes {
        let (at, bits) = place(blocks, *hash);
        for (word, bit) in filter[at..at + BLOCK_BYTES].chunks_exact_mut(4).zip(bits) {
            word.iter_mut().zip(bit.to_le_bytes()).for_each(|(byte, bit)| *byte |= bit);
        }
    }
    filter
}

/// Whether the hash may be in the set; always true for one that is. A filter of a size that
/// [`build`] never gives lets everything through.
pub fn may_contain(filter: &[u8], hash: u64) -> bool {
    if filter.is_empty() || !filter.len().is_multiple_of(BLOCK_BYTES) {
        return true;
    }
    let (at, bits) = place(filter.len() / BLOCK_BYTES, hash);
    filter[at..at + BLOCK_BYTES].chunks_exact(4).zip(bits).all(|(word, bit)| {
        let word = u32::from_le_bytes(word.try_into().expect("chunks of four bytes"));
        word & bit != 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u64) -> u64 {
        (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).wrapping_mul(0xBF58_476D_1CE4_E5B9)
    }

    #[test]
    fn nothing_present_is_missed_and_little_absent_passes() {
        let present: Vec<u64> = (0..10_000).map(hash).collect();
        let filter = build(&present);
        assert!(present.iter().all(|hash| may_contain(&filter, *hash)));
        let passed = (10_000..110_000).filter(|n| may_contain(&filter, hash(*n))).count();
        assert!(passed < 2_500, "{passed} of 100,000 absent hashes passed");
        assert!(may_contain(&[], 1) && may_contain(&[0; 33], 1));
    }
}
