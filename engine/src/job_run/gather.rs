//! What the first row of each counter says: one column of a segment, at some of its rows.

use crate::error::Result;
use crate::limits::BLOCK_ROWS;

/// Where at least one row in so many is asked for, whole blocks are decoded; where fewer are, row by row. Decoding a block
/// takes some 10 µs, one row of it 0.05 to 0.5 µs.
const ROWS_PER_COUNTER: usize = 64;

/// Replaces `out` by the values of a column at `rows`.
pub(super) fn gather<T: Copy>(
    rows: &[u32],
    mut block: impl FnMut(usize, &mut Vec<T>) -> Result<()>,
    mut row: impl FnMut(usize) -> Result<T>,
    out: &mut Vec<T>,
) -> Result<()> {
    out.clear();
    let (Some(min), Some(max)) = (rows.iter().min(), rows.iter().max()) else { return Ok(()) };
    let (first, last) = (*min as usize / BLOCK_ROWS, *max as usize / BLOCK_ROWS);
    if (last - first + 1) * BLOCK_ROWS > rows.len() * ROWS_PER_COUNTER {
        for at in rows {
            out.push(row(*at as usize)?);
        }
        return Ok(());
    }
    let (mut all, mut values) = (Vec::with_capacity((last - first + 1) * BLOCK_ROWS), Vec::new());
    for at in first..=last {
        block(at, &mut values)?;
        all.append(&mut values);
    }
    out.extend(rows.iter().map(|row| all[*row as usize - first * BLOCK_ROWS]));
    Ok(())
}
