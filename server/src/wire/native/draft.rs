//! One event while its fields come in, in any order.

use std::borrow::Cow;

use quipu::{Dimension, Event, Meter, Number, Text, Timestamp, limits};

use super::super::decimal;
use super::super::json::{self, Kind, Members};
use super::super::{FieldError, Ignored};
use super::fields::{self, Field, Meant};
use super::revenium::{self, Counts};

type Outcome<T = ()> = Result<T, FieldError>;

#[derive(Default)]
pub(super) struct Draft<'a> {
    event: Event,
    /// Dimensions that came under another name than their own: a better name may still follow.
    aliases: Vec<(Dimension, Cow<'a, str>)>,
    counts: Option<Counts>,
    total_tokens: Option<u64>,
    response_time: Option<Timestamp>,
    billing_skipped: bool,
    /// Scalars that no field is known for.
    spare: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Draft<'a> {
    /// Takes one top-level member. Null is the same as absent.
    pub(super) fn set(&mut self, name: Cow<'a, str>, raw: &'a str, ignored: &mut Ignored) -> Outcome {
        if Kind::of(raw) == Kind::Null {
            return Ok(());
        }
        let repeated = match fields::resolve(&name) {
            Some(Field::Id) => {
                let id = Text::from(json::text(&name, raw)?);
                if name == "transactionId" {
                    // There it is the provider's id of the response too.
                    self.event.dimensions.insert(Dimension::RequestId, id.clone());
                }
                self.event.id.replace(id).is_some()
            }
            Some(Field::At) => self.event.at.replace(time(&name, raw)?).is_some(),
            Some(Field::Dimension(dimension)) => return self.dimension(dimension, name, raw, ignored),
            Some(Field::Number(number)) => self.number(number, &name, raw)?,
            Some(Field::Usage) => return self.usage(&name, raw),
            Some(Field::Tags) => return self.tags(&name, raw, ignored),
            Some(Field::TotalTokens) => self.total_tokens.replace(count(&name, raw)?).is_some(),
            Some(Field::Count(which)) => {
                let count = count_or_text(&name, raw)?;
                self.counts.get_or_insert_default().set(which, count).is_some()
            }
            Some(Field::ResponseTime) => self.response_time.replace(time(&name, raw)?).is_some(),
            Some(Field::BillingSkipped) => std::mem::replace(&mut self.billing_skipped, json::boolean(&name, raw)?),
            Some(Field::Worded(dimension)) => {
                let word = revenium::word(dimension, &json::text(&name, raw)?);
                self.event.dimensions.insert(dimension, word).is_some()
            }
            Some(Field::ErrorCode) if Kind::of(raw) == Kind::Number => {
                self.put(Dimension::Status, Cow::Borrowed("errorCode"), "error")?;
                self.number(Number::StatusCode, &name, raw)?
            }
            Some(Field::Never) => {
                ignored.count(&name);
                false
            }
            Some(Field::ErrorCode) | None => {
                match json::scalar(&name, raw)? {
                    Some(value) => self.spare.push((name, value)),
                    None => ignored.count(&name),
                }
                return Ok(());
            }
        };
        if repeated { Err(twice(&name)) } else { Ok(()) }
    }

    fn dimension(&mut self, dimension: Dimension, name: Cow<'a, str>, raw: &'a str, ignored: &mut Ignored) -> Outcome {
        if Kind::of(raw) == Kind::Object {
            return match dimension {
                Dimension::SubscriberId => self.subscriber(&name, raw, ignored),
                Dimension::Credential => self.credential(&name, raw, ignored),
                _ => Err(FieldError::field(&name, "is an object; expected a text")),
            };
        }
        let value = json::text(&name, raw)?;
        self.put(dimension, name, &value)
    }

    /// Sets a dimension; when two names mean the same one, the loser's value becomes a tag under its name.
    fn put(&mut self, dimension: Dimension, name: Cow<'a, str>, value: &str) -> Outcome {
        let own = name == dimension.name();
        let Some(former) = self.event.dimensions.insert(dimension, value.into()) else {
            if !own {
                self.aliases.push((dimension, name));
            }
            return Ok(());
        };
        let alias = self.aliases.iter_mut().find(|(of, _)| *of == dimension);
        let former_name = alias.as_ref().map_or(dimension.name(), |(_, former)| former.as_ref());
        if former_name == name {
            return Err(twice(&name));
        }
        if former == value {
            return Ok(());
        }
        if fields::rank(&name, dimension) < fields::rank(former_name, dimension) {
            let loser = match alias {
                Some((_, alias)) => std::mem::replace(alias, name),
                None => name,
            };
            self.spare.push((loser, Cow::Owned(former.into())));
        } else {
            self.event.dimensions.insert(dimension, former);
            self.spare.push((name, Cow::Owned(value.to_owned())));
        }
        Ok(())
    }

    fn subscriber(&mut self, name: &str, raw: &'a str, ignored: &mut Ignored) -> Outcome {
        for (key, raw) in members(name, raw)? {
            let path = format!("{name}.{key}");
            let dimension = match (key.as_ref(), Kind::of(raw)) {
                (_, Kind::Null) => continue,
                ("credential", Kind::Object) => {
                    self.credential(&path, raw, ignored)?;
                    continue;
                }
                ("id", _) => Dimension::SubscriberId,
                ("email", _) => Dimension::SubscriberEmail,
                ("credential", _) => Dimension::Credential,
                _ => {
                    ignored.count(&path);
                    continue;
                }
            };
            let value = json::text(&path, raw)?;
            self.put(dimension, Cow::Owned(path), &value)?;
        }
        Ok(())
    }

    /// Keeps the name of a credential. Its value may be a secret, so it is never looked at.
    fn credential(&mut self, name: &str, raw: &'a str, ignored: &mut Ignored) -> Outcome {
        for (key, raw) in members(name, raw)? {
            let path = format!("{name}.{key}");
            if key == "name" && Kind::of(raw) != Kind::Null {
                let value = json::text(&path, raw)?;
                self.put(Dimension::Credential, Cow::Owned(path), &value)?;
            } else if Kind::of(raw) != Kind::Null {
                ignored.count(&path);
            }
        }
        Ok(())
    }

    fn number(&mut self, number: Number, name: &str, raw: &str) -> Outcome<bool> {
        let value = match number {
            Number::ReportedCost => return self.reported_cost(name, raw),
            _ if number.limit() == 1 => u64::from(json::boolean(name, raw)?),
            _ => count(name, raw)?,
        };
        Ok(self.event.numbers.insert(number, value).is_some())
    }

    fn reported_cost(&mut self, name: &str, raw: &str) -> Outcome<bool> {
        let repeated = self.event.number(Number::ReportedCost).is_some();
        let text = match Kind::of(raw) {
            Kind::Text => json::text(name, raw)?,
            _ => Cow::Borrowed(json::number(name, raw)?),
        };
        let cost =
            decimal::usd(&text, quipu::money::PICO_DIGITS).map_err(|problem| FieldError::field(name, problem))?;
        self.event
            .set_reported_cost(cost)
            .map_err(|error| FieldError { field: Some(name.to_owned()), message: error.to_string() })?;
        Ok(repeated)
    }

    fn usage(&mut self, name: &str, raw: &str) -> Outcome {
        for (key, raw) in members(name, raw)? {
            if Kind::of(raw) == Kind::Null {
                continue;
            }
            let path = format!("{name}.{key}");
            if let Some(problem) = fields::overlapping_meter(&key) {
                return Err(FieldError::field(&path, problem));
            }
            let meter = Meter::parse(&key).map_err(|message| FieldError { field: Some(path.clone()), message })?;
            if self.event.usage.insert(meter, count(&path, raw)?).is_some() {
                return Err(twice(&path));
            }
        }
        Ok(())
    }

    fn tags(&mut self, name: &str, raw: &str, ignored: &mut Ignored) -> Outcome {
        for (key, raw) in members(name, raw)? {
            let path = format!("{name}.{key}");
            match json::scalar(&path, raw)? {
                Some(value) if self.event.tags.insert(key.as_ref().into(), value.as_ref().into()).is_some() => {
                    return Err(twice(&path));
                }
                None if Kind::of(raw) != Kind::Null => ignored.count(&path),
                _ => {}
            }
        }
        Ok(())
    }

    /// The event, once every member is in.
    pub(super) fn finish(mut self, ignored: &mut Ignored) -> Outcome<Event> {
        for (name, value) in std::mem::take(&mut self.spare) {
            if let Some(meant) = fields::mistaken_for(&name).filter(|meant| !self.has(*meant)) {
                return Err(FieldError::field(
                    &name,
                    format_args!(
                        "is no field of an event; did you mean {meant}? What is meant as a tag goes under \"tags\""
                    ),
                ));
            }
            self.spare_tag(&name, &value, ignored);
        }
        if let Some(counts) = self.counts {
            counts.apply(&mut self.event)?;
            if let Some(provider) = self.event.dimensions.remove(&Dimension::Provider) {
                self.event.dimensions.insert(Dimension::Provider, provider.to_lowercase());
            }
        }
        if self.billing_skipped {
            self.event.numbers.insert(Number::ReportedCost, 0);
        }
        if let (Some(start), Some(end), None) =
            (self.event.at, self.response_time, self.event.number(Number::DurationMs))
            && let Ok(micros) = u64::try_from(end.micros().saturating_sub(start.micros()))
        {
            self.event.numbers.insert(Number::DurationMs, micros / 1_000);
        }
        if self.total_tokens.is_some() && self.total_tokens != meter_sum(&self.event) {
            self.event.numbers.insert(Number::UsageMismatch, 1);
        }
        Ok(self.event)
    }

    fn has(&self, meant: Meant) -> bool {
        match meant {
            Meant::At => self.event.at.is_some(),
            Meant::Usage(_) => !self.event.usage.is_empty() || self.counts.is_some(),
            Meant::ReportedCost => self.event.reported_cost().is_some(),
        }
    }

    /// Makes a tag of an unknown scalar. It must not cost the event its acceptance, so what does not fit is ignored.
    fn spare_tag(&mut self, name: &str, value: &str, ignored: &mut Ignored) {
        let fits = |text: &str, limit| !text.is_empty() && text.len() <= limit && !text.chars().any(char::is_control);
        let key = Text::from(name);
        if self.event.tags.len() >= limits::TAGS
            || self.event.tags.get(&key).is_some()
            || !fits(name, limits::TAG_KEY_BYTES)
            || !fits(value, limits::TAG_VALUE_BYTES)
        {
            ignored.count(name);
        } else {
            self.event.tags.insert(key, value.into());
        }
    }
}

