//! The names under which prices list the model of an event.

use std::ops::{Range, RangeInclusive};

use quipu_engine::Text;
use quipu_engine::price_book::{PriceBook, canonical_model, canonical_provider};

/// A canonical name that a model goes by, and the provider whose rules may use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) provider: Option<Text>,
    pub(super) model: Text,
}

/// The names of `model`, best first: as sent; without its date; and, for `provider/model`, the part
/// behind the first slash, as a model of that provider, again with and without the date. Each name
/// that is an alias is followed by what it stands for, link by link.
pub(super) fn names(book: &PriceBook, provider: Option<&str>, model: &str) -> Vec<Name> {
    let provider = provider.map(canonical_provider);
    let model = canonical_model(model);
    let mut names = Vec::with_capacity(4);
    let mut add_one = |provider: Option<Text>, model: &str| {
        names.push(Name { provider: provider.clone(), model: model.into() });
        let aliases = book.aliases_of(model, provider.as_deref());
        names.extend(aliases.map(|(provider, model)| Name { provider, model: model.clone() }));
    };
    let mut add = |provider: Option<Text>, model: &str| {
        add_one(provider.clone(), model);
        if let Some(undated) = without_date(model) {
            add_one(provider, undated);
        }
    };
    add(provider.clone(), &model);
    if let Some((head, tail)) = model.split_once('/')
        && !tail.is_empty()
    {
        // `models/gemini-2.5-pro` names no provider by its head, so the event's own one stays.
        let head = canonical_provider(head);
        add(if book.knows_provider(&head) { Some(head) } else { provider }, tail);
    }
    names
}

/// `model` without a trailing `-2024-08-06`, `-20240806` or `@20240806`.
pub(super) fn without_date(model: &str) -> Option<&str> {
    [11, 9].into_iter().find_map(|len| {
        let (rest, tail) = model.split_at_checked(model.len().checked_sub(len)?)?;
        (!rest.is_empty() && is_date(tail)).then_some(rest)
    })
}

/// Whether a text is a separator and then a year of this century, a month and a day.
fn is_date(tail: &str) -> bool {
    let (year, month, day) = match tail.as_bytes() {
        [b'-', _, _, _, _, b'-', _, _, b'-', _, _] => (1..5, 6..8, 9..11),
        [b'-' | b'@', _, _, _, _, _, _, _, _] => (1..5, 5..7, 7..9),
        _ => return false,
    };
    let lies_within = |part: Range<usize>, allowed: RangeInclusive<u32>| {
        let digits = tail.get(part).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|digits| digits.parse().ok()).is_some_and(|number| allowed.contains(&number))
    };
    lies_within(year, 2000..=2099) && lies_within(month, 1..=12) && lies_within(day, 1..=31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_cut_off_and_other_numbers_are_not() {
        for (model, undated) in [
            ("gpt-4o-2024-08-06", Some("gpt-4o")),
            ("claude-3-5-haiku-20241022", Some("claude-3-5-haiku")),
            ("claude-3-5-haiku@20241022", Some("claude-3-5-haiku")),
            ("gpt-4o", None),
            ("gpt-4-0613", None),
            ("model-20241322", None),
            ("model-99991231", None),
            ("model-2024_08-06", None),
            ("-20241022", None),
            ("é-20241022", Some("é")),
            ("日本語モデル", None),
        ] {
            assert_eq!(without_date(model), undated, "{model}");
        }
    }
}
