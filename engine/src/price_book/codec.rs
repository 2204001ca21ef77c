//! The price book as bytes. The container around it carries the checksum.
//!
//! ```text
//! layout     u8       2
//! version    uvarint  the number of the book
//! known_at   ivarint  microseconds since 1970
//! source, added_by, note   text   uvarint length, then UTF-8
//! texts      uvarint count, then texts: every distinct text of rules and aliases, sorted
//! rules      uvarint count, then rules in the order of the book, each:
//!   flags    u8       bit 0 model is a prefix, 1 price per request, 2 has an end, 3 model is a part,
//!                     4 price of everything, 5 share of the list, 6 has hours
//!   model    uvarint  a text, from 0
//!   provider, region, service_tier, workspace, tenant   uvarint  0 absent, else a text, from 1
//!   above    uvarint  input tokens
//!   hours    u8, uvarint, uvarint   days from bit 0 = Monday, first second of the day, first after;
//!                     only with bit 6
//!   meter    uvarint  a text, from 0; only without bits 1 and 4
//!   rate     uvarint  pico-USD; with bit 5 parts per million
//!   from     ivarint  microseconds since 1970
//!   until    ivarint  the same; only with bit 2
//! aliases    uvarint count, then aliases in the order of the book, each:
//!   name, model   uvarint   a text, from 0
//!   provider, of_provider   uvarint  0 absent, else a text, from 1
//! ```

use super::{Alias, Hours, ModelPattern, PriceBook, PriceOf, PriceRule, Rate, Share};
use crate::codec::bytes::{DecodeError, Reader, put_bytes, put_i64, put_len, put_u64};
use crate::error::{Error, ErrorKind, Result};
use crate::limits;
use crate::schema::{Meter, Text};
use crate::time::Timestamp;

const LAYOUT: u8 = 2;
const PREFIX: u8 = 1;
const REQUEST: u8 = 2;
const ENDS: u8 = 4;
const CONTAINS: u8 = 8;
const EVERYTHING: u8 = 16;
const OF_LIST: u8 = 32;
const HOURS: u8 = 64;
const FLAGS: u8 = 127;
/// The fewest bytes a rule can take.
const RULE_BYTES: usize = 10;
/// The fewest bytes an alias can take.
const ALIAS_BYTES: usize = 4;

impl PriceBook {
    /// The book as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut texts: Vec<&str> =
            self.rules.iter().flat_map(texts_of).chain(self.aliases.iter().flat_map(texts_of_alias)).collect();
        texts.sort_unstable();
        texts.dedup();
        let mut out = vec![LAYOUT];
        put_u64(&mut out, u64::from(self.version));
        put_i64(&mut out, self.known_at.micros());
        for text in [&self.source, &self.added_by, &self.note] {
            put_bytes(&mut out, text.as_bytes());
        }
        put_len(&mut out, texts.len());
        for text in &texts {
            put_bytes(&mut out, text.as_bytes());
        }
        put_len(&mut out, self.rules.len());
        for rule in &self.rules {
            put_rule(&mut out, rule, &texts);
        }
        put_len(&mut out, self.aliases.len());
        for alias in &self.aliases {
            put_alias(&mut out, alias, &texts);
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
            .and_then(|book| book.with_aliases(read.aliases)?.signed(read.added_by, read.note))
            .map_err(|error| error.with_kind(ErrorKind::Corrupt).context(format!("{file}: damaged price book")))?;
        Ok(Self { version: read.version, known_at: read.known_at, ..book })
    }
}

fn texts_of(rule: &PriceRule) -> impl Iterator<Item = &str> {
    let meter = match &rule.of {
        PriceOf::Meter(meter) => Some(meter.name()),
        PriceOf::Request | PriceOf::Everything => None,
    };
    optional_texts(rule).into_iter().map(Option::as_deref).chain([meter]).flatten().chain([rule.model.text()])
}

/// The texts that a rule may lack, in the order of the layout.
fn optional_texts(rule: &PriceRule) -> [&Option<Text>; 5] {
    [&rule.provider, &rule.region, &rule.service_tier, &rule.workspace, &rule.tenant]
}

fn texts_of_alias(alias: &Alias) -> impl Iterator<Item = &str> {
    let optional = [alias.provider.as_deref(), alias.of_provider.as_deref()];
    optional.into_iter().flatten().chain([alias.name.as_str(), alias.model.as_str()])
}

