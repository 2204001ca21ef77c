//! One entry of a list: what it applies to, and an amount for each meter.

use std::borrow::Cow;

use quipu::price_book::{Alias, Hours, ModelPattern, PriceOf, PriceRule, Rate};
use quipu::{Meter, Result, Text, Timestamp, TokenMeter, did_you_mean};

use super::super::amount::{rate_per, share};
use super::Fault;
use crate::wire::decimal;

/// The fields of an entry besides the meters.
const FIELDS: [&str; 16] = [
    "workspace",
    "tenant",
    "provider",
    "model",
    "model_prefix",
    "model_contains",
    "region",
    "tier",
    "above",
    "hours",
    "from",
    "until",
    "per",
    "per_request",
    "everything",
    "meters",
];

/// The fields of an alias.
const ALIAS_FIELDS: [&str; 4] = ["name", "provider", "model", "of_provider"];

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

    /// An amount in USD, or a share of the list such as `85%`.
    fn rate(&self, units: u64) -> Result<Rate, Fault> {
        let rate = match &self.value {
            Value::Text(text) if text.ends_with('%') => share(text).map(Rate::OfList),
            Value::Text(text) | Value::Number(text) => rate_per(text, units).map(Rate::Pico),
            _ => return Err(self.expected("an amount in USD such as \"2.50\"")),
        };
        rate.map_err(|problem| self.fault(problem))
    }

    fn hours(&self) -> Result<Hours, Fault> {
        Hours::parse(self.text()?).map_err(|error| self.fault(format_args!("is {error}")))
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
                ("per_request", _) => prices.push((PriceOf::Request, field.rate(1)?)),
                ("everything", _) => prices.push((PriceOf::Everything, field.rate(1)?)),
                ("meters", _) => {
                    let Value::Table(meters) = &field.value else {
                        return Err(field.expected("a table such as { web_search = \"10\" }"));
                    };
                    for meter in meters {
                        prices.push((PriceOf::Meter(meter.named_meter()?), meter.rate(units)?));
                    }
                }
                (_, Some(meter)) => prices.push((PriceOf::Meter(meter.into()), field.rate(units)?)),
                (name, None) if FIELDS.contains(&name) => {}
                (name, None) => return Err(unknown(name, field)),
            }
        }
        if prices.is_empty() {
            return Err(Fault { at: self.at, what: "the price names no amount, such as input = \"2.50\"".into() });
        }
        let pattern = PriceRule {
            workspace: self.text("workspace")?,
            tenant: self.text("tenant")?,
            provider: self.text("provider")?,
            region: self.text("region")?,
            service_tier: self.text("tier")?,
            above: self.get("above").map_or(Ok(0), Field::count)?,
            hours: self.get("hours").map(Field::hours).transpose()?,
            from: self.get("from").map_or(Ok(from), Field::instant)?,
            until: self.get("until").map(Field::instant).transpose()?,
            ..PriceRule::new(self.model()?, PriceOf::Request, 0)
        };
        Ok(prices.into_iter().map(|(of, rate)| PriceRule { of, rate, ..pattern.clone() }).collect())
    }

    /// The entry as another name of a model.
    pub(super) fn alias(&self) -> Result<Alias, Fault> {
        self.refuse_repeats()?;
        if let Some(field) = self.fields.iter().find(|field| !ALIAS_FIELDS.contains(&field.name.as_ref())) {
            let hint = did_you_mean(&field.name, ALIAS_FIELDS);
            return Err(Fault { at: field.at, what: format!("field `{}` of an alias is unknown{hint}", field.name) });
        }
        let needed = |name: &str| {
            let missing = || Fault { at: self.at, what: format!("the alias has no `{name}`") };
            self.text(name)?.ok_or_else(missing)
        };
        Ok(Alias {
            name: needed("name")?,
            model: needed("model")?,
            provider: self.text("provider")?,
            of_provider: self.text("of_provider")?,
        })
    }

    fn get(&self, name: &str) -> Option<&Field<'_>> {
        self.fields.iter().find(|field| field.name == name)
    }

    fn text(&self, name: &str) -> Result<Option<Text>, Fault> {
        Ok(self.get(name).map(Field::text).transpose()?.map(Text::from))
    }

    fn model(&self) -> Result<ModelPattern, Fault> {
        let [model, prefix, part] = [self.text("model")?, self.text("model_prefix")?, self.text("model_contains")?];
        match (model, prefix, part) {
            (Some(model), None, None) => Ok(ModelPattern::Exact(model)),
            (None, prefix, None) => Ok(ModelPattern::Prefix(prefix.unwrap_or_default())),
            (None, None, Some(part)) => Ok(ModelPattern::Contains(part)),
            (_, prefix, _) => {
                let other = if prefix.is_some() { "model_prefix" } else { "model_contains" };
                let what = match self.get("model") {
                    Some(_) => format!("the price has both `model` and `{other}`; keep one"),
                    None => "the price has both `model_prefix` and `model_contains`; keep one".into(),
                };
                Err(Fault { at: self.at, what })
            }
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
