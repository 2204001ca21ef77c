//! Where a page of rows ended, as a text that only the same question goes on from.

use std::fmt::{self, Write as _};

use quipu_engine::codec::bytes::{self, DecodeError, Reader};
use quipu_engine::{Error, PicoUsd, Result, Timestamp};

use crate::query::Query;
use crate::scope::Scope;
use crate::value::{Ratio, Value};

/// The bytes of the keyed hash at the end of a cursor.
const SEAL_BYTES: usize = 16;

/// The values of the last row that decided its place, in the order they decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position(pub(crate) Vec<Value>);

/// A place in the rows of one question, on one state of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The log position that the first page covered.
    pub(crate) lsn: u64,
    /// The version of the price book that the first page used.
    pub(crate) book: Option<u32>,
    pub(crate) position: Position,
}

/// Everything that makes the rows of a question, as one number. Where a page starts and ends, and
/// how the rows are found, do not.
fn fingerprint(scope: &Scope, query: &Query) -> [u8; 32] {
    struct Hasher(blake3::Hasher);
    impl fmt::Write for Hasher {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.update(text.as_bytes());
            Ok(())
        }
    }
    let question = Query {
        after: None,
        limit: None,
        path: crate::PathChoice::Auto,
        threads: None,
        memory: None,
        cancel: None,
        ..query.clone()
    };
    let mut hasher = Hasher(blake3::Hasher::new());
    // A hasher takes everything.
    let _ = write!(hasher, "{scope:?} {question:?}");
    hasher.0.finalize().into()
}

impl Cursor {
    /// The text of this place, sealed with the store's key.
    pub(crate) fn seal(&self, key: &[u8; 32], scope: &Scope, query: &Query) -> String {
        let mut out = Vec::new();
        bytes::put_u64(&mut out, self.lsn);
        bytes::put_u64(&mut out, self.book.map_or(0, |book| u64::from(book) + 1));
        bytes::put_len(&mut out, self.position.0.len());
        self.position.0.iter().for_each(|value| put_value(&mut out, value));
        let seal = seal(key, scope, query, &out);
        out.extend(seal);
        out.iter().fold(String::with_capacity(out.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Reads the text of a place.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid) unless this store made it for this question.
    pub(crate) fn open(text: &str, key: &[u8; 32], scope: &Scope, query: &Query) -> Result<Self> {
        let refused = || {
            Error::invalid(
                "after is not a cursor of this question: take `next` of the page before, and change nothing but the limit",
            )
        };
        let sealed = unhex(text).ok_or_else(refused)?;
        let (content, mark) = sealed.split_at_checked(sealed.len().wrapping_sub(SEAL_BYTES)).ok_or_else(refused)?;
        // Compared by blake3, in constant time.
        let mark = <[u8; SEAL_BYTES]>::try_from(mark).map_err(|_| refused())?;
        if blake3::hash(&mark) != blake3::hash(&seal(key, scope, query, content)) {
            return Err(refused());
        }
        Self::decode(content).map_err(|_| refused())
    }

    fn decode(content: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(content);
        let lsn = reader.u64()?;
        let book = reader.u64()?.checked_sub(1).and_then(|book| u32::try_from(book).ok());
        let values = (0..reader.count(1)?).map(|_| value(&mut reader)).collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { lsn, book, position: Position(values) })
    }
}

fn seal(key: &[u8; 32], scope: &Scope, query: &Query, content: &[u8]) -> [u8; SEAL_BYTES] {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&fingerprint(scope, query)).update(content);
    let mut seal = [0; SEAL_BYTES];
    hasher.finalize_xof().fill(&mut seal);
    seal
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(0),
        Value::Text(text) => {
            out.push(1);
            bytes::put_bytes(out, text.as_bytes());
        }
        Value::Count(count) => {
            out.push(2);
            bytes::put_u128(out, *count);
        }
        Value::Signed(count) => {
            out.push(3);
            bytes::put_i128(out, *count);
        }
        Value::Money(amount) => {
            out.push(4);
            bytes::put_i128(out, amount.pico());
        }
        Value::Ratio(ratio) => {
            out.push(5);
            bytes::put_i128(out, ratio.numerator());
            bytes::put_i128(out, ratio.denominator());
            out.push(ratio.digits());
        }
        Value::Time(at) => {
            out.push(6);
            bytes::put_i64(out, at.micros());
        }
    }
}

fn value(reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    Ok(match reader.u8()? {
        0 => Value::Null,
        1 => Value::Text(reader.text()?.into()),
        2 => Value::Count(reader.u128()?),
        3 => Value::Signed(reader.i128()?),
        4 => Value::Money(PicoUsd::from_pico(reader.i128()?)),
        5 => {
            let (numerator, denominator) = (reader.i128()?, reader.i128()?);
            let ratio = Ratio::new(numerator, denominator, reader.u8()?);
            ratio.map(Value::Ratio).ok_or_else(|| reader.error("a quotient without a divisor"))?
        }
        6 => Value::Time(Timestamp::from_micros(reader.i64()?)),
        other => return Err(reader.error(format!("there is no value of kind {other}"))),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quipu_engine::Dimension;

    use super::*;
    use crate::measure::Measure;

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            ".{0,9}".prop_map(|text| Value::Text(text.into())),
            any::<u128>().prop_map(Value::Count),
            any::<i128>().prop_map(Value::Signed),
            any::<i128>().prop_map(|pico| Value::Money(PicoUsd::from_pico(pico))),
            (any::<i128>(), 1..i128::MAX, 0..18_u8).prop_map(|(a, b, digits)| Value::ratio(a, b, digits)),
            any::<i64>().prop_map(|at| Value::Time(Timestamp::from_micros(at))),
        ]
    }

    fn query() -> Query {
        Query::new().measure(Measure::Cost).by(Dimension::Team).limit(3)
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_and_any_change_of_it_is_refused(
            values in prop::collection::vec(any_value(), 0..5), lsn: u64, book in any::<Option<u16>>(),
            at in any::<prop::sample::Index>(), digit in "[0-9a-f]",
        ) {
            let cursor = Cursor { lsn, book: book.map(u32::from), position: Position(values) };
            let text = cursor.seal(&[7; 32], &Scope::default(), &query());
            prop_assert_eq!(Cursor::open(&text, &[7; 32], &Scope::default(), &query().limit(9)).ok(), Some(cursor));
            let at = at.index(text.len());
            let mut forged = text.clone();
            forged.replace_range(at..=at, &digit);
            prop_assert_eq!(Cursor::open(&forged, &[7; 32], &Scope::default(), &query()).is_ok(), forged == text);
            prop_assert!(Cursor::open(&text[..at], &[7; 32], &Scope::default(), &query()).is_err());
            prop_assert!(Cursor::open(&text, &[8; 32], &Scope::default(), &query()).is_err());
            prop_assert!(Cursor::open(&text, &[7; 32], &Scope::default(), &query().by(Dimension::Model)).is_err());
            let other = Scope::new("other").expect("a name");
            prop_assert!(Cursor::open(&text, &[7; 32], &other, &query()).is_err());
        }

        #[test]
        fn no_text_is_more_than_refused(text in ".{0,40}", content in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(Cursor::open(&text, &[7; 32], &Scope::default(), &query()).is_err());
            let _ = Cursor::decode(&content);
        }
    }
}
