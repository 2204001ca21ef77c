//! One call while a source's facts about it come in, the best first: what is set stays.
//!
//! Sources of telemetry must not lose spend over a label, so what does not fit into an event is
//! left out, or shortened where it only describes, and counted as ignored, instead of refusing the call.

use std::borrow::Cow;

use quipu::{Dimension, Event, Number, Text, Timestamp, limits};

use super::alias::{self, Alias};
use super::{Ignored, decimal, vocabulary};

/// Where a fact was found, when it was not in the call's own record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// In the call's own record.
    Body,
    /// In a header of the request that brought it.
    Header,
    /// In a baggage header.
    Baggage,
    /// With the key or token the call was made with.
    Key,
    /// With a span that the call ran in.
    Ancestor,
    /// With the process that made the call.
    Resource,
}

impl Origin {
    /// The word for it in tags.
    pub(crate) fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Body => return None,
            Self::Header => "header",
            Self::Baggage => "baggage",
            Self::Key => "key",
            Self::Ancestor => "ancestor",
            Self::Resource => "resource",
        })
    }
}

/// The tag that keeps where a field was found, for the fields that get lost between hops.
pub(crate) fn origin_tag(field: &str) -> Option<String> {
    const CONTRACT: [&str; 8] =
        ["tenant", "workflow", "team", "request_id", "retry_depth", "model_tier", "job_id", "trace_id"];
    CONTRACT.contains(&field).then(|| format!("from.{field}"))
}

/// An event that is being put together.
pub(super) struct Call<'i> {
    pub(super) event: Event,
    /// Where the facts that follow are found.
    pub(super) origin: Origin,
    pub(super) ignored: &'i mut Ignored,
}

impl<'i> Call<'i> {
    /// A call that `source` speaks of.
    pub(super) fn new(source: &str, ignored: &'i mut Ignored) -> Self {
        let mut call = Self { event: Event::default(), origin: Origin::Body, ignored };
        call.set(Dimension::Source, source);
        call
    }

    /// Carries on with an event that exists.
    pub(super) fn resume(event: Event, ignored: &'i mut Ignored) -> Self {
        Self { event, origin: Origin::Body, ignored }
    }

    /// The same, for facts that were found elsewhere.
    pub(super) fn from(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    pub(super) fn get(&self, dimension: Dimension) -> Option<&str> {
        self.event.get(dimension)
    }

    /// Sets a dimension that is not set yet, in the words of events.
    pub(super) fn set(&mut self, dimension: Dimension, value: &str) {
        if vocabulary::is_nothing(value) || self.get(dimension).is_some() {
            return;
        }
        let value = match dimension {
            Dimension::Provider => vocabulary::provider(value),
            Dimension::StopReason => vocabulary::stop_reason(value),
            Dimension::Operation => vocabulary::operation(value),
            Dimension::ServiceTier => vocabulary::service_tier(value),
            Dimension::ModelTier => vocabulary::lower(value),
            _ => Cow::Borrowed(value),
        };
        let Some(value) = self.fitting(dimension, &value) else { return };
        self.event.dimensions.insert(dimension, value);
        self.note_origin(dimension.name());
    }

    /// Sets a dimension if there is a value.
    pub(super) fn set_some(&mut self, dimension: Dimension, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.set(dimension, value.as_ref());
        }
    }

    /// A text that the engine takes. Whatever tells one thing from another is left out where it is too long, for two
    /// tenants, jobs or models may begin alike; labels for people are cut.
    fn fitting(&mut self, dimension: Dimension, value: &str) -> Option<Text> {
        let value = cleaned(value);
        if value.len() <= dimension.max_bytes() {
            return Some(value.as_ref().into());
        }
        self.ignored.count(dimension.name());
        let describes = matches!(dimension, Dimension::JobName | Dimension::TraceName);
        describes.then(|| cut(&value, dimension.max_bytes()).into())
    }

    /// Keeps where one of the fields that get lost between hops was found.
    fn note_origin(&mut self, field: &str) {
        if let (Some(origin), Some(tag)) = (self.origin.name(), origin_tag(field)) {
            self.tag(&tag, origin);
        }
    }

    /// Sets a number that is not set yet.
    pub(super) fn number(&mut self, number: Number, value: u64) {
        if self.event.number(number).is_some() {
            return;
        }
        if value > number.limit() {
            self.ignored.count(number.name());
            return;
        }
        self.event.numbers.insert(number, value);
        self.note_origin(number.name());
    }

    /// Sets a number if there is a value.
    pub(super) fn number_some(&mut self, number: Number, value: Option<u64>) {
        if let Some(value) = value {
            self.number(number, value);
        }
    }

    /// Sets a flag if it is known.
    pub(super) fn flag(&mut self, number: Number, value: Option<bool>) {
        self.number_some(number, value.map(u64::from));
    }

    /// The cost as the source states it, in USD.
    pub(super) fn cost(&mut self, usd: &str) {
        if vocabulary::is_nothing(usd) || self.event.number(Number::ReportedCost).is_some() {
            return;
        }
        let cost = decimal::usd(usd, quipu::money::PICO_DIGITS);
        if !cost.is_ok_and(|cost| self.event.set_reported_cost(cost).is_ok()) {
            self.ignored.count(Number::ReportedCost.name());
        }
    }

    /// When the call began and, where that makes sense, how long it took.
    pub(super) fn span(&mut self, start: Option<Timestamp>, end: Option<Timestamp>) {
        if self.event.at.is_none() {
            self.event.at = start;
        }
        if let (Some(start), Some(end)) = (start, end)
            && let Ok(micros) = u64::try_from(end.micros().saturating_sub(start.micros()))
        {
            self.number(Number::DurationMs, micros / 1_000);
        }
    }

