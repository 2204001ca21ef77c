//! Pure byte functions: no file, no clock, no state.

pub mod bitpack;
pub mod bits;
pub mod bytes;
pub mod dictionary;
pub mod front;
pub mod ids;
pub mod texts;
pub mod vector;
