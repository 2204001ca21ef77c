//! A sorted set of hashes with a little beside each, found by their first bits.
//!
//! ```text
//! count · key bits u8 · payload bits u8 · bucket bits u8 · end of each bucket u32 × 2^bucket bits · stream of records
//! record = the key's bits below its bucket's, then the payload
//! ```
//! Hashes are spread evenly, so the upper bits of a key lead to a bucket of about 32 records, of which a few share a
//! cache line. A bucket's number says what its keys start with, so that is not stored.

use std::ops::Range;

use crate::codec::bits::{self, Stream, stream_bytes};
use crate::codec::bytes::{DecodeError, Reader, put_len};

/// Records in a bucket, on average: more would be slower to search, fewer would lengthen the list of ends.
const BUCKET_RECORDS: usize = 32;
/// A record is read as one number.
const RECORD_BITS_MAX: u8 = 64;
/// Keys whose memory is waited for together: a few times what a core has under way at once.
const TOGETHER: usize = 64;

/// Writes records of a key of `key_bits` (1 to 64) and a payload of `payload_bits` bits, which must be sorted.
///
/// # Panics
/// When a record would have more than 64 bits besides its bucket's.
pub fn encode(records: &[(u64, u64)], key_bits: u8, payload_bits: u8) -> Vec<u8> {
    debug_assert!(records.is_sorted(), "records are sorted");
    let buckets = (records.len() / BUCKET_RECORDS).next_power_of_two();
    let bucket_bits = (buckets.trailing_zeros() as u8).min(key_bits);
    let rest = key_bits - bucket_bits;
    assert!(rest + payload_bits <= RECORD_BITS_MAX, "a record is one number of 64 bits");
    let mut out = Vec::new();
    put_len(&mut out, records.len());
    out.extend_from_slice(&[key_bits, payload_bits, bucket_bits]);
    let mut end = 0_usize;
    for bucket in 0..1_u64 << bucket_bits {
        end += records[end..].partition_point(|(key, _)| key.checked_shr(rest.into()).unwrap_or(0) <= bucket);
        out.extend_from_slice(&u32::try_from(end).expect("a segment has fewer than 2³² rows").to_le_bytes());
    }
    let mask = u64::MAX.checked_shr(64 - u32::from(rest)).unwrap_or(0);
    let record = |(key, payload): &(u64, u64)| (key & mask).checked_shl(payload_bits.into()).unwrap_or(0) | payload;
    bits::put(records.iter().map(record), rest + payload_bits, &mut out);
    out
}

/// An encoded set, being read.
#[derive(Clone, Copy, Debug)]
pub struct Buckets<'a> {
    count: usize,
    payload_bits: u8,
    bucket_bits: u8,
    rest: u8,
    ends: &'a [u8],
    records: Stream<'a>,
}

impl<'a> Buckets<'a> {
    /// Reads what [`encode`] wrote; the order of the records is not checked.
    ///
    /// # Errors
    /// When the bytes are not such a set of keys of `key_bits` bits.
    pub fn of(bytes: &'a [u8], key_bits: u8) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let count = usize::try_from(reader.u64()?).unwrap_or(usize::MAX);
        let [found, payload_bits, bucket_bits] = reader.array()?;
        let rest =
            key_bits.checked_sub(bucket_bits).filter(|rest| rest.checked_add(payload_bits) <= Some(RECORD_BITS_MAX));
        let (Some(rest), true) = (rest, found == key_bits && bucket_bits < 32 && count <= u32::MAX as usize) else {
            return Err(reader.error(format!("{count} keys of {found} bits in 2^{bucket_bits} buckets cannot be")));
        };
        let ends = reader.take(4 << bucket_bits)?;
        let records = Stream::new(reader.take(stream_bytes(count, rest + payload_bits))?, rest + payload_bits);
        reader.finish()?;
        Ok(Self { count, payload_bits, bucket_bits, rest, ends, records })
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn end(&self, bucket: usize) -> usize {
        let end = self.ends.get(bucket * 4..).and_then(|ends| ends.first_chunk());
        end.map_or(0, |end| u32::from_le_bytes(*end) as usize).min(self.count)
    }

    fn key_bits_of(&self, record: u64) -> u64 {
        record.checked_shr(self.payload_bits.into()).unwrap_or(0)
    }

    fn payload_of(&self, record: u64) -> u64 {
        record & u64::MAX.checked_shr(64 - u32::from(self.payload_bits)).unwrap_or(0)
    }

    /// The records whose keys start like this one.
    fn bucket(&self, key: u64) -> Range<usize> {
        let bucket = key.checked_shr(self.rest.into()).unwrap_or(0) as usize;
        bucket.checked_sub(1).map_or(0, |before| self.end(before))..self.end(bucket)
    }

    /// The part of a key that its bucket does not say.
    fn within_bucket(&self, key: u64) -> u64 {
        key & u64::MAX.checked_shr(64 - u32::from(self.rest)).unwrap_or(0)
    }

    /// About where in its bucket a key lies, for keys are spread evenly.
    fn guess(&self, key: u64, bucket: &Range<usize>) -> usize {
        let distance = (u128::from(self.within_bucket(key)) * bucket.len() as u128) >> self.rest;
        bucket.start + distance as usize
    }

    /// The payloads of the records of a key, which lie in `bucket` and about at `near`.
    fn matches(&self, key: u64, bucket: Range<usize>, near: usize) -> impl Iterator<Item = u64> + use<'a> {
        let (set, wanted) = (*self, self.within_bucket(key));
        let key_at = move |at: usize| set.key_bits_of(set.records.get(at));
        let mut first = near;
        while first < bucket.end && key_at(first) < wanted {
            first += 1;
        }
        while first > bucket.start && key_at(first - 1) >= wanted {
            first -= 1;
        }
        let records = (first..bucket.end).map(move |at| set.records.get(at));
        records.take_while(move |record| set.key_bits_of(*record) == wanted).map(move |record| set.payload_of(record))
    }

