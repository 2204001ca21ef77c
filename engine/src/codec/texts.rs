//! Blocks of texts that are read rarely: frames of 1,024, compressed.
//!
//! ```text
//! block = end of each frame u32 × ⌈rows / 1024⌉ (from the end of this list), then the frames
//! frame = zstd of (length LEB128 · bytes) × rows of the frame
//! ```

use crate::codec::bytes::{DecodeError, Reader, put_bytes};
use crate::limits::VECTOR_ROWS;

/// Fast enough to keep up with sealing, within a few percent of the slower levels on ids.
const LEVEL: i32 = 3;
/// No frame of 1,024 texts is larger: each is bounded by the limits on metadata and ids.
const FRAME_BYTES_MAX: usize = 32 << 20;

/// Appends a block of texts.
pub fn encode<'a>(texts: impl ExactSizeIterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    let (mut ends, mut frames, mut frame) = (Vec::new(), Vec::new(), Vec::new());
    let rows = texts.len();
    for (row, text) in texts.enumerate() {
        put_bytes(&mut frame, text);
        if row % VECTOR_ROWS == VECTOR_ROWS - 1 || row + 1 == rows {
            frames.extend_from_slice(&compress(&frame));
            put_end(&mut ends, frames.len());
            frame.clear();
        }
    }
    out.extend_from_slice(&ends);
    out.extend_from_slice(&frames);
}

/// Appends the end of a frame to the list that a block starts with.
pub(super) fn put_end(ends: &mut Vec<u8>, end: usize) {
    ends.extend_from_slice(&u32::try_from(end).expect("a block is below 4 GiB").to_le_bytes());
}

/// Compresses bytes that are read rarely.
pub fn compress(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, LEVEL).expect("compressing into memory does not fail")
}

/// Undoes [`compress`], refusing to produce more than `max` bytes.
///
/// # Errors
/// When the bytes are damaged or larger.
pub fn decompress(bytes: &[u8], max: usize) -> Result<Vec<u8>, DecodeError> {
    let error = |what: String| DecodeError { offset: 0, what };
    let size = zstd::zstd_safe::get_frame_content_size(bytes).ok().flatten();
    let size = size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size <= max);
    let size = size.ok_or_else(|| error(format!("a zstd frame of at most {max} bytes expected")))?;
    zstd::bulk::decompress(bytes, size).map_err(|cause| error(format!("a zstd frame expected: {cause}")))
}

/// The texts of one frame (rows `frame × 1024` on) of a block of `rows` rows.
///
/// # Errors
/// When the bytes are not such a block.
pub fn decode_frame(block: &[u8], rows: usize, frame: usize) -> Result<Vec<Vec<u8>>, DecodeError> {
    decode_texts(frame_bytes(block, rows, frame)?, (rows - frame * VECTOR_ROWS).min(VECTOR_ROWS))
}

/// The bytes of one frame of a block of `rows` rows that starts with the end of each frame.
pub(super) fn frame_bytes(block: &[u8], rows: usize, frame: usize) -> Result<&[u8], DecodeError> {
    let frames = rows.div_ceil(VECTOR_ROWS);
    let end = |frame: usize| -> Option<usize> {
        let bytes = block.get(frame * 4..frame * 4 + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    let start = if frame == 0 { Some(0) } else { end(frame - 1) };
    let range = start.zip(end(frame)).filter(|_| frame < frames);
    let bytes = range.and_then(|(start, end)| block.get(frames * 4..)?.get(start..end));
    bytes.ok_or_else(|| Reader::new(block).error(format!("frame {frame} lies outside its block")))
}

pub(super) fn decode_texts(compressed: &[u8], rows: usize) -> Result<Vec<Vec<u8>>, DecodeError> {
    let plain = decompress(compressed, FRAME_BYTES_MAX)?;
    let mut reader = Reader::new(&plain);
    let texts = (0..rows).map(|_| reader.bytes().map(<[u8]>::to_vec)).collect::<Result<_, _>>()?;
    reader.finish()?;
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn texts_come_back(texts in prop::collection::vec("[a-f]{0,9}", 1..2500)) {
            let mut block = Vec::new();
            encode(texts.iter().map(String::as_bytes), &mut block);
            for frame in 0..texts.len().div_ceil(VECTOR_ROWS) {
                let back = decode_frame(&block, texts.len(), frame).unwrap();
                let expected = texts.iter().skip(frame * VECTOR_ROWS).take(VECTOR_ROWS);
                prop_assert!(back.iter().map(Vec::as_slice).eq(expected.map(String::as_bytes)));
            }
            prop_assert!(decode_frame(&block, texts.len(), 3).is_err());
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(block in prop::collection::vec(any::<u8>(), 0..200), frame in 0..3_usize) {
            let _ = decode_frame(&block, 3000, frame);
            let _ = decompress(&block, 1 << 20);
        }
    }
}
