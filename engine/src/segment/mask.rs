//! Masks: the rows of a segment that no longer count, until a merge leaves them out.
//!
//! A file of its own, for a published segment is never changed: one section `rows`, a bitmap in the portable Roaring
//! format.

use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::error::Result;
use crate::format::container::{Container, ContainerWriter, FileEntry, Identity};
use crate::format::names::FileKind;
use crate::io::Disk;

const ROWS: &str = "rows";

/// Writes a mask and syncs the file.
///
/// # Errors
/// What the disk says.
pub fn write_mask(disk: &Arc<dyn Disk>, identity: Identity, rows: &RoaringBitmap) -> Result<FileEntry> {
    let mut rows = rows.clone();
    rows.optimize();
    let mut bytes = Vec::with_capacity(rows.serialized_size());
    rows.serialize_into(&mut bytes).expect("writing into memory does not fail");
    let mut writer = ContainerWriter::create(disk, FileKind::Mask, identity)?;
    writer.blob(ROWS, &bytes)?;
    writer.finish(&[])
}

/// Reads the mask that the manifest describes, of a segment of so many rows.
///
/// # Errors
/// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where, or what the disk says.
pub fn read_mask(disk: &dyn Disk, entry: &FileEntry, store: [u8; 16], rows: u64, hidden: u64) -> Result<RoaringBitmap> {
    let container = Container::open_entry(disk, entry, store)?;
    let bytes = container.blob(ROWS)?.ok_or_else(|| container.damaged(ROWS, "the section is missing"))?;
    let mask = RoaringBitmap::deserialize_from(bytes).map_err(|_| container.damaged(ROWS, "a bitmap expected"))?;
    if mask.len() != hidden || mask.max().is_some_and(|max| u64::from(max) >= rows) {
        let what = format!("{} rows up to {:?} found, {hidden} of {rows} expected", mask.len(), mask.max());
        return Err(container.damaged(ROWS, &what));
    }
    Ok(mask)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::MemoryDisk;

    #[test]
    fn a_mask_comes_back_and_one_that_does_not_fit_is_refused() {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
        let rows: RoaringBitmap = [0, 7, 8, 9, 99_999].into_iter().collect();
        let entry = write_mask(&disk, Identity { store: [1; 16], file: 1 }, &rows).expect("written");
        let read = |rows, hidden| read_mask(&*disk, &entry, [1; 16], rows, hidden);
        assert_eq!(read(100_000, 5).expect("sound"), rows);
        assert!(read(99_999, 5).is_err() && read(100_000, 4).is_err());
    }
}
