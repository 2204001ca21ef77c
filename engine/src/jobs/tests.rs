use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::batch::BatchBuilder;
use crate::event::Event;
use crate::money::PicoUsd;
use crate::outcome::{Outcome, OutcomeStatus};
use crate::time::Timestamp;

/// Job, tenant and type of an event.
type Call = (Option<u8>, u8, u8);

fn name(job: u8) -> String {
    format!("job-{job}")
}

fn part(calls: &[Call], sorted: bool) -> Part {
    let mut builder = BatchBuilder::default();
    for (at, (job, tenant, kind)) in calls.iter().enumerate() {
        let mut event = Event::new(format!("{at}"), Timestamp::from_seconds(at as i64));
        event = event.with(Dimension::Tenant, format!("t{tenant}")).with(Dimension::JobType, format!("k{kind}"));
        if let Some(job) = job {
            event = event.with(Dimension::JobId, name(*job));
        }
        builder.push(&event);
    }
    let batch = builder.finish();
    Part::of(Arc::new(if sorted { batch.sorted() } else { batch }))
}

/// The names of the jobs of each row of a part, with what decides whether neighbours are one run.
fn rows(part: &Part) -> Vec<(Option<String>, [u32; 2])> {
    let jobs = part.events.dictionary(Dimension::JobId).unwrap();
    let column = |dimension| {
        let mut codes = Vec::new();
        part.events.codes(dimension, 0, &mut codes).unwrap();
        codes
    };
    let (codes, tenants, kinds) = (column(Dimension::JobId), column(Dimension::Tenant), column(Dimension::JobType));
    let names = codes.iter().map(|code| jobs.get(*code).map(String::from));
    names.zip(tenants.into_iter().zip(kinds)).map(|(name, (tenant, kind))| (name, [tenant, kind])).collect()
}

/// Jobs of which every row is in one run of one part, by the definition.
fn whole(parts: &[Part]) -> BTreeSet<String> {
    let mut runs: BTreeMap<String, usize> = BTreeMap::new();
    for part in parts {
        let mut last = None;
        for row in rows(part) {
            if let (true, Some(name)) = (last.as_ref() != Some(&row), &row.0) {
                *runs.entry(name.clone()).or_default() += 1;
            }
            last = Some(row);
        }
    }
    runs.into_iter().filter(|(_, runs)| *runs == 1).map(|(name, _)| name).collect()
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    prop::collection::vec((prop::option::weighted(0.9, 0..12_u8), 0..2_u8, 0..2_u8), 1..30)
}

proptest! {
    #[test]
    fn a_job_has_one_number_everywhere_and_is_whole_only_where_it_is(
        parts in prop::collection::vec((calls(), any::<bool>()), 1..5), cut in 0..5_usize, more in prop::collection::vec(0..20_u8, 0..5),
    ) {
        let parts: Vec<Part> = parts.iter().map(|(calls, sorted)| part(calls, *sorted)).collect();
        let more: Vec<String> = more.into_iter().map(name).collect();
        let (sealed, head) = parts.split_at(cut.min(parts.len()));
        let base = JobNumbers::of(sealed, more.iter().map(String::as_str)).unwrap();
        let numbers = match head {
            [] => base,
            head => JobNumbers::continued(Arc::new(base), head, []).unwrap(),
        };
        let mut names = BTreeSet::new();
        let whole = whole(&parts);
        for (at, part) in parts.iter().enumerate() {
            let (jobs, dictionary) = (numbers.part(at), part.events.dictionary(Dimension::JobId).unwrap());
            for (code, name) in dictionary.iter() {
                let (number, is_whole) = jobs.job(code);
                prop_assert_eq!(numbers.find(name), Some(number));
                // What only had an outcome before may have been given a number too early to be known as whole.
                prop_assert!(!is_whole || whole.contains(name), "{}", name);
                prop_assert!(is_whole || !whole.contains(name) || more.iter().any(|more| more == name), "{}", name);
                names.insert(name.to_owned());
            }
            prop_assert!(jobs.numbers().eq(dictionary.iter().map(|(code, _)| jobs.job(code).0)));
        }
        names.extend(more);
        let found: BTreeSet<u32> = names.iter().filter_map(|name| numbers.find(name)).collect();
        prop_assert!(found.into_iter().eq(0..numbers.len()), "numbers have no gaps");
        prop_assert_eq!(names.len(), numbers.len() as usize);
        prop_assert_eq!(numbers.find("another"), None);
    }

    #[test]
    fn the_newest_outcome_of_each_job_is_found_in_any_order(
        sealed in prop::collection::vec((0..60_u8, 0..3_u8, any::<i16>()), 0..80),
        newer in prop::collection::vec((0..60_u8, 0..3_u8, any::<i16>()), 0..20),
        asked in prop::collection::vec(0..70_u8, 0..200),
    ) {
        let names: Vec<String> = (0..64).map(name).collect();
        let numbers = JobNumbers::of(&[], names.iter().map(String::as_str)).unwrap();
        let mut revision = 0;
        let mut outcomes = |reports: &[(u8, u8, i16)]| -> Vec<Outcome> {
            let outcome = |(job, workspace, value): &(u8, u8, i16)| {
                revision += 1;
                let mut outcome = Outcome::new(name(*job), OutcomeStatus::ALL[usize::from(*job) % 3]);
                outcome.workspace = Some(format!("w{workspace}").into());
                outcome.revision = revision;
                outcome.value = (*value != 0).then(|| PicoUsd::from_pico((*value).into()));
                outcome.at = (*value > 9).then(|| Timestamp::from_seconds((*value).into()));
                outcome
            };
            reports.iter().map(outcome).collect()
        };
        let (sealed, newer) = (outcomes(&sealed), outcomes(&newer));
        let of = |workspace: &str, outcomes: &[Outcome]| {
            let found = JobOutcomes::by_workspace(&numbers, outcomes);
            found.into_iter().find(|(name, _)| name == workspace).map(|(_, outcomes)| outcomes).unwrap_or_default()
        };
        for workspace in ["w0", "w1", "w2"] {
            let joined = of(workspace, &sealed).and(&of(workspace, &newer));
            let expected = |job: u8| {
                let all = sealed.iter().chain(&newer);
                all.rev().find(|outcome| outcome.workspace() == workspace && outcome.job_id == name(job)).map(JobOutcome::from)
            };
            let mut cursor = joined.cursor();
            for job in asked.iter().copied().chain(0..64).filter(|job| *job < 64) {
                prop_assert_eq!(cursor.find(u32::from(job)), expected(job));
            }
            let mut visited = BTreeMap::new();
            joined.each(|job, outcome| _ = visited.insert(job, outcome));
            prop_assert!(visited.into_iter().eq((0..64).filter_map(|job| Some((u32::from(job), expected(job)?)))));
        }
    }
}
