//! What finds rows without reading them all.

pub mod bitmap;
pub mod buckets;
pub mod filter;
