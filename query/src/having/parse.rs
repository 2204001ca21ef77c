//! The text form of conditions on groups: `MEASURE op CONSTANT`, `MEASURE is [not] null`, joined
//! as in [`crate::expression`].

use quipu_engine::{Error, PicoUsd, Result};

use super::{Comparison, Constant, Having};
use crate::calendar::Zone;
use crate::expression::{self, Condition, Parser, TokenKind};
use crate::measure::{Measure, Unit};

impl Having {
    /// Reads `cost > 10 and share(cost) >= 0.05`; money is in USD, rates are of 1, times RFC 3339
    /// or UTC dates.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid), saying where and what was expected.
    pub fn parse(text: &str) -> Result<Self> {
        expression::parse(text)
    }
}

impl Condition for Having {
    const SUBJECT: &'static str = "having";

    fn all(conditions: Vec<Self>) -> Self {
        Self::And(conditions)
    }

    fn any(conditions: Vec<Self>) -> Self {
        Self::Or(conditions)
    }

    fn not(condition: Self) -> Self {
        Self::Not(Box::new(condition))
    }

    fn test(parser: &mut Parser) -> Result<Self> {
        let measure = Measure::parse(&name(parser)?).map_err(|error| error.context("having"))?;
        if parser.keyword("is") {
            let not = parser.keyword("not");
            return match parser.keyword("null") {
                true if not => Ok(Self::NotNull(measure)),
                true => Ok(Self::Null(measure)),
                false => Err(parser.expected("`null`")),
            };
        }
        let operator = parser.operator();
        let comparison = Comparison::ALL.into_iter().find(|comparison| operator == Some(comparison.symbol()));
        let Some(comparison) = comparison else {
            return Err(parser.expected("= != < <= > >= or `is null`"));
        };
        let constant = constant(&measure, &parser.text("a value")?)?;
        Ok(Self::Compare(measure, comparison, constant))
    }
}

/// The name of a measure with its argument, if it has one, which may be a measure itself.
fn name(parser: &mut Parser) -> Result<String> {
    let mut name = parser.text("a measure")?;
    let mut open = 0;
    while parser.take(&TokenKind::Open) {
        open += 1;
        name = format!("{name}({}", parser.text("the argument of the measure")?);
    }
    for _ in 0..open {
        if !parser.take(&TokenKind::Close) {
            return Err(parser.expected("`)`"));
        }
        name.push(')');
    }
    Ok(name)
}

fn constant(measure: &Measure, text: &str) -> Result<Constant> {
    if measure.unit() == Unit::Time {
        return Zone::default().parse_time(text).map(Constant::Time).map_err(|error| error.context("having"));
    }
    PicoUsd::parse_exact(text)
        .map(Constant::Decimal)
        .map_err(|error| Error::invalid(format!("having: {measure} is compared with {text:?}, which {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_was_expected() {
        let refused = |text: &str| Having::parse(text).map_err(|error| error.to_string()).expect_err("refused");
        assert!(refused("cots > 1").contains("did you mean `cost`?"));
        assert!(refused("cost 1").contains("expected = != <"));
        assert!(refused("cost > ten").contains("cost is compared with \"ten\""));
        assert!(refused("cost ^= 1").contains("expected = !="));
        assert!(refused("share(cost > 1").contains("expected `)`"));
        assert!(refused("first_at > 3").contains("is not a time"));
        assert!(refused("team = a").contains("there is no measure \"team\""));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["growth(distinct(job_id)) >= -0.5", "not (cost > 1 or requests = 0)", "true", "duration_p99.9 < 3"]
        {
            assert_eq!(Having::parse(text).expect("valid").to_string(), text);
        }
    }
}
