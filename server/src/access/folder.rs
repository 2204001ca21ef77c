//! The folder in a store's directory that belongs to the server, and how its files are replaced.

use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind as IoErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use quipu::format::names::SERVER_DIR;
use quipu::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::tokens::Tokens;

const TOKENS: &str = "tokens.json";
const LOCK: &str = "LOCK";

/// The folder; made when something is first written.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

/// What tells one version of a file from another without reading it: a file that is replaced is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(Option<(u64, i64, i64, u64)>);

impl Folder {
    /// The folder of a store.
    pub fn of_store(dir: &Path) -> Self {
        Self { path: dir.join(SERVER_DIR) }
    }

    /// Whether anything was ever written here.
    pub fn is_there(&self) -> bool {
        self.path.is_dir()
    }

    /// The path of a file in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The tokens of the store.
    ///
    /// # Errors
    /// What the system says, or what is wrong with the file.
    pub fn tokens(&self) -> Result<Tokens> {
        self.read(TOKENS)
    }

    /// Which version of the tokens there is.
    ///
    /// # Errors
    /// What the system says.
    pub fn tokens_version(&self) -> Result<Version> {
        let path = self.file(TOKENS);
        match fs::metadata(&path) {
            Ok(found) => Ok(Version(Some((found.ino(), found.mtime(), found.mtime_nsec(), found.len())))),
            Err(error) if error.kind() == IoErrorKind::NotFound => Ok(Version(None)),
            Err(error) => Err(Error::io("read", &path.display().to_string(), error)),
        }
    }

    /// Changes the tokens, while no other process does, and returns what `change` does. Durable when it returns.
    ///
    /// # Errors
    /// What the system or `change` says; nothing is changed then.
    pub fn change_tokens<T>(&self, change: impl FnOnce(&mut Tokens) -> Result<T>) -> Result<T> {
        let _turn = self.lock()?;
        let mut tokens = self.tokens()?;
        let result = change(&mut tokens)?;
        self.replace(TOKENS, &tokens)?;
        Ok(result)
    }

    /// Waits until no other process is changing something here.
    pub(super) fn lock(&self) -> Result<File> {
        self.create()?;
        let path = self.file(LOCK);
        let open = fs::OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        open.and_then(|file| file.lock().map(|()| file))
            .map_err(|error| Error::io("lock", &path.display().to_string(), error))
    }

    /// Makes the folder, for its owner only.
    fn create(&self) -> Result<()> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.path);
        made.map_err(|error| Error::io("create", &self.path.display().to_string(), error))
    }

    /// The content of a JSON file; its default where there is none.
    pub(crate) fn read<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T> {
        let path = self.file(name);
        let shown = path.display().to_string();
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| Error::corrupt(&shown, 0, format!("not as written: {error}"))),
            Err(error) if error.kind() == IoErrorKind::NotFound => Ok(T::default()),
            Err(error) => Err(Error::io("read", &shown, error)),
        }
    }

    /// Replaces a JSON file as a whole, readable by its owner only. A crash leaves the old one or the new one.
    pub(crate) fn replace(&self, name: &str, content: &impl Serialize) -> Result<()> {
        self.create()?;
        let path = self.file(name);
        let failed = |error| Error::io("write", &path.display().to_string(), error);
        let mut bytes = serde_json::to_vec_pretty(content).map_err(|error| failed(error.into()))?;
        bytes.push(b'\n');
        let mut file = tempfile::NamedTempFile::new_in(&self.path).map_err(failed)?;
        file.write_all(&bytes).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        File::open(&self.path).and_then(|dir| dir.sync_all()).map_err(failed)
    }
}
