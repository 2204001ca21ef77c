//! Exact money: integer pico-USD (10⁻¹² USD), never a float.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

/// Decimal digits of a pico-USD.
pub const PICO_DIGITS: u32 = 12;
/// Pico-USD in one USD.
pub const PICO_PER_USD: i128 = 1_000_000_000_000;

/// An amount of US dollars as a whole number of pico-USD.
///
/// ```
/// use quipu_engine::PicoUsd;
/// let cost = PicoUsd::parse("0.00123").unwrap();
/// assert_eq!(cost.pico(), 1_230_000_000);
/// assert_eq!((cost + cost).to_string(), "0.00246");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PicoUsd(i128);

/// Why a text is not an amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyError {
    /// The text is not a decimal number.
    NotDecimal,
    /// The number lies beyond ±10²⁴ USD.
    TooLarge,
    /// The number has digits below the unit it must be a multiple of.
    TooFine,
}

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotDecimal => "is not a decimal number",
            Self::TooLarge => "is larger than any amount of money can be",
            Self::TooFine => "has digits finer than one pico-USD (10⁻¹² USD)",
        })
    }
}

impl std::error::Error for MoneyError {}

impl PicoUsd {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// An amount given in pico-USD.
    pub const fn from_pico(pico: i128) -> Self {
        Self(pico)
    }

    /// A whole number of USD.
    pub const fn from_usd(usd: i64) -> Self {
        Self(usd as i128 * PICO_PER_USD)
    }

    /// The amount in pico-USD.
    pub const fn pico(self) -> i128 {
        self.0
    }

    /// Reads a decimal text in USD (`12`, `-0.5`, `1.5e-7`), rounding half-even to a pico-USD.
    ///
    /// # Errors
    /// [`MoneyError::NotDecimal`] or [`MoneyError::TooLarge`].
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        Self::parse_rounded(text, PICO_DIGITS)
    }

    /// Reads a decimal text in USD, rounding half-even to `digits` decimals (at most 12).
    ///
    /// ```
    /// use quipu_engine::PicoUsd;
    /// assert_eq!(PicoUsd::parse_rounded("0.0000000025", 9).unwrap().pico(), 2_000);
    /// ```
    ///
    /// # Errors
    /// [`MoneyError::NotDecimal`] or [`MoneyError::TooLarge`].
    pub fn parse_rounded(text: &str, digits: u32) -> Result<Self, MoneyError> {
        let decimal = Decimal::parse(text)?;
        let digits = digits.min(PICO_DIGITS);
        let scaled = decimal.scaled(digits)?.round_half_even();
        let pico = scaled.checked_mul(10_i128.pow(PICO_DIGITS - digits)).ok_or(MoneyError::TooLarge)?;
        Ok(Self(pico))
    }

    /// Reads a decimal text in USD that must be a whole number of pico-USD.
    ///
    /// # Errors
    /// [`MoneyError::TooFine`] when it is not, else as [`PicoUsd::parse`].
    pub fn parse_exact(text: &str) -> Result<Self, MoneyError> {
        let scaled = Decimal::parse(text)?.scaled(PICO_DIGITS)?;
        if scaled.rest_is_zero { Ok(Self(scaled.whole)) } else { Err(MoneyError::TooFine) }
    }

    /// The amount rounded half-even to `digits` decimals of a USD.
    ///
    /// ```
    /// use quipu_engine::PicoUsd;
    /// let cost = PicoUsd::from_pico(1_525_568_204_499);
    /// assert_eq!(cost.rounded(9).to_string(), "1.525568204");
    /// ```
    pub fn rounded(self, digits: u32) -> Self {
        let unit = 10_i128.pow(PICO_DIGITS - digits.min(PICO_DIGITS));
        Self(div_half_even(self.0, unit) * unit)
    }

    /// The amount with exactly `digits` decimals, rounded half-even.
    pub fn to_fixed(self, digits: u32) -> String {
        let digits = digits.min(PICO_DIGITS);
        let units = div_half_even(self.0, 10_i128.pow(PICO_DIGITS - digits));
        let (sign, units) = (if units < 0 { "-" } else { "" }, units.unsigned_abs());
        if digits == 0 {
            return format!("{sign}{units}");
        }
        let scale = 10_u128.pow(digits);
        format!("{sign}{}.{:0width$}", units / scale, units % scale, width = digits as usize)
    }

    /// The amount divided by a count, rounded half-even to a pico-USD; `None` when the count is 0.
    pub fn per(self, count: u64) -> Option<Self> {
        (count > 0).then(|| Self(div_half_even(self.0, i128::from(count))))
    }
}

