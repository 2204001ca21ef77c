//! The values of answers: exact until they are shown.

use std::cmp::Ordering;
use std::fmt;

use quipu_engine::money::PICO_PER_USD;
use quipu_engine::{PicoUsd, Text, Timestamp};

/// One cell of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Unknown, absent, or not defined for this group.
    Null,
    /// A text.
    Text(Text),
    /// A count or a sum of quantities.
    Count(u128),
    /// A difference of counts.
    Signed(i128),
    /// An amount of USD, exact.
    Money(PicoUsd),
    /// A quotient, exact; rounded only when shown.
    Ratio(Ratio),
    /// An instant.
    Time(Timestamp),
}

/// A quotient of integers that is rounded half-even to `digits` decimals when shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    numerator: i128,
    denominator: i128,
    digits: u8,
}

impl Ratio {
    /// `numerator / denominator`; `None` unless the denominator is positive.
    pub fn new(numerator: i128, denominator: i128, digits: u8) -> Option<Self> {
        (denominator > 0).then_some(Self { numerator, denominator, digits: digits.min(18) })
    }

    /// The dividend.
    pub const fn numerator(self) -> i128 {
        self.numerator
    }

    /// The divisor, above zero.
    pub const fn denominator(self) -> i128 {
        self.denominator
    }

    /// How many decimals are shown.
    pub const fn digits(self) -> u8 {
        self.digits
    }

    /// The same quotient shown with another number of decimals (at most 18).
    #[must_use]
    pub fn with_digits(self, digits: u8) -> Self {
        Self { digits: digits.min(18), ..self }
    }

    fn minus(self, other: Self) -> Option<Self> {
        let digits = self.digits.max(other.digits);
        let exact = || {
            let numerator = self.numerator.checked_mul(other.denominator)?;
            let numerator = numerator.checked_sub(other.numerator.checked_mul(self.denominator)?)?;
            Self::new(numerator, self.denominator.checked_mul(other.denominator)?, digits)
        };
        exact().or_else(|| {
            let rounded = |ratio: Self| PicoUsd::parse(&ratio.with_digits(12).to_string()).ok();
            Self::new((rounded(self)? - rounded(other)?).pico(), PICO_PER_USD, digits)
        })
    }

    fn per(self, other: Self) -> Option<Self> {
        let (a, b) = (self.reduced(), other.reduced());
        // Reduced crosswise too, products stay small where the quotient does.
        let numerators = Self::new(a.numerator, b.numerator.checked_abs()?, 0)?.reduced();
        let denominators = Self::new(b.denominator, a.denominator, 0)?.reduced();
        let numerator = numerators.numerator.checked_mul(denominators.numerator)?;
        Self::new(numerator, numerators.denominator.checked_mul(denominators.denominator)?, 6)
    }

    fn reduced(self) -> Self {
        let (mut a, mut b) = (self.numerator.unsigned_abs(), self.denominator.unsigned_abs());
        while b > 0 {
            (a, b) = (b, a % b);
        }
        match i128::try_from(a) {
            Ok(divisor @ 2..) => {
                Self { numerator: self.numerator / divisor, denominator: self.denominator / divisor, ..self }
            }
            _ => self,
        }
    }

