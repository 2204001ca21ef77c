//! Every path, every number of threads and every split into parts gives the answer of the plain loops.

use std::num::NonZeroUsize;
use std::sync::Arc;

use proptest::prelude::*;
use quipu_engine::Event;
use quipu_engine::rollup::Rollup;
use quipu_query::{Answer, Explain, PartExplain, Path, PathChoice, Query, Scope, View};

use crate::generate::{book, events, outcomes, query, rollup};
use crate::memory::{Form, Memory};
use crate::oracle::Oracle;
use crate::shape::Expected;

/// The events in parts of different forms, every other one with rows that do not count.
fn split(events: &[Event], parts: usize) -> Memory {
    let forms = [Form::SegmentWithRollups, Form::Batch, Form::SegmentWithCounters, Form::Segment];
    let size = events.len().div_ceil(parts).max(1);
    let chunks = events.chunks(size).zip(forms.iter().cycle());
    let memory = Memory { rollups: Rollup::usual(), ..Memory::default() };
    chunks.enumerate().fold(memory, |memory, (at, (chunk, form))| match at % 2 {
        0 => memory.with(chunk, *form),
        _ => memory.with_hidden(chunk, &events[..events.len() / 3], *form),
    })
}

fn ask(memory: &Memory, query: &Query) -> Answer {
    View::new(memory, Scope::default()).query(query).expect("a valid query")
}

/// The same answer, however it was found.
fn known(answer: Answer) -> Answer {
    Answer { explain: Explain::default(), ..answer }
}

/// What the plain loops know of an answer.
pub(crate) fn said(answer: &Answer) -> Expected {
    Expected {
        rows: answer.rows.clone(),
        totals: answer.totals.clone(),
        other: answer.other.clone(),
        groups: answer.groups,
        passed: answer.passed,
        unpriced: answer.unpriced.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_scan_equals_plain_loops(
        events in events(), outcomes in outcomes(), query in query(false), parts in 1..5_usize,
    ) {
        let book = book();
        let expected = Oracle { events: &events, outcomes: &outcomes, book: &book }.answer(&query);
        let mut memory = split(&events, parts);
        (memory.outcomes, memory.book) = (outcomes, Arc::new(book));
        let one = query.clone().threads(NonZeroUsize::MIN);
        let answer = known(ask(&memory, &one));
        prop_assert_eq!(said(&answer), expected);
        let three = query.clone().threads(NonZeroUsize::new(3).expect("not zero"));
        prop_assert_eq!(&known(ask(&memory, &three)), &answer);
        memory.parts.reverse();
        prop_assert_eq!(&known(ask(&memory, &one)), &answer);
        prop_assert_eq!(&known(ask(&memory, &query.clone().path(PathChoice::Index))), &answer);
        prop_assert_eq!(&known(ask(&memory, &query.path(PathChoice::Scan))), &answer);
    }

    #[test]
    fn counters_equal_plain_loops(
        events in events(), outcomes in outcomes(), query in query(true), parts in 1..3_usize,
    ) {
        let book = book();
        let expected = Oracle { events: &events, outcomes: &outcomes, book: &book }.answer(&query);
        let size = events.len().div_ceil(parts).max(1);
        let mut memory =
            events.chunks(size).fold(Memory::default(), |memory, chunk| memory.with(chunk, Form::SegmentWithCounters));
        (memory.outcomes, memory.book) = (outcomes, Arc::new(book));
        let answer = ask(&memory, &query.clone().path(PathChoice::Counters));
        prop_assert_eq!(said(&answer), expected);
        if query.since.is_none() && query.until.is_none() && query.by.is_empty() && query.filter.is_none() {
            let straddles = |part: &PartExplain| part.why.contains("boundary");
            prop_assert!(answer.explain.parts.iter().all(|part| part.path != Path::Scan || straddles(part)));
        }
        prop_assert_eq!(known(ask(&memory, &query.path(PathChoice::Scan))), known(answer));
    }

    #[test]
    fn rollups_equal_plain_loops(
        events in events(), outcomes in outcomes(), query in prop_oneof![2 => query(true), 1 => query(false)],
        rollups in prop::collection::vec(rollup(), 1..4), parts in 1..3_usize,
    ) {
        let book = book();
        let expected = Oracle { events: &events, outcomes: &outcomes, book: &book }.answer(&query);
        let size = events.len().div_ceil(parts).max(1);
        let memory = Memory { rollups, outcomes, book: Arc::new(book), ..Memory::default() };
        let memory =
            events.chunks(size).fold(memory, |memory, chunk| memory.with(chunk, Form::SegmentWithRollups));
        let answer = ask(&memory, &query);
        prop_assert_eq!(said(&answer), expected);
        if let Ok(forced) = View::new(&memory, Scope::default()).query(&query.clone().path(PathChoice::Rollup)) {
            prop_assert_eq!(known(forced), known(answer.clone()));
        }
        prop_assert_eq!(known(ask(&memory, &query.path(PathChoice::Scan))), known(answer));
    }

    #[test]
    fn pages_are_the_whole_in_pieces(
        events in events(), outcomes in outcomes(), query in query(false), size in 1..4_u64,
    ) {
        let mut memory = split(&events, 2);
        (memory.outcomes, memory.book) = (outcomes, Arc::new(book()));
        let whole = ask(&memory, &Query { limit: None, ..query.clone() });
        let mut rows = Vec::new();
        let mut page = ask(&memory, &query.clone().limit(size));
        while let Some(next) = page.next.take() {
            prop_assert_eq!(page.rows.len() as u64, size);
            rows.append(&mut page.rows);
            page = ask(&memory, &query.clone().limit(size).after(next));
            prop_assert_eq!(&page.totals, &whole.totals);
        }
        rows.append(&mut page.rows);
        prop_assert_eq!(rows, whole.rows);
    }
}
