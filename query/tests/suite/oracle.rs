//! Answers queries from a list of events with plain loops, one event at a time.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use quipu_engine::money::{PICO_PER_USD, div_half_even};
use quipu_engine::price_book::PriceBook;
use quipu_engine::{
    Dimension, Event, Meter, Number, Outcome, OutcomeStatus, OutcomeType, PicoUsd, Timestamp, TokenMeter,
};
use quipu_query::filter::{NumberField, NumberTest, TextField, TextTest};
use quipu_query::price::{PriceClass, Pricer, PromptSize};
use quipu_query::{Bucket, CostBasis, Filter, Measure, OrderKey, Pivot, Query, Statistic, Unpriced, Value, Zone};

pub(crate) struct Oracle<'a> {
    pub(crate) events: &'a [Event],
    pub(crate) outcomes: &'a [Outcome],
    pub(crate) book: &'a PriceBook,
}

/// Rows, totals, number of groups, and what has no price.
pub(crate) type Expected = (Vec<Vec<Value>>, Vec<Value>, u64, Vec<Unpriced>);

impl Oracle<'_> {
    pub(crate) fn answer(&self, query: &Query) -> Expected {
        let chosen: Vec<&Event> = self.events.iter().filter(|event| chosen(query, event)).collect();
        let mut groups: Vec<(Vec<Value>, Vec<&Event>)> = Vec::new();
        for event in &chosen {
            let key: Vec<Value> = query.by.iter().map(|pivot| key(pivot, &query.zone, event)).collect();
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, events)) => events.push(event),
                None => groups.push((key, vec![event])),
            }
        }
        let values = |events: &[&Event]| query.measures.iter().map(|m| self.measure(query, m, events)).collect();
        let totals: Vec<Value> = values(&chosen);
        if query.by.is_empty() {
            groups = vec![(Vec::new(), chosen.clone())];
        }
        let count = groups.len() as u64;
        let mut rows: Vec<Vec<Value>> = groups
            .into_iter()
            .map(|(key, events)| {
                let values: Vec<Value> = values(&events);
                key.into_iter().chain(values).collect()
            })
            .collect();
        rows.sort_by(|a, b| order(query, a, b));
        rows.truncate(query.limit.map_or(usize::MAX, |limit| limit as usize));
        let totals = query.by.iter().map(|_| Value::Null).chain(totals).collect();
        let priced = query.measures.iter().any(|measure| {
            use Measure as M;
            let by_job = [M::JobCost, M::Roi, M::MeanRoi, M::CostPerSuccess, M::CostPerConversion];
            [M::Cost, M::CostDelta, M::Unpriced].contains(measure)
                || (by_job.contains(measure) && query.cost_basis == CostBasis::Computed)
        });
        (rows, totals, count, if priced { self.unpriced(&chosen) } else { Vec::new() })
    }

    fn unpriced(&self, events: &[&Event]) -> Vec<Unpriced> {
        let mut sums: BTreeMap<_, u128> = BTreeMap::new();
        for event in events {
            for (meter, quantity) in self.price(event).unpriced {
                let name = |dimension| event.get(dimension).map(str::to_owned);
                *sums.entry((name(Dimension::Provider), name(Dimension::Model), meter)).or_default() += quantity;
            }
        }
        sums.into_iter()
            .map(|((provider, model, meter), quantity)| Unpriced {
                provider: provider.map(Into::into),
                model: model.map(Into::into),
                meter,
                quantity,
            })
            .collect()
    }

    fn price(&self, event: &Event) -> Priced {
        let schedule = Pricer::new(self.book).schedule(&PriceClass {
            workspace: event.get(Dimension::Workspace),
            tenant: event.get(Dimension::Tenant),
            provider: event.get(Dimension::Provider),
            model: event.get(Dimension::Model),
            region: event.get(Dimension::Region),
            service_tier: event.get(Dimension::ServiceTier),
            size: PromptSize::of_tokens(event.input_tokens()),
        });
        let rates = &schedule.periods[schedule.period_at(event.at.expect("set"))];
        let mut priced = Priced { pico: 0, known: rates.per_request().is_some(), unpriced: Vec::new() };
        priced.pico += i128::from(rates.per_request().unwrap_or(0));
        for (meter, quantity) in event.usage.iter().filter(|(_, quantity)| **quantity > 0) {
            match rates.rate(meter) {
                Some(rate) => {
                    priced.pico += i128::from(rate) * i128::from(*quantity);
                    priced.known = true;
                }
                None => priced.unpriced.push((meter.clone(), u128::from(*quantity))),
            }
        }
        priced
    }

    /// The computed cost: pico-USD, whether any of it is known, whether any of it is unknown.
    fn cost(&self, events: &[&Event]) -> (i128, bool, bool) {
        let (mut pico, mut known, mut unknown) = (0, false, false);
        for event in events {
            let priced = self.price(event);
            pico += priced.pico;
            known |= priced.known;
            unknown |= event.number(Number::UsageMissing) == Some(1) || !priced.unpriced.is_empty();
        }
        (pico, known || !unknown, unknown)
    }

    fn reported(&self, events: &[&Event]) -> (i128, bool, bool) {
        let costs: Vec<Option<PicoUsd>> = events.iter().map(|event| event.reported_cost()).collect();
        let pico = costs.iter().flatten().map(|cost| cost.pico()).sum();
        (pico, costs.is_empty() || costs.iter().any(Option::is_some), costs.iter().any(Option::is_none))
    }

    fn outcome(&self, job: &str) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.workspace() == "default" && outcome.job_id == job)
    }

    fn measure(&self, query: &Query, measure: &Measure, events: &[&Event]) -> Value {
        use Measure as M;
        let count =
            |test: &dyn Fn(&Event) -> bool| Value::Count(events.iter().filter(|event| test(event)).count() as u128);
        let tokens = |test: &dyn Fn(TokenMeter) -> bool| {
            let wanted = TokenMeter::ALL.iter().filter(|token| test(**token));
            Value::Count(wanted.flat_map(|token| events.iter().map(|e| u128::from(e.quantity(*token)))).sum())
        };
        let status = |event: &Event, status| event.get(Dimension::Status) == Some(status);
        let amount = |(pico, known, _): (i128, bool, bool)| match known {
            true => Value::Money(PicoUsd::from_pico(pico)),
            false => Value::Null,
        };
        match measure {
            M::Requests => count(&|_| true),
            M::Errors => count(&|event| status(event, "error")),
            M::ErrorRate => {
                let errors = events.iter().filter(|event| status(event, "error")).count();
                Value::ratio(errors as i128, events.len() as i128, 6)
            }
            M::Cancelled => count(&|event| status(event, "cancelled")),
            M::Retries => count(&|event| event.number(Number::RetryDepth).is_some_and(|depth| depth > 0)),
            M::UsageMissing => count(&|event| event.number(Number::UsageMissing) == Some(1)),
            M::InputTokens => Value::Count(events.iter().map(|event| u128::from(event.input_tokens())).sum()),
            M::TotalTokens => Value::Count(events.iter().map(|event| u128::from(event.total_tokens())).sum()),
            M::OutputTokens => tokens(&|token| !token.is_input()),
            M::CacheWrite => tokens(&TokenMeter::is_cache_write),
            M::Meter(meter) => {
                Value::Count(events.iter().map(|e| u128::from(e.usage.get(meter).copied().unwrap_or(0))).sum())
            }
            M::Cost => amount(self.cost(events)),
            M::ReportedCost => amount(self.reported(events)),
            M::ReportedUnknown => count(&|event| event.reported_cost().is_none()),
            M::CostDelta => match (self.reported(events), self.cost(events)) {
                ((reported, true, false), (computed, true, false)) => {
                    Value::Money(PicoUsd::from_pico(reported - computed))
                }
                _ => Value::Null,
            },
            M::Unpriced => count(&|event| !self.price(event).unpriced.is_empty()),
            M::FirstAt => events.iter().filter_map(|event| event.at).min().map_or(Value::Null, Value::Time),
            M::LastAt => events.iter().filter_map(|event| event.at).max().map_or(Value::Null, Value::Time),
            M::Distinct(dimension) => {
                let values: BTreeSet<&str> = events.iter().filter_map(|event| event.get(*dimension)).collect();
                Value::Count(values.len() as u128)
            }
            M::Duration(statistic) => timing(events, Number::DurationMs, *statistic),
            M::Ttft(statistic) => timing(events, Number::TtftMs, *statistic),
            of_jobs => self.jobs(query, of_jobs, events),
        }
    }

    fn jobs(&self, query: &Query, measure: &Measure, events: &[&Event]) -> Value {
        use Measure as M;
        let mut jobs: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
        for event in events {
            if let Some(job) = event.get(Dimension::JobId) {
                jobs.entry(job).or_default().push(event);
            }
        }
        let cost = |events: &[&Event]| match query.cost_basis {
            CostBasis::Computed => self.cost(events),
            CostBasis::Reported => self.reported(events),
        };
        let value = |outcome: &Outcome| {
            outcome.value.or_else(|| query.assumed_values.get(&outcome.kind?).copied()).map(PicoUsd::pico)
        };
        let number =
            |test: &dyn Fn(Option<&Outcome>) -> bool| jobs.keys().filter(|job| test(self.outcome(job))).count() as i128;
        let count = |test: &dyn Fn(Option<&Outcome>) -> bool| Value::Count(number(test) as u128);
        let status = |wanted| move |outcome: Option<&Outcome>| outcome.is_some_and(|o| o.status == wanted);
        let kind = |wanted| move |outcome: Option<&Outcome>| outcome.is_some_and(|o| o.kind == Some(wanted));
        let success = status(OutcomeStatus::Success);
        let converted = kind(OutcomeType::Converted);
        let of_jobs: Vec<&Event> = jobs.values().flatten().copied().collect();
        let (all_cost, known, _) = cost(&of_jobs);
        let values: Vec<i128> = jobs.keys().filter_map(|job| value(self.outcome(job)?)).collect();
        let total: i128 = values.iter().sum();
        let all = jobs.len() as i128;
        let cost_per = |jobs: i128| match known {
            true => Value::ratio(all_cost, jobs * PICO_PER_USD, 9),
            false => Value::Null,
        };
        match measure {
            M::Jobs => Value::Count(jobs.len() as u128),
            M::Pending => count(&|outcome| outcome.is_none()),
            M::Successful => count(&success),
            M::Failed => count(&status(OutcomeStatus::Failed)),
            M::CancelledJobs => count(&status(OutcomeStatus::Cancelled)),
            M::Converted => count(&converted),
            M::Escalated => count(&kind(OutcomeType::Escalated)),
            M::Deflected => count(&kind(OutcomeType::Deflected)),
            M::Unsuccessful => count(&kind(OutcomeType::Unsuccessful)),
            M::SuccessRate => Value::ratio(number(&success), all, 6),
            M::ConversionRate => Value::ratio(number(&converted), all, 6),
            M::SuccessConversionRate => {
                Value::ratio(number(&|outcome| success(outcome) && converted(outcome)), number(&success), 6)
            }
            M::JobCost if known => Value::Money(PicoUsd::from_pico(all_cost)),
            M::Value if !values.is_empty() => Value::Money(PicoUsd::from_pico(total)),
            M::ValueUnknown => count(&|outcome| outcome.is_some_and(|outcome| value(outcome).is_none())),
            M::Roi if known && !values.is_empty() => Value::ratio(total - all_cost, all_cost, 6),
            M::MeanRoi => {
                let rois = jobs.iter().filter_map(|(job, events)| match (value(self.outcome(job)?)?, cost(events)) {
                    (value, (cost, true, false)) if cost > 0 => {
                        Some(div_half_even((value - cost) * PICO_PER_USD, cost))
                    }
                    _ => None,
                });
                let rois: Vec<i128> = rois.collect();
                Value::ratio(rois.iter().sum(), rois.len() as i128 * PICO_PER_USD, 6)
            }
            M::CostPerSuccess => cost_per(number(&success)),
            M::CostPerConversion => cost_per(number(&converted)),
            _ => Value::Null,
        }
    }
}

