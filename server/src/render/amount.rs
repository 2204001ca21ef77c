//! Numbers for people: thousands separators, dollars with sensible digits, per cent.

use quipu::{PicoUsd, Ratio, Value};

/// A decimal text with commas between the thousands of its whole part.
pub fn grouped(decimal: &str) -> String {
    let (sign, digits) = decimal.strip_prefix('-').map_or(("", decimal), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let mut out = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// An amount of USD with a dollar sign, all its digits (at least two decimals) and separators.
///
/// ```
/// use quipu::PicoUsd;
/// use quipu_server::render::dollars;
/// assert_eq!(dollars(PicoUsd::parse("35963.744845376").unwrap()), "$35,963.744845376");
/// assert_eq!(dollars(PicoUsd::from_usd(-5)), "-$5.00");
/// ```
pub fn dollars(amount: PicoUsd) -> String {
    let shortest = amount.to_string();
    let decimals = shortest.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    with_dollar(&amount.to_fixed(u32::try_from(decimals.max(2)).unwrap_or(2)))
}

fn with_dollar(decimal: &str) -> String {
    match decimal.strip_prefix('-') {
        Some(rest) => format!("-${}", grouped(rest)),
        None => format!("${}", grouped(decimal)),
    }
}

/// The decimals that show the amounts of a column without noise: few where they are large, and none that are 0 in all.
pub(super) fn money_digits<'a>(column: impl Iterator<Item = &'a Value> + Clone) -> u8 {
    let most = most_digits(column.clone());
    let told = |value: &Value| {
        let text = fixed(value, most)?;
        let (_, fraction) = text.split_once('.')?;
        u8::try_from(fraction.trim_end_matches('0').len()).ok()
    };
    column.filter_map(told).max().unwrap_or(2).max(2)
}

fn most_digits<'a>(column: impl Iterator<Item = &'a Value>) -> u8 {
    let needed = |value: &Value| {
        let text = fixed(value, 12)?;
        let digits = text.trim_start_matches('-');
        let (whole, fraction) = digits.split_once('.')?;
        Some(match (whole.trim_start_matches('0').len(), fraction.find(|digit| digit != '0')) {
            (3.., _) => 2,
            (1..=2, _) => 4,
            (0, Some(0..=1)) => 6,
            (0, Some(2..=4)) => 9,
            (0, Some(_)) => 12,
            (0, None) => return None,
        })
    };
    column.filter_map(needed).min().unwrap_or(2)
}

/// An amount in a column with that many decimals; what is too small for them is not called zero.
pub(super) fn money(value: &Value, digits: u8) -> Option<String> {
    let text = fixed(value, digits)?;
    let is_zero = |text: &str| text.bytes().all(|byte| b"0.-".contains(&byte));
    if is_zero(&text) && !fixed(value, 18).is_some_and(|exact| is_zero(&exact)) {
        let smallest = format!("0.{:0>width$}", 1, width = usize::from(digits));
        return Some(format!("<${smallest}"));
    }
    Some(with_dollar(&text))
}

/// A quotient in per cent.
pub fn percent(ratio: Ratio) -> String {
    match ratio.numerator().checked_mul(100).and_then(|hundredfold| Ratio::new(hundredfold, ratio.denominator(), 1)) {
        Some(percent) => format!("{} %", grouped(&percent.to_string())),
        None => ratio.to_string(),
    }
}

fn fixed(value: &Value, digits: u8) -> Option<String> {
    match value {
        Value::Money(amount) => Some(amount.to_fixed(digits.into())),
        Value::Ratio(ratio) => Some(ratio.with_digits(digits).to_string()),
        _ => None,
    }
}
