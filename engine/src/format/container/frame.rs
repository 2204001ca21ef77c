//! The fixed ends of a container: header and trailer, 64 bytes each.
//!
//! | header offset | size | field |
//! |---|---|---|
//! | 0 | 8 | magic `QUIPU\r\n\x1A` |
//! | 8 | 2 + 2 | format major, minor |
//! | 12 | 4 | kind of file |
//! | 16 | 4 | features without which the file cannot be read |
//! | 20 | 4 | features without which the file must not be replaced |
//! | 24 | 4 | features that a reader may ignore |
//! | 28 | 4 | CRC of bytes 0..28 and 32..64 |
//! | 32 | 16 | store |
//! | 48 | 8 | number of the file |
//! | 56 | 8 | zero |
//!
//! | trailer offset | size | field |
//! |---|---|---|
//! | 0 | 8 | offset of the footer |
//! | 8 | 8 | length of the footer |
//! | 16 | 8 | length of the file |
//! | 24 | 16 | store |
//! | 40 | 8 | number of the file |
//! | 48 | 4 | CRC of the footer |
//! | 52 | 4 | CRC of bytes 0..52 |
//! | 56 | 8 | magic `\x1A\n\rUPIUQ` |

use crate::codec::bytes::{DecodeError, Reader};
use crate::format::names::FileKind;

/// A reader refuses another major version.
pub const FORMAT_MAJOR: u16 = 0;
/// From 1.0 on minor versions only add what older readers may ignore; while the major is 0 another minor is refused too.
pub const FORMAT_MINOR: u16 = 2;
pub(super) const HEADER_BYTES: usize = 64;
pub(super) const TRAILER_BYTES: usize = 64;
const HEADER_MAGIC: [u8; 8] = *b"QUIPU\r\n\x1A";
const TRAILER_MAGIC: [u8; 8] = *b"\x1A\n\rUPIUQ";
/// Feature bits this build knows; none exist yet.
const KNOWN_INCOMPATIBLE: u32 = 0;

/// Which file of which store; part of every checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The store's random id.
    pub store: [u8; 16],
    /// The number in the file's name.
    pub file: u64,
}

pub(super) fn encode_header(kind: FileKind, identity: &Identity) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&HEADER_MAGIC);
    header[8..10].copy_from_slice(&FORMAT_MAJOR.to_le_bytes());
    header[10..12].copy_from_slice(&FORMAT_MINOR.to_le_bytes());
    header[12..16].copy_from_slice(&(kind as u32).to_le_bytes());
    header[32..48].copy_from_slice(&identity.store);
    header[48..56].copy_from_slice(&identity.file.to_le_bytes());
    let crc = header_crc(&header);
    header[28..32].copy_from_slice(&crc.to_le_bytes());
    header
}

fn header_crc(header: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header[..28]);
    hasher.update(&header[32..HEADER_BYTES]);
    hasher.finalize()
}

/// Why a header is not the one expected.
pub(super) enum HeaderError {
    Damaged(DecodeError),
    Unsupported(String),
}

