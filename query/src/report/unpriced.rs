//! Models of whose usage a part has no price: what a difference of costs must leave out.

use std::collections::{BTreeMap, BTreeSet};

use quipu_engine::{Dimension, Meter, Text};

use crate::answer::{Answer, Unpriced};
use crate::filter::{Filter, TextField, TextTest};

/// Provider and model.
type Model = (Option<Text>, Option<Text>);

/// Some models, by who bills them.
#[derive(Debug, Default)]
pub(crate) struct Models(BTreeSet<Model>);

impl Models {
    /// Those with a quantity that has no price.
    pub(crate) fn unpriced(answer: &Answer) -> Self {
        Self(quantities(answer).into_keys().collect())
    }

    /// Those of which one answer prices more or less than the other.
    pub(super) fn priced_differently(one: &Answer, other: &Answer) -> Self {
        let (one, other) = (quantities(one), quantities(other));
        let models = one.keys().chain(other.keys()).filter(|model| one.get(*model) != other.get(*model));
        Self(models.cloned().collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The events of all other models.
    pub(super) fn others(&self) -> Filter {
        Filter::Not(Box::new(self.events()))
    }

    /// Their events.
    pub(crate) fn events(&self) -> Filter {
        let has = |dimension: Dimension, value: &Option<Text>| match value {
            Some(value) => Filter::is(dimension, value.clone()),
            None => Filter::Text(TextField::Dimension(dimension), TextTest::Null),
        };
        let event = |(provider, model): &Model| has(Dimension::Provider, provider).and(has(Dimension::Model, model));
        Filter::Or(self.0.iter().map(event).collect())
    }

    /// Their names, as many as a sentence takes.
    pub(super) fn named(&self) -> String {
        const NAMED: usize = 5;
        let name = |(_, model): &Model| model.as_ref().map_or_else(|| "no model".to_owned(), ToString::to_string);
        let mut names: Vec<String> = self.0.iter().take(NAMED).map(name).collect();
        names.dedup();
        if self.0.len() > NAMED {
            names.push(format!("{} more", self.0.len() - NAMED));
        }
        names.join(", ")
    }
}

fn quantities(answer: &Answer) -> BTreeMap<Model, BTreeMap<&Meter, u128>> {
    let mut models: BTreeMap<Model, BTreeMap<&Meter, u128>> = BTreeMap::new();
    for Unpriced { provider, model, meter, quantity } in &answer.unpriced {
        *models.entry((provider.clone(), model.clone())).or_default().entry(meter).or_default() += quantity;
    }
    models
}
