//! What can be measured, with names, units and what each means.

use std::fmt;

use quipu_engine::{Dimension, Error, Meter, Number, Result, TokenMeter};

use crate::names::did_you_mean;

/// What the values of a column count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A key of the grouping, or a property that is not counted.
    None,
    /// Events.
    Events,
    /// Jobs.
    Jobs,
    /// Tokens.
    Tokens,
    /// Whatever the meter counts.
    Units,
    /// US dollars.
    Usd,
    /// A quotient without a unit; 1 is the whole.
    Ratio,
    /// Milliseconds.
    Milliseconds,
    /// An instant.
    Time,
    /// Distinct values.
    Values,
}

impl Unit {
    /// The name used outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Events => "events",
            Self::Jobs => "jobs",
            Self::Tokens => "tokens",
            Self::Units => "units",
            Self::Usd => "usd",
            Self::Ratio => "ratio",
            Self::Milliseconds => "ms",
            Self::Time => "time",
            Self::Values => "values",
        }
    }
}

/// A statistic over the events that carry a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Statistic {
    /// The mean.
    Average,
    /// The smallest.
    Minimum,
    /// The largest.
    Maximum,
    /// The value of nearest rank: the smallest that at least this many per cent do not exceed.
    Percentile(u8),
}

impl Statistic {
    /// Every statistic that has a name.
    pub const ALL: [Self; 6] =
        [Self::Average, Self::Minimum, Self::Maximum, Self::Percentile(50), Self::Percentile(95), Self::Percentile(99)];

    const fn name(self) -> &'static str {
        match self {
            Self::Average => "avg",
            Self::Minimum => "min",
            Self::Maximum => "max",
            Self::Percentile(50) => "p50",
            Self::Percentile(95) => "p95",
            Self::Percentile(_) => "p99",
        }
    }
}

macro_rules! measures {
    ($($variant:ident = $name:literal, $unit:ident, $doc:literal;)+) => {
        /// Something that is computed per group.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Measure {
            $(#[doc = $doc] $variant,)+
            /// The sum of one meter.
            Meter(Meter),
            /// How long the events took, from start to end.
            Duration(Statistic),
            /// How long the events took from start to the first token.
            Ttft(Statistic),
            /// How many distinct values of a dimension occur.
            Distinct(Dimension),
        }

        impl Measure {
            /// The measures that have one fixed name.
            pub const NAMED: &'static [Self] = &[$(Self::$variant,)+];

            /// What one unit of the values is.
            pub const fn unit(&self) -> Unit {
                match self {
                    $(Self::$variant => Unit::$unit,)+
                    Self::Meter(Meter::Token(_)) => Unit::Tokens,
                    Self::Meter(Meter::Named(_)) => Unit::Units,
                    Self::Duration(_) | Self::Ttft(_) => Unit::Milliseconds,
                    Self::Distinct(_) => Unit::Values,
                }
            }

            /// What the measure means, in one sentence.
            pub const fn doc(&self) -> &'static str {
                match self {
                    $(Self::$variant => $doc,)+
                    Self::Meter(_) => "The sum of the meter.",
                    Self::Duration(_) => "Milliseconds from start to end, over the events that state them.",
                    Self::Ttft(_) => "Milliseconds from start to the first token, over the events that state them.",
                    Self::Distinct(_) => "How many distinct values of the dimension occur, absent not counted.",
                }
            }

            const fn fixed_name(&self) -> Option<&'static str> {
                match self {
                    $(Self::$variant => Some($name),)+
                    _ => None,
                }
            }
        }
    };
}

