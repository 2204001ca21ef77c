//! A condition on the rows of one part, and which rows of a block meet it.

use std::sync::Arc;

use quipu_engine::rows::{Counter, Quantity, Zone, ZoneColumn, time_of_zone};
use quipu_engine::{Dimension, Number, Result, Text};
use roaring::RoaringBitmap;

use super::mask::Mask;
use super::rows::{Rows, Spans};
use super::selected::Selected;
use crate::filter::NumberTest;

/// What a filter asks of the codes and numbers of a part.
pub(super) enum Test {
    Always,
    Never,
    Codes {
        dimension: Dimension,
        accepted: Vec<bool>,
    },
    /// Any value, or none.
    Carries {
        dimension: Dimension,
        present: bool,
    },
    /// One value.
    Code {
        dimension: Dimension,
        code: u32,
    },
    /// The rows of one value, by its index.
    Indexed(Arc<RoaringBitmap>),
    TagSets(Vec<bool>),
    /// A tag with a column of its own.
    TagCodes {
        key: Text,
        accepted: Vec<bool>,
    },
    Number(Quantity, NumberTest),
    /// Starts at the first or later and before the second.
    Time(i64, i64),
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
}

/// Space that is used again from block to block.
#[derive(Default)]
pub(super) struct Buffers {
    /// Zone maps may decide.
    pub(super) indexed: bool,
    codes: Vec<u32>,
    values: Vec<u64>,
    spans: Spans,
}

pub(super) fn all(tests: Vec<Test>) -> Test {
    let mut tests: Vec<Test> = tests.into_iter().filter(|test| !matches!(test, Test::Always)).collect();
    if tests.iter().any(|test| matches!(test, Test::Never)) {
        return Test::Never;
    }
    match tests.len() {
        0 => Test::Always,
        1 => tests.remove(0),
        _ => {
            // What an earlier test leaves out, a later one need not read.
            tests.sort_by_key(Test::effort);
            Test::All(tests)
        }
    }
}

pub(super) fn any(tests: Vec<Test>) -> Test {
    let mut tests: Vec<Test> = tests.into_iter().filter(|test| !matches!(test, Test::Never)).collect();
    if tests.iter().any(|test| matches!(test, Test::Always)) {
        return Test::Always;
    }
    match tests.len() {
        0 => Test::Never,
        1 => tests.remove(0),
        _ => Test::Any(tests),
    }
}

/// The condition that codes are accepted, where that is so of all or of none.
pub(super) fn constant(accepted: &[bool]) -> Option<Test> {
    if accepted.iter().all(|accepted| *accepted) {
        Some(Test::Always)
    } else if accepted.iter().any(|accepted| *accepted) {
        None
    } else {
        Some(Test::Never)
    }
}

/// Whether all of `first..=last` lies in `from..until`, or none of it does; `None` when only a part does.
pub(super) fn side(first: i64, last: i64, from: i64, until: i64) -> Option<bool> {
    if first >= from && last < until {
        Some(true)
    } else if last < from || first >= until {
        Some(false)
    } else {
        None
    }
}

impl Test {
    /// So many rows of the part meet it at most, where that is known.
    pub(super) fn most(&self) -> Option<u64> {
        match self {
            Self::Indexed(index) => Some(index.len()),
            Self::All(tests) => tests.iter().filter_map(Self::most).min(),
            _ => None,
        }
    }

    /// More for what takes longer to test.
    fn effort(&self) -> u8 {
        match self {
            Self::Always | Self::Never | Self::Indexed(_) => 0,
            Self::Codes { .. } | Self::Carries { .. } | Self::Code { .. } => 1,
            Self::TagSets(_) | Self::TagCodes { .. } | Self::Number(..) => 2,
            Self::Time(..) => 3,
            Self::All(tests) | Self::Any(tests) => tests.iter().map(Self::effort).max().unwrap_or(0),
            Self::Not(test) => test.effort(),
        }
    }

