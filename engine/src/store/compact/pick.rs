//! Which parts are merged next: a pure function of the manifest.
//!
//! Parts compete within a *group*: a month whose rows fit one segment, else a week that does, else a day. Small parts
//! are merged first, several of similar size at a time, so that each row is rewritten a few times in all. The merged
//! part's window is the smallest that holds its inputs; so windows grow from days to weeks to months as long as the
//! result stays small enough.

use std::collections::BTreeMap;

use crate::format::manifest::PartEntry;
use crate::segment::{INPUTS_MAX, Window};

/// Parts that are merged at a time.
const FAN_IN: usize = 4;
/// As long as the result is smaller than this, more are waited for: such parts cost little and come often.
const SMALL_ROWS: u64 = 1 << 20;
const SMALL_FAN_IN: usize = 10;
/// A part is written anew by itself once one in so many of its rows does not count.
const MASKED_SHARE: u64 = 4;

/// How eagerly parts are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Zeal {
    /// Beside other work, so that rewriting stays cheap.
    Due,
    /// Until no two parts of a group fit one segment.
    All,
}

/// The parts to merge next, by their places, and the window of what comes out; `None` when there is nothing to do.
pub(super) fn pick(parts: &[PartEntry], rows_max: u64, zeal: Zeal) -> Option<(Vec<usize>, Window)> {
    let candidates = groups(parts, rows_max).into_values();
    // The group with the most parts gains most.
    let picked = candidates.filter_map(|group| pick_in(parts, group, rows_max, zeal));
    let picked = picked.max_by_key(|places| (places.len(), std::cmp::Reverse(places[0])));
    let places = picked.or_else(|| pick_masked(parts, zeal).map(|place| vec![place]))?;
    let first = parts[places[0]].window;
    let window = first.around().find(|window| places.iter().all(|place| window.contains(parts[*place].window)));
    Some((places, window.unwrap_or(first)))
}

/// A part to be written anew by itself, for the sake of its rows that no longer count.
fn pick_masked(parts: &[PartEntry], zeal: Zeal) -> Option<usize> {
    let hidden = |part: &PartEntry| part.mask.map_or(0, |mask| mask.number);
    let is_worth = |part: &PartEntry| match zeal {
        Zeal::All => hidden(part) > 0,
        Zeal::Due => hidden(part) * MASKED_SHARE >= part.rows && part.rows > 0,
    };
    parts.iter().position(is_worth)
}

/// The places of the parts of each group.
fn groups(parts: &[PartEntry], rows_max: u64) -> BTreeMap<Window, Vec<usize>> {
    let mut rows: BTreeMap<Window, u64> = BTreeMap::new();
    for part in parts {
        part.window.around().for_each(|window| *rows.entry(window).or_default() += part.rows);
    }
    let mut groups: BTreeMap<Window, Vec<usize>> = BTreeMap::new();
    for (place, part) in parts.iter().enumerate() {
        let small = part.window.around().filter(|window| rows[window] <= rows_max).last();
        groups.entry(small.unwrap_or(part.window)).or_default().push(place);
    }
    groups
}

