//! The columns that groups are made of, as codes of one part.

use std::sync::Arc;

use hashbrown::HashMap;
use quipu_engine::dictionary::{Dictionary, Interner};
use quipu_engine::jobs::PartJobs;
use quipu_engine::rows::Quantity;
use quipu_engine::{Dimension, Number, Result, Text, Timestamp};

use super::lacking::{self, Lacks};
use super::plan::Plan;
use super::rows::{Rows, Spans};
use super::selected::Selected;
use crate::calendar::{Bucket, Zone};
use crate::pivot::Pivot;
use crate::value::Value;

/// A column of a group's key in one part. Code 0 is absent, except in time buckets.
pub(super) enum KeyColumn {
    Dimension(Dimension, Arc<Dictionary>),
    Tag {
        of_set: Vec<u32>,
        values: Dictionary,
    },
    /// A tag with a column of its own.
    TagColumn(Text, Arc<Dictionary>),
    Number {
        number: Number,
        codes: HashMap<u64, u32>,
        values: Vec<u64>,
    },
    Time {
        bucket: Bucket,
        zone: Zone,
        buckets: Buckets,
        /// There can be no more of them.
        most: u64,
    },
    /// The set of fields that an event lacks.
    Lacking,
    /// The bucket that each job of a cohort belongs to; all rows are of such jobs.
    JobTime {
        of_job: Vec<u32>,
        buckets: Buckets,
    },
}

/// A value of a key column, for recognising it in other parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum KeyValue {
    Null,
    Text(Text),
    Number(Number, u64),
    Time(Timestamp),
    Lacks(Lacks),
}

impl KeyColumn {
    pub(super) fn new(
        pivot: &Pivot,
        plan: &Plan<'_>,
        part: usize,
        rows: Rows<'_>,
        (first, last): (Timestamp, Timestamp),
    ) -> Result<Self> {
        let zone = &plan.query.zone;
        Ok(match pivot {
            Pivot::Time(bucket) if plan.cohort.is_some() => Self::job_time(*bucket, zone, plan, part),
            Pivot::Dimension(dimension) => Self::Dimension(*dimension, rows.dictionary(*dimension)?),
            Pivot::Tag(key) => Self::tag(key, rows)?,
            Pivot::Number(number) => Self::Number { number: *number, codes: HashMap::new(), values: Vec::new() },
            Pivot::Lacking => Self::Lacking,
            Pivot::Time(bucket) => {
                let micros = last.micros().saturating_sub(first.micros());
                let most = u64::try_from(micros / bucket.usual_micros()).unwrap_or(u64::MAX).saturating_add(2);
                Self::Time { bucket: *bucket, zone: zone.clone(), buckets: Buckets::of(*bucket), most }
            }
        })
    }

    fn tag(key: &str, rows: Rows<'_>) -> Result<Self> {
        let mut interner = Interner::default();
        let mut of_set = Vec::new();
        if let Rows::Events(events) = rows {
            if events.has_tag_column(key) {
                return Ok(Self::TagColumn(key.into(), events.tag_dictionary(key)?));
            }
            let sets = events.tag_sets()?;
            let codes = 0..u32::try_from(sets.len()).unwrap_or(u32::MAX);
            of_set.extend(codes.map(|set| sets.value(set, key).map_or(0, |value| interner.intern(value))));
        }
        Ok(Self::Tag { of_set, values: interner.finish() })
    }

    fn job_time(bucket: Bucket, zone: &Zone, plan: &Plan<'_>, part: usize) -> Self {
        let mut buckets = Buckets::of(bucket);
        let mut of_job = vec![0];
        for job in plan.part_jobs(part).into_iter().flat_map(PartJobs::numbers) {
            let at = plan.cohort.as_ref().and_then(|cohort| cohort.instant(job));
            of_job.push(at.map_or(0, |at| buckets.find(at, |at| zone.bucket(bucket, at)).code));
        }
        Self::JobTime { of_job, buckets }
    }

    /// Codes are below this.
    pub(super) fn domain(&self, rows: Rows<'_>) -> u64 {
        let values = match self {
            Self::Dimension(_, dictionary) | Self::TagColumn(_, dictionary) => dictionary.len(),
            Self::Tag { values, .. } => values.len(),
            // Numbered in the order of first sight, so there are no more codes than rows.
            Self::Number { .. } => rows.len(),
            Self::Time { most, .. } => return *most,
            Self::Lacking => lacking::SETS,
            Self::JobTime { buckets, .. } => buckets.starts.len(),
        };
        values as u64 + 1
    }

    /// How many values the dictionary of a dimension has; 0 for other columns.
    pub(super) fn dictionary_len(&self) -> usize {
        match self {
            Self::Dimension(_, dictionary) => dictionary.len(),
            _ => 0,
        }
    }