    /// When the first token came.
    pub(super) fn first_token(&mut self, at: Option<Timestamp>) {
        if let (Some(start), Some(at)) = (self.event.at, at)
            && let Ok(micros) = u64::try_from(at.micros().saturating_sub(start.micros()))
        {
            self.number(Number::TtftMs, micros / 1_000);
        }
    }

    /// Whether it went well, with the HTTP status where that is known.
    pub(super) fn outcome(&mut self, status: &str, code: Option<u64>) {
        self.set(Dimension::Status, status);
        self.number_some(Number::StatusCode, code.filter(|code| (100..=599).contains(code)));
    }

    /// A tag. It must not cost the call its acceptance, so what does not fit is ignored.
    pub(super) fn tag(&mut self, key: &str, value: &str) {
        if vocabulary::is_nothing(value) {
            return;
        }
        let (key, value) = (cleaned(key), cleaned(value));
        let taken = self.event.tags.get(&Text::from(key.as_ref())).is_some();
        let fits = self.event.tags.len() < limits::TAGS && value.len() <= limits::TAG_VALUE_BYTES;
        if key.is_empty() || key.len() > limits::TAG_KEY_BYTES || taken || !fits {
            self.ignored.count(&key);
            return;
        }
        self.event.tags.insert(key.as_ref().into(), value.as_ref().into());
    }

    /// A pair of free metadata: the field that its key stands for, else a tag.
    pub(super) fn attribute(&mut self, key: &str, value: &str) {
        match alias::of(key) {
            Some(Alias::Dimension(dimension)) => match self.get(dimension) {
                Some(stands) if stands != value && !vocabulary::is_nothing(value) => self.ignored.count(key),
                _ => self.set(dimension, value),
            },
            Some(Alias::RetryDepth) => self.retry(key, value, 0),
            Some(Alias::Attempt) => self.retry(key, value, 1),
            None => self.tag(key, value),
        }
    }

    fn retry(&mut self, key: &str, value: &str, first: u64) {
        match decimal::count(value.trim()).ok().and_then(|count| count.checked_sub(first)) {
            Some(depth) => self.number(Number::RetryDepth, depth),
            None if vocabulary::is_nothing(value) => {}
            None => self.ignored.count(key),
        }
    }

    /// A label as gateways write them: `key:value`, or a word by itself.
    pub(super) fn label(&mut self, label: &str) {
        match label.split_once(':') {
            Some((key, value)) => self.attribute(key.trim(), value.trim()),
            None => self.tag(label.trim(), "true"),
        }
    }
}

/// The text without what texts of events must not hold.
pub(super) fn cleaned(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.chars().any(char::is_control) {
        return Cow::Owned(text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect());
    }
    Cow::Borrowed(text)
}

/// The longest start of the text that fits.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// The identity of a call under the name of its source; one that is too long is hashed.
pub(super) fn identity(source: &str, id: &str) -> Text {
    let id = cleaned(id);
    if source.len() + 1 + id.len() <= limits::ID_BYTES {
        return format!("{source}:{id}").into();
    }
    format!("{}#{}", cut(source, limits::ID_BYTES - 65), blake3::hash(format!("{source}:{id}").as_bytes()).to_hex())
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_stands_and_nothing_else_is_lost_in_silence() {
        let mut ignored = Ignored::default();
        let mut call = Call::new("x", &mut ignored);
        for (key, value) in [("team", "a"), ("team_id", "b"), ("team", "None"), ("retry", "1"), ("x-retry-depth", "x")]
        {
            call.attribute(key, value);
        }
        call.label("tenant: acme");
        call.label("beta");
        call.cost("-1");
        assert_eq!((call.get(Dimension::Team), call.get(Dimension::Tenant)), (Some("a"), Some("acme")));
        let tags: Vec<_> = call.event.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(tags, [("beta", "true"), ("retry", "1")]);
        let names: Vec<_> = ignored.fields().map(|(name, _)| name).collect();
        assert_eq!(names, ["reported_cost", "team_id", "x-retry-depth"]);
    }

    #[test]
    fn whatever_comes_in_the_engine_takes_it() {
        let mut ignored = Ignored::default();
        let mut call = Call::new("x", &mut ignored);
        for dimension in Dimension::ALL.iter().filter(|dimension| **dimension != Dimension::Status) {
            call.set(*dimension, &"ä\u{7}".repeat(300));
        }
        for number in 0..50 {
            call.tag(&format!("k{number}"), &"v".repeat(number * 20));
        }
        call.number(Number::StatusCode, 70_000);
        call.event.id = Some(identity(&"s".repeat(200), &"i".repeat(200)));
        let kept: Vec<_> = call.event.dimensions.iter().map(|(dimension, _)| *dimension).collect();
        assert_eq!(kept, [Dimension::JobName, Dimension::TraceName, Dimension::Source], "names are not cut");
        call.event.normalise(Timestamp::from_seconds(1_900_000_000)).expect("an event within the limits");
    }

    #[test]
    fn where_a_contract_field_came_from_is_kept() {
        let mut ignored = Ignored::default();
        let mut call = Call::new("x", &mut ignored).from(Origin::Header);
        call.attribute("x-tenant-id", "acme");
        call.attribute("x-retry-depth", "2");
        call.attribute("environment", "prod");
        let tags: Vec<_> = call.event.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(tags, [("from.retry_depth", "header"), ("from.tenant", "header")]);
    }
}
