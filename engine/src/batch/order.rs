//! The order of rows in a segment: workspace, tenant, job type, job, trace, time.
//!
//! Rows of a tenant and of a job then lie together: isolation, erasure and a job's waterfall are
//! ranges, bitmaps become runs, and neighbouring rows share most of their values.

use std::sync::Arc;

use super::{Batch, Codes};
use crate::schema::Dimension;

/// The dimensions that rows are sorted by, before their time.
pub(crate) const SORT_DIMENSIONS: [Dimension; 5] =
    [Dimension::Workspace, Dimension::Tenant, Dimension::JobType, Dimension::JobId, Dimension::TraceId];

impl Batch {
    /// The same rows in segment order with sorted dictionaries; ties keep their order of arrival,
    /// so the same rows always give the same bytes.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        for column in self.dimensions.values_mut() {
            let (dictionary, codes) = column.dictionary.sorted();
            for code in &mut column.codes {
                *code = codes[*code as usize];
            }
            column.dictionary = Arc::new(dictionary);
        }
        let absent = Vec::new();
        let keys = SORT_DIMENSIONS.map(|d| self.dimensions.get(&d).map_or(&absent, |column| &column.codes));
        let mut order: Vec<([u32; 5], i64, u32)> = (0..self.len())
            .map(|row| {
                let key = keys.map(|codes| codes.get(row).copied().unwrap_or(0));
                (key, self.at[row], u32::try_from(row).expect("a head has fewer than 2³² rows"))
            })
            .collect();
        order.sort_unstable();
        self.select(&order.into_iter().map(|(_, _, row)| row).collect::<Vec<_>>())
    }

    /// The rows named, in that order. Dictionaries keep only the values that still occur.
    #[must_use]
    pub fn select(&self, rows: &[u32]) -> Self {
        let pick_numbers = |column: &Vec<u64>| rows.iter().map(|row| column[*row as usize]).collect::<Vec<u64>>();
        let used = |column: &Vec<u64>| column.iter().any(|value| *value != 0);
        Self {
            at: rows.iter().map(|row| self.at[*row as usize]).collect(),
            ids: self.ids.select(rows),
            firsts: rows.iter().filter_map(|row| self.firsts.get(*row as usize).copied()).collect(),
            bands: rows.iter().map(|row| self.bands[*row as usize]).collect(),
            dimensions: self
                .dimensions
                .iter()
                .map(|(dimension, column)| (*dimension, column.select(rows)))
                .filter(|(_, column)| !column.dictionary.is_empty())
                .collect(),
            numbers: self
                .numbers
                .iter()
                .map(|(n, column)| (*n, pick_numbers(column)))
                .filter(|(_, c)| used(c))
                .collect(),
            usage: self
                .usage
                .iter()
                .map(|(m, column)| (m.clone(), pick_numbers(column)))
                .filter(|(_, c)| used(c))
                .collect(),
            tag_sets: Arc::clone(&self.tag_sets),
            tag_codes: rows.iter().map(|row| self.tag_codes[*row as usize]).collect(),
            marks: self.marks.select(rows),
        }
        .with_used_tag_sets()
    }

    fn with_used_tag_sets(mut self) -> Self {
        // Sets are renumbered in the order of their content, which makes the bytes independent of
        // the order of arrival.
        let mut used: Vec<u32> = self.tag_codes.clone();
        used.sort_unstable();
        used.dedup();
        used.sort_by(|a, b| self.tag_sets.get(*a).cmp(self.tag_sets.get(*b)));
        if used.first() != Some(&0) {
            used.insert(0, 0);
        }
        let mut renumbered = vec![0; self.tag_sets.len()];
        for (new, old) in used.iter().enumerate() {
            renumbered[*old as usize] = u32::try_from(new).expect("there are no more sets than before");
        }
        for code in &mut self.tag_codes {
            *code = renumbered[*code as usize];
        }
        let sets = used.iter().map(|old| self.tag_sets.get(*old).to_vec()).collect();
        self.tag_sets = Arc::new(crate::rows::TagSets::new(sets));
        self
    }
}

impl Codes {
    fn select(&self, rows: &[u32]) -> Self {
        let mut used = vec![false; self.dictionary.len() + 1];
        let mut codes: Vec<u32> = rows.iter().map(|row| self.codes[*row as usize]).collect();
        codes.iter().for_each(|code| used[*code as usize] = true);
        if used[1..].iter().all(|used| *used) {
            return Self { dictionary: Arc::clone(&self.dictionary), codes };
        }
        let mut dictionary = crate::dictionary::Dictionary::default();
        let mut renumbered = vec![0; used.len()];
        for (code, value) in self.dictionary.iter().filter(|(code, _)| used[*code as usize]) {
            renumbered[code as usize] = dictionary.push(value);
        }
        codes.iter_mut().for_each(|code| *code = renumbered[*code as usize]);
        Self { dictionary: Arc::new(dictionary), codes }
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::tests::event;
    use super::super::{Batch, BatchBuilder};
    use crate::event::Event;
    use crate::rows::EventRows;
    use crate::schema::Dimension;

    fn batch(events: &[Event]) -> Batch {
        let mut builder = BatchBuilder::default();
        events.iter().for_each(|event| builder.push(event));
        builder.finish()
    }

    #[test]
    fn sorting_keeps_every_event_and_clusters_tenants_and_jobs() {
        let events: Vec<Event> = (0..60).rev().map(event).collect();
        let sorted = batch(&events).sorted();
        let mut back: Vec<Event> = (0..60).map(|row| sorted.event(row).expect("in memory")).collect();
        assert!(back.is_sorted_by_key(|e| (
            e.get(Dimension::Tenant).map(String::from),
            e.get(Dimension::JobId).map(String::from),
            e.at
        )));
        back.sort_by_key(|e| std::cmp::Reverse(e.at));
        assert_eq!(back, events);
    }

    #[test]
    fn the_order_of_arrival_does_not_change_the_columns() {
        let forward: Vec<Event> = (0..60).map(event).collect();
        let backward: Vec<Event> = forward.iter().rev().cloned().collect();
        assert_eq!(format!("{:?}", batch(&forward).sorted()), format!("{:?}", batch(&backward).sorted()));
    }

    #[test]
    fn selecting_drops_what_no_row_uses() {
        let some = batch(&(0..9).map(event).collect::<Vec<_>>()).select(&[0, 3]);
        assert!(!some.dimensions.contains_key(&Dimension::Team));
        assert_eq!(some.usage.len(), 1);
        assert_eq!((some.tag_sets.len(), some.event(1).expect("in memory")), (1, event(3)));
    }
}
