//! Who is erased, and what names them.

use std::collections::BTreeSet;

use roaring::RoaringBitmap;

use super::super::dedup::HeadIndex;
use super::super::head::Head;
use super::super::version::SealedPart;
use crate::attribution::Attribution;
use crate::correction::{Amendment, Field, PERSON};
use crate::error::Result;
use crate::event::Event;
use crate::limits::BLOCK_ROWS;
use crate::outcome::{DEFAULT_WORKSPACE, Outcome};
use crate::rows::EventRows;
use crate::schema::{Dimension, Text};
use crate::segment::Segment;

/// What stands for a reason that named the person.
const ERASED: &str = "erased";

/// Whoever is erased.
pub(super) struct Person {
    pub(super) workspace: Text,
    pub(super) name: Text,
    /// All that the person's events call them.
    pub(super) names: BTreeSet<Text>,
}

/// What of a part names a person.
#[derive(Default)]
pub(super) struct Named {
    /// The person's own rows.
    pub(super) own: RoaringBitmap,
    /// Rows of others that name the person in a tag, or to which a correction gave a name of the person.
    pub(super) mentions: RoaringBitmap,
}

impl Named {
    pub(super) fn is_empty(&self) -> bool {
        self.own.is_empty() && self.mentions.is_empty()
    }
}

impl Person {
    /// Remembers what the person's rows of a part call them. What no longer counts teaches nothing: when its bytes go
    /// is a matter of merges, and what is erased must not be.
    pub(super) fn learn(&mut self, part: &SealedPart) -> Result<()> {
        let own = self.rows_of(part)?.own - &*part.hidden;
        for dimension in PERSON {
            let (dictionary, mut codes) = (part.segment.dictionary(dimension)?, Vec::new());
            if dictionary.is_empty() || own.is_empty() {
                continue;
            }
            for block in blocks_of(&own) {
                part.segment.codes(dimension, block, &mut codes)?;
                let names = rows_in(block, &codes).filter(|(row, _)| own.contains(*row));
                let names = names.filter_map(|(_, code)| dictionary.get(*code).map(Text::from));
                self.names.extend(names.collect::<BTreeSet<_>>());
            }
        }
        Ok(())
    }

    /// The rows of a part that name the person, hidden ones too.
    pub(super) fn rows_of(&self, part: &SealedPart) -> Result<Named> {
        let segment = &part.segment;
        let workspaces = segment.dictionary(Dimension::Workspace)?;
        let workspace = match workspaces.find(&self.workspace) {
            Some(code) => code,
            None if self.workspace == DEFAULT_WORKSPACE => 0,
            None => return Ok(Named::default()),
        };
        let (is_default, sets) = (self.workspace == DEFAULT_WORKSPACE, segment.tag_sets()?);
        let tagged: Vec<bool> = (0..u32::try_from(sets.len()).unwrap_or(u32::MAX))
            .map(|set| sets.get(set).iter().any(|(_, value)| self.names.contains(value)))
            .collect();
        let columns = self.tag_columns_of(segment)?;
        let dictionaries = [segment.dictionary(PERSON[0])?, segment.dictionary(PERSON[1])?];
        let called = dictionaries.each_ref().map(|names| names.find(&self.name));
        let known_as = dictionaries
            .each_ref()
            .map(|names| self.names.iter().filter_map(|name| names.find(name)).collect::<Vec<_>>());
        let may_complete = segment.is_corrected() && known_as.iter().any(|codes| !codes.is_empty());
        let mut named = Named::default();
        if called.iter().all(Option::is_none) && !tagged.contains(&true) && columns.is_empty() && !may_complete {
            return Ok(named);
        }
        let (mut own, mut of, mut tags) = (Vec::new(), [Vec::new(), Vec::new()], Vec::new());
        let (mut codes, mut mentioned) = (Vec::new(), Vec::new());
        for block in 0..segment.rows().div_ceil(BLOCK_ROWS) {
            segment.codes(Dimension::Workspace, block, &mut own)?;
            for (dimension, codes) in PERSON.into_iter().zip(&mut of) {
                segment.codes(dimension, block, codes)?;
            }
            segment.tag_set_codes(block, &mut tags)?;
            mentioned.clear();
            mentioned.extend(tags.iter().map(|set| tagged[*set as usize]));
            for (key, names) in &columns {
                segment.tag_codes(key, block, &mut codes)?;
                mentioned.iter_mut().zip(&codes).for_each(|(mentioned, code)| *mentioned |= names.contains(code));
            }
            for (row, code) in
                rows_in(block, &own).filter(|(_, code)| **code == workspace || (is_default && **code == 0))
            {
                let (at, _) = (row as usize % BLOCK_ROWS, code);
                if (0..2).any(|n| called[n].is_some_and(|code| of[n][at] == code)) {
                    named.own.insert(row);
                } else if mentioned[at]
                    || (may_complete
                        && (0..2).any(|n| known_as[n].contains(&of[n][at]))
                        && self.was_given(part, row)?)
                {
                    named.mentions.insert(row);
                }
            }
        }
        Ok(named)
    }

