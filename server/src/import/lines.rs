//! Lines of a text input, one at a time, however long the file is.

use std::io::{self, BufRead, Read};

use quipu::Result;

use super::input::Unpacked;
use crate::wire::{FieldError, json};

/// The longest line that is read; a longer one is refused and skipped.
const LINE_BYTES: u64 = 64 << 20;

pub(super) struct Lines {
    input: Unpacked,
    number: u64,
    buffer: Vec<u8>,
}

/// A line that was read, or was too long to be.
pub(super) struct Line {
    too_long: bool,
}

impl Lines {
    pub(super) fn new(input: Unpacked) -> Self {
        Self { input, number: 0, buffer: Vec::new() }
    }

    /// The number of the line last read, counted from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Reads the next line that is not blank.
    pub(super) fn next(&mut self) -> Result<Option<Line>> {
        loop {
            self.buffer.clear();
            let too_long = self.fill().map_err(|error| self.input.failed(self.number, error))?;
            if self.buffer.is_empty() {
                return Ok(None);
            }
            self.number += 1;
            if self.number == 1 && self.buffer.starts_with(b"\xEF\xBB\xBF") {
                self.buffer.drain(..3);
            }
            if !self.buffer.trim_ascii().is_empty() {
                return Ok(Some(Line { too_long }));
            }
        }
    }

    /// The line last read, without the space around it.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.trim_ascii()
    }

    /// The text of the line last read.
    pub(super) fn text(&self, line: Line) -> Result<&str, FieldError> {
        if line.too_long {
            return Err(FieldError::item(format!("is longer than {} MiB", LINE_BYTES >> 20)));
        }
        json::utf8(self.bytes())
    }

    /// Reads up to and including the next line's end; true when the line was too long to keep.
    fn fill(&mut self) -> io::Result<bool> {
        let reader = &mut self.input.reader;
        reader.by_ref().take(LINE_BYTES).read_until(b'\n', &mut self.buffer)?;
        if self.buffer.len() as u64 == LINE_BYTES && !self.buffer.ends_with(b"\n") {
            reader.skip_until(b'\n')?;
            return Ok(true);
        }
        Ok(false)
    }
}
