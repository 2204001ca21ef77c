//! From texts to a query.

use quipu::price::WhatIf;
use quipu::{
    Bucket, CostBasis, Error, Measure, Order, OutcomeType, PathChoice, PicoUsd, Pivot, Query, Result, Timestamp, Zone,
};
use serde_json::Value as Json;

use super::text::PlanText;
use super::{Plan, filter, prices, times};

impl PlanText {
    /// Understands every text; `now` is what `7d` counts back from.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid), naming what is wrong and what is near.
    pub fn resolve(&self, now: Timestamp) -> Result<Plan> {
        let zone = self.tz.as_deref().map_or_else(|| Ok(Zone::default()), Zone::parse)?;
        let instant = |name: &str, text: &Option<String>| {
            let parsed = text.as_deref().map(|text| times::parse(text, &zone, now));
            parsed.transpose().map_err(|error| error.context(name))
        };
        let (since, until) = (instant("since", &self.since)?, instant("until", &self.until)?);
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            return Err(Error::invalid(format!("since ({since}) is not before until ({until})")));
        }
        let query = Query {
            measures: self.measures.iter().map(|name| Measure::parse(name)).collect::<Result<_>>()?,
            by: self.by.iter().map(|name| pivot(name)).collect::<Result<_>>()?,
            filter: filter::decode(&self.filter)?,
            since,
            until,
            order: self.order.iter().map(|name| Order::parse(name)).collect::<Result<_>>()?,
            limit: self.limit,
            cost_basis: self.cost.as_deref().map_or_else(|| Ok(CostBasis::default()), CostBasis::parse)?,
            prices: prices::decode(&self.prices, &zone, now)?,
            outcomes_as_of: instant("as_of", &self.as_of)?,
            what_if: self.what_if.iter().try_fold(WhatIf::default(), |all, text| all.and(text))?,
            assumed_values: self.assume_value.iter().map(assumed).collect::<Result<_>>()?,
            path: self.path.as_deref().map_or_else(|| Ok(PathChoice::default()), PathChoice::parse)?,
            zone,
            ..Query::default()
        };
        refuse_repeated_columns(&query)?;
        Ok(Plan { report: self.report, query, explain: self.explain })
    }
}

fn pivot(name: &str) -> Result<Pivot> {
    Bucket::parse(name).map_or_else(|| Pivot::parse(name), |bucket| Ok(bucket.into()))
}

/// Rows are objects with a member per column, so a name can stand only once.
fn refuse_repeated_columns(query: &Query) -> Result<()> {
    let pivots = query.by.iter().map(ToString::to_string);
    let mut names: Vec<String> = pivots.chain(query.measures.iter().map(ToString::to_string)).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::invalid(format!("the column {} is asked for twice", pair[0]))),
        None => Ok(()),
    }
}

fn assumed((kind, amount): (&String, &Json)) -> Result<(OutcomeType, PicoUsd)> {
    let text = match amount {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let kind = OutcomeType::parse(kind).map_err(|error| error.context("assume_value"))?;
    let amount = PicoUsd::parse_exact(&text).map_err(|error| {
        Error::invalid(format!("assume_value of {} is {text:?}, which {error}; expected USD such as 25", kind.name()))
    })?;
    Ok((kind, amount))
}
