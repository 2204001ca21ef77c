//! The one container that every file but the log is written in.
//!
//! ```text
//! header 64 B · blocks, one behind the other · footer · trailer 64 B
//! ```
//! The footer names *sections*; a section is a column of numbers, a column of texts or a blob,
//! cut into blocks. Each block's CRC stands in the footer and is seeded with the store, the file,
//! the section and the block's number, so a block that is sound but in the wrong place fails too.

mod frame;
mod reader;
mod touched;
mod writer;

pub use frame::{FORMAT_MAJOR, FORMAT_MINOR, Identity};
pub use reader::{Container, Section};
pub use touched::Touched;
pub use writer::{ContainerWriter, FileEntry, ReadBlock};

use crate::codec::vector::Summary;

/// How the blocks of a section are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SectionKind {
    /// Numbers, see [`crate::codec::vector`].
    Numbers = 1,
    /// Texts, see [`crate::codec::texts`].
    Texts = 2,
    /// Anything else, in one block.
    Blob = 3,
    /// Ids beside the starts of their events, see [`crate::codec::ids`].
    Ids = 4,
}

impl SectionKind {
    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Numbers),
            2 => Some(Self::Texts),
            3 => Some(Self::Blob),
            4 => Some(Self::Ids),
            _ => None,
        }
    }
}

/// Where a block lies and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BlockEntry {
    offset: u64,
    len: u32,
    crc: u32,
    rows: u32,
    summary: Summary,
}

/// The CRC of a block in its place.
fn block_crc(identity: &Identity, section: usize, block: usize, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&identity.store);
    hasher.update(&identity.file.to_le_bytes());
    hasher.update(&(section as u32).to_le_bytes());
    hasher.update(&(block as u32).to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests;
