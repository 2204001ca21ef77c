//! Pure byte functions: no file, no clock, no state.

pub mod bitpack;
pub mod bytes;
pub mod front;
pub mod texts;
pub mod vector;
