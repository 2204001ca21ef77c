//! Usage of which a part has no price: what a difference of costs must leave out.

use std::collections::{BTreeMap, BTreeSet};

use quipu_engine::{Dimension, Meter, Text};

use crate::answer::{Answer, Unpriced};
use crate::filter::{Filter, NumberField, NumberTest, TextField, TextTest};

/// A meter of a model, by who bills it.
type Metered = (Option<Text>, Option<Text>, Meter);

/// Some meters of some models.
#[derive(Debug, Default)]
pub(crate) struct UnpricedUsage(BTreeSet<Metered>);

impl UnpricedUsage {
    /// What of an answer's usage has no price.
    pub(crate) fn of(answer: &Answer) -> Self {
        Self(quantities(answer).into_keys().collect())
    }

    /// What one answer has a price for and the other has none, or less of it.
    pub(super) fn apart(one: &Answer, other: &Answer) -> Self {
        let (one, other) = (quantities(one), quantities(other));
        let metered = one.keys().chain(other.keys()).filter(|metered| one.get(*metered) != other.get(*metered));
        Self(metered.cloned().collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The events that have none of it.
    pub(super) fn without(&self) -> Filter {
        Filter::Not(Box::new(self.with()))
    }

    /// The events that have some of it.
    pub(crate) fn with(&self) -> Filter {
        let has = |dimension: Dimension, value: &Option<Text>| match value {
            Some(value) => Filter::is(dimension, value.clone()),
            None => Filter::Text(TextField::Dimension(dimension), TextTest::Null),
        };
        let event = |(provider, model, meter): &Metered| {
            let used = Filter::Number(NumberField::Meter(meter.clone()), NumberTest::Between(1, u64::MAX));
            has(Dimension::Provider, provider).and(has(Dimension::Model, model)).and(used)
        };
        Filter::Or(self.0.iter().map(event).collect())
    }

    /// The models, as many as a sentence takes.
    pub(super) fn models(&self) -> String {
        const NAMED: usize = 5;
        let models: BTreeSet<&str> =
            self.0.iter().map(|(_, model, _)| model.as_deref().unwrap_or("no model")).collect();
        let mut names: Vec<String> = models.iter().take(NAMED).map(|name| (*name).to_owned()).collect();
        if models.len() > NAMED {
            names.push(format!("{} more", models.len() - NAMED));
        }
        names.join(", ")
    }
}

fn quantities(answer: &Answer) -> BTreeMap<Metered, u128> {
    let mut sums = BTreeMap::new();
    for Unpriced { provider, model, meter, quantity } in &answer.unpriced {
        *sums.entry((provider.clone(), model.clone(), meter.clone())).or_default() += quantity;
    }
    sums
}
