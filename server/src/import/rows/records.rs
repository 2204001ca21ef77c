//! The records of a CSV file, each within a limit.
//!
//! A quoted cell may hold line breaks, so a quote that is not closed would make one record of the rest of the
//! file. A record of several lines is therefore believed only if it can be one: within the limit, closed before the
//! file ends, with nothing but the end of the cell behind a closing quote, and as wide as the header. Else its
//! first line alone is given up, and reading goes on with the second.

use std::io::{self, Read};

use csv_core::ReadRecordResult;

/// What is read from the file at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// What is read anew, in all, after lines that were given up; a file that needs more is no CSV.
const AGAIN_BYTES: usize = 1 << 30;

pub(super) struct Records {
    bytes: Box<dyn Read + Send>,
    parser: csv_core::Reader,
    /// Bytes that a record may have.
    limit: usize,
    /// How many cells every record has, once the header has said it.
    width: Option<usize>,
    /// The bytes of the record, from `start` up to `at`, and what was read behind them.
    window: Vec<u8>,
    start: usize,
    at: usize,
    /// Whether the window reaches to the end of the file.
    is_last: bool,
    again: usize,
    line: u64,
    /// The cells one after the other, and where each ends.
    text: String,
    ends: Vec<usize>,
    cells: usize,
}

