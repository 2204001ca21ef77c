//! Everything a snapshot shows, held against the model and against itself.

use std::collections::{BTreeMap, BTreeSet};

use quipu_engine::attribution::AttributionChange;
use quipu_engine::jobs::JobOutcome;
use quipu_engine::limits::BLOCK_ROWS;
use quipu_engine::rows::{
    COUNTER_DIMENSIONS, COUNTER_NUMBERS, Counter, CounterRows, EventRows, Quantity, Rolled, Zone, ZoneColumn, zone_time,
};
use quipu_engine::time::MICROS_PER_DAY;
use quipu_engine::{Dimension, Event, Number, Outcome, PriceBook, Snapshot, Sparse, Text, Timestamp};
use quipu_test_support::{Assigned, Model};

/// The events, outcomes and price books of a snapshot, in order.
type Contents = (Vec<Event>, Vec<Outcome>, Vec<PriceBook>);

/// What a snapshot holds, read through every path there is; an error of the engine, or what contradicts what.
pub(super) fn read(snapshot: &Snapshot) -> Result<Contents, String> {
    let text = |error: quipu_engine::Error| format!("{:?}: {error}", error.kind());
    let mut events = Vec::new();
    for (number, part) in snapshot.parts().iter().enumerate() {
        let rows = (0..part.events.rows()).map(|row| part.events.event(row)).collect::<Result<Vec<_>, _>>();
        let rows = rows.map_err(text)?;
        columns(&*part.events, &rows).map_err(text)?.map_or(Ok(()), |what| Err(format!("part {number}: {what}")))?;
        if let Some(counters) = &part.counters
            && counted(&**counters, &COUNTER_DIMENSIONS, &[], MICROS_PER_DAY).map_err(text)?
                != summed(&rows, &COUNTER_DIMENSIONS, &[], MICROS_PER_DAY)
        {
            return Err(format!("part {number}: the counters are not the sums of the rows"));
        }
        for Rolled { rollup, rows: rolled } in &part.rollups {
            let (dimensions, step) = (rollup.dimensions(), rollup.every().micros());
            if counted(&**rolled, &dimensions, Dimension::ALL, step).map_err(text)?
                != summed(&rows, &dimensions, Dimension::ALL, step)
            {
                return Err(format!("part {number}: the rollup `{rollup}` is not the sums of the rows"));
            }
        }
        events.extend(part.rows().map(|row| rows[row].clone()));
    }
    let books: Vec<PriceBook> = snapshot.price_books().iter().map(|book| PriceBook::clone(book)).collect();
    let mut outcomes = Vec::new();
    // An outcome stays when all events of its workspace are retracted.
    let mut workspaces: BTreeSet<&str> = ["default", "other"].into();
    workspaces.extend(events.iter().filter_map(|event| event.get(Dimension::Workspace)));
    for workspace in workspaces {
        for outcome in snapshot.outcomes(workspace, None).map_err(text)? {
            let found = snapshot.outcome(outcome.workspace(), &outcome.job_id).map_err(text)?;
            if found.as_ref() != Some(&outcome) {
                return Err(format!("{found:?} is found where {outcome:?} is listed"));
            }
        }
        jobs(snapshot, workspace)?;
        outcomes.extend(snapshot.all_revisions(workspace).map_err(text)?);
    }
    events.sort_by(by_identity);
    if let Some(pair) = events.windows(2).find(|pair| by_identity(&pair[0], &pair[1]).is_eq()) {
        return Err(format!("{:?} counts twice", pair[0]));
    }
    for event in &events {
        let workspace = event.get(Dimension::Workspace).unwrap_or_default();
        let found = snapshot.event(workspace, event.id.as_deref().unwrap_or_default()).map_err(text)?;
        if found.as_ref() != Some(event) {
            return Err(format!("{found:?} is found where {event:?} is listed"));
        }
    }
    outcomes.sort_by(by_job);
    let stat = snapshot.stat().map_err(text)?;
    if (stat.events, stat.outcomes, stat.price_books) != (events.len() as u64, outcomes.len() as u64, books.len()) {
        return Err(format!("stat counts {} events and {} outcomes", stat.events, stat.outcomes));
    }
    Ok((events, outcomes, books))
}

/// What differs between a snapshot and the model.
pub(super) fn compare(snapshot: &Snapshot, model: &Model) -> Result<(), String> {
    let (events, outcomes, books) = read(snapshot)?;
    let mut expected = model.events();
    expected.sort_by(by_identity);
    same("events", &events, &expected)?;
    for gone in model.gone() {
        let workspace = gone.get(Dimension::Workspace).unwrap_or_default();
        let found = snapshot.event(workspace, gone.id.as_deref().unwrap_or_default());
        if !matches!(found, Ok(None)) {
            return Err(format!("{found:?} is found, which does not count"));
        }
    }
    let mut expected = model.outcomes.clone();
    expected.sort_by(by_job);
    same("outcomes", &outcomes, &expected)?;
    same("price books", &books, &model.books)?;
    let undone = |number: u64| snapshot.attributions().iter().any(|it| it.change == AttributionChange::Undo(number));
    let found = snapshot.attributions().iter().map(|it| {
        let assignments = match &it.change {
            AttributionChange::Assign(assignments) => assignments.clone(),
            AttributionChange::Undo(_) => Vec::new(),
        };
        Assigned { workspace: it.workspace.to_string(), assignments, undone: undone(it.number) }
    });
    same("attributions", &found.collect::<Vec<_>>(), &model.attributions)?;
    if snapshot.lsn() != model.lsn() {
        return Err(format!("LSN {}, {} expected", snapshot.lsn(), model.lsn()));
    }
    Ok(())
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &[T], expected: &[T]) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let differs = found.iter().zip(expected).find(|(found, expected)| found != expected);
    Err(format!("{} {what}, {} expected; the first that differ: {differs:?}", found.len(), expected.len()))
}

