//! A compiled map: what to do with the columns of every row.

use quipu::{Dimension, Event, Meter, Number, Outcome, OutcomeStatus, OutcomeType, Result, Text};

use super::super::revisions::FIRST;
use super::value::{self, Clock, Form, Money, Sum, TextValue, Unit};
use crate::wire::decimal;
use crate::wire::json::{self, Kind, Members};

/// A column by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::import) enum Column {
    /// Of the file itself.
    Main(usize),
    /// Of the joined file.
    Joined(usize),
}

/// The values of one row.
pub(in crate::import) trait Cells {
    fn cell(&self, column: Column) -> Option<&str>;
    /// The number of the row, counted from 1; rows that are left out count too.
    fn row(&self) -> u64;
    /// The file's name without folders and endings.
    fn file(&self) -> &str;
}

/// What to do with every row.
#[derive(Debug)]
pub(in crate::import) struct Plan {
    pub(super) columns: Vec<String>,
    /// Columns that must hold one of the texts.
    pub(super) filter: Vec<(Column, Vec<Text>)>,
    pub(in crate::import) latest: Option<Latest>,
    pub(in crate::import) join: Option<Join>,
    /// What the id is made of; `None` where rows have none of their own.
    pub(super) id: Option<Form>,
    /// Which revision of the event a row is; `None` where each is the only one.
    pub(super) revision: Option<Sum>,
    /// Whether the id is no identity of the source's own.
    pub(super) id_derived: bool,
    pub(super) at: Option<(Form, Clock)>,
    pub(super) dimensions: Vec<(Dimension, TextValue)>,
    pub(super) numbers: Vec<(Number, NumberValue)>,
    pub(super) usage: Vec<(Meter, Sum)>,
    pub(super) total: Option<Sum>,
    pub(super) tags: Vec<(Text, TextValue)>,
    /// Columns of objects each of whose members is a tag.
    pub(super) all_tags: Vec<Form>,
    pub(super) outcome: Option<OutcomePlan>,
    /// Whether rows are events; else they are only outcomes.
    pub(in crate::import) events: bool,
    /// The fields of a price list's entries.
    pub(in crate::import) price: Option<Vec<(String, PriceValue)>>,
}

/// Where a field of a price comes from.
#[derive(Debug)]
pub(in crate::import) struct PriceValue {
    pub(super) form: Form,
    /// How a time is written; `None` for all else.
    pub(super) clock: Option<Clock>,
}

/// Only rows of the highest `by` among those of the same `key` count.
#[derive(Debug)]
pub(in crate::import) struct Latest {
    pub(in crate::import) key: Vec<Column>,
    pub(in crate::import) by: Column,
}

/// A second file, one row of which belongs to each row.
#[derive(Debug)]
pub(in crate::import) struct Join {
    pub(in crate::import) file: String,
    /// The key in the file itself.
    pub(in crate::import) key: Vec<Column>,
    /// The same columns by name, as the second file has them.
    pub(in crate::import) on: Vec<String>,
    /// What is taken from the second file.
    pub(in crate::import) columns: Vec<String>,
}

#[derive(Debug)]
pub(super) enum NumberValue {
    Flag(Form),
    Count(Form),
    Millis(Form, Unit),
    Money(Form, Money),
}

#[derive(Debug)]
pub(super) struct OutcomePlan {
    /// Without a value here the row has no outcome.
    pub(super) require: Option<Column>,
    pub(super) job_id: Option<TextValue>,
    pub(super) status: TextValue,
    pub(super) kind: Option<TextValue>,
    pub(super) value: Option<(Form, Money)>,
    pub(super) at: Option<(Form, Clock)>,
    pub(super) metadata: Option<Form>,
}

impl Plan {
    /// The columns it reads, by number.
    pub(in crate::import) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Whether rows have ids of their own.
    pub(in crate::import) fn has_ids(&self) -> bool {
        self.id.is_some()
    }

    /// Whether the row is one the map wants.
    pub(in crate::import) fn wants(&self, cells: &impl Cells) -> bool {
        self.filter
            .iter()
            .all(|(column, texts)| cells.cell(*column).is_some_and(|cell| texts.iter().any(|text| text == cell)))
    }

    /// The event of a row; without an id where the map makes none.
    ///
    /// # Errors
    /// A sentence that names the field.
    pub(in crate::import) fn event(&self, cells: &impl Cells) -> Result<Event, String> {
        let mut event = Event::default();
        if let Some(form) = &self.id {
            event.id = Some(form.read(cells).ok_or("id is missing: a column that it is made of is empty")?.into());
        }
        if let Some((form, clock)) = &self.at
            && let Some(text) = form.read(cells)
        {
            event.at = Some(clock.read(&text).map_err(|problem| format!("at {problem}"))?);
        }
        for (dimension, value) in &self.dimensions {
            if let Some(text) = value.read(cells).map_err(|problem| format!("{dimension} {problem}"))? {
                event.dimensions.insert(*dimension, text);
            }
        }
        for (number, value) in &self.numbers {
            value.set(*number, cells, &mut event)?;
        }
        for form in &self.all_tags {
            if let Some(text) = form.read(cells) {
                insert_members(&text, &mut event).map_err(|problem| format!("tags {problem}"))?;
            }
        }
        for (key, value) in &self.tags {
            if let Some(text) = value.read(cells).map_err(|problem| format!("tag {key} {problem}"))? {
                event.tags.insert(key.clone(), text);
            }
        }
        self.meter(cells, &mut event)?;
        if self.id_derived {
            event.numbers.insert(Number::IdDerived, 1);
        }
        Ok(event)
    }

