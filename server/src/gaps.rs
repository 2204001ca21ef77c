//! Where the fields that get lost between hops were found, and where they were dropped.
//!
//! A call's own record is the best place for whom and what it was for. Where it left a field open and a header, the
//! token or a span around it filled it in, a tag of the event says so; where nothing did, another call of the same
//! trace may still know it: then it was dropped on the way between the two.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use quipu::filter::{NumberField, NumberTest, TextField, TextTest};
use quipu::store::Snapshot;
use quipu::{
    Dimension, Event, Filter, Measure, Number, Pivot, PricedEvent, Query, Result, Scope, Text, Unit, Value, View,
};

use crate::plan::Plan;
use crate::render::Sheet;
use crate::wire::origin_tag;

/// The fields, in the order of how much depends on them.
const FIELDS: [Field; 8] = [
    Field::Dimension(Dimension::Tenant),
    Field::Dimension(Dimension::Team),
    Field::Dimension(Dimension::Workflow),
    Field::Dimension(Dimension::JobId),
    Field::Dimension(Dimension::TraceId),
    Field::Dimension(Dimension::RequestId),
    Field::Dimension(Dimension::ModelTier),
    Field::Number(Number::RetryDepth),
];
/// Where else than in the call's own record a field may have been found.
const ELSEWHERE: [&str; 5] = ["header", "baggage", "key", "ancestor", "resource"];

#[derive(Clone, Copy)]
enum Field {
    Dimension(Dimension),
    Number(Number),
}

impl Field {
    fn name(self) -> &'static str {
        match self {
            Self::Dimension(dimension) => dimension.name(),
            Self::Number(number) => number.name(),
        }
    }

    fn is_missing(self) -> Filter {
        match self {
            Self::Dimension(dimension) => Filter::Text(TextField::Dimension(dimension), TextTest::Null),
            Self::Number(number) => Filter::Number(NumberField::Number(number), NumberTest::Null),
        }
    }

    fn is_known(self) -> Filter {
        Filter::Not(Box::new(self.is_missing()))
    }

    fn of(self, event: &Event) -> Option<Text> {
        match self {
            Self::Dimension(dimension) => event.get(dimension).map(Text::from),
            Self::Number(number) => event.number(number).map(|number| number.to_string().into()),
        }
    }

    /// Whether calls of one trace share it: an attempt and an answer are each call's own.
    fn is_of_trace(self) -> bool {
        !matches!(self, Self::Dimension(Dimension::TraceId | Dimension::RequestId) | Self::Number(_))
    }
}

/// What a source says of one field.
#[derive(Default)]
struct Account {
    requests: u128,
    elsewhere: [u128; ELSEWHERE.len()],
    missing: u128,
    dropped: u128,
    known_to: BTreeSet<String>,
}

/// Per field and source: in how many calls it was found where, is missing, or was dropped, which is missing although a call
/// of the same trace knows it, and which sources those calls are of.
///
/// # Errors
/// As [`View::query`].
pub fn by_source(snapshot: &Snapshot, scope: Scope, plan: &Plan) -> Result<Sheet> {
    let view = View::new(snapshot, scope);
    let query = Query { measures: vec![Measure::Requests], order: Vec::new(), limit: None, ..plan.query.clone() };
    let mut sheet = Sheet::new(&[("field", Unit::None, true), ("source", Unit::None, true)]);
    let names = ["requests", "own"].into_iter().chain(ELSEWHERE).chain(["missing", "dropped"]);
    sheet.columns.extend(names.map(|name| column(name, Unit::Events)));
    sheet.columns.push(column("known_to", Unit::None));
    for field in FIELDS {
        for (source, account) in accounts(&view, &query, field)? {
            let found: u128 = account.elsewhere.iter().sum();
            let own = account.requests - found - account.missing;
            let counts = [account.requests, own].into_iter().chain(account.elsewhere);
            let counts = counts.chain([account.missing, account.dropped]).map(Value::Count);
            let key =
                [Value::Text(field.name().into()), source.map_or(Value::Null, |source| Value::Text(source.into()))];
            let known_to = account.known_to.into_iter().collect::<Vec<_>>().join(", ");
            let known_to = if known_to.is_empty() { Value::Null } else { Value::Text(known_to.into()) };
            sheet.rows.push(key.into_iter().chain(counts).chain([known_to]).collect());
        }
    }
    sheet.facts.lsn = Some(snapshot.lsn());
    sheet.select(&plan.columns)
}

