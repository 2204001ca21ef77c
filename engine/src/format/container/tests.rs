use std::sync::Arc;

use super::*;
use crate::error::{Error, ErrorKind};
use crate::format::names::FileKind;
use crate::io::{Disk, MemoryDisk};

const STORE: [u8; 16] = *b"0123456789abcdef";

fn write(disk: &Arc<dyn Disk>) -> FileEntry {
    let mut writer = ContainerWriter::create(disk, FileKind::Segment, Identity { store: STORE, file: 7 }).expect("new");
    writer.numbers("ascending", &(0..20_000).collect::<Vec<_>>()).expect("written");
    writer.numbers("constant", &[5; 300]).expect("written");
    writer.texts("ids", &[b"a", b"bb", b""]).expect("written");
    writer.blob("blob", b"anything").expect("written");
    writer.finish(b"meta").expect("finished")
}

fn read(disk: &dyn Disk, entry: &FileEntry) -> Result<(), Error> {
    let container = Container::open_entry(disk, entry, STORE)?;
    assert_eq!(container.meta(), b"meta");
    let mut numbers: Vec<u64> = Vec::new();
    let section = container.section("ascending").expect("there");
    for block in 0..section.blocks() {
        container.numbers(section, block, &mut numbers)?;
    }
    assert!(numbers.iter().copied().eq(0..20_000));
    assert_eq!(section.summary(1).expect("there").min, 16_384);
    let mut constant: Vec<u32> = Vec::new();
    container.numbers(container.section("constant").expect("there"), 0, &mut constant)?;
    assert_eq!(constant, [5; 300]);
    assert_eq!(container.texts(container.section("ids").expect("there"), 0, 0)?, [&b"a"[..], b"bb", b""]);
    assert_eq!(container.blob("blob")?, Some(&b"anything"[..]));
    assert!(container.section("absent").is_none());
    container.verify(entry)
}

#[test]
fn what_was_written_comes_back() {
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
    let entry = write(&disk);
    read(&*disk, &entry).expect("undamaged");
}

#[test]
fn every_flipped_bit_is_found_and_located() {
    let memory = MemoryDisk::default();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let entry = write(&disk);
    let path = FileKind::Segment.path(7);
    let sound = memory.files().remove(&path).expect("written");
    // Every bit of the ends and the footer, every 97th of the long middle.
    let bits = (0..sound.len() * 8).filter(|bit| *bit < 2048 || *bit + 8192 > sound.len() * 8 || bit % 97 == 0);
    for bit in bits {
        let mut damaged = sound.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        memory.overwrite(&path, Some(damaged));
        let error = read(&*disk, &entry).expect_err("a flipped bit is damage");
        let kind = error.kind();
        assert!(matches!(kind, ErrorKind::Corrupt | ErrorKind::Unsupported), "bit {bit}: {error}");
        assert!(error.to_string().starts_with(&path), "bit {bit}: {error}");
    }
}

#[test]
fn every_truncation_is_found() {
    let memory = MemoryDisk::default();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let entry = write(&disk);
    let path = FileKind::Segment.path(7);
    let sound = memory.files().remove(&path).expect("written");
    for len in (0..sound.len()).step_by(61) {
        memory.overwrite(&path, Some(sound[..len].to_vec()));
        assert_eq!(read(&*disk, &entry).expect_err("cut off").kind(), ErrorKind::Corrupt, "{len} bytes");
        let open = Container::open(&*disk, FileKind::Segment, 7, Some(STORE));
        assert_eq!(open.expect_err("cut off").kind(), ErrorKind::Corrupt, "{len} bytes");
    }
    memory.overwrite(&path, None);
    let error = read(&*disk, &entry).expect_err("missing");
    assert!(error.to_string().contains("missing"), "{error}");
}

#[test]
fn a_file_of_another_store_or_kind_is_refused() {
    let memory = MemoryDisk::default();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    write(&disk);
    let other = Container::open(&*disk, FileKind::Segment, 7, Some([0; 16])).expect_err("another store");
    assert!(other.to_string().contains("another store"), "{other}");
    let content = memory.files().remove(&FileKind::Segment.path(7));
    memory.overwrite(&FileKind::JobRun.path(7), content);
    let other = Container::open(&*disk, FileKind::JobRun, 7, Some(STORE)).expect_err("another kind");
    assert!(other.to_string().contains("job run"), "{other}");
}

#[test]
fn a_file_of_another_version_is_refused_with_what_to_do() {
    let memory = MemoryDisk::default();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    write(&disk);
    let path = FileKind::Segment.path(7);
    let sound = memory.files().remove(&path).expect("written");
    for (major, minor) in [(FORMAT_MAJOR, FORMAT_MINOR - 1), (FORMAT_MAJOR, FORMAT_MINOR + 1), (FORMAT_MAJOR + 1, 0)] {
        let mut other = sound.clone();
        other[8..10].copy_from_slice(&major.to_le_bytes());
        other[10..12].copy_from_slice(&minor.to_le_bytes());
        let crc = crc32fast::hash(&[&other[..28], &other[32..64]].concat());
        other[28..32].copy_from_slice(&crc.to_le_bytes());
        memory.overwrite(&path, Some(other));
        let refused = Container::open(&*disk, FileKind::Segment, 7, Some(STORE)).expect_err("another version");
        assert_eq!(refused.kind(), ErrorKind::Unsupported, "{refused}");
        let told = format!("written in format {major}.{minor}");
        assert!(refused.to_string().contains(&told) && refused.to_string().contains("import"), "{refused}");
    }
}