struct Priced {
    pico: i128,
    known: bool,
    unpriced: Vec<(Meter, u128)>,
}

fn timing(events: &[&Event], number: Number, statistic: Statistic) -> Value {
    let mut values: Vec<u64> = events.iter().filter_map(|event| event.number(number)).collect();
    values.sort_unstable();
    if values.is_empty() {
        return Value::Null;
    }
    let at = match statistic {
        Statistic::Average => {
            return Value::ratio(values.iter().map(|v| i128::from(*v)).sum(), values.len() as i128, 3);
        }
        Statistic::Minimum => 0,
        Statistic::Maximum => values.len() - 1,
        // The smallest value that at least so many per cent of all do not exceed.
        Statistic::Percentile(percent) => (0..values.len())
            .find(|at| (at + 1) * 100 >= usize::from(percent) * values.len())
            .expect("the last one reaches 100 per cent"),
    };
    Value::Count(values[at].into())
}

fn chosen(query: &Query, event: &Event) -> bool {
    let at = event.at.expect("set");
    event.get(Dimension::Workspace) == Some("default")
        && query.since.is_none_or(|since| at >= since)
        && query.until.is_none_or(|until| at < until)
        && query.filter.as_ref().is_none_or(|filter| passes(filter, event))
}

fn passes(filter: &Filter, event: &Event) -> bool {
    match filter {
        Filter::And(filters) => filters.iter().all(|filter| passes(filter, event)),
        Filter::Or(filters) => filters.iter().any(|filter| passes(filter, event)),
        Filter::Not(filter) => !passes(filter, event),
        Filter::Time(from, until) => {
            let at = event.at.expect("set");
            from.is_none_or(|from| at >= from) && until.is_none_or(|until| at < until)
        }
        Filter::Text(field, test) => {
            let value = match field {
                TextField::Dimension(dimension) => event.get(*dimension),
                TextField::Tag(key) => event.tags.get(key).map(|value| value.as_str()),
            };
            match (test, value) {
                (TextTest::Null, value) => value.is_none(),
                (TextTest::NotNull, value) => value.is_some(),
                (TextTest::NotIn(_), None) => true,
                (TextTest::NotIn(values), Some(value)) => !values.iter().any(|one| one == value),
                (TextTest::In(values), Some(value)) => values.iter().any(|one| one == value),
                (TextTest::Prefix(prefix), Some(value)) => value.starts_with(prefix.as_str()),
                (_, None) => false,
            }
        }
        Filter::Number(field, test) => {
            let value = match field {
                NumberField::Number(number) => event.number(*number),
                NumberField::Meter(meter) => event.usage.get(meter).copied(),
            };
            match (test, value) {
                (NumberTest::Null, value) => value.is_none(),
                (NumberTest::NotNull, value) => value.is_some(),
                (NumberTest::NotIn(_), None) => true,
                (NumberTest::NotIn(values), Some(value)) => !values.contains(&value),
                (NumberTest::In(values), Some(value)) => values.contains(&value),
                (NumberTest::Between(low, high), Some(value)) => *low <= value && value <= *high,
                (_, None) => false,
            }
        }
    }
}

