//! Reads a container: the ends and the footer at once, each block when it is first touched.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::frame::{self, HEADER_BYTES, HeaderError, Identity};
use super::writer::FileEntry;
use super::{BlockEntry, SectionKind, block_crc};
use crate::codec::bytes::{DecodeError, Reader};
use crate::codec::vector::{Summary, Value};
use crate::codec::{ids, texts, vector};
use crate::error::{Error, ErrorKind, Result};
use crate::format::names::FileKind;
use crate::io::{Bytes, Disk};
use crate::limits::BLOCK_ROWS;

/// An open container. No byte of a block is handed out before its checksum was verified.
#[derive(Debug)]
pub struct Container {
    path: String,
    bytes: Bytes,
    identity: Identity,
    meta: Vec<u8>,
    sections: BTreeMap<String, Section>,
}

/// A section of a container.
#[derive(Debug)]
pub struct Section {
    index: usize,
    kind: SectionKind,
    blocks: Vec<BlockEntry>,
    verified: Vec<AtomicBool>,
}

impl Section {
    /// How its blocks are encoded.
    pub fn kind(&self) -> SectionKind {
        self.kind
    }

    /// How many blocks it has.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// How many rows a block has.
    pub fn block_rows(&self, block: usize) -> usize {
        self.blocks.get(block).map_or(0, |entry| entry.rows as usize)
    }

    /// What a block holds, known without reading it.
    pub fn summary(&self, block: usize) -> Option<&Summary> {
        self.blocks.get(block).map(|entry| &entry.summary)
    }

    /// Bytes of all its blocks.
    pub fn bytes(&self) -> u64 {
        self.blocks.iter().map(|entry| u64::from(entry.len)).sum()
    }
}

impl Container {
    /// Opens a file whose name the manifest holds, or any file of that kind when it is the
    /// manifest itself; `store` is checked where it is known.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] with the offset, [`ErrorKind::Unsupported`] for a newer format, or
    /// what the disk says.
    pub fn open(disk: &dyn Disk, kind: FileKind, number: u64, store: Option<[u8; 16]>) -> Result<Self> {
        let path = kind.path(number);
        let bytes = disk.open(&path).map_err(|error| Error::io("open", &path, error))?;
        Self::parse(path, bytes, kind, number, store)
    }

