//! Removing what the newest version no longer names, as soon as nobody reads it any more.
//!
//! Whoever reads a version, in this process or in another, pins its manifest. A manifest goes when a newer one is
//! durable and nobody has pinned it; a data file goes when all manifests that may name it are gone. Nothing here can
//! fail: what cannot be removed now is tried again at the next publication or opening.

use hashbrown::HashSet;

use super::publish::sync_dir;
use super::version::{Version, read_manifest};
use crate::error::{Error, Result};
use crate::format::container::FileEntry;
use crate::format::manifest::Manifest;
use crate::format::names::FileKind;
use crate::io::Disk;

/// Files without a future, each with the number of the last manifest that names it.
#[derive(Debug, Default)]
pub(super) struct Garbage(Vec<(u64, FileEntry)>);

impl Garbage {
    /// Adds what `before` names and `after` does not.
    pub(super) fn add(&mut self, before: &Version, after: &Manifest) {
        let kept: HashSet<(FileKind, u64)> = after.files().map(|file| (file.kind, file.number)).collect();
        let dropped = before.manifest.files().filter(|file| !kept.contains(&(file.kind, file.number)));
        self.0.extend(dropped.map(|file| (before.number, *file)));
    }

    /// Removes all manifests before `newest` and all files that nobody can read any more.
    pub(super) fn collect(&mut self, disk: &dyn Disk, newest: u64) {
        let Some(kept) = remove_manifests_before(disk, newest) else { return };
        let oldest = kept.first().copied().unwrap_or(newest);
        self.0.retain(|(last, file)| *last >= oldest || !is_removed(disk, file));
    }
}

fn is_removed(disk: &dyn Disk, file: &FileEntry) -> bool {
    match disk.remove(&file.kind.path(file.number)) {
        Ok(()) => true,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// Removes the manifests that a newer one replaced. The numbers of those that stay, because somebody reads them or
/// because they could not be removed, ascending; `None` when it cannot be told.
fn remove_manifests_before(disk: &dyn Disk, number: u64) -> Option<Vec<u64>> {
    let names = disk.list(FileKind::Manifest.directory()).ok()?;
    let older = names.iter().filter_map(|name| FileKind::Manifest.number(name)).filter(|old| *old < number);
    Some(older.filter(|old| !disk.remove_unpinned(&FileKind::Manifest.path(*old)).unwrap_or(false)).collect())
}

/// Removes what neither the newest manifest nor an older one that is still read names: files of a publication cut
/// short, and those that were not removed in time. What is still read becomes garbage.
pub(super) fn remove_orphans(disk: &dyn Disk, number: u64, manifest: &Manifest) -> Result<Garbage> {
    // A process killed right after the rename left the newest manifest's name in the page cache alone. Removing an older
    // one before it is durable could leave none at all.
    sync_dir(disk, FileKind::Manifest.directory())?;
    for name in disk.list("tmp").map_err(|error| Error::io("list", "tmp", error))? {
        let path = format!("tmp/{name}");
        disk.remove(&path).map_err(|error| Error::io("remove", &path, error))?;
    }
    let mut garbage = Garbage::default();
    let Some(read) = remove_manifests_before(disk, number) else { return Ok(garbage) };
    let mut named: HashSet<(FileKind, u64)> = manifest.files().map(|file| (file.kind, file.number)).collect();
    for old in read.into_iter().rev() {
        // Of a manifest that cannot be read nobody knows the files; they stay until the next opening.
        let Ok(old_manifest) = read_manifest(disk, old) else { return Ok(garbage) };
        for file in old_manifest.manifest.files() {
            if named.insert((file.kind, file.number)) {
                garbage.0.push((old, *file));
            }
        }
    }
    for kind in FileKind::NUMBERED.into_iter().filter(|kind| *kind != FileKind::Manifest) {
        let directory = kind.directory();
        let names = disk.list(directory).map_err(|error| Error::io("list", directory, error))?;
        let numbers = names.iter().filter_map(|name| kind.number(name));
        for orphan in numbers.filter(|number| !named.contains(&(kind, *number))) {
            let path = kind.path(orphan);
            disk.remove(&path).map_err(|error| Error::io("remove the orphan", &path, error))?;
        }
    }
    Ok(garbage)
}
