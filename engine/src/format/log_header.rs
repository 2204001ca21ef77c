//! The first 4 KiB of a write-ahead log file: whose it is, and what it continues.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 8 | magic `QUIPUWAL` |
//! | 8 | 2 | format version, 1 |
//! | 10 | 2 | zero |
//! | 12 | 4 | writer epoch |
//! | 16 | 16 | store uuid |
//! | 32 | 8 | file number, at least 1 |
//! | 40 | 8 | salt, random per file: mixed into every frame's header checksum |
//! | 48 | 8 | LSN of the first record |
//! | 56 | 8 | predecessor: file number, 0 for none |
//! | 64 | 8 | predecessor: LSN of its last record |
//! | 72 | 4 | predecessor: checksum of its last frame |
//! | 76 | 4016 | zero |
//! | 4092 | 4 | CRC-32 of all bytes before |

use std::fmt;

/// Length of the header, and the grain of all that follows it.
pub const LOG_HEADER_BYTES: usize = 4096;
const MAGIC: &[u8; 8] = b"QUIPUWAL";
/// The format version this build writes and reads.
pub const LOG_VERSION: u16 = 1;
const CRC_AT: usize = LOG_HEADER_BYTES - 4;

/// Where a log file ended: what its successor is chained to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Predecessor {
    /// Its file number, at least 1.
    pub number: u64,
    /// The LSN of its last record.
    pub last_lsn: u64,
    /// The header checksum of its last frame, or of its file header when it has no frame.
    pub last_crc: u32,
}

/// The header of one write-ahead log file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogHeader {
    /// The store the file belongs to.
    pub store: [u8; 16],
    /// The epoch of the writer that created it.
    pub epoch: u32,
    /// Its number, at least 1.
    pub number: u64,
    /// Random: frames of another file, or of this file's number in an earlier life, do not pass for its own.
    pub salt: u64,
    /// The LSN of its first record.
    pub first_lsn: u64,
    /// The file it continues; `None` for the first of a store.
    pub predecessor: Option<Predecessor>,
}

/// Why bytes are no log header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFault {
    /// The file ends within its header.
    Short {
        /// How many bytes there are.
        found: usize,
    },
    /// The first eight bytes are not the magic.
    Magic,
    /// The checksum does not fit the bytes.
    Checksum {
        /// What the header says.
        stored: u32,
        /// What its bytes give.
        computed: u32,
    },
    /// Intact, but of a format version that this build does not read.
    Version(u16),
}

impl fmt::Display for HeaderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { found } => write!(f, "log header of {LOG_HEADER_BYTES} bytes expected, {found} found"),
            Self::Magic => f.write_str("no log header: the magic QUIPUWAL is missing"),
            Self::Checksum { stored, computed } => {
                write!(f, "log header checksum is {stored:08x}, its bytes give {computed:08x}")
            }
            Self::Version(version) => write!(f, "log format version {version}; this build reads {LOG_VERSION}"),
        }
    }
}

impl LogHeader {
    /// The header's bytes and the checksum they end in.
    pub fn encode(&self) -> ([u8; LOG_HEADER_BYTES], u32) {
        let mut bytes = [0; LOG_HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..10].copy_from_slice(&LOG_VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.store);
        bytes[32..40].copy_from_slice(&self.number.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.salt.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.first_lsn.to_le_bytes());
        if let Some(predecessor) = self.predecessor {
            bytes[56..64].copy_from_slice(&predecessor.number.to_le_bytes());
            bytes[64..72].copy_from_slice(&predecessor.last_lsn.to_le_bytes());
            bytes[72..76].copy_from_slice(&predecessor.last_crc.to_le_bytes());
        }
        let crc = crc32fast::hash(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        (bytes, crc)
    }

    /// Reads the header at the start of `file`, with its checksum: the first link of the chain of frames.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn decode(file: &[u8]) -> Result<(Self, u32), HeaderFault> {
        let Some(bytes) = file.first_chunk::<LOG_HEADER_BYTES>() else {
            return Err(HeaderFault::Short { found: file.len() });
        };
        if &bytes[..8] != MAGIC {
            return Err(HeaderFault::Magic);
        }
        let stored = u32::from_le_bytes(take(bytes, CRC_AT));
        let computed = crc32fast::hash(&bytes[..CRC_AT]);
        if stored != computed {
            return Err(HeaderFault::Checksum { stored, computed });
        }
        let version = u16::from_le_bytes(take(bytes, 8));
        if version != LOG_VERSION {
            return Err(HeaderFault::Version(version));
        }
        let predecessor = Predecessor {
            number: u64::from_le_bytes(take(bytes, 56)),
            last_lsn: u64::from_le_bytes(take(bytes, 64)),
            last_crc: u32::from_le_bytes(take(bytes, 72)),
        };
        let header = Self {
            store: take(bytes, 16),
            epoch: u32::from_le_bytes(take(bytes, 12)),
            number: u64::from_le_bytes(take(bytes, 32)),
            salt: u64::from_le_bytes(take(bytes, 40)),
            first_lsn: u64::from_le_bytes(take(bytes, 48)),
            predecessor: (predecessor.number != 0).then_some(predecessor),
        };
        Ok((header, stored))
    }
}

fn take<const N: usize>(bytes: &[u8; LOG_HEADER_BYTES], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[at + i])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> LogHeader {
        LogHeader {
            store: *b"0123456789abcdef",
            epoch: 3,
            number: 7,
            salt: 0x0123_4567_89ab_cdef,
            first_lsn: 42,
            predecessor: Some(Predecessor { number: 6, last_lsn: 41, last_crc: 0xfeed_beef }),
        }
    }

    #[test]
    fn a_header_reads_back_with_and_without_predecessor() {
        for header in [header(), LogHeader { predecessor: None, ..header() }] {
            let (bytes, crc) = header.encode();
            assert_eq!(LogHeader::decode(&bytes), Ok((header, crc)));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_prefix_is_refused() {
        let (bytes, _) = header().encode();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(LogHeader::decode(&damaged).is_err(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert_eq!(LogHeader::decode(&bytes[..len]), Err(HeaderFault::Short { found: len }));
        }
    }

    #[test]
    fn a_newer_version_is_told_apart_from_damage() {
        let (mut bytes, _) = header().encode();
        bytes[8] = 2;
        let crc = crc32fast::hash(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(LogHeader::decode(&bytes), Err(HeaderFault::Version(2)));
    }
}
