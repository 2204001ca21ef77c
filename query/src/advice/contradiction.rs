//! Conditions that contradict each other, whatever is stored.

use std::collections::BTreeMap;

use quipu_engine::Timestamp;

use crate::filter::{Filter, NumberField, NumberTest, TextField, TextTest};
use crate::query::Query;

/// The conditions that must all hold.
pub(super) fn conditions(filter: Option<&Filter>) -> Vec<&Filter> {
    match filter {
        None => Vec::new(),
        Some(Filter::And(all)) => all.iter().flat_map(|one| conditions(Some(one))).collect(),
        Some(one) => vec![one],
    }
}

/// What cannot hold together, in sentences.
pub(super) fn contradictions(query: &Query, conditions: &[&Filter]) -> Vec<String> {
    let mut texts: BTreeMap<String, Vec<&TextTest>> = BTreeMap::new();
    let mut numbers: BTreeMap<String, Vec<&NumberTest>> = BTreeMap::new();
    let (mut since, mut until) = (query.since, query.until);
    for condition in conditions {
        match condition {
            Filter::Text(field, test) => texts.entry(name_of_text(field)).or_default().push(test),
            Filter::Number(field, test) => numbers.entry(name_of_number(field)).or_default().push(test),
            Filter::Time(from, to) => {
                since = since.max(*from);
                until = [until, *to].into_iter().flatten().min();
            }
            _ => {}
        }
    }
    let texts = texts.into_iter().filter(|(_, tests)| !text_exists(tests)).map(|(field, _)| field);
    let numbers = numbers.into_iter().filter(|(_, tests)| !number_exists(tests)).map(|(field, _)| field);
    let fields = texts.chain(numbers).map(|field| format!("no {field} can pass all conditions on it at once"));
    empty_range(since, until).into_iter().chain(fields).collect()
}

fn empty_range(since: Option<Timestamp>, until: Option<Timestamp>) -> Option<String> {
    let (since, until) = (since?, until?);
    (since >= until)
        .then(|| format!("the conditions on time contradict each other: from {since} on, but before {until}"))
}

/// Whether some text, or its absence, passes all tests.
fn text_exists(tests: &[&TextTest]) -> bool {
    let passes = |value: Option<&str>| tests.iter().all(|test| test.holds(value));
    let listed = tests.iter().find_map(|test| match test {
        TextTest::In(values) => Some(values),
        _ => None,
    });
    match listed {
        Some(values) => values.iter().any(|value| passes(Some(value))),
        None if passes(None) => true,
        None => {
            // Of all prefixes the longest must begin with the others; endless texts begin with it, of which few are named.
            let prefixes =
                || tests.iter().filter_map(|test| if let TextTest::Prefix(text) = test { Some(text) } else { None });
            let longest = prefixes().max_by_key(|prefix| prefix.len());
            let agree = longest.is_none_or(|longest| prefixes().all(|prefix| longest.starts_with(prefix.as_str())));
            agree && !tests.contains(&&TextTest::Null)
        }
    }
}

/// Whether some number, or its absence, passes all tests.
fn number_exists(tests: &[&NumberTest]) -> bool {
    let passes = |value: Option<u64>| tests.iter().all(|test| test.holds(value));
    let listed = tests.iter().find_map(|test| match test {
        NumberTest::In(values) => Some(values),
        _ => None,
    });
    match listed {
        Some(values) => values.iter().any(|value| passes(Some(*value))),
        None if passes(None) => true,
        None => {
            let bounds = tests
                .iter()
                .filter_map(|test| if let NumberTest::Between(low, high) = test { Some((*low, *high)) } else { None });
            let (low, high) = bounds.fold((0, u64::MAX), |all, one| (all.0.max(one.0), all.1.min(one.1)));
            // Where more numbers are excluded than lie in the range, all of them may be.
            let excluded =
                tests.iter().map(|test| if let NumberTest::NotIn(values) = test { values.len() as u64 } else { 0 });
            let tried = high.min(low.saturating_add(excluded.sum()));
            low <= high && (low..=tried).any(|value| passes(Some(value)))
        }
    }
}

fn name_of_text(field: &TextField) -> String {
    match field {
        TextField::Dimension(dimension) => dimension.name().to_owned(),
        TextField::Tag(key) => format!("tag.{key}"),
    }
}

fn name_of_number(field: &NumberField) -> String {
    match field {
        NumberField::Number(number) => number.name().to_owned(),
        NumberField::Meter(meter) => meter.name().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(filter: &str) -> Vec<String> {
        let filter = Filter::parse(filter).expect("valid");
        contradictions(&Query::new(), &conditions(Some(&filter)))
    }

    #[test]
    fn what_contradicts_itself_is_told_from_what_does_not() {
        for sound in [
            "team = a and team != b and team ^= a",
            "team in (a, b) and team in (b, c)",
            "team is null and team != a",
            "team ^= a and team ^= ab and team not in (ab)",
            "team is not null",
            "input between 3 and 5 and input != 3 and input > 4",
            "input is null and input != 4",
            "input < 18446744073709551615",
            "(team = a or team = b) and team = c",
            "at >= 2026-01-01 and at < 2026-01-02",
        ] {
            assert_eq!(said(sound), Vec::<String>::new(), "{sound}");
        }
        for (wrong, found) in [
            ("team = a and team = b", "no team can pass"),
            ("team in ()", "no team can pass"),
            ("team = a and (team is null and model = x)", "no team can pass"),
            ("tag.plan ^= a and tag.plan ^= b", "no tag.plan can pass"),
            ("team is null and team is not null", "no team can pass"),
            ("input between 5 and 3", "no input can pass"),
            ("input in (1, 2) and input > 2", "no input can pass"),
            ("status_code between 3 and 4 and status_code not in (3, 4)", "no status_code can pass"),
            ("at >= 2026-01-02 and at < 2026-01-02", "from 2026-01-02T00:00:00Z on, but before 2026-01-02T00:00:00Z"),
        ] {
            let said = said(wrong);
            assert!(said.len() == 1 && said[0].contains(found), "{wrong}: {said:?}");
        }
    }
}
