//! A frame of the write-ahead log: one commit group behind a 48-byte header, zero-padded to 4 KiB.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 4 | magic `QWLF` |
//! | 4 | 4 | CRC-32 of the file's salt, then of bytes 8..48 |
//! | 8 | 8 | LSN of the first record |
//! | 16 | 4 | number of records |
//! | 20 | 4 | length of the payload as stored, without padding |
//! | 24 | 4 | CRC-32 of the payload as stored |
//! | 28 | 4 | header checksum of the frame before, or of the file header |
//! | 32 | 8 | LSN of the last record known to be synced when this frame was composed |
//! | 40 | 2 | kind |
//! | 42 | 2 | flags: bit 0, the payload is compressed |
//! | 44 | 4 | writer epoch |
//!
//! The header's own checksum is verified before its length is believed. The padding carries
//! nothing and is not checked.

use std::fmt;

use super::log_header::LOG_HEADER_BYTES;

/// Every frame starts and ends at a multiple of this, so a synced sector is never written again.
pub const FRAME_ALIGN: usize = 4096;
const _: () = assert!(LOG_HEADER_BYTES.is_multiple_of(FRAME_ALIGN), "the first frame is aligned");
/// Length of a frame's header.
pub const FRAME_HEADER_BYTES: usize = 48;
const MAGIC: &[u8; 4] = b"QWLF";
const COMPRESSED: u16 = 1;
const SKIPPABLE: u16 = 1 << 15;

/// What the records of a frame are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// Accepted events.
    Events,
    /// Outcomes of jobs.
    Outcomes,
    /// The end of the file; no records.
    Seal,
    /// Nothing but a newer statement of what is durable; no records.
    Heartbeat,
    /// Corrections of events.
    Corrections,
}

/// What a reader makes of a kind's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindCode {
    /// One this build knows.
    Known(FrameKind),
    /// Unknown, and marked as safe to ignore.
    Skippable,
    /// Unknown; ignoring it could lose data.
    Unknown,
}

impl FrameKind {
    /// The number on disk.
    pub const fn code(self) -> u16 {
        match self {
            Self::Events => 1,
            Self::Outcomes => 2,
            Self::Seal => 4,
            Self::Heartbeat => 5,
            Self::Corrections => 6,
        }
    }

    /// What `code` means to this build.
    pub const fn from_code(code: u16) -> KindCode {
        KindCode::Known(match code {
            1 => Self::Events,
            2 => Self::Outcomes,
            4 => Self::Seal,
            5 => Self::Heartbeat,
            6 => Self::Corrections,
            _ if code & SKIPPABLE != 0 => return KindCode::Skippable,
            _ => return KindCode::Unknown,
        })
    }

    /// Whether frames of this kind carry records, and so take LSNs.
    pub const fn has_records(self) -> bool {
        !matches!(self, Self::Seal | Self::Heartbeat)
    }
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// LSN of the first record; of the next one to come when there are none.
    pub lsn: u64,
    /// Number of records.
    pub records: u32,
    /// Length of the payload as stored.
    pub payload_len: u32,
    /// CRC-32 of the payload as stored.
    pub payload_crc: u32,
    /// Header checksum of the frame before, or of the file header.
    pub prev_crc: u32,
    /// LSN of the last record known to be synced when the frame was composed.
    pub durable_lsn: u64,
    /// See [`FrameKind`].
    pub kind: u16,
    /// See [`FrameHeader::compressed`].
    pub flags: u16,
    /// The epoch of the writer.
    pub epoch: u32,
}

/// Why the bytes at an offset are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFault {
    /// The file ends within the header.
    ShortHeader {
        /// How many bytes are left.
        found: usize,
    },
    /// The first four bytes are not the magic.
    Magic,
    /// The header's checksum does not fit its bytes and the file's salt.
    HeaderChecksum {
        /// What the header says.
        stored: u32,
        /// What its bytes give.
        computed: u32,
    },
    /// The file ends within the payload.
    ShortPayload {
        /// The length the header states.
        stated: u32,
        /// How many bytes are left.
        found: usize,
    },
    /// The payload's checksum does not fit its bytes.
    PayloadChecksum {
        /// What the header says.
        stored: u32,
        /// What the payload's bytes give.
        computed: u32,
    },
}

impl fmt::Display for FrameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShortHeader { found } => {
                write!(f, "frame header of {FRAME_HEADER_BYTES} bytes expected, {found} found")
            }
            Self::Magic => f.write_str("no frame: the magic QWLF is missing"),
            Self::HeaderChecksum { stored, computed } => {
                write!(f, "frame header checksum is {stored:08x}, its bytes give {computed:08x}")
            }
            Self::ShortPayload { stated, found } => {
                write!(f, "frame payload of {stated} bytes expected, {found} found")
            }
            Self::PayloadChecksum { stored, computed } => {
                write!(f, "frame payload checksum is {stored:08x}, its bytes give {computed:08x}")
            }
        }
    }
}

impl FrameHeader {
    /// The flags of a payload stored compressed, or as it is.
    pub const fn flags_for(compressed: bool) -> u16 {
        if compressed { COMPRESSED } else { 0 }
    }

    /// Whether the payload is stored compressed; `None` when there are flags this build does not know.
    pub const fn compressed(&self) -> Option<bool> {
        match self.flags {
            0 => Some(false),
            COMPRESSED => Some(true),
            _ => None,
        }
    }

