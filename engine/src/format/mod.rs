//! What lies on disk, one structure a file, encode beside decode. `docs/FORMAT.md` describes the bytes.

pub mod container;
pub mod names;