fn key(pivot: &Pivot, zone: &Zone, event: &Event) -> Value {
    let text = |text: Option<&str>| text.map_or(Value::Null, |text| Value::Text(text.into()));
    match pivot {
        Pivot::Dimension(dimension) => text(event.get(*dimension)),
        Pivot::Tag(key) => text(event.tags.get(key).map(|value| value.as_str())),
        Pivot::Number(Number::ReportedCost) => event.reported_cost().map_or(Value::Null, Value::Money),
        Pivot::Number(number) => event.number(*number).map_or(Value::Null, |number| Value::Count(number.into())),
        Pivot::Time(bucket) => Value::Time(bucket_start(*bucket, zone, event.at.expect("set"))),
    }
}

/// Walks back from the instant, a quarter of an hour at a time, as long as the clock shows the same bucket.
fn bucket_start(bucket: Bucket, zone: &Zone, at: Timestamp) -> Timestamp {
    let zone = jiff::tz::TimeZone::get(&zone.to_string()).expect("exists");
    let shown = |micros: i64| {
        let zoned = jiff::Timestamp::from_microsecond(micros).expect("in range").to_zoned(zone.clone());
        let (date, time) = (zoned.date(), zoned.time());
        match bucket {
            Bucket::QuarterHour => format!("{date} {} {} {}", time.hour(), time.minute() / 15, zoned.offset()),
            Bucket::Hour => format!("{date} {} {}", time.hour(), zoned.offset()),
            Bucket::Day => format!("{date}"),
            Bucket::Week => format!("{:?}", date.iso_week_date().first_of_week()),
            Bucket::Month => format!("{} {}", date.year(), date.month()),
        }
    };
    let quarter = 900 * 1_000_000;
    let mut start = at.micros().div_euclid(quarter) * quarter;
    while shown(start - quarter) == shown(at.micros()) {
        start -= quarter;
    }
    Timestamp::from_micros(start)
}

fn order(query: &Query, a: &[Value], b: &[Value]) -> Ordering {
    let compare = |at: usize, descending: bool| match (&a[at], &b[at]) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Greater,
        (_, Value::Null) => Ordering::Less,
        (a, b) if descending => b.compare(a),
        (a, b) => a.compare(b),
    };
    let keys = query.by.len();
    let mut result = Ordering::Equal;
    for order in &query.order {
        let at = match &order.by {
            OrderKey::Pivot(pivot) => query.by.iter().position(|one| one == pivot),
            OrderKey::Measure(measure) => query.measures.iter().position(|one| one == measure).map(|at| keys + at),
        };
        result = result.then(compare(at.expect("a column"), order.descending));
    }
    if query.order.is_empty() && !matches!(query.by.first(), Some(Pivot::Time(_))) {
        result = result.then(compare(keys, true));
    }
    (0..keys).fold(result, |result, key| result.then(compare(key, false)))
}