    /// LSN of the record after this frame; `None` when there is no such number.
    pub fn next_lsn(&self) -> Option<u64> {
        self.lsn.checked_add(u64::from(self.records))
    }

    /// Bytes the frame takes in the file, padding included.
    pub const fn padded_len(&self) -> usize {
        (FRAME_HEADER_BYTES + self.payload_len as usize).next_multiple_of(FRAME_ALIGN)
    }

    /// The header's bytes and their checksum.
    pub fn encode(&self, salt: u64) -> ([u8; FRAME_HEADER_BYTES], u32) {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        bytes[..4].copy_from_slice(MAGIC);
        bytes[8..16].copy_from_slice(&self.lsn.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.records.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.payload_len.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.payload_crc.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.prev_crc.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.durable_lsn.to_le_bytes());
        bytes[40..42].copy_from_slice(&self.kind.to_le_bytes());
        bytes[42..44].copy_from_slice(&self.flags.to_le_bytes());
        bytes[44..48].copy_from_slice(&self.epoch.to_le_bytes());
        let crc = checksum(&bytes, salt);
        bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        (bytes, crc)
    }

    /// Reads the header at the start of `bytes`, with its checksum.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn decode(bytes: &[u8], salt: u64) -> Result<(Self, u32), FrameFault> {
        let Some(bytes) = bytes.first_chunk::<FRAME_HEADER_BYTES>() else {
            return Err(FrameFault::ShortHeader { found: bytes.len() });
        };
        if &bytes[..4] != MAGIC {
            return Err(FrameFault::Magic);
        }
        let stored = u32::from_le_bytes(take(bytes, 4));
        let computed = checksum(bytes, salt);
        if stored != computed {
            return Err(FrameFault::HeaderChecksum { stored, computed });
        }
        let header = Self {
            lsn: u64::from_le_bytes(take(bytes, 8)),
            records: u32::from_le_bytes(take(bytes, 16)),
            payload_len: u32::from_le_bytes(take(bytes, 20)),
            payload_crc: u32::from_le_bytes(take(bytes, 24)),
            prev_crc: u32::from_le_bytes(take(bytes, 28)),
            durable_lsn: u64::from_le_bytes(take(bytes, 32)),
            kind: u16::from_le_bytes(take(bytes, 40)),
            flags: u16::from_le_bytes(take(bytes, 42)),
            epoch: u32::from_le_bytes(take(bytes, 44)),
        };
        Ok((header, stored))
    }

    /// The payload behind this header at the start of `frame`, as stored, its checksum verified.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn payload<'a>(&self, frame: &'a [u8]) -> Result<&'a [u8], FrameFault> {
        let rest = frame.get(FRAME_HEADER_BYTES..).unwrap_or_default();
        let Some(payload) = rest.get(..self.payload_len as usize) else {
            return Err(FrameFault::ShortPayload { stated: self.payload_len, found: rest.len() });
        };
        let computed = crc32fast::hash(payload);
        if computed != self.payload_crc {
            return Err(FrameFault::PayloadChecksum { stored: self.payload_crc, computed });
        }
        Ok(payload)
    }
}

/// The salt makes a frame of any other file fail, however intact it is.
fn checksum(header: &[u8; FRAME_HEADER_BYTES], salt: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    hasher.update(&header[8..]);
    hasher.finalize()
}

fn take<const N: usize>(bytes: &[u8; FRAME_HEADER_BYTES], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[at + i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header() -> impl Strategy<Value = FrameHeader> {
        (any::<(u64, u32, u32, u32)>(), any::<(u32, u64, u16, u16, u32)>()).prop_map(|(a, b)| FrameHeader {
            lsn: a.0,
            records: a.1,
            payload_len: a.2,
            payload_crc: a.3,
            prev_crc: b.0,
            durable_lsn: b.1,
            kind: b.2,
            flags: b.3,
            epoch: b.4,
        })
    }

    proptest! {
        #[test]
        fn a_header_reads_back_under_its_own_salt_only(header in header(), salt: u64, other: u64) {
            let (bytes, crc) = header.encode(salt);
            prop_assert_eq!(FrameHeader::decode(&bytes, salt), Ok((header, crc)));
            if other != salt {
                // Two salts of 64 bits may meet in one checksum of 32, but not often enough to see.
                prop_assert!(FrameHeader::decode(&bytes, other).is_err());
            }
        }

        #[test]
        fn every_flipped_bit_of_a_header_is_refused(header in header(), salt: u64) {
            let (bytes, _) = header.encode(salt);
            for bit in 0..bytes.len() * 8 {
                let mut damaged = bytes;
                damaged[bit / 8] ^= 1 << (bit % 8);
                prop_assert!(FrameHeader::decode(&damaged, salt).is_err(), "bit {}", bit);
            }
        }
    }

    #[test]
    fn every_kind_reads_back_and_bit_15_marks_what_may_be_ignored() {
        use FrameKind::{Corrections, Events, Heartbeat, Outcomes, Seal};
        for kind in [Events, Outcomes, Seal, Heartbeat, Corrections] {
            assert_eq!(FrameKind::from_code(kind.code()), KindCode::Known(kind));
        }
        assert_eq!(FrameKind::from_code(0), KindCode::Unknown);
        assert_eq!(FrameKind::from_code(7), KindCode::Unknown);
        assert_eq!(FrameKind::from_code(0x8007), KindCode::Skippable);
    }
}
