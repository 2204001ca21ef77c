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

    /// Whether it is packed; not known of the standard input, which can be read but once.
    pub(super) fn is_packed(&self) -> bool {
        let mut start = [0; 4];
        let read = match self {
            Self::Stdin => return false,
            Self::File(path) => File::open(path).and_then(|mut file| file.read(&mut start)),
            Self::Bytes { bytes, .. } => bytes.as_ref().read(&mut start),
        };
        read.is_ok_and(|read| packing(&start[..read]).is_some())
    }

    /// Unpacks a packed file to its end, where its checksum is; `taken` counts the bytes as they lie there.
    pub(super) fn check(&self, taken: &Arc<AtomicU64>) -> Result<()> {
        if !self.is_packed() {
            if self.size() == Some(0) && PACKED.iter().any(|ending| self.name().ends_with(ending)) {
                return Err(Error::invalid(format!(
                    "{}: is empty, and packed data never is; get it anew",
                    self.name()
                )));
            }
            return Ok(());
        }
        let Unpacked { mut reader, origin } = self.open(taken)?;
        io::copy(&mut reader, &mut io::sink()).map(drop).map_err(|error| {
            let (name, packing) = (&origin.name, origin.packing.unwrap_or_default());
            Error::invalid(format!(
                "{name}: the {packing} data is damaged or cut off ({error}); nothing of the file was imported. \
                 Get it anew, or unpack what can be saved, look it through and import that"
            ))
        })
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
    /// When it cannot be read, or what it is packed with is damaged.
    pub fn read_all(&self) -> Result<Vec<u8>> {
        let mut unpacked = self.open(&Arc::default())?;
        let mut bytes = Vec::new();
        unpacked.reader.read_to_end(&mut bytes).map_err(|error| Error::io("read", &self.name(), error))?;
        Ok(bytes)
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