fn by_identity(a: &Event, b: &Event) -> std::cmp::Ordering {
    let key = |event: &Event| (event.get(Dimension::Workspace).map(String::from), event.id.clone());
    key(a).cmp(&key(b))
}

fn by_job(a: &Outcome, b: &Outcome) -> std::cmp::Ordering {
    (a.workspace(), &a.job_id, a.revision).cmp(&(b.workspace(), &b.job_id, b.revision))
}

/// What of the columns, zones and bitmaps contradicts the rows.
fn columns(part: &dyn EventRows, rows: &[Event]) -> quipu_engine::Result<Option<String>> {
    for block in 0..rows.len().div_ceil(BLOCK_ROWS) {
        let rows = &rows[block * BLOCK_ROWS..rows.len().min((block + 1) * BLOCK_ROWS)];
        let mut times = Vec::new();
        part.times(block, &mut times)?;
        let at = |event: &Event| event.at.map_or(0, quipu_engine::Timestamp::micros);
        if times != rows.iter().map(at).collect::<Vec<_>>() {
            return Ok(Some("times".into()));
        }
        let stored = times.iter().map(|time| zone_time(*time));
        if !holds(part.zone(ZoneColumn::Time, block), stored) {
            return Ok(Some("the zone of times".into()));
        }
        for &dimension in Dimension::ALL {
            let (dictionary, mut codes) = (part.dictionary(dimension)?, Vec::new());
            part.codes(dimension, block, &mut codes)?;
            let values = codes.iter().map(|code| dictionary.get(*code));
            if !values.eq(rows.iter().map(|event| event.get(dimension))) {
                return Ok(Some(format!("codes of {dimension}")));
            }
            if !holds(part.zone(ZoneColumn::Codes(dimension), block), codes.iter().map(|code| u64::from(*code))) {
                return Ok(Some(format!("the zone of {dimension}")));
            }
            for (code, _) in dictionary.iter() {
                let expected = (0..).zip(&codes).filter(|(_, found)| **found == code).map(|(row, _)| row);
                if let Some(found) = part.rows_with(dimension, code)?
                    && block == 0
                    && !found.iter().filter(|row| *row < BLOCK_ROWS as u32).eq(expected)
                {
                    return Ok(Some(format!("the rows of {dimension} {code}")));
                }
            }
        }
        let numbers = Number::ALL.iter().map(|number| Quantity::Number(*number));
        for quantity in numbers.chain(part.meters().into_iter().map(Quantity::Meter)) {
            let mut found = Vec::new();
            part.quantities(&quantity, block, &mut found)?;
            let expected = rows.iter().map(|event| match &quantity {
                Quantity::Meter(meter) => event.usage.get(meter).map_or(0, |quantity| quantity + 1),
                Quantity::Number(number) => event.number(*number).map_or(0, |value| value + 1),
                Quantity::ContextBand => u64::from(event.context_band()) + 1,
            });
            if !found.iter().copied().eq(expected) {
                return Ok(Some(format!("{quantity:?}")));
            }
            if !holds(part.zone(ZoneColumn::Quantity(&quantity), block), found.into_iter()) {
                return Ok(Some(format!("the zone of {quantity:?}")));
            }
        }
        if tags_of(part, block)? != rows.iter().map(|event| event.tags.clone()).collect::<Vec<_>>() {
            return Ok(Some("tags".into()));
        }
    }
    let (first, last) = part.time_range();
    let range = rows.iter().filter_map(|event| event.at).fold(None, |range, at| {
        let (first, last) = range.unwrap_or((at, at));
        Some((at.min(first), at.max(last)))
    });
    Ok(range.filter(|range| *range != (first, last)).map(|range| format!("{range:?} is outside {first} to {last}")))
}

/// The tags of the rows of a block, from sets and from columns.
fn tags_of(part: &dyn EventRows, block: usize) -> quipu_engine::Result<Vec<Sparse<Text, Text>>> {
    let (sets, mut codes) = (part.tag_sets()?, Vec::new());
    part.tag_set_codes(block, &mut codes)?;
    let mut tags: Vec<Sparse<Text, Text>> =
        codes.iter().map(|code| sets.get(*code).iter().cloned().collect()).collect();
    for key in part.tag_columns() {
        let values = part.tag_dictionary(&key)?;
        part.tag_codes(&key, block, &mut codes)?;
        for (tags, code) in tags.iter_mut().zip(&codes) {
            values.get(*code).into_iter().for_each(|value| drop(tags.insert(key.clone(), value.into())));
        }
    }
    Ok(tags)
}