    /// Replaces `out` by the codes of the selected rows; false when a row lies in two time buckets.
    pub(super) fn read(
        &mut self,
        rows: Rows<'_>,
        block: usize,
        selected: &Selected,
        spans: &mut Spans,
        out: &mut Vec<u32>,
    ) -> Result<bool> {
        match self {
            Self::Dimension(dimension, _) => {
                rows.codes_of(*dimension, block, selected, out)?;
            }
            Self::Tag { of_set, .. } => {
                if let Rows::Events(events) = rows {
                    selected.tag_set_codes(events, block, out)?;
                }
                out.iter_mut().for_each(|code| *code = of_set[*code as usize]);
            }
            Self::TagColumn(key, _) => {
                if let Rows::Events(events) = rows {
                    selected.tag_codes(events, key, block, out)?;
                }
            }
            Self::Number { number, codes, values } => {
                let mut stored = Vec::new();
                if let Rows::Events(events) = rows {
                    selected.quantities(events, &Quantity::Number(*number), block, &mut stored)?;
                }
                out.clear();
                out.extend(stored.iter().map(|stored| match stored {
                    0 => 0,
                    stored => *codes.entry(*stored).or_insert_with(|| {
                        values.push(stored - 1);
                        u32::try_from(values.len()).unwrap_or(u32::MAX)
                    }),
                }));
            }
            Self::Time { bucket, zone, buckets, .. } => {
                out.clear();
                if let Some((first, last)) = rows.zone(block) {
                    let found = buckets.find(first, |at| zone.bucket(*bucket, at));
                    if last < found.until {
                        out.resize(selected.len, found.code);
                        return Ok(true);
                    }
                }
                spans.load(rows, selected)?;
                for (first, last) in spans.first.iter().zip(spans.last()) {
                    let found = buckets.find(*first, |at| zone.bucket(*bucket, at));
                    if *last >= found.until {
                        return Ok(false);
                    }
                    out.push(found.code);
                }
            }
            Self::Lacking => {
                lacking::read(rows, block, out)?;
                selected.compact(out);
            }
            Self::JobTime { of_job, .. } => {
                rows.codes_of(Dimension::JobId, block, selected, out)?;
                out.iter_mut().for_each(|code| *code = of_job[*code as usize]);
            }
        }
        Ok(true)
    }

    /// The value that a code of this part stands for.
    pub(super) fn value(&self, code: u32) -> KeyValue {
        let text = |values: &Dictionary| values.get(code).map_or(KeyValue::Null, |value| KeyValue::Text(value.into()));
        match self {
            Self::Dimension(_, values) | Self::TagColumn(_, values) => text(values),
            Self::Tag { values, .. } => text(values),
            Self::Number { number, values, .. } => (code as usize)
                .checked_sub(1)
                .and_then(|at| values.get(at))
                .map_or(KeyValue::Null, |value| KeyValue::Number(*number, *value)),
            Self::Lacking => KeyValue::Lacks(Lacks::of_code(code)),
            Self::Time { buckets, .. } | Self::JobTime { buckets, .. } => KeyValue::Time(buckets.starts[code as usize]),
        }
    }
}

impl From<&KeyValue> for Value {
    fn from(key: &KeyValue) -> Self {
        match key {
            KeyValue::Null => Self::Null,
            KeyValue::Text(text) => Self::Text(text.clone()),
            KeyValue::Number(Number::ReportedCost, pico) => {
                Self::Money(quipu_engine::PicoUsd::from_pico(i128::from(*pico)))
            }
            KeyValue::Number(_, number) => Self::Count(u128::from(*number)),
            KeyValue::Time(at) => Self::Time(*at),
            KeyValue::Lacks(lacks) => Self::Text(lacks.names()),
        }
    }
}

/// The time buckets seen so far; the calendar is asked once for each.
pub(super) struct Buckets {
    /// In the order of time.
    known: Vec<KnownBucket>,
    /// Which known bucket an instant was last found in, by its upper bits: mostly the right one, or beside it.
    hints: Vec<u32>,
    /// The bits that do not matter for a hint.
    shift: u32,
    /// The first instant of each code.
    starts: Vec<Timestamp>,
}

#[derive(Clone, Copy)]
struct KnownBucket {
    from: i64,
    until: i64,
    code: u32,
}

/// A power of two, enough for the hours of a month.
const HINTS: usize = 4_096;

impl Buckets {
    fn of(bucket: Bucket) -> Self {
        // A hint is for at most the length of a bucket, so that it touches no more than two of them.
        let shift = bucket.usual_micros().unsigned_abs().ilog2();
        Self { known: Vec::new(), hints: vec![0; HINTS], shift, starts: Vec::new() }
    }

    #[inline]
    fn find(&mut self, at: i64, calendar: impl Fn(Timestamp) -> (Timestamp, Timestamp)) -> KnownBucket {
        let hint = (at >> self.shift).cast_unsigned() as usize % HINTS;
        let near = self.hints[hint] as usize;
        for near in [near, near + 1] {
            if let Some(bucket) = self.known.get(near)
                && bucket.from <= at
                && at < bucket.until
            {
                return *bucket;
            }
        }
        self.search(at, hint, calendar)
    }

    #[cold]
    fn search(&mut self, at: i64, hint: usize, calendar: impl Fn(Timestamp) -> (Timestamp, Timestamp)) -> KnownBucket {
        let after = self.known.partition_point(|bucket| bucket.from <= at);
        let before = after.checked_sub(1).filter(|before| at < self.known[*before].until);
        let place = before.unwrap_or_else(|| {
            let (from, until) = calendar(Timestamp::from_micros(at));
            let code = u32::try_from(self.starts.len()).unwrap_or(u32::MAX);
            self.starts.push(from);
            self.known.insert(after, KnownBucket { from: from.micros(), until: until.micros(), code });
            after
        });
        self.hints[hint] = u32::try_from(place).unwrap_or(u32::MAX);
        self.known[place]
    }
}