fn accounts(view: &View<'_>, query: &Query, field: Field) -> Result<BTreeMap<Option<String>, Account>> {
    let source = Pivot::Dimension(Dimension::Source);
    let mut accounts: BTreeMap<Option<String>, Account> = BTreeMap::new();
    let tag = origin_tag(field.name()).unwrap_or_default();
    let known = Query { by: vec![source.clone(), Pivot::Tag(tag.into())], ..query.clone() }.filter(field.is_known());
    for row in view.whole(&known)?.rows {
        let account = accounts.entry(text(&row[0])).or_default();
        let count = count(&row[2]);
        account.requests += count;
        if let Some(place) = ELSEWHERE.iter().position(|place| text(&row[1]).as_deref() == Some(place)) {
            account.elsewhere[place] += count;
        }
    }
    let missing = Query { by: vec![source.clone()], ..query.clone() }.filter(field.is_missing());
    for row in view.whole(&missing)?.rows {
        let account = accounts.entry(text(&row[0])).or_default();
        account.requests += count(&row[1]);
        account.missing += count(&row[1]);
    }
    if field.is_of_trace() && accounts.values().any(|account| account.missing > 0) {
        dropped(view, query, field, &mut accounts)?;
    }
    Ok(accounts)
}

/// Adds the calls that lack a field which another call of their trace knows.
fn dropped(
    view: &View<'_>,
    query: &Query,
    field: Field,
    accounts: &mut BTreeMap<Option<String>, Account>,
) -> Result<()> {
    let in_trace = Filter::Text(TextField::Dimension(Dimension::TraceId), TextTest::NotNull);
    let by = vec![Pivot::Dimension(Dimension::TraceId), Pivot::Dimension(Dimension::Source)];
    let by_trace = Query { by, ..query.clone() }.filter(in_trace);
    let mut knowing: HashMap<Text, Vec<String>> = HashMap::new();
    for row in view.whole(&by_trace.clone().filter(field.is_known()))?.rows {
        if let Value::Text(trace) = &row[0] {
            knowing.entry(trace.clone()).or_default().push(text(&row[1]).unwrap_or_default());
        }
    }
    for row in view.whole(&by_trace.filter(field.is_missing()))?.rows {
        let Value::Text(trace) = &row[0] else { continue };
        if let Some(sources) = knowing.get(trace) {
            let account = accounts.entry(text(&row[1])).or_default();
            account.dropped += count(&row[2]);
            account.known_to.extend(sources.iter().cloned());
        }
    }
    Ok(())
}

/// Per call of a trace and field that its own record left open: where it was found, or that it is missing, or was
/// dropped, and then which call knows it.
pub fn of_trace(events: &[PricedEvent]) -> Sheet {
    let mut sheet = Sheet::new(&[("id", Unit::None, true), ("field", Unit::None, true)]);
    sheet.columns.extend(["source", "found", "value", "known_by", "known_to"].map(|name| column(name, Unit::None)));
    let events: Vec<&Event> = events.iter().map(|priced| &priced.event).collect();
    let by_span: HashMap<&str, &Event> =
        events.iter().filter_map(|event| Some((event.get(Dimension::SpanId)?, *event))).collect();
    for event in &events {
        for field in FIELDS {
            let tag = origin_tag(field.name()).unwrap_or_default();
            let value = field.of(event);
            let (found, known_by) = match (&value, event.tags.get(tag.as_str())) {
                (Some(_), None) => continue,
                (Some(_), Some(place)) => (place.as_str(), None),
                (None, _) => match knowing(event, field, &events, &by_span) {
                    Some(other) => ("dropped", Some(other)),
                    None => ("missing", None),
                },
            };
            let shown = |value: Option<Text>| value.map_or(Value::Null, Value::Text);
            let source = |event: &Event| event.get(Dimension::Source).map(Text::from);
            sheet.rows.push(vec![
                shown(event.id.clone()),
                Value::Text(field.name().into()),
                shown(source(event)),
                Value::Text(found.into()),
                shown(value.or_else(|| field.of(known_by?))),
                shown(known_by.and_then(|other| other.id.clone())),
                shown(known_by.and_then(source)),
            ]);
        }
    }
    sheet
}

