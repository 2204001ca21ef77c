//! The prices of a model: by unit, and by the size of the prompt.

use std::collections::{BTreeMap, BTreeSet};

use quipu::price_book::PriceOf;
use quipu::{Error, Result, TokenMeter};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::Report;
use super::super::amount::{Whole, noisy_rate};
use crate::wire::json::{Kind, Members};

/// What the fields of prices are about, with the digits between their unit and one.
const FIELDS: [(&str, Slot, i32); 8] = [
    ("input_mtok", Slot::Input, 6),
    ("output_mtok", Slot::Output, 6),
    ("cache_read_mtok", Slot::CacheRead, 6),
    ("cache_write_mtok", Slot::CacheWrite, 6),
    ("input_audio_mtok", Slot::AudioInput, 6),
    ("output_audio_mtok", Slot::AudioOutput, 6),
    ("cache_audio_read_mtok", Slot::AudioCacheRead, 6),
    ("requests_kcount", Slot::Request, 3),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    Input,
    Output,
    CacheRead,
    CacheWrite,
    AudioInput,
    AudioOutput,
    AudioCacheRead,
    Request,
}

/// A price that depends on the size of the prompt: beyond an edge, the whole request costs the higher one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tiered<'a> {
    #[serde(borrow)]
    base: &'a RawValue,
    #[serde(borrow)]
    tiers: Vec<Tier<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tier<'a> {
    start: u64,
    #[serde(borrow)]
    price: &'a RawValue,
}

/// Rates by what they are for and above which size; `None` is one that cannot be used, and which nothing replaces.
#[derive(Default)]
pub(super) struct Prices(BTreeMap<(Slot, u64), Option<u64>>);

impl Prices {
    /// Takes the prices of a model and reports those it cannot use.
    pub(super) fn read(model: &str, raw: &str, report: &mut Report) -> Result<Self> {
        let fields = Members::parse(raw).map_err(|error| Error::invalid(format!("prices of {model:?}: {error}")))?.0;
        let mut prices = Self::default();
        for (name, raw) in &fields {
            let read = match FIELDS.iter().find(|(known, ..)| *known == name) {
                Some((_, slot, digits)) => prices.read_field(*slot, *digits, raw),
                None => Err("no meter of an event has that unit"),
            };
            match read {
                Ok(is_rounded) if is_rounded => report.round(model, name),
                Ok(_) => {}
                Err(why) => report.skip(model, name, why),
            }
        }
        if prices.0.values().all(Option::is_none) {
            report.skip(model, "model", "it has no price");
        }
        Ok(prices)
    }

    /// Takes a price; whether it was rounded.
    fn read_field(&mut self, slot: Slot, digits: i32, raw: &str) -> Result<bool, &'static str> {
        let read = read_steps(digits, raw);
        let steps = match &read {
            Ok(steps) => steps.iter().map(|(edge, rate)| (*edge, Some(rate.pico))).collect(),
            Err(_) => vec![(0, None)],
        };
        self.0.extend(steps.into_iter().map(|(edge, rate)| ((slot, edge), rate)));
        Ok(read?.iter().any(|(_, rate)| rate.is_rounded))
    }

    /// Everything that has a price, above every edge that any price names.
    pub(super) fn all(&self) -> Vec<(PriceOf, u64, u64)> {
        let edges: BTreeSet<u64> = self.0.keys().map(|(_, edge)| *edge).chain([0]).collect();
        let mut all = Vec::new();
        for edge in edges {
            let rate = |slot| self.0.range((slot, 0)..=(slot, edge)).next_back().map(|(_, rate)| *rate);
            let meters =
                TokenMeter::ALL.iter().map(|meter| (PriceOf::Meter((*meter).into()), of_meter(*meter, rate).flatten()));
            let priced = meters.chain([(PriceOf::Request, rate(Slot::Request).flatten())]);
            all.extend(priced.filter_map(|(of, rate)| Some((of, edge, rate?))));
        }
        all
    }
}

/// The rates of one field by the size of the prompt above which each holds.
fn read_steps(digits: i32, raw: &str) -> Result<Vec<(u64, Whole)>, &'static str> {
    match Kind::of(raw) {
        Kind::Null => Ok(Vec::new()),
        Kind::Number => Ok(vec![(0, rate(raw, digits)?)]),
        Kind::Object => {
            let Tiered { base, tiers } = serde_json::from_str(raw).map_err(|_| "its tiers are not understood")?;
            let edges = [(0, base)].into_iter().chain(tiers.into_iter().map(|tier| (tier.start, tier.price)));
            edges.map(|(edge, price)| Ok((edge, rate(price.get(), digits)?))).collect()
        }
        _ => Err("is not a price"),
    }
}

/// What a meter costs: its own price, else that of the tokens it is part of. What is not discounted is not free.
fn of_meter(meter: TokenMeter, rate: impl Fn(Slot) -> Option<Option<u64>>) -> Option<Option<u64>> {
    use TokenMeter as M;
    let own = match meter {
        M::CacheRead => rate(Slot::CacheRead),
        M::CacheWrite5m | M::CacheWrite30m | M::CacheWrite1h | M::CacheWrite12h => rate(Slot::CacheWrite),
        M::AudioInput => rate(Slot::AudioInput),
        M::AudioCacheRead => rate(Slot::AudioCacheRead).or_else(|| rate(Slot::CacheRead)),
        M::AudioOutput => rate(Slot::AudioOutput),
        M::Input | M::ImageInput | M::Output | M::Reasoning | M::ImageOutput => None,
    };
    own.or_else(|| rate(if meter.is_input() { Slot::Input } else { Slot::Output }))
}

/// A rate of one unit, from that of `10^digits` units.
fn rate(raw: &str, digits: i32) -> Result<Whole, &'static str> {
    let (mantissa, exponent) = raw.split_once(['e', 'E']).unwrap_or((raw, "0"));
    let exponent: i32 = exponent.parse().map_err(|_| "is not a number")?;
    noisy_rate(&format!("{mantissa}e{}", exponent.saturating_sub(digits)))
}
