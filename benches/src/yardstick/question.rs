//! The 14 questions of the workload, asked through the public query API.

use std::fmt;
use std::num::NonZeroUsize;

use quipu::{
    Bucket, Compare, Dimension, Filter, Having, Measure, Meter, Order, PathChoice, Precision, PriceChoice, Query,
    TokenMeter, Value, View,
};
use serde_json::{Value as Json, json};

use super::params::Params;
use super::rows::{cell, micros, nanos, or_zero, pico, sum};
use super::{Outcome, Rows};

/// What a question is asked of, and how.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// What is asked.
    pub view: &'a View<'a>,
    /// What questions are asked with.
    pub params: &'a Params,
    /// Threads per question.
    pub threads: NonZeroUsize,
    /// Which rows are read.
    pub path: PathChoice,
}

/// A question of the workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question(&'static str);

impl Question {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self("Q1"),
        Self("Q2"),
        Self("Q3"),
        Self("Q4"),
        Self("Q5"),
        Self("Q6"),
        Self("Q7"),
        Self("Q8"),
        Self("Q9"),
        Self("Q10"),
        Self("Q11"),
        Self("Q12"),
        Self("Q13a"),
        Self("Q13b"),
        Self("Q14"),
    ];

    /// Its name among the peers.
    pub const fn name(self) -> &'static str {
        self.0
    }

    /// The jobs or traces to look up one by one; `None` for questions that are asked as a whole.
    pub fn keys(self, params: &Params) -> Option<&[String]> {
        match self.0 {
            "Q5" => Some(&params.jobs),
            "Q13a" => Some(&params.traces),
            _ => None,
        }
    }

    /// Asks the question as a whole.
    ///
    /// # Errors
    /// When the store cannot answer, or the question is one of keys.
    pub fn ask(self, setting: &Setting<'_>) -> Outcome<Rows> {
        match self.0 {
            "Q1" => setting.cost_by_team(),
            "Q2" => setting.cost_by_tenant_model_day(),
            "Q3" => setting.funnel(),
            "Q4" => setting.roi(),
            "Q6" => setting.hourly(),
            "Q7" => setting.top_jobs(),
            "Q8" => setting.week_on_week(),
            "Q9" => setting.distinct(),
            "Q10" => setting.percentiles(),
            "Q11" => setting.top_subscribers(),
            "Q12" => setting.repriced(),
            "Q13b" => setting.longest_traces(),
            "Q14" => setting.coverage(),
            other => Err(format!("{other} is asked of keys").into()),
        }
    }

    /// The row of one key.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub fn look_up(self, setting: &Setting<'_>, key: &str) -> Outcome<Vec<Json>> {
        if self.0 == "Q5" { setting.job(key) } else { setting.trace(key) }
    }
}

impl std::str::FromStr for Question {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|one| one.0 == name).ok_or_else(|| format!("there is no question {name}"))
    }
}

impl fmt::Debug for Setting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setting").field("threads", &self.threads).field("path", &self.path).finish_non_exhaustive()
    }
}