measures! {
    Requests = "requests", Events, "Events.";
    Errors = "errors", Events, "Events with status `error`.";
    ErrorRate = "error_rate", Ratio, "Errors per event.";
    Cancelled = "cancelled", Events, "Events with status `cancelled`.";
    Retries = "retries", Events, "Events with a retry depth above 0.";
    UsageMissing = "usage_missing", Events, "Events whose source reported no usage although there was some.";
    InputTokens = "input_tokens", Tokens, "All tokens of the prompts: uncached, cached, written to caches, audio, image.";
    OutputTokens = "output_tokens", Tokens, "All tokens of the answers, reasoning, audio and image included.";
    CacheWrite = "cache_write", Tokens, "Tokens written to prompt caches of any lifetime.";
    TotalTokens = "total_tokens", Tokens, "All tokens, prompts and answers.";
    Cost = "cost", Usd, "The cost computed from the price book; null where nothing of the group has a price.";
    ReportedCost = "reported_cost", Usd, "The cost that the callers reported; null where none did.";
    ReportedUnknown = "reported_unknown", Events, "Events without a reported cost.";
    CostDelta = "cost_delta", Usd, "Reported less computed cost; null unless both are known for every event.";
    Unpriced = "unpriced", Events, "Events with a quantity that the price book has no rate for.";
    Jobs = "jobs", Jobs, "Distinct jobs with an event in the group.";
    Pending = "pending", Jobs, "Jobs without an outcome.";
    Successful = "successful", Jobs, "Jobs whose outcome has status SUCCESS.";
    Failed = "failed", Jobs, "Jobs whose outcome has status FAILED.";
    CancelledJobs = "cancelled_jobs", Jobs, "Jobs whose outcome has status CANCELLED.";
    Converted = "converted", Jobs, "Jobs whose outcome is of type CONVERTED.";
    Escalated = "escalated", Jobs, "Jobs whose outcome is of type ESCALATED.";
    Deflected = "deflected", Jobs, "Jobs whose outcome is of type DEFLECTED.";
    Unsuccessful = "unsuccessful", Jobs, "Jobs whose outcome is of type UNSUCCESSFUL.";
    SuccessRate = "success_rate", Ratio, "Successful jobs per job, pending ones included.";
    ConversionRate = "conversion_rate", Ratio, "Converted jobs per job, pending ones included.";
    SuccessConversionRate = "success_conversion_rate", Ratio, "Successful jobs that converted, per successful job.";
    JobCost = "job_cost", Usd, "The cost of the events that belong to a job, on the query's cost basis.";
    Value = "value", Usd, "The value of the outcomes, stated or assumed; null where none is known.";
    ValueUnknown = "value_unknown", Jobs, "Jobs whose outcome neither states a value nor has one assumed.";
    Roi = "roi", Ratio, "Value less job cost, per job cost; null where no value is known or the cost is unknown or 0.";
    MeanRoi = "mean_roi", Ratio, "The mean ROI of the jobs with a known value and a known cost above 0, each rounded to 12 decimals.";
    CostPerSuccess = "cost_per_success", Usd, "The cost of all jobs per successful job.";
    CostPerConversion = "cost_per_conversion", Usd, "The cost of all jobs per converted job.";
    FirstAt = "first_at", Time, "The start of the first event.";
    LastAt = "last_at", Time, "The start of the last event.";
}

