//! Writes a container from start to end, hashing as it goes.

use std::sync::Arc;

use super::frame::{self, Identity, Trailer};
use super::{BlockEntry, SectionKind, block_crc};
use crate::batch::Texts;
use crate::codec::bytes::{put_bytes, put_len, put_u64, put_u128};
use crate::codec::vector::Summary;
use crate::codec::{ids, texts, vector};
use crate::error::{Error, Result};
use crate::format::names::FileKind;
use crate::io::{Disk, WriteFile};
use crate::limits::BLOCK_ROWS;

/// A finished file as the manifest names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// What it is.
    pub kind: FileKind,
    /// The number in its name.
    pub number: u64,
    /// Its length.
    pub bytes: u64,
    /// The first 16 bytes of the BLAKE3 hash of its content.
    pub hash: [u8; 16],
}

/// Appends the values of a block, by its number, to what is given.
pub trait ReadBlock<T>: FnMut(usize, &mut T) -> Result<()> {}

impl<T, F: FnMut(usize, &mut T) -> Result<()>> ReadBlock<T> for F {}

/// A container being written.
#[derive(Debug)]
pub struct ContainerWriter {
    file: Box<dyn WriteFile>,
    path: String,
    kind: FileKind,
    identity: Identity,
    hasher: blake3::Hasher,
    offset: u64,
    sections: Vec<(String, SectionKind, Vec<BlockEntry>)>,
    scratch: Vec<u8>,
}

impl ContainerWriter {
    /// Starts file `identity.file` of that kind under its own name.
    ///
    /// # Errors
    /// What the disk says.
    pub fn create(disk: &Arc<dyn Disk>, kind: FileKind, identity: Identity) -> Result<Self> {
        Self::create_at(disk, &kind.path(identity.file), kind, identity)
    }

    /// Starts a file under another name, to be renamed when it is finished.
    ///
    /// # Errors
    /// What the disk says.
    pub fn create_at(disk: &Arc<dyn Disk>, path: &str, kind: FileKind, identity: Identity) -> Result<Self> {
        let file = disk.create(path).map_err(|error| Error::io("create", path, error))?;
        let mut writer = Self {
            file,
            path: path.into(),
            kind,
            identity,
            hasher: blake3::Hasher::new(),
            offset: 0,
            sections: Vec::new(),
            scratch: Vec::new(),
        };
        writer.write(&frame::encode_header(kind, &identity))?;
        Ok(writer)
    }

    /// Writes a column of numbers.
    ///
    /// # Errors
    /// What the disk says.
    pub fn numbers(&mut self, name: &str, values: &[u64]) -> Result<()> {
        self.begin(name, SectionKind::Numbers);
        values.chunks(BLOCK_ROWS).try_for_each(|block| self.numbers_block(block))
    }

    /// Writes a column of numbers of which `read` appends one block after the other, so that no more than a block
    /// is in memory.
    ///
    /// # Errors
    /// What `read` says, or the disk.
    pub fn numbers_by(&mut self, name: &str, blocks: usize, mut read: impl ReadBlock<Vec<u64>>) -> Result<()> {
        self.begin(name, SectionKind::Numbers);
        let mut values = Vec::new();
        for block in 0..blocks {
            values.clear();
            read(block, &mut values)?;
            self.numbers_block(&values)?;
        }
        Ok(())
    }

    /// The same, but the section is left out when every number is 0.
    ///
    /// # Errors
    /// What `read` says, or the disk.
    pub fn numbers_unless_zero(&mut self, name: &str, blocks: usize, mut read: impl ReadBlock<Vec<u64>>) -> Result<()> {
        let mut values = Vec::new();
        for first in 0..blocks {
            values.clear();
            read(first, &mut values)?;
            if values.iter().any(|value| *value != 0) {
                return self.numbers_by(name, blocks, |block, out: &mut Vec<u64>| match block {
                    // All blocks before the first with a number are full, and zero.
                    _ if block < first => {
                        out.resize(BLOCK_ROWS, 0);
                        Ok(())
                    }
                    _ if block == first => {
                        out.append(&mut values);
                        Ok(())
                    }
                    _ => read(block, out),
                });
            }
        }
        Ok(())
    }

    fn numbers_block(&mut self, values: &[u64]) -> Result<()> {
        let mut payload = std::mem::take(&mut self.scratch);
        payload.clear();
        let summary = vector::encode(values, &mut payload);
        self.block(&payload, values.len(), summary)?;
        self.scratch = payload;
        Ok(())
    }

