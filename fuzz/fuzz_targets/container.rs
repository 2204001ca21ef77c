//! Sections of any content behind sound checksums, opened as a segment and read to the end: what
//! is not a segment is refused with its place, and nothing panics.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use quipu::batch::Texts;
use quipu::format::container::{ContainerWriter, Identity};
use quipu::format::names::FileKind;
use quipu::io::{Disk, MemoryDisk};
use quipu::rows::{EventRows, Quantity};
use quipu::segment::Segment;
use quipu::Dimension;

const STORE: [u8; 16] = [3; 16];
/// The sections of a segment whose content is a blob; the rest are small columns.
const BLOBS: [&str; 4] = ["dict.tenant", "rows.tenant", "tag_sets", "dict.workspace"];

fuzz_target!(|input: (Vec<u8>, Vec<(u8, Vec<u8>)>)| {
    let (meta, sections) = input;
    let memory = MemoryDisk::default();
    let disk: Arc<dyn Disk> = Arc::new(memory);
    let mut writer = ContainerWriter::create(&disk, FileKind::Segment, Identity { store: STORE, file: 1 }).expect("memory");
    let mut used = Vec::new();
    for (which, content) in sections {
        let columns = ["at", "band", "tags", "dim.tenant", "dim.workspace", "num.duration_ms", "use.input", "id"];
        let names: Vec<&str> = columns.iter().chain(&BLOBS).copied().collect();
        let name = names[which as usize % names.len()];
        if used.contains(&name) {
            continue;
        }
        used.push(name);
        if BLOBS.contains(&name) {
            writer.blob(name, &content).expect("memory");
        } else if name == "id" {
            let rows: Vec<&[u8]> = content.chunks(4).collect();
            let ids: Vec<String> = rows.iter().map(|id| id.iter().map(|byte| format!("{byte:02x}")).collect()).collect();
            let write = |_: usize, out: &mut (Texts, Vec<i64>)| {
                ids.iter().for_each(|id| out.0.push(id));
                out.1.resize(ids.len(), 5);
                Ok(())
            };
            writer.ids_by(name, 1, write).expect("memory");
        } else {
            writer.numbers(name, &content.iter().map(|byte| u64::from(*byte)).collect::<Vec<_>>()).expect("memory");
        }
    }
    let entry = writer.finish(&meta).expect("memory");
    let Ok(segment) = Segment::open(&*disk, &entry, STORE) else { return };
    let (mut codes, mut quantities) = (Vec::new(), Vec::new());
    for dimension in [Dimension::Tenant, Dimension::Workspace] {
        let _ = segment.codes(dimension, 0, &mut codes);
        let _ = segment.rows_with(dimension, 1);
    }
    let _ = segment.quantities(&Quantity::ContextBand, 0, &mut quantities);
    let _ = segment.tag_set_codes(0, &mut codes);
    let _ = segment.load();
    if segment.rows() > 0 {
        let _ = segment.event(0);
    }
});