/// The call that knows what another of its trace lacks: the nearest around it, else the first.
fn knowing<'e>(
    event: &'e Event,
    field: Field,
    events: &[&'e Event],
    by_span: &HashMap<&str, &'e Event>,
) -> Option<&'e Event> {
    if !field.is_of_trace() {
        return None;
    }
    let mut at = event;
    // Spans that contain each other end nowhere.
    for _ in 0..events.len() {
        let Some(around) = at.get(Dimension::ParentId).and_then(|parent| by_span.get(parent)) else { break };
        if field.of(around).is_some() {
            return Some(around);
        }
        at = around;
    }
    events.iter().find(|other| field.of(other).is_some()).copied()
}

fn column(name: &str, unit: Unit) -> quipu::Column {
    quipu::Column { name: name.into(), unit, is_key: false }
}

fn text(value: &Value) -> Option<String> {
    if value.is_null() { None } else { Some(value.to_string()) }
}

fn count(value: &Value) -> u128 {
    if let Value::Count(count) = value { *count } else { 0 }
}

#[cfg(test)]
mod tests {
    use quipu::Timestamp;
    use quipu::store::{Options, Store};

    use super::*;

    /// The events of a trace: an application that knows the tenant, a gateway that drops it, a token that knows the team.
    fn store(dir: &std::path::Path) -> Store {
        let store = Store::open(dir, Options::default()).expect("a store");
        let event = |id: &str, source: &str, parent: &str| {
            Event::new(id, Timestamp::from_seconds(1_780_000_000))
                .with(Dimension::Source, source)
                .with(Dimension::SpanId, id)
                .with(Dimension::ParentId, parent)
        };
        let in_trace = |event: Event| event.with(Dimension::TraceId, "t");
        let mut gateway = in_trace(event("b", "litellm", "a")).with(Dimension::Team, "red");
        gateway.tags.insert("from.team".into(), "key".into());
        let first = in_trace(event("a", "otel-genai", "")).with(Dimension::Tenant, "acme").with(Dimension::Team, "red");
        store.append(vec![first, gateway, event("c", "litellm", "")]).expect("stored");
        store
    }

    fn lines(sheet: &Sheet) -> Vec<String> {
        let line = |row: &Vec<Value>| row.iter().map(Value::to_string).collect::<Vec<_>>().join(" ");
        sheet.rows.iter().map(line).collect()
    }

    #[test]
    fn each_source_is_told_what_it_leaves_open_and_who_knows_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let snapshot = store(dir.path()).snapshot();
        let sheet = by_source(&snapshot, Scope::default(), &Plan::default()).expect("an answer");
        let lines = lines(&sheet);
        // requests, own, header, baggage, key, ancestor, resource, missing, dropped, known to
        for line in [
            "tenant litellm 2 0 0 0 0 0 0 2 1 otel-genai",
            "tenant otel-genai 1 1 0 0 0 0 0 0 0 null",
            "team litellm 2 0 0 0 1 0 0 1 0 null",
            "trace_id litellm 2 1 0 0 0 0 0 1 0 null",
        ] {
            assert!(lines.iter().any(|it| it == line), "{line}: {lines:#?}");
        }
        assert_eq!(lines.len(), 2 * FIELDS.len());
    }

    #[test]
    fn each_call_of_a_trace_is_told_which_call_knows_what_it_dropped() {
        let dir = tempfile::tempdir().expect("a directory");
        let snapshot = store(dir.path()).snapshot();
        let view = View::new(&snapshot, Scope::default());
        let report = view.trace("t", &Query::new()).expect("a trace");
        let lines = lines(&of_trace(&report.events));
        for line in [
            "b tenant litellm dropped acme a otel-genai",
            "b team litellm key red null null",
            "a workflow otel-genai missing null null null",
        ] {
            assert!(lines.iter().any(|it| it == line), "{line}: {lines:#?}");
        }
        assert!(lines.iter().all(|it| !it.starts_with("a tenant")), "{lines:#?}");
    }
}
