//! The description of the routes, made from what serves them: an [`Operation`] is a handler and what
//! is to say about it, so that neither can exist without the other.

mod document;
mod operation;
mod parameters;
mod schemas;

pub(super) use document::document;
pub(super) use operation::{Operation, get, post};
