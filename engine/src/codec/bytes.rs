//! Variable-length integers and a reader that cannot run off its end.
//!
//! Unsigned integers are LEB128: seven bits a byte, least significant first, the high bit set on
//! all but the last. Signed ones are zig-zag mapped first.

use std::fmt;

/// Why bytes could not be decoded; the caller adds the file and the structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Where in the decoded bytes.
    pub offset: usize,
    /// What was expected and what was found.
    pub what: String,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {} of it)", self.what, self.offset)
    }
}

impl std::error::Error for DecodeError {}

/// Appends an unsigned integer.
pub fn put_u64(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends an unsigned 128-bit integer.
pub fn put_u128(out: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a length.
pub fn put_len(out: &mut Vec<u8>, len: usize) {
    put_u64(out, len as u64);
}

/// Appends a signed integer.
pub fn put_i64(out: &mut Vec<u8>, value: i64) {
    put_u64(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Appends a signed 128-bit integer.
pub fn put_i128(out: &mut Vec<u8>, value: i128) {
    put_u128(out, ((value << 1) ^ (value >> 127)).cast_unsigned());
}

/// Appends a length and the bytes.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_len(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Reads what the `put_*` functions wrote.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// An error at the present position.
    pub fn error(&self, what: impl Into<String>) -> DecodeError {
        DecodeError { offset: self.offset, what: what.into() }
    }

    /// Bytes not yet read.
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.offset
    }

    /// Fails unless everything was read.
    ///
    /// # Errors
    /// When bytes are left.
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.remaining() == 0 { Ok(()) } else { Err(self.error(format!("{} bytes too many", self.remaining()))) }
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let Some(taken) = self.bytes[self.offset..].get(..len) else {
            return Err(self.error(format!("{len} bytes expected, {} left", self.remaining())));
        };
        self.offset += len;
        Ok(taken)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let taken = self.bytes[self.offset..].first_chunk();
        let taken = taken.ok_or_else(|| self.error(format!("{N} bytes expected, {} left", self.remaining())))?;
        self.offset += N;
        Ok(*taken)
    }

    /// One byte.
    ///
    /// # Errors
    /// At the end.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }

    /// An unsigned integer.
    ///
    /// # Errors
    /// At the end, or beyond 64 bits.
    #[inline]
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0_u64;
        for (at, byte) in self.bytes[self.offset..].iter().enumerate().take(10) {
            if at == 9 && *byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7F) << (7 * at);
            if *byte < 0x80 {
                self.offset += at + 1;
                return Ok(value);
            }
        }
        Err(self.error("an integer of at most 64 bits expected"))
    }

    /// An unsigned 128-bit integer.
    ///
    /// # Errors
    /// At the end, or beyond 128 bits.
    pub fn u128(&mut self) -> Result<u128, DecodeError> {
        let mut value = 0_u128;
        for (at, byte) in self.bytes[self.offset..].iter().enumerate().take(19) {
            if at == 18 && *byte > 3 {
                break;
            }
            value |= u128::from(byte & 0x7F) << (7 * at);
            if *byte < 0x80 {
                self.offset += at + 1;
                return Ok(value);
            }
        }
        Err(self.error("an integer of at most 128 bits expected"))
    }

    /// An integer that fits in 32 bits.
    ///
    /// # Errors
    /// At the end, or when it does not.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        let offset = self.offset;
        let error = |_| DecodeError { offset, what: "an integer of at most 32 bits expected".into() };
        u32::try_from(self.u64()?).map_err(error)
    }

    /// A signed integer.
    ///
    /// # Errors
    /// At the end, or beyond 64 bits.
    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        let value = self.u64()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// A signed 128-bit integer.
    ///
    /// # Errors
    /// At the end, or beyond 128 bits.
    pub fn i128(&mut self) -> Result<i128, DecodeError> {
        let value = self.u128()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// A count of things that take at least `each` bytes apiece, so a damaged count cannot ask
    /// for more memory than there are bytes.
    ///
    /// # Errors
    /// At the end, or when so many cannot follow.
    pub fn count(&mut self, each: usize) -> Result<usize, DecodeError> {
        let offset = self.offset;
        let count = usize::try_from(self.u64()?).unwrap_or(usize::MAX);
        if count.checked_mul(each).is_some_and(|bytes| bytes <= self.remaining()) {
            return Ok(count);
        }
        Err(DecodeError { offset, what: "a count of what follows expected".into() })
    }

    /// Bytes behind their length.
    ///
    /// # Errors
    /// At the end.
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.count(1)?;
        self.take(len)
    }

    /// A text behind its length.
    ///
    /// # Errors
    /// At the end, or when it is not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, DecodeError> {
        let offset = self.offset;
        std::str::from_utf8(self.bytes()?).map_err(|_| DecodeError { offset, what: "UTF-8 text expected".into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn integers_come_back(a: u64, b: i64, c: u128, d: i128, text in ".{0,40}") {
            let mut out = Vec::new();
            put_u64(&mut out, a);
            put_i64(&mut out, b);
            put_u128(&mut out, c);
            put_i128(&mut out, d);
            put_bytes(&mut out, text.as_bytes());
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.u64(), Ok(a));
            prop_assert_eq!(reader.i64(), Ok(b));
            prop_assert_eq!(reader.u128(), Ok(c));
            prop_assert_eq!(reader.i128(), Ok(d));
            prop_assert_eq!(reader.text(), Ok(text.as_str()));
            prop_assert_eq!(reader.finish(), Ok(()));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut reader = Reader::new(&bytes);
            let _ = (reader.clone().u64(), reader.clone().u128(), reader.clone().text(), reader.count(4));
        }
    }
}
