//! From events to columns, and from several batches to one.

use std::sync::Arc;

use super::{Batch, Codes};
use crate::correction::Mark;
use crate::dedup::ContentHash;
use crate::dictionary::Interner;
use crate::event::{Event, Sparse};
use crate::outcome::DEFAULT_WORKSPACE;
use crate::rows::TagSets;
use crate::schema::{Dimension, Meter, Number, Text};

/// Collects events into the columns of a [`Batch`].
#[derive(Debug, Default)]
pub struct BatchBuilder {
    batch: Batch,
    /// By the index of the dimension; shorter while the last ones are absent.
    dimensions: Vec<(Interner, Vec<u32>)>,
    tag_sets: Vec<Vec<(Text, Text)>>,
    scratch: Vec<u8>,
    tag_set_codes: hashbrown::HashMap<Sparse<Text, Text>, u32>,
}

impl BatchBuilder {
    /// Appends a normalised event with its id and time.
    ///
    /// # Panics
    /// When the event has no id or no time; the store gives it both.
    pub fn push(&mut self, event: &Event) {
        let first = ContentHash::of(event, &mut self.scratch);
        self.push_corrected(event, &Mark::default(), first);
    }

    /// Appends what corrections made of an event, with the hash of how it was first sent.
    ///
    /// # Panics
    /// As [`BatchBuilder::push`].
    pub fn push_corrected(&mut self, event: &Event, mark: &Mark, first: ContentHash) {
        let row = self.batch.at.len();
        let batch = &mut self.batch;
        batch.at.push(event.at.expect("the store gave the event a time").micros());
        batch.ids.push(event.id.as_deref().expect("the store gave the event an id"));
        batch.bands.push(event.context_band());
        batch.firsts.push(first);
        batch.marks.put(row, mark);
        for (number, value) in event.numbers.iter() {
            put(batch.numbers.entry(*number).or_default(), row, value + 1);
        }
        for (meter, quantity) in event.usage.iter() {
            if let Some(column) = batch.usage.get_mut(meter) {
                put(column, row, quantity + 1);
            } else {
                put(batch.usage.entry(meter.clone()).or_default(), row, quantity + 1);
            }
        }
        for (dimension, value) in event.dimensions.iter() {
            self.put_code(row, *dimension, value);
        }
        if event.get(Dimension::Workspace).is_none() {
            self.put_code(row, Dimension::Workspace, DEFAULT_WORKSPACE);
        }
        let code = self.tag_set(&event.tags);
        self.batch.tag_codes.push(code);
    }

    fn put_code(&mut self, row: usize, dimension: Dimension, value: &str) {
        if self.dimensions.len() <= dimension.index() {
            self.dimensions.resize_with(dimension.index() + 1, Default::default);
        }
        let (interner, codes) = &mut self.dimensions[dimension.index()];
        put(codes, row, interner.intern(value));
    }

    fn tag_set(&mut self, tags: &Sparse<Text, Text>) -> u32 {
        if tags.is_empty() {
            return 0;
        }
        if let Some(code) = self.tag_set_codes.get(tags) {
            return *code;
        }
        self.tag_sets.push(tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect());
        let code = u32::try_from(self.tag_sets.len()).expect("a head is sealed long before 2³² tag sets");
        self.tag_set_codes.insert(tags.clone(), code);
        code
    }

    /// How many events were pushed.
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// The batch of all events pushed.
    pub fn finish(mut self) -> Batch {
        let rows = self.batch.len();
        for (dimension, (interner, mut codes)) in Dimension::ALL.iter().zip(self.dimensions) {
            if !codes.is_empty() {
                codes.resize(rows, 0);
                let dictionary = Arc::new(interner.finish());
                self.batch.dimensions.insert(*dimension, Codes { dictionary, codes });
            }
        }
        for column in self.batch.numbers.values_mut().chain(self.batch.usage.values_mut()) {
            column.resize(rows, 0);
        }
        self.batch.tag_sets = Arc::new(TagSets::new(with_empty_set(self.tag_sets)));
        self.batch
    }
}

/// Writes `value` at `row` of a column that may not reach so far yet.
fn put<T: Clone + Default>(column: &mut Vec<T>, row: usize, value: T) {
    column.resize(row, T::default());
    column.push(value);
}

fn with_empty_set(sets: Vec<Vec<(Text, Text)>>) -> Vec<Vec<(Text, Text)>> {
    std::iter::once(Vec::new()).chain(sets).collect()
}

