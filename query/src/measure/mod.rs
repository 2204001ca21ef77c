//! What can be measured, with names, units and what each means.

mod cost_of;
mod name;
mod statistic;
mod unit;

use quipu_engine::{Dimension, Meter, Number};

pub use cost_of::CostOf;
pub use statistic::Statistic;
pub use unit::Unit;

macro_rules! measures {
    ($($variant:ident = $name:literal, $unit:ident, $doc:literal;)+) => {
        /// Something that is computed per group.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Measure {
            $(#[doc = $doc] $variant,)+
            /// The sum of one meter.
            Meter(Meter),
            /// The part of the computed cost that some meters make.
            CostOf(CostOf),
            /// How long the events took, from start to end.
            Duration(Statistic),
            /// How long the events took from start to the first token.
            Ttft(Statistic),
            /// How many events carry a dimension.
            Count(Dimension),
            /// How many events carry a number.
            CountNumber(Number),
            /// How many distinct values of a dimension occur.
            Distinct(Dimension),
            /// About how many distinct values of a dimension occur, in little memory.
            ApproxDistinct(Dimension),
            /// What part of the total of all groups the measure is.
            Share(Box<Self>),
            /// The measure in the slice that is compared with.
            Before(Box<Self>),
            /// The measure less what it is in the slice that is compared with.
            Change(Box<Self>),
            /// The change per what the measure is in the slice that is compared with.
            Growth(Box<Self>),
        }

        impl Measure {
            /// The measures that have one fixed name.
            pub const NAMED: &'static [Self] = &[$(Self::$variant,)+];

            /// What one unit of the values is.
            pub fn unit(&self) -> Unit {
                match self {
                    $(Self::$variant => Unit::$unit,)+
                    Self::Meter(Meter::Token(_)) => Unit::Tokens,
                    Self::Meter(Meter::Named(_)) => Unit::Units,
                    Self::CostOf(_) => Unit::Usd,
                    Self::Duration(_) | Self::Ttft(_) => Unit::Milliseconds,
                    Self::Count(_) | Self::CountNumber(_) => Unit::Events,
                    Self::Distinct(_) | Self::ApproxDistinct(_) => Unit::Values,
                    Self::Share(_) | Self::Growth(_) => Unit::Ratio,
                    Self::Before(of) | Self::Change(of) => of.unit(),
                }
            }

            /// What the measure means, in one sentence.
            pub const fn doc(&self) -> &'static str {
                match self {
                    $(Self::$variant => $doc,)+
                    Self::Meter(_) => "The sum of the meter.",
                    Self::Duration(_) => "Milliseconds from start to end, over the events that state them.",
                    Self::Ttft(_) => "Milliseconds from start to the first token, over the events that state them.",
                    Self::Count(_) | Self::CountNumber(_) => "Events that carry the dimension or number.",
                    Self::CostOf(_) => "The part of `cost` that the meter, or the kind of meter, makes.",
                    Self::Distinct(_) => "How many distinct values of the dimension occur, absent not counted.",
                    Self::ApproxDistinct(_) => "The same within a standard error of 0.8 %, in at most 16 KiB a group.",
                    Self::Share(_) => "What part of the total over all groups the measure is.",
                    Self::Before(_) => "The measure in the slice that is compared with.",
                    Self::Change(_) => "The measure less what it is in the slice that is compared with.",
                    Self::Growth(_) => "The change per what the measure is in the slice that is compared with; null when that is 0.",
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
    SuccessfulConverted = "successful_converted", Jobs, "Jobs whose outcome has status SUCCESS and type CONVERTED.";
    Failed = "failed", Jobs, "Jobs whose outcome has status FAILED.";
    CancelledJobs = "cancelled_jobs", Jobs, "Jobs whose outcome has status CANCELLED.";
    Converted = "converted", Jobs, "Jobs whose outcome is of type CONVERTED.";
    Escalated = "escalated", Jobs, "Jobs whose outcome is of type ESCALATED.";
    Deflected = "deflected", Jobs, "Jobs whose outcome is of type DEFLECTED.";
    Unsuccessful = "unsuccessful", Jobs, "Jobs whose outcome is of type UNSUCCESSFUL.";
    PendingRate = "pending_rate", Ratio, "Jobs without an outcome, per job.";
    SuccessRate = "success_rate", Ratio, "Successful jobs per job, pending ones included.";
    ConversionRate = "conversion_rate", Ratio, "Converted jobs per job, pending ones included.";
    SuccessConversionRate = "success_conversion_rate", Ratio, "Successful jobs that converted, per successful job.";
    DeflectionRate = "deflection_rate", Ratio, "Deflected jobs per job, pending ones included.";
    EscalationRate = "escalation_rate", Ratio, "Escalated jobs per job, pending ones included.";
    AutonomyRate = "autonomy_rate", Ratio, "Successful jobs that were not escalated, per job, pending ones included.";
    JobCost = "job_cost", Usd, "The cost of the events that belong to a job, on the query's cost basis.";
    Value = "value", Usd, "The value of the outcomes, stated or assumed; null where none is known.";
    Revenue = "revenue", Usd, "The part of the value that CONVERTED outcomes make; null where none of theirs is known.";
    Savings = "savings", Usd, "The part of the value that DEFLECTED outcomes make; null where none of theirs is known.";
    OtherValue = "other_value", Usd, "The part of the value that outcomes of other types, or of none, make; null where none of theirs is known.";
    ValueUnknown = "value_unknown", Jobs, "Jobs whose outcome neither states a value nor has one assumed.";
    Roi = "roi", Ratio, "Value less cost, per cost, of the jobs whose cost is known in full; null where none of their values is known, else those that are not count as 0.";
    MeanRoi = "mean_roi", Ratio, "The mean ROI of the jobs with a known value and a known cost above 0, each rounded to 12 decimals: jobs that are worth nothing known are left out.";
    CostPerJob = "cost_per_job", Usd, "The cost of all jobs, as far as it is known, per job.";
    CostPerSuccess = "cost_per_success", Usd, "The cost of all jobs, failed and pending ones too, as far as it is known, per successful job.";
    CostPerConversion = "cost_per_conversion", Usd, "The cost of all jobs, failed and pending ones too, as far as it is known, per converted job.";
    FirstAt = "first_at", Time, "The start of the first event.";
    LastAt = "last_at", Time, "The start of the last event.";
    Elapsed = "elapsed", Milliseconds, "From the start of the first event to the latest end of one; an event that does not state how long it took ends as it starts.";
}

impl Measure {
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
                | M::SuccessfulConverted
                | M::Failed
                | M::CancelledJobs
                | M::Converted
                | M::Escalated
                | M::Deflected
                | M::Unsuccessful
                | M::PendingRate
                | M::SuccessRate
                | M::ConversionRate
                | M::SuccessConversionRate
                | M::DeflectionRate
                | M::EscalationRate
                | M::AutonomyRate
                | M::Value
                | M::Revenue
                | M::Savings
                | M::OtherValue
                | M::ValueUnknown
        ) || self.needs_job_cost()
    }

    /// Whether the measure needs the cost of each job.
    pub(crate) const fn needs_job_cost(&self) -> bool {
        use Measure as M;
        matches!(self, M::JobCost | M::Roi | M::MeanRoi | M::CostPerJob | M::CostPerSuccess | M::CostPerConversion)
    }

    /// Whether the measure needs computed costs whatever the cost basis is.
    pub(crate) const fn needs_prices(&self) -> bool {
        matches!(self, Self::Cost | Self::CostOf(_) | Self::CostDelta | Self::Unpriced)
    }

    /// The measure that a share or a comparison is about; itself for all others.
    pub fn base(&self) -> &Self {
        match self {
            Self::Share(of) | Self::Before(of) | Self::Change(of) | Self::Growth(of) => of,
            measure => measure,
        }
    }

    /// Whether the measure needs a slice to compare with.
    pub const fn compares(&self) -> bool {
        matches!(self, Self::Before(_) | Self::Change(_) | Self::Growth(_))
    }

    /// Whether two values of the measure have a difference that means something.
    pub(crate) fn has_difference(&self) -> bool {
        self.unit() != Unit::Time
    }

    /// Whether the measure of several slices is, or is counted like, the sum of theirs.
    pub(crate) fn adds_up(&self) -> bool {
        self.base() == self && self.has_share()
    }

    /// Whether a value of the measure is a part of its total.
    pub(crate) fn has_share(&self) -> bool {
        let statistic = match self {
            Self::Duration(statistic) | Self::Ttft(statistic) => *statistic != Statistic::Total,
            measure => matches!(measure, Self::Elapsed),
        };
        let per_job = matches!(self, Self::CostPerJob | Self::CostPerSuccess | Self::CostPerConversion);
        !statistic && !per_job && !matches!(self.unit(), Unit::Ratio | Unit::Time)
    }
}
