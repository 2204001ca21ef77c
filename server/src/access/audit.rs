//! The audit log: who changed what about access, and who was turned away. Append-only; every entry
//! holds the hash of the one before it, so that none can be changed, left out or put in between
//! without all that follow telling so.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind as IoErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;

use quipu::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};

use super::folder::Folder;
use super::stamp::Stamp;

const AUDIT: &str = "audit.ndjson";
/// Longest text in an entry; what is longer is cut.
const TEXT_BYTES: usize = 512;
/// How much of the end of the file is looked at for its last entry: entries are far shorter.
const TAIL_BYTES: u64 = 16 * 1024;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Counted from 1.
    pub number: u64,
    /// When it was written.
    pub at: Stamp,
    /// Who did it, such as `cli` or `server`.
    pub actor: String,
    /// What was done, such as `token.create`.
    pub action: String,
    /// To what, and how.
    pub detail: String,
    /// The hash of the entry before; empty in the first.
    pub previous: String,
    /// The hash of this entry but for this.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hash: String,
}

impl Entry {
    fn sealed(self) -> Self {
        let hash = self.hash();
        Self { hash, ..self }
    }

    fn hash(&self) -> String {
        let bare = Self { hash: String::new(), ..self.clone() };
        let text = serde_json::to_vec(&bare).expect("texts and numbers always have a JSON form");
        blake3::hash(&text).to_hex().to_string()
    }
}

impl Folder {
    /// Adds an entry. Durable when it returns.
    ///
    /// # Errors
    /// What the system says.
    pub fn record(&self, actor: &str, action: &str, detail: &str, now: Timestamp) -> Result<()> {
        let _turn = self.lock()?;
        let path = self.file(AUDIT);
        let failed = |error| Error::io("write", &path.display().to_string(), error);
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = open.map_err(failed)?;
        let last = last_entry(&mut file).map_err(failed)?;
        let cut = |text: &str| text.chars().take(TEXT_BYTES / 4).collect::<String>();
        let entry = Entry {
            number: last.as_ref().map_or(1, |last| last.number + 1),
            at: Stamp(now),
            actor: cut(actor),
            action: cut(action),
            detail: cut(detail),
            previous: last.map_or_else(String::new, |last| last.hash),
            hash: String::new(),
        };
        let mut line = serde_json::to_vec(&entry.sealed()).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        file.write_all(&line).and_then(|()| file.sync_all()).map_err(failed)
    }

    /// Every entry.
    ///
    /// # Errors
    /// What the system says, or which entry was tampered with.
    pub fn audit(&self) -> Result<Vec<Entry>> {
        let path = self.file(AUDIT);
        let shown = path.display().to_string();
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(Vec::new()),
            text => text.map_err(|error| Error::io("read", &shown, error))?,
        };
        let mut entries: Vec<Entry> = Vec::new();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for (at, line) in whole.lines().enumerate() {
            let broken = |what: &str| Error::corrupt(&shown, 0, format!("entry {} {what}", at + 1));
            let entry: Entry = serde_json::from_str(line).map_err(|_| broken("cannot be read"))?;
            let before = entries.last().map_or("", |last| last.hash.as_str());
            if entry.number != at as u64 + 1 || entry.previous != before || entry.hash != entry.hash() {
                return Err(broken("is not the one that was written here"));
            }
            entries.push(entry);
        }
        Ok(entries)
    }
}

/// The last whole entry; the file is left at its end. A line without an end was never acknowledged and is cut off.
fn last_entry(file: &mut File) -> std::io::Result<Option<Entry>> {
    let length = file.seek(SeekFrom::End(0))?;
    let start = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let end = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    file.set_len(start + end as u64)?;
    file.seek(SeekFrom::End(0))?;
    let line = tail[..end].trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    match line.is_empty() {
        true => Ok(None),
        false => serde_json::from_slice(line).map(Some).map_err(std::io::Error::from),
    }
}
