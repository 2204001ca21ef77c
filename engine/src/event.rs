//! The event: one call to a model or a tool, or a stretch of human effort.

use std::fmt;

use crate::error::{Error, Result};
use crate::limits;
use crate::money::PicoUsd;
use crate::schema::{Dimension, Meter, Number, Text, TokenMeter, context_band};
use crate::time::Timestamp;

/// One usage event, as its source reported it.
///
/// Absent is not zero and not empty: a dimension, number or meter that was never set
/// stays absent on disk and shows as `unattributed` or null.
///
/// ```
/// use quipu_engine::{Dimension, Event, Timestamp, TokenMeter};
/// let event = Event::new("call-1", Timestamp::from_seconds(1_767_225_600))
///     .with(Dimension::Tenant, "acme")
///     .with(Dimension::Model, "gpt-4o")
///     .used(TokenMeter::Input, 220)
///     .used(TokenMeter::Output, 60);
/// assert_eq!(event.get(Dimension::Tenant), Some("acme"));
/// assert_eq!(event.total_tokens(), 280);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The caller's identity of the event; the key of deduplication within its workspace.
    pub id: Option<Text>,
    /// When the call started.
    pub at: Option<Timestamp>,
    /// Text properties, at most one per dimension, in the order of [`Dimension::ALL`].
    pub dimensions: Sparse<Dimension, Text>,
    /// Numeric properties.
    pub numbers: Sparse<Number, u64>,
    /// Metered quantities.
    pub usage: Sparse<Meter, u64>,
    /// Free key–value pairs.
    pub tags: Sparse<Text, Text>,
}

/// A small sorted map; most keys of an event are absent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sparse<K, V>(Vec<(K, V)>);

