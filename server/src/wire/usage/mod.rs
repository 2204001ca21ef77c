//! Token counts as sources state them, turned into disjoint meters.
//!
//! Sources disagree whether cached tokens are inside the input and reasoning inside the output. Each
//! decoder states what its source does as a [`Convention`]; [`Counts::apply`] does the rest and flags
//! what contradicts itself, so that no token is counted twice or dropped unseen:
//!
//! * Σ of the meters is the source's own total, where it states one, else the event carries
//!   [`Number::UsageMismatch`].
//! * More cached tokens than input can only mean that they stand beside it, whatever the source says.
//! * What is not known stays absent; a count of 0 is 0.

mod shape;
#[cfg(test)]
mod tests;

use quipu::{Event, Meter, Number, TokenMeter};

pub(super) use shape::read;

/// Where a part stands in relation to the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    /// The whole includes it.
    Inside,
    /// It comes on top of the whole.
    Beside,
    /// The source does not say; its numbers decide.
    Unstated,
}

/// How a source counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Convention {
    /// Cache reads, in relation to the input.
    pub(super) reads: Share,
    /// Cache writes, in relation to the input.
    pub(super) writes: Share,
    /// Reasoning, in relation to the output.
    pub(super) reasoning: Share,
    /// The meter of cache writes whose lifetime is not stated.
    pub(super) default_write: TokenMeter,
}

impl Convention {
    /// Everything is inside: OpenAI and whoever follows it.
    pub(super) const OPENAI: Self = Self {
        reads: Share::Inside,
        writes: Share::Inside,
        reasoning: Share::Unstated,
        default_write: TokenMeter::CacheWrite30m,
    };
    /// Neither cache reads nor writes are part of the input; thinking is part of the output.
    pub(super) const ANTHROPIC: Self = Self {
        reads: Share::Beside,
        writes: Share::Beside,
        reasoning: Share::Inside,
        default_write: TokenMeter::CacheWrite5m,
    };
    /// Cached content is part of the prompt; thoughts stand beside the candidates.
    pub(super) const GEMINI: Self = Self {
        reads: Share::Inside,
        writes: Share::Inside,
        reasoning: Share::Beside,
        default_write: TokenMeter::CacheWrite5m,
    };
    /// The buckets are disjoint already.
    pub(super) const DISJOINT: Self = Self { reasoning: Share::Beside, ..Self::ANTHROPIC };
    /// Nothing is known but the numbers.
    pub(super) const UNSTATED: Self = Self {
        reads: Share::Unstated,
        writes: Share::Unstated,
        reasoning: Share::Unstated,
        default_write: TokenMeter::CacheWrite5m,
    };

    /// The same, with cache writes of no stated lifetime as `provider` keeps them by default.
    pub(super) fn at(self, provider: Option<&str>) -> Self {
        let openai = matches!(provider, Some("openai" | "azure-openai"));
        let default_write = if openai { TokenMeter::CacheWrite30m } else { TokenMeter::CacheWrite5m };
        Self { default_write, ..self }
    }
}

/// The counts of one call as its source states them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) input: Option<u64>,
    /// Input beside `input`, whatever the convention: what tools added to the prompt.
    pub(super) more_input: Option<u64>,
    pub(super) cache_read: Option<u64>,
    /// All cache writes, or those of no stated lifetime where no sum is stated.
    pub(super) cache_write: Option<u64>,
    pub(super) write_5m: Option<u64>,
    pub(super) write_30m: Option<u64>,
    pub(super) write_1h: Option<u64>,
    pub(super) write_12h: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) reasoning: Option<u64>,
    /// Audio and image tokens, always inside input or output.
    pub(super) audio_input: Option<u64>,
    pub(super) image_input: Option<u64>,
    pub(super) audio_output: Option<u64>,
    /// Audio tokens, always inside what was read from a cache and not in `audio_input`.
    pub(super) audio_cache_read: Option<u64>,
    pub(super) image_output: Option<u64>,
    pub(super) total: Option<u64>,
    /// Quantities that are no tokens.
    pub(super) named: Vec<(&'static str, u64)>,
}

