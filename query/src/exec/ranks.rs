//! The values of given ranks among many, without sorting them.
//!
//! Values are counted by where they lie between the least and the largest; then only those that share a cell with a rank
//! are looked at again, in the same way. Each value is read a few times in the order it lies in, and none is moved.

/// Up to this many values are copied and partitioned instead.
const FEW: usize = 2_048;
/// Into how many cells values are counted.
const CELLS: u64 = 4_096;

/// The values at `ranks`, ascending, from 0 and below the number of values; the values lie in several slices.
pub(super) fn select(slices: &[&[u64]], ranks: &[u64]) -> Vec<u64> {
    let count: usize = slices.iter().map(|values| values.len()).sum();
    if count <= FEW {
        return select_few(slices.concat(), ranks);
    }
    let all = || slices.iter().flat_map(|values| values.iter().copied());
    let (min, max) = all().fold((u64::MAX, 0), |(min, max), value| (min.min(value), max.max(value)));
    if min == max {
        return vec![min; ranks.len()];
    }
    let width = u64::BITS - (max - min).leading_zeros();
    let shift = width.saturating_sub(CELLS.trailing_zeros());
    let cell = |value: u64| ((value - min) >> shift) as usize;
    let mut counts = vec![0_u64; CELLS as usize];
    slices.iter().for_each(|values| values.iter().for_each(|value| counts[cell(*value)] += 1));
    if shift == 0 {
        return Located::all(&counts, ranks).map(|found| min + found.cell as u64).collect();
    }
    let located: Vec<Located> = Located::all(&counts, ranks).collect();
    let mut within: Vec<Vec<u64>> = vec![Vec::new(); CELLS as usize];
    let mut wanted = [false; CELLS as usize];
    located.iter().for_each(|found| wanted[found.cell] = true);
    for value in all().filter(|value| wanted[cell(*value)]) {
        within[cell(value)].push(value);
    }
    let of_cells = located.chunk_by(|one, next| one.cell == next.cell);
    of_cells
        .flat_map(|found| {
            let ranks: Vec<u64> = found.iter().map(|found| found.rank).collect();
            select(&[&within[found[0].cell]], &ranks)
        })
        .collect()
}

/// A rank among all values as one among those of its cell.
struct Located {
    cell: usize,
    rank: u64,
}

impl Located {
    /// Where ascending ranks lie among counted values.
    fn all(counts: &[u64], ranks: &[u64]) -> impl Iterator<Item = Self> {
        let (mut cell, mut below) = (0, 0);
        ranks.iter().map(move |rank| {
            while below + counts[cell] <= *rank {
                below += counts[cell];
                cell += 1;
            }
            Self { cell, rank: rank - below }
        })
    }
}

fn select_few(mut values: Vec<u64>, ranks: &[u64]) -> Vec<u64> {
    let mut start = 0;
    let at = |rank: u64| usize::try_from(rank).unwrap_or(usize::MAX);
    ranks
        .iter()
        .map(|rank| {
            // What lies before an earlier rank is not above it.
            let rank = at(*rank);
            let found = *values[start..].select_nth_unstable(rank - start).1;
            start = rank;
            found
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn ranks_are_those_of_the_sorted_values(
            bits in 0..=64_u32,
            seeds in prop::collection::vec(any::<u64>(), 1..40),
            repeat in prop_oneof![1..20_u64, 100..400_u64],
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let noise = |seed: u64, n: u64| seed.wrapping_add(n).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
            let cut = |value: u64| value.checked_shr(u64::BITS - bits).unwrap_or(0);
            let values: Vec<u64> =
                seeds.iter().flat_map(|seed| (0..repeat).map(move |n| cut(noise(*seed, n * n)))).collect();
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(values.len())).chain([0, values.len()]).collect();
            ends.sort_unstable();
            let slices: Vec<&[u64]> = ends.windows(2).map(|ends| &values[ends[0]..ends[1]]).collect();
            let mut ranks: Vec<u64> = picks.iter().map(|pick| pick.index(values.len()) as u64).collect();
            ranks.sort_unstable();
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let expected: Vec<u64> = ranks.iter().map(|rank| sorted[*rank as usize]).collect();
            prop_assert_eq!(select(&slices, &ranks), expected);
        }
    }
}
