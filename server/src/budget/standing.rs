//! How far a group is in its period.

use quipu::{PicoUsd, Timestamp, Value};

use super::{Budget, Span};

/// What a group has spent of its budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The budget.
    pub budget: String,
    /// The group, by the value of the pivot; `None` where the budget has none.
    pub group: Option<String>,
    /// The period.
    pub span: Span,
    /// What was spent in it until now.
    pub spent: PicoUsd,
    /// What may be spent in it.
    pub limit: PicoUsd,
    /// When the limit is reached at the pace so far, if that is within the period; past where it was reached.
    pub overrun: Option<Timestamp>,
    /// Whether everything that was used has a price; else more was spent than is known.
    pub complete: bool,
}

impl Standing {
    /// The standing that a row of the question says; `None` where nothing known was spent.
    pub(super) fn of_row(budget: &Budget, row: &[Value], span: Span, now: Timestamp, complete: bool) -> Option<Self> {
        let (Some(Value::Money(spent)), key) = (row.last(), &row[..row.len() - 1]) else { return None };
        let group = key.first().map(|value| match value {
            Value::Null => "unattributed".to_owned(),
            value => value.to_string(),
        });
        let overrun = overrun(*spent, budget.limit, span, now);
        Some(Self { budget: budget.name.clone(), group, span, spent: *spent, limit: budget.limit, overrun, complete })
    }

    /// The share of the limit that was spent, in whole percents, rounded down.
    pub fn percent(&self) -> u64 {
        let percent = self.spent.pico().max(0).saturating_mul(100) / self.limit.pico();
        u64::try_from(percent).unwrap_or(u64::MAX)
    }
}

/// start + elapsed × limit / spent: the pace of the period so far goes on.
fn overrun(spent: PicoUsd, limit: PicoUsd, span: Span, now: Timestamp) -> Option<Timestamp> {
    let elapsed = i128::from(now.micros() - span.from.micros());
    if spent.pico() <= 0 {
        return None;
    }
    let until = elapsed.checked_mul(limit.pico())? / spent.pico();
    let at = Timestamp::from_micros(i64::try_from(until.checked_add(span.from.micros().into())?).ok()?);
    (at < span.until).then_some(at)
}