    /// Opens a file that the manifest describes.
    ///
    /// # Errors
    /// As [`Container::open`]; also [`ErrorKind::Corrupt`] when the file is missing or its length differs.
    pub fn open_entry(disk: &dyn Disk, entry: &FileEntry, store: [u8; 16]) -> Result<Self> {
        let path = entry.kind.path(entry.number);
        let bytes = disk.open(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::corrupt(&path, 0, format!("the manifest names this {} but it is missing", entry.kind.label()))
            }
            _ => Error::io("open", &path, error),
        })?;
        if bytes.len() as u64 != entry.bytes {
            let what = format!("{} bytes expected by the manifest, {} found", entry.bytes, bytes.len());
            return Err(Error::corrupt(&path, 0, what));
        }
        Self::parse(path, bytes, entry.kind, entry.number, Some(store))
    }

    fn parse(path: String, bytes: Bytes, kind: FileKind, number: u64, store: Option<[u8; 16]>) -> Result<Self> {
        let corrupt = |error: DecodeError| Error::corrupt(&path, error.offset as u64, error.what);
        let identity = frame::decode_header(&bytes, kind).map_err(|error| match error {
            HeaderError::Damaged(error) => corrupt(error),
            HeaderError::Unsupported(what) => Error::new(ErrorKind::Unsupported, format!("{path}: {what}")),
        })?;
        if identity.file != number || store.is_some_and(|store| store != identity.store) {
            return Err(Error::corrupt(&path, 32, "the header belongs to another file or another store"));
        }
        let trailer = frame::decode_trailer(&bytes, &identity).map_err(corrupt)?;
        let start = trailer.footer_offset as usize;
        let footer = &bytes[start..start + trailer.footer_len as usize];
        if trailer.footer_crc != block_crc(&identity, usize::MAX, usize::MAX, footer) {
            return Err(Error::corrupt(&path, trailer.footer_offset, "the footer's checksum does not match"));
        }
        let (meta, sections) = decode_footer(footer, start)
            .map_err(|error| Error::corrupt(&path, trailer.footer_offset + error.offset as u64, error.what))?;
        Ok(Self { meta, sections, path, bytes, identity })
    }

    /// The path relative to the store, for messages.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whose file it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What the writer put beside the sections.
    pub fn meta(&self) -> &[u8] {
        &self.meta
    }

    /// Bytes of the whole file.
    pub fn file_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Every section by name.
    pub fn sections(&self) -> impl Iterator<Item = (&str, &Section)> {
        self.sections.iter().map(|(name, section)| (name.as_str(), section))
    }

    /// The section of that name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.get(name)
    }

    /// Appends the numbers of a block of a section to `out`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where.
    pub fn numbers<T: Value>(&self, section: &Section, block: usize, out: &mut Vec<T>) -> Result<()> {
        let (entry, payload) = self.block(section, block, SectionKind::Numbers)?;
        entry.touch(usize::MAX);
        vector::decode(payload, entry.rows as usize, &entry.summary, out).map_err(|error| self.corrupt(entry, error))
    }

    /// Appends the numbers of one vector of 1,024 rows of a block to `out`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where.
    pub fn vector<T: Value>(&self, section: &Section, block: usize, vector: usize, out: &mut Vec<T>) -> Result<()> {
        let (entry, payload) = self.block(section, block, SectionKind::Numbers)?;
        entry.touch(1);
        vector::decode_vector(payload, entry.rows as usize, &entry.summary, vector, out)
            .map_err(|error| self.corrupt(entry, error))
    }

    /// Appends the numbers of some rows of a block, which ascend, to `out`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where.
    pub fn numbers_of<T: Value>(&self, section: &Section, block: usize, rows: &[u32], out: &mut Vec<T>) -> Result<()> {
        let (entry, payload) = self.block(section, block, SectionKind::Numbers)?;
        entry.touch(rows.len());
        vector::decode_rows(payload, entry.rows as usize, &entry.summary, rows, out)
            .map_err(|error| self.corrupt(entry, error))
    }

    /// The number in one row of a block.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where.
    pub fn number(&self, section: &Section, block: usize, row: usize) -> Result<u64> {
        let (entry, payload) = self.block(section, block, SectionKind::Numbers)?;
        entry.touch(1);
        vector::decode_value(payload, entry.rows as usize, &entry.summary, row)
            .map_err(|error| self.corrupt(entry, error))
    }

    /// What `read` makes of the ids of a frame of a block; row `r` is in frame `r / 1024`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where.
    pub fn ids<T>(
        &self,
        section: &Section,
        block: usize,
        frame: usize,
        read: impl FnOnce(ids::Frame<'_>) -> Result<T, DecodeError>,
    ) -> Result<T> {
        let (entry, payload) = self.block(section, block, SectionKind::Ids)?;
        entry.touch(1);
        let frame = ids::Frame::of(payload, entry.rows as usize, frame);
        frame.and_then(read).map_err(|error| self.corrupt(entry, error))
    }

    /// The texts of a frame of a block; row `r` is in frame `r / 1024`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where.
    pub fn texts(&self, section: &Section, block: usize, frame: usize) -> Result<Vec<Vec<u8>>> {
        let (entry, payload) = self.block(section, block, SectionKind::Texts)?;
        entry.touch(1);
        texts::decode_frame(payload, entry.rows as usize, frame).map_err(|error| self.corrupt(entry, error))
    }

    /// The bytes of a blob; `None` when there is no such section.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where.
    pub fn blob(&self, name: &str) -> Result<Option<&[u8]>> {
        let Some(section) = self.sections.get(name) else { return Ok(None) };
        let (entry, payload) = self.block(section, 0, SectionKind::Blob)?;
        entry.touch(usize::MAX);
        Ok(Some(payload))
    }

    /// What `decode` makes of a blob; `None` when there is no such section.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where.
    pub fn decode_blob<'a, T>(
        &'a self,
        name: &str,
        decode: impl FnOnce(&'a [u8]) -> Result<T, DecodeError>,
    ) -> Result<Option<T>> {
        let Some(section) = self.sections.get(name) else { return Ok(None) };
        let (entry, payload) = self.block(section, 0, SectionKind::Blob)?;
        entry.touch(usize::MAX);
        decode(payload).map(Some).map_err(|error| {
            self.corrupt(entry, DecodeError { what: format!("section {name}: {}", error.what), ..error })
        })
    }

    /// Verifies every block and the hash that the manifest holds.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where.
    pub fn verify(&self, entry: &FileEntry) -> Result<()> {
        for section in self.sections.values() {
            for block in 0..section.blocks() {
                self.block(section, block, section.kind)?;
            }
        }
        if self.hash() != entry.hash {
            return Err(Error::corrupt(&self.path, 0, "the hash of the file is not the one in the manifest"));
        }
        Ok(())
    }

    /// The first 16 bytes of the BLAKE3 hash of the file.
    pub fn hash(&self) -> [u8; 16] {
        *blake3::hash(&self.bytes).as_bytes().first_chunk().expect("32 bytes hold 16")
    }

    /// An error at the start of a section, for what only a higher layer can see.
    pub fn damaged(&self, section: &str, what: &str) -> Error {
        let offset =
            self.sections.get(section).and_then(|section| section.blocks.first()).map_or(0, |entry| entry.offset);
        Error::corrupt(&self.path, offset, format!("section {section}: {what}"))
    }

    fn block<'a>(
        &'a self,
        section: &'a Section,
        block: usize,
        kind: SectionKind,
    ) -> Result<(&'a BlockEntry, &'a [u8])> {
        let Some(entry) = section.blocks.get(block).filter(|_| section.kind == kind) else {
            return Err(Error::corrupt(&self.path, 0, format!("a section has no block {block} of {kind:?}")));
        };
        let start = entry.offset as usize;
        let payload = &self.bytes[start..start + entry.len as usize];
        if !section.verified[block].load(Ordering::Relaxed) {
            if entry.crc != block_crc(&self.identity, section.index, block, payload) {
                let name = self.sections.iter().find(|(_, known)| known.index == section.index).map(|(name, _)| name);
                let what = format!("block {block} of section {}: its checksum does not match", name.map_or("?", |n| n));
                return Err(Error::corrupt(&self.path, entry.offset, what));
            }
            section.verified[block].store(true, Ordering::Relaxed);
        }
        Ok((entry, payload))
    }

    fn corrupt(&self, entry: &BlockEntry, error: DecodeError) -> Error {
        Error::corrupt(&self.path, entry.offset + error.offset as u64, error.what)
    }
}