/// `numerator / denominator` rounded half to even; the denominator must be positive.
pub fn div_half_even(numerator: i128, denominator: i128) -> i128 {
    debug_assert!(denominator > 0, "a rounding divisor is positive");
    let quotient = numerator.div_euclid(denominator);
    let rest = numerator.rem_euclid(denominator);
    // Compared without doubling, which could overflow.
    match rest.cmp(&(denominator - rest)) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + (quotient & 1),
    }
}

/// A decimal literal taken apart: `digits × 10^exponent`.
struct Decimal {
    negative: bool,
    digits: u128,
    exponent: i32,
    /// Whether non-zero digits were dropped because they do not fit in `digits`.
    more: bool,
}

struct Scaled {
    whole: i128,
    rest_is_zero: bool,
    /// How the dropped part compares with one half.
    rest: std::cmp::Ordering,
    negative: bool,
}

impl Scaled {
    fn round_half_even(self) -> i128 {
        let up = match self.rest {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Greater => 1,
            std::cmp::Ordering::Equal => self.whole & 1,
        };
        if self.negative { self.whole - up } else { self.whole + up }
    }
}

impl Decimal {
    fn parse(text: &str) -> Result<Self, MoneyError> {
        let bytes = text.trim().as_bytes();
        let (negative, mut rest) = match bytes {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let mut decimal = Self { negative, digits: 0, exponent: 0, more: false };
        let (mut seen_digit, mut seen_point) = (false, false);
        while let [byte, tail @ ..] = rest {
            match byte {
                b'0'..=b'9' => {
                    seen_digit = true;
                    decimal.push(byte - b'0', seen_point);
                }
                b'.' if !seen_point => seen_point = true,
                b'e' | b'E' if seen_digit => {
                    let exponent = std::str::from_utf8(tail)
                        .ok()
                        .and_then(|text| text.parse::<i32>().ok())
                        .ok_or(MoneyError::NotDecimal)?;
                    decimal.exponent = decimal.exponent.saturating_add(exponent);
                    rest = &[];
                    continue;
                }
                _ => return Err(MoneyError::NotDecimal),
            }
            rest = tail;
        }
        if seen_digit { Ok(decimal) } else { Err(MoneyError::NotDecimal) }
    }

    fn push(&mut self, digit: u8, fraction: bool) {
        // 30 significant digits hold every amount up to 10¹⁸ USD to the pico.
        if self.digits < 10_u128.pow(30) {
            self.digits = self.digits * 10 + u128::from(digit);
            self.exponent -= i32::from(fraction);
        } else {
            self.more |= digit != 0;
            self.exponent += i32::from(!fraction);
        }
    }

    /// The value in units of 10^-decimals, with what is left below one unit.
    fn scaled(&self, decimals: u32) -> Result<Scaled, MoneyError> {
        use std::cmp::Ordering;
        let sign = if self.negative { -1 } else { 1 };
        let shift = self.exponent.saturating_add(decimals.cast_signed());
        if self.digits == 0 {
            return Ok(Scaled { whole: 0, rest_is_zero: !self.more, rest: Ordering::Less, negative: self.negative });
        }
        if shift >= 0 {
            let factor = 10_u128.checked_pow(shift.unsigned_abs()).ok_or(MoneyError::TooLarge)?;
            let whole = self.digits.checked_mul(factor).filter(|w| *w < 10_u128.pow(37)).ok_or(MoneyError::TooLarge)?;
            return Ok(Scaled {
                whole: sign * whole.cast_signed(),
                rest_is_zero: !self.more,
                rest: Ordering::Less,
                negative: self.negative,
            });
        }
        // Below one unit of 10^-decimals by so much that even half a unit is out of reach.
        let Some(divisor) = 10_u128.checked_pow(shift.unsigned_abs()) else {
            return Ok(Scaled { whole: 0, rest_is_zero: false, rest: Ordering::Less, negative: self.negative });
        };
        let (whole, rest) = (self.digits / divisor, self.digits % divisor);
        let half = rest.cmp(&(divisor - rest));
        let rest_order = if half == Ordering::Equal && self.more { Ordering::Greater } else { half };
        if whole >= 10_u128.pow(37) {
            return Err(MoneyError::TooLarge);
        }
        Ok(Scaled {
            whole: sign * whole.cast_signed(),
            rest_is_zero: rest == 0 && !self.more,
            rest: rest_order,
            negative: self.negative,
        })
    }
}

impl fmt::Display for PicoUsd {
    /// The exact amount in USD without trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let pico = self.0.unsigned_abs();
        let unit = PICO_PER_USD.unsigned_abs();
        let (usd, fraction) = (pico / unit, pico % unit);
        if fraction == 0 {
            return f.pad(&format!("{sign}{usd}"));
        }
        let digits = format!("{fraction:012}");
        f.pad(&format!("{sign}{usd}.{}", digits.trim_end_matches('0')))
    }
}

