//! What lies on disk, one structure a file, encode beside decode. `docs/FORMAT.md` describes the bytes.

pub mod container;
<<<<<<< HEAD
pub mod log_frame;
pub mod log_header;
=======
pub mod event_row;
pub mod manifest;
>>>>>>> 2f7cb18 (Add dedup fingerprints, outcome runs and the manifest)
pub mod names;
