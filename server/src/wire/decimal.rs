//! Exact numbers from decimal text: counts, scaled integers, money. Never through a float.

use quipu::PicoUsd;
use quipu::money::{MoneyError, PICO_DIGITS, PICO_PER_USD};

use super::excerpt;

/// Reads a whole number from 0; `12.0` and `1e3` are whole numbers too.
///
/// # Errors
/// The end of a sentence that starts with the field's name.
pub fn count(text: &str) -> Result<u64, String> {
    if !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(count) = text.parse()
    {
        return Ok(count);
    }
    // The decimal parser of money is exact to 10⁻¹²; whatever it calls too fine is not whole.
    let problem = match PicoUsd::parse_exact(text).map(PicoUsd::pico) {
        Ok(pico) if pico < 0 => "is negative",
        Ok(pico) if pico % PICO_PER_USD != 0 => "is not a whole number",
        Ok(pico) => match u64::try_from(pico / PICO_PER_USD) {
            Ok(count) => return Ok(count),
            Err(_) => "is too large",
        },
        Err(MoneyError::TooFine) => "is not a whole number",
        Err(MoneyError::TooLarge) => "is too large",
        Err(MoneyError::NotDecimal) => "is not a number",
    };
    Err(format!("is {}, which {problem}; expected a whole number from 0", excerpt(text)))
}

/// Reads a decimal number in units of 10⁻ᵈⁱᵍⁱᵗˢ, rounding half-even.
///
/// # Errors
/// The end of a sentence that starts with the field's name.
pub fn scaled(text: &str, digits: u32) -> Result<i64, String> {
    if digits == 0
        && let Ok(whole) = text.parse()
    {
        return Ok(whole);
    }
    let unit = 10_i128.pow(PICO_DIGITS - digits.min(PICO_DIGITS));
    PicoUsd::parse_rounded(text, digits)
        .and_then(|value| i64::try_from(value.pico() / unit).map_err(|_| MoneyError::TooLarge))
        .map_err(|error| match error {
            MoneyError::NotDecimal => format!("is {}, which is not a number", excerpt(text)),
            _ => format!("is {}, which is too large", excerpt(text)),
        })
}

/// Reads an amount of USD, rounding half-even to `digits` decimals (at most 12).
///
/// # Errors
/// The end of a sentence that starts with the field's name.
pub fn usd(text: &str, digits: u32) -> Result<PicoUsd, String> {
    PicoUsd::parse_rounded(text, digits)
        .map_err(|error| format!("is {}, which {error}; expected an amount in USD such as 0.00123", excerpt(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integral_decimals_are_counts_and_others_are_refused() {
        for (text, expected) in [("0", 0), ("12", 12), ("12.0", 12), ("1.2e1", 12), ("-0", 0), ("0012", 12)] {
            assert_eq!(count(text), Ok(expected), "{text}");
        }
        assert_eq!(count("18446744073709551615"), Ok(u64::MAX));
        for (text, problem) in [
            ("-1", "is negative"),
            ("1.5", "is not a whole number"),
            ("1e-30", "is not a whole number"),
            ("1e300", "is too large"),
            ("18446744073709551616", "is too large"),
            ("", "is not a number"),
            ("NaN", "is not a number"),
            ("twelve", "is not a number"),
        ] {
            assert!(count(text).is_err_and(|message| message.contains(problem)), "{text}");
        }
    }

    #[test]
    fn scaling_rounds_half_even() {
        assert_eq!(scaled("1.5", 0), Ok(2));
        assert_eq!(scaled("2.5", 0), Ok(2));
        assert_eq!(scaled("-7", 3), Ok(-7_000));
        assert_eq!(scaled("1723560043.25", 6), Ok(1_723_560_043_250_000));
        assert!(scaled("1e30", 6).is_err());
    }
}