impl fmt::Debug for PicoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} USD")
    }
}

impl Add for PicoUsd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for PicoUsd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for PicoUsd {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for PicoUsd {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sum for PicoUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_texts_are_read_exactly() {
        for (text, pico) in [
            ("0", 0),
            ("-0.5", -500_000_000_000),
            ("34.732634666666634", 34_732_634_666_667),
            ("1.5e-7", 150_000),
            ("0.00000015", 150_000),
            ("2E3", 2_000_000_000_000_000),
            ("+.5", 500_000_000_000),
            ("1e-400", 0),
            ("0.00000000000050000000000000000000000000000001", 1),
        ] {
            assert_eq!(PicoUsd::parse(text).map(PicoUsd::pico), Ok(pico), "{text}");
        }
        for text in ["", "-", ".", "1.2.3", "1e", "NaN", "inf", "0x10", "1 2", "1_000"] {
            assert_eq!(PicoUsd::parse(text), Err(MoneyError::NotDecimal), "{text}");
        }
        assert_eq!(PicoUsd::parse("1e40"), Err(MoneyError::TooLarge));
    }

    #[test]
    fn rounding_is_half_even() {
        for (text, nano) in [("0.0000000005", 0), ("0.0000000015", 2), ("-0.0000000025", -2), ("0.00000000250001", 3)] {
            assert_eq!(PicoUsd::parse_rounded(text, 9).map(PicoUsd::pico), Ok(nano * 1000), "{text}");
        }
        assert_eq!(div_half_even(-5, 2), -2);
        assert_eq!(div_half_even(-7, 2), -4);
    }

    #[test]
    fn a_price_finer_than_a_pico_is_refused() {
        assert_eq!(PicoUsd::parse_exact("0.0000000000015"), Err(MoneyError::TooFine));
        assert_eq!(PicoUsd::parse_exact("0.0000000000010").map(PicoUsd::pico), Ok(1));
    }

    #[test]
    fn display_is_the_shortest_exact_decimal() {
        assert_eq!(PicoUsd::from_pico(-1_500_000_000_000).to_string(), "-1.5");
        assert_eq!(PicoUsd::from_pico(1).to_string(), "0.000000000001");
        assert_eq!(PicoUsd::from_usd(7).to_fixed(2), "7.00");
        assert_eq!(PicoUsd::from_pico(-4_999_999_999).to_fixed(2), "0.00");
    }
}
