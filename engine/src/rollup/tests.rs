use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::ErrorKind;
use crate::batch::{Batch, BatchBuilder};
use crate::event::Event;
use crate::format::container::{ContainerWriter, Identity};
use crate::format::names::FileKind;
use crate::io::{Disk, MemoryDisk};
use crate::limits::REPORTED_COST_MAX_PICO;
use crate::rows::{Counter, CounterRows, EventRows};
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
    let names = prop::option::of(0..3_u8);
    // Before and after 1970, and on both sides of many midnights.
    (-200_000..200_000_i64, names.clone(), names, 0..3_u8, 30_000..34_000_u64, prop::option::of(0..3_u64)).prop_map(
        |(at, team, feature, status, input, retry)| {
            let mut event = Event::new("id", Timestamp::from_micros(at * 1_000_003))
                .with(Dimension::Workspace, "default")
                .with(Dimension::Model, if input % 2 == 0 { "even" } else { "odd" })
                .with(Dimension::Status, ["ok", "error", "cancelled"][usize::from(status)])
                .used(TokenMeter::Input, input);
            for (dimension, value) in [(Dimension::Team, team), (Dimension::Feature, feature)] {
                if let Some(value) = value {
                    event = event.with(dimension, format!("v{value}"));
                }
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

fn rollup() -> impl Strategy<Value = Rollup> {
    let by = prop::sample::subsequence(vec![Dimension::Team, Dimension::Feature, Dimension::Tenant], 0..=3);
    (by, prop::sample::select(Every::ALL.to_vec())).prop_map(|(by, every)| Rollup::new(by, every).unwrap())
}

/// By the values of dimensions, band and step: events, errors, retries, input, reported cost, how many state it, and how
/// many lack some dimensions, of which no event has the last.
type Sums = BTreeMap<(Vec<Option<String>>, u8, i64), [u128; 9]>;

fn expected(rollup: &Rollup, events: &[Event]) -> Sums {
    let mut sums = Sums::new();
    for event in events {
        let key = rollup.dimensions().iter().map(|dimension| event.get(*dimension).map(String::from)).collect();
        let step = event.at.unwrap().micros().div_euclid(rollup.every().micros());
        let adds = [
            1,
            u128::from(event.get(Dimension::Status) == Some("error")),
            u128::from(event.number(Number::RetryDepth).unwrap_or(0) > 0),
            event.quantity(TokenMeter::Input).into(),
            event.number(Number::ReportedCost).unwrap_or(0).into(),
            event.number(Number::ReportedCost).is_some().into(),
            event.get(Dimension::Team).is_none().into(),
            event.get(Dimension::Feature).is_none().into(),
            1,
        ];
        let sum = sums.entry((key, event.context_band(), step)).or_default();
        sum.iter_mut().zip(adds).for_each(|(sum, add)| *sum += add);
    }
    sums
}

fn found(rollup: &Rollup, rows: &dyn CounterRows) -> Sums {
    let counters = [
        Counter::Events,
        Counter::Errors,
        Counter::Retries,
        Counter::Meter(TokenMeter::Input.into()),
        Counter::Number(Number::ReportedCost),
        Counter::NumberEvents(Number::ReportedCost),
        Counter::Lacking(Dimension::Team),
        Counter::Lacking(Dimension::Feature),
        Counter::Lacking(Dimension::Agent),
    ];
    let (mut sums, mut codes, mut values) = (Sums::new(), Vec::new(), Vec::new());
    let (mut first, mut last) = (Vec::new(), Vec::new());
    rows.times(0, &mut first, &mut last).unwrap();
    for row in 0..rows.rows() {
        let key = rollup.dimensions().into_iter().map(|dimension| {
            rows.codes(dimension, 0, &mut codes).unwrap();
            rows.dictionary(dimension).unwrap().get(codes[row]).map(String::from)
        });
        let key = key.collect();
        rows.sums(&Counter::ContextBand, 0, &mut values).unwrap();
        let step = first[row].div_euclid(rollup.every().micros());
        assert_eq!(step, last[row].div_euclid(rollup.every().micros()), "bounds lie in one step");
        let sum = sums.entry((key, u8::try_from(values[row]).unwrap(), step)).or_default();
        for (sum, counter) in sum.iter_mut().zip(&counters) {
            rows.sums(counter, 0, &mut values).unwrap();
            *sum += u128::from(values[row]);
        }
    }
    sums
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn rollups_equal_the_sums_of_their_rows(
        events in prop::collection::vec(event(), 1..200), declared in prop::collection::vec(rollup(), 0..4), most in 0..200_usize,
    ) {
        let (disk, batch, segment) = sealed(&events);
        let entry = write(&disk, IDENTITY, &batch, &declared, most).unwrap();
        let run = RollupRun::open(&*disk, &entry, IDENTITY.store, &segment).unwrap();
        run.container().verify(&entry).unwrap();
        prop_assert_eq!(run.declared(), &declared[..]);
        let kept: Vec<_> = run.kept().collect();
        let mut expected_kept = declared.iter().filter(|rollup| {
            expected(rollup, &events).len() <= most
        });
        for rolled in &kept {
            prop_assert_eq!(Some(&rolled.rollup), expected_kept.next());
            prop_assert_eq!(found(&rolled.rollup, &*rolled.rows), expected(&rolled.rollup, &events));
            let (from, to) = batch.time_range();
            let (mut first, mut last) = (Vec::new(), Vec::new());
            rolled.rows.times(0, &mut first, &mut last).unwrap();
            prop_assert_eq!(first.iter().min(), Some(&from.micros()));
            prop_assert_eq!(last.iter().max(), Some(&to.micros()));
        }
        prop_assert_eq!(expected_kept.next(), None);
    }

    #[test]
    fn the_text_form_and_the_bytes_come_back(rollup in rollup()) {
        prop_assert_eq!(&Rollup::parse(&rollup.to_string()).unwrap(), &rollup);
        let mut bytes = Vec::new();
        rollup.encode(&mut bytes);
        let mut reader = crate::codec::bytes::Reader::new(&bytes);
        prop_assert_eq!(Rollup::decode(&mut reader).unwrap(), rollup);
        reader.finish().unwrap();
    }

    #[test]
    fn sound_checksums_around_any_numbers_are_read_or_refused(
        events in prop::collection::vec(event(), 1..60),
        columns in prop::collection::vec(prop::collection::vec(prop_oneof![0..4_u64, 0..400_u64, any::<u64>()], 0..9), 4..=6),
        rows in 0..9_u8, meta in prop::collection::vec(any::<u8>(), 0..20), sound: bool,
    ) {
        let (disk, _, segment) = sealed(&events);
        let mut writer = ContainerWriter::create(&disk, FileKind::Rollups, IDENTITY).unwrap();
        let names = ["0.step", "0.events", "0.dim.team", "0.use.input", "0.band", "0.lack.feature"];
        for (name, values) in names.into_iter().zip(&columns) {
            writer.numbers(name, values).unwrap();
        }
        let by_team = [b"\x01\x01\x04team\x03day".as_slice(), &[rows]].concat();
        let entry = writer.finish(if sound { &by_team } else { &meta }).unwrap();
        let run = match RollupRun::open(&*disk, &entry, IDENTITY.store, &segment) {
            Ok(run) => run,
            Err(error) => { prop_assert_eq!(error.kind(), ErrorKind::Corrupt); return Ok(()) }
        };
        let (mut codes, mut values, mut first, mut last) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for rolled in run.kept() {
            let rows = rolled.rows;
            let lacking = [Dimension::Team, Dimension::Feature, Dimension::Agent].map(Counter::Lacking);
            let mut read = vec![rows.codes(Dimension::Team, 0, &mut codes), rows.times(0, &mut first, &mut last)];
            for counter in lacking.iter().chain(&[Counter::ContextBand, Counter::Meter(TokenMeter::Input.into())]) {
                read.push(rows.sums(counter, 0, &mut values));
                if read.last().is_some_and(Result::is_ok) {
                    prop_assert_eq!(values.len(), rows.rows());
                }
            }
            for error in read.into_iter().filter_map(Result::err) {
                prop_assert_eq!(error.kind(), ErrorKind::Corrupt);
            }
        }
    }
}

#[test]
fn a_rollup_without_what_it_must_say_of_a_lacking_dimension_is_damaged() {
    let event = |at| Event::new("id", Timestamp::from_seconds(at));
    let found = |events: &[Event]| {
        let (disk, _, segment) = sealed(events);
        let mut writer = ContainerWriter::create(&disk, FileKind::Rollups, IDENTITY).unwrap();
        writer.numbers("0.step", &[0]).unwrap();
        writer.numbers("0.events", &[2]).unwrap();
        let entry = writer.finish(b"\x01\x01\x04team\x03day\x01").unwrap();
        let run = RollupRun::open(&*disk, &entry, IDENTITY.store, &segment).unwrap();
        let (rows, mut sums) = (run.kept().next().unwrap().rows, Vec::new());
        rows.sums(&Counter::Lacking(Dimension::Feature), 0, &mut sums).map(|()| sums)
    };
    let search = |at| event(at).with(Dimension::Feature, "search");
    let refused = found(&[search(1), event(2)]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Corrupt);
    assert!(refused.to_string().contains("0.lack.feature"), "{refused}");
    assert_eq!(found(&[search(1), search(2)]).unwrap(), [0]);
    assert_eq!(found(&[event(1), event(2)]).unwrap(), [2]);
}

#[test]
fn what_is_no_rollup_is_refused_with_a_reason() {
    let refused = |text: &str| Rollup::parse(text).unwrap_err().to_string();
    assert!(refused("team").contains("every day"), "{}", refused("team"));
    assert!(refused("tema every day").contains("\"tema\""), "{}", refused("tema every day"));
    assert!(refused("team every week").contains("every hour or every day"), "{}", refused("team every week"));
    let nine = Dimension::ALL.iter().filter(|d| d.name().contains('_')).take(9).copied();
    assert!(Rollup::new(nine, Every::Day).unwrap_err().to_string().contains("at most 8"));
    assert_eq!(Rollup::parse("every day").unwrap(), Rollup::new([Dimension::Model], Every::Day).unwrap());
}

#[test]
fn few_times_fewer_rows_are_not_worth_their_bytes() {
    assert_eq!([0, 7, 8, 800].map(most_rows), [0, 0, 1, 100]);
}