    /// Compares exactly, by the digits of a continued fraction, so that no product can overflow.
    pub fn compare(self, other: Self) -> Ordering {
        let (mut a, mut b) = ((self.numerator, self.denominator), (other.numerator, other.denominator));
        if a.1 == b.1 && a.1 > 0 {
            return a.0.cmp(&b.0);
        }
        let mut swapped = false;
        loop {
            let (whole_a, whole_b) = (a.0.div_euclid(a.1), b.0.div_euclid(b.1));
            let (rest_a, rest_b) = (a.0.rem_euclid(a.1), b.0.rem_euclid(b.1));
            let order = match (whole_a.cmp(&whole_b), rest_a, rest_b) {
                (Ordering::Equal, 0, 0) => Ordering::Equal,
                (Ordering::Equal, 0, _) => Ordering::Less,
                (Ordering::Equal, _, 0) => Ordering::Greater,
                (Ordering::Equal, ..) => {
                    // r/d against s/e is decided by e/s against d/r: the reciprocals, reversed.
                    (a, b) = ((a.1, rest_a), (b.1, rest_b));
                    swapped = !swapped;
                    continue;
                }
                (order, ..) => order,
            };
            return if swapped { order.reverse() } else { order };
        }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let divisor = self.denominator.unsigned_abs();
        let mut whole = self.numerator.unsigned_abs() / divisor;
        let mut rest = self.numerator.unsigned_abs() % divisor;
        let mut fraction: u64 = 0;
        for _ in 0..self.digits {
            let (digit, next) = next_digit(rest, divisor);
            fraction = fraction * 10 + u64::from(digit);
            rest = next;
        }
        let last = if self.digits == 0 { u64::from(whole % 2 == 1) } else { fraction % 2 };
        if rest.cmp(&(divisor - rest)).then(last.cmp(&0)) == Ordering::Greater {
            fraction += 1;
            if fraction == 10_u64.pow(u32::from(self.digits)) {
                fraction = 0;
                whole += 1;
            }
        }
        let sign = if self.numerator < 0 && (whole > 0 || fraction > 0) { "-" } else { "" };
        if self.digits == 0 {
            return f.pad(&format!("{sign}{whole}"));
        }
        f.pad(&format!("{sign}{whole}.{fraction:0width$}", width = usize::from(self.digits)))
    }
}

/// The next decimal digit of `rest / divisor` and what is left, without a product that overflows.
fn next_digit(rest: u128, divisor: u128) -> (u8, u128) {
    let (mut digit, mut sum) = (0, 0_u128);
    for _ in 0..10 {
        // sum < divisor and rest < divisor, so the comparison below stands for sum + rest >= divisor.
        if sum >= divisor - rest {
            sum -= divisor - rest;
            digit += 1;
        } else {
            sum += rest;
        }
    }
    (digit, sum)
}

impl Value {
    /// A quotient, or null when the denominator is not positive.
    pub fn ratio(numerator: i128, denominator: i128, digits: u8) -> Self {
        Ratio::new(numerator, denominator, digits).map_or(Self::Null, Self::Ratio)
    }

    /// An amount of USD divided by a count, or null when the count is 0.
    pub fn money_per(amount: PicoUsd, count: u64) -> Self {
        Self::ratio(amount.pico(), i128::from(count) * PICO_PER_USD, 9)
    }

    /// Whether this is [`Value::Null`].
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The number as a quotient; `None` for null, texts, instants, and counts beyond 2¹²⁷.
    pub fn as_ratio(&self) -> Option<Ratio> {
        match self {
            Self::Count(count) => Ratio::new(i128::try_from(*count).ok()?, 1, 0),
            Self::Signed(count) => Ratio::new(*count, 1, 0),
            Self::Money(amount) => Ratio::new(amount.pico(), PICO_PER_USD, 12),
            Self::Ratio(ratio) => Some(*ratio),
            Self::Null | Self::Text(_) | Self::Time(_) => None,
        }
    }