    fn meter(&self, cells: &impl Cells, event: &mut Event) -> Result<(), String> {
        let mut mismatch = false;
        for (meter, sum) in &self.usage {
            if let Some((quantity, exceeded)) =
                sum.read(cells).map_err(|problem| format!("usage.{meter}: {problem}"))?
            {
                mismatch |= exceeded;
                event.usage.insert(meter.clone(), quantity);
            }
        }
        if let Some(total) = &self.total
            && let Some((total, _)) = total.read(cells).map_err(|problem| format!("usage.total_tokens: {problem}"))?
        {
            let tokens = event.usage.iter().filter(|(meter, _)| matches!(meter, Meter::Token(_)));
            mismatch |= tokens.map(|(_, quantity)| u128::from(*quantity)).sum::<u128>() != u128::from(total);
        }
        if mismatch {
            event.numbers.insert(Number::UsageMismatch, 1);
        }
        Ok(())
    }

    /// Which revision of its event a row is, where the map says that there are several.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub(in crate::import) fn revision(&self, cells: &impl Cells) -> Result<Option<u64>, String> {
        let Some(sum) = &self.revision else { return Ok(None) };
        match sum.read(cells).map_err(|problem| format!("revision: {problem}"))? {
            Some((0, _)) => {
                Err("revision is below 1; the first one is 1, which a map can say as \"COLUMN + 1\"".into())
            }
            read => Ok(Some(read.map_or(FIRST, |(revision, _)| revision))),
        }
    }

    /// The outcome of a row, if it has one; `event` is the row's event.
    ///
    /// # Errors
    /// A sentence that names the field.
    pub(in crate::import) fn outcome(&self, cells: &impl Cells, event: &Event) -> Result<Option<Outcome>, String> {
        let Some(plan) = &self.outcome else { return Ok(None) };
        if plan.require.is_some_and(|column| cells.cell(column).is_none()) {
            return Ok(None);
        }
        let of = |field: &'static str| move |problem: String| format!("outcome.{field} {problem}");
        let job_id = match &plan.job_id {
            Some(job_id) => job_id.read(cells).map_err(of("job_id"))?,
            None => event.get(Dimension::JobId).map(Text::from),
        };
        let job_id = job_id.ok_or("outcome.job_id is missing")?;
        let status = plan.status.read(cells).map_err(of("status"))?.ok_or("outcome.status is missing")?;
        let status = OutcomeStatus::parse(&status).map_err(|error| format!("outcome.{error}"))?;
        let mut outcome = Outcome::new(job_id, status);
        outcome.workspace = event.get(Dimension::Workspace).map(Text::from);
        if let Some(kind) = &plan.kind
            && let Some(kind) = kind.read(cells).map_err(of("type"))?
        {
            outcome.kind = Some(OutcomeType::parse(&kind).map_err(|error| format!("outcome.{error}"))?);
        }
        if let Some((form, money)) = &plan.value
            && let Some(text) = form.read(cells)
        {
            outcome.value = Some(money.read(&text).map_err(of("value"))?);
        }
        if let Some((form, clock)) = &plan.at
            && let Some(text) = form.read(cells)
        {
            outcome.at = Some(clock.read(&text).map_err(of("at"))?);
        }
        if let Some(form) = &plan.metadata {
            outcome.metadata = form.read(cells).map(std::borrow::Cow::into_owned);
        }
        // The same row read again is the same report.
        outcome.idempotency_key = event.id.clone();
        Ok(Some(outcome))
    }
}

impl PriceValue {
    /// The text that Quipu's own price list would have; absent when a column it needs is.
    pub(in crate::import) fn read(&self, cells: &impl Cells) -> Result<Option<String>, String> {
        let Some(text) = self.form.read(cells) else { return Ok(None) };
        Ok(Some(match &self.clock {
            Some(clock) => clock.read(&text)?.to_string(),
            None => text.into_owned(),
        }))
    }
}

/// Makes a tag of every member of a JSON object.
fn insert_members(text: &str, event: &mut Event) -> Result<(), String> {
    for (key, raw) in Members::parse(text).map_err(|error| error.to_string())?.0 {
        match json::scalar(&key, raw).map_err(|error| error.to_string())? {
            Some(value) => _ = event.tags.insert(key.as_ref().into(), value.as_ref().into()),
            None if Kind::of(raw) == Kind::Null => {}
            None => return Err(format!("has the member {key:?}, which is {}; expected a text", Kind::of(raw))),
        }
    }
    Ok(())
}

impl NumberValue {
    fn set(&self, number: Number, cells: &impl Cells, event: &mut Event) -> Result<(), String> {
        let form = match self {
            Self::Flag(form) | Self::Count(form) | Self::Millis(form, _) | Self::Money(form, _) => form,
        };
        let Some(text) = form.read(cells) else { return Ok(()) };
        let read = match self {
            Self::Flag(_) => value::boolean(&text).map(u64::from),
            Self::Count(_) => decimal::count(&text),
            Self::Millis(_, unit) => value::millis(&text, *unit),
            Self::Money(_, money) => {
                let cost = money.read(&text).map_err(|problem| format!("{number} {problem}"))?;
                return event.set_reported_cost(cost).map_err(|error| error.to_string());
            }
        };
        event.numbers.insert(number, read.map_err(|problem| format!("{number} {problem}"))?);
        Ok(())
    }
}
