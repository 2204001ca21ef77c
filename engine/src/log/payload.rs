//! Payloads as stored: zstd level 1 behind their length, or as they are when that is not smaller.

use zstd::bulk::{Compressor, Decompressor};

use crate::limits::FRAME_BYTES;
use crate::{Error, ErrorKind, Result};

const LEVEL: i32 = 1;
const LENGTH_BYTES: usize = 4;
const _: () = assert!(FRAME_BYTES <= u32::MAX as usize, "a payload's length fits its field");

/// Compresses payloads, one after the other.
pub(super) struct Packer(Compressor<'static>);

impl Packer {
    pub(super) fn new() -> Result<Self> {
        Ok(Self(Compressor::new(LEVEL).map_err(|error| failed("start", &error))?))
    }

    /// Appends `payload` to `out` as it is to be stored; whether it was compressed.
    pub(super) fn pack(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<bool> {
        let start = out.len();
        let length = u32::try_from(payload.len()).map_err(|_| too_long(payload.len()))?;
        let compressed = self.0.compress(payload).map_err(|error| failed("compress", &error))?;
        if compressed.len() + LENGTH_BYTES < payload.len() {
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(&compressed);
        } else {
            out.extend_from_slice(payload);
        }
        Ok(out.len() - start < payload.len())
    }
}

pub(super) fn too_long(len: usize) -> Error {
    Error::invalid(format!("a log payload of {len} bytes exceeds the limit of {FRAME_BYTES}; split the batch"))
}

fn failed(action: &str, error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("zstd cannot {action}: {error}"))
}

/// Undoes [`Packer::pack`], with memory bounded by [`FRAME_BYTES`] whatever the bytes say.
pub(super) struct Unpacker(Decompressor<'static>);

impl Unpacker {
    pub(super) fn new() -> Result<Self> {
        Ok(Self(Decompressor::new().map_err(|error| failed("start", &error))?))
    }

    /// The payload that was packed, or what is wrong with the stored bytes.
    pub(super) fn unpack(&mut self, stored: &[u8], compressed: bool) -> Result<Vec<u8>, String> {
        if !compressed {
            return if stored.len() <= FRAME_BYTES { Ok(stored.to_vec()) } else { Err(over_limit(stored.len())) };
        }
        let Some((length, zstd)) = stored.split_first_chunk::<LENGTH_BYTES>() else {
            return Err(format!("a compressed payload of {} bytes lacks its length", stored.len()));
        };
        let length = u32::from_le_bytes(*length) as usize;
        if length > FRAME_BYTES {
            return Err(over_limit(length));
        }
        let payload =
            self.0.decompress(zstd, length).map_err(|error| format!("the payload does not decompress: {error}"))?;
        if payload.len() != length {
            return Err(format!("the payload decompresses to {} bytes, {length} expected", payload.len()));
        }
        Ok(payload)
    }
}

fn over_limit(len: usize) -> String {
    format!("the payload has {len} bytes, more than the limit of {FRAME_BYTES}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round(payload: &[u8]) -> (usize, bool, Vec<u8>) {
        let mut stored = Vec::new();
        let compressed = Packer::new().expect("zstd").pack(payload, &mut stored).expect("packed");
        let back = Unpacker::new().expect("zstd").unpack(&stored, compressed).expect("unpacked");
        (stored.len(), compressed, back)
    }

    proptest! {
        #[test]
        fn a_payload_reads_back_and_never_grows(payload in prop::collection::vec(0u8..4, 0..2000)) {
            let (stored, _, back) = round(&payload);
            prop_assert!(stored <= payload.len());
            prop_assert_eq!(back, payload);
        }

        #[test]
        fn any_bytes_are_refused_or_read_without_panic(stored in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Unpacker::new().expect("zstd").unpack(&stored, true);
        }
    }

    #[test]
    fn repetition_is_compressed_and_noise_is_stored_as_it_is() {
        let (stored, compressed, _) = round(&[7; 10_000]);
        assert!(compressed && stored < 100, "{stored}");
        let noise: Vec<u8> = (0..64u8).map(|i| i.wrapping_mul(167) ^ 0x5a).collect();
        let (stored, compressed, _) = round(&noise);
        assert!(!compressed && stored == 64);
    }

    #[test]
    fn a_stated_length_over_the_limit_is_refused_before_memory_is_taken() {
        let fault = Unpacker::new().expect("zstd").unpack(&u32::MAX.to_le_bytes(), true).expect_err("too long");
        assert!(fault.contains("4294967295"), "{fault}");
    }
}
