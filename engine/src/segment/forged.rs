//! Files whose checksums are sound and whose content is not: what a bug or a forger would write.

use std::sync::Arc;

use proptest::prelude::*;

use super::tests::{STORE, batch};
use super::{Segment, write};
use crate::batch::Texts;
use crate::error::{ErrorKind, Result};
use crate::format::container::{Container, ContainerWriter, FileEntry, Identity, SectionKind};
use crate::format::names::FileKind;
use crate::io::{Disk, MemoryDisk};
use crate::rows::{EventRows, Quantity, ZoneColumn};
use crate::schema::Dimension;

/// What to do to one section.
#[derive(Clone, Debug)]
enum Forgery {
    /// Replace a byte of a blob, or a number of a column.
    Change(usize, u64),
    /// Cut the section short.
    Shorten(usize),
    /// Leave it out.
    Omit,
    /// Write other bytes as the file's own facts.
    Meta(Vec<u8>),
}

fn forgery() -> impl Strategy<Value = Forgery> {
    prop_oneof![
        4 => (any::<usize>(), prop_oneof![0..300_u64, any::<u64>()]).prop_map(|(at, value)| Forgery::Change(at, value)),
        2 => any::<usize>().prop_map(Forgery::Shorten),
        1 => Just(Forgery::Omit),
        1 => prop::collection::vec(any::<u8>(), 0..6).prop_map(Forgery::Meta),
    ]
}

/// Writes the segment anew with one section forged and every checksum right.
fn forge(disk: &Arc<dyn Disk>, original: &Container, victim: usize, forgery: &Forgery) -> FileEntry {
    let mut writer =
        ContainerWriter::create(disk, FileKind::Segment, Identity { store: STORE, file: 2 }).expect("memory");
    let count = original.sections().count();
    for (index, (name, section)) in original.sections().enumerate() {
        let forged = index == victim % count;
        if forged && matches!(forgery, Forgery::Omit) {
            continue;
        }
        match section.kind() {
            SectionKind::Numbers => {
                let mut numbers: Vec<u64> = Vec::new();
                (0..section.blocks()).for_each(|block| original.numbers(section, block, &mut numbers).expect("sound"));
                if forged {
                    tamper(&mut numbers, forgery, |value| value);
                }
                writer.numbers(name, &numbers).expect("memory");
            }
            SectionKind::Texts => {
                let mut texts = original.texts(section, 0, 0).expect("sound");
                if forged {
                    tamper(&mut texts, forgery, |value| value.to_le_bytes().to_vec());
                }
                writer.texts(name, &texts.iter().map(Vec::as_slice).collect::<Vec<_>>()).expect("memory");
            }
            SectionKind::Ids => {
                let (mut ids, mut micros) = (Vec::new(), Vec::new());
                original.numbers(original.section("at").expect("there"), 0, &mut micros).expect("sound");
                let frame = original.ids(section, 0, 0, |frame| frame.decode(&micros)).expect("sound");
                ids.extend(frame.into_iter().map(|id| String::from_utf8(id).expect("sound")));
                if forged {
                    tamper(&mut ids, forgery, |value| format!("{value:016x}"));
                }
                let write = |_: usize, out: &mut (Texts, Vec<i64>)| {
                    ids.iter().for_each(|id| out.0.push(id));
                    out.1.extend_from_slice(&micros[..ids.len()]);
                    Ok(())
                };
                writer.ids_by(name, 1, write).expect("memory");
            }
            SectionKind::Blob => {
                let mut bytes = original.blob(name).expect("sound").expect("there").to_vec();
                if forged {
                    tamper(&mut bytes, forgery, |value| value as u8);
                }
                writer.blob(name, &bytes).expect("memory");
            }
        }
    }
    let meta = if let Forgery::Meta(meta) = forgery { meta } else { original.meta() };
    writer.finish(meta).expect("memory")
}

fn tamper<T>(values: &mut Vec<T>, forgery: &Forgery, value: impl Fn(u64) -> T) {
    let len = values.len().max(1);
    match forgery {
        Forgery::Change(at, new) if !values.is_empty() => values[at % len] = value(*new),
        Forgery::Shorten(at) => values.truncate(at % len),
        _ => {}
    }
}

/// Reads everything there is to read.
fn read_all(segment: &Segment) -> Result<()> {
    let (mut codes, mut quantities, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for block in 0..segment.rows().div_ceil(crate::limits::BLOCK_ROWS) {
        segment.times(block, &mut times)?;
        segment.quantities(&Quantity::ContextBand, block, &mut quantities)?;
        let _ = segment.zone(ZoneColumn::Time, block);
    }
    for dimension in Dimension::ALL {
        for (code, _) in segment.dictionary(*dimension)?.iter() {
            segment.rows_with(*dimension, code)?;
        }
        segment.codes(*dimension, 0, &mut codes)?;
    }
    segment.load()?;
    read_few(segment)?;
    (0..segment.rows().min(3)).try_for_each(|row| segment.event(row).and(segment.mark(row)).map(drop))
}

/// Reads some rows of the columns that are looked up row by row; whatever is told of them can be looked up in turn.
fn read_few(segment: &Segment) -> Result<()> {
    let rows: Vec<u32> = (0..segment.rows().min(300) as u32).step_by(7).collect();
    let (mut codes, mut quantities, mut times) = (Vec::new(), Vec::new(), Vec::new());
    segment.times_of(0, &rows, &mut times)?;
    segment.quantities_of(&Quantity::ContextBand, 0, &rows, &mut quantities)?;
    for dimension in Dimension::ALL {
        segment.codes_of(*dimension, 0, &rows, &mut codes)?;
        assert!(codes.iter().all(|code| *code as usize <= segment.dictionary(*dimension).map_or(0, |all| all.len())));
    }
    segment.tag_set_codes_of(0, &rows, &mut codes)?;
    let sets = segment.tag_sets()?;
    assert!(codes.iter().all(|code| (*code as usize) < sets.len()));
    for key in segment.tag_columns() {
        segment.tag_codes_of(&key, 0, &rows, &mut codes)?;
        let values = segment.tag_dictionary(&key)?;
        assert!(codes.iter().all(|code| *code as usize <= values.len()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn a_forged_segment_is_read_or_refused(victim in any::<usize>(), forgery in forgery()) {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
        let entry = write(&disk, Identity { store: STORE, file: 1 }, &batch(300)).expect("memory");
        let original = Container::open_entry(&*disk, &entry, STORE).expect("sound");
        let forged = forge(&disk, &original, victim, &forgery);
        let read = Segment::open(&*disk, &forged, STORE).and_then(|segment| read_all(&segment));
        if let Err(error) = read {
            prop_assert_eq!(error.kind(), ErrorKind::Corrupt);
            prop_assert!(error.to_string().starts_with("seg/S-0000000002.qs"), "{}", error);
        }
    }
}
