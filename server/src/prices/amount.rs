//! Rates from decimal text: a whole number of pico-USD per unit, or a reason why not.

use quipu::PicoUsd;
use quipu::money::{MoneyError, PICO_PER_USD};
use quipu::price_book::Share;

use crate::wire::excerpt;

const TOO_FINE: &str = "is finer than one pico-USD (10⁻¹² USD) per unit";

/// A rate given in USD per `units` units.
///
/// # Errors
/// The end of a sentence that starts with the field's name.
pub(super) fn rate_per(text: &str, units: u64) -> Result<u64, String> {
    let wrong = |problem: &str| format!("is {}, which {problem}", excerpt(text));
    let amount = PicoUsd::parse_exact(text).map_err(|error| match error {
        MoneyError::TooFine => wrong(TOO_FINE),
        _ => wrong(&error.to_string()),
    })?;
    if amount.pico() < 0 {
        return Err(wrong("is negative; a price is 0 or more"));
    }
    if amount.pico() % i128::from(units) != 0 {
        return Err(wrong(TOO_FINE));
    }
    u64::try_from(amount.pico() / i128::from(units)).map_err(|_| wrong("is larger than any price"))
}

/// A share of the list given in per cent, with at most four decimals: `85%`, `112.5%`.
///
/// # Errors
/// The end of a sentence that starts with the field's name.
pub(super) fn share(text: &str) -> Result<Share, String> {
    const PICO_PER_MILLIONTH: i128 = PICO_PER_USD / 10_000;
    let wrong =
        || format!("is {}; expected a share of the list price such as \"85%\", to four decimals", excerpt(text));
    let per_cent =
        text.strip_suffix('%').and_then(|number| PicoUsd::parse_exact(number).ok()).ok_or_else(wrong)?.pico();
    if per_cent % PICO_PER_MILLIONTH != 0 {
        return Err(wrong());
    }
    u32::try_from(per_cent / PICO_PER_MILLIONTH).map(Share::from_ppm).map_err(|_| wrong())
}

/// A rate that a list of others states, in whole pico-USD per unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) pico: u64,
    /// Whether the list is finer than that.
    pub(super) is_rounded: bool,
}

/// A rate in USD per unit that may have been through binary floating point on its way, rounded half-even to whole
/// pico-USD. What lies within a millionth of a whole number is that number, and not called rounded.
///
/// # Errors
/// The end of a sentence that starts with the field's name; also of a price that would become 0.
pub(super) fn noisy_rate(text: &str) -> Result<Whole, &'static str> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i64 = exponent.parse().map_err(|_| "is not a number")?;
    let rounded = PicoUsd::parse(text).map_err(|_| "is not a number")?.pico();
    // The value in units of 10⁻²⁴ USD, where what the float did to it can be seen.
    let exact = PicoUsd::parse(&format!("{mantissa}e{}", exponent.saturating_add(12))).map_err(|_| "is not a price")?;
    if exact.pico() < 0 {
        return Err("is negative");
    }
    let is_zero = !mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    if rounded == 0 && !is_zero {
        return Err(TOO_FINE);
    }
    let noise = rounded.checked_mul(PICO_PER_USD).and_then(|whole| (exact.pico() - whole).abs().checked_mul(1_000_000));
    let pico = u64::try_from(rounded).map_err(|_| "is larger than any price")?;
    Ok(Whole { pico, is_rounded: noise.is_none_or(|noise| noise > exact.pico()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_whole_pico_usd_per_unit() {
        assert_eq!(rate_per("2.50", 1_000_000), Ok(2_500_000));
        assert_eq!(rate_per("0.0375", 1_000_000), Ok(37_500));
        assert_eq!(rate_per("0.000001", 1_000_000), Ok(1));
        assert_eq!(rate_per("0.000000000001", 1), Ok(1));
        for (text, problem) in [
            ("0.0000001", "finer than one pico-USD"),
            ("0.0000000000001", "finer than one pico-USD"),
            ("-1", "is negative"),
            ("1e20", "larger than any price"),
            ("free", "is not a decimal number"),
        ] {
            assert!(rate_per(text, 1_000_000).is_err_and(|error| error.contains(problem)), "{text}");
        }
    }

    #[test]
    fn shares_are_whole_parts_per_million() {
        let ppm = |text| share(text).map(Share::ppm);
        assert_eq!((ppm("85%"), ppm("112.5%"), ppm("0.0001%")), (Ok(850_000), Ok(1_125_000), Ok(1)));
        for text in ["%", "-5%", "0.00001%", "85", "1e9%"] {
            assert!(ppm(text).is_err_and(|error| error.contains("expected a share")), "{text}");
        }
    }

    #[test]
    fn the_noise_of_floats_is_rounded_away_and_other_rounding_is_told() {
        let whole = |pico| Ok(Whole { pico, is_rounded: false });
        assert_eq!(noisy_rate("1.5000000000000002e-07"), whole(150_000));
        assert_eq!(noisy_rate("2.9999999999999999E-8"), whole(30_000));
        assert_eq!(noisy_rate("0.06"), whole(60_000_000_000));
        assert_eq!((noisy_rate("0"), noisy_rate("0.0")), (whole(0), whole(0)));
        for (text, pico) in [("2.0751953125e-09", 2_075), ("8.3333333333e-08", 83_333), ("6e-13", 1), ("1.5e-12", 2)] {
            assert_eq!(noisy_rate(text), Ok(Whole { pico, is_rounded: true }), "{text}");
        }
        assert_eq!(noisy_rate("1e-13"), Err(TOO_FINE));
        assert_eq!(noisy_rate("1e-400"), Err(TOO_FINE));
        assert!(noisy_rate("1e-999999999999").is_err());
        assert_eq!(noisy_rate("-1e-6"), Err("is negative"));
        assert_eq!(noisy_rate("\"1\""), Err("is not a number"));
        assert!(noisy_rate("1e30").is_err() && noisy_rate("1e300").is_err());
    }
}