impl Batch {
    /// The rows of several batches in their order.
    pub fn concat(batches: &[Arc<Self>]) -> Self {
        if let [only] = batches {
            return only
                .select(&(0..u32::try_from(only.len()).expect("a head has fewer than 2³² rows")).collect::<Vec<_>>());
        }
        let mut all = Self {
            at: batches.iter().flat_map(|batch| batch.at.iter().copied()).collect(),
            firsts: batches.iter().flat_map(|batch| batch.firsts.iter().copied()).collect(),
            bands: batches.iter().flat_map(|batch| batch.bands.iter().copied()).collect(),
            ..Self::default()
        };
        let mut rows = 0;
        for batch in batches {
            all.ids.append(&batch.ids);
            all.marks.append(rows, &batch.marks);
            rows += batch.len();
        }
        for dimension in Dimension::ALL {
            if let Some(column) = concat_codes(batches, *dimension) {
                all.dimensions.insert(*dimension, column);
            }
        }
        for number in Number::ALL {
            if let Some(column) = concat_numbers(batches, |batch| batch.numbers.get(number)) {
                all.numbers.insert(*number, column);
            }
        }
        let meters: std::collections::BTreeSet<&Meter> = batches.iter().flat_map(|batch| batch.usage.keys()).collect();
        for meter in meters {
            if let Some(column) = concat_numbers(batches, |batch| batch.usage.get(meter)) {
                all.usage.insert(meter.clone(), column);
            }
        }
        (all.tag_sets, all.tag_codes) = concat_tags(batches);
        all
    }
}

fn concat_codes(batches: &[Arc<Batch>], dimension: Dimension) -> Option<Codes> {
    if batches.iter().all(|batch| !batch.dimensions.contains_key(&dimension)) {
        return None;
    }
    let mut interner = Interner::default();
    let mut codes = Vec::with_capacity(batches.iter().map(|batch| batch.len()).sum());
    for batch in batches {
        match batch.dimensions.get(&dimension) {
            Some(column) => {
                let mut renumbered = vec![0];
                renumbered.extend(column.dictionary.iter().map(|(_, value)| interner.intern(value)));
                codes.extend(column.codes.iter().map(|code| renumbered[*code as usize]));
            }
            None => codes.resize(codes.len() + batch.len(), 0),
        }
    }
    Some(Codes { dictionary: Arc::new(interner.finish()), codes })
}

fn concat_numbers<'a>(
    batches: &'a [Arc<Batch>],
    column: impl Fn(&'a Batch) -> Option<&'a Vec<u64>>,
) -> Option<Vec<u64>> {
    if batches.iter().all(|batch| column(batch).is_none()) {
        return None;
    }
    let mut all = Vec::with_capacity(batches.iter().map(|batch| batch.len()).sum());
    for batch in batches {
        match column(batch) {
            Some(values) => all.extend_from_slice(values),
            None => all.resize(all.len() + batch.len(), 0),
        }
    }
    Some(all)
}

fn concat_tags(batches: &[Arc<Batch>]) -> (Arc<TagSets>, Vec<u32>) {
    let mut sets = vec![Vec::new()];
    let mut known: hashbrown::HashMap<Vec<(Text, Text)>, u32> = std::iter::once((Vec::new(), 0)).collect();
    let mut codes = Vec::new();
    for batch in batches {
        let renumbered: Vec<u32> = (0..u32::try_from(batch.tag_sets.len()).unwrap_or(u32::MAX))
            .map(|code| {
                let set = batch.tag_sets.get(code);
                *known.entry_ref(set).or_insert_with(|| {
                    sets.push(set.to_vec());
                    u32::try_from(sets.len() - 1).expect("a head is sealed long before 2³² tag sets")
                })
            })
            .collect();
        codes.extend(batch.tag_codes.iter().map(|code| renumbered[*code as usize]));
    }
    (Arc::new(TagSets::new(sets)), codes)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::rows::EventRows;
    use crate::schema::TokenMeter;
    use crate::time::Timestamp;

    pub(crate) fn event(n: u64) -> Event {
        let event = Event::new(format!("event-{n}"), Timestamp::from_seconds(1_767_225_600 + n.cast_signed()))
            .with(Dimension::Workspace, "default")
            .with(Dimension::Tenant, format!("tenant-{}", n % 3))
            .with(Dimension::JobId, format!("job-{}", n / 4))
            .used(TokenMeter::Input, n * 10);
        match n % 3 {
            0 => event,
            1 => {
                event.with(Dimension::Team, "blue").tagged("k", format!("{}", n % 2)).with_number(Number::DurationMs, n)
            }
            _ => event.used(Meter::Named("pages".into()), n).used(TokenMeter::CacheRead, 0),
        }
    }

    #[test]
    fn events_come_back_from_batches_and_from_joined_batches() {
        let events: Vec<Event> = (0..50).map(event).collect();
        let batches: Vec<Arc<Batch>> = events
            .chunks(7)
            .map(|chunk| {
                let mut builder = BatchBuilder::default();
                chunk.iter().for_each(|event| builder.push(event));
                Arc::new(builder.finish())
            })
            .collect();
        let all = Batch::concat(&batches);
        for (row, event) in events.iter().enumerate() {
            assert_eq!(batches[row / 7].event(row % 7).expect("in memory"), *event);
            assert_eq!(all.event(row).expect("in memory"), *event);
        }
    }
}
