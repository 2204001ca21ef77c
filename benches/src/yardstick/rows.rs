//! From the values of answers to the cells that the peers write: integers of pico-USD, seconds since 1970,
//! `""` for what is absent.

use quipu::Value;
use serde_json::{Number, Value as Json, json};

/// Decimals of quotients: more than a binary float tells apart.
const DIGITS: u8 = 15;

/// A cell of an answer.
pub(super) fn cell(value: &Value) -> Json {
    match value {
        Value::Null => json!(""),
        Value::Text(text) => json!(text.as_str()),
        Value::Count(count) => number(count.to_string()),
        Value::Signed(difference) => number(difference.to_string()),
        Value::Money(amount) => number(amount.pico().to_string()),
        Value::Ratio(ratio) => number(ratio.with_digits(DIGITS).to_string()),
        Value::Time(at) => json!(at.micros().div_euclid(1_000_000)),
    }
}

/// Nano-USD, in which the workload states what outcomes are worth.
pub(super) fn nanos(value: &Value) -> Json {
    match value {
        Value::Money(amount) => number((amount.pico() / 1_000).to_string()),
        other => cell(other),
    }
}

/// The microseconds of a quotient of milliseconds.
pub(super) fn micros(value: &Value) -> Json {
    match value {
        Value::Ratio(ratio) => number((ratio.numerator() * 1_000 / ratio.denominator()).to_string()),
        other => cell(other),
    }
}

/// The pico-USD of a quotient of USD.
pub(super) fn pico(value: &Value) -> Json {
    match value {
        Value::Ratio(ratio) => {
            let scaled = quipu::Ratio::new(ratio.numerator(), ratio.denominator(), DIGITS);
            let pico = scaled.and_then(|ratio| {
                let numerator = ratio.numerator().checked_mul(quipu::money::PICO_PER_USD)?;
                quipu::Ratio::new(numerator, ratio.denominator(), 3)
            });
            pico.map_or(Json::Null, |pico| number(pico.to_string()))
        }
        other => cell(other),
    }
}

/// The sum of two counts.
pub(super) fn sum(a: &Value, b: &Value) -> Json {
    match (a, b) {
        (Value::Count(a), Value::Count(b)) => number((a + b).to_string()),
        _ => Json::Null,
    }
}

/// A value that is 0 where nothing is known of it, as a sum in SQL with `coalesce`.
pub(super) fn or_zero(value: Json) -> Json {
    if value == json!("") { json!(0) } else { value }
}

fn number(text: String) -> Json {
    text.parse::<Number>().map_or(Json::Null, Json::Number)
}
