//! An attribution as bytes. The container around it carries the checksum.
//!
//! ```text
//! attribution = number · time (zig-zag) · length · by · length · why · length · workspace · change
//! change      = 0 · undone number | 1 · assignment count · assignment × count
//! assignment  = length · name of the key's dimension · length · key · value count · value × count
//! value       = length · name of the dimension · length · value
//! ```

use super::{Assignment, Attribution, AttributionChange};
use crate::codec::bytes::{DecodeError, Reader, put_bytes, put_i64, put_len, put_u64};
use crate::event::Sparse;
use crate::schema::Dimension;
use crate::time::Timestamp;

const UNDO: u8 = 0;
const ASSIGN: u8 = 1;

impl Attribution {
    /// The attribution as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_u64(&mut out, self.number);
        put_i64(&mut out, self.at.micros());
        for text in [self.by.as_str(), &self.why, &self.workspace] {
            put_bytes(&mut out, text.as_bytes());
        }
        match &self.change {
            AttributionChange::Undo(number) => {
                out.push(UNDO);
                put_u64(&mut out, *number);
            }
            AttributionChange::Assign(assignments) => {
                out.push(ASSIGN);
                put_len(&mut out, assignments.len());
                assignments.iter().for_each(|assignment| put_assignment(&mut out, assignment));
            }
        }
        out
    }

    /// Reads an attribution back.
    ///
    /// # Errors
    /// When the bytes are not one, or one that could not have been made.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let (number, at) = (reader.u64()?, Timestamp::from_micros(reader.i64()?));
        let (by, why, workspace) = (reader.text()?.into(), reader.text()?.into(), reader.text()?.into());
        let change = match reader.u8()? {
            UNDO => AttributionChange::Undo(reader.u64()?),
            ASSIGN => {
                let assignments = (0..reader.count(3)?).map(|_| get_assignment(&mut reader));
                AttributionChange::Assign(assignments.collect::<Result<_, _>>()?)
            }
            _ => return Err(reader.error("what an attribution does expected")),
        };
        reader.finish()?;
        let attribution = Self { number, at, by, why, workspace, change };
        attribution.check().map_err(|error| reader.error(error.to_string()))?;
        Ok(attribution)
    }
}

fn put_assignment(out: &mut Vec<u8>, Assignment { by, key, values }: &Assignment) {
    put_bytes(out, by.name().as_bytes());
    put_bytes(out, key.as_bytes());
    put_len(out, values.len());
    for (dimension, value) in values.iter() {
        put_bytes(out, dimension.name().as_bytes());
        put_bytes(out, value.as_bytes());
    }
}

fn get_assignment(reader: &mut Reader<'_>) -> Result<Assignment, DecodeError> {
    let (by, key) = (get_dimension(reader)?, reader.text()?.into());
    let mut values = Sparse::default();
    for _ in 0..reader.count(2)? {
        values.insert(get_dimension(reader)?, reader.text()?.into());
    }
    Ok(Assignment { by, key, values })
}

fn get_dimension(reader: &mut Reader<'_>) -> Result<Dimension, DecodeError> {
    let name = reader.text()?;
    Dimension::from_name(name).ok_or_else(|| reader.error(format!("the name of a dimension expected, {name:?} found")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn attributions_come_back() {
        let assign = vec![
            Assignment::of(Dimension::TraceId, "t").to(Dimension::Tenant, "acme").to(Dimension::Team, "search"),
            Assignment::of(Dimension::Credential, "key-7").to(Dimension::Feature, "ü"),
        ];
        for change in [AttributionChange::Assign(assign), AttributionChange::Undo(300)] {
            let attribution = Attribution {
                number: 301,
                at: Timestamp::from_seconds(1_767_225_600),
                by: "ops".into(),
                why: "the header was missing".into(),
                workspace: "default".into(),
                change,
            };
            let bytes = attribution.encode();
            assert_eq!(Attribution::decode(&bytes), Ok(attribution));
            for len in 0..bytes.len() {
                assert!(Attribution::decode(&bytes[..len]).is_err(), "cut to {len} bytes");
            }
        }
    }

    #[test]
    fn what_could_not_have_been_made_is_refused() {
        let made = |change| Attribution {
            number: 3,
            at: Timestamp::from_seconds(1_767_225_600),
            by: "ops".into(),
            why: "late".into(),
            workspace: "default".into(),
            change,
        };
        let by_model = Assignment::of(Dimension::Model, "m").to(Dimension::Team, "t");
        let to_model = Assignment::of(Dimension::TraceId, "t").to(Dimension::Model, "m");
        for (change, why) in [
            (AttributionChange::Assign(vec![by_model]), "not assigned by model"),
            (AttributionChange::Assign(vec![to_model]), "model is not assigned"),
            (AttributionChange::Assign(vec![]), "0 assignments"),
            (AttributionChange::Undo(3), "undoes no earlier one"),
        ] {
            let refused = Attribution::decode(&made(change).encode()).expect_err(why).to_string();
            assert!(refused.contains(why), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Attribution::decode(&bytes);
        }
    }
}
