//! Events of which some texts were put under one value, because there were too many different ones.
//!
//! What an event is known by was decided before: by all that was sent. So a retry is known as one whether or not its
//! own texts would still be put under one value.

use crate::event::Event;
use crate::schema::Text;

/// What stands for every value, or every key of tags, beyond the most.
pub const OVERFLOW: &str = "__overflow__";

impl Event {
    /// This event with under one value what is so in `stored`.
    pub(crate) fn as_coarse_as(&self, stored: &Self) -> Self {
        let mut coarse = self.clone();
        for (dimension, value) in stored.dimensions.iter() {
            if value == OVERFLOW && self.get(*dimension).is_some() {
                coarse.dimensions.insert(*dimension, OVERFLOW.into());
            }
        }
        let beyond = stored.tags.get(OVERFLOW).is_some_and(|value| value == OVERFLOW);
        let overflow = || Text::from(OVERFLOW);
        let tag = |(key, value): (&Text, &Text)| match stored.tags.get(key) {
            Some(kept) if kept == OVERFLOW => (key.clone(), overflow()),
            None if beyond => (overflow(), overflow()),
            _ => (key.clone(), value.clone()),
        };
        coarse.tags = self.tags.iter().map(tag).collect();
        coarse
    }
}
