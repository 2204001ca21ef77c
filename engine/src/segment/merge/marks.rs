//! What corrections gave to the rows of several segments.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use super::cursor::Column;
use super::{Kept, used_codes};
use crate::correction::Mark;
use crate::error::Result;

/// Merges the marks that still occur, in the order of their content.
pub(super) fn merge_marks(inputs: &[Kept]) -> Result<(Vec<Mark>, Vec<Vec<u32>>)> {
    let (mut all, mut own) = (BTreeSet::new(), Vec::new());
    for kept in inputs {
        let known = kept.input.segment.known_marks()?;
        let used = match known.is_empty() {
            true => Vec::new(),
            false => used_codes(kept, &Column::Marks, known.len() + 1)?,
        };
        let occurs = |(at, _): &(usize, &Mark)| used[at + 1];
        all.extend(known.iter().enumerate().filter(occurs).map(|(_, mark)| mark.clone()));
        own.push(known);
    }
    let code_of: HashMap<&Mark, u32> = all.iter().zip(1..).collect();
    let codes_of = |known: &Vec<Mark>| {
        let codes = known.iter().map(|mark| code_of.get(mark).copied().unwrap_or(0));
        std::iter::once(0).chain(codes).collect()
    };
    let codes = own.iter().map(codes_of).collect();
    drop(code_of);
    Ok((all.into_iter().collect(), codes))
}
