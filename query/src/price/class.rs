//! What rates can depend on.

use std::cmp::Ordering;

/// All that a rate can depend on besides time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PriceClass<'a> {
    /// The workspace of the events.
    pub workspace: Option<&'a str>,
    /// The tenant they were made for.
    pub tenant: Option<&'a str>,
    /// Who bills the call.
    pub provider: Option<&'a str>,
    /// The model that answered.
    pub model: Option<&'a str>,
    /// Where the call was served.
    pub region: Option<&'a str>,
    /// The service tier.
    pub service_tier: Option<&'a str>,
    /// How large the prompt is.
    pub size: PromptSize,
}

/// The input tokens of a request, as far as they are known: more than `above`, at most `upto`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PromptSize {
    above: u64,
    upto: u64,
}

impl PromptSize {
    /// Exactly that many tokens.
    pub const fn of_tokens(tokens: u64) -> Self {
        Self { above: tokens.saturating_sub(1), upto: tokens }
    }

    /// The sizes that exceed that many of the ascending `edges`.
    pub fn of_band(edges: &[u64], band: usize) -> Self {
        let edge = |at: usize| edges.get(at).copied();
        Self { above: band.checked_sub(1).and_then(edge).unwrap_or(0), upto: edge(band).unwrap_or(u64::MAX) }
    }

    /// Whether the requests have more tokens than `edge`; `None` when some may and some may not.
    pub fn exceeds(self, edge: u64) -> Option<bool> {
        match (edge.cmp(&self.above), edge.cmp(&self.upto)) {
            _ if self.upto == 0 => Some(false),
            (Ordering::Less | Ordering::Equal, _) => Some(true),
            (_, Ordering::Equal | Ordering::Greater) => Some(false),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_knows_its_own_edges_and_no_others() {
        let edges = [32_000, 100_000];
        let exceeds = |band, edge| PromptSize::of_band(&edges, band).exceeds(edge);
        assert_eq!([0, 1, 2].map(|band| exceeds(band, 32_000)), [Some(false), Some(true), Some(true)]);
        assert_eq!([0, 1, 2].map(|band| exceeds(band, 64_000)), [Some(false), None, Some(true)]);
        assert_eq!([0, 1, 2].map(|band| exceeds(band, 200_000)), [Some(false), Some(false), None]);
        let exact = |tokens, edge| PromptSize::of_tokens(tokens).exceeds(edge);
        assert_eq!(
            [exact(0, 1), exact(1, 1), exact(2, 1), exact(1, 2)],
            [Some(false), Some(false), Some(true), Some(false)]
        );
    }
}
