//! Which groups an answer returns: conditions on their measures.
//!
//! Null: no comparison holds for it but `!=`, which always does, as in [`crate::filter`].

mod parse;

use std::cmp::Ordering;
use std::fmt;

use quipu_engine::money::PICO_PER_USD;
use quipu_engine::{PicoUsd, Timestamp};

use crate::expression::show_joined;
use crate::measure::Measure;
use crate::value::{Ratio, Value};

/// A condition on the measures of a group.
///
/// ```
/// use quipu_query::Having;
/// let having = Having::parse("cost >= 10.5 and (growth(cost) > 2 or before(cost) is null)")?;
/// assert_eq!(having.to_string(), "cost >= 10.5 and (growth(cost) > 2 or before(cost) is null)");
/// # Ok::<(), quipu_engine::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Having {
    /// A measure against a constant, compared exactly.
    Compare(Measure, Comparison, Constant),
    /// A measure is null.
    Null(Measure),
    /// A measure is not null.
    NotNull(Measure),
    /// All hold; an empty list always holds.
    And(Vec<Self>),
    /// At least one holds; an empty list never holds.
    Or(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
}

/// How a measure and a constant are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// What a measure is compared with. Money is in USD, a rate of 1 is the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Constant {
    /// A decimal of at most 12 places, times 10¹².
    Decimal(PicoUsd),
    /// An instant, for measures that are one.
    Time(Timestamp),
}

impl Comparison {
    /// Every comparison.
    pub const ALL: [Self; 6] = [Self::Equal, Self::NotEqual, Self::Less, Self::AtMost, Self::Greater, Self::AtLeast];

    /// The operator.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }

    const fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

impl Having {
    /// Whether a group passes whose measures are `value`.
    pub fn holds(&self, value: &dyn Fn(&Measure) -> Value) -> bool {
        match self {
            Self::Compare(measure, comparison, constant) => match order(&value(measure), constant) {
                Some(order) => comparison.holds(order),
                None => *comparison == Comparison::NotEqual,
            },
            Self::Null(measure) => value(measure).is_null(),
            Self::NotNull(measure) => !value(measure).is_null(),
            Self::And(all) => all.iter().all(|one| one.holds(value)),
            Self::Or(some) => some.iter().any(|one| one.holds(value)),
            Self::Not(one) => !one.holds(value),
        }
    }

    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::And(mut all) => {
                all.push(other);
                Self::And(all)
            }
            one => Self::And(vec![one, other]),
        }
    }

    /// Whether its text needs no parentheses beside others.
    fn is_simple(&self) -> bool {
        match self {
            Self::And(several) | Self::Or(several) => match several.as_slice() {
                [] => true,
                [one] => one.is_simple(),
                _ => false,
            },
            _ => true,
        }
    }

    /// The measures it looks at.
    pub fn measures(&self) -> Vec<&Measure> {
        match self {
            Self::Compare(measure, ..) | Self::Null(measure) | Self::NotNull(measure) => vec![measure],
            Self::And(all) | Self::Or(all) => all.iter().flat_map(Self::measures).collect(),
            Self::Not(one) => one.measures(),
        }
    }
}

/// How a value compares with a constant; `None` for null and for a value of another kind.
fn order(value: &Value, constant: &Constant) -> Option<Ordering> {
    match (value, constant) {
        (Value::Time(at), Constant::Time(other)) => Some(at.cmp(other)),
        (value, Constant::Decimal(decimal)) => {
            Some(value.as_ratio()?.compare(Ratio::new(decimal.pico(), PICO_PER_USD, 0)?))
        }
        _ => None,
    }
}

impl fmt::Display for Having {
    /// The text that [`Having::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare(measure, comparison, constant) => write!(f, "{measure} {} {constant}", comparison.symbol()),
            Self::Null(measure) => write!(f, "{measure} is null"),
            Self::NotNull(measure) => write!(f, "{measure} is not null"),
            Self::And(all) => show_joined(f, all, "and", "true", Self::is_simple),
            Self::Or(some) => show_joined(f, some, "or", "false", Self::is_simple),
            Self::Not(one) if one.is_simple() => write!(f, "not {one}"),
            Self::Not(one) => write!(f, "not ({one})"),
        }
    }
}

impl fmt::Display for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decimal(decimal) => fmt::Display::fmt(decimal, f),
            Self::Time(at) => fmt::Display::fmt(at, f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, value: &Value) -> bool {
        Having::parse(text).expect("valid").holds(&|_| value.clone())
    }

    #[test]
    fn decimals_compare_exactly_with_every_kind_of_number() {
        let third = Value::ratio(1, 3, 2);
        assert!(holds("roi > 0.33", &third) && holds("roi < 0.333333333334", &third));
        assert!(holds("cost = 0.1", &Value::Money(PicoUsd::from_pico(100_000_000_000))));
        assert!(holds("requests >= 3 and requests < 3.000000000001", &Value::Count(3)));
        assert!(holds("change(requests) <= -2", &Value::Signed(-2)));
        assert!(holds("last_at < 2026-01-02", &Value::Time(Timestamp::from_seconds(1_767_225_600))));
    }

    #[test]
    fn null_differs_from_everything_and_compares_with_nothing() {
        for (text, expected) in [
            ("cost = 0", false),
            ("cost != 0", true),
            ("cost > 0 or cost <= 0", false),
            ("not cost > 0", true),
            ("cost is null", true),
            ("cost is not null", false),
        ] {
            assert_eq!(holds(text, &Value::Null), expected, "{text}");
        }
    }
}