    /// Writes a column of ids of which `read` appends one block after the other, with the starts of their events in
    /// microseconds.
    ///
    /// # Errors
    /// What `read` says, or the disk.
    pub fn ids_by(&mut self, name: &str, blocks: usize, mut read: impl ReadBlock<(Texts, Vec<i64>)>) -> Result<()> {
        self.begin(name, SectionKind::Ids);
        let mut rows = (Texts::default(), Vec::new());
        for block in 0..blocks {
            rows.0.clear();
            rows.1.clear();
            read(block, &mut rows)?;
            let mut payload = std::mem::take(&mut self.scratch);
            payload.clear();
            ids::encode(&rows.0.iter().collect::<Vec<_>>(), &rows.1, &mut payload);
            self.block(&payload, rows.1.len(), Summary::default())?;
            self.scratch = payload;
        }
        Ok(())
    }

    /// Writes a column of texts.
    ///
    /// # Errors
    /// What the disk says.
    pub fn texts(&mut self, name: &str, rows: &[&[u8]]) -> Result<()> {
        self.begin(name, SectionKind::Texts);
        rows.chunks(BLOCK_ROWS).try_for_each(|block| self.texts_block(block.iter().copied()))
    }

    fn texts_block<'a>(&mut self, rows: impl ExactSizeIterator<Item = &'a [u8]>) -> Result<()> {
        let (count, mut payload) = (rows.len(), std::mem::take(&mut self.scratch));
        payload.clear();
        texts::encode(rows, &mut payload);
        self.block(&payload, count, Summary::default())?;
        self.scratch = payload;
        Ok(())
    }

    /// Writes a section that is one run of bytes.
    ///
    /// # Errors
    /// What the disk says.
    pub fn blob(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        self.begin(name, SectionKind::Blob);
        self.block(bytes, 0, Summary::default())
    }

    /// Writes footer and trailer and syncs the file. The name becomes durable by the caller's
    /// sync of the directory.
    ///
    /// # Errors
    /// What the disk says.
    pub fn finish(mut self, meta: &[u8]) -> Result<FileEntry> {
        let footer = self.footer(meta);
        let trailer = Trailer {
            footer_offset: self.offset,
            footer_len: footer.len() as u64,
            footer_crc: block_crc(&self.identity, usize::MAX, usize::MAX, &footer),
        };
        self.write(&footer)?;
        self.write(&frame::encode_trailer(&trailer, &self.identity))?;
        self.file.sync().map_err(|error| Error::io("sync", &self.path, error))?;
        let hash = *self.hasher.finalize().as_bytes().first_chunk().expect("32 bytes hold 16");
        Ok(FileEntry { kind: self.kind, number: self.identity.file, bytes: self.offset, hash })
    }

    fn begin(&mut self, name: &str, kind: SectionKind) {
        debug_assert!(self.sections.iter().all(|(known, ..)| known != name), "section {name} is written once");
        self.sections.push((name.into(), kind, Vec::new()));
    }

    fn block(&mut self, payload: &[u8], rows: usize, summary: Summary) -> Result<()> {
        let section = self.sections.len() - 1;
        let block = self.sections[section].2.len();
        let entry = BlockEntry {
            offset: self.offset,
            len: u32::try_from(payload.len()).map_err(|_| Error::invalid("a block of more than 4 GiB"))?,
            crc: block_crc(&self.identity, section, block, payload),
            rows: rows as u32,
            summary,
        };
        self.sections[section].2.push(entry);
        self.write(payload)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.file.append(bytes).map_err(|error| Error::io("write", &self.path, error))?;
        self.hasher.update(bytes);
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// ```text
    /// footer  = length · meta · section count · section × count
    /// section = length · name · kind u8 · block count · block × count
    /// block   = length · CRC (4 bytes) · rows · min · max − min · sum · non-zero rows
    /// ```
    fn footer(&self, meta: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put_bytes(&mut out, meta);
        put_len(&mut out, self.sections.len());
        for (name, kind, blocks) in &self.sections {
            put_bytes(&mut out, name.as_bytes());
            out.push(*kind as u8);
            put_len(&mut out, blocks.len());
            for block in blocks {
                put_u64(&mut out, block.len.into());
                out.extend_from_slice(&block.crc.to_le_bytes());
                put_u64(&mut out, block.rows.into());
                put_u64(&mut out, block.summary.min);
                put_u64(&mut out, block.summary.max - block.summary.min);
                put_u128(&mut out, block.summary.sum);
                put_u64(&mut out, block.summary.nonzero.into());
            }
        }
        out
    }
}
