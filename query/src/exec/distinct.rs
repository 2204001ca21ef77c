//! Exact counts of distinct values: each part numbers its values on its own, and values are only compared once all parts
//! were read.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::Arc;

use quipu_engine::dictionary::Dictionary;

use super::pairs::Pairs;

/// The values of a dimension, and which groups they occur in.
#[derive(Default)]
pub(super) struct Distinct {
    /// The codes of parts, with the groups they occur in.
    parts: Vec<(Arc<Dictionary>, Pairs)>,
    /// The numbers of values, with their groups, once the parts are joined.
    joined: Pairs,
}

impl Distinct {
    /// Adds the codes of a part with their slots, of which `groups` says the group.
    pub(super) fn add(&mut self, dictionary: Arc<Dictionary>, seen: &Pairs, groups: &[u32]) {
        let known = self.parts.iter().position(|(known, _)| Arc::ptr_eq(known, &dictionary));
        let at = known.unwrap_or_else(|| {
            self.parts.push((dictionary, Pairs::default()));
            self.parts.len() - 1
        });
        let pairs = &mut self.parts[at].1;
        seen.iter().for_each(|(code, slot)| _ = pairs.insert(code, groups[slot as usize]));
    }

    /// Finds the values that several parts share. Counts may be asked for afterwards.
    pub(super) fn join(&mut self) {
        let parts = std::mem::take(&mut self.parts);
        if parts.len() <= 1 {
            self.joined = parts.into_iter().next().map(|(_, pairs)| pairs).unwrap_or_default();
            return;
        }
        let sorted: Vec<Vec<u32>> = parts.iter().map(|(dictionary, pairs)| sorted_codes(dictionary, pairs)).collect();
        let mut heads: BinaryHeap<Reverse<Head<'_>>> = (0..parts.len())
            .filter_map(|part| Head::new(&parts[part].0, &sorted[part], part, 0))
            .map(Reverse)
            .collect();
        let mut numbers: Vec<Vec<u32>> = parts.iter().map(|(dictionary, _)| vec![0; dictionary.len() + 1]).collect();
        let (mut number, mut last) = (0, None);
        while let Some(mut head) = heads.peek_mut() {
            let Head { text, part, at, .. } = head.0;
            if last.replace(text) != Some(text) {
                number += 1;
            }
            numbers[part][sorted[part][at] as usize] = number;
            match Head::new(&parts[part].0, &sorted[part], part, at + 1) {
                Some(next) => head.0 = next,
                None => _ = PeekMut::pop(head),
            }
        }
        for ((_, pairs), numbers) in parts.iter().zip(&numbers) {
            pairs.iter().for_each(|(code, group)| _ = self.joined.insert(numbers[code as usize], group));
        }
    }

    /// The numbers of values with their groups.
    pub(super) fn pairs(&self) -> &Pairs {
        &self.joined
    }

    /// Bytes taken, estimated.
    pub(super) fn bytes(&self) -> usize {
        self.parts.iter().map(|(_, pairs)| pairs.bytes()).sum::<usize>() + self.joined.bytes()
    }
}

/// The codes that occur, in the order of their values.
fn sorted_codes(dictionary: &Dictionary, pairs: &Pairs) -> Vec<u32> {
    let mut codes: Vec<u32> = pairs.numbers().collect();
    if !dictionary.is_sorted() {
        codes.sort_unstable_by_key(|code| dictionary.get(*code));
    }
    codes
}

/// The least value of a part that was not joined yet.
#[derive(PartialEq, Eq)]
struct Head<'a> {
    /// The first 16 bytes, in the order of texts: most comparisons need no more.
    prefix: u128,
    text: &'a str,
    part: usize,
    /// The place among the part's sorted codes.
    at: usize,
}

impl<'a> Head<'a> {
    fn new(dictionary: &'a Dictionary, sorted: &[u32], part: usize, at: usize) -> Option<Self> {
        let text = dictionary.get(*sorted.get(at)?)?;
        let mut prefix = [0; 16];
        let length = text.len().min(prefix.len());
        prefix[..length].copy_from_slice(&text.as_bytes()[..length]);
        Some(Self { prefix: u128::from_be_bytes(prefix), text, part, at })
    }
}

impl Ord for Head<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.prefix.cmp(&other.prefix).then_with(|| self.text.cmp(other.text)).then(self.part.cmp(&other.part))
    }
}

impl PartialOrd for Head<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn values_count_once_however_many_parts_have_them(
            parts in prop::collection::vec(
                (prop::collection::vec("[a-c\u{0}é]{0,3}|common prefix of more than 16 bytes[ab]{0,2}", 0..12), any::<bool>()),
                0..5,
            ),
            slots in prop::collection::vec((0..12_usize, 0..3_u32), 0..30),
        ) {
            let (mut distinct, mut expected) = (Distinct::default(), BTreeSet::new());
            for (values, sorted) in &parts {
                let mut values: Vec<&String> = values.iter().collect::<BTreeSet<_>>().into_iter().collect();
                if !sorted {
                    values.reverse();
                }
                let dictionary = Arc::new(Dictionary::new(&values));
                // Both halves as two threads would add them.
                for half in slots.chunks(slots.len().div_ceil(2).max(1)) {
                    let mut seen = Pairs::default();
                    for (value, slot) in half.iter().filter(|(value, _)| *value < values.len()) {
                        seen.insert(u32::try_from(value + 1).unwrap(), *slot);
                        expected.insert((values[*value].clone(), [7, 8, 7][*slot as usize]));
                    }
                    distinct.add(Arc::clone(&dictionary), &seen, &[7, 8, 7]);
                }
            }
            distinct.join();
            prop_assert_eq!(distinct.pairs().iter().count(), expected.len());
            for wanted in [vec![7], vec![8], vec![7, 8]] {
                let includes = |group: usize| wanted.contains(&u32::try_from(group).unwrap());
                let of = expected.iter().filter(|(_, group)| includes(*group as usize)).map(|(value, _)| value);
                prop_assert_eq!(distinct.pairs().numbers_of(includes), of.collect::<BTreeSet<_>>().len() as u64);
            }
        }
    }
}