    /// The tags with columns of their own that name the person, with the codes of the names.
    fn tag_columns_of(&self, segment: &Segment) -> Result<Vec<(Text, Vec<u32>)>> {
        let mut columns = Vec::new();
        for key in segment.tag_columns() {
            let values = segment.tag_dictionary(&key)?;
            let names: Vec<u32> = self.names.iter().filter_map(|name| values.find(name)).collect();
            if !names.is_empty() {
                columns.push((key, names));
            }
        }
        Ok(columns)
    }

    /// Whether a correction gave a row who it was for.
    fn was_given(&self, part: &SealedPart, row: u32) -> Result<bool> {
        let mark = part.segment.mark(row as usize)?;
        Ok(mark.replaced || PERSON.into_iter().any(|dimension| mark.completed.contains(&Field::Dimension(dimension))))
    }

    pub(super) fn is_in_head(&self, head: &Head) -> bool {
        head.batches.iter().any(|batch| {
            (0..batch.len()).any(|row| {
                let own = batch.value(Dimension::Workspace, row).unwrap_or(DEFAULT_WORKSPACE) == self.workspace;
                let tags = batch.tag_sets.get(batch.tag_codes[row]);
                own && (PERSON.into_iter().any(|dimension| batch.value(dimension, row) == Some(&self.name))
                    || tags.iter().any(|(_, value)| *value == self.name))
            })
        })
    }

    pub(super) fn is_said_in(&self, index: &HeadIndex) -> bool {
        index.amendments.values().any(|amendment| self.is_said(amendment))
    }

    /// Whether corrections name the person.
    pub(super) fn is_said(&self, amendment: &Amendment) -> bool {
        self.clean_amendment(&mut amendment.clone(), false)
    }

    /// Takes the person out of an event; whether there was anything to take.
    pub(super) fn clean(&self, event: &mut Event) -> bool {
        let is_named =
            PERSON.into_iter().any(|dimension| event.get(dimension).is_some_and(|name| self.names.contains(name)));
        if is_named {
            PERSON.iter().for_each(|dimension| drop(event.dimensions.remove(dimension)));
        }
        let keys: Vec<Text> =
            event.tags.iter().filter(|(_, value)| self.names.contains(*value)).map(|(key, _)| key.clone()).collect();
        keys.iter().for_each(|key| drop(event.tags.remove(key)));
        is_named || !keys.is_empty()
    }

