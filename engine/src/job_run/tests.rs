use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::batch::{Batch, BatchBuilder};
use crate::event::Event;
use crate::format::container::{ContainerWriter, Identity};
use crate::format::names::FileKind;
use crate::io::{Disk, MemoryDisk};
use crate::limits::REPORTED_COST_MAX_PICO;
use crate::rows::{COUNTER_DIMENSIONS, CounterRows, EventRows};
use crate::schema::{Dimension, Number, TokenMeter};
use crate::segment::{self, Segment};
use crate::time::Timestamp;

const IDENTITY: Identity = Identity { store: [1; 16], file: 1 };

/// Events in the order of a segment, and that segment.
fn sealed(events: &[Event]) -> (Arc<dyn Disk>, Batch, Arc<Segment>) {
    let mut builder = BatchBuilder::default();
    events.iter().for_each(|event| builder.push(event));
    let batch = builder.finish().sorted();
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
    let segment = segment::write(&disk, IDENTITY, &batch).unwrap();
    let segment = Segment::open(&*disk, &segment, IDENTITY.store).unwrap();
    (disk, batch, Arc::new(segment))
}

fn event() -> impl Strategy<Value = Event> {
    let job = prop::option::of(0..4_u8);
    (0..1_000_i64, job, 0..2_u8, 0..3_u8, 0..60_000_u64, prop::option::of(0..3_u64)).prop_map(
        |(at, job, tenant, status, input, retry)| {
            let mut event = Event::new("id", Timestamp::from_seconds(1_767_225_600 + at))
                .with(Dimension::Workspace, "default")
                .with(Dimension::Tenant, format!("t{tenant}"))
                .with(Dimension::Model, if input % 2 == 0 { "even" } else { "odd" })
                .with(Dimension::Status, ["ok", "error", "cancelled"][usize::from(status)])
                .used(TokenMeter::Input, input);
            if let Some(job) = job {
                event = event.with(Dimension::JobId, format!("j{job}"));
            }
            if let Some(retry) = retry {
                event = event
                    .with_number(Number::RetryDepth, retry)
                    .with_number(Number::ReportedCost, REPORTED_COST_MAX_PICO);
            }
            event
        },
    )
}

/// Every sum by key, the naive way.
fn expected(events: &[Event]) -> BTreeMap<(Vec<Option<String>>, u8), [u128; 6]> {
    let mut sums: BTreeMap<_, [u128; 6]> = BTreeMap::new();
    for event in events {
        let key = COUNTER_DIMENSIONS.map(|dimension| event.get(dimension).map(String::from)).to_vec();
        let sum = sums.entry((key, event.context_band())).or_default();
        let adds = [
            1,
            u128::from(event.get(Dimension::Status) == Some("error")),
            u128::from(event.number(Number::RetryDepth).unwrap_or(0) > 0),
            event.quantity(TokenMeter::Input).into(),
            event.number(Number::ReportedCost).unwrap_or(0).into(),
            event.number(Number::ReportedCost).is_some().into(),
        ];
        sum.iter_mut().zip(adds).for_each(|(sum, add)| *sum += add);
    }
    sums
}

fn found(run: &JobRun) -> BTreeMap<(Vec<Option<String>>, u8), [u128; 6]> {
    let counters = [
        Counter::Events,
        Counter::Errors,
        Counter::Retries,
        Counter::Meter(TokenMeter::Input.into()),
        Counter::Number(Number::ReportedCost),
        Counter::NumberEvents(Number::ReportedCost),
    ];
    let mut sums: BTreeMap<_, [u128; 6]> = BTreeMap::new();
    for row in 0..run.rows() {
        let (block, within) = (row / crate::limits::BLOCK_ROWS, row % crate::limits::BLOCK_ROWS);
        let (mut codes, mut values) = (Vec::new(), Vec::new());
        let key = COUNTER_DIMENSIONS.map(|dimension| {
            run.codes(dimension, block, &mut codes).expect("read");
            run.dictionary(dimension).expect("read").get(codes[within]).map(String::from)
        });
        run.sums(&Counter::ContextBand, block, &mut values).expect("read");
        let band = u8::try_from(values[within]).expect("a band");
        let sum = sums.entry((key.to_vec(), band)).or_default();
        for (sum, counter) in sum.iter_mut().zip(&counters) {
            run.sums(counter, block, &mut values).expect("read");
            *sum += u128::from(values[within]);
        }
    }
    sums
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn counters_equal_the_sums_of_their_rows(events in prop::collection::vec(event(), 1..200)) {
        let (disk, batch, segment) = sealed(&events);
        let entry = write(&disk, IDENTITY, &batch).unwrap();
        let run = JobRun::open(&*disk, &entry, [1; 16], segment).unwrap();
        run.container().verify(&entry).unwrap();
        prop_assert_eq!(found(&run), expected(&events));
        let (mut first, mut last) = (Vec::new(), Vec::new());
        run.times(0, &mut first, &mut last).unwrap();
        let (from, to) = batch.time_range();
        prop_assert_eq!(first.iter().min(), Some(&from.micros()));
        prop_assert_eq!(last.iter().max(), Some(&to.micros()));
    }
}

fn forged() -> impl Strategy<Value = (Vec<u64>, Vec<u64>, Vec<u64>)> {
    let numbers = || prop::collection::vec(prop_oneof![0..4_u64, 0..400_u64, any::<u64>()], 0..40);
    (numbers(), numbers(), numbers())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn sound_checksums_around_any_numbers_are_read_or_refused(
        events in prop::collection::vec(event(), 1..60), (rows, counts, sums) in forged(), len in 0..40_usize,
    ) {
        let (disk, _, segment) = sealed(&events);
        let mut writer = ContainerWriter::create(&disk, FileKind::JobRun, IDENTITY).unwrap();
        writer.numbers(ROW, &rows).unwrap();
        writer.numbers(EVENTS, &counts).unwrap();
        for name in [SPAN, "use.input", "errors", "sum.reported_cost"] {
            writer.numbers(name, &sums).unwrap();
        }
        let entry = writer.finish(&[len as u8]).unwrap();
        let Ok(run) = JobRun::open(&*disk, &entry, [1; 16], segment) else { return Ok(()) };
        let (mut codes, mut values, mut first, mut last) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let read = run.codes(Dimension::JobId, 0, &mut codes)
            .and_then(|()| run.sums(&Counter::Errors, 0, &mut values))
            .and_then(|()| run.sums(&Counter::Retries, 0, &mut values))
            .and_then(|()| run.sums(&Counter::Meter(TokenMeter::Input.into()), 0, &mut values))
            .and_then(|()| run.times(0, &mut first, &mut last));
        if let Err(error) = read {
            prop_assert_eq!(error.kind(), crate::ErrorKind::Corrupt);
        }
    }
}
