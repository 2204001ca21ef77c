//! The names of price fields: `<base>[_above_<N>k_tokens][_<tier>]`.

use quipu::Text;
use quipu::price_book::canonical_tier;

/// What a price field prices, before missing prices are filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    Input,
    Output,
    CacheRead,
    CacheWrite,
    CacheWrite1h,
    Reasoning,
    AudioInput,
    AudioOutput,
    AudioCacheRead,
    AudioCacheWrite,
    ImageInput,
    ImageOutput,
    ImageCacheRead,
    VideoInput,
    VideoOutput,
    WebSearch,
    Request,
}

const BASES: [(&str, Slot); 18] = [
    ("input_cost_per_token", Slot::Input),
    ("output_cost_per_token", Slot::Output),
    ("cache_read_input_token_cost", Slot::CacheRead),
    ("input_cost_per_token_cache_hit", Slot::CacheRead),
    ("cache_creation_input_token_cost", Slot::CacheWrite),
    ("cache_creation_input_token_cost_above_1hr", Slot::CacheWrite1h),
    ("output_cost_per_reasoning_token", Slot::Reasoning),
    ("input_cost_per_audio_token", Slot::AudioInput),
    ("output_cost_per_audio_token", Slot::AudioOutput),
    ("cache_read_input_audio_token_cost", Slot::AudioCacheRead),
    ("cache_creation_input_audio_token_cost", Slot::AudioCacheWrite),
    ("input_cost_per_image_token", Slot::ImageInput),
    ("output_cost_per_image_token", Slot::ImageOutput),
    ("cache_read_input_image_token_cost", Slot::ImageCacheRead),
    ("input_cost_per_video_token", Slot::VideoInput),
    ("output_cost_per_video_token", Slot::VideoOutput),
    ("input_cost_per_request", Slot::Request),
    ("search_context_cost_per_query", Slot::WebSearch),
];

const TIERS: [&str; 6] = ["batches", "flex", "priority", "ultrafast", "balanced", "decisions"];

/// A price field taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) slot: Slot,
    pub(super) above: u64,
    pub(super) tier: Option<&'a str>,
}

impl Field<'_> {
    /// What is priced, above which size, at which tier.
    pub(super) fn key(&self) -> (Slot, u64, Option<Text>) {
        (self.slot, self.above, self.tier.and_then(canonical_tier))
    }
}

/// What a field of an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning<'a> {
    /// A price that can be used.
    Price(Field<'a>),
    /// Something about money that cannot be used, and why.
    Unusable(&'static str),
    /// Nothing about money.
    Other,
}

pub(super) fn meaning(name: &str) -> Meaning<'_> {
    let (rest, tier) = TIERS
        .iter()
        .find_map(|tier| Some((name.strip_suffix(tier)?.strip_suffix('_')?, Some(*tier))))
        .unwrap_or((name, None));
    let (base, above) = match threshold(rest) {
        Some((base, tokens)) => (base, tokens),
        None => (rest, 0),
    };
    match BASES.iter().find(|(known, _)| *known == base) {
        Some((_, slot)) => Meaning::Price(Field { slot: *slot, above, tier }),
        None => unusable(name),
    }
}

/// `base_above_200k_tokens` taken apart.
fn threshold(name: &str) -> Option<(&str, u64)> {
    let (base, thousands) = name.strip_suffix("k_tokens")?.rsplit_once("_above_")?;
    Some((base, thousands.parse::<u64>().ok()?.checked_mul(1_000)?))
}

fn unusable(name: &str) -> Meaning<'_> {
    let why = match name {
        "search_free_requests" => "free allowances cannot be told from one event",
        "provider_specific_entry" => "it may hold multipliers, which are not supported",
        _ if name.contains("multiplier") => "multipliers are not supported",
        _ if name.contains("cost") || name.contains("pricing") || name.contains("price") => {
            "no meter of an event has that unit"
        }
        _ => return Meaning::Other,
    };
    Meaning::Unusable(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let price = |slot, above, tier| Meaning::Price(Field { slot, above, tier });
        for (name, expected) in [
            ("input_cost_per_token", price(Slot::Input, 0, None)),
            ("output_cost_per_token_above_272k_tokens_priority", price(Slot::Output, 272_000, Some("priority"))),
            ("cache_creation_input_token_cost_above_1hr", price(Slot::CacheWrite1h, 0, None)),
            ("cache_creation_input_token_cost_above_1hr_above_200k_tokens", price(Slot::CacheWrite1h, 200_000, None)),
            ("input_cost_per_token_batches", price(Slot::Input, 0, Some("batches"))),
            ("input_cost_per_token_cache_hit", price(Slot::CacheRead, 0, None)),
            ("input_cost_per_token_above_64k_tokens", price(Slot::Input, 64_000, None)),
            ("max_tokens", Meaning::Other),
            ("supports_web_search", Meaning::Other),
        ] {
            assert_eq!(meaning(name), expected, "{name}");
        }
        for name in [
            "output_cost_per_second_1080p",
            "ocr_cost_per_page_batches",
            "regional_endpoint_uplift_multiplier",
            "input_dbu_cost_per_token",
        ] {
            assert!(matches!(meaning(name), Meaning::Unusable(_)), "{name}");
        }
    }
}
