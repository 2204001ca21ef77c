//! A newer list laid over an older book.

use super::{Alias, PriceBook, PriceRule};
use crate::error::Result;
use crate::time::Timestamp;

impl PriceBook {
    /// This book with `newer` laid over it, as a book that a store can number.
    ///
    /// For every key (all of a rule but rate and time) that `newer` has: from the start of its
    /// earliest rule on, `newer` alone says what it costs; before that, this book still does. Keys
    /// that `newer` does not have keep their prices. Aliases of `newer` replace those of the same name and provider.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when the result is too large.
    pub fn overlaid_by(&self, newer: &PriceBook) -> Result<PriceBook> {
        let mut rules: Vec<PriceRule> = Vec::with_capacity(self.rules.len() + newer.rules.len());
        for rule in &self.rules {
            match newer.earliest_of(rule) {
                Some(start) if rule.from >= start => {}
                Some(start) if rule.lasts_beyond(start) => {
                    rules.push(PriceRule { until: Some(start), ..rule.clone() });
                }
                _ => rules.push(rule.clone()),
            }
        }
        rules.extend_from_slice(&newer.rules);
        let replaced = |alias: &&Alias| {
            !newer.aliases.iter().any(|own| (&own.name, &own.provider) == (&alias.name, &alias.provider))
        };
        let aliases = self.aliases.iter().filter(replaced).chain(&newer.aliases).cloned().collect();
        PriceBook::new(newer.source.clone(), rules)?
            .with_aliases(aliases)?
            .signed(newer.added_by.clone(), newer.note.clone())
    }

    /// When the earliest rule with the key of `rule` starts.
    fn earliest_of(&self, rule: &PriceRule) -> Option<Timestamp> {
        let at = self.rules.partition_point(|own| own.key() < rule.key());
        self.rules.get(at).filter(|own| own.key() == rule.key()).map(|own| own.from)
    }
}