impl Counts {
    /// Whether nothing at all is stated.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the source counted any token.
    pub(super) fn has_tokens(&self) -> bool {
        [self.input, self.output, self.cache_read, self.cache_write, self.reasoning, self.more_input, self.total]
            .into_iter()
            .any(|count| count.is_some_and(|count| count > 0))
    }

    /// These counts, and those of `earlier` where they say nothing: a stream that states its usage in parts.
    pub(super) fn or(self, earlier: Self) -> Self {
        Self {
            input: self.input.or(earlier.input),
            more_input: self.more_input.or(earlier.more_input),
            cache_read: self.cache_read.or(earlier.cache_read),
            cache_write: self.cache_write.or(earlier.cache_write),
            write_5m: self.write_5m.or(earlier.write_5m),
            write_30m: self.write_30m.or(earlier.write_30m),
            write_1h: self.write_1h.or(earlier.write_1h),
            write_12h: self.write_12h.or(earlier.write_12h),
            output: self.output.or(earlier.output),
            reasoning: self.reasoning.or(earlier.reasoning),
            audio_input: self.audio_input.or(earlier.audio_input),
            image_input: self.image_input.or(earlier.image_input),
            audio_output: self.audio_output.or(earlier.audio_output),
            audio_cache_read: self.audio_cache_read.or(earlier.audio_cache_read),
            image_output: self.image_output.or(earlier.image_output),
            total: self.total.or(earlier.total),
            named: if self.named.is_empty() { earlier.named } else { self.named },
        }
    }

    /// These counts and those of a further call to the model inside the same one.
    pub(super) fn plus(self, further: Self) -> Self {
        let add = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
        Self {
            input: add(self.input, further.input),
            cache_read: add(self.cache_read, further.cache_read),
            cache_write: add(self.cache_write, further.cache_write),
            write_5m: add(self.write_5m, further.write_5m),
            write_1h: add(self.write_1h, further.write_1h),
            output: add(self.output, further.output),
            reasoning: add(self.reasoning, further.reasoning),
            ..self
        }
    }

    /// Puts the counts on the event's meters.
    pub(super) fn apply(self, convention: Convention, event: &mut Event) {
        let mut split = Split::default();
        let (reads, writes) = self.cache_shares(convention);
        let reasoning_beside = self.reasoning_is_beside(convention, reads, writes);
        let (write_sum, unstated_writes) = self.writes(&mut split);

        let mut input = self.input;
        if let Some(input) = &mut input {
            if reads == Share::Inside {
                split.take(input, self.cache_read);
            }
            if writes == Share::Inside {
                split.take(input, write_sum);
            }
            // What of a medium was cached or written is not stated, so at most the rest is of that medium.
            *input = input.saturating_add(self.more_input.unwrap_or(0));
        } else {
            input = self.more_input;
        }
        let audio_input = input.as_mut().and_then(|input| part_of(input, self.audio_input));
        let image_input = input.as_mut().and_then(|input| part_of(input, self.image_input));

        let mut cache_read = self.cache_read;
        let audio_cache_read = cache_read.as_mut().and_then(|read| part_of(read, self.audio_cache_read));

        let mut output = self.output;
        if let Some(output) = &mut output
            && !reasoning_beside
        {
            split.take(output, self.reasoning);
        }
        let audio_output = output.as_mut().and_then(|output| part_of(output, self.audio_output));
        let image_output = output.as_mut().and_then(|output| part_of(output, self.image_output));

        let mut meters = [
            (TokenMeter::Input, input),
            (TokenMeter::CacheRead, cache_read),
            (TokenMeter::CacheWrite5m, self.write_5m),
            (TokenMeter::CacheWrite30m, self.write_30m),
            (TokenMeter::CacheWrite1h, self.write_1h),
            (TokenMeter::CacheWrite12h, self.write_12h),
            (TokenMeter::Output, output),
            (TokenMeter::Reasoning, self.reasoning),
            (TokenMeter::AudioInput, audio_input),
            (TokenMeter::AudioOutput, audio_output),
            (TokenMeter::AudioCacheRead, audio_cache_read),
            (TokenMeter::ImageInput, image_input),
            (TokenMeter::ImageOutput, image_output),
        ];
        if let Some(rest) = unstated_writes {
            for (meter, quantity) in &mut meters {
                if *meter == convention.default_write {
                    *quantity = Some(quantity.unwrap_or(0).saturating_add(rest));
                }
            }
        }
        let mut sum = 0_u64;
        for (meter, quantity) in meters {
            if let Some(quantity) = quantity {
                sum = sum.saturating_add(quantity);
                event.usage.insert(meter.into(), quantity);
            }
        }
        for (name, quantity) in &self.named {
            event.usage.insert(Meter::Named((*name).into()), *quantity);
        }
        if !split.consistent || !self.total_agrees(sum) {
            event.numbers.insert(Number::UsageMismatch, 1);
        }
    }

