//! What the values of a column count.

/// What the values of a column count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A key of the grouping, or a property that is not counted.
    None,
    /// Events.
    Events,
    /// Jobs.
    Jobs,
    /// Tokens.
    Tokens,
    /// Whatever the meter counts.
    Units,
    /// US dollars.
    Usd,
    /// A quotient without a unit; 1 is the whole.
    Ratio,
    /// Milliseconds.
    Milliseconds,
    /// An instant.
    Time,
    /// Distinct values.
    Values,
}

impl Unit {
    /// Every unit.
    pub const ALL: [Self; 10] = [
        Self::None,
        Self::Events,
        Self::Jobs,
        Self::Tokens,
        Self::Units,
        Self::Usd,
        Self::Ratio,
        Self::Milliseconds,
        Self::Time,
        Self::Values,
    ];

    /// The name used outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Events => "events",
            Self::Jobs => "jobs",
            Self::Tokens => "tokens",
            Self::Units => "units",
            Self::Usd => "usd",
            Self::Ratio => "ratio",
            Self::Milliseconds => "ms",
            Self::Time => "time",
            Self::Values => "values",
        }
    }
}