/// The longest run of the smallest parts that is worth merging, in the order of their places.
fn pick_in(parts: &[PartEntry], mut group: Vec<usize>, rows_max: u64, zeal: Zeal) -> Option<Vec<usize>> {
    group.sort_by_key(|place| (parts[*place].rows, *place));
    group.truncate(INPUTS_MAX);
    let mut sum = 0;
    let mut longest = 0;
    for (taken, place) in group.iter().enumerate() {
        let largest = parts[*place].rows;
        sum += largest;
        if sum > rows_max {
            break;
        }
        let fan_in = if sum < SMALL_ROWS { SMALL_FAN_IN } else { FAN_IN };
        // The largest is rewritten only if what it becomes is a multiple of it.
        let grows = largest * fan_in as u64 <= 2 * sum;
        if taken > 0 && (zeal == Zeal::All || (taken + 1 >= fan_in && grows)) {
            longest = taken + 1;
        }
    }
    group.truncate(longest);
    group.sort_unstable();
    (longest > 0).then_some(group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::BatchBuilder;
    use crate::event::Event;
    use crate::format::container::FileEntry;
    use crate::format::manifest::RunEntry;
    use crate::format::names::FileKind;
    use crate::segment::split;
    use crate::time::Timestamp;

    const MAX: u64 = 1 << 22;

    /// The month of a time, which is the window of few rows.
    fn month(time: &str) -> Window {
        let mut builder = BatchBuilder::default();
        builder.push(&Event::new("e", Timestamp::parse_rfc3339(time).expect("a time")));
        split(&builder.finish())[0].0
    }

    fn day(day: i64) -> Window {
        let start = month("2026-03-01T00:00:00Z").start.micros() + day * 86_400_000_000;
        Window { start: Timestamp::from_micros(start), end: Timestamp::from_micros(start + 86_400_000_000) }
    }

    fn part(window: Window, rows: u64) -> PartEntry {
        let file = |kind| FileEntry { kind, number: 1, bytes: 1, hash: [0; 16] };
        let (segment, job_run, id_run) = (file(FileKind::Segment), file(FileKind::JobRun), file(FileKind::IdRun));
        PartEntry { window, rows, segment, job_run, id_run, mask: None, rollups: None }
    }

    /// Merges until nothing is left to do; the parts, and how many rows were rewritten.
    fn settle(parts: &mut Vec<PartEntry>, zeal: Zeal) -> u64 {
        let mut rewritten = 0;
        while let Some((places, window)) = pick(parts, MAX, zeal) {
            let rows = places.iter().map(|place| parts[*place].rows).sum();
            assert!(rows <= MAX && places.len() > 1);
            assert!(places.iter().all(|place| window.contains(parts[*place].window)));
            rewritten += rows;
            for place in places.into_iter().rev() {
                parts.remove(place);
            }
            parts.push(part(window, rows));
        }
        rewritten
    }

    #[test]
    fn a_steady_stream_is_rewritten_a_few_times_and_leaves_few_parts() {
        for (head, heads) in [(1 << 18, 200), (20_000, 600), (1_000, 6_000)] {
            let (mut parts, mut rewritten) = (Vec::new(), 0);
            for n in 0..heads {
                parts.push(part(day(n * 20 / heads), head));
                rewritten += settle(&mut parts, Zeal::Due);
            }
            let rows = head * u64::try_from(heads).expect("positive");
            assert!(rewritten <= 4 * rows, "{head}: {} times", rewritten / rows);
            assert!(parts.len() < 80, "{head}: {} parts", parts.len());
        }
    }

    #[test]
    fn windows_grow_while_the_rows_fit_one_segment() {
        let mut few: Vec<PartEntry> = (0..28).map(|n| part(day(n), 100_000)).collect();
        settle(&mut few, Zeal::All);
        assert_eq!(
            few.iter().map(|part| (part.window, part.rows)).collect::<Vec<_>>(),
            [(month("2026-03-05T00:00:00Z"), 2_800_000)]
        );
        let mut more: Vec<PartEntry> = (0..28).map(|n| part(day(n), 500_000)).collect();
        settle(&mut more, Zeal::All);
        assert_eq!(more.len(), 4, "one a week");
        let mut many: Vec<PartEntry> = (0..28).map(|n| part(day(n), 3_000_000)).collect();
        settle(&mut many, Zeal::All);
        assert_eq!(many.len(), 28, "one a day");
    }

    #[test]
    fn a_part_with_rows_that_do_not_count_is_written_anew_by_itself() {
        let file = FileEntry { kind: FileKind::Mask, number: 2, bytes: 1, hash: [0; 16] };
        let masked = |hidden| PartEntry { mask: Some(RunEntry { number: hidden, file }), ..part(day(0), 1_000) };
        let picked = |hidden, zeal| pick(&[part(day(40), 5), masked(hidden)], MAX, zeal).map(|(places, _)| places);
        assert_eq!((picked(1, Zeal::All), picked(249, Zeal::Due)), (Some(vec![1]), None));
        assert_eq!(picked(250, Zeal::Due), Some(vec![1]));
    }

    #[test]
    fn late_rows_do_not_rewrite_a_large_part_over_and_over() {
        let mut parts = vec![part(month("2026-03-05T00:00:00Z"), 3_000_000)];
        let mut rewritten = 0;
        for _ in 0..1_000 {
            parts.push(part(month("2026-03-05T00:00:00Z"), 10));
            rewritten += settle(&mut parts, Zeal::Due);
        }
        assert!(rewritten < 50_000 && parts.len() < 40, "{rewritten} rows rewritten, {} parts", parts.len());
    }
}