    /// This less `other`, of the same kind; null when either is. Quotients whose exact difference
    /// is out of range are rounded to 12 decimals each first.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Money(a), Self::Money(b)) => Self::Money(*a - *b),
            (Self::Count(a), Self::Count(b)) => match (i128::try_from(*a), i128::try_from(*b)) {
                (Ok(a), Ok(b)) => Self::Signed(a - b),
                _ => Self::Null,
            },
            (Self::Ratio(a), Self::Ratio(b)) => a.minus(*b).map_or(Self::Null, Self::Ratio),
            _ => Self::Null,
        }
    }

    /// This per the magnitude of `other`, with 6 decimals; null when either is null or `other` is 0.
    #[must_use]
    pub fn per(&self, other: &Self) -> Self {
        let quotient = || self.as_ratio()?.per(other.as_ratio()?);
        quotient().map_or(Self::Null, Self::Ratio)
    }

    /// The order of answers: values by size or by bytes, null after every value.
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Count(a), Self::Count(b)) => a.cmp(b),
            (Self::Signed(a), Self::Signed(b)) => a.cmp(b),
            (Self::Money(a), Self::Money(b)) => a.cmp(b),
            (Self::Ratio(a), Self::Ratio(b)) => a.compare(*b),
            (Self::Time(a), Self::Time(b)) => a.cmp(b),
            // A column holds one kind of value, so only null can meet another kind.
            _ => self.is_null().cmp(&other.is_null()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.pad("null"),
            Self::Text(text) => f.pad(text),
            Self::Count(count) => f.pad(&count.to_string()),
            Self::Signed(count) => f.pad(&count.to_string()),
            Self::Money(amount) => fmt::Display::fmt(amount, f),
            Self::Ratio(ratio) => fmt::Display::fmt(ratio, f),
            Self::Time(at) => fmt::Display::fmt(at, f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(numerator: i128, denominator: i128, digits: u8) -> String {
        Value::ratio(numerator, denominator, digits).to_string()
    }

    #[test]
    fn quotients_are_rounded_half_even_when_shown() {
        assert_eq!(shown(1, 3, 6), "0.333333");
        assert_eq!(shown(2, 3, 6), "0.666667");
        assert_eq!(shown(1, 8, 2), "0.12");
        assert_eq!(shown(3, 8, 2), "0.38");
        assert_eq!(shown(-1, 3, 2), "-0.33");
        assert_eq!(shown(-1, 1000, 2), "0.00");
        assert_eq!(shown(5, 2, 0), "2");
        assert_eq!(shown(999, 1000, 2), "1.00");
        assert_eq!(shown(i128::MAX - 1, i128::MAX, 4), "1.0000");
        assert_eq!(shown(1, 0, 2), "null");
    }

    #[test]
    fn quotients_compare_exactly_even_when_products_would_overflow() {
        let (huge, third) = (i128::MAX, Ratio::new(1, 3, 0));
        assert_eq!(
            Ratio::new(huge - 1, huge, 0).map(|a| Ratio::new(huge, huge, 0).map(|b| a.compare(b))),
            Some(Some(Ordering::Less))
        );
        assert_eq!(third.zip(Ratio::new(2, 6, 9)).map(|(a, b)| a.compare(b)), Some(Ordering::Equal));
        assert_eq!(third.zip(Ratio::new(-1, 3, 9)).map(|(a, b)| a.compare(b)), Some(Ordering::Greater));
        assert_eq!(third.zip(Ratio::new(2, 5, 9)).map(|(a, b)| a.compare(b)), Some(Ordering::Less));
    }

    #[test]
    fn differences_and_growth_are_exact_and_null_where_undefined() {
        let money = |pico| Value::Money(PicoUsd::from_pico(pico));
        assert_eq!(money(3).minus(&money(5)), money(-2));
        assert_eq!(Value::Count(3).minus(&Value::Count(5)), Value::Signed(-2));
        assert_eq!(Value::ratio(1, 3, 6).minus(&Value::ratio(1, 2, 6)).to_string(), "-0.166667");
        let huge = Value::ratio(1, i128::MAX, 6);
        assert_eq!(Value::ratio(1, 2, 6).minus(&huge).to_string(), "0.500000");
        assert_eq!(Value::Signed(-2).per(&Value::Count(5)).to_string(), "-0.400000");
        assert_eq!(money(-2).per(&money(-4)).to_string(), "-0.500000");
        assert_eq!(money(i128::MAX / 2).per(&money(i128::MAX / 4)).to_string(), "2.000000");
        assert!(Value::Count(1).per(&Value::Count(0)).is_null() && Value::Null.minus(&money(1)).is_null());
    }

    #[test]
    fn null_comes_after_every_value() {
        assert_eq!(Value::Null.compare(&Value::Count(0)), Ordering::Greater);
        assert_eq!(Value::Text("b".into()).compare(&Value::Null), Ordering::Less);
        assert_eq!(Value::Null.compare(&Value::Null), Ordering::Equal);
    }
}
