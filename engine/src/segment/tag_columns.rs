//! Tags that vary too much for sets get a column of their own.
//!
//! Most events share their tags with many others, so a set of them is one number a row. A tag that is different in every
//! event, such as the id of a request, would make as many sets as rows. Where there are too many sets, the key with the
//! most values is taken out of them, and so on until they are few.

use std::collections::{BTreeMap, BTreeSet};

use crate::dictionary::Dictionary;
use crate::rows::TagSets;
use crate::schema::Text;

/// So many sets are few, however few rows there are.
const FEW_SETS: usize = 16;
/// Where there are more rows, one set for so many of them is few.
const ROWS_OF_SET: usize = 8;

/// Sets parted into smaller ones and columns.
pub(super) struct Parted {
    /// What is left of the sets, each once, by content.
    pub(super) sets: TagSets,
    /// For each old set the new one.
    pub(super) set_codes: Vec<u32>,
    /// For each key that was taken out, in order.
    pub(super) columns: Vec<TakenOut>,
}

/// A tag that was taken out of sets.
pub(super) struct TakenOut {
    pub(super) key: Text,
    /// Sorted.
    pub(super) values: Dictionary,
    /// For each old set the code of its value.
    pub(super) of_set: Vec<u32>,
}

/// The keys to take out of the sets of so many rows.
pub(super) fn too_varied(sets: &TagSets, rows: usize) -> BTreeSet<Text> {
    let most = FEW_SETS.max(rows / ROWS_OF_SET);
    let mut taken = BTreeSet::new();
    if sets.len() <= most {
        return taken;
    }
    let mut values: BTreeMap<&Text, BTreeSet<&Text>> = BTreeMap::new();
    for (key, value) in codes(sets).flat_map(|code| sets.get(code)) {
        values.entry(key).or_default().insert(value);
    }
    let mut keys: Vec<(usize, &Text)> = values.iter().map(|(key, values)| (values.len(), *key)).collect();
    keys.sort_by_key(|(values, key)| (std::cmp::Reverse(*values), *key));
    for (_, key) in keys {
        taken.insert(key.clone());
        let left: BTreeSet<Vec<_>> = codes(sets).map(|code| without(sets, code, &taken).collect()).collect();
        if left.len() <= most {
            break;
        }
    }
    taken
}

/// Takes keys out of sets.
pub(super) fn part(sets: &TagSets, keys: &BTreeSet<Text>) -> Parted {
    let left = |code| without(sets, code, keys).cloned().collect::<Vec<_>>();
    let all: BTreeSet<Vec<(Text, Text)>> = std::iter::once(Vec::new()).chain(codes(sets).map(left)).collect();
    let numbers: BTreeMap<&Vec<(Text, Text)>, u32> = all.iter().zip(0..).collect();
    let set_codes = codes(sets).map(|code| numbers[&left(code)]).collect();
    drop(numbers);
    let columns = keys.iter().map(|key| take_out(sets, key)).collect();
    Parted { sets: TagSets::new(all.into_iter().collect()), set_codes, columns }
}

fn take_out(sets: &TagSets, key: &Text) -> TakenOut {
    let value = |code| sets.value(code, key);
    let values = Dictionary::new(codes(sets).filter_map(value).collect::<BTreeSet<_>>());
    let of_set = codes(sets).map(|code| value(code).and_then(|value| values.find(value)).unwrap_or(0)).collect();
    TakenOut { key: key.clone(), values, of_set }
}

fn without<'a>(sets: &'a TagSets, code: u32, keys: &BTreeSet<Text>) -> impl Iterator<Item = &'a (Text, Text)> {
    sets.get(code).iter().filter(|(key, _)| !keys.contains(key))
}

fn codes(sets: &TagSets) -> std::ops::Range<u32> {
    0..u32::try_from(sets.len()).expect("tag set codes are 32 bits wide")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(of: impl Iterator<Item = Vec<(&'static str, String)>>) -> TagSets {
        let text = |(key, value): (&str, String)| (Text::from(key), Text::from(value));
        let sets: BTreeSet<Vec<_>> = of.map(|set| set.into_iter().map(text).collect()).collect();
        TagSets::new(std::iter::once(Vec::new()).chain(sets).collect())
    }

    #[test]
    fn what_differs_everywhere_leaves_the_sets_and_comes_back_by_their_codes() {
        let of = (0..200).map(|n| vec![("env", format!("{}", n % 3)), ("request", format!("r{n}"))]);
        let sets = sets(of);
        let keys = too_varied(&sets, 200);
        assert_eq!(keys, ["request".into()].into());
        let parted = part(&sets, &keys);
        assert_eq!(parted.sets.len(), 4);
        for code in codes(&sets) {
            let mut tags = parted.sets.get(parted.set_codes[code as usize]).to_vec();
            let column = &parted.columns[0];
            let value = column.values.get(column.of_set[code as usize]);
            tags.extend(value.map(|value| (column.key.clone(), value.into())));
            assert_eq!(tags, sets.get(code));
        }
    }

    #[test]
    fn tags_that_are_many_only_together_go_one_by_one_until_sets_are_few() {
        let of = (0..400).map(|n| vec![("a", format!("{}", n % 20)), ("b", format!("{}", n / 20))]);
        let sets = sets(of);
        assert_eq!(too_varied(&sets, 400), ["a".into()].into());
        assert!(too_varied(&sets, 10_000).is_empty());
    }
}
