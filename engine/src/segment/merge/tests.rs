use std::sync::Arc;

use proptest::prelude::*;
use roaring::RoaringBitmap;

use super::*;
use crate::batch::{Batch, BatchBuilder};
use crate::correction::Field;
use crate::dedup::ContentHash;
use crate::format::container::Identity;
use crate::io::{Disk, MemoryDisk};
use crate::schema::{Number, TokenMeter};
use crate::segment::write;

const STORE: [u8; 16] = [3; 16];

fn event(n: u64, seed: u64) -> Event {
    let mixed = n.wrapping_mul(seed | 1) >> 3;
    let mut event =
        Event::new(format!("event-{n}"), Timestamp::from_seconds(1_767_225_600 + (mixed % 500).cast_signed()))
            .with(Dimension::Workspace, "default")
            .with(Dimension::Tenant, format!("t{}", mixed % 3))
            .with(Dimension::JobId, format!("j{}", mixed % 40))
            .used(TokenMeter::Input, mixed % 1_000);
    if mixed.is_multiple_of(3) {
        event = event.with(Dimension::Team, format!("team {mixed}")).tagged("k", format!("{}", mixed % 5));
    }
    if mixed.is_multiple_of(7) {
        event = event.with_number(Number::ReportedCost, mixed).used(Meter::Named("pages".into()), 3);
    }
    event
}

fn batch(events: &[Event]) -> Batch {
    let mut builder = BatchBuilder::default();
    for event in events {
        let completed = if event.tags.is_empty() { Vec::new() } else { vec![Field::Dimension(Dimension::Team)] };
        let replaced = event.number(Number::ReportedCost).is_some_and(|cost| cost.is_multiple_of(2));
        builder.push_corrected(event, &Mark { replaced, completed, ..Mark::default() }, ContentHash::default());
    }
    builder.finish().sorted()
}

fn segment(disk: &Arc<dyn Disk>, file: u64, rows: &dyn SortedRows) -> Arc<Segment> {
    let entry = write(disk, Identity { store: STORE, file }, rows).expect("memory");
    Arc::new(Segment::open(&**disk, &entry, STORE).expect("sound"))
}

/// Cuts events into segments, merges those, and compares with the segment that was never cut.
fn merged_equals_whole(events: &[Event], cuts: &[usize], out: impl Fn(usize) -> bool) {
    let memory = MemoryDisk::default();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let (mut inputs, mut going_on) = (Vec::new(), Vec::new());
    let bounds: Vec<usize> = std::iter::once(0).chain(cuts.iter().copied()).chain([events.len()]).collect();
    for (file, bounds) in (1..).zip(bounds.windows(2)) {
        let part = batch(&events[bounds[0]..bounds[1]]);
        if part.is_empty() {
            continue;
        }
        let left_out: RoaringBitmap = (0..part.len()).filter(|row| out(*row)).map(|row| row as u32).collect();
        let kept = (0..part.len()).filter(|row| !out(*row));
        going_on.extend(kept.map(|row| part.event(row).expect("in memory")));
        let left_out = (!left_out.is_empty()).then(|| Arc::new(left_out));
        inputs.push(Input { segment: segment(&disk, file, &part), left_out });
    }
    let merged = MergedRows::new(inputs).expect("few");
    assert_eq!(merged.rows(), going_on.len());
    if going_on.is_empty() {
        return;
    }
    segment(&disk, 1_000, &merged);
    let merged_file = memory.files().remove("seg/S-0000001000.qs");
    memory.overwrite("seg/S-0000001000.qs", None);
    segment(&disk, 1_000, &batch(&going_on));
    assert!(merged_file == memory.files().remove("seg/S-0000001000.qs"), "the bytes differ");
    for row in [0, merged.rows() / 2, merged.rows() - 1] {
        let event = merged.event(row).expect("there");
        assert!(going_on.contains(&event));
    }
    let mut places: Vec<u32> = (0..merged.inputs.len()).flat_map(|input| merged.places(input)).flatten().collect();
    places.sort_unstable();
    assert!(places.into_iter().eq(0..merged.rows() as u32), "each row has one place");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn merging_what_was_cut_gives_the_segment_that_was_not(
        count in 1..300_usize, seed: u64, cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6), out in 1..9_usize,
    ) {
        let events: Vec<Event> = (0..count as u64).map(|n| event(n, seed)).collect();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(count)).collect();
        cuts.sort_unstable();
        merged_equals_whole(&events, &cuts, |_| false);
        merged_equals_whole(&events, &cuts, |row| row % out == 0);
    }
}

