//! The distinct tag sets of a segment.
//!
//! ```text
//! zstd of: length · keys (front-coded) · length · values (front-coded) · set count · set × count
//! set    = tag count · (key code · value code) × count       set 0, the empty one, is not written
//! ```

use std::collections::BTreeSet;

use crate::codec::bytes::{DecodeError, Reader, put_bytes, put_len, put_u64};
use crate::codec::{front, texts};
use crate::dictionary::Dictionary;
use crate::limits;
use crate::rows::TagSets;

/// No tag-set table that a head can hold is larger.
const TABLE_BYTES_MAX: usize = 1 << 30;

pub(super) fn encode(sets: &TagSets) -> Vec<u8> {
    let codes = 1..u32::try_from(sets.len()).expect("tag set codes are 32 bits wide");
    let tags = || codes.clone().flat_map(|code| sets.get(code));
    let keys = Dictionary::new(tags().map(|(key, _)| key.as_str()).collect::<BTreeSet<_>>());
    let values = Dictionary::new(tags().map(|(_, value)| value.as_str()).collect::<BTreeSet<_>>());
    let mut out = Vec::new();
    put_bytes(&mut out, &front::encode(&keys));
    put_bytes(&mut out, &front::encode(&values));
    put_len(&mut out, codes.len());
    for code in codes.clone() {
        let set = sets.get(code);
        put_len(&mut out, set.len());
        for (key, value) in set {
            put_u64(&mut out, keys.find(key).unwrap_or_default().into());
            put_u64(&mut out, values.find(value).unwrap_or_default().into());
        }
    }
    texts::compress(&out)
}

pub(super) fn decode(bytes: &[u8]) -> Result<TagSets, DecodeError> {
    let bytes = texts::decompress(bytes, TABLE_BYTES_MAX)?;
    let mut reader = Reader::new(&bytes);
    let keys = front::decode(reader.bytes()?)?;
    let values = front::decode(reader.bytes()?)?;
    let mut sets = vec![Vec::new()];
    for _ in 0..reader.count(1)? {
        let tags = reader.count(2)?;
        if tags > limits::TAGS {
            return Err(reader.error(format!("a set of {tags} tags")));
        }
        let mut set = Vec::with_capacity(tags);
        for _ in 0..tags {
            let (key, value) = (reader.u32()?, reader.u32()?);
            let tag = keys.get(key).zip(values.get(value));
            let (key, value) = tag.ok_or_else(|| reader.error("codes of a key and a value expected"))?;
            set.push((key.into(), value.into()));
        }
        if !set.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(reader.error("tags in the order of their keys expected"));
        }
        sets.push(set);
    }
    reader.finish()?;
    Ok(TagSets::new(sets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Text;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn tag_sets_come_back(sets in prop::collection::vec(prop::collection::btree_map("[a-d]{1,3}", ".{0,5}", 1..6), 0..20)) {
            let text = |(key, value): (String, String)| (Text::from(key), Text::from(value));
            let sets = std::iter::once(Vec::new()).chain(sets.into_iter().map(|set| set.into_iter().map(text).collect()));
            let sets = TagSets::new(sets.collect());
            prop_assert_eq!(decode(&encode(&sets)).unwrap(), sets);
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&texts::compress(&bytes));
            let _ = decode(&bytes);
        }
    }
}
