//! The values of one dimension in one part; rows hold codes into it.

use std::hash::BuildHasher;
use std::sync::OnceLock;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Distinct texts, numbered from 1; code 0 stands for absent.
#[derive(Clone, Debug, Default)]
pub struct Dictionary {
    bytes: String,
    /// The end of each value in `bytes`.
    ends: Vec<u32>,
    /// Whether some value is not above the one before it.
    unsorted: bool,
    /// Where the values are, if they are not sorted and somebody has looked for one.
    index: OnceLock<Index>,
}

impl PartialEq for Dictionary {
    fn eq(&self, other: &Self) -> bool {
        (&self.bytes, &self.ends) == (&other.bytes, &other.ends)
    }
}

impl Eq for Dictionary {}

impl Dictionary {
    /// Values that are looked through faster than hashed.
    const FEW: usize = 16;

    /// A dictionary of `values`, the first of which gets code 1.
    pub fn new<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> Self {
        let mut dictionary = Self::default();
        for value in values {
            dictionary.push(value.as_ref());
        }
        dictionary
    }

    /// Appends a value and returns its code.
    pub fn push(&mut self, value: &str) -> u32 {
        self.index.take();
        self.unsorted |= self.get(self.len_u32()).is_some_and(|last| last >= value);
        self.bytes.push_str(value);
        self.ends.push(u32::try_from(self.bytes.len()).expect("a head is sealed long before 4 GiB of texts"));
        self.len_u32()
    }

    /// Whether one more value fits.
    pub fn has_room_for(&self, value: &str) -> bool {
        u32::try_from(self.bytes.len() + value.len()).is_ok()
    }

    fn len_u32(&self) -> u32 {
        u32::try_from(self.ends.len()).expect("codes are 32 bits wide")
    }

    /// How many values there are; codes run from 0 (absent) to this number.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether no row has a value.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Whether codes are in the byte order of their values.
    pub fn is_sorted(&self) -> bool {
        !self.unsorted
    }

    /// The value of a code; `None` for 0 (absent) and for codes that do not exist.
    pub fn get(&self, code: u32) -> Option<&str> {
        let at = (code as usize).checked_sub(1)?;
        let end = *self.ends.get(at)? as usize;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        Some(&self.bytes[start..end])
    }

    /// The code of a value; `None` when no row has it.
    pub fn find(&self, value: &str) -> Option<u32> {
        if !self.is_sorted() && self.len() <= Self::FEW {
            return self.iter().find(|(_, v)| *v == value).map(|(code, _)| code);
        }
        if !self.is_sorted() {
            return self.index.get_or_init(|| Index::of(self)).find(self, value);
        }
        let (mut low, mut high) = (1, self.len_u32() + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle)?.cmp(value) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// Every code with its value, in code order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &str)> {
        (1..=self.len_u32()).filter_map(|code| self.get(code).map(|value| (code, value)))
    }

    /// The same values sorted, and for each old code (0 included) its new one.
    pub fn sorted(&self) -> (Self, Vec<u32>) {
        if self.is_sorted() {
            return (self.clone(), (0..=self.len_u32()).collect());
        }
        let mut order: Vec<u32> = (1..=self.len_u32()).collect();
        order.sort_unstable_by_key(|code| self.get(*code));
        let mut codes = vec![0; self.ends.len() + 1];
        let mut sorted = Self::default();
        for old in order {
            codes[old as usize] = sorted.push(self.get(old).unwrap_or_default());
        }
        (sorted, codes)
    }

    /// Bytes of memory held.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * 4 + self.index.get().map_or(0, Index::memory_bytes)
    }
}

/// The codes of a dictionary by the hash of their texts, which only the dictionary holds.
#[derive(Clone, Debug, Default)]
struct Index {
    codes: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Index {
    fn of(dictionary: &Dictionary) -> Self {
        let mut index = Self { codes: HashTable::with_capacity(dictionary.len()), ..Self::default() };
        (1..=dictionary.len_u32()).for_each(|code| index.insert(dictionary, code));
        index
    }

    fn find(&self, dictionary: &Dictionary, value: &str) -> Option<u32> {
        self.codes.find(self.hasher.hash_one(value), |code| dictionary.get(*code) == Some(value)).copied()
    }

    /// Adds the code of a value that has none so far.
    fn insert(&mut self, dictionary: &Dictionary, code: u32) {
        let hasher = &self.hasher;
        let hash = |code: u32| hasher.hash_one(dictionary.get(code).unwrap_or_default());
        self.codes.insert_unique(hash(code), code, |code| hash(*code));
    }

    fn memory_bytes(&self) -> usize {
        self.codes.allocation_size()
    }
}

/// Gives texts codes while a dictionary grows.
#[derive(Debug, Default)]
pub struct Interner {
    dictionary: Dictionary,
    index: Index,
    last: u32,
}

impl Interner {
    /// The code of `value`, new or known.
    pub fn intern(&mut self, value: &str) -> u32 {
        // Neighbouring rows mostly agree, so the last answer is tried before the hash.
        if self.dictionary.get(self.last) == Some(value) {
            return self.last;
        }
        let Self { dictionary, index, last } = self;
        *last = index.find(dictionary, value).unwrap_or_else(|| {
            let code = dictionary.push(value);
            index.insert(dictionary, code);
            code
        });
        *last
    }

    /// The dictionary as it stands.
    pub fn finish(self) -> Dictionary {
        self.dictionary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_zero_is_absent_and_values_are_found() {
        let dictionary = Dictionary::new(["b", "a", ""]);
        assert_eq!(
            (dictionary.get(0), dictionary.get(1), dictionary.get(3), dictionary.get(4)),
            (None, Some("b"), Some(""), None)
        );
        assert_eq!((dictionary.find("a"), dictionary.find("c")), (Some(2), None));
        let (sorted, codes) = dictionary.sorted();
        assert!(sorted.is_sorted());
        assert_eq!(codes, [0, 3, 2, 1]);
        assert_eq!((sorted.find(""), sorted.find("b"), sorted.find("bb")), (Some(1), Some(3), None));
    }

    #[test]
    fn values_of_a_large_unsorted_dictionary_are_found_and_those_that_come_later() {
        let mut dictionary = Dictionary::new((0..100).rev().map(|n| format!("v{n}")));
        for round in 100..103 {
            for (code, value) in dictionary.iter() {
                assert_eq!(dictionary.find(value), Some(code));
            }
            assert_eq!(dictionary.find(&format!("v{round}")), None);
            dictionary.push(&format!("v{round}"));
        }
        assert_eq!(dictionary, dictionary.clone());
    }

    #[test]
    fn interning_gives_each_text_one_code() {
        let mut interner = Interner::default();
        let codes: Vec<u32> = ["x", "x", "y", "x"].into_iter().map(|text| interner.intern(text)).collect();
        assert_eq!(codes, [1, 1, 2, 1]);
        assert_eq!(interner.finish().len(), 2);
    }
}