impl Measure {
    /// Reads `cost`, `input`, `meter.NAME`, `duration_p95`, `distinct(DIMENSION)`…
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid), naming what is near.
    pub fn parse(name: &str) -> Result<Self> {
        if let Some(measure) = Self::NAMED.iter().find(|measure| measure.fixed_name() == Some(name)) {
            return Ok(measure.clone());
        }
        if let Some(token) = TokenMeter::from_name(name) {
            return Ok(Self::Meter(token.into()));
        }
        if let Some(meter) = name.strip_prefix("meter.") {
            return Meter::parse(meter).map(Self::Meter).map_err(Error::invalid);
        }
        if let Some(dimension) = name.strip_prefix("distinct(").and_then(|rest| rest.strip_suffix(')')) {
            return Dimension::parse(dimension.trim()).map(Self::Distinct).ok_or_else(|| {
                let hint = did_you_mean(dimension, Dimension::ALL.iter().map(|dimension| dimension.name()));
                Error::invalid(format!("distinct({dimension}): there is no dimension of that name{hint}"))
            });
        }
        let timings =
            || Statistic::ALL.into_iter().flat_map(|statistic| [Self::Duration(statistic), Self::Ttft(statistic)]);
        timings().find(|timing| timing.to_string() == name).ok_or_else(|| {
            let named = Self::NAMED.iter().map(Self::to_string);
            let tokens = TokenMeter::ALL.iter().map(TokenMeter::to_string);
            let names: Vec<String> = named.chain(tokens).chain(timings().map(|timing| timing.to_string())).collect();
            let hint = did_you_mean(name, names.iter().map(String::as_str));
            Error::invalid(format!("there is no measure {name:?}; a meter of your own is written meter.NAME{hint}"))
        })
    }

    /// The number that a timing is about.
    pub(crate) const fn timing(&self) -> Option<(Number, Statistic)> {
        match self {
            Self::Duration(statistic) => Some((Number::DurationMs, *statistic)),
            Self::Ttft(statistic) => Some((Number::TtftMs, *statistic)),
            _ => None,
        }
    }

    /// Whether the measure looks at jobs and their outcomes.
    pub(crate) const fn is_about_jobs(&self) -> bool {
        use Measure as M;
        matches!(
            self,
            M::Jobs
                | M::Pending
                | M::Successful
                | M::Failed
                | M::CancelledJobs
                | M::Converted
                | M::Escalated
                | M::Deflected
                | M::Unsuccessful
                | M::SuccessRate
                | M::ConversionRate
                | M::SuccessConversionRate
                | M::Value
                | M::ValueUnknown
        ) || self.needs_job_cost()
    }

    /// Whether the measure needs the cost of each job.
    pub(crate) const fn needs_job_cost(&self) -> bool {
        use Measure as M;
        matches!(self, M::JobCost | M::Roi | M::MeanRoi | M::CostPerSuccess | M::CostPerConversion)
    }

    /// Whether the measure needs computed costs whatever the cost basis is.
    pub(crate) const fn needs_prices(&self) -> bool {
        matches!(self, Self::Cost | Self::CostDelta | Self::Unpriced)
    }
}

impl fmt::Display for Measure {
    /// The name that [`Measure::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Meter(Meter::Token(token)) => f.pad(token.name()),
            Self::Meter(Meter::Named(name)) => f.pad(&format!("meter.{name}")),
            Self::Duration(statistic) => f.pad(&format!("duration_{}", statistic.name())),
            Self::Ttft(statistic) => f.pad(&format!("ttft_{}", statistic.name())),
            Self::Distinct(dimension) => f.pad(&format!("distinct({dimension})")),
            named => f.pad(named.fixed_name().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measure_is_read_back_from_its_name() {
        let timings = Statistic::ALL.into_iter().flat_map(|s| [Measure::Duration(s), Measure::Ttft(s)]);
        let others = [
            Measure::Meter(TokenMeter::CacheRead.into()),
            Measure::Meter(Meter::Named("tool:browser".into())),
            Measure::Distinct(Dimension::TraceId),
        ];
        for measure in Measure::NAMED.iter().cloned().chain(timings).chain(others) {
            assert_eq!(Measure::parse(&measure.to_string()).ok(), Some(measure));
        }
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_nearest() {
        let wrong = |name: &str| Measure::parse(name).map_err(|error| error.to_string()).expect_err("must be refused");
        assert!(wrong("costs").ends_with("did you mean `cost`?"));
        assert!(wrong("duration_p955").ends_with("did you mean `duration_p95`?"));
        assert!(wrong("distinct(modle)").ends_with("did you mean `model`?"));
        assert!(wrong("meter.a b").contains("not allowed"));
    }
}
