//! The choices that a query leaves to whoever asks: names in, values out.

use std::sync::Arc;

use quipu_engine::price_book::PriceBook;
use quipu_engine::{Error, Result, Timestamp};

/// Declares a choice among few, each of which has a name outside.
macro_rules! choice {
    (
        $(#[$meta:meta])*
        pub enum $type:ident ($what:literal) { $($(#[$vmeta:meta])* $variant:ident = $name:literal,)+ }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum $type { $($(#[$vmeta])* $variant,)+ }

        impl $type {
            /// Every choice.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name used outside.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The choice of that name.
            ///
            /// # Errors
            /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid), listing the names there are.
            pub fn parse(name: &str) -> Result<Self> {
                Self::ALL.iter().copied().find(|choice| choice.name() == name).ok_or_else(|| {
                    let allowed = [$($name),+].join(", ");
                    Error::invalid(format!("{} is {name:?}; allowed are {allowed}", $what))
                })
            }
        }
    };
}

choice! {
    /// Which cost ROI and costs per job are made of.
    pub enum CostBasis("cost basis") {
        /// What the price book says.
        #[default]
        Computed = "computed",
        /// What the callers reported.
        Reported = "reported",
    }
}

choice! {
    /// Which rows a query reads. Every path gives the same answer.
    pub enum PathChoice("path") {
        /// Whatever reads least.
        #[default]
        Auto = "auto",
        /// Rollups; refused when no part has one that can answer. Parts without, and steps of time within which something
        /// changes, are read from what is finer.
        Rollup = "rollup",
        /// Counters; refused when the question cannot be answered from them. Parts without counters,
        /// and parts where a counter row straddles a boundary of time or price, are still scanned.
        Counters = "counters",
        /// Events, but for the blocks that zone maps and bitmaps decide.
        Index = "index",
        /// All events.
        Scan = "scan",
    }
}

choice! {
    /// How percentiles are found.
    pub enum Precision("precision") {
        /// Exactly in groups of up to 4,096 values, from a sketch in larger ones; the answer says which.
        #[default]
        Auto = "auto",
        /// Exactly, in as much memory as that takes.
        Exact = "exact",
    }
}

choice! {
    /// What puts a job into a time range, and into a time bucket.
    pub enum Cohort("cohort") {
        /// Its events: those in the range count, and so does a job that has one there.
        #[default]
        Event = "event",
        /// The start of its first event: then all its events count, whenever they were. Events
        /// without a job are left out.
        JobStart = "job_start",
        /// The time of its outcome, likewise. Pending jobs are left out.
        Outcome = "outcome",
    }
}

impl Cohort {
    /// What is counted, in words.
    pub const fn doc(self) -> &'static str {
        match self {
            Self::Event => "jobs with an event in the time range",
            Self::JobStart => "jobs whose first event lies in the time range, with all their events",
            Self::Outcome => "jobs whose outcome lies in the time range, with all their events",
        }
    }
}

/// Which price book a query uses.
#[derive(Clone, Debug, Default)]
pub enum PriceChoice {
    /// The newest of the store.
    #[default]
    Current,
    /// A numbered version of the store.
    Version(u32),
    /// The one that was the newest at an instant; the empty book before the first.
    KnownAt(Timestamp),
    /// One that the store need not know: what if?
    Book(Arc<PriceBook>),
}
