//! Parents as links to rows: the parent of a call mostly lies a few rows before it.
//!
//! A row's number in the section is 0 without a parent, twice the code of a parent that is no near row's event, or the
//! zig-zag distance to the row whose id the parent is, twice, plus 1.

use std::sync::Arc;

use hashbrown::HashMap;

use super::{Segment, SortedRows, sections};
use crate::batch::Texts;
use crate::dictionary::{Dictionary, Interner};
use crate::error::Result;
use crate::format::container::ContainerWriter;
use crate::limits::BLOCK_ROWS;
use crate::rows::EventRows;
use crate::schema::{Dimension, Text};

/// Writes the parents of `rows` and the dictionary of those that are no near row's event.
pub(super) fn write(writer: &mut ContainerWriter, rows: &dyn SortedRows, blocks: usize) -> Result<()> {
    let dictionary = rows.dictionary(Dimension::ParentId)?;
    if dictionary.is_empty() {
        return Ok(());
    }
    let mut links = Vec::with_capacity(rows.rows());
    let mut verbatim = vec![false; dictionary.len() + 1];
    let (mut ids, mut codes, mut before) = (Texts::default(), Vec::new(), HashMap::new());
    for block in 0..blocks {
        ids.clear();
        rows.ids(block, &mut ids)?;
        rows.codes(Dimension::ParentId, block, &mut codes)?;
        // Parents are looked for in this block and the one before, which bounds the memory.
        let here: HashMap<Text, usize> = ids.iter().map(Text::from).zip(block * BLOCK_ROWS..).collect();
        for (code, row) in codes.iter().zip(block * BLOCK_ROWS..) {
            let Some(parent) = dictionary.get(*code) else {
                links.push(0);
                continue;
            };
            links.push(match here.get(parent).or_else(|| before.get(parent)) {
                Some(target) => link_to(row, *target),
                None => {
                    verbatim[*code as usize] = true;
                    u64::from(*code) << 1
                }
            });
        }
        before = here;
    }
    let mut kept = Dictionary::default();
    let mut renumbered = vec![0; verbatim.len()];
    for (code, value) in dictionary.iter().filter(|(code, _)| verbatim[*code as usize]) {
        renumbered[code as usize] = u64::from(kept.push(value)) << 1;
    }
    let code_of = |link: &u64| (link & 1 == 0).then_some((link >> 1) as usize);
    links.iter_mut().for_each(|link| *link = code_of(link).map_or(*link, |code| renumbered[code]));
    writer.numbers(sections::LINKS, &links)?;
    super::writer::write_dictionary(writer, Dimension::ParentId, &kept)
}

fn link_to(row: usize, target: usize) -> u64 {
    let distance = row.wrapping_sub(target).cast_signed() as i64;
    ((distance << 1) ^ (distance >> 63)).cast_unsigned() << 1 | 1
}

/// What a number of the section says.
enum Parent {
    Absent,
    Verbatim(u32),
    Row(usize),
}

impl Parent {
    fn of(link: u64, row: usize) -> Self {
        match (link, link >> 1) {
            (0, _) => Self::Absent,
            (_, code) if link & 1 == 0 => Self::Verbatim(u32::try_from(code).unwrap_or(u32::MAX)),
            (_, distance) => {
                let distance = ((distance >> 1) ^ (distance & 1).wrapping_neg()).cast_signed();
                Self::Row(row.wrapping_sub(distance as usize))
            }
        }
    }
}

/// The parents of all rows as a column of codes.
#[derive(Debug)]
pub(super) struct Linked {
    pub(super) dictionary: Arc<Dictionary>,
    pub(super) codes: Vec<u32>,
}

impl Segment {
    /// The parents of all rows; asked for by who groups or filters by them.
    pub(super) fn read_links(&self) -> Result<Linked> {
        let verbatim = super::dictionaries::read_dictionary(self.container(), Dimension::ParentId)?;
        let section = self.section(sections::LINKS)?;
        let (mut interner, mut codes, mut links) = (Interner::default(), Vec::with_capacity(self.rows()), Vec::new());
        let mut loaded: [(usize, Texts); 2] = [(usize::MAX, Texts::default()), (usize::MAX, Texts::default())];
        for block in 0..self.rows().div_ceil(BLOCK_ROWS) {
            links.clear();
            self.container().numbers(section, block, &mut links)?;
            for (link, row) in links.iter().zip(block * BLOCK_ROWS..) {
                codes.push(match Parent::of(*link, row) {
                    Parent::Absent => 0,
                    Parent::Verbatim(code) => interner.intern(verbatim.get(code).ok_or_else(|| self.no_parent(row))?),
                    Parent::Row(target) if target < self.rows() => {
                        let slot = &mut loaded[target / BLOCK_ROWS % 2];
                        if slot.0 != target / BLOCK_ROWS {
                            slot.1.clear();
                            self.ids(target / BLOCK_ROWS, &mut slot.1)?;
                            slot.0 = target / BLOCK_ROWS;
                        }
                        interner.intern(slot.1.get(target % BLOCK_ROWS))
                    }
                    Parent::Row(_) => return Err(self.no_parent(row)),
                });
            }
        }
        let (dictionary, sorted) = interner.finish().sorted();
        codes.iter_mut().for_each(|code| *code = sorted[*code as usize]);
        Ok(Linked { dictionary: Arc::new(dictionary), codes })
    }

    /// The parent of one row, whose number in the section is `link`.
    pub(super) fn parent(&self, link: u64, row: usize) -> Result<Option<Text>> {
        match Parent::of(link, row) {
            Parent::Absent => Ok(None),
            Parent::Verbatim(code) => {
                let verbatim = self.dictionaries.get(self.container(), Dimension::ParentId)?;
                verbatim.get(code).map(|parent| Some(parent.into())).ok_or_else(|| self.no_parent(row))
            }
            Parent::Row(target) if target < self.rows() => self.id(target).map(Some),
            Parent::Row(_) => Err(self.no_parent(row)),
        }
    }

    fn no_parent(&self, row: usize) -> crate::Error {
        self.container().damaged(sections::LINKS, &format!("row {row} has a parent that does not exist"))
    }
}
