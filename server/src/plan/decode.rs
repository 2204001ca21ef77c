//! From texts to a query.

use quipu::price::WhatIf;
use quipu::{
    Bucket, Cohort, Compare, CostBasis, Error, Filter, Having, Measure, Order, OutcomeType, PathChoice, PicoUsd, Pivot,
    Precision, Query, Result, Timestamp, Zone,
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
        let (since, mut until) = (instant("since", &self.since)?, instant("until", &self.until)?);
        let compare = compare(&self.compare, &zone, now)?;
        if matches!(compare, Some(Compare::Previous)) && since.is_some() {
            until.get_or_insert(now);
        }
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
            cohort: self.cohort.as_deref().map(Cohort::parse).transpose()?,
            having: self.having.as_deref().map(Having::parse).transpose()?,
            compare,
            fill: self.fill,
            after: self.after.clone(),
            order: self.order.iter().map(|name| Order::parse(name)).collect::<Result<_>>()?,
            limit: self.limit,
            cost_basis: self.cost.as_deref().map_or_else(|| Ok(CostBasis::default()), CostBasis::parse)?,
            prices: prices::decode(&self.prices, &zone, now)?,
            outcomes_as_of: instant("as_of", &self.as_of)?,
            what_if: self.what_if.iter().try_fold(WhatIf::default(), |all, text| all.and(text))?,
            assumed_values: self.assume_value.iter().map(assumed).collect::<Result<_>>()?,
            precision: self.precision.as_deref().map_or_else(|| Ok(Precision::default()), Precision::parse)?,
            memory: self.memory.as_deref().map(bytes).transpose()?,
            path: self.path.as_deref().map_or_else(|| Ok(PathChoice::default()), PathChoice::parse)?,
            zone,
            ..Query::default()
        };
        refuse_repeated_columns(&query)?;
        Ok(Plan {
            report: self.report,
            query,
            prefix: self.prefix.clone(),
            columns: self.columns.clone(),
            explain: self.explain,
        })
    }
}

fn pivot(name: &str) -> Result<Pivot> {
    Bucket::parse(name).map_or_else(|| Pivot::parse(name), |bucket| Ok(bucket.into()))
}

/// Rows are objects with a member per column, so a name can stand only once.
fn refuse_repeated_columns(query: &Query) -> Result<()> {
    let pivots = query.by.iter().map(ToString::to_string);
    let mut names: Vec<String> = pivots.chain(query.columns().iter().map(ToString::to_string)).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::invalid(format!("the column {} is asked for twice", pair[0]))),
        None => Ok(()),
    }
}

fn compare(json: &Json, zone: &Zone, now: Timestamp) -> Result<Option<Compare>> {
    let wrong = || {
        Error::invalid(format!(
            "compare is {json}; expected \"previous\" or \"SINCE..UNTIL\"; in JSON also {{\"since\": T, \"until\": T}} or {{\"where\": …}}"
        ))
    };
    let range = |since: &str, until: &str| {
        let instant = |text: &str| times::parse(text, zone, now).map_err(|error| error.context("compare"));
        let (since, until) = (instant(since)?, instant(until)?);
        match since < until {
            true => Ok(Some(Compare::Range { since, until })),
            false => Err(Error::invalid(format!("compare: since ({since}) is not before until ({until})"))),
        }
    };
    match json {
        Json::Null => Ok(None),
        Json::String(text) if text == "previous" => Ok(Some(Compare::Previous)),
        Json::String(text) => text.split_once("..").map_or_else(|| Err(wrong()), |(since, until)| range(since, until)),
        Json::Object(object) => match (object.get("since"), object.get("until"), object.get("where"), object.len()) {
            (Some(Json::String(since)), Some(Json::String(until)), None, 2) => range(since, until),
            (None, None, Some(other), 1) => {
                let all = Filter::And(Vec::new());
                Ok(Some(Compare::Filter(filter::decode(other)?.unwrap_or(all))))
            }
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

/// A number of bytes: `65536`, `64KB`, `512MB`, `2GB`, in powers of 1,024.
fn bytes(text: &str) -> Result<u64> {
    let units = [("KB", 10), ("MB", 20), ("GB", 30)];
    let (digits, shift) =
        units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?.trim_end(), *shift))).unwrap_or((text, 0));
    let count: Option<u64> = digits.parse().ok();
    count.and_then(|count| count.checked_mul(1 << shift)).ok_or_else(|| {
        Error::invalid(format!("memory is {text:?}; expected a number of bytes, or one with KB, MB or GB"))
    })
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