    /// The rows of a block that meet it, of those that are candidates; `None` when a counter row lies on both sides.
    pub(super) fn mask(
        &self,
        rows: Rows<'_>,
        block: usize,
        candidates: &Mask,
        buffers: &mut Buffers,
    ) -> Result<Option<Mask>> {
        if buffers.indexed
            && let Some(mask) = self.by_zone(rows, block)
        {
            return Ok(Some(mask));
        }
        let len = rows.block_len(block);
        // Where few rows are left to be tested, only these are read.
        let selected = Selected::few(candidates, len);
        Ok(Some(match self {
            Self::Always => Mask::All,
            Self::Never => Mask::None,
            Self::Codes { dimension, accepted } => {
                rows.codes_of(*dimension, block, &selected, &mut buffers.codes)?;
                selected.mask(&buffers.codes, |code| accepted[code as usize])
            }
            Self::Carries { dimension, present } => {
                rows.codes_of(*dimension, block, &selected, &mut buffers.codes)?;
                selected.mask(&buffers.codes, |code| (code != 0) == *present)
            }
            Self::Code { dimension, code } => {
                rows.codes_of(*dimension, block, &selected, &mut buffers.codes)?;
                selected.mask(&buffers.codes, |found| found == *code)
            }
            Self::Indexed(index) => Mask::of_index(index, rows, block),
            Self::TagSets(accepted) => match rows {
                Rows::Events(events) => {
                    selected.tag_set_codes(events, block, &mut buffers.codes)?;
                    selected.mask(&buffers.codes, |code| accepted[code as usize])
                }
                Rows::Counters(_) => return Ok(None),
            },
            Self::TagCodes { key, accepted } => match rows {
                Rows::Events(events) => {
                    selected.tag_codes(events, key, block, &mut buffers.codes)?;
                    selected.mask(&buffers.codes, |code| accepted[code as usize])
                }
                Rows::Counters(_) => return Ok(None),
            },
            Self::Number(quantity, test) => match rows {
                Rows::Events(events) => {
                    selected.quantities(events, quantity, block, &mut buffers.values)?;
                    selected.mask(&buffers.values, |stored| test.holds(stored.checked_sub(1)))
                }
                // A counter sums up either retries or other events.
                Rows::Counters(counters)
                    if (quantity, test) == (&Quantity::Number(Number::RetryDepth), &NumberTest::IS_RETRY) =>
                {
                    counters.sums(&Counter::Retries, block, &mut buffers.values)?;
                    Mask::of(&buffers.values, |retries| retries > 0)
                }
                Rows::Counters(_) => return Ok(None),
            },
            Self::Time(from, until) => {
                buffers.spans.start(block);
                if let Rows::Events(_) = rows {
                    buffers.spans.load(rows, &selected)?;
                    return Ok(Some(selected.mask(&buffers.spans.first, |at| *from <= at && at < *until)));
                }
                buffers.spans.load(rows, &Selected::new(&Mask::All, len))?;
                let spans = buffers.spans.first.iter().zip(buffers.spans.last());
                let sides = spans.enumerate().map(|(row, (first, last))| {
                    if candidates.contains(row) { side(*first, *last, *from, *until) } else { Some(false) }
                });
                match sides.collect::<Option<Vec<bool>>>() {
                    Some(passes) => Mask::of(&passes, |passes| passes),
                    None => return Ok(None),
                }
            }
            Self::All(tests) => return all_of(tests, rows, block, candidates, buffers),
            Self::Any(tests) => {
                let mut passes = Mask::None;
                for test in tests {
                    let Some(more) = test.mask(rows, block, candidates, buffers)? else { return Ok(None) };
                    passes = passes.or(more, len);
                }
                passes
            }
            Self::Not(test) => match test.mask(rows, block, candidates, buffers)? {
                Some(mask) => mask.not(len),
                None => return Ok(None),
            },
        }))
    }

    /// What the zone map of a block decides without reading it.
    fn by_zone(&self, rows: Rows<'_>, block: usize) -> Option<Mask> {
        let Rows::Events(events) = rows else { return None };
        match self {
            Self::Codes { dimension, accepted } => {
                let Zone { min, max } = events.zone(ZoneColumn::Codes(*dimension), block)?;
                let within = accepted.get(usize::try_from(min).ok()?..=usize::try_from(max).ok()?)?;
                match constant(within)? {
                    Self::Always => Some(Mask::All),
                    _ => Some(Mask::None),
                }
            }
            Self::Carries { dimension, present } => {
                let Zone { min, max } = events.zone(ZoneColumn::Codes(*dimension), block)?;
                (min > 0 || max == 0).then(|| Mask::constant((min > 0) == *present))
            }
            Self::Code { dimension, code } => {
                let Zone { min, max } = events.zone(ZoneColumn::Codes(*dimension), block)?;
                let within = (min..=max).contains(&u64::from(*code));
                (min == max || !within).then(|| Mask::constant(within))
            }
            Self::Time(from, until) => {
                let Zone { min, max } = events.zone(ZoneColumn::Time, block)?;
                side(time_of_zone(min), time_of_zone(max), *from, *until).map(Mask::constant)
            }
            Self::Number(quantity, test) => {
                let Zone { min, max } = events.zone(ZoneColumn::Quantity(quantity), block)?;
                (min == max).then(|| Mask::constant(test.holds(min.checked_sub(1))))
            }
            _ => None,
        }
    }
}

fn all_of(
    tests: &[Test],
    rows: Rows<'_>,
    block: usize,
    candidates: &Mask,
    buffers: &mut Buffers,
) -> Result<Option<Mask>> {
    let mut passes = candidates.clone();
    for test in tests {
        if passes == Mask::None {
            break;
        }
        let Some(more) = test.mask(rows, block, &passes, buffers)? else { return Ok(None) };
        passes = passes.and(more, rows.block_len(block));
    }
    Ok(Some(passes))
}
