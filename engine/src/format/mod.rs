//! What lies on disk, one structure a file, encode beside decode. `docs/FORMAT.md` describes the bytes.

pub mod container;
pub mod correction_row;
pub mod event_row;
pub mod log_frame;
pub mod log_header;
pub mod manifest;
pub mod names;
