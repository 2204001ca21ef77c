//! The tags of several segments as those of one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;

use super::cursor::Column;
use super::{Kept, Renumbered, merge_dictionaries, used_codes};
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::rows::{EventRows, TagSets};
use crate::schema::Text;
use crate::segment::tag_columns;

/// Sets and columns that hold the tags of all inputs. A tag that has a column in one of them has one here.
#[derive(Debug)]
pub(super) struct MergedTags {
    pub(super) sets: Arc<TagSets>,
    /// For each input the new code of each of its sets.
    pub(super) set_codes: Vec<Vec<u32>>,
    /// For each tag with a column where each input has it.
    columns: BTreeMap<Text, Vec<Source>>,
}

/// Where an input has a tag that gets a column.
#[derive(Debug)]
enum Source {
    /// In a column.
    Column,
    /// In its sets, each of which stands for a value.
    Sets { values: Arc<Dictionary>, of_set: Vec<u32> },
}

impl MergedTags {
    /// Merges the sets that still occur, in the order of their content.
    pub(super) fn of(inputs: &[Kept]) -> Result<Self> {
        let keys: BTreeSet<Text> = inputs.iter().flat_map(|kept| kept.input.segment.tag_columns()).collect();
        let mut columns: BTreeMap<Text, Vec<Source>> = keys.iter().map(|key| (key.clone(), Vec::new())).collect();
        let mut all: BTreeSet<Vec<(Text, Text)>> = std::iter::once(Vec::new()).collect();
        let mut parted_sets = Vec::new();
        for kept in inputs {
            let own = kept.input.segment.read_tag_sets()?;
            let parted = tag_columns::part(&own, &keys);
            let used = used_sets(kept, own.len())?;
            let left = parted.set_codes.iter().zip(&used).filter(|(_, used)| **used);
            all.extend(left.map(|(code, _)| parted.sets.get(*code).to_vec()));
            let in_columns = kept.input.segment.tag_columns();
            for column in parted.columns {
                let source = match in_columns.contains(&column.key) {
                    true => Source::Column,
                    false => Source::Sets { values: Arc::new(column.values), of_set: column.of_set },
                };
                columns.entry(column.key).or_default().push(source);
            }
            parted_sets.push((parted.sets, parted.set_codes));
        }
        let known: HashMap<&[(Text, Text)], u32> = all.iter().map(Vec::as_slice).zip(0..).collect();
        let new = |sets: &TagSets, code: u32| known.get(sets.get(code)).copied().unwrap_or(0);
        let codes_of = |(sets, codes): &(TagSets, Vec<u32>)| codes.iter().map(|code| new(sets, *code)).collect();
        let set_codes = parted_sets.iter().map(codes_of).collect();
        drop(known);
        Ok(Self { sets: Arc::new(TagSets::new(all.into_iter().collect())), set_codes, columns })
    }

    /// The keys of the tags with columns.
    pub(super) fn keys(&self) -> Vec<Text> {
        self.columns.keys().cloned().collect()
    }

    /// The column of an input that tells the codes of a tag.
    pub(super) fn source(&self, key: &Text, input: usize) -> Column {
        match self.columns.get(key).map(|sources| &sources[input]) {
            Some(Source::Sets { .. }) => Column::TagSets,
            Some(Source::Column) | None => Column::Tag(key.clone()),
        }
    }

    /// Merges the values of a tag with a column, keeping only those that still occur. The codes are those of what
    /// [`Self::source`] names.
    pub(super) fn renumber(&self, inputs: &[Kept], key: &Text) -> Result<Renumbered> {
        let sources = self.columns.get(key).map_or(&[][..], Vec::as_slice);
        let mut dictionaries = Vec::new();
        for (kept, source) in inputs.iter().zip(sources) {
            dictionaries.push(match source {
                Source::Column => {
                    let dictionary = kept.input.segment.read_tag_dictionary(key)?;
                    let column = Column::Tag(key.clone());
                    let left_out = kept.input.left_out.as_ref();
                    let used = left_out.map(|_| used_codes(kept, &column, dictionary.len() + 1)).transpose()?;
                    (dictionary, used)
                }
                Source::Sets { values, of_set } => {
                    let mut used = vec![false; values.len() + 1];
                    let sets = used_sets(kept, of_set.len())?;
                    of_set.iter().zip(sets).for_each(|(code, set)| used[*code as usize] |= set);
                    (Arc::clone(values), Some(used))
                }
            });
        }
        let mut renumbered = merge_dictionaries(&dictionaries, &format_args!("tag {key}"))?;
        for (codes, source) in renumbered.codes.iter_mut().zip(sources) {
            if let Source::Sets { of_set, .. } = source {
                *codes = of_set.iter().map(|code| codes[*code as usize]).collect();
            }
        }
        Ok(renumbered)
    }
}

fn used_sets(kept: &Kept, sets: usize) -> Result<Vec<bool>> {
    match &kept.input.left_out {
        Some(_) => used_codes(kept, &Column::TagSets, sets),
        None => Ok(vec![true; sets]),
    }
}
