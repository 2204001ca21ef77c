//! Sorted texts, front-coded: each says how many bytes it shares with the one before.
//!
//! ```text
//! count · (shared · suffix length · suffix) × count        all integers LEB128
//! ```

use crate::codec::bytes::{DecodeError, Reader, put_bytes, put_len};
use crate::dictionary::Dictionary;

/// The values of a dictionary in code order; sorted ones take the least room.
pub fn encode(dictionary: &Dictionary) -> Vec<u8> {
    let mut out = Vec::new();
    put_len(&mut out, dictionary.len());
    let mut before: &[u8] = &[];
    for (_, value) in dictionary.iter() {
        let value = value.as_bytes();
        let shared = before.iter().zip(value).take_while(|(a, b)| a == b).count();
        put_len(&mut out, shared);
        put_bytes(&mut out, &value[shared..]);
        before = value;
    }
    out
}

/// Reads a dictionary back.
///
/// # Errors
/// When the bytes are not one.
pub fn decode(bytes: &[u8]) -> Result<Dictionary, DecodeError> {
    let mut reader = Reader::new(bytes);
    let count = reader.count(2)?;
    let mut dictionary = Dictionary::default();
    let mut value: Vec<u8> = Vec::new();
    for _ in 0..count {
        let shared = usize::try_from(reader.u64()?).unwrap_or(usize::MAX);
        if shared > value.len() {
            return Err(reader.error(format!("{shared} bytes shared with a value of {}", value.len())));
        }
        value.truncate(shared);
        value.extend_from_slice(reader.bytes()?);
        let text = std::str::from_utf8(&value).map_err(|_| reader.error("UTF-8 text expected"))?;
        if !dictionary.has_room_for(text) {
            return Err(reader.error("a dictionary of more than 4 GiB"));
        }
        dictionary.push(text);
    }
    reader.finish()?;
    Ok(dictionary)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn dictionaries_come_back(values in prop::collection::btree_set(".{0,12}", 0..60)) {
            let dictionary = Dictionary::new(&values);
            prop_assert_eq!(decode(&encode(&dictionary)).unwrap(), dictionary);
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
