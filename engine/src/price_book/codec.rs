//! The price book as bytes. The container around it carries the checksum.
//!
//! ```text
//! layout     u8       1
//! version    uvarint  the number of the book
//! known_at   ivarint  microseconds since 1970
//! source     text     uvarint length, then UTF-8
//! texts      uvarint count, then texts: every distinct text of the rules, sorted
//! rules      uvarint count, then rules in the order of the book, each:
//!   flags    u8       bit 0 model is a prefix, 1 price per request, 2 has an end
//!   model    uvarint  a text, from 0
//!   provider, region, service_tier   uvarint  0 absent, else a text, from 1
//!   above    uvarint  input tokens
//!   meter    uvarint  a text, from 0; only without bit 1
//!   rate     uvarint  pico-USD
//!   from     ivarint  microseconds since 1970
//!   until    ivarint  the same; only with bit 2
//! ```

use super::{ModelPattern, PriceBook, PriceOf, PriceRule};
use crate::codec::bytes::{DecodeError, Reader, put_bytes, put_i64, put_len, put_u64};
use crate::error::{Error, ErrorKind, Result};
use crate::limits;
use crate::schema::{Meter, Text};
use crate::time::Timestamp;

const LAYOUT: u8 = 1;
const PREFIX: u8 = 1;
const REQUEST: u8 = 2;
const ENDS: u8 = 4;
/// The fewest bytes a rule can take.
const RULE_BYTES: usize = 8;

impl PriceBook {
    /// The book as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut texts: Vec<&str> = self.rules.iter().flat_map(texts_of).collect();
        texts.sort_unstable();
        texts.dedup();
        let mut out = vec![LAYOUT];
        put_u64(&mut out, u64::from(self.version));
        put_i64(&mut out, self.known_at.micros());
        put_bytes(&mut out, self.source.as_bytes());
        put_len(&mut out, texts.len());
        for text in &texts {
            put_bytes(&mut out, text.as_bytes());
        }
        put_len(&mut out, self.rules.len());
        for rule in &self.rules {
            put_rule(&mut out, rule, &texts);
        }
        out
    }

    /// The book of those bytes, which come from `file`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where, or [`ErrorKind::Unsupported`] for a layout of a newer Quipu.
    pub fn decode(file: &str, bytes: &[u8]) -> Result<Self> {
        if let Some(layout) = bytes.first().filter(|layout| **layout > LAYOUT) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("{file}: price book of layout {layout}; this build reads up to {LAYOUT}"),
            ));
        }
        let mut reader = Reader::new(bytes);
        let read = read_book(&mut reader)
            .map_err(|error| Error::corrupt(file, error.offset as u64, format!("price book: {}", error.what)))?;
        let book = Self::new(read.source, read.rules)
            .map_err(|error| error.with_kind(ErrorKind::Corrupt).context(format!("{file}: damaged price book")))?;
        Ok(Self { version: read.version, known_at: read.known_at, ..book })
    }
}

fn texts_of(rule: &PriceRule) -> impl Iterator<Item = &str> {
    let meter = match &rule.of {
        PriceOf::Meter(meter) => Some(meter.name()),
        PriceOf::Request => None,
    };
    let optional = [rule.provider.as_deref(), rule.region.as_deref(), rule.service_tier.as_deref(), meter];
    optional.into_iter().flatten().chain([rule.model.text()])
}

fn put_rule(out: &mut Vec<u8>, rule: &PriceRule, texts: &[&str]) {
    let index = |text: &str| texts.partition_point(|known| *known < text);
    let flags = [
        (matches!(rule.model, ModelPattern::Prefix(_)), PREFIX),
        (rule.of == PriceOf::Request, REQUEST),
        (rule.until.is_some(), ENDS),
    ];
    out.push(flags.iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum());
    put_len(out, index(rule.model.text()));
    for text in [&rule.provider, &rule.region, &rule.service_tier] {
        put_len(out, text.as_ref().map_or(0, |text| index(text) + 1));
    }
    put_u64(out, rule.above);
    if let PriceOf::Meter(meter) = &rule.of {
        put_len(out, index(meter.name()));
    }
    put_u64(out, rule.rate);
    put_i64(out, rule.from.micros());
    if let Some(until) = rule.until {
        put_i64(out, until.micros());
    }
}

struct Read {
    version: u32,
    known_at: Timestamp,
    source: String,
    rules: Vec<PriceRule>,
}

fn read_book(reader: &mut Reader<'_>) -> Result<Read, DecodeError> {
    let layout = reader.u8()?;
    if layout != LAYOUT {
        return Err(reader.error(format!("layout {LAYOUT} expected, {layout} found")));
    }
    let version = reader.u32()?;
    let known_at = Timestamp::from_micros(reader.i64()?);
    let source = reader.text()?.to_owned();
    let texts = (0..reader.count(1)?).map(|_| read_text(reader)).collect::<Result<Vec<Text>, _>>()?;
    let count = reader.count(RULE_BYTES)?;
    if count > limits::PRICE_RULES {
        return Err(reader.error(format!("at most {} rules expected, {count} found", limits::PRICE_RULES)));
    }
    let rules = (0..count).map(|_| read_rule(reader, &texts)).collect::<Result<Vec<_>, _>>()?;
    reader.finish()?;
    Ok(Read { version, known_at, source, rules })
}

/// A text of a rule. Its length is limited here, since many rules may each copy one text.
fn read_text(reader: &mut Reader<'_>) -> Result<Text, DecodeError> {
    let text = reader.text()?;
    if text.len() > limits::DIMENSION_BYTES {
        return Err(reader.error(format!("a text of at most {} bytes expected", limits::DIMENSION_BYTES)));
    }
    Ok(text.into())
}

fn read_rule(reader: &mut Reader<'_>, texts: &[Text]) -> Result<PriceRule, DecodeError> {
    let flags = reader.u8()?;
    if flags & !(PREFIX | REQUEST | ENDS) != 0 {
        return Err(reader.error(format!("flags of a rule expected, {flags:#04x} found")));
    }
    let model = indexed(reader, texts)?;
    let [provider, region, service_tier] =
        [optional(reader, texts)?, optional(reader, texts)?, optional(reader, texts)?];
    let above = reader.u64()?;
    let of = if flags & REQUEST == 0 {
        let name = indexed(reader, texts)?;
        PriceOf::Meter(Meter::parse(&name).map_err(|what| reader.error(what))?)
    } else {
        PriceOf::Request
    };
    let rate = reader.u64()?;
    let from = Timestamp::from_micros(reader.i64()?);
    let until = if flags & ENDS == 0 { None } else { Some(Timestamp::from_micros(reader.i64()?)) };
    let model = if flags & PREFIX == 0 { ModelPattern::Exact(model) } else { ModelPattern::Prefix(model) };
    Ok(PriceRule { provider, model, region, service_tier, above, of, rate, from, until })
}

fn indexed(reader: &mut Reader<'_>, texts: &[Text]) -> Result<Text, DecodeError> {
    let index = reader.u64()?;
    text_at(reader, texts, index)
}

fn optional(reader: &mut Reader<'_>, texts: &[Text]) -> Result<Option<Text>, DecodeError> {
    match reader.u64()?.checked_sub(1) {
        Some(index) => text_at(reader, texts, index).map(Some),
        None => Ok(None),
    }
}

fn text_at(reader: &Reader<'_>, texts: &[Text], index: u64) -> Result<Text, DecodeError> {
    let text = usize::try_from(index).ok().and_then(|index| texts.get(index));
    text.cloned().ok_or_else(|| reader.error(format!("one of {} texts expected, number {index} found", texts.len())))
}
