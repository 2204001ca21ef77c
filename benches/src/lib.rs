//! What the benchmarks share: a series of 1.38 million requests, and a store loaded with it.
//!
//! The series is the published one (`requests/servegen_r1_expanded.csv.gz`) where a folder of
//! shared data lies beside the checkout or is named by `QUIPU_SHARED`; else one of the same
//! shape and length is generated.

pub mod series;
pub mod store;
pub mod yardstick;

/// The allocator of the `quipu` binary, so that benchmarks measure what users run.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