    /// The payloads of the records of a key.
    pub fn find(&self, key: u64) -> impl Iterator<Item = u64> + use<'a> {
        let bucket = self.bucket(key);
        let near = self.guess(key, &bucket);
        self.matches(key, bucket, near)
    }

    /// Calls `found` with the place among `keys` and the payload of every record of one of them.
    ///
    /// A look-up waits for memory twice: for the ends of its bucket, then for its records. Those of many keys, none of
    /// which depends on another, are waited for together.
    pub fn find_all(&self, keys: &[u64], mut found: impl FnMut(usize, u64)) {
        for (chunk, keys) in keys.chunks(TOGETHER).enumerate() {
            let mut buckets = [const { 0..0 }; TOGETHER];
            buckets.iter_mut().zip(keys).for_each(|(bucket, key)| *bucket = self.bucket(*key));
            let guesses = buckets.iter().zip(keys).map(|(bucket, key)| self.guess(*key, bucket));
            let touched = guesses.fold(0, |touched, near| touched ^ self.records.get(near));
            std::hint::black_box(touched);
            for ((place, key), bucket) in (chunk * TOGETHER..).zip(keys).zip(buckets) {
                let near = self.guess(*key, &bucket);
                self.matches(*key, bucket, near).for_each(|payload| found(place, payload));
            }
        }
    }

    /// Every record, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + use<'a> {
        let (set, mut bucket) = (*self, 0);
        let last = (1_usize << set.bucket_bits) - 1;
        (0..set.count).map(move |at| {
            while bucket < last && at >= set.end(bucket) {
                bucket += 1;
            }
            let record = set.records.get(at);
            let key = (bucket as u64).checked_shl(set.rest.into()).unwrap_or(0) | set.key_bits_of(record);
            (key, set.payload_of(record))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spread(n: u64) -> u64 {
        (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).wrapping_mul(0xBF58_476D_1CE4_E5B9)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_key_is_found_with_what_lies_beside_it(
            count in 0..3_000_u64, key_bits in 8..=64_u8, payload_bits in 0..=37_u8, twice in any::<bool>(),
        ) {
            let payload_bits = payload_bits.min(if key_bits > 48 { 64 - key_bits } else { 16 });
            let mask = u64::MAX.checked_shr(64 - u32::from(payload_bits)).unwrap_or(0);
            let record = |n: u64| (spread(n) >> (64 - key_bits), n & mask);
            let mut records: Vec<_> = (0..count).chain(0..if twice { count / 9 } else { 0 }).map(record).collect();
            records.sort_unstable();
            let bytes = encode(&records, key_bits, payload_bits);
            let set = Buckets::of(&bytes, key_bits).unwrap();
            prop_assert!(set.iter().eq(records.iter().copied()));
            for key in (0..count + 50).map(|n| record(n).0) {
                let expected = records.iter().filter(|record| record.0 == key).map(|record| record.1);
                prop_assert!(set.find(key).eq(expected));
            }
            let keys: Vec<u64> = (0..count + 50).map(|n| record(n).0).collect();
            let mut together = Vec::new();
            set.find_all(&keys, |place, payload| together.push((place, payload)));
            let one_by_one = keys.iter().enumerate().flat_map(|(place, key)| set.find(*key).map(move |found| (place, found)));
            prop_assert!(together.into_iter().eq(one_by_one));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), key: u64) {
            if let Ok(set) = Buckets::of(&bytes, 48) {
                prop_assert!(set.find(key >> 16).count() <= set.len());
                let mut found = 0;
                set.find_all(&[key >> 16, key >> 20, 0], |_, _| found += 1);
                prop_assert!(found <= 3 * set.len());
                prop_assert_eq!(set.iter().count(), set.len());
            }
        }
    }
}