    /// The sum of all cache writes, and those of no stated lifetime.
    fn writes(&self, split: &mut Split) -> (Option<u64>, Option<u64>) {
        let stated = [self.write_5m, self.write_30m, self.write_1h, self.write_12h];
        let stated_sum = stated.into_iter().flatten().fold(0, u64::saturating_add);
        let any = stated.iter().any(Option::is_some);
        match self.cache_write {
            None => (any.then_some(stated_sum), None),
            Some(all) if all < stated_sum => {
                split.consistent = false;
                (Some(stated_sum), None)
            }
            Some(all) => (Some(all), (!any || all > stated_sum).then_some(all - stated_sum)),
        }
    }

    /// Whether cache reads and writes are part of the input, by the source's convention and its numbers.
    fn cache_shares(&self, convention: Convention) -> (Share, Share) {
        let input = self.input.unwrap_or(0);
        let (read, write) = (self.cache_read.unwrap_or(0), self.writes(&mut Split::default()).0.unwrap_or(0));
        let output = self.output.unwrap_or(0);
        let inside = |share: Share, part: u64| share != Share::Beside && part > 0;
        let claimed = (if inside(convention.reads, read) { read } else { 0 })
            .saturating_add(if inside(convention.writes, write) { write } else { 0 });
        let impossible = self.input.is_some() && claimed > input;
        let cached = read.saturating_add(write);
        let beside_by_total = cached > 0 && self.total == Some(input.saturating_add(output).saturating_add(cached));
        let decide = |share: Share| match share {
            Share::Beside => Share::Beside,
            _ if impossible => Share::Beside,
            Share::Unstated if beside_by_total => Share::Beside,
            _ => Share::Inside,
        };
        (decide(convention.reads), decide(convention.writes))
    }

    fn reasoning_is_beside(&self, convention: Convention, reads: Share, writes: Share) -> bool {
        match convention.reasoning {
            Share::Beside => true,
            Share::Inside => false,
            Share::Unstated => {
                let (output, reasoning) = (self.output.unwrap_or(0), self.reasoning.unwrap_or(0));
                let mut rest = self.input.unwrap_or(0).saturating_add(self.more_input.unwrap_or(0));
                if reads == Share::Beside {
                    rest = rest.saturating_add(self.cache_read.unwrap_or(0));
                }
                if writes == Share::Beside {
                    rest = rest.saturating_add(self.cache_write.unwrap_or(0));
                }
                let by_total = self.total == Some(rest.saturating_add(output).saturating_add(reasoning));
                reasoning > 0 && (by_total || reasoning > output)
            }
        }
    }

    /// Whether the total is the sum of the meters, or at least what the source itself added up.
    fn total_agrees(&self, sum: u64) -> bool {
        let Some(total) = self.total else { return true };
        let stated = [self.input, self.more_input, self.output].into_iter().flatten().fold(0, u64::saturating_add);
        total == sum || total == stated
    }
}

/// Takes parts out of wholes and remembers whether they were there.
struct Split {
    consistent: bool,
}

impl Default for Split {
    fn default() -> Self {
        Self { consistent: true }
    }
}

impl Split {
    fn take(&mut self, whole: &mut u64, part: Option<u64>) {
        let part = part.unwrap_or(0);
        self.consistent &= part <= *whole;
        *whole = whole.saturating_sub(part);
    }
}

/// Moves tokens of a medium onto a meter of their own; what is zero needs none.
fn part_of(whole: &mut u64, part: Option<u64>) -> Option<u64> {
    let part = part.unwrap_or(0).min(*whole);
    *whole -= part;
    (part > 0).then_some(part)
}
