//! The names of measures, both directions.

use std::fmt;

use quipu_engine::{Dimension, Error, Meter, Number, Result, TokenMeter};

use super::{CostOf, Measure, Statistic};
use crate::names::did_you_mean;

/// What a measure with an argument is called.
const FUNCTIONS: [&str; 8] = ["cost", "count", "distinct", "approx_distinct", "share", "before", "change", "growth"];

impl Measure {
    /// Reads `cost`, `input`, `meter.NAME`, `duration_p95`, `count(DIMENSION)`, `distinct(DIMENSION)`, `share(MEASURE)`…
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
        if let Some((function, argument)) = name.strip_suffix(')').and_then(|call| call.split_once('(')) {
            return call(function.trim(), argument.trim());
        }
        let timing = |prefix: &str| name.strip_prefix(prefix).and_then(Statistic::parse);
        let timing = timing("duration_").map(Self::Duration).or_else(|| timing("ttft_").map(Self::Ttft));
        timing.ok_or_else(|| unknown(name))
    }
}

fn call(function: &str, argument: &str) -> Result<Measure> {
    let dimension = || {
        Dimension::parse(argument).ok_or_else(|| {
            let hint = did_you_mean(argument, Dimension::ALL.iter().map(|dimension| dimension.name()));
            Error::invalid(format!("{function}({argument}): there is no dimension of that name{hint}"))
        })
    };
    let measure = || {
        let inner = Measure::parse(argument).map_err(|error| error.context(function))?;
        let possible = match function {
            "share" => inner.has_share(),
            "before" => true,
            _ => inner.has_difference(),
        };
        if *inner.base() != inner || !possible {
            return Err(Error::invalid(format!("{function}({argument}): there is no {function} of that measure")));
        }
        Ok(Box::new(inner))
    };
    Ok(match function {
        "cost" => Measure::CostOf(CostOf::parse(argument).ok_or_else(|| {
            let parts = CostOf::NAMED.iter().map(CostOf::to_string).collect::<Vec<_>>().join(", ");
            Error::invalid(format!("cost({argument}): that is neither a meter (input, meter.NAME…) nor one of {parts}"))
        })?),
        "count" => match Number::from_name(argument) {
            Some(number) => Measure::CountNumber(number),
            None => Measure::Count(dimension()?),
        },
        "distinct" => Measure::Distinct(dimension()?),
        "approx_distinct" => Measure::ApproxDistinct(dimension()?),
        "share" => Measure::Share(measure()?),
        "before" => Measure::Before(measure()?),
        "change" => Measure::Change(measure()?),
        "growth" => Measure::Growth(measure()?),
        _ => {
            let hint = did_you_mean(function, FUNCTIONS);
            return Err(Error::invalid(format!("there is no measure {function}(…){hint}")));
        }
    })
}

fn unknown(name: &str) -> Error {
    let timings = ["duration", "ttft"]
        .into_iter()
        .flat_map(|number| Statistic::ALL.map(|statistic| format!("{number}_{statistic}")));
    let named = Measure::NAMED.iter().map(Measure::to_string);
    let tokens = TokenMeter::ALL.iter().map(TokenMeter::to_string);
    let names: Vec<String> = named.chain(tokens).chain(timings).collect();
    let hint = did_you_mean(name, names.iter().map(String::as_str));
    Error::invalid(format!("there is no measure {name:?}; a meter of your own is written meter.NAME{hint}"))
}

impl fmt::Display for Measure {
    /// The name that [`Measure::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Meter(Meter::Token(token)) => f.pad(token.name()),
            Self::Meter(Meter::Named(name)) => f.pad(&format!("meter.{name}")),
            Self::CostOf(part) => f.pad(&format!("cost({part})")),
            Self::Duration(statistic) => f.pad(&format!("duration_{statistic}")),
            Self::Ttft(statistic) => f.pad(&format!("ttft_{statistic}")),
            Self::Count(dimension) => f.pad(&format!("count({dimension})")),
            Self::CountNumber(number) => f.pad(&format!("count({})", number.name())),
            Self::Distinct(dimension) => f.pad(&format!("distinct({dimension})")),
            Self::ApproxDistinct(dimension) => f.pad(&format!("approx_distinct({dimension})")),
            Self::Share(of) => f.pad(&format!("share({of})")),
            Self::Before(of) => f.pad(&format!("before({of})")),
            Self::Change(of) => f.pad(&format!("change({of})")),
            Self::Growth(of) => f.pad(&format!("growth({of})")),
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
        let tool = Meter::Named("tool:browser".into());
        let others = [
            Measure::Meter(TokenMeter::CacheRead.into()),
            Measure::Meter(tool.clone()),
            Measure::Count(Dimension::Team),
            Measure::CountNumber(Number::ReportedCost),
            Measure::Distinct(Dimension::TraceId),
            Measure::ApproxDistinct(Dimension::SubscriberId),
            Measure::CostOf(CostOf::Meter(tool)),
            Measure::CostOf(CostOf::Meter(TokenMeter::Reasoning.into())),
            Measure::Share(Box::new(Measure::Distinct(Dimension::JobId))),
            Measure::Growth(Box::new(Measure::CostOf(CostOf::Tools))),
            Measure::Before(Box::new(Measure::FirstAt)),
        ];
        let parts = CostOf::NAMED.into_iter().map(Measure::CostOf);
        for measure in Measure::NAMED.iter().cloned().chain(timings).chain(others).chain(parts) {
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
        assert!(wrong("shares(cost)").ends_with("did you mean `share`?"));
        assert!(wrong("share(error_rate)").contains("there is no share"));
        assert!(wrong("share(share(cost))").contains("there is no share"));
        assert!(wrong("change(first_at)").contains("there is no change"));
        assert!(wrong("cost(everything)").contains("one of tokens, input_tokens"));
    }
}
