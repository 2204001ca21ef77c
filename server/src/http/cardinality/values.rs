//! The values of one workspace, and what becomes of one too many.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use quipu::coarse::OVERFLOW;
use quipu::{Dimension, Event, Pivot, Text};

use super::Coarsened;
use crate::ask::LABELS;
use crate::config::Variety;

/// Values of tags that are known in a workspace, whatever their keys: some 70 MB of hashes.
const TAG_VALUES_IN_ALL: usize = 1 << 22;

/// The values of one workspace, by their hashes.
#[derive(Debug, Default)]
pub(super) struct Values {
    hasher: RandomState,
    labels: HashMap<Dimension, HashSet<u64>>,
    tags: HashMap<Text, HashSet<u64>>,
    tag_values: usize,
    /// Whether those that were stored before this process began are among them. Until then none is too many.
    pub(super) complete: bool,
}

/// What becomes of a tag.
#[derive(PartialEq, Eq)]
enum Fate {
    Kept,
    /// There are too many values of its key.
    Value,
    /// There are too many keys.
    Key,
}

impl Values {
    /// Makes a value known.
    pub(super) fn add(&mut self, pivot: &Pivot, value: &str) {
        let hash = self.hasher.hash_one(value);
        match pivot {
            Pivot::Dimension(label) => drop(self.labels.entry(*label).or_default().insert(hash)),
            Pivot::Tag(key) => {
                self.tag_values += usize::from(self.tags.entry(key.clone()).or_default().insert(hash));
            }
            Pivot::Number(_) | Pivot::Time(_) | Pivot::Lacking => {}
        }
    }

    /// The event without its values that are too many; `None` where none is.
    pub(super) fn coarsen(&mut self, event: &Event, most: &Variety, coarsened: &mut Coarsened) -> Option<Event> {
        let mut coarse = None;
        for label in LABELS {
            let Some(value) = event.get(label) else { continue };
            let hash = self.hasher.hash_one(value);
            let known = self.labels.entry(label).or_default();
            if known.contains(&hash) || value == OVERFLOW {
                continue;
            }
            if known.len() < most.labels || !self.complete {
                known.insert(hash);
                continue;
            }
            coarse.get_or_insert_with(|| event.clone()).dimensions.insert(label, OVERFLOW.into());
            coarsened.count(label.name());
        }
        let beyond: Vec<(Text, Fate)> = event
            .tags
            .iter()
            .map(|(key, value)| (key, self.judge(key, value, most)))
            .filter(|(_, fate)| *fate != Fate::Kept)
            .map(|(key, fate)| (key.clone(), fate))
            .collect();
        for (key, fate) in beyond {
            let tags = &mut coarse.get_or_insert_with(|| event.clone()).tags;
            let (key, what) = match fate {
                Fate::Key => {
                    tags.remove(&key);
                    (OVERFLOW.into(), "tag_key")
                }
                _ => (key, "tag"),
            };
            tags.insert(key, OVERFLOW.into());
            coarsened.count(what);
        }
        coarse
    }

    fn judge(&mut self, key: &Text, value: &Text, most: &Variety) -> Fate {
        let hash = self.hasher.hash_one(value.as_str());
        let known = self.tags.get(key);
        if value == OVERFLOW || known.is_some_and(|known| known.contains(&hash)) {
            return Fate::Kept;
        }
        match known {
            _ if !self.complete => {}
            None if self.tags.len() >= most.tag_keys => return Fate::Key,
            Some(known) if known.len() >= most.tag_values => return Fate::Value,
            _ if self.tag_values >= TAG_VALUES_IN_ALL => return Fate::Value,
            _ => {}
        }
        self.tags.entry(key.clone()).or_default().insert(hash);
        self.tag_values += 1;
        Fate::Kept
    }
}
