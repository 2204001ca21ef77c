//! Rows that their source publishes again: whatever lies in which file, the highest revision counts.

use std::collections::BTreeMap;
use std::io::Read;

use proptest::prelude::*;
use quipu::{Number, OutcomeType, Store};

use super::super::*;
use super::files::parsed;
use super::run;
use super::truth::check_openhands;
use crate::demo_data;

fn bytes(text: String) -> Input {
    Input::Bytes { name: "rows.jsonl".into(), bytes: text.into_bytes().into() }
}

fn opened(dir: &tempfile::TempDir) -> Store {
    Store::open(dir.path(), quipu::Options::default()).expect("a store")
}

#[test]
fn openhands_jobs_count_once_however_their_revisions_are_spread() {
    let source = demo_data::sources().expect("built-in maps").swap_remove(0);
    let mut jobs = String::new();
    let mut unpacked = source.inputs[0].open(&Arc::default()).expect("the demo's jobs").reader;
    unpacked.read_to_string(&mut jobs).expect("UTF-8");
    let part = |wanted: &dyn Fn(usize, &str) -> bool| {
        let lines = jobs.split_inclusive('\n').enumerate().filter(|(at, line)| wanted(*at, line));
        bytes(lines.map(|(_, line)| line).collect())
    };
    let second = |line: &str| line.contains("\"rev\":2");
    let whole = vec![part(&|_, _| true)];
    let by_revision = vec![part(&|_, line| !second(line)), part(&|_, line| second(line))];
    let mixed = (0..3).map(|file| part(&|at, _| at % 3 == file)).collect::<Vec<_>>();
    let backwards = by_revision.iter().cloned().rev().collect();
    for inputs in [whole, by_revision, backwards, mixed] {
        let dir = tempfile::tempdir().expect("a directory");
        let store = opened(&dir);
        for input in &inputs {
            let summary = run(&mut &store, std::slice::from_ref(input), &source.options);
            assert!(summary.is_clean(), "{summary:?}");
        }
        check_openhands(&store);
        let lsn = store.snapshot().lsn();
        let again = run(&mut &store, &inputs, &source.options);
        assert_eq!((again.is_clean(), again.stored, again.corrected, store.snapshot().lsn()), (true, 0, 0, lsn));
    }
}

const MAP: &str = r#"
format = "jsonl"
[fields]
id = "{job}"
revision = "rev + 1"
at = "at"
job_id = "job"
reported_cost = "cost"
[outcome]
require = "won"
status = { value = "SUCCESS" }
type = { column = "won", map = { true = "CONVERTED", false = "UNSUCCESSFUL" } }
"#;

#[derive(Clone, Debug)]
struct Row {
    job: u8,
    revision: u8,
    won: Option<bool>,
}

impl Row {
    fn cost(&self) -> u64 {
        // No larger in later revisions, so that size does not decide.
        10 - u64::from(self.revision)
    }

    fn line(&self) -> String {
        let Self { job, revision, won } = self;
        let won = won.map_or("null".to_owned(), |won| won.to_string());
        let cost = self.cost();
        format!(
            "{{\"job\":\"j{job}\",\"rev\":{revision},\"at\":\"2026-01-31T08:00:00Z\",\"cost\":{cost},\"won\":{won}}}\n"
        )
    }
}

/// Up to four revisions of each of three jobs, in any order, in up to four files.
fn spread() -> impl Strategy<Value = Vec<Vec<Row>>> {
    let won = prop::option::weighted(0.8, any::<bool>());
    let rows = prop::collection::btree_map((0..3_u8, 0..4_u8), won, 1..10);
    let rows = rows.prop_map(|rows| rows.into_iter().map(|((job, revision), won)| Row { job, revision, won }));
    rows.prop_map(Iterator::collect::<Vec<_>>).prop_shuffle().prop_flat_map(|rows| {
        prop::collection::vec(0..4_usize, rows.len()).prop_map(move |files| {
            let mut spread = vec![Vec::new(); 4];
            rows.iter().zip(files).for_each(|(row, file)| spread[file].push(row.clone()));
            spread
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_highest_revision_counts_in_any_order(files in spread(), batch in 1..4_usize, sealed in any::<bool>()) {
        let dir = tempfile::tempdir().expect("a directory");
        let store = opened(&dir);
        let options = Options { batch, ..parsed(MAP) };
        let inputs: Vec<Input> = files.iter().map(|rows| bytes(rows.iter().map(Row::line).collect())).collect();
        for input in &inputs {
            let summary = run(&mut &store, std::slice::from_ref(input), &options);
            prop_assert!(summary.is_clean(), "{:?}", summary);
            if sealed {
                store.seal().expect("sealed");
            }
        }
        let (mut latest, mut outcome): (BTreeMap<u8, &Row>, BTreeMap<u8, &Row>) = Default::default();
        let mut rows: Vec<&Row> = files.iter().flatten().collect();
        rows.sort_by_key(|row| row.revision);
        for row in rows {
            latest.insert(row.job, row);
            // One that has none leaves the one before.
            if row.won.is_some() {
                outcome.insert(row.job, row);
            }
        }
        let snapshot = store.snapshot();
        prop_assert_eq!(snapshot.parts().iter().map(quipu::rows::Part::len).sum::<usize>(), latest.len());
        for (job, row) in latest {
            let job = format!("j{job}");
            let event = snapshot.event("default", &job).expect("read").expect("stored");
            prop_assert_eq!(event.number(Number::ReportedCost), Some(row.cost() * 1_000_000_000_000));
            let kind = snapshot.outcome("default", &job).expect("read").and_then(|outcome| outcome.kind);
            let won = |won| if won { OutcomeType::Converted } else { OutcomeType::Unsuccessful };
            prop_assert_eq!(kind, outcome.get(&row.job).and_then(|row| row.won).map(won));
        }
        let again = run(&mut &store, &inputs, &options);
        prop_assert!(again.is_clean() && again.stored + again.corrected + again.outcomes_stored == 0, "{:?}", again);
        prop_assert_eq!(store.snapshot().lsn(), snapshot.lsn());
    }
}

#[test]
fn revisions_need_an_id_that_is_the_same_in_each_and_count_from_one() {
    let refused = |text: &str| Map::parse("m", text).expect_err("must be refused").to_string();
    for without in ["id = \"{job}\"\n", "at = \"at\"\n"] {
        assert!(refused(&MAP.replace(without, "")).contains("revision needs an id"));
    }
    let row =
        "{\"job\":\"j\",\"rev\":0,\"at\":\"2026-01-31T08:00:00Z\"}\n{\"job\":\"k\",\"at\":\"2026-01-31T08:00:00Z\"}\n";
    let dir = tempfile::tempdir().expect("a directory");
    let summary = run(&mut &opened(&dir), &[bytes(row.into())], &parsed(&MAP.replace("rev + 1", "rev")));
    assert_eq!((summary.stored, summary.rejected), (1, 1), "a row without one is the first");
    assert!(summary.examples[0].reason.contains("revision is below 1"), "{summary:?}");
}