/// Checks a header and returns whose file it is.
pub(super) fn decode_header(file: &[u8], kind: FileKind) -> Result<Identity, HeaderError> {
    let damaged = |offset: usize, what: &str| HeaderError::Damaged(DecodeError { offset, what: what.into() });
    let header = file.get(..HEADER_BYTES).ok_or_else(|| damaged(0, "the file is shorter than a header"))?;
    let mut reader = Reader::new(header);
    let mut read = || -> Result<_, DecodeError> {
        let magic: [u8; 8] = reader.array()?;
        let major = u16::from_le_bytes(reader.array()?);
        let minor = u16::from_le_bytes(reader.array()?);
        let found = u32::from_le_bytes(reader.array()?);
        let incompatible = u32::from_le_bytes(reader.array()?);
        reader.take(8)?;
        let crc = u32::from_le_bytes(reader.array()?);
        let identity = Identity { store: reader.array()?, file: u64::from_le_bytes(reader.array()?) };
        Ok((magic, major, minor, found, incompatible, crc, identity))
    };
    let (magic, major, minor, found, incompatible, crc, identity) = read().map_err(HeaderError::Damaged)?;
    if magic != HEADER_MAGIC {
        return Err(damaged(0, "not a Quipu file: the magic bytes are missing"));
    }
    if crc != header_crc(header) {
        return Err(damaged(28, "the header's checksum does not match"));
    }
    let is_other = major != FORMAT_MAJOR || (FORMAT_MAJOR == 0 && minor != FORMAT_MINOR);
    if is_other || incompatible & !KNOWN_INCOMPATIBLE != 0 {
        return Err(HeaderError::Unsupported(format!(
            "written in format {major}.{minor} with features {incompatible:#x}; this build reads format \
             {FORMAT_MAJOR}.{FORMAT_MINOR} with features {KNOWN_INCOMPATIBLE:#x}: go on with the Quipu that wrote it, or \
             import the events anew into a store of this one"
        )));
    }
    if found != kind as u32 {
        return Err(damaged(12, &format!("a {} (kind {}) expected, kind {found} found", kind.label(), kind as u32)));
    }
    Ok(identity)
}

/// Where the footer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trailer {
    pub(super) footer_offset: u64,
    pub(super) footer_len: u64,
    pub(super) footer_crc: u32,
}

pub(super) fn encode_trailer(trailer: &Trailer, identity: &Identity) -> [u8; TRAILER_BYTES] {
    let mut bytes = [0; TRAILER_BYTES];
    let file_len = trailer.footer_offset + trailer.footer_len + TRAILER_BYTES as u64;
    bytes[..8].copy_from_slice(&trailer.footer_offset.to_le_bytes());
    bytes[8..16].copy_from_slice(&trailer.footer_len.to_le_bytes());
    bytes[16..24].copy_from_slice(&file_len.to_le_bytes());
    bytes[24..40].copy_from_slice(&identity.store);
    bytes[40..48].copy_from_slice(&identity.file.to_le_bytes());
    bytes[48..52].copy_from_slice(&trailer.footer_crc.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..52]);
    bytes[52..56].copy_from_slice(&crc.to_le_bytes());
    bytes[56..].copy_from_slice(&TRAILER_MAGIC);
    bytes
}

/// Checks the trailer at the end of `file` and returns where its footer is.
pub(super) fn decode_trailer(file: &[u8], identity: &Identity) -> Result<Trailer, DecodeError> {
    let start = file.len().saturating_sub(TRAILER_BYTES);
    let damaged = |at: usize, what: &str| DecodeError { offset: start + at, what: what.into() };
    let bytes = &file[start..];
    let mut reader = Reader::new(bytes);
    let mut read = || -> Result<_, DecodeError> {
        let footer_offset = u64::from_le_bytes(reader.array()?);
        let footer_len = u64::from_le_bytes(reader.array()?);
        let file_len = u64::from_le_bytes(reader.array()?);
        let found = Identity { store: reader.array()?, file: u64::from_le_bytes(reader.array()?) };
        let footer_crc = u32::from_le_bytes(reader.array()?);
        let crc = u32::from_le_bytes(reader.array()?);
        let magic: [u8; 8] = reader.array()?;
        Ok((Trailer { footer_offset, footer_len, footer_crc }, file_len, found, crc, magic))
    };
    let (trailer, file_len, found, crc, magic) = read()?;
    if magic != TRAILER_MAGIC {
        return Err(damaged(56, "the trailer is missing: the file was cut off or never finished"));
    }
    if crc != crc32fast::hash(&bytes[..52]) {
        return Err(damaged(52, "the trailer's checksum does not match"));
    }
    if found != *identity {
        return Err(damaged(24, "the trailer belongs to another file than the header"));
    }
    let ends =
        trailer.footer_offset.checked_add(trailer.footer_len).and_then(|end| end.checked_add(TRAILER_BYTES as u64));
    if file_len != file.len() as u64 || ends != Some(file_len) {
        return Err(damaged(16, &format!("a file of {file_len} bytes expected, {} found", file.len())));
    }
    Ok(trailer)
}
