//! Which numbers occur together with which groups.

use hashbrown::HashSet;

/// Of no group yet.
const NONE: u32 = u32::MAX;

/// Pairs of a number and a group, each once.
///
/// Most values of a dimension with many of them belong to a single group (a job has one tenant), so the first group of
/// each number stands in an array, and only further ones are hashed.
#[derive(Default)]
pub(super) struct Pairs {
    first: Vec<u32>,
    further: HashSet<(u32, u32)>,
}

impl Pairs {
    /// Whether the pair is new.
    #[inline]
    pub(super) fn insert(&mut self, number: u32, group: u32) -> bool {
        match self.first.get_mut(number as usize) {
            Some(first) if *first == group => false,
            Some(first) if *first != NONE => self.further.insert((number, group)),
            Some(first) => {
                *first = group;
                true
            }
            None => self.insert_beyond(number, group),
        }
    }

    #[cold]
    fn insert_beyond(&mut self, number: u32, group: u32) -> bool {
        self.first.resize((number as usize + 1).next_power_of_two(), NONE);
        self.first[number as usize] = group;
        true
    }

    /// Every number with each of its groups: numbers ascend, but for those that come again with further groups.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        let first = (0..).zip(self.first.iter().copied()).filter(|(_, group)| *group != NONE);
        first.chain(self.further.iter().copied())
    }

    /// The numbers that occur, ascending.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        (0..).zip(&self.first).filter(|(_, group)| **group != NONE).map(|(number, _)| number)
    }

    /// How many numbers occur with a group that is included.
    pub(super) fn numbers_of(&self, includes: impl Fn(usize) -> bool) -> u64 {
        let mut seen: Vec<bool> = self.first.iter().map(|group| *group != NONE && includes(*group as usize)).collect();
        let further = self.further.iter().filter(|(_, group)| includes(*group as usize));
        further.for_each(|(number, _)| seen[*number as usize] = true);
        seen.iter().filter(|seen| **seen).count() as u64
    }

    /// Bytes on the heap, estimated.
    pub(super) fn bytes(&self) -> usize {
        self.first.capacity() * size_of::<u32>() + self.further.capacity() * (size_of::<(u32, u32)>() + 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pairs_are_a_set(pairs in prop::collection::vec((0..20_u32, 0..4_u32), 0..60), wanted in any::<[bool; 4]>()) {
            let (mut found, mut expected) = (Pairs::default(), BTreeSet::new());
            for (number, group) in &pairs {
                prop_assert_eq!(found.insert(*number, *group), expected.insert((*number, *group)));
            }
            prop_assert_eq!(found.iter().collect::<BTreeSet<_>>(), expected.clone());
            prop_assert_eq!(found.iter().count(), expected.len());
            let included = expected.iter().filter(|(_, group)| wanted[*group as usize]).map(|(number, _)| *number);
            let numbers: BTreeSet<u32> = included.collect();
            prop_assert_eq!(found.numbers_of(|group| wanted[group]), numbers.len() as u64);
        }
    }
}
