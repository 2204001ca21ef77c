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
