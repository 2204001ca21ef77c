//! Other names of models: what a gateway calls a model whose price stands under another name.

use super::names::{canonical_model, canonical_provider};
use crate::error::{Error, Result};
use crate::event::check_text;
use crate::limits;
use crate::schema::Text;

/// A model name that costs what another model costs, where it has no price of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alias {
    /// The name that events carry.
    pub name: Text,
    /// Who must bill the call for the alias to hold; `None` is anyone.
    pub provider: Option<Text>,
    /// The model whose prices hold, or another alias.
    pub model: Text,
    /// Whose prices of it; `None` is the provider of the event.
    pub of_provider: Option<Text>,
}

impl Alias {
    pub(super) fn normalise(&mut self) -> Result<()> {
        for provider in [&mut self.provider, &mut self.of_provider] {
            *provider = provider.take().map(|provider| canonical_provider(&provider)).filter(|name| !name.is_empty());
            check_text("provider", provider.as_deref().unwrap_or_default(), limits::DIMENSION_BYTES)?;
        }
        for (field, text) in [("alias", &mut self.name), ("model", &mut self.model)] {
            *text = canonical_model(text);
            check_text(field, text, limits::DIMENSION_BYTES)?;
            if text.is_empty() {
                return Err(Error::invalid(format!("an alias has an empty {field}")));
            }
        }
        Ok(())
    }
}

/// Sorts aliases and refuses those that name two models for one name.
pub(super) fn sorted(mut aliases: Vec<Alias>) -> Result<Vec<Alias>> {
    if aliases.len() > limits::PRICE_RULES {
        return Err(Error::invalid(format!("{} aliases; the most allowed is {}", aliases.len(), limits::PRICE_RULES)));
    }
    aliases.iter_mut().try_for_each(Alias::normalise)?;
    aliases.sort_unstable();
    aliases.dedup();
    for pair in aliases.windows(2) {
        if (&pair[0].name, &pair[0].provider) == (&pair[1].name, &pair[1].provider) {
            let (name, one, other) = (&pair[0].name, &pair[0].model, &pair[1].model);
            return Err(Error::invalid(format!("the alias {name:?} names two models: {one} and {other}")));
        }
    }
    Ok(aliases)
}
