//! Files that people write, in TOML.

use quipu::{Error, Result};
use serde::de::DeserializeOwned;

use crate::wire::json::in_words;

/// Reads a TOML document of a known form.
///
/// # Errors
/// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid), naming the place, what was found and what is expected there.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let before = text.get(..at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Error::invalid(format!("line {line} column {column}: {}", in_words(error.message())))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_in_own_words() {
        let refused = |text: &str| super::read::<BTreeMap<String, u64>>(text).expect_err(text).to_string();
        assert_eq!(
            refused("a = 1\n\"bé\" = \"x\""),
            "line 2 column 8: the text \"x\" where a whole number from 0 is expected"
        );
        assert_eq!(
            refused("a = 1\nb = \"x\""),
            "line 2 column 5: the text \"x\" where a whole number from 0 is expected"
        );
        assert!(refused("a = ").starts_with("line 1 column 5: "), "{}", refused("a = "));
    }
}