impl<K, V> Default for Sparse<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> Sparse<K, V> {
    /// The value under `key`.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.0.binary_search_by(|(k, _)| k.borrow().cmp(key)).ok().map(|at| &self.0[at].1)
    }

    /// Sets the value under `key` and returns the one it replaces.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        // Sources mostly set keys in order, so the end is tried first.
        if self.0.last().is_none_or(|(last, _)| *last < key) {
            self.0.push((key, value));
            return None;
        }
        match self.0.binary_search_by(|(k, _)| k.cmp(&key)) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    /// Removes the value under `key`.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.0.binary_search_by(|(k, _)| k.cmp(key)).ok()?;
        Some(self.0.remove(at).1)
    }

    /// The entries in key order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// How many keys are set.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no key is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the entries take by themselves, in bytes.
    fn bytes(&self) -> usize {
        self.0.len() * size_of::<(K, V)>()
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Sparse<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

impl Event {
    /// An event with its caller's id and start.
    pub fn new(id: impl Into<Text>, at: Timestamp) -> Self {
        Self { id: Some(id.into()), at: Some(at), ..Self::default() }
    }

    /// Sets a dimension.
    #[must_use]
    pub fn with(mut self, dimension: Dimension, value: impl Into<Text>) -> Self {
        self.dimensions.insert(dimension, value.into());
        self
    }

    /// Sets a number.
    #[must_use]
    pub fn with_number(mut self, number: Number, value: u64) -> Self {
        self.numbers.insert(number, value);
        self
    }

    /// Sets a metered quantity.
    #[must_use]
    pub fn used(mut self, meter: impl Into<Meter>, quantity: u64) -> Self {
        self.usage.insert(meter.into(), quantity);
        self
    }

    /// Sets a tag.
    #[must_use]
    pub fn tagged(mut self, key: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    /// Sets the cost the caller reports; it must lie within 0 and one million USD.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when it does not.
    pub fn set_reported_cost(&mut self, cost: PicoUsd) -> Result<()> {
        let pico = u64::try_from(cost.pico())
            .ok()
            .filter(|pico| *pico <= limits::REPORTED_COST_MAX_PICO)
            .ok_or_else(|| Error::invalid(format!("reported_cost is {cost} USD; allowed are 0 to 1000000")))?;
        self.numbers.insert(Number::ReportedCost, pico);
        Ok(())
    }

    /// The value of a dimension.
    pub fn get(&self, dimension: Dimension) -> Option<&str> {
        self.dimensions.get(&dimension).map(Text::as_str)
    }

    /// The value of a number.
    pub fn number(&self, number: Number) -> Option<u64> {
        self.numbers.get(&number).copied()
    }

    /// The quantity on a meter, 0 when absent.
    pub fn quantity(&self, meter: TokenMeter) -> u64 {
        self.usage.get(&Meter::Token(meter)).copied().unwrap_or(0)
    }

    /// The cost the caller reported.
    pub fn reported_cost(&self) -> Option<PicoUsd> {
        self.number(Number::ReportedCost).map(|pico| PicoUsd::from_pico(i128::from(pico)))
    }

    /// All tokens of the prompt: uncached, cached, written to caches, audio and image.
    pub fn input_tokens(&self) -> u64 {
        self.tokens(TokenMeter::is_input)
    }

    /// All tokens, prompt and answer.
    pub fn total_tokens(&self) -> u64 {
        self.tokens(|_| true)
    }

    fn tokens(&self, wanted: impl Fn(TokenMeter) -> bool) -> u64 {
        let quantity = |(meter, quantity): (&Meter, &u64)| match meter {
            Meter::Token(token) if wanted(*token) => *quantity,
            _ => 0,
        };
        self.usage.iter().map(quantity).sum()
    }

    /// The context band of the prompt, part of the price class.
    pub fn context_band(&self) -> u8 {
        context_band(self.input_tokens())
    }

    /// The memory that the event takes, in bytes, but for what its allocations round up to.
    pub(crate) fn memory_bytes(&self) -> usize {
        let own = |texts: &mut dyn Iterator<Item = &Text>| -> usize {
            texts.filter(|text| text.is_heap_allocated()).map(|text| text.len()).sum()
        };
        let texts = own(&mut self.id.iter().chain(self.dimensions.iter().map(|(_, value)| value)))
            + own(&mut self.tags.iter().flat_map(|(key, value)| [key, value]));
        size_of::<Self>()
            + self.dimensions.bytes()
            + self.numbers.bytes()
            + self.usage.bytes()
            + self.tags.bytes()
            + texts
    }

    /// Brings the event into its stored form — lower-cased job type, no empty texts — and
    /// checks every limit; `now` is the clock's time.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming the field, what was found and what is allowed.
    pub fn normalise(&mut self, now: Timestamp) -> Result<()> {
        self.normalise_texts()?;
        self.check_time(now)?;
        for (number, value) in self.numbers.iter() {
            if *value > number.limit() {
                return Err(Error::invalid(format!("{number} is {value}; the largest allowed is {}", number.limit())));
            }
        }
        self.check_usage()
    }

    fn normalise_texts(&mut self) -> Result<()> {
        if let Some(id) = &self.id {
            if id.is_empty() {
                return Err(Error::invalid("id is empty; leave it out to have one derived"));
            }
            check_text("id", id, limits::ID_BYTES)?;
        }
        self.dimensions.0.retain(|(_, value)| !value.is_empty());
        for (dimension, value) in &mut self.dimensions.0 {
            check_text(dimension.name(), value, dimension.max_bytes())?;
            if dimension.is_lower_cased() && value.chars().any(char::is_uppercase) {
                *value = value.to_lowercase();
            }
        }
        if let Some(status) = self.get(Dimension::Status)
            && !["ok", "error", "cancelled"].contains(&status)
        {
            return Err(Error::invalid(format!(
                "status is {status:?}; allowed are \"ok\", \"error\" and \"cancelled\""
            )));
        }
        if self.tags.len() > limits::TAGS {
            return Err(Error::invalid(format!("{} tags; the most allowed is {}", self.tags.len(), limits::TAGS)));
        }
        for (key, value) in self.tags.iter() {
            if key.is_empty() {
                return Err(Error::invalid("a tag has an empty key"));
            }
            check_text("tag key", key, limits::TAG_KEY_BYTES)?;
            check_text(format_args!("tag {key:?}"), value, limits::TAG_VALUE_BYTES)?;
        }
        Ok(())
    }

    fn check_time(&self, now: Timestamp) -> Result<()> {
        let Some(at) = self.at else { return Ok(()) };
        if at.micros() < limits::EARLIEST_MICROS {
            let earliest = Timestamp::from_micros(limits::EARLIEST_MICROS);
            return Err(Error::invalid(format!("at is {at}; the earliest allowed is {earliest} (is the unit right?)")));
        }
        if at.micros() > now.micros().saturating_add(limits::FUTURE_MICROS) {
            return Err(Error::invalid(format!("at is {at}, more than 24 hours ahead of the clock, which says {now}")));
        }
        Ok(())
    }

    fn check_usage(&self) -> Result<()> {
        let mut named = 0;
        for (meter, quantity) in self.usage.iter() {
            if *quantity > limits::METER_MAX {
                return Err(Error::invalid(format!(
                    "usage.{meter} is {quantity}; the largest allowed is {}",
                    limits::METER_MAX
                )));
            }
            named += usize::from(matches!(meter, Meter::Named(_)));
        }
        if named > limits::NAMED_METERS {
            return Err(Error::invalid(format!("{named} named meters; the most allowed is {}", limits::NAMED_METERS)));
        }
        Ok(())
    }
}

/// Refuses texts that are too long or hold control characters, saying which and where.
pub(crate) fn check_text(field: impl fmt::Display, text: &str, max_bytes: usize) -> Result<()> {
    if text.len() > max_bytes {
        return Err(Error::invalid(format!("{field} has {} bytes; the longest allowed is {max_bytes}", text.len())));
    }
    // Looked at to the end, whatever comes first, so that many bytes are compared at once.
    if text.bytes().fold(true, |plain, byte| plain & (byte.is_ascii_graphic() | (byte == b' '))) {
        return Ok(());
    }
    if let Some((at, control)) = text.char_indices().find(|(_, c)| c.is_control()) {
        return Err(Error::invalid(format!("{field} has the control character {control:?} at byte {at}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_780_000_000);

    fn refused(event: Event) -> String {
        event.clone().normalise(NOW).map_err(|error| error.to_string()).expect_err("must be refused")
    }

    #[test]
    fn every_limit_names_its_field() {
        let event = || Event::new("e", NOW);
        assert!(refused(event().with(Dimension::JobId, "j".repeat(257))).contains("job_id has 257 bytes"));
        assert!(refused(event().with(Dimension::Team, "a\u{7}b")).contains("team has the control character"));
        assert!(refused(event().used(TokenMeter::Input, limits::METER_MAX + 1)).contains("usage.input"));
        assert!(refused(event().with_number(Number::StatusCode, 1000)).contains("status_code is 1000"));
        assert!(refused(event().with(Dimension::Status, "fine")).contains("status is \"fine\""));
        assert!(refused(Event::new("", NOW)).contains("id is empty"));
        assert!(refused(Event::new("e", Timestamp::from_seconds(1))).contains("earliest allowed"));
        assert!(refused(Event::new("e", Timestamp::from_seconds(1_780_100_000))).contains("ahead of the clock"));
        let crowded = (0..33).fold(event(), |e, i| e.tagged(format!("k{i}"), "v"));
        assert!(refused(crowded).contains("33 tags"));
    }

    #[test]
    fn job_types_are_lower_cased_and_empty_texts_are_absent() {
        let mut event = Event::new("e", NOW).with(Dimension::JobType, "Support").with(Dimension::Team, "");
        event.normalise(NOW).expect("valid");
        assert_eq!(event.get(Dimension::JobType), Some("support"));
        assert_eq!(event.get(Dimension::Team), None);
    }
}
