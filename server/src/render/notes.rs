//! The footnotes of a sheet: nothing that bears on a number stays silent.

use std::collections::BTreeMap;

use quipu::Cohort;

use super::amount::grouped;
use super::facts::{ComparedFact, PartFact, StageFact, UnpricedFact};
use super::sheet::Sheet;
use crate::words::counted;

/// Unpriced quantities that are named; the rest is counted.
const NAMED: usize = 3;

/// A measure that is always an estimate, and the one that never is.
const ESTIMATED: &str = "approx_distinct(";
const EXACT: &str = "distinct(";

pub(super) fn notes(sheet: &Sheet) -> Vec<String> {
    let facts = &sheet.facts;
    let mut notes = facts.notes.clone();
    notes.extend(rows_left_out(sheet));
    if let Some(compared) = &facts.compared {
        notes.push(comparison(compared));
    }
    if let Some(as_of) = &facts.outcomes_as_of {
        notes.push(format!("outcomes as they were known at {as_of}"));
    }
    if let Some(what_if) = &facts.what_if {
        notes.push(format!("what if {what_if}?"));
    }
    if let Some(cohort) = facts.cohort.as_deref().and_then(|name| Cohort::parse(name).ok()) {
        notes.push(format!("cohort: {}", cohort.doc()));
    }
    for one in &facts.approximate {
        let rows = counted(one.groups, "row");
        let exact = match one.column.contains(ESTIMATED) {
            true => format!("{} is exact", one.column.replace(ESTIMATED, EXACT)),
            false => "--precision exact".to_owned(),
        };
        notes.push(format!("about: {} is by {} (in {rows}; {exact})", one.column, one.method));
    }
    notes.extend(sheet.unpriced_note());
    notes.extend(provenance(sheet));
    if let Some(parts) = &facts.explain {
        notes.extend(explain(parts));
    }
    notes.extend(facts.stages.as_deref().map(stages));
    notes
}

/// How many rows there are besides those shown, and how to see them.
fn rows_left_out(sheet: &Sheet) -> Option<String> {
    let facts = &sheet.facts;
    let groups = facts.groups.filter(|groups| *groups > sheet.rows.len() as u64)?;
    let (shown, all) = (grouped(&sheet.rows.len().to_string()), grouped(&groups.to_string()));
    let passed = facts
        .passed
        .map_or_else(String::new, |passed| format!(", {} pass the condition", grouped(&passed.to_string())));
    let more = match (&facts.clipped, &facts.next) {
        (Some(_), _) => " (clipped: more memory would be needed for more rows; see --memory)".to_owned(),
        (None, Some(next)) => format!(" (--limit N shows more, --after {next} goes on)"),
        (None, None) => String::new(),
    };
    Some(format!("{shown} of {all} rows shown{passed}; totals cover all of them{more}"))
}

fn comparison(compared: &ComparedFact) -> String {
    let filter = compared.filter.as_ref().map(|filter| format!("where {filter}"));
    let range = match (&compared.since, &compared.until) {
        (None, None) => None,
        (since, until) => {
            let end = |end: &Option<String>| end.clone().unwrap_or_else(|| "…".into());
            Some(format!("from {} to {}", end(since), end(until)))
        }
    };
    let slice: Vec<String> = filter.into_iter().chain(range).collect();
    format!("compared with: {}", slice.join(", "))
}

/// One line: cost basis, assumed values, price book, zone, position in the log.
fn provenance(sheet: &Sheet) -> Option<String> {
    let facts = &sheet.facts;
    let mut parts = Vec::new();
    if let Some(basis) = &facts.cost_basis {
        parts.push(format!("job costs: as {basis}"));
    }
    for (kind, value) in &facts.assumed_values {
        parts.push(format!("assumed value: ${} per {kind} outcome that states none", grouped(value)));
    }
    match (&facts.price_book, facts.price_book_version) {
        (Some(book), _) => parts.push(format!("prices: {book}")),
        (None, Some(version)) => parts.push(format!("prices: version {version}")),
        (None, None) => {}
    }
    if let Some(zone) = &facts.zone
        && zone != "UTC"
    {
        parts.push(format!("time zone: {zone}"));
    }
    if let Some(lsn) = facts.lsn {
        parts.push(format!("log position: {}", grouped(&lsn.to_string())));
    }
    (!parts.is_empty()).then(|| parts.join(" · "))
}

impl Sheet {
    /// What has no price, in one line.
    pub fn unpriced_note(&self) -> Option<String> {
        self.facts.unpriced.as_ref().filter(|unpriced| !unpriced.is_empty()).map(|unpriced| unpriced_note(unpriced))
    }
}

fn unpriced_note(unpriced: &[UnpricedFact]) -> String {
    let one = |fact: &UnpricedFact| {
        let model = fact.model.as_deref().unwrap_or("no model");
        let provider = fact.provider.as_ref().map(|provider| format!(" ({provider})")).unwrap_or_default();
        format!("{} {} of {model}{provider}", grouped(&fact.quantity.to_string()), fact.meter)
    };
    let mut largest: Vec<&UnpricedFact> = unpriced.iter().collect();
    largest.sort_by_key(|fact| std::cmp::Reverse(fact.quantity));
    let named: Vec<String> = largest.iter().take(NAMED).map(|fact| one(fact)).collect();
    let more = match unpriced.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more (--format json lists all)"),
    };
    format!("without a price, so not in the cost: {}{more}", named.join("; "))
}

fn explain(parts: &[PartFact]) -> Vec<String> {
    let mut ways: BTreeMap<(&str, &str), [u64; 5]> = BTreeMap::new();
    for part in parts {
        let way = ways.entry((&part.path, &part.why)).or_default();
        let more = [1, part.rows_read, part.rows, part.blocks, part.bytes];
        way.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
    }
    let line = |((path, why), [parts, read, rows, blocks, bytes]): ((&str, &str), [u64; 5])| {
        let (parts, read, rows) = (counted(parts, "part"), grouped(&read.to_string()), counted(rows, "row"));
        let (blocks, bytes) = (counted(blocks, "block"), counted(bytes, "byte"));
        format!("{path}: {parts}, {read} of {rows} read in {blocks}, {bytes} ({why})")
    };
    ways.into_iter().map(line).collect()
}

fn stages(stages: &[StageFact]) -> String {
    let millis = |micros: u64| format!("{}.{:03} ms", micros / 1_000, micros % 1_000);
    let stage = |one: &StageFact| format!("{} {}", one.stage, millis(one.microseconds));
    format!("time: {}", stages.iter().map(stage).collect::<Vec<_>>().join(", "))
}

/// A sentence in lines of at most `width` characters, broken between words, all but the first indented.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push("  ".to_owned());
            used = 2;
        }
        if let Some(line) = lines.last_mut() {
            let gap = usize::from(!line.trim_start().is_empty());
            line.push_str(&" ".repeat(gap));
            line.push_str(word);
            used += gap + length;
        }
    }
    lines
}
