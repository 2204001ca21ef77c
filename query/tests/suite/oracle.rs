//! Answers queries from a list of events with plain loops, one event at a time.
//! What becomes rows of several slices is in [`crate::shape`].

use std::collections::{BTreeMap, BTreeSet};

use quipu_engine::money::{PICO_PER_USD, div_half_even};
use quipu_engine::price_book::PriceBook;
use quipu_engine::{
    Dimension, Event, Meter, Number, Outcome, OutcomeStatus, OutcomeType, PicoUsd, Timestamp, TokenMeter,
};
use quipu_query::filter::{NumberField, NumberTest, TextField, TextTest};
use quipu_query::price::{PriceClass, Pricer, PromptSize};
use quipu_query::{Bucket, Cohort, CostBasis, CostOf, Filter, Measure, Pivot, Query, Statistic, Unpriced, Value, Zone};

pub(crate) struct Oracle<'a> {
    pub(crate) events: &'a [Event],
    pub(crate) outcomes: &'a [Outcome],
    pub(crate) book: &'a PriceBook,
}

/// The event as it had been under the assumptions of a query; `None` when it had not been at all.
fn assumed(query: &Query, event: &Event) -> Option<Event> {
    let what_if = &query.what_if;
    let mut event = event.clone();
    if what_if.no_retries && event.number(Number::RetryDepth).is_some_and(|depth| depth > 0) {
        return None;
    }
    if let Some(model) = &what_if.model {
        event.dimensions.insert(Dimension::Model, model.clone());
        event.dimensions.remove(&Dimension::Provider);
        event.dimensions.remove(&Dimension::Region);
    }
    if let Some(tier) = &what_if.tier {
        event.dimensions.insert(Dimension::ServiceTier, tier.clone());
    }
    Some(event)
}

/// The meter whose rate a quantity costs.
fn priced_as<'m>(query: &Query, meter: &'m Meter) -> &'m Meter {
    const INPUT: &Meter = &Meter::Token(TokenMeter::Input);
    let is_cached = |token: TokenMeter| token == TokenMeter::CacheRead || token.is_cache_write();
    match meter {
        Meter::Token(token) if query.what_if.no_cache_discount && is_cached(*token) => INPUT,
        _ => meter,
    }
}

/// A group: its key and its events.
pub(crate) type Grouped<'e> = Vec<(Vec<Value>, Vec<&'e Event>)>;

