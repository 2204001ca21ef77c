//! Where bytes come from: a file, the standard input or memory; gzip and zstd are unpacked on the way.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quipu::{Error, Result};

const BUFFER_BYTES: usize = 256 * 1024;
/// What is looked at of a file to see whether it is packed, or text.
const START_BYTES: u64 = 512;
/// Endings that say how a file is packed.
const PACKED: [&str; 2] = [".gz", ".zst"];

/// One input of an import.
#[derive(Clone, Debug)]
pub enum Input {
    /// The standard input.
    Stdin,
    /// A file.
    File(PathBuf),
    /// Bytes in memory under the name of the file they stand for.
    Bytes {
        /// The file's name, whose ending says the format.
        name: Cow<'static, str>,
        /// Its content, packed or not.
        bytes: Cow<'static, [u8]>,
    },
}

impl Input {
    /// The input a command line names: `-` is the standard input.
    pub fn from_arg(arg: &OsStr) -> Self {
        if arg == "-" { Self::Stdin } else { Self::File(arg.into()) }
    }

    /// How messages name it.
    pub fn name(&self) -> String {
        match self {
            Self::Stdin => "standard input".into(),
            Self::File(path) => path.display().to_string(),
            Self::Bytes { name, .. } => name.to_string(),
        }
    }

    /// The file's name without folders and without what says how it is packed: `runs.csv` for `a/runs.csv.gz`.
    pub(super) fn unpacked_name(&self) -> String {
        let name = match self {
            Self::Stdin => "stdin".into(),
            Self::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Bytes { name, .. } => name.to_string(),
        };
        for packed in PACKED {
            if let Some(unpacked) = name.strip_suffix(packed) {
                return unpacked.to_owned();
            }
        }
        name
    }

    /// The part of ids that stands for this input: its name without folders and endings.
    pub(super) fn stem(&self) -> String {
        let name = self.unpacked_name();
        match name.rsplit_once('.') {
            Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
            _ => name,
        }
    }

    /// Its size in bytes as it lies there, where that is known.
    pub(super) fn size(&self) -> Option<u64> {
        match self {
            Self::Stdin => None,
            Self::File(path) => std::fs::metadata(path).ok().map(|metadata| metadata.len()),
            Self::Bytes { bytes, .. } => Some(bytes.len() as u64),
        }
    }

    /// Its first bytes; `None` of what can be read but once, as the standard input and pipes, or not at all.
    fn start(&self) -> Option<Vec<u8>> {
        let mut start = Vec::new();
        match self {
            Self::Stdin => None,
            Self::File(path) if !path.is_file() => None,
            Self::File(path) => File::open(path).and_then(|file| file.take(START_BYTES).read_to_end(&mut start)).ok(),
            Self::Bytes { bytes, .. } => bytes.as_ref().take(START_BYTES).read_to_end(&mut start).ok(),
        }?;
        Some(start)
    }

    /// Whether it is packed, as far as that is known before it is read.
    pub(super) fn is_packed(&self) -> bool {
        self.start().is_some_and(|start| packing(&start).is_some())
    }

    /// Checks what can be checked before the first row is taken: that what is packed can be unpacked to its end, where
    /// its checksum is, and that what is named like packed data is some. A text of such a name is read as it is, with a
    /// sentence that says so. `taken` counts the bytes as they lie there.
    pub(super) fn check(&self, taken: &Arc<AtomicU64>) -> Result<Option<String>> {
        if !self.is_packed() {
            return self.check_name();
        }
        let Unpacked { mut reader, origin } = self.open(taken)?;
        match io::copy(&mut reader, &mut io::sink()) {
            Ok(_) => Ok(None),
            Err(error) => Err(origin.damaged(error)),
        }
    }

    /// Whether the name says that it is packed, and it is not.
    fn check_name(&self) -> Result<Option<String>> {
        let name = self.name();
        let (Some(ending), Some(start)) = (PACKED.iter().find(|ending| name.ends_with(**ending)), self.start()) else {
            return Ok(None);
        };
        match (packing(&start), start.is_empty()) {
            (Some(_), _) => Ok(None),
            (None, true) => Err(Error::invalid(format!("{name}: is empty, and packed data never is; get it anew"))),
            (None, false) if is_text(&start) => {
                Ok(Some(format!("{name}: is named {ending}, but is text that is not packed; it was read as it is")))
            }
            (None, false) => Err(Error::invalid(format!(
                "{name}: is named {ending}, but is neither gzip nor zstd, nor text; nothing of the file was taken. Get it anew"
            ))),
        }
    }