/// Reads the footer that starts at `end` of the file; the blocks must fill the file up to there.
fn decode_footer(footer: &[u8], end: usize) -> Result<(Vec<u8>, BTreeMap<String, Section>), DecodeError> {
    let mut reader = Reader::new(footer);
    let meta = reader.bytes()?.to_vec();
    let mut sections = BTreeMap::new();
    let mut offset = HEADER_BYTES as u64;
    for index in 0..reader.count(3)? {
        let name = reader.text()?.to_owned();
        let kind = SectionKind::from_byte(reader.u8()?).ok_or_else(|| reader.error("a kind of section expected"))?;
        let count = reader.count(10)?;
        let blocks = (0..count).map(|_| decode_block(&mut reader, &mut offset)).collect::<Result<Vec<_>, _>>()?;
        if kind == SectionKind::Blob && blocks.len() != 1 {
            return Err(reader.error("a blob has one block"));
        }
        let verified = blocks.iter().map(|_| AtomicBool::new(false)).collect();
        if sections.insert(name, Section { index, kind, blocks, verified }).is_some() {
            return Err(reader.error("a section is named twice"));
        }
    }
    reader.finish()?;
    if offset != end as u64 {
        return Err(reader.error(format!("the blocks end at {offset}, the footer starts at {end}")));
    }
    Ok((meta, sections))
}

fn decode_block(reader: &mut Reader<'_>, next: &mut u64) -> Result<BlockEntry, DecodeError> {
    let offset = *next;
    let len = reader.u32()?;
    let crc = u32::from_le_bytes(reader.array()?);
    let rows = reader.u32()?;
    let min = reader.u64()?;
    let max = min.checked_add(reader.u64()?).ok_or_else(|| reader.error("a largest value expected"))?;
    let summary = Summary { min, max, sum: reader.u128()?, nonzero: reader.u32()? };
    if rows as usize > BLOCK_ROWS {
        return Err(reader.error(format!("a block of {rows} rows; at most {BLOCK_ROWS} are allowed")));
    }
    // Lengths of 32 bits in a footer that fits memory do not overflow 64.
    *next += u64::from(len);
    Ok(BlockEntry { offset, len, crc, rows, summary })
}