#[test]
fn blocks_are_crossed_rightly_and_blocks_of_which_nothing_goes_on_are_passed_over() {
    let events: Vec<Event> = (0..50_000).map(|n| event(n, 0x9E37_79B9_7F4A_7C15)).collect();
    merged_equals_whole(&events, &[20_000, 20_001, 40_000], |_| false);
    merged_equals_whole(&events, &[40_000], |row| (BLOCK_ROWS..2 * BLOCK_ROWS).contains(&row) || row % 3 == 1);
}

/// An event with a tag of few values and, if its number says so, with some that few or no others share.
fn varied(n: u64, seed: u64) -> Event {
    let mixed = n.wrapping_mul(seed | 1) >> 7;
    let event = event(n, seed).tagged("env", format!("{}", mixed % 2));
    match mixed % 4 {
        0 => event,
        1 => event.tagged("request", format!("r{n}")).tagged("zip", format!("{}", mixed % 50)),
        _ => event.tagged("request", format!("r{n}")),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn tags_that_vary_survive_merges_of_segments_with_and_without_columns_of_them(
        count in 1..300_usize, seed: u64, cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6), out in 1..9_usize,
    ) {
        let events: Vec<Event> = (0..count as u64).map(|n| varied(n, seed)).collect();
        let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut.index(count)).chain([0, count]).collect();
        bounds.sort_unstable();
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
        let (mut inputs, mut expected) = (Vec::new(), Vec::new());
        for (file, bounds) in (1..).zip(bounds.windows(2)) {
            let part = batch(&events[bounds[0]..bounds[1]]);
            let segment = segment(&disk, file, &part);
            let read: Vec<Event> = (0..part.len()).map(|row| segment.event(row).unwrap()).collect();
            let loaded = segment.load().unwrap();
            for (row, read) in read.iter().enumerate() {
                prop_assert_eq!(read, &part.event(row).unwrap());
                prop_assert_eq!(read, &loaded.event(row).unwrap());
            }
            let left_out: RoaringBitmap = (0..part.len()).filter(|row| row % out == 0).map(|row| row as u32).collect();
            expected.extend(read.into_iter().enumerate().filter(|(row, _)| row % out != 0).map(|(_, event)| event));
            inputs.push(Input { segment, left_out: Some(Arc::new(left_out)) });
        }
        let merged = MergedRows::new(inputs).unwrap();
        let whole = segment(&disk, 1_000, &merged);
        let by_id = |event: &Event| event.id.clone();
        let mut read: Vec<Event> = (0..whole.rows()).map(|row| whole.event(row).unwrap()).collect();
        read.sort_by_key(by_id);
        expected.sort_by_key(by_id);
        prop_assert_eq!(&read, &expected);
        prop_assert!(whole.tag_sets().unwrap().len() <= 16.max(whole.rows() / 8).max(2));
        let mut in_memory: Vec<Event> = (0..merged.rows()).map(|row| merged.event(row).unwrap()).collect();
        in_memory.sort_by_key(by_id);
        prop_assert_eq!(&in_memory, &expected);
        if whole.has_tag_column("request") {
            let values = whole.tag_dictionary("request").unwrap();
            let tagged = expected.iter().filter(|event| event.tags.get("request").is_some()).count();
            prop_assert_eq!(values.len(), tagged, "only values that still occur are kept");
        }
    }
}