    /// Takes the person out of all that corrections said of a target; whether there was anything to take. A version
    /// that named the person stays, without the name, for an event that is still to come alone: where it made a row,
    /// that row is kept for itself, and where it made none, it must not do so for what is left of it.
    pub(super) fn clean_amendment(&self, amendment: &mut Amendment, is_stored: bool) -> bool {
        if amendment.workspace != self.workspace {
            return false;
        }
        let mut changed = false;
        if let Some(version) = &mut amendment.version {
            changed |= self.clean(&mut version.event);
        }
        if changed && is_stored {
            amendment.version = None;
        }
        for dimension in PERSON {
            if amendment.dimensions.get(&dimension).is_some_and(|said| self.names.contains(&said.value)) {
                changed |= amendment.dimensions.remove(&dimension).is_some();
            }
        }
        let named = amendment.tags.iter().filter(|(_, said)| self.names.contains(&said.value));
        for key in named.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            changed |= amendment.tags.remove(&key).is_some();
        }
        changed
    }

    /// Takes the person out of who made an attribution and why; whether there was anything to take.
    pub(super) fn clean_attribution(&self, attribution: &mut Attribution) -> bool {
        let names = |text: &str| self.names.iter().any(|name| text.contains(name.as_str()));
        let is_own = attribution.workspace == self.workspace;
        let mut changed = false;
        for text in [&mut attribution.by, &mut attribution.why].into_iter().filter(|text| is_own && names(text)) {
            (*text, changed) = (ERASED.into(), true);
        }
        changed
    }

    /// Takes the person out of an outcome; whether there was anything to take.
    pub(super) fn clean_outcome(&self, outcome: &mut Outcome) -> bool {
        if outcome.workspace() != self.workspace {
            return false;
        }
        let names = |text: &str| self.names.iter().any(|name| text.contains(name.as_str()));
        let mut changed = false;
        changed |= outcome.metadata.take_if(|metadata| names(metadata)).is_some();
        changed |= outcome.idempotency_key.take_if(|key| names(key)).is_some();
        if outcome.reason.as_ref().is_some_and(|reason| names(reason)) {
            (outcome.reason, changed) = (Some(ERASED.into()), true);
        }
        changed
    }
}

/// The rows of a block with what was read of each.
pub(super) fn rows_in<T>(block: usize, values: &[T]) -> impl Iterator<Item = (u32, &T)> {
    (u32::try_from(block * BLOCK_ROWS).expect("a segment has fewer than 2³² rows")..).zip(values)
}

/// The blocks that hold rows.
pub(super) fn blocks_of(rows: &RoaringBitmap) -> BTreeSet<usize> {
    rows.iter().map(|row| row as usize / BLOCK_ROWS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correction::Version as Said;
    use crate::schema::TokenMeter;
    use crate::time::Timestamp;

    #[test]
    fn a_person_goes_out_of_everything_that_can_name_one_and_nobody_else_does() {
        let person = Person { workspace: "w".into(), name: "ann".into(), names: ["ann".into(), "ann@x".into()].into() };
        let at = Timestamp::from_seconds(1_767_225_600);
        let event = |id: &str, email: &str, boss: &str| {
            let event = Event::new("e", at).with(Dimension::SubscriberId, id).with(Dimension::SubscriberEmail, email);
            event.tagged("boss", boss).used(TokenMeter::Input, 3)
        };
        let mut own = event("ann", "ann@x", "bob");
        assert!(person.clean(&mut own));
        assert_eq!(own, Event::new("e", at).tagged("boss", "bob").used(TokenMeter::Input, 3));
        let mut other = event("bob", "bob@x", "ann");
        assert!(person.clean(&mut other) && !person.clean(&mut other));
        assert_eq!((other.get(Dimension::SubscriberId), other.tags.get("boss")), (Some("bob"), None));
        let mut amendment = Amendment { workspace: "w".into(), ..Amendment::default() };
        amendment.offer(0, &event("ann", "bob@x", "bob"));
        amendment.version = Some(Box::new(Said { revision: 1, event: event("x", "ann@x", "bob") }));
        assert!(person.clean_amendment(&mut amendment, false) && !person.is_said(&amendment));
        assert!(amendment.dimensions.get(&Dimension::SubscriberEmail).is_some());
        let mut outcome = Outcome::new("j", crate::OutcomeStatus::Success);
        (outcome.workspace, outcome.metadata) = (Some("w".into()), Some(r#"{"by":"ann@x"}"#.into()));
        assert!(person.clean_outcome(&mut outcome) && outcome.metadata.is_none());
    }
}
