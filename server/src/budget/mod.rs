//! Budgets: what each group may spend in a period, how far it is, and who hears of it.
//!
//! A budget is a question like any other with a limit beside it. It is asked now and then; whoever
//! passes one of its thresholds is told of once per period, by a webhook that the group's owner chose.

mod alert;
mod period;
mod standing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use quipu::store::Snapshot;
use quipu::{Cancel, CostBasis, Error, PicoUsd, Result, Scope, Timestamp};
use serde::Deserialize;

use crate::notice::{Audience, Notice, Webhook};
use crate::plan::{Plan, PlanText};

pub use alert::Alert;
pub use period::{Period, Span};
pub use standing::Standing;

/// Percents of the limit at which somebody is told, where a budget names none.
const THRESHOLDS: [u32; 2] = [80, 100];

/// A budget as a configuration file says it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    name: String,
    limit: String,
    #[serde(default)]
    period: Period,
    #[serde(default)]
    workspace: Option<String>,
    #[serde(default)]
    by: Option<String>,
    #[serde(default, rename = "where")]
    filter: Option<String>,
    #[serde(default)]
    tz: Option<String>,
    #[serde(default)]
    cost: Option<String>,
    #[serde(default)]
    thresholds: Option<Vec<u32>>,
    #[serde(default)]
    notify: Vec<String>,
    #[serde(default)]
    owners: BTreeMap<String, String>,
}

/// A budget that was understood.
#[derive(Clone, Debug)]
pub struct Budget {
    /// What people call it.
    pub name: String,
    /// What each group may spend in a period.
    pub limit: PicoUsd,
    /// The period.
    pub period: Period,
    /// Percents of the limit at which somebody is told, ascending.
    pub thresholds: Vec<u32>,
    /// The workspace that it is about.
    pub scope: Scope,
    text: PlanText,
    zone: jiff::tz::TimeZone,
    audience: Audience,
}

impl Budget {
    /// Understands a budget whose webhooks are among `webhooks`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid), naming the budget and what is wrong.
    pub fn new(written: Written, webhooks: &[Webhook], now: Timestamp) -> Result<Self> {
        let name = written.name.clone();
        Self::understand(written, webhooks, now).map_err(|error| error.context(format!("budget {name:?}")))
    }

    fn understand(written: Written, webhooks: &[Webhook], now: Timestamp) -> Result<Self> {
        let limit = PicoUsd::parse_exact(&written.limit).ok().filter(|limit| limit.pico() > 0);
        let limit =
            limit.ok_or_else(|| Error::invalid(format!("limit is {:?}; expected USD such as 5000", written.limit)))?;
        let mut thresholds = written.thresholds.unwrap_or_else(|| THRESHOLDS.into());
        thresholds.sort_unstable();
        if thresholds.first() == Some(&0) {
            return Err(Error::invalid(
                "a threshold of 0 percent is passed before anything is spent; allowed are 1 and more",
            ));
        }
        if !written.owners.is_empty() && written.by.is_none() {
            return Err(Error::invalid("owners are those of the values of by, which is not named"));
        }
        let measure = match CostBasis::parse(written.cost.as_deref().unwrap_or("computed"))? {
            CostBasis::Computed => "cost",
            CostBasis::Reported => "reported_cost",
        };
        let mut text = PlanText { measures: vec![measure.into()], tz: written.tz.clone(), ..PlanText::default() };
        text.by = written.by.into_iter().collect();
        text.filter = written.filter.map_or(serde_json::Value::Null, Into::into);
        text.resolve(now)?;
        let zone = written.tz.as_deref().map_or(Ok(jiff::tz::TimeZone::UTC), jiff::tz::TimeZone::get);
        Ok(Self {
            name: written.name,
            limit,
            period: written.period,
            thresholds,
            scope: written.workspace.map_or_else(|| Ok(Scope::default()), Scope::new)?,
            text,
            zone: zone.map_err(|error| Error::invalid(error.to_string()))?,
            audience: Audience::new(written.notify, written.owners, webhooks)?,
        })
    }

    /// How far each group is at `now`, unless `cancel` says to stop.
    ///
    /// # Errors
    /// As [`View::query`](quipu::View::query).
    pub fn standings(&self, snapshot: &Snapshot, now: Timestamp, cancel: &Cancel) -> Result<Vec<Standing>> {
        let span = self.period.around(now, &self.zone)?;
        let text =
            PlanText { since: Some(span.from.to_string()), until: Some(span.until.to_string()), ..self.text.clone() };
        let Plan { query, .. } = text.resolve(now)?;
        let query = query.cancel(cancel.clone());
        let answer = quipu::View::new(snapshot, self.scope.clone()).whole(&query)?;
        let complete = answer.unpriced.is_empty();
        Ok(answer.rows.iter().filter_map(|row| Standing::of_row(self, row, span, now, complete)).collect())
    }

    /// What is to tell of each group at `now`.
    ///
    /// # Errors
    /// As [`Self::standings`].
    pub fn notices(&self, snapshot: &Snapshot, now: Timestamp) -> Result<Vec<Notice>> {
        let standings = self.standings(snapshot, now, &Cancel::default())?;
        let alerts = standings.iter().filter_map(|standing| Alert::of(self, standing, now));
        Ok(alerts.map(|alert| alert.notice(self)).collect())
    }
}