/// Why there is no record. Whatever it is, the next call goes on behind it, except after [`Fault::Io`] and
/// [`Fault::Hopeless`].
pub(super) enum Fault {
    Io(io::Error),
    /// The line is longer than a record may be.
    LongLine,
    /// This cell is not UTF-8.
    NotUtf8(usize),
    /// The line has this many cells.
    Width(usize),
    /// This cell opens a quote that is not closed within the limit, or before the file ends.
    Unclosed {
        cell: usize,
        within_limit: bool,
    },
    /// Quotes make one record of the lines up to this one, but text follows a closing quote.
    StrayQuote {
        until: u64,
    },
    /// Quotes make one record of the lines up to this one, which has so many cells.
    Torn {
        until: u64,
        cells: usize,
    },
    /// So many quotes are not closed that the file is not worth reading on.
    Hopeless,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Records {
    pub(super) fn new(bytes: Box<dyn Read + Send>, limit: usize) -> Self {
        Self {
            bytes,
            parser: csv_core::Reader::new(),
            limit,
            width: None,
            window: Vec::new(),
            start: 0,
            at: 0,
            is_last: false,
            again: 0,
            line: 1,
            text: String::new(),
            ends: vec![0; 64],
            cells: 0,
        }
    }

    /// Reads the next record; false at the end. The first one is the header, to whose width all others are held.
    pub(super) fn advance(&mut self) -> Result<bool, Fault> {
        if !self.begin()? {
            return Ok(false);
        }
        let mut text = std::mem::take(&mut self.text).into_bytes();
        let parsed = self.parse(&mut text);
        self.keep(text)?;
        parsed?;
        self.check()?;
        self.width.get_or_insert(self.cells);
        Ok(true)
    }

    /// The line on which the record begins, counted from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The cells of the record.
    pub(super) fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.cells).filter_map(|cell| self.cell(cell))
    }

    pub(super) fn cell(&self, cell: usize) -> Option<&str> {
        let start = if cell == 0 { 0 } else { self.ends[cell - 1] };
        self.text.get(start..*self.ends[..self.cells].get(cell)?)
    }

    /// Goes to the first byte of the next record, past empty lines; false when there is none.
    fn begin(&mut self) -> io::Result<bool> {
        self.line += breaks(&self.window[self.start..self.at]);
        self.cells = 0;
        loop {
            self.start = self.at;
            match self.window.get(self.at) {
                Some(byte @ (b'\n' | b'\r')) => {
                    self.line += u64::from(*byte == b'\n');
                    self.at += 1;
                }
                Some(_) => return Ok(true),
                None if self.is_last => return Ok(false),
                None => self.fill()?,
            }
        }
    }

    /// Parses up to the end of the record.
    fn parse(&mut self, text: &mut Vec<u8>) -> Result<(), Fault> {
        text.resize(text.len().max(1024), 0);
        let mut written = 0;
        loop {
            let (state, taken, more, ended) =
                self.parser.read_record(&self.window[self.at..], &mut text[written..], &mut self.ends[self.cells..]);
            (self.at, written, self.cells) = (self.at + taken, written + more, self.cells + ended);
            match state {
                ReadRecordResult::Record | ReadRecordResult::End => break,
                ReadRecordResult::OutputFull => text.resize(text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty if self.at - self.start > self.limit => return Err(self.too_long()?),
                ReadRecordResult::InputEmpty if self.is_last => {
                    let fault = Fault::Unclosed { cell: self.cells, within_limit: false };
                    return Err(self.give_up(fault));
                }
                ReadRecordResult::InputEmpty => self.fill()?,
            }
        }
        text.truncate(written);
        Ok(())
    }

    /// Takes the cells' bytes over if they are text.
    fn keep(&mut self, bytes: Vec<u8>) -> Result<(), Fault> {
        let ends = &self.ends[..self.cells];
        let damaged = match String::from_utf8(bytes) {
            Ok(text) => {
                self.text = text;
                ends.iter().position(|end| !self.text.is_char_boundary(*end))
            }
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                self.text = String::new();
                Some(ends.partition_point(|end| *end <= valid))
            }
        };
        damaged.map_or(Ok(()), |cell| Err(Fault::NotUtf8(cell)))
    }

    /// Whether the record can be one.
    fn check(&mut self) -> Result<(), Fault> {
        let record = &self.window[self.start..self.at];
        let until = self.line + breaks(record) - u64::from(record.ends_with(b"\n"));
        if until > self.line && text_follows_quote(record) {
            return Err(self.give_up(Fault::StrayQuote { until }));
        }
        match self.width {
            Some(width) if self.cells != width && until > self.line => {
                Err(self.give_up(Fault::Torn { until, cells: self.cells }))
            }
            Some(width) if self.cells != width => Err(Fault::Width(self.cells)),
            _ => Ok(()),
        }
    }

    fn too_long(&mut self) -> io::Result<Fault> {
        let cell = self.cells;
        if self.window[self.start..self.at].iter().any(|byte| is_break(*byte)) {
            return Ok(self.give_up(Fault::Unclosed { cell, within_limit: true }));
        }
        // The line itself is too long, with or without quotes.
        loop {
            self.start = self.at;
            if self.window[self.at..].iter().any(|byte| is_break(*byte)) {
                return Ok(self.give_up(Fault::LongLine));
            }
            self.at = self.window.len();
            if self.is_last {
                return Ok(Fault::LongLine);
            }
            self.start = self.at;
            self.fill()?;
        }
    }

    /// Goes back to the end of the first line, for what follows it may be records.
    fn give_up(&mut self, fault: Fault) -> Fault {
        let line = self.window[self.start..].iter().position(|byte| is_break(*byte));
        let end = self.start + line.unwrap_or(self.window.len() - self.start);
        self.again += self.at.saturating_sub(end);
        self.at = end;
        self.parser.reset();
        if self.again > AGAIN_BYTES { Fault::Hopeless } else { fault }
    }

    /// Reads more behind the record and lets go of what stands before it.
    fn fill(&mut self) -> io::Result<()> {
        self.window.drain(..self.start);
        self.at -= self.start;
        self.start = 0;
        let filled = self.window.len();
        self.window.resize(filled + CHUNK_BYTES, 0);
        let read = loop {
            match self.bytes.read(&mut self.window[filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.window.truncate(filled + *read.as_ref().unwrap_or(&0));
        if read? == 0 {
            // A line break ends the last record, unless a quote in it is open.
            self.window.push(b'\n');
            self.is_last = true;
        }
        Ok(())
    }
}

fn is_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

fn breaks(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Whether anything but the end of the cell stands behind the closing quote of one.
fn text_follows_quote(record: &[u8]) -> bool {
    #[derive(Clone, Copy)]
    enum In {
        Start,
        Plain,
        Quotes,
        Closed,
    }
    let mut state = In::Start;
    for byte in record {
        state = match (state, byte) {
            (In::Quotes, b'"') => In::Closed,
            (In::Start | In::Closed, b'"') | (In::Quotes, _) => In::Quotes,
            (_, b',' | b'\n' | b'\r') => In::Start,
            (In::Closed, _) => return true,
            (In::Start | In::Plain, _) => In::Plain,
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records(bytes: &[u8], limit: usize) -> Records {
        Records::new(Box::new(io::Cursor::new(bytes.to_vec())), limit)
    }

    /// Every record after the header as its cells, every fault as its line.
    fn read(bytes: &[u8], limit: usize) -> (Vec<Vec<String>>, Vec<u64>) {
        let (mut rows, mut faults) = (Vec::new(), Vec::new());
        let mut records = records(bytes, limit);
        loop {
            match records.advance() {
                Ok(true) => rows.push(records.cells().map(String::from).collect()),
                Ok(false) => return (rows, faults),
                Err(Fault::Io(error)) => panic!("{error}"),
                Err(Fault::Hopeless) => panic!("nothing of that size is read"),
                Err(_) => faults.push(records.line()),
            }
        }
    }

    fn cells(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| (*cell).into()).collect()).collect()
    }

    #[test]
    fn a_quote_that_is_not_closed_costs_its_own_line_and_no_other() {
        for (body, good, bad) in [
            ("a,b\n1,\"x\n2,y\n3,z\n", vec!["2,y", "3,z"], vec![2]),
            ("a,b\r\n1,\"x\r\n2,y\r\n3,\"z\"\r\n", vec!["2,y", "3,z"], vec![2]),
            // The second one closes the first, with text behind it.
            ("a,b\n1,\"x\n2,y\n3,\"z\n4,w", vec!["2,y", "4,w"], vec![2, 4]),
            // It swallows a border between cells.
            ("a,b\n1,u\n\"2,x\n3,\"\n4,w\n", vec!["1,u", "4,w"], vec![3, 4]),
            ("a,b\n1,\"x", vec![], vec![2]),
        ] {
            let (rows, faults) = read(body.as_bytes(), 1 << 20);
            let rows: Vec<String> = rows[1..].iter().map(|row| row.join(",")).collect();
            assert_eq!((rows, faults), (good.into_iter().map(String::from).collect(), bad), "{body:?}");
        }
    }

    #[test]
    fn lines_and_records_beyond_the_limit_are_passed_over() {
        let long = "x".repeat(CHUNK_BYTES * 3);
        let limit = CHUNK_BYTES;
        let lines = format!("a,b\n1,{long}\n2,y\n3,\"{long}\n4,z\n{}", "5,w\n".repeat(CHUNK_BYTES));
        let (rows, faults) = read(lines.as_bytes(), limit);
        assert_eq!((rows.len(), faults), (3 + CHUNK_BYTES, vec![2, 4]));
        assert_eq!(rows[..3], cells(&[&["a", "b"], &["2", "y"], &["4", "z"]]));
        assert!(matches!(records(&vec![0; CHUNK_BYTES * 4], limit).advance(), Err(Fault::LongLine)));
    }

    #[test]
    fn quoted_cells_may_hold_anything() {
        let body = "\u{feff}\"a\",b\n\n1,\"x\ny, \"\"z\"\"\"\n2,5\" disk\n,\n";
        let (rows, faults) = read(body.as_bytes(), 1 << 20);
        let expected: [&[&str]; 4] = [&["a", "b"], &["1", "x\ny, \"z\""], &["2", "5\" disk"], &["", ""]];
        assert_eq!((rows, faults), (cells(&expected), vec![]));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(rows in prop::collection::vec(prop::array::uniform3("[ -~\n\r\"é,]{0,6}"), 0..20)) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(["a", "b", "c"]).expect("memory");
            for row in &rows {
                writer.write_record(row).expect("memory");
            }
            let bytes = writer.into_inner().expect("memory");
            let (read, faults) = read(&bytes, 1 << 20);
            prop_assert_eq!(&read[1..], rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>());
            prop_assert!(faults.is_empty());
        }

        #[test]
        fn one_broken_line_spoils_no_other(rows in prop::collection::vec(("[a-z]{0,5}", "[a-z]{0,5}"), 1..30), at: prop::sample::Index) {
            let lines: Vec<String> = rows.iter().map(|(a, b)| format!("{a}1,{b}")).collect();
            let broken = at.index(lines.len());
            let mut body = String::from("a,b\n");
            for (n, line) in lines.iter().enumerate() {
                body.push_str(&if n == broken { format!("1,\"{line}\n") } else { format!("{line}\n") });
            }
            let (read, faults) = read(body.as_bytes(), 1 << 20);
            prop_assert_eq!(faults, [broken as u64 + 2]);
            let read: Vec<String> = read[1..].iter().map(|row| row.join(",")).collect();
            let good: Vec<String> =
                lines.iter().enumerate().filter(|(n, _)| *n != broken).map(|(_, line)| line.clone()).collect();
            prop_assert_eq!(read, good);
        }
    }
}
