use std::sync::Arc;

use super::*;
use crate::batch::{Batch, BatchBuilder};
use crate::event::Event;
use crate::format::container::{FileEntry, Identity};
use crate::io::{Disk, MemoryDisk};
use crate::rows::{EventRows, Quantity, ZoneColumn, zone_time};
use crate::schema::{Dimension, Meter, Number, TokenMeter};
use crate::time::Timestamp;

pub(super) const STORE: [u8; 16] = [9; 16];

pub(super) fn batch(rows: u64) -> Batch {
    let mut builder = BatchBuilder::default();
    for n in 0..rows {
        let event = Event::new(format!("id-{n}"), Timestamp::from_seconds(1_767_225_600 + n.cast_signed()))
            .with(Dimension::Tenant, format!("t{}", n % 7))
            .with(Dimension::JobType, format!("j{}", n % 3))
            .used(TokenMeter::Input, n)
            .used(Meter::Named("pages".into()), 3)
            .with_number(Number::ReportedCost, n * 1_000_000_007)
            .with(Dimension::TraceId, format!("{:032x}", u128::from(n / 3).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C)))
            .with(Dimension::Model, format!("m{}", n % 6))
            .with(Dimension::Provider, format!("p{}", n % 6 / 2))
            .with(Dimension::ModelTier, format!("{}", n % 11 / 8));
        // Some parents are rows of the segment, one way or the other, and some are not.
        let event = match n % 4 {
            0 => event,
            1 => event.with(Dimension::ParentId, format!("id-{}", n - 1)),
            2 => event.with(Dimension::ParentId, format!("id-{}", n + 1)),
            _ => event.with(Dimension::ParentId, format!("elsewhere-{}", n % 9)),
        };
        builder.push(&if n % 5 == 0 {
            event.tagged("k", format!("{}", n % 4)).tagged("request", format!("r{n}")).with(Dimension::Team, "x")
        } else {
            event
        });
    }
    builder.finish().sorted()
}

fn segment(batch: &Batch) -> (Segment, FileEntry, MemoryDisk) {
    let memory = MemoryDisk::default();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let entry = write(&disk, Identity { store: STORE, file: 1 }, batch).expect("written");
    (Segment::open(&*disk, &entry, STORE).expect("opened"), entry, memory)
}

#[test]
fn a_segment_reads_like_the_batch_it_was_written_from() {
    let batch = batch(40_000);
    let (segment, entry, _) = segment(&batch);
    segment.container().verify(&entry).expect("undamaged");
    assert_eq!((segment.rows(), segment.time_range()), (batch.len(), batch.time_range()));
    assert_eq!(segment.meters(), batch.meters());
    for block in 0..3 {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for dimension in Dimension::ALL {
            segment.codes(*dimension, block, &mut a).expect("read");
            batch.codes(*dimension, block, &mut b).expect("read");
            assert_eq!(a, b, "{dimension}");
            assert_eq!(segment.dictionary(*dimension).expect("read"), batch.dictionary(*dimension).expect("read"));
        }
        let quantities =
            [Quantity::Meter(TokenMeter::Input.into()), Quantity::Number(Number::ReportedCost), Quantity::ContextBand];
        for quantity in &quantities {
            let (mut a, mut b) = (Vec::new(), Vec::new());
            segment.quantities(quantity, block, &mut a).expect("read");
            batch.quantities(quantity, block, &mut b).expect("read");
            assert_eq!(a, b, "{quantity:?}");
            let zone = segment.zone(ZoneColumn::Quantity(quantity), block).expect("known");
            assert_eq!((zone.min, zone.max), (*b.iter().min().expect("rows"), *b.iter().max().expect("rows")));
        }
        let mut times = Vec::new();
        segment.times(block, &mut times).expect("read");
        let zone = segment.zone(ZoneColumn::Time, block).expect("known");
        assert_eq!(zone.min, zone_time(*times.iter().min().expect("rows")));
    }
    let section = |name: &str| segment.container().section(name).is_some();
    assert!(section("of.model.provider") && !section("dim.provider"), "the provider follows from the model");
    assert!(section("dim.model_tier") && !section("of.model.model_tier"), "the tier does not");
    for row in [0, 1, 2, 3, 16_383, 16_384, 39_998, 39_999] {
        assert_eq!(segment.event(row).expect("read"), batch.event(row).expect("read"), "row {row}");
    }
    assert!(segment.event(40_000).is_err());
}

#[test]
fn bitmaps_name_the_rows_of_each_value() {
    let (segment, ..) = segment(&batch(20_000));
    let mut indexed = 0;
    for dimension in [Dimension::Tenant, Dimension::Team, Dimension::JobType] {
        let dictionary = segment.dictionary(dimension).expect("read");
        for code in 0..=u32::try_from(dictionary.len()).expect("small") {
            let Some(rows) = segment.rows_with(dimension, code).expect("read") else { continue };
            indexed += 1;
            let mut expected = Vec::new();
            for block in 0..2_u32 {
                let mut codes = Vec::new();
                segment.codes(dimension, block as usize, &mut codes).expect("read");
                expected.extend((block * 16_384..).zip(codes).filter(|(_, c)| *c == code).map(|(row, _)| row));
            }
            assert!(rows.iter().eq(expected), "{dimension} {code}");
        }
    }
    assert!(indexed > 8, "the values of tenant and team lie in few runs");
    assert!(segment.rows_with(Dimension::Model, 1).expect("read").is_none());
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let (_, a, first) = segment(&batch(3_000));
    let (_, b, second) = segment(&batch(3_000));
    assert_eq!(a, b);
    assert_eq!(first.files(), second.files());
}
