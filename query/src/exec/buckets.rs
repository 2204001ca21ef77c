//! Time buckets of a whole answer: those without an event, and those of a slice it is compared with.

use std::collections::BTreeMap;

use quipu_engine::{Error, ErrorKind, Result, Timestamp};

use super::groups::Groups;
use super::keys::KeyValue;
use super::plan::Plan;
use crate::calendar::{Bucket, Zone};
use crate::pivot::Pivot;
use crate::query::Query;

/// More buckets than this are not filled in.
const FILLED: usize = 100_000;

/// Whether the answer gets the buckets without an event.
pub(super) fn fills(query: &Query) -> Result<bool> {
    let times = query.by.iter().filter(|pivot| matches!(pivot, Pivot::Time(_))).count();
    match query.fill {
        Some(true) if times != 1 => {
            Err(Error::invalid(format!("fill needs one time bucket among the keys of the grouping, not {times}")))
        }
        Some(fill) => Ok(fill),
        None => Ok(times == 1 && query.by.len() == 1),
    }
}

/// Adds a group for every bucket of the time range, or of the time that the groups span, to every
/// combination of the other keys.
pub(super) fn fill(plan: &Plan<'_>, groups: &mut Groups) -> Result<()> {
    let query = plan.query;
    let Some((at, bucket)) = query.by.iter().enumerate().find_map(|(at, pivot)| time(pivot).map(|one| (at, one)))
    else {
        return Ok(());
    };
    let known = groups.values_of_key(at).iter().filter_map(|value| match value {
        KeyValue::Time(at) => Some(*at),
        _ => None,
    });
    let known: Vec<Timestamp> = known.collect();
    let after = |at: &Timestamp| Timestamp::from_micros(at.micros() + 1);
    let since = query.since.or_else(|| known.iter().min().copied());
    let until = query.until.or_else(|| known.iter().max().map(after));
    let (Some(since), Some(until)) = (since, until) else { return Ok(()) };
    let mut rest: Vec<Vec<KeyValue>> =
        (0..groups.len()).map(|group| groups.key_values(group).cloned().collect()).collect();
    if query.by.len() == 1 {
        rest = vec![vec![KeyValue::Null]];
    }
    rest.iter_mut().for_each(|key| key[at] = KeyValue::Null);
    rest.sort_unstable();
    rest.dedup();
    let starts = starts(&query.zone, bucket, since, until, FILLED / rest.len().max(1))?;
    for key in &rest {
        for start in &starts {
            let mut key = key.clone();
            key[at] = KeyValue::Time(*start);
            groups.add_empty(plan, key);
        }
    }
    Ok(())
}

fn time(pivot: &Pivot) -> Option<Bucket> {
    match pivot {
        Pivot::Time(bucket) => Some(*bucket),
        _ => None,
    }
}

/// The first instants of the buckets that touch `since..until`.
fn starts(zone: &Zone, bucket: Bucket, since: Timestamp, until: Timestamp, most: usize) -> Result<Vec<Timestamp>> {
    let mut starts = Vec::new();
    let mut at = since;
    while at < until {
        if starts.len() == most {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!(
                    "from {since} to {until} there are too many buckets of a {} to return those without an event; \
                     take a wider one, a shorter range, or fill=false",
                    bucket.name()
                ),
            ));
        }
        let (from, next) = zone.bucket(bucket, at);
        starts.push(from);
        at = next;
    }
    Ok(starts)
}

/// Which bucket of a slice stands for which one of the slice that it is compared with: the n-th for the n-th.
pub(super) struct Shift {
    /// Per key of the grouping; `None` where nothing moves.
    keys: Vec<Option<BTreeMap<Timestamp, Timestamp>>>,
}

impl Shift {
    /// From the buckets of `other` to those of `query`.
    pub(super) fn new(query: &Query, other: &Query) -> Result<Self> {
        let map = |pivot: &Pivot| -> Result<Option<BTreeMap<Timestamp, Timestamp>>> {
            let (Some(bucket), Some(to), Some(from), Some(until)) =
                (time(pivot), query.since, other.since, other.until)
            else {
                return Ok(None);
            };
            if (query.since, query.until) == (other.since, other.until) {
                return Ok(None);
            }
            let mut into = to;
            let mut map = BTreeMap::new();
            for start in starts(&query.zone, bucket, from, until, FILLED)? {
                let (target, next) = query.zone.bucket(bucket, into);
                map.insert(start, target);
                into = next;
            }
            Ok(Some(map))
        };
        Ok(Self { keys: query.by.iter().map(map).collect::<Result<_>>()? })
    }

    /// The key of a group of the other slice among the keys of this one.
    pub(super) fn key(&self, key: impl Iterator<Item = KeyValue>) -> Vec<KeyValue> {
        let moved = |(value, map): (KeyValue, &Option<BTreeMap<Timestamp, Timestamp>>)| match (&value, map) {
            (KeyValue::Time(at), Some(map)) => map.get(at).map_or(value, |to| KeyValue::Time(*to)),
            _ => value,
        };
        key.zip(&self.keys).map(moved).collect()
    }
}
