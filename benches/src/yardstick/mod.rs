//! The workload that Quipu and its peers are compared on (`benches/compare`): its questions, asked through the public
//! query API of a store loaded from a directory that the generator wrote, and their answers in the form of the peers.

mod load;
mod params;
mod question;
mod rows;

use std::error::Error;

use serde_json::Value as Json;

pub use load::load;
pub use params::Params;
pub use question::{Question, Setting};

/// What may fail in any way.
pub type Outcome<T> = Result<T, Box<dyn Error>>;
/// The rows of an answer.
pub type Rows = Vec<Vec<Json>>;

/// An answer as the peers write it, rows in the order of their JSON texts.
pub fn to_json(rows: &[Vec<Json>]) -> String {
    let text = |row: &Vec<Json>| format!("[{}]", row.iter().map(Json::to_string).collect::<Vec<_>>().join(", "));
    let mut texts: Vec<String> = rows.iter().map(text).collect();
    texts.sort_unstable();
    format!("[{}]", texts.join(",\n"))
}
