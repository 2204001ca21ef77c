//! The names of jobs and their numbers, without a copy of the texts.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::dictionary::Dictionary;

/// The dictionary of names that no part has.
const OWN: u32 = u32::MAX;

/// Numbered names, each found in the dictionary that had it first.
#[derive(Debug, Default)]
pub(super) struct Names {
    dictionaries: Vec<Arc<Dictionary>>,
    /// Names that are in none of them.
    own: Dictionary,
    /// Dictionary and code of each name.
    places: Vec<(u32, u32)>,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Names {
    /// The names that follow are in this dictionary.
    pub(super) fn add_dictionary(&mut self, dictionary: &Arc<Dictionary>) {
        self.dictionaries.push(Arc::clone(dictionary));
        let Self { numbers, hasher, dictionaries, own, places } = self;
        let hash = |number: &u32| hasher.hash_one(text(dictionaries, own, places[*number as usize]));
        numbers.reserve(dictionary.len(), hash);
    }

    /// Numbers a name of the dictionary that was added last.
    pub(super) fn push(&mut self, code: u32, name: &str) -> u32 {
        let dictionary = u32::try_from(self.dictionaries.len() - 1).expect("there are few parts");
        self.insert((dictionary, code), name)
    }

    /// Numbers any other name.
    pub(super) fn push_text(&mut self, name: &str) -> u32 {
        let code = self.own.push(name);
        self.insert((OWN, code), name)
    }

    fn insert(&mut self, place: (u32, u32), name: &str) -> u32 {
        let number = self.len();
        self.places.push(place);
        let Self { numbers, hasher, dictionaries, own, places } = self;
        let hash = |number: &u32| hasher.hash_one(text(dictionaries, own, places[*number as usize]));
        numbers.insert_unique(hasher.hash_one(name), number, hash);
        number
    }

    pub(super) fn find(&self, name: &str) -> Option<u32> {
        let same = |number: &u32| text(&self.dictionaries, &self.own, self.places[*number as usize]) == name;
        self.numbers.find(self.hasher.hash_one(name), same).copied()
    }

    /// Which of the dictionaries has a name, and its code there; `None` where none has.
    pub(super) fn place(&self, number: u32) -> Option<(usize, usize)> {
        let (dictionary, code) = self.places[number as usize];
        (dictionary != OWN).then_some((dictionary as usize, code as usize))
    }

    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.places.len()).expect("codes are 32 bits wide, and few parts are read together")
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.own.memory_bytes() + self.places.capacity() * size_of::<(u32, u32)>() + self.numbers.capacity() * 5
    }
}

fn text<'a>(dictionaries: &'a [Arc<Dictionary>], own: &'a Dictionary, (dictionary, code): (u32, u32)) -> &'a str {
    let dictionary = dictionaries.get(dictionary as usize).map_or(own, |dictionary| dictionary);
    dictionary.get(code).unwrap_or_default()
}