    /// Opens it for reading, unpacked by what its first bytes say; `taken` counts the bytes as they lie there.
    pub(super) fn open(&self, taken: &Arc<AtomicU64>) -> Result<Unpacked> {
        let raw: Box<dyn Read + Send> = match self {
            Self::Stdin => Box::new(io::stdin()),
            Self::File(path) => Box::new(open_file(path)?),
            Self::Bytes { bytes, .. } => Box::new(Cursor::new(bytes.clone())),
        };
        let counted = Counted { raw, taken: Arc::clone(taken) };
        let mut packed = BufReader::with_capacity(BUFFER_BYTES, counted);
        let start = fill(&mut packed).map_err(|error| Error::io("read", &self.name(), error))?;
        let packing = packing(start);
        let reader: Box<dyn Read + Send> = match packing {
            Some("gzip") => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
            Some(_) => {
                let decoder = zstd::stream::read::Decoder::with_buffer(packed);
                Box::new(decoder.map_err(|error| Error::io("read", &self.name(), error))?)
            }
            None => Box::new(packed),
        };
        let origin = Origin { name: self.name(), packing };
        Ok(Unpacked { reader: BufReader::with_capacity(BUFFER_BYTES, reader), origin })
    }

    /// Everything in it, unpacked.
    ///
    /// # Errors
    /// When it cannot be read, what it is packed with is damaged, or it is not packed as its name says.
    pub fn read_all(&self) -> Result<Vec<u8>> {
        self.check_name()?;
        let Unpacked { mut reader, origin } = self.open(&Arc::default())?;
        let mut bytes = Vec::new();
        match reader.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(origin.damaged(error)),
        }
    }

    /// The file itself, for formats that are read from their end.
    pub(super) fn open_seekable(&self) -> Result<File> {
        match self {
            Self::File(path) => open_file(path),
            Self::Stdin | Self::Bytes { .. } => {
                Err(Error::invalid(format!("{}: Parquet is read from its end, so it must be a file", self.name())))
            }
        }
    }
}

/// How bytes that start so are packed.
fn packing(start: &[u8]) -> Option<&'static str> {
    match start {
        [0x1f, 0x8b, ..] => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd"),
        _ => None,
    }
}

/// Whether bytes that start so may be text: UTF-8, perhaps cut in a character, without control characters.
fn is_text(start: &[u8]) -> bool {
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => &String::from_utf8_lossy(&start[..error.valid_up_to()]),
        Err(_) => return false,
    };
    !text.chars().any(|c| c.is_control() && !c.is_ascii_whitespace())
}

fn open_file(path: &Path) -> Result<File> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| Error::io("open", &name, error))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(Error::invalid(format!("{name} is a folder; name the files in it"))),
        _ => Ok(file),
    }
}

fn fill<R: BufRead>(reader: &mut R) -> io::Result<&[u8]> {
    loop {
        match reader.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(_) => return reader.fill_buf(),
        }
    }
}

/// An opened input.
pub(super) struct Unpacked {
    pub(super) reader: BufReader<Box<dyn Read + Send>>,
    origin: Origin,
}

/// What an input is, for messages.
pub(super) struct Origin {
    name: String,
    packing: Option<&'static str>,
}

impl Origin {
    /// What is wrong with it.
    pub(super) fn invalid(&self, problem: impl std::fmt::Display) -> Error {
        Error::invalid(format!("{}: {problem}", self.name))
    }

    /// What is wrong when it cannot be read to its end, before anything of it was taken.
    fn damaged(&self, error: io::Error) -> Error {
        let Some(packing) = self.packing else { return Error::io("read", &self.name, error) };
        Error::invalid(format!(
            "{}: the {packing} data is damaged or cut off ({error}); nothing of the file was taken. \
             Get it anew, or unpack what can be saved, look it through and take that",
            self.name
        ))
    }

    /// What is wrong when reading fails after line `line`.
    pub(super) fn failed(&self, line: u64, error: io::Error) -> Error {
        let Some(packing) = self.packing else { return Error::io("read", &self.name, error) };
        Error::invalid(format!(
            "{}: the {packing} data is damaged or cut off after line {line} ({error}); what came before was imported, \
             and since its checksum comes at the end, some of that may be wrong",
            self.name
        ))
    }
}

impl Unpacked {
    /// What is wrong when reading fails after line `line`.
    pub(super) fn failed(&self, line: u64, error: io::Error) -> Error {
        self.origin.failed(line, error)
    }

    /// Makes `head`, which was read already, be read again first.
    pub(super) fn put_back(&mut self, head: Vec<u8>) {
        let rest = std::mem::replace(&mut self.reader, BufReader::new(Box::new(io::empty())));
        self.reader = BufReader::with_capacity(BUFFER_BYTES, Box::new(Cursor::new(head).chain(rest)));
    }

    /// The bytes by themselves, for readers with a buffer of their own.
    pub(super) fn into_parts(self) -> (Box<dyn Read + Send>, Origin) {
        (self.reader.into_inner(), self.origin)
    }
}

struct Counted {
    raw: Box<dyn Read + Send>,
    taken: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.raw.read(buffer)?;
        self.taken.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
