//! Parts of the computed cost.

use std::fmt;

use quipu_engine::{Meter, TokenMeter};

/// A part of the computed cost.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CostOf {
    /// All token meters.
    Tokens,
    /// The token meters of prompts.
    InputTokens,
    /// The token meters of answers, reasoning included.
    OutputTokens,
    /// Human effort: meters whose names start with `human`.
    Human,
    /// All other named meters: tool calls, searches, pages…
    Tools,
    /// Fees per request.
    Requests,
    /// One meter.
    Meter(Meter),
}

impl CostOf {
    /// The parts that have a name of their own; single meters go by theirs.
    pub const NAMED: [Self; 6] =
        [Self::Tokens, Self::InputTokens, Self::OutputTokens, Self::Human, Self::Tools, Self::Requests];

    /// Whether the cost of that meter belongs to the part.
    pub fn covers(&self, meter: &Meter) -> bool {
        match (self, meter) {
            (Self::Tokens, Meter::Token(_)) => true,
            (Self::InputTokens, Meter::Token(token)) => token.is_input(),
            (Self::OutputTokens, Meter::Token(token)) => !token.is_input(),
            (Self::Human, Meter::Named(name)) => name.starts_with("human"),
            (Self::Tools, Meter::Named(name)) => !name.starts_with("human"),
            (Self::Meter(one), meter) => one == meter,
            _ => false,
        }
    }

    /// The part of that name: `tokens`, `tools`, `human`…, a token meter, or `meter.NAME`.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let named = Self::NAMED.into_iter().find(|part| part.to_string() == name);
        let token = || TokenMeter::from_name(name).map(|token| Self::Meter(token.into()));
        let meter = || Some(Self::Meter(Meter::parse(name.strip_prefix("meter.")?).ok()?));
        named.or_else(token).or_else(meter)
    }
}

impl fmt::Display for CostOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tokens => f.write_str("tokens"),
            Self::InputTokens => f.write_str("input_tokens"),
            Self::OutputTokens => f.write_str("output_tokens"),
            Self::Human => f.write_str("human"),
            Self::Tools => f.write_str("tools"),
            Self::Requests => f.write_str("requests"),
            Self::Meter(Meter::Token(token)) => f.write_str(token.name()),
            Self::Meter(Meter::Named(name)) => write!(f, "meter.{name}"),
        }
    }
}
