//! Looking for a text in the rows of one workspace, in a segment that it shares with others.

use std::collections::BTreeMap;

use hashbrown::HashSet;

use crate::batch::Texts;
use crate::error::Result;
use crate::limits::BLOCK_ROWS;
use crate::outcome::DEFAULT_WORKSPACE;
use crate::rows::{EventRows, Quantity};
use crate::schema::{Dimension, Meter, Text};
use crate::segment::Segment;

/// Something of a row.
enum Column {
    Dimension(Dimension),
    TagSet,
    Tag(Text),
    Meter(Meter),
}

/// A column in which some value, whoever's it is, holds the text.
struct Suspect {
    place: &'static str,
    column: Column,
    /// How many values the column has in all.
    values: usize,
    /// The codes of those with the text.
    codes: HashSet<u32>,
    /// Those of them that are in rows of the workspace.
    own: HashSet<u32>,
}

impl Suspect {
    fn new(place: &'static str, column: Column, values: usize, codes: HashSet<u32>) -> Option<Self> {
        (!codes.is_empty()).then(|| Self { place, column, values, codes, own: HashSet::new() })
    }

    fn read(&self, segment: &Segment, block: usize, out: &mut Vec<u32>) -> Result<()> {
        match &self.column {
            Column::Dimension(dimension) => segment.codes_below(*dimension, self.values, block, out),
            Column::TagSet => segment.tag_set_codes_below(self.values, block, out),
            Column::Tag(key) => segment.tag_codes_below(key, self.values, block, out),
            Column::Meter(meter) => {
                let mut quantities = Vec::new();
                segment.quantities(&Quantity::Meter(meter.clone()), block, &mut quantities)?;
                out.clear();
                out.extend(quantities.iter().map(|quantity| u32::from(*quantity > 0)));
                Ok(())
            }
        }
    }
}

/// How many values of the rows of a workspace hold a text, by where they are.
pub(super) fn find(
    segment: &Segment,
    workspace: &str,
    text: &str,
    go_on: &dyn Fn() -> Result<()>,
) -> Result<BTreeMap<&'static str, u64>> {
    let workspaces = segment.read_dictionary(Dimension::Workspace)?;
    let is_own = |code: &u32| workspaces.get(*code).unwrap_or(DEFAULT_WORKSPACE) == workspace;
    let mut found: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut suspects = suspects(segment, text)?;
    let (mut own, mut codes, mut ids) = (Vec::new(), Vec::new(), Texts::default());
    for block in 0..segment.rows().div_ceil(BLOCK_ROWS) {
        go_on()?;
        segment.codes_below(Dimension::Workspace, workspaces.len(), block, &mut own)?;
        if !own.iter().any(is_own) {
            continue;
        }
        for suspect in &mut suspects {
            suspect.read(segment, block, &mut codes)?;
            let named = codes.iter().zip(&own).filter(|(code, own)| suspect.codes.contains(*code) && is_own(own));
            let named: Vec<u32> = named.map(|(code, _)| *code).collect();
            suspect.own.extend(named);
        }
        ids.clear();
        segment.ids(block, &mut ids)?;
        let named = ids.iter().zip(&own).filter(|(id, own)| id.contains(text) && is_own(own)).count();
        *found.entry("ids").or_default() += named as u64;
    }
    for suspect in suspects {
        *found.entry(suspect.place).or_default() += suspect.own.len() as u64;
    }
    Ok(found)
}

fn suspects(segment: &Segment, text: &str) -> Result<Vec<Suspect>> {
    let mut suspects = Vec::new();
    for dimension in Dimension::ALL {
        let values = segment.read_dictionary(*dimension)?;
        let codes = values.iter().filter(|(_, value)| value.contains(text)).map(|(code, _)| code).collect();
        suspects.extend(Suspect::new(dimension.name(), Column::Dimension(*dimension), values.len(), codes));
    }
    let sets = segment.read_tag_sets()?;
    let names = |set: &u32| sets.get(*set).iter().any(|(key, value)| key.contains(text) || value.contains(text));
    let codes = (0..u32::try_from(sets.len()).unwrap_or(u32::MAX)).filter(names).collect();
    suspects.extend(Suspect::new("tags", Column::TagSet, sets.len(), codes));
    for key in segment.tag_columns() {
        let values = segment.read_tag_dictionary(&key)?;
        let names = |value: &str| key.contains(text) || value.contains(text);
        let codes = values.iter().filter(|(_, value)| names(value)).map(|(code, _)| code).collect();
        suspects.extend(Suspect::new("tags", Column::Tag(key.clone()), values.len(), codes));
    }
    let meters = segment.meters().into_iter().filter(|meter| meter.to_string().contains(text));
    suspects
        .extend(meters.filter_map(|meter| Suspect::new("meters", Column::Meter(meter), 1, HashSet::from_iter([1]))));
    Ok(suspects)
}