impl Setting<'_> {
    fn query<const N: usize>(&self, measures: [Measure; N]) -> Query {
        Query::new().measures(measures).threads(self.threads).path(self.path)
    }

    fn rows(&self, query: &Query) -> Outcome<Vec<Vec<Value>>> {
        Ok(self.view.query(query)?.rows)
    }

    /// The rows of a query, cell by cell.
    fn cells(&self, query: &Query) -> Outcome<Rows> {
        Ok(self.rows(query)?.iter().map(|row| row.iter().map(cell).collect()).collect())
    }

    fn cost_by_team(&self) -> Outcome<Rows> {
        let query = self.query([Measure::Cost, Measure::Requests]).by(Dimension::Team);
        self.cells(&query.since(self.params.d30).until(self.params.end))
    }

    fn cost_by_tenant_model_day(&self) -> Outcome<Rows> {
        let query = self.query([Measure::Cost, Measure::Requests]).by(Dimension::Tenant).by(Dimension::Model);
        self.cells(&query.by(Bucket::Day).order(Order::descending(Measure::Cost)).limit(1_000))
    }

    /// The events of jobs with a type.
    fn of_typed_jobs<const N: usize>(&self, measures: [Measure; N]) -> Query {
        self.query(measures).filter(Filter::has(Dimension::JobId)).filter(Filter::has(Dimension::JobType))
    }

    fn funnel(&self) -> Outcome<Rows> {
        let query = self.of_typed_jobs([Measure::Jobs, Measure::Successful, Measure::SuccessfulConverted]);
        self.cells(&query.by(Dimension::JobType).by(Dimension::JobVersion))
    }

    fn roi(&self) -> Outcome<Rows> {
        use Measure as M;
        let query = self.of_typed_jobs([M::Jobs, M::JobCost, M::Value, M::MeanRoi, M::CostPerConversion]);
        let row = |row: &Vec<Value>| {
            let value = or_zero(nanos(&row[3]));
            vec![cell(&row[0]), cell(&row[1]), cell(&row[2]), value, cell(&row[4]), pico(&row[5])]
        };
        Ok(self.rows(&query.by(Dimension::JobType))?.iter().map(row).collect())
    }

    fn hourly(&self) -> Outcome<Rows> {
        let query = self.query([Measure::Requests, Measure::Errors, Measure::Cancelled, Measure::Cost]);
        let query = query.by(Bucket::Hour).fill(false).filter(Filter::is(Dimension::Tenant, &*self.params.tenant));
        let query = query.filter(Filter::is(Dimension::JobType, &*self.params.job_type));
        let row = |row: &Vec<Value>| vec![cell(&row[0]), cell(&row[1]), sum(&row[2], &row[3]), cell(&row[4])];
        Ok(self.rows(&query)?.iter().map(row).collect())
    }

    fn top_jobs(&self) -> Outcome<Rows> {
        let query = self.query([]).filter(Filter::is(Dimension::Team, &*self.params.team)).limit(100);
        let answer = self.view.jobs(&query)?;
        let column = |name: &str| answer.columns.iter().position(|column| column.name == name).ok_or("no such column");
        let [cost, status, kind] = [column("cost")?, column("outcome_status")?, column("outcome_type")?];
        let value = column("outcome_value")?;
        // A pending job has no status among the peers.
        let status = |row: &Vec<Value>| match cell(&row[status]) {
            status if status == json!("PENDING") => json!(""),
            status => status,
        };
        let row =
            |row: &Vec<Value>| vec![cell(&row[0]), cell(&row[cost]), status(row), cell(&row[kind]), nanos(&row[value])];
        Ok(answer.rows.iter().map(row).collect())
    }

    fn week_on_week(&self) -> Outcome<Rows> {
        // The workload counts reasoning apart from output.
        let output = Measure::Meter(TokenMeter::Output.into());
        let query = self
            .query([output.clone(), Measure::Before(Box::new(output))])
            .by(Dimension::Team)
            .filter(Filter::has(Dimension::Team));
        let query = query.since(self.params.w1).until(self.params.end).compare(Compare::Previous);
        // More than twice as many as in the week before.
        let more = "growth(output) > 1 or (before(output) = 0 and output > 0)";
        self.cells(&query.having(Having::parse(more)?))
    }

    fn distinct(&self) -> Outcome<Rows> {
        let (jobs, subscribers) = (Measure::Distinct(Dimension::JobId), Measure::Distinct(Dimension::SubscriberId));
        self.cells(&self.query([jobs, subscribers]).by(Dimension::Tenant))
    }

    fn percentiles(&self) -> Outcome<Rows> {
        let [p50, p95, p99] = ["duration_p50", "duration_p95", "duration_p99"].map(Measure::parse);
        let query = self.query([Measure::Requests, p50?, p95?, p99?]).by(Dimension::Model).by(Dimension::TaskType);
        self.cells(&query.precision(Precision::Exact))
    }

    fn top_subscribers(&self) -> Outcome<Rows> {
        let query = self.query([Measure::Cost, Measure::Requests]).by(Dimension::SubscriberId);
        let query = query.filter(Filter::is(Dimension::Feature, &*self.params.feature));
        let query = query.filter(Filter::parse("tag.environment = prod")?);
        self.cells(&query.filter(Filter::has(Dimension::SubscriberId)).limit(50))
    }

    fn repriced(&self) -> Outcome<Rows> {
        let query = self.query([Measure::Cost, Measure::Requests]).by(Bucket::Month).by(Dimension::Provider);
        self.cells(&query.prices(PriceChoice::Book(self.params.new_prices.clone())))
    }

    fn longest_traces(&self) -> Outcome<Rows> {
        let query = self.query([Measure::Elapsed, Measure::Requests, Measure::Errors, Measure::Cancelled]);
        let query = query.by(Dimension::TraceId).since(self.params.day).until(self.params.day_end).limit(20);
        let row = |row: &Vec<Value>| vec![cell(&row[0]), micros(&row[1]), cell(&row[2]), sum(&row[3], &row[4])];
        Ok(self.rows(&query)?.iter().map(row).collect())
    }

    fn coverage(&self) -> Outcome<Rows> {
        let counts =
            ["team", "job_id", "job_type", "project", "feature", "subscriber_id", "credential", "reported_cost"];
        let counts = counts.into_iter().map(|name| Measure::parse(&format!("count({name})")));
        let query = self.query([Measure::Requests]).measures(counts.collect::<quipu::Result<Vec<_>>>()?);
        self.cells(&query.by(Dimension::Provider).by(Dimension::Environment))
    }

    fn job(&self, job: &str) -> Outcome<Vec<Json>> {
        let query = self.query([]).filter(Filter::is(Dimension::JobId, job));
        let (events, count) = self.view.events(&query, usize::MAX)?;
        let input = Meter::Token(TokenMeter::Input);
        let tokens: u64 = events.iter().filter_map(|one| one.event.usage.get(&input)).sum();
        Ok(vec![json!(job), json!(count), json!(tokens)])
    }

    fn trace(&self, trace: &str) -> Outcome<Vec<Json>> {
        use Measure as M;
        let query = self.query([M::Requests, M::Cost, M::Elapsed, M::Errors, M::Cancelled]);
        let rows = self.rows(&query.filter(Filter::is(Dimension::TraceId, trace)))?;
        let row = rows.first().ok_or("a query without keys has one row")?;
        Ok(vec![json!(trace), json!(1), cell(&row[0]), cell(&row[1]), micros(&row[2]), sum(&row[3], &row[4])])
    }
}
