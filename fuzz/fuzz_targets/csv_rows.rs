//! Any bytes as CSV whose columns are named like fields, packed or not: every row is stored, refused or left out.

#![no_main]

use libfuzzer_sys::fuzz_target;
use quipu::store::{Item, OutcomeItem};
use quipu_server::import::{Format, Input, Options, Sink, import};

struct Nowhere;

impl Sink for Nowhere {
    fn events(&mut self, events: Vec<quipu::Event>) -> quipu::Result<Vec<Item>> {
        Ok(events.into_iter().map(|event| Item::Stored { id: event.id.unwrap_or_default() }).collect())
    }

    fn outcomes(&mut self, outcomes: Vec<quipu::Outcome>) -> quipu::Result<Vec<OutcomeItem>> {
        Ok(outcomes.into_iter().map(|_| OutcomeItem::Stored).collect())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let input = Input::Bytes { name: "fuzzed.csv".into(), bytes: bytes.to_vec().into() };
    let options = Options { format: Some(Format::Csv), ..Options::default() };
    let summary = import(&[input], &options, &mut Nowhere, |_| {});
    assert_eq!(summary.read, summary.stored + summary.rejected + summary.skipped);
});
