//! A newer list laid over an older book.

use super::{Alias, PriceBook, PriceRule};
use crate::error::Result;
use crate::time::Timestamp;

impl PriceBook {
    /// This book with `newer` laid over it, as a book that a store can number.
    ///
    /// For every key (all of a rule but rate and time) that `newer` has: from the start of its earliest rule to the
    /// end of its last one, `newer` alone says what it costs; before and after that, this book still does. Keys
    /// that `newer` does not have keep their prices. Aliases of `newer` replace those of the same name and provider.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when the result is too large.
    pub fn overlaid_by(&self, newer: &PriceBook) -> Result<PriceBook> {
        let mut rules: Vec<PriceRule> = Vec::with_capacity(self.rules.len() + newer.rules.len());
        for rule in &self.rules {
            let Some((start, end)) = newer.span_of(rule) else {
                rules.push(rule.clone());
                continue;
            };
            if rule.from < start {
                let until = rule.until.map_or(start, |until| until.min(start));
                rules.push(PriceRule { until: Some(until), ..rule.clone() });
            }
            if let Some(end) = end.filter(|end| rule.lasts_beyond(*end)) {
                rules.push(PriceRule { from: rule.from.max(end), ..rule.clone() });
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

    /// When the earliest rule with the key of `rule` starts, and when the last one ends; `None` is never.
    fn span_of(&self, rule: &PriceRule) -> Option<(Timestamp, Option<Timestamp>)> {
        let from = self.rules.partition_point(|own| own.key() < rule.key());
        let until = self.rules.partition_point(|own| own.key() <= rule.key());
        let of_key = &self.rules[from..until];
        Some((of_key.first()?.from, of_key.last()?.until))
    }
}
