//! What a merge must not change: counts and sums, read back from the files themselves.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use crate::batch::Texts;
use crate::dedup::{IdRun, Secret};
use crate::error::Result;
use crate::limits::BLOCK_ROWS;
use crate::outcome::DEFAULT_WORKSPACE;
use crate::rows::{EventRows, Quantity};
use crate::schema::{Dimension, Number};
use crate::segment::Segment;

/// Totals of rows that do not depend on how they are divided into segments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    rows: u64,
    /// Of each column the sum of what is stored and how many rows have a value; of codes only the latter.
    columns: BTreeMap<String, (u128, u64)>,
    /// The sum and the parity of the fingerprints of all ids.
    fingerprints: (u64, u64),
}

impl Totals {
    /// Adds the rows of a segment but those left out.
    pub(super) fn add_rows(&mut self, segment: &Segment, left_out: Option<&RoaringBitmap>) -> Result<()> {
        let kept = segment.rows() as u64 - left_out.map_or(0, RoaringBitmap::len);
        self.rows += kept;
        let mut wide = Vec::new();
        self.add_column("at", segment, left_out, |block, out| {
            let mut times = Vec::new();
            segment.times(block, &mut times)?;
            out.extend(times.into_iter().map(crate::rows::zone_time));
            Ok(())
        })?;
        for dimension in Dimension::ALL {
            // Codes themselves are renumbered; how many rows have a value is not.
            self.add_column(&format!("dim.{dimension}"), segment, left_out, |block, out| {
                segment.codes_below(*dimension, usize::MAX, block, &mut wide)?;
                out.extend(wide.iter().map(|code| u64::from(*code > 0)));
                Ok(())
            })?;
        }
        // Which tags are in sets is decided anew; how many a row has is not.
        let sets = segment.read_tag_sets()?;
        let columns = segment.tag_columns();
        self.add_column("tags", segment, left_out, |block, out| {
            segment.tag_set_codes_below(sets.len(), block, &mut wide)?;
            out.extend(wide.iter().map(|code| sets.get(*code).len() as u64));
            for key in &columns {
                segment.tag_codes_below(key, usize::MAX, block, &mut wide)?;
                out.iter_mut().zip(&wide).for_each(|(tags, code)| *tags += u64::from(*code > 0));
            }
            Ok(())
        })?;
        let numbers = Number::ALL.iter().map(|number| Quantity::Number(*number)).chain([Quantity::ContextBand]);
        for quantity in numbers.chain(segment.meters().into_iter().map(Quantity::Meter)) {
            let name = format!("{quantity:?}");
            self.add_column(&name, segment, left_out, |block, out| segment.quantities(&quantity, block, out))?;
        }
        Ok(())
    }

    fn add_column(
        &mut self,
        name: &str,
        segment: &Segment,
        left_out: Option<&RoaringBitmap>,
        mut read: impl FnMut(usize, &mut Vec<u64>) -> Result<()>,
    ) -> Result<()> {
        let (mut sum, mut present, mut values) = (0, 0, Vec::new());
        for block in 0..segment.rows().div_ceil(BLOCK_ROWS) {
            values.clear();
            read(block, &mut values)?;
            for (row, value) in ((block * BLOCK_ROWS) as u32..).zip(&values) {
                if left_out.is_none_or(|out| !out.contains(row)) {
                    sum += u128::from(*value);
                    present += u64::from(*value > 0);
                }
            }
        }
        if present > 0 {
            let total = self.columns.entry(name.into()).or_default();
            *total = (total.0 + sum, total.1 + present);
        }
        Ok(())
    }

    /// Adds the fingerprints that an id run holds of the rows but those left out.
    pub(super) fn add_run(&mut self, run: &IdRun, left_out: Option<&RoaringBitmap>) -> Result<()> {
        let kept = run.all()?.filter(|record| left_out.is_none_or(|out| !out.contains(record.row)));
        kept.for_each(|record| self.add_fingerprint(record.fingerprint));
        Ok(())
    }

    /// Adds the fingerprints that the ids of a segment have.
    pub(super) fn add_ids(&mut self, segment: &Segment, secret: &Secret) -> Result<()> {
        let workspaces = segment.read_dictionary(Dimension::Workspace)?;
        let (mut ids, mut codes) = (Texts::default(), Vec::new());
        for block in 0..segment.rows().div_ceil(BLOCK_ROWS) {
            ids.clear();
            segment.ids(block, &mut ids)?;
            segment.codes_below(Dimension::Workspace, workspaces.len(), block, &mut codes)?;
            for (id, code) in ids.iter().zip(&codes) {
                let workspace = workspaces.get(*code).unwrap_or(DEFAULT_WORKSPACE);
                self.add_fingerprint(secret.fingerprint(workspace, id).short());
            }
        }
        Ok(())
    }

    fn add_fingerprint(&mut self, fingerprint: u64) {
        let (sum, parity) = self.fingerprints;
        self.fingerprints = (sum.wrapping_add(fingerprint), parity ^ fingerprint);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::batch::BatchBuilder;
    use crate::dedup;
    use crate::event::Event;
    use crate::format::container::Identity;
    use crate::io::{Disk, MemoryDisk};
    use crate::schema::TokenMeter;
    use crate::segment;
    use crate::time::Timestamp;

    const STORE: [u8; 16] = [2; 16];

    fn events() -> Vec<Event> {
        let event = |n: u64| {
            Event::new(format!("e{n}"), Timestamp::from_seconds(1_767_225_600 + n.cast_signed()))
                .with(Dimension::Team, "blue")
                .with_number(Number::DurationMs, n)
                .used(TokenMeter::Input, 7)
        };
        (0..50).map(event).collect()
    }

    /// The totals by rows and ids, and by the id run.
    fn totals(events: &[Event]) -> (Totals, Totals) {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
        let secret = Secret::random(&*disk).expect("randomness");
        let mut builder = BatchBuilder::default();
        events.iter().for_each(|event| builder.push(event));
        let batch = builder.finish().sorted();
        let identity = Identity { store: STORE, file: 1 };
        let entry = segment::write(&disk, identity, &batch).expect("memory");
        let segment = Segment::open(&*disk, &entry, STORE).expect("sound");
        let entry = dedup::write(&disk, identity, &secret, &batch).expect("memory");
        let run = IdRun::open(&*disk, &entry, STORE).expect("sound");
        let (mut by_rows, mut by_run) = (Totals::default(), Totals::default());
        by_rows.add_rows(&segment, None).expect("sound");
        by_run.clone_from(&by_rows);
        by_rows.add_ids(&segment, &secret).expect("sound");
        by_run.add_run(&run, None).expect("sound");
        (by_rows, by_run)
    }

    #[test]
    fn whatever_a_merge_could_lose_shows() {
        let (by_rows, by_run) = totals(&events());
        assert_eq!(by_rows, by_run);
        let alter: [fn(&mut Vec<Event>); 7] = [
            |events| drop(events.pop()),
            |events| events[3] = events[4].clone(),
            |events| events[3].id = Some("another".into()),
            |events| events[3] = events[3].clone().used(TokenMeter::Input, 8),
            |events| events[3] = events[3].clone().with_number(Number::DurationMs, 4),
            |events| events[3].at = Some(Timestamp::from_seconds(1_767_225_600)),
            |events| events[3].dimensions = crate::event::Sparse::default(),
        ];
        for (place, alter) in alter.into_iter().enumerate() {
            let mut altered = events();
            alter(&mut altered);
            assert_ne!(totals(&altered).0, by_rows, "alteration {place}");
        }
    }
}
