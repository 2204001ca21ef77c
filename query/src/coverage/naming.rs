//! How names are written: which convention a set of names follows, and which of them do not.

use std::collections::BTreeMap;

/// A set of names follows a convention when so many of them do, in per cent.
const MOST_PERCENT: usize = 80;
/// Fewer names than this follow nothing.
const FEWEST: usize = 5;

/// A way of writing several words as one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Convention {
    Snake,
    Kebab,
    Camel,
    Pascal,
    Upper,
    Spaced,
    Other,
}

impl Convention {
    pub(super) const fn example(self) -> &'static str {
        match self {
            Self::Snake => "like_this",
            Self::Kebab => "like-this",
            Self::Camel => "likeThis",
            Self::Pascal => "LikeThis",
            Self::Upper => "LIKE_THIS",
            Self::Spaced => "like this",
            Self::Other => "in a way of their own",
        }
    }

    /// The convention of a name; `None` for one lower-case word, which fits most of them.
    fn of(name: &str) -> Option<Self> {
        let has = |wanted: fn(char) -> bool| name.chars().any(wanted);
        let (upper, lower) = (has(char::is_uppercase), has(char::is_lowercase));
        let marks: Vec<char> = name.chars().filter(|c| !c.is_alphanumeric()).collect();
        let only = |mark: char| !marks.is_empty() && marks.iter().all(|c| *c == mark);
        Some(match () {
            () if marks.is_empty() && !upper => return None,
            () if only(' ') => Self::Spaced,
            () if upper && !lower && (marks.is_empty() || only('_')) => Self::Upper,
            () if only('_') && !upper => Self::Snake,
            () if only('-') && !upper => Self::Kebab,
            () if marks.is_empty() && name.starts_with(char::is_uppercase) => Self::Pascal,
            () if marks.is_empty() => Self::Camel,
            () => Self::Other,
        })
    }
}

/// The names that break the convention which most of them follow, with that convention.
pub(super) fn outliers<'a>(names: &[&'a str]) -> Option<(Convention, Vec<&'a str>)> {
    let mut by: BTreeMap<Convention, Vec<&str>> = BTreeMap::new();
    for name in names {
        if let Some(convention) = Convention::of(name) {
            by.entry(convention).or_default().push(name);
        }
    }
    let all: usize = by.values().map(Vec::len).sum();
    let (most, following) = by.iter().max_by_key(|(_, names)| names.len())?;
    if all < FEWEST || *most == Convention::Other || following.len() * 100 < all * MOST_PERCENT {
        return None;
    }
    let (most, all) = (*most, by);
    let others: Vec<&str> = all.into_iter().filter(|(one, _)| *one != most).flat_map(|(_, names)| names).collect();
    (!others.is_empty()).then_some((most, others))
}

/// Names that differ in nothing but case and punctuation.
pub(super) fn twins<'a>(names: &[&'a str]) -> Vec<Vec<&'a str>> {
    let mut by: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (key, name) in names.iter().map(|name| (spelled(name), name)).filter(|(key, _)| !key.is_empty()) {
        by.entry(key).or_default().push(name);
    }
    by.into_values().filter(|names| names.len() > 1).collect()
}

/// A name without case and punctuation, but for what stands between digits: 1.1 is not 11.
fn spelled(name: &str) -> String {
    let mut spelled = String::with_capacity(name.len());
    let mut apart = false;
    for c in name.chars() {
        if !c.is_alphanumeric() {
            apart = true;
            continue;
        }
        if apart && c.is_ascii_digit() && spelled.ends_with(|last: char| last.is_ascii_digit()) {
            spelled.push('.');
        }
        apart = false;
        spelled.extend(c.to_lowercase());
    }
    spelled
}

/// The largest set of names that differ in nothing but their digits.
pub(super) fn numbered<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let mut by: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in names.iter().filter(|name| name.bytes().any(|byte| byte.is_ascii_digit())) {
        let stem: String = name.chars().filter(|c| !c.is_ascii_hexdigit() && *c != '-').collect();
        by.entry(stem).or_default().push(name);
    }
    by.into_values().max_by_key(Vec::len).unwrap_or_default()
}

/// Whether a name reads like that of a company.
pub(super) fn is_company(name: &str) -> bool {
    const FORMS: [&str; 14] =
        ["inc", "ltd", "llc", "gmbh", "ag", "corp", "corporation", "company", "plc", "sa", "sarl", "bv", "oy", "ab"];
    let words: Vec<String> = name.split([' ', ',']).map(plain).filter(|word| !word.is_empty()).collect();
    words.len() > 1 && words.last().is_some_and(|last| FORMS.contains(&last.as_str()))
}

/// A name without case and punctuation.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_a_convention_is_found() {
        let names = ["chat", "sum_up", "look_up", "write_mail", "read_mail", "draft_it", "find_it", "drop_it", "SumUp"];
        assert_eq!(outliers(&names), Some((Convention::Snake, vec!["SumUp"])));
        assert_eq!(outliers(&names[..8]), None);
        assert_eq!(outliers(&["a-b", "c_d", "eF"]), None);
        assert_eq!(outliers(&["a", "b", "c", "d", "e", "f"]), None);
    }

    #[test]
    fn twins_numbers_and_companies_are_seen() {
        assert_eq!(twins(&["Prod", "prod", "test"]), [vec!["Prod", "prod"]]);
        assert_eq!(twins(&["v-1.1", "v1_1", "v11"]), [vec!["v-1.1", "v1_1"]]);
        assert!(twins(&["prod", "prod-eu", "product", "prod2", "v1.10", "v11.0", "v110", "--", "**"]).is_empty());
        assert_eq!(numbered(&["task-17", "task-18", "chat", "v2"]).len(), 2);
        assert_eq!(
            ["Acme Inc.", "Muster GmbH", "u-1834", "ann lee", "Inc"].map(is_company),
            [true, true, false, false, false]
        );
    }
}
