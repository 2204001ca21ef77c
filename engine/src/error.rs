//! One error type, whose kind says what the caller can do next.

use std::fmt;
use std::io;

/// The engine's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input is wrong: correct it and send it again.
    Invalid,
    /// The thing named does not exist.
    NotFound,
    /// The thing exists already with other content; what is stored stands.
    Conflict,
    /// Bytes on disk are damaged; the message says where. `quipu verify` lists all damage.
    Corrupt,
    /// The directory is not a Quipu store.
    NotAStore,
    /// Another process holds the store; the message names it.
    Busy,
    /// No space is left; nothing was harmed. Free some and retry.
    Full,
    /// Too much is in flight; retry later.
    Overloaded,
    /// The question needs more memory than it may use; the message says what would need less.
    TooLarge,
    /// Somebody asked to stop before it was done.
    Cancelled,
    /// An earlier write or sync failed, so what is on disk is unknown until the store is reopened.
    Poisoned,
    /// The write was under way when the disk failed: it may or may not survive. Retry the same ids after reopening.
    DurabilityUnknown,
    /// Written by a newer Quipu, or a feature this build lacks.
    Unsupported,
    /// The operating system refused; the source says why.
    Io,
}

/// An error with its kind, a sentence for people, and its cause where there is one.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` that reads `message`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Wrong input.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// Damage in `file` at byte `offset`: `what` names the structure and what was expected against found.
    pub fn corrupt(file: &str, offset: u64, what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Corrupt, format!("{file}: damaged at byte {offset}: {what}"))
    }

    /// A failed call to the operating system on `path`.
    pub fn io(action: &str, path: &str, source: io::Error) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Full,
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        Self { kind, message: format!("cannot {action} {path}: {source}"), source: Some(Box::new(source)) }
    }

    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The same error under another kind.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// The same error with `; hint` behind it: what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.message = format!("{}; {hint}", self.message);
        self
    }

    /// The same error with `context: ` in front.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