fn holds(zone: Option<Zone>, mut values: impl Iterator<Item = u64>) -> bool {
    zone.is_none_or(|zone| values.all(|value| (zone.min..=zone.max).contains(&value)))
}

/// The values of dimensions, the context band and the step of time.
type Key = (Vec<Option<String>>, u64, i64);
type Totals = BTreeMap<Key, BTreeMap<Counter, u128>>;

/// The sums of counters or of a rollup by key; what is 0 is left out.
fn counted(
    counters: &dyn CounterRows,
    dimensions: &[Dimension],
    lacking: &[Dimension],
    step: i64,
) -> quipu_engine::Result<Totals> {
    let mut wanted = vec![Counter::Events, Counter::Errors, Counter::Cancelled, Counter::Retries];
    wanted.extend(lacking.iter().copied().map(Counter::Lacking));
    wanted.extend(counters.meters().into_iter().map(Counter::Meter));
    wanted.extend(COUNTER_NUMBERS.into_iter().flat_map(|n| [Counter::Number(n), Counter::NumberEvents(n)]));
    let mut totals = Totals::new();
    for block in 0..counters.rows().div_ceil(BLOCK_ROWS) {
        let (mut bands, mut first, mut last) = (Vec::new(), Vec::new(), Vec::new());
        counters.sums(&Counter::ContextBand, block, &mut bands)?;
        counters.times(block, &mut first, &mut last)?;
        let steps = first.iter().map(|at| at.div_euclid(step));
        let mut keys: Vec<Key> = bands.into_iter().zip(steps).map(|(band, step)| (Vec::new(), band, step)).collect();
        for dimension in dimensions {
            let (dictionary, mut codes) = (counters.dictionary(*dimension)?, Vec::new());
            counters.codes(*dimension, block, &mut codes)?;
            keys.iter_mut().zip(codes).for_each(|(key, code)| key.0.push(dictionary.get(code).map(String::from)));
        }
        for counter in &wanted {
            let mut sums = Vec::new();
            counters.sums(counter, block, &mut sums)?;
            for (key, sum) in keys.iter().zip(sums).filter(|(_, sum)| *sum > 0) {
                *totals.entry(key.clone()).or_default().entry(counter.clone()).or_default() += u128::from(sum);
            }
        }
    }
    Ok(totals)
}

/// The same, from the rows.
fn summed(rows: &[Event], dimensions: &[Dimension], lacking: &[Dimension], step: i64) -> Totals {
    let mut totals = Totals::new();
    for event in rows {
        let values = dimensions.iter().map(|dimension| event.get(*dimension).map(String::from)).collect();
        let step = event.at.map_or(0, Timestamp::micros).div_euclid(step);
        let sums = totals.entry((values, u64::from(event.context_band()), step)).or_default();
        let mut add = |counter: Counter, value: u64| {
            if value > 0 {
                *sums.entry(counter).or_default() += u128::from(value);
            }
        };
        add(Counter::Events, 1);
        lacking.iter().for_each(|dimension| add(Counter::Lacking(*dimension), event.get(*dimension).is_none().into()));
        add(Counter::Errors, u64::from(event.get(Dimension::Status) == Some("error")));
        add(Counter::Cancelled, u64::from(event.get(Dimension::Status) == Some("cancelled")));
        add(Counter::Retries, u64::from(event.number(Number::RetryDepth).is_some_and(|depth| depth > 0)));
        event.usage.iter().for_each(|(meter, quantity)| add(Counter::Meter(meter.clone()), *quantity));
        for number in COUNTER_NUMBERS {
            if let Some(value) = event.number(number) {
                add(Counter::Number(number), value);
                add(Counter::NumberEvents(number), 1);
            }
        }
    }
    totals
}

/// Whether jobs have one number everywhere, and there the outcome that is listed for them.
fn jobs(snapshot: &Snapshot, workspace: &str) -> Result<(), String> {
    let text = |error: quipu_engine::Error| format!("{:?}: {error}", error.kind());
    let numbers = snapshot.jobs().map_err(text)?;
    for (at, part) in snapshot.parts().iter().enumerate() {
        for (code, name) in part.events.dictionary(Dimension::JobId).map_err(text)?.iter() {
            if numbers.find(name) != Some(numbers.part(at).job(code).0) {
                return Err(format!("part {at}: {name} has another number"));
            }
        }
    }
    let mut found = BTreeMap::new();
    let known = snapshot.job_outcomes(workspace, None).map_err(text)?;
    known.each(|job, outcome| _ = found.insert(job, outcome));
    let listed = snapshot.outcomes(workspace, None).map_err(text)?;
    let listed = listed.iter().map(|outcome| (numbers.find(&outcome.job_id).unwrap_or(u32::MAX), outcome.into()));
    let listed: BTreeMap<u32, JobOutcome> = listed.collect();
    if found != listed { Err(format!("outcomes by number are {found:?}, listed are {listed:?}")) } else { Ok(()) }
}