impl<'a> Oracle<'a> {
    /// The events a query is about.
    pub(crate) fn chosen(&self, query: &Query) -> Vec<&'a Event> {
        self.events.iter().filter(|event| self.is_chosen(query, event)).collect()
    }

    /// The chosen events by key, in the order of first sight.
    pub(crate) fn groups(&self, query: &Query) -> Grouped<'a> {
        let mut groups: Grouped<'a> = Vec::new();
        for event in self.chosen(query) {
            let at = self.instant(query, event).expect("chosen");
            let key: Vec<Value> = query.by.iter().map(|pivot| key(pivot, &query.zone, event, at)).collect();
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, events)) => events.push(event),
                None => groups.push((key, vec![event])),
            }
        }
        groups
    }

    /// Whether a query needs prices.
    pub(crate) fn is_priced(query: &Query) -> bool {
        let columns = query.columns();
        let having = query.having.iter().flat_map(|having| having.measures());
        columns.iter().chain(having).map(Measure::base).any(|measure| {
            use Measure as M;
            let by_job = [M::JobCost, M::Roi, M::MeanRoi, M::CostPerJob, M::CostPerSuccess, M::CostPerConversion];
            [M::Cost, M::CostDelta, M::Unpriced].contains(measure)
                || matches!(measure, M::CostOf(_))
                || (by_job.contains(measure) && query.cost_basis == CostBasis::Computed)
        })
    }

    fn is_chosen(&self, query: &Query, event: &Event) -> bool {
        let within = |at| query.since.is_none_or(|since| at >= since) && query.until.is_none_or(|until| at < until);
        event.get(Dimension::Workspace) == Some("default")
            && self.instant(query, event).is_some_and(within)
            && query.filter.as_ref().is_none_or(|filter| passes(filter, event))
            && assumed(query, event).is_some()
    }

    /// What puts an event into ranges and buckets of time.
    fn instant(&self, query: &Query, event: &Event) -> Option<Timestamp> {
        let job = || event.get(Dimension::JobId);
        match query.cohort.unwrap_or_default() {
            Cohort::Event => event.at,
            Cohort::JobStart => {
                let job = job()?;
                let own = |one: &&Event| {
                    one.get(Dimension::Workspace) == Some("default") && one.get(Dimension::JobId) == Some(job)
                };
                self.events.iter().filter(own).filter_map(|one| one.at).min()
            }
            Cohort::Outcome => self.outcome(job()?)?.at,
        }
    }

    pub(crate) fn unpriced(&self, query: &Query, events: &[&Event]) -> Vec<Unpriced> {
        let mut sums: BTreeMap<_, u128> = BTreeMap::new();
        for event in events {
            for (meter, quantity) in self.price(query, event).unpriced {
                let Some(event) = assumed(query, event) else { continue };
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

    fn price(&self, query: &Query, event: &Event) -> Priced {
        let event = &assumed(query, event).expect("what had not been is not chosen");
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
        let fee = rates.per_request().map(i128::from);
        let mut priced =
            Priced { pico: fee.unwrap_or(0), known: fee.is_some(), fee, costs: Vec::new(), unpriced: Vec::new() };
        for (meter, quantity) in event.usage.iter().filter(|(_, quantity)| **quantity > 0) {
            match rates.rate(priced_as(query, meter)) {
                Some(rate) => {
                    let cost = i128::from(rate) * i128::from(*quantity);
                    priced.pico += cost;
                    priced.costs.push((meter.clone(), cost));
                    priced.known = true;
                }
                None => priced.unpriced.push((meter.clone(), u128::from(*quantity))),
            }
        }
        priced
    }

    fn cost_of(&self, query: &Query, part: &CostOf, events: &[&Event]) -> Value {
        let (mut pico, mut known, mut unknown) = (0, false, false);
        for event in events {
            let priced = self.price(query, event);
            if *part == CostOf::Requests {
                pico += priced.fee.unwrap_or(0);
                known |= priced.fee.is_some();
                continue;
            }
            for (_, cost) in priced.costs.iter().filter(|(meter, _)| part.covers(meter)) {
                pico += cost;
                known = true;
            }
            unknown |= priced.unpriced.iter().any(|(meter, _)| part.covers(meter));
            unknown |= event.number(Number::UsageMissing) == Some(1);
        }
        if known || !unknown { Value::Money(PicoUsd::from_pico(pico)) } else { Value::Null }
    }

    /// The computed cost: pico-USD, whether any of it is known, whether any of it is unknown.
    fn cost(&self, query: &Query, events: &[&Event]) -> (i128, bool, bool) {
        let (mut pico, mut known, mut unknown) = (0, false, false);
        for event in events {
            let priced = self.price(query, event);
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

    /// A measure that is neither a share nor a comparison.
    pub(crate) fn measure(&self, query: &Query, measure: &Measure, events: &[&Event]) -> Value {
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
            M::Cost => amount(self.cost(query, events)),
            M::ReportedCost => amount(self.reported(events)),
            M::ReportedUnknown => count(&|event| event.reported_cost().is_none()),
            M::CostDelta => match (self.reported(events), self.cost(query, events)) {
                ((reported, true, false), (computed, true, false)) => {
                    Value::Money(PicoUsd::from_pico(reported - computed))
                }
                _ => Value::Null,
            },
            M::CostOf(part) => self.cost_of(query, part, events),
            M::Unpriced => count(&|event| !self.price(query, event).unpriced.is_empty()),
            M::FirstAt => events.iter().filter_map(|event| event.at).min().map_or(Value::Null, Value::Time),
            M::LastAt => events.iter().filter_map(|event| event.at).max().map_or(Value::Null, Value::Time),
            M::Elapsed => elapsed(events),
            M::Count(dimension) => count(&|event| event.get(*dimension).is_some()),
            M::CountNumber(Number::ReportedCost) => count(&|event| event.reported_cost().is_some()),
            M::CountNumber(number) => count(&|event| event.number(*number).is_some()),
            // Estimates of so few values are exact.
            M::Distinct(dimension) | M::ApproxDistinct(dimension) => {
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
            CostBasis::Computed => self.cost(query, events),
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
        let value_of = |wanted: &dyn Fn(&Outcome) -> bool| {
            let outcomes = jobs.keys().filter_map(|job| self.outcome(job)).filter(|one| wanted(one));
            let values: Vec<i128> = outcomes.filter_map(value).collect();
            if values.is_empty() { Value::Null } else { Value::Money(PicoUsd::from_pico(values.iter().sum())) }
        };
        let of_kind = |wanted| value_of(&|outcome: &Outcome| outcome.kind == Some(wanted));
        let all = jobs.len() as i128;
        // ROI is of the jobs whose cost is known in full.
        let priced: Vec<(&str, i128)> = jobs
            .iter()
            .filter_map(|(job, events)| match cost(events) {
                (cost, _, false) => Some((*job, cost)),
                _ => None,
            })
            .collect();
        let priced_cost: i128 = priced.iter().map(|(_, cost)| cost).sum();
        let cost_per = |jobs: i128| match known {
            true => Value::ratio(all_cost, jobs * PICO_PER_USD, 9),
            false => Value::Null,
        };
        let priced_values: Vec<i128> = priced.iter().filter_map(|(job, _)| value(self.outcome(job)?)).collect();
        match measure {
            M::Jobs => Value::Count(jobs.len() as u128),
            M::Pending => count(&|outcome| outcome.is_none()),
            M::Successful => count(&success),
            M::SuccessfulConverted => count(&|outcome| success(outcome) && converted(outcome)),
            M::Failed => count(&status(OutcomeStatus::Failed)),
            M::CancelledJobs => count(&status(OutcomeStatus::Cancelled)),
            M::Converted => count(&converted),
            M::Escalated => count(&kind(OutcomeType::Escalated)),
            M::Deflected => count(&kind(OutcomeType::Deflected)),
            M::Unsuccessful => count(&kind(OutcomeType::Unsuccessful)),
            M::PendingRate => Value::ratio(number(&|outcome| outcome.is_none()), all, 6),
            M::DeflectionRate => Value::ratio(number(&kind(OutcomeType::Deflected)), all, 6),
            M::EscalationRate => Value::ratio(number(&kind(OutcomeType::Escalated)), all, 6),
            M::AutonomyRate => {
                let escalated = kind(OutcomeType::Escalated);
                Value::ratio(number(&|outcome| success(outcome) && !escalated(outcome)), all, 6)
            }
            M::Value => value_of(&|_| true),
            M::Revenue => of_kind(OutcomeType::Converted),
            M::Savings => of_kind(OutcomeType::Deflected),
            M::OtherValue => value_of(&|outcome: &Outcome| {
                !matches!(outcome.kind, Some(OutcomeType::Converted | OutcomeType::Deflected))
            }),
            M::CostPerJob => cost_per(all),
            M::SuccessRate => Value::ratio(number(&success), all, 6),
            M::ConversionRate => Value::ratio(number(&converted), all, 6),
            M::SuccessConversionRate => {
                Value::ratio(number(&|outcome| success(outcome) && converted(outcome)), number(&success), 6)
            }
            M::JobCost if known => Value::Money(PicoUsd::from_pico(all_cost)),
            M::ValueUnknown => count(&|outcome| outcome.is_some_and(|outcome| value(outcome).is_none())),
            M::Roi if !priced_values.is_empty() => {
                Value::ratio(priced_values.iter().sum::<i128>() - priced_cost, priced_cost, 6)
            }
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

fn elapsed(events: &[&Event]) -> Value {
    let end = |event: &&Event| Some(event.at?.micros() + 1_000 * event.number(Number::DurationMs).unwrap_or(0) as i64);
    match (events.iter().filter_map(|event| event.at).min(), events.iter().filter_map(end).max()) {
        (Some(first), Some(end)) => Value::ratio(i128::from(end - first.micros()), 1_000, 3),
        _ => Value::Null,
    }
}

struct Priced {
    pico: i128,
    known: bool,
    fee: Option<i128>,
    costs: Vec<(Meter, i128)>,
    unpriced: Vec<(Meter, u128)>,
}

fn timing(events: &[&Event], number: Number, statistic: Statistic) -> Value {
    let mut values: Vec<u64> = events.iter().filter_map(|event| event.number(number)).collect();
    values.sort_unstable();
    if values.is_empty() {
        return Value::Null;
    }
    let value = match statistic {
        Statistic::Total => return Value::Count(values.iter().map(|v| u128::from(*v)).sum()),
        Statistic::Average => {
            return Value::ratio(values.iter().map(|v| i128::from(*v)).sum(), values.len() as i128, 3);
        }
        Statistic::Minimum => values[0],
        Statistic::Maximum => values[values.len() - 1],
        Statistic::Percentile(thousandths) => {
            // The place between the first and the last, in thousandths of a step.
            let place = (values.len() - 1) * usize::from(thousandths);
            let value = |at: usize| i128::from(values[at.min(values.len() - 1)]);
            let (low, high, part) = (value(place / 1000), value(place / 1000 + 1), (place % 1000) as i128);
            return Value::ratio(low * (1000 - part) + high * part, 1000, 3);
        }
    };
    Value::Count(value.into())
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

fn key(pivot: &Pivot, zone: &Zone, event: &Event, at: Timestamp) -> Value {
    let text = |text: Option<&str>| text.map_or(Value::Null, |text| Value::Text(text.into()));
    match pivot {
        Pivot::Dimension(dimension) => text(event.get(*dimension)),
        Pivot::Tag(key) => text(event.tags.get(key).map(|value| value.as_str())),
        Pivot::Number(Number::ReportedCost) => event.reported_cost().map_or(Value::Null, Value::Money),
        Pivot::Number(number) => event.number(*number).map_or(Value::Null, |number| Value::Count(number.into())),
        Pivot::Time(bucket) => Value::Time(bucket_start(*bucket, zone, at)),
        Pivot::Lacking => lacking(event),
    }
}

fn lacking(event: &Event) -> Value {
    use Dimension as D;
    let fields = [D::Tenant, D::Team, D::Workflow, D::JobId, D::TaskType, D::ModelTier, D::RequestId];
    let mut names: Vec<&str> = fields.iter().filter(|one| event.get(**one).is_none()).map(|one| one.name()).collect();
    names.extend(event.number(Number::RetryDepth).is_none().then_some("retry_depth"));
    if names.is_empty() { Value::Text("nothing".into()) } else { Value::Text(names.join(", ").as_str().into()) }
}

/// The first instant of a bucket, and the first after it: as far as the clock shows the same bucket.
pub(crate) fn bucket_start(bucket: Bucket, zone: &Zone, at: Timestamp) -> Timestamp {
    let start = edge(bucket, zone, at, -1);
    Timestamp::from_micros(start * QUARTER)
}

pub(crate) fn bucket_end(bucket: Bucket, zone: &Zone, at: Timestamp) -> Timestamp {
    let last = edge(bucket, zone, at, 1);
    Timestamp::from_micros((last + 1) * QUARTER)
}

const QUARTER: i64 = 900 * 1_000_000;

/// The farthest quarter of an hour, counted from 1970, whose clock shows the same bucket: found by
/// steps of thirty days, then of a day, six hours, and a quarter.
fn edge(bucket: Bucket, zone: &Zone, at: Timestamp, direction: i64) -> i64 {
    let zone = jiff::tz::TimeZone::get(&zone.to_string()).expect("exists");
    let shown = |quarter: i64| {
        let zoned = jiff::Timestamp::from_microsecond(quarter * QUARTER).expect("in range").to_zoned(zone.clone());
        let (date, time) = (zoned.date(), zoned.time());
        match bucket {
            Bucket::QuarterHour => format!("{date} {} {} {}", time.hour(), time.minute() / 15, zoned.offset()),
            Bucket::HalfHour => format!("{date} {} {} {}", time.hour(), time.minute() / 30, zoned.offset()),
            Bucket::Hour => format!("{date} {} {}", time.hour(), zoned.offset()),
            Bucket::Day => format!("{date}"),
            Bucket::Week => format!("{:?}", date.iso_week_date().first_of_week()),
            Bucket::Month => format!("{} {}", date.year(), date.month()),
            Bucket::Quarter => format!("{} {}", date.year(), (date.month() - 1) / 3),
            Bucket::Year => format!("{}", date.year()),
        }
    };
    let mut found = at.micros().div_euclid(QUARTER);
    let own = shown(found);
    for step in [30 * 96, 96, 24, 1] {
        while shown(found + direction * step) == own {
            found += direction * step;
        }
    }
    found
}
