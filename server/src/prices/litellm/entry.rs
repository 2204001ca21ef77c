//! One model of the map: the prices it names, and those that follow from them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use quipu::price_book::{Hours, PriceOf};
use quipu::{Meter, Text, TokenMeter};
use serde::Deserialize;

use super::super::Report;
use super::super::amount::{Whole, noisy_rate};
use super::field::{Field, Meaning, Slot, meaning};
use crate::wire::decimal;
use crate::wire::json::{self, Kind, Members};

/// The prices of a model by slot, edge and tier.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) provider: Option<String>,
    /// `None` is one that cannot be used, which is not the same as none: nothing takes its place.
    prices: BTreeMap<(Slot, u64, Option<Text>), Option<u64>>,
    /// The prices of some hours, where they differ.
    off_peak: Option<(Vec<Hours>, Box<Entry>)>,
}

/// What is priced, above how many input tokens, at which tier, for how much.
pub(super) type Price = (PriceOf, u64, Option<Text>, u64);

impl Entry {
    /// Takes the prices from the fields of a model and reports those it cannot use.
    pub(super) fn read(model: &str, fields: &[(Cow<'_, str>, &str)], report: &mut Report) -> Self {
        let mut entry = Self::default();
        let has = |name: &str| fields.iter().any(|(key, _)| key == name);
        for (name, raw) in fields {
            let outcome = match (name.as_ref(), meaning(name)) {
                ("litellm_provider", _) => {
                    entry.provider = json::text(name, raw).ok().map(Cow::into_owned);
                    Ok(false)
                }
                ("tiered_pricing", _) => entry.read_brackets(raw),
                ("off_peak_pricing", _) => entry.read_off_peak(raw),
                ("search_context_cost_per_query", _) if has("search_free_requests") => {
                    Err("the first searches of a day are free, which cannot be told from one event")
                }
                (_, Meaning::Price(field)) => {
                    let read = entry.read_price(field, raw);
                    if read.is_err() {
                        entry.prices.entry(field.key()).or_insert(None);
                    }
                    read
                }
                (_, Meaning::Unusable(why)) => Err(why),
                (_, Meaning::Other) => Ok(false),
            };
            match outcome {
                Ok(is_rounded) if is_rounded => report.round(model, name),
                Ok(_) => {}
                Err(why) => report.skip(model, name, why),
            }
        }
        if entry.provider.as_deref() == Some("xai") && entry.prices.keys().any(|(_, above, _)| *above > 0) {
            let why =
                "xAI charges the higher rate from the threshold on; a request of exactly that size gets the lower one";
            report.skip(model, "threshold reached exactly", why);
        }
        entry
    }

    /// Takes a price; whether it was rounded.
    fn read_price(&mut self, field: Field<'_>, raw: &str) -> Result<bool, &'static str> {
        let rate = match (Kind::of(raw), field.slot) {
            (Kind::Null, _) => return Ok(false),
            (Kind::Object, Slot::WebSearch) => search_rate(raw)?,
            (Kind::Number, slot) if slot != Slot::WebSearch => noisy_rate(raw)?,
            _ => return Err("is not a number"),
        };
        match self.prices.insert(field.key(), Some(rate.pico)) {
            Some(other) if other != Some(rate.pico) => {
                Err("it contradicts another field of the model; the later one stands")
            }
            _ => Ok(rate.is_rounded),
        }
    }

    /// `[{"range": [0, 32000], "input_cost_per_token": …}, …]`: the bracket of the prompt's size prices the whole request.
    fn read_brackets(&mut self, raw: &str) -> Result<bool, &'static str> {
        const WRONG: &str = "its brackets are not understood";
        let brackets: Vec<&serde_json::value::RawValue> = serde_json::from_str(raw).map_err(|_| WRONG)?;
        let (mut read, mut is_rounded) = (Self::default(), false);
        for bracket in brackets {
            let fields = Members::parse(bracket.get()).map_err(|_| WRONG)?.0;
            let range = fields.iter().find(|(name, _)| name == "range").ok_or(WRONG)?.1;
            let range: Vec<&serde_json::value::RawValue> = serde_json::from_str(range).map_err(|_| WRONG)?;
            let above = decimal::count(range.first().ok_or(WRONG)?.get()).map_err(|_| WRONG)?;
            for (name, raw) in fields.iter().filter(|(name, _)| name != "range") {
                match meaning(name) {
                    Meaning::Price(field) if field.above == 0 => {
                        is_rounded |= read.read_price(Field { above, ..field }, raw)?;
                    }
                    _ => return Err(WRONG),
                }
            }
            // A bracket that names no price of cached tokens does not discount them.
            for slot in [Slot::CacheRead, Slot::CacheWrite] {
                if let Some(input) = read.named(Slot::Input, above, None) {
                    read.prices.entry((slot, above, None)).or_insert(input);
                }
            }
        }
        self.prices.extend(read.prices);
        Ok(is_rounded)
    }

    /// `{"windows": [{"hours_utc": "…" or […], "weekdays": [1, …]}], "input_cost_per_token": …}`: what
    /// tokens cost in those hours, in UTC; day 1 is Monday.
    fn read_off_peak(&mut self, raw: &str) -> Result<bool, &'static str> {
        const WRONG: &str = "its hours are not understood";
        let fields = Members::parse(raw).map_err(|_| WRONG)?.0;
        let (mut read, mut hours, mut is_rounded) = (Self::default(), Vec::new(), false);
        for (name, raw) in &fields {
            match (name.as_ref(), meaning(name)) {
                ("windows", _) => {
                    let windows: Vec<Window> = serde_json::from_str(raw).map_err(|_| WRONG)?;
                    for window in windows {
                        hours.extend(window.hours().ok_or(WRONG)?);
                    }
                }
                (_, Meaning::Price(field)) if field.above == 0 && field.tier.is_none() => {
                    is_rounded |= read.read_price(field, raw)?;
                }
                _ => return Err(WRONG),
            }
        }
        if hours.is_empty() {
            return Err(WRONG);
        }
        self.off_peak = Some((hours, Box::new(read)));
        Ok(is_rounded)
    }

    /// The prices of particular hours.
    pub(super) fn off_peak(&self) -> impl Iterator<Item = (Hours, Vec<Price>)> {
        self.off_peak.iter().flat_map(|(hours, entry)| hours.iter().map(|hours| (*hours, entry.prices())))
    }

    /// Every price of the model: for each tier and each edge that it names anywhere, all that can be priced there.
    pub(super) fn prices(&self) -> Vec<Price> {
        let tiers: BTreeSet<Option<&Text>> =
            self.prices.keys().map(|(_, _, tier)| tier.as_ref()).chain([None]).collect();
        let edges: BTreeSet<u64> = self.prices.keys().map(|(_, above, _)| *above).chain([0]).collect();
        let mut prices = Vec::new();
        for (tier, above) in tiers.iter().flat_map(|tier| edges.iter().map(move |above| (*tier, *above))) {
            for of in priced_things() {
                let rate = match &of {
                    PriceOf::Meter(meter) => self.meter_rate(meter, above, tier),
                    PriceOf::Request => self.rate(Slot::Request, above, tier),
                    PriceOf::Everything => None,
                };
                prices.extend(rate.flatten().map(|rate| (of, above, tier.cloned(), rate)));
            }
        }
        prices
    }

    fn meter_rate(&self, meter: &Meter, above: u64, tier: Option<&Text>) -> Option<Option<u64>> {
        let rate = |slot| self.rate(slot, above, tier);
        match meter {
            Meter::Token(meter) => match meter {
                TokenMeter::Input => rate(Slot::Input),
                // What has no price of its own is not discounted; it is not free.
                TokenMeter::CacheRead => rate(Slot::CacheRead).or_else(|| rate(Slot::Input)),
                TokenMeter::CacheWrite5m | TokenMeter::CacheWrite30m | TokenMeter::CacheWrite12h => {
                    rate(Slot::CacheWrite).or_else(|| rate(Slot::Input))
                }
                TokenMeter::CacheWrite1h => {
                    rate(Slot::CacheWrite1h).or_else(|| rate(Slot::CacheWrite)).or_else(|| rate(Slot::Input))
                }
                TokenMeter::Output => rate(Slot::Output),
                TokenMeter::Reasoning => self.reasoning_rate(above, tier),
                TokenMeter::AudioInput => rate(Slot::AudioInput),
                TokenMeter::AudioCacheRead => {
                    rate(Slot::AudioCacheRead).or_else(|| rate(Slot::CacheRead)).or_else(|| rate(Slot::Input))
                }
                TokenMeter::AudioOutput => rate(Slot::AudioOutput),
                TokenMeter::ImageInput => rate(Slot::ImageInput).or_else(|| rate(Slot::Input)),
                TokenMeter::ImageOutput => rate(Slot::ImageOutput),
            },
            Meter::Named(name) => NAMED.iter().find(|(known, _)| known == name).and_then(|(_, slot)| rate(*slot)),
        }
    }

    /// The price of a slot at an edge and a tier: an edge without a price of its own costs what
    /// smaller requests cost, a tier what the standard tier costs, in that order.
    fn rate(&self, slot: Slot, above: u64, tier: Option<&Text>) -> Option<Option<u64>> {
        steps(above, tier).into_iter().find_map(|(above, tier)| self.named(slot, above, tier))
    }

    /// Reasoning costs what output costs wherever output has the more particular price.
    fn reasoning_rate(&self, above: u64, tier: Option<&Text>) -> Option<Option<u64>> {
        steps(above, tier).into_iter().find_map(|(above, tier)| {
            self.named(Slot::Reasoning, above, tier).or_else(|| self.named(Slot::Output, above, tier))
        })
    }

    fn named(&self, slot: Slot, above: u64, tier: Option<&Text>) -> Option<Option<u64>> {
        self.prices.get(&(slot, above, tier.cloned())).copied()
    }
}

/// Some hours of some days.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    hours_utc: OneOrMore,
    #[serde(default)]
    weekdays: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Window {
    fn hours(&self) -> Option<Vec<Hours>> {
        const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let day = |day: &u8| DAYS.get(usize::from(day.checked_sub(1)?)).copied();
        let days = self.weekdays.iter().map(day).collect::<Option<Vec<_>>>()?.join(",");
        let hours = match &self.hours_utc {
            OneOrMore::One(hours) => std::slice::from_ref(hours),
            OneOrMore::More(hours) => hours,
        };
        hours.iter().map(|hours| Hours::parse(&format!("{days} {hours}")).ok()).collect()
    }
}

fn steps(above: u64, tier: Option<&Text>) -> [(u64, Option<&Text>); 4] {
    [(above, tier), (above, None), (0, tier), (0, None)]
}

/// Meters beyond the built-in ones that the map can price.
const NAMED: [(&str, Slot); 5] = [
    ("audio_cache_write", Slot::AudioCacheWrite),
    ("image_cache_read", Slot::ImageCacheRead),
    ("video_input", Slot::VideoInput),
    ("video_output", Slot::VideoOutput),
    ("web_search", Slot::WebSearch),
];

fn priced_things() -> impl Iterator<Item = PriceOf> {
    let built_in = TokenMeter::ALL.iter().map(|meter| Meter::Token(*meter));
    let named = NAMED.iter().map(|(name, _)| Meter::Named((*name).into()));
    built_in.chain(named).map(PriceOf::Meter).chain([PriceOf::Request])
}

/// The price of a search, where it does not depend on how much of the results is used.
fn search_rate(raw: &str) -> Result<Whole, &'static str> {
    let sizes = Members::parse(raw).map_err(|_| "is not an object of prices")?.0;
    let rates = sizes.iter().map(|(_, raw)| noisy_rate(raw)).collect::<Result<Vec<Whole>, _>>()?;
    match (rates.first(), rates.windows(2).all(|pair| pair[0] == pair[1])) {
        (Some(rate), true) => Ok(*rate),
        _ => Err("the price depends on the size of the search context, which an event does not tell"),
    }
}
