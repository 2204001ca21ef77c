//! What the engine says while it works: events of the `tracing` crate behind the feature of that name, else nothing.

/// Says something at a level of `tracing`; costs nothing without the feature.
macro_rules! tell {
    ($level:ident, $($what:tt)+) => {{
        #[cfg(feature = "tracing")]
        tracing::$level!(target: "quipu", $($what)+);
    }};
}

pub(crate) use tell;
