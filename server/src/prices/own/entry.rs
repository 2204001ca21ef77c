//! One entry of a list: what it applies to, and an amount for each meter.

use std::borrow::Cow;

use quipu::price_book::{ModelPattern, PriceOf, PriceRule};
use quipu::{Meter, Result, Text, Timestamp, TokenMeter, did_you_mean};

use super::super::amount::rate_per;
use super::Fault;
use crate::wire::decimal;

/// The fields of an entry besides the meters.
const FIELDS: [&str; 11] =
    ["provider", "model", "model_prefix", "region", "tier", "above", "from", "until", "per", "per_request", "meters"];

/// An entry as TOML and JSON both give it.
pub(super) struct Entry<'a> {
    pub(super) at: usize,
    pub(super) fields: Vec<Field<'a>>,
}

/// A named value and where it stands.
pub(super) struct Field<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) at: usize,
    pub(super) value: Value<'a>,
}

pub(super) enum Value<'a> {
    /// A text or a date.
    Text(Cow<'a, str>),
    /// A number, by its decimal text.
    Number(Cow<'a, str>),
    /// Named values.
    Table(Vec<Field<'a>>),
    /// Anything else, by what it is.
    Other(&'static str),
}

impl<'a> Field<'a> {
    fn fault(&self, problem: impl std::fmt::Display) -> Fault {
        Fault { at: self.at, what: format!("{} {problem}", self.name) }
    }

    fn expected(&self, wanted: &str) -> Fault {
        let found = match &self.value {
            Value::Text(_) => "a text",
            Value::Number(_) => "a number",
            Value::Table(_) => "a table",
            Value::Other(kind) => kind,
        };
        self.fault(format_args!("is {found}; expected {wanted}"))
    }

    fn text(&self) -> Result<&str, Fault> {
        match &self.value {
            Value::Text(text) => Ok(text),
            _ => Err(self.expected("a text in quotes")),
        }
    }

    fn amount(&self, units: u64) -> Result<u64, Fault> {
        match &self.value {
            Value::Text(text) | Value::Number(text) => rate_per(text, units).map_err(|problem| self.fault(problem)),
            _ => Err(self.expected("an amount in USD such as \"2.50\"")),
        }
    }

    fn count(&self) -> Result<u64, Fault> {
        match &self.value {
            Value::Number(text) => decimal::count(text).map_err(|problem| self.fault(problem)),
            _ => Err(self.expected("a whole number of tokens")),
        }
    }

    fn instant(&self) -> Result<Timestamp, Fault> {
        let text = self.text()?;
        let instant = if text.len() == "2024-08-01".len() { format!("{text}T00:00:00Z") } else { text.to_owned() };
        Timestamp::parse_rfc3339(&instant).map_err(|_| {
            self.fault(format_args!(
                "is {text:?}; expected a day such as 2024-08-01 or an instant such as 2024-08-01T12:00:00Z"
            ))
        })
    }

    fn units(&self) -> Result<u64, Fault> {
        match self.text()? {
            "1M" => Ok(1_000_000),
            "1K" => Ok(1_000),
            "unit" => Ok(1),
            other => Err(self.fault(format_args!("is {other:?}; allowed are \"1M\", \"1K\" and \"unit\""))),
        }
    }

    fn named_meter(&self) -> Result<Meter, Fault> {
        Meter::parse(&self.name).map_err(|what| Fault { at: self.at, what })
    }
}

impl Entry<'_> {
    /// The rules of the entry; `from` is the start where it names none.
    pub(super) fn rules(&self, from: Timestamp) -> Result<Vec<PriceRule>, Fault> {
        self.refuse_repeats()?;
        let units = self.get("per").map_or(Ok(1_000_000), Field::units)?;
        let mut prices = Vec::new();
        for field in &self.fields {
            match (field.name.as_ref(), TokenMeter::from_name(&field.name)) {
                ("per_request", _) => prices.push((PriceOf::Request, field.amount(1)?)),
                ("meters", _) => {
                    let Value::Table(meters) = &field.value else {
                        return Err(field.expected("a table such as { web_search = \"10\" }"));
                    };
                    for meter in meters {
                        prices.push((PriceOf::Meter(meter.named_meter()?), meter.amount(units)?));
                    }
                }
                (_, Some(meter)) => prices.push((PriceOf::Meter(meter.into()), field.amount(units)?)),
                (name, None) if FIELDS.contains(&name) => {}
                (name, None) => return Err(unknown(name, field)),
            }
        }
        if prices.is_empty() {
            return Err(Fault { at: self.at, what: "the price names no amount, such as input = \"2.50\"".into() });
        }
        let pattern = PriceRule {
            provider: self.text("provider")?,
            region: self.text("region")?,
            service_tier: self.text("tier")?,
            above: self.get("above").map_or(Ok(0), Field::count)?,
            from: self.get("from").map_or(Ok(from), Field::instant)?,
            until: self.get("until").map(Field::instant).transpose()?,
            ..PriceRule::new(self.model()?, PriceOf::Request, 0)
        };
        Ok(prices.into_iter().map(|(of, rate)| PriceRule { of, rate, ..pattern.clone() }).collect())
    }

    fn get(&self, name: &str) -> Option<&Field<'_>> {
        self.fields.iter().find(|field| field.name == name)
    }

    fn text(&self, name: &str) -> Result<Option<Text>, Fault> {
        Ok(self.get(name).map(Field::text).transpose()?.map(Text::from))
    }

    fn model(&self) -> Result<ModelPattern, Fault> {
        match (self.text("model")?, self.text("model_prefix")?) {
            (Some(_), Some(_)) => {
                Err(Fault { at: self.at, what: "the price has both `model` and `model_prefix`; keep one".into() })
            }
            (Some(model), None) => Ok(ModelPattern::Exact(model)),
            (None, prefix) => Ok(ModelPattern::Prefix(prefix.unwrap_or_default())),
        }
    }

    /// TOML refuses a repeated key itself; JSON does not.
    fn refuse_repeats(&self) -> Result<(), Fault> {
        for (at, field) in self.fields.iter().enumerate() {
            if self.fields[..at].iter().any(|earlier| earlier.name == field.name) {
                return Err(field.fault("is given twice"));
            }
        }
        Ok(())
    }
}

fn unknown(name: &str, field: &Field<'_>) -> Fault {
    let known = FIELDS.into_iter().chain(TokenMeter::ALL.iter().map(|meter| meter.name()));
    let hint = did_you_mean(name, known);
    let what = format!("field `{name}` is unknown; a meter that is not built in stands under `meters`{hint}");
    Fault { at: field.at, what }
}
