//! Dimensions that follow from another: while each value of the other goes with one of theirs, they are stored once per
//! value of it instead of once per row.

use super::sections;
use crate::error::Result;
use crate::format::container::Container;
use crate::schema::Dimension;

/// The dimensions that may follow from another, and that other one.
const DEPENDENT: [(Dimension, Dimension); 2] =
    [(Dimension::Provider, Dimension::Model), (Dimension::ModelTier, Dimension::Model)];

/// The dimension that `dimension` may follow from.
pub(super) fn source_of(dimension: Dimension) -> Option<Dimension> {
    DEPENDENT.iter().find(|(dependent, _)| *dependent == dimension).map(|(_, source)| *source)
}

/// What each code of a dimension goes with, as long as it is always the same.
pub(super) struct Dependency(Option<Vec<Option<u32>>>);

impl Dependency {
    /// On a dimension that has `values` values.
    pub(super) fn on(values: usize) -> Self {
        Self(Some(vec![None; values + 1]))
    }

    /// Adds rows; once a code goes with two others, there is no dependency.
    pub(super) fn push(&mut self, sources: impl IntoIterator<Item = u32>, codes: &[u32]) {
        let Some(known) = &mut self.0 else { return };
        let holds = sources.into_iter().zip(codes).all(|(source, code)| {
            let known = &mut known[source as usize];
            *known.get_or_insert(*code) == *code
        });
        if !holds {
            self.0 = None;
        }
    }

    /// The code that each code goes with, 0 for one that no row has; `None` when it is not always the same.
    pub(super) fn finish(self) -> Option<Vec<u64>> {
        let codes = self.0?.into_iter().map(|code| code.unwrap_or(0).into());
        Some(codes.collect())
    }
}

/// The code that each code of the source goes with; `None` where `dimension` has a column of its own, or no row has it.
pub(super) fn read(
    container: &Container,
    values: usize,
    dimension: Dimension,
) -> Result<Option<(Dimension, Vec<u32>)>> {
    let Some(source) = source_of(dimension) else { return Ok(None) };
    let name = sections::dependent(dimension, source);
    let Some(section) = container.section(&name) else { return Ok(None) };
    let mut codes = Vec::new();
    (0..section.blocks()).try_for_each(|block| container.numbers(section, block, &mut codes))?;
    match codes.iter().find(|code| **code as usize > values) {
        Some(code) => Err(container.damaged(&name, &format!("code {code}, the largest is {values}"))),
        None => Ok(Some((source, codes))),
    }
}

/// Replaces codes of the source by those that go with them.
pub(super) fn follow(
    container: &Container,
    (dimension, source): (Dimension, Dimension),
    goes_with: &[u32],
    codes: &mut [u32],
) -> Result<()> {
    for code in codes {
        *code = *goes_with.get(*code as usize).ok_or_else(|| {
            container.damaged(&sections::dependent(dimension, source), &format!("nothing for code {code} of {source}"))
        })?;
    }
    Ok(())
}