fn put_rule(out: &mut Vec<u8>, rule: &PriceRule, texts: &[&str]) {
    let flags = [
        (matches!(rule.model, ModelPattern::Prefix(_)), PREFIX),
        (rule.of == PriceOf::Request, REQUEST),
        (rule.until.is_some(), ENDS),
        (matches!(rule.model, ModelPattern::Contains(_)), CONTAINS),
        (rule.of == PriceOf::Everything, EVERYTHING),
        (matches!(rule.rate, Rate::OfList(_)), OF_LIST),
        (rule.hours.is_some(), HOURS),
    ];
    out.push(flags.iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum());
    put_len(out, index(texts, rule.model.text()));
    for text in optional_texts(rule) {
        put_optional(out, texts, text.as_deref());
    }
    put_u64(out, rule.above);
    if let Some((days, from, until)) = rule.hours.map(Hours::parts) {
        out.push(days);
        put_u64(out, from.into());
        put_u64(out, until.into());
    }
    if let PriceOf::Meter(meter) = &rule.of {
        put_len(out, index(texts, meter.name()));
    }
    put_u64(
        out,
        match rule.rate {
            Rate::Pico(pico) => pico,
            Rate::OfList(share) => share.ppm().into(),
        },
    );
    put_i64(out, rule.from.micros());
    if let Some(until) = rule.until {
        put_i64(out, until.micros());
    }
}

fn put_alias(out: &mut Vec<u8>, alias: &Alias, texts: &[&str]) {
    put_len(out, index(texts, &alias.name));
    put_len(out, index(texts, &alias.model));
    put_optional(out, texts, alias.provider.as_deref());
    put_optional(out, texts, alias.of_provider.as_deref());
}

fn index(texts: &[&str], text: &str) -> usize {
    texts.partition_point(|known| *known < text)
}

fn put_optional(out: &mut Vec<u8>, texts: &[&str], text: Option<&str>) {
    put_len(out, text.map_or(0, |text| index(texts, text) + 1));
}

struct Read {
    version: u32,
    known_at: Timestamp,
    source: String,
    added_by: String,
    note: String,
    rules: Vec<PriceRule>,
    aliases: Vec<Alias>,
}

fn read_book(reader: &mut Reader<'_>) -> Result<Read, DecodeError> {
    let layout = reader.u8()?;
    if layout != LAYOUT {
        return Err(reader.error(format!("layout {LAYOUT} expected, {layout} found")));
    }
    let version = reader.u32()?;
    let known_at = Timestamp::from_micros(reader.i64()?);
    let [source, added_by, note] = [reader.text()?, reader.text()?, reader.text()?].map(str::to_owned);
    let texts = (0..reader.count(1)?).map(|_| read_text(reader)).collect::<Result<Vec<Text>, _>>()?;
    let count = reader.count(RULE_BYTES)?;
    if count > limits::PRICE_RULES {
        return Err(reader.error(format!("at most {} rules expected, {count} found", limits::PRICE_RULES)));
    }
    let rules = (0..count).map(|_| read_rule(reader, &texts)).collect::<Result<Vec<_>, _>>()?;
    let aliases = (0..reader.count(ALIAS_BYTES)?).map(|_| read_alias(reader, &texts)).collect::<Result<Vec<_>, _>>()?;
    reader.finish()?;
    Ok(Read { version, known_at, source, added_by, note, rules, aliases })
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
    let has = |bit: u8| flags & bit != 0;
    if has(!FLAGS) || (has(PREFIX) && has(CONTAINS)) || (has(REQUEST) && has(EVERYTHING)) {
        return Err(reader.error(format!("flags of a rule expected, {flags:#04x} found")));
    }
    let model = indexed(reader, texts)?;
    let mut next_optional = || optional(reader, texts);
    let [provider, region, service_tier] = [next_optional()?, next_optional()?, next_optional()?];
    let [workspace, tenant] = [next_optional()?, next_optional()?];
    let above = reader.u64()?;
    let hours = if has(HOURS) { Some(read_hours(reader)?) } else { None };
    let of = if has(REQUEST) {
        PriceOf::Request
    } else if has(EVERYTHING) {
        PriceOf::Everything
    } else {
        let name = indexed(reader, texts)?;
        PriceOf::Meter(Meter::parse(&name).map_err(|what| reader.error(what))?)
    };
    let rate = if has(OF_LIST) { Share::from_ppm(reader.u32()?).into() } else { reader.u64()?.into() };
    let from = Timestamp::from_micros(reader.i64()?);
    let until = if has(ENDS) { Some(Timestamp::from_micros(reader.i64()?)) } else { None };
    let model = if has(PREFIX) {
        ModelPattern::Prefix(model)
    } else if has(CONTAINS) {
        ModelPattern::Contains(model)
    } else {
        ModelPattern::Exact(model)
    };
    Ok(PriceRule { workspace, tenant, provider, model, region, service_tier, above, hours, of, rate, from, until })
}

fn read_hours(reader: &mut Reader<'_>) -> Result<Hours, DecodeError> {
    let (days, from, until) = (reader.u8()?, reader.u32()?, reader.u32()?);
    Hours::new(days, from, until).map_err(|error| reader.error(error.to_string()))
}

fn read_alias(reader: &mut Reader<'_>, texts: &[Text]) -> Result<Alias, DecodeError> {
    let (name, model) = (indexed(reader, texts)?, indexed(reader, texts)?);
    Ok(Alias { name, model, provider: optional(reader, texts)?, of_provider: optional(reader, texts)? })
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