fn members<'a>(name: &str, raw: &'a str) -> Outcome<Vec<(Cow<'a, str>, &'a str)>> {
    match Kind::of(raw) {
        Kind::Object => Members::parse(raw).map(|members| members.0),
        kind => Err(FieldError::field(name, format_args!("is {kind}; expected an object `{{…}}`"))),
    }
}

fn twice(name: &str) -> FieldError {
    FieldError::field(name, "is given twice")
}

fn count(name: &str, raw: &str) -> Outcome<u64> {
    decimal::count(json::number(name, raw)?).map_err(|problem| FieldError::field(name, problem))
}

/// Revenium's interface takes numbers in quotes for numbers.
fn count_or_text(name: &str, raw: &str) -> Outcome<u64> {
    match Kind::of(raw) {
        Kind::Text => decimal::count(&json::text(name, raw)?).map_err(|problem| FieldError::field(name, problem)),
        _ => count(name, raw),
    }
}

/// RFC 3339 text, or whole microseconds since 1970.
pub(in crate::wire) fn time(name: &str, raw: &str) -> Outcome<Timestamp> {
    if Kind::of(raw) == Kind::Number {
        let micros = raw.parse().map_err(|_| {
            FieldError::field(name, format_args!("is {raw}; expected RFC 3339 text or whole microseconds since 1970"))
        })?;
        return Ok(Timestamp::from_micros(micros));
    }
    let text = json::text(name, raw)?;
    Timestamp::parse_rfc3339(&text).map_err(|problem| {
        let found = crate::wire::excerpt(&text);
        FieldError::field(name, format_args!("is {found}; expected a time such as 2026-01-31T08:00:00Z: {problem}"))
    })
}

/// The sum of all token meters, `None` when it exceeds 2⁶⁴.
pub(super) fn meter_sum(event: &Event) -> Option<u64> {
    let tokens = event.usage.iter().filter(|(meter, _)| matches!(meter, Meter::Token(_)));
    tokens.map(|(_, quantity)| *quantity).try_fold(0_u64, u64::checked_add)
}
