//! Counted once: the identity of events, and the indexes that know every one already stored.
//!
//! The identity is (workspace, id). A *fingerprint* is its keyed 128-bit hash: keyed with the
//! store's secret, so nobody can craft two ids that collide and suppress another's billing. The
//! head keeps whole fingerprints; sealed runs keep their first 32 bits with the row, and a hit there
//! is verified against the stored id, so a collision can neither drop nor double an event.

mod content;
mod id_run;

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};

use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::format::container::{Container, ContainerWriter, Identity};
use crate::format::names::{FileKind, SECRET};
use crate::io::Disk;

pub use content::ContentHash;
pub use id_run::{IdRun, Record, hashes, write, write_records};

/// The store's secret key.
#[derive(Clone)]
pub struct Secret([u8; 16]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// The keyed hash of an identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// The half whose first bits sealed runs are sorted by.
    pub fn upper(self) -> u64 {
        (self.0 >> 64) as u64
    }

    /// The hash as files hold it.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    /// The hash that files hold.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_le_bytes(bytes))
    }

    /// The first 32 bits, which sealed runs keep.
    pub fn short(self) -> u64 {
        self.upper() >> 32
    }

    /// The hash as text, for ids derived from content.
    pub fn to_hex(self) -> String {
        format!("{:032x}", self.0)
    }
}

impl Secret {
    /// A new secret.
    ///
    /// # Errors
    /// When the disk has no randomness.
    pub fn random(disk: &dyn Disk) -> Result<Self> {
        let mut key = [0; 16];
        disk.random(&mut key).map_err(|error| Error::io("read", "the system's randomness", error))?;
        Ok(Self(key))
    }

    /// Writes the secret to its file and syncs it.
    ///
    /// # Errors
    /// What the disk says.
    pub fn write(&self, disk: &std::sync::Arc<dyn Disk>, store: [u8; 16]) -> Result<()> {
        let mut writer = ContainerWriter::create(disk, FileKind::Secret, Identity { store, file: 0 })?;
        writer.blob("key", &self.0)?;
        writer.finish(&[]).map(drop)
    }

    /// Reads the secret of a store.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where, or what the disk says.
    pub fn read(disk: &dyn Disk, store: [u8; 16]) -> Result<Self> {
        let missing = |error: Error| match error.kind() {
            ErrorKind::NotFound => Error::corrupt(SECRET, 0, "the file is missing"),
            _ => error,
        };
        let container = Container::open(disk, FileKind::Secret, 0, Some(store)).map_err(missing)?;
        let key = container.blob("key")?.and_then(|key| key.try_into().ok());
        key.map(Self).ok_or_else(|| container.damaged("key", "16 bytes expected"))
    }

    /// A key of its own for another purpose, which nobody can tell this one from.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        blake3::derive_key(purpose, &self.0)
    }

    fn hasher(&self) -> SipHasher24 {
        SipHasher24::new_with_key(&self.0)
    }

    /// The fingerprint of an event's identity.
    pub fn fingerprint(&self, workspace: &str, id: &str) -> Fingerprint {
        self.of_pair(b'e', workspace, id)
    }

    /// The hash by which a job is known to exist and its outcome is found.
    pub fn job(&self, workspace: &str, job_id: &str) -> u64 {
        self.of_pair(b'j', workspace, job_id).upper()
    }

    /// The fingerprint of a workflow run, by which corrections of all its events are found.
    pub fn trace(&self, workspace: &str, trace_id: &str) -> Fingerprint {
        self.of_pair(b't', workspace, trace_id)
    }

    fn of_pair(&self, kind: u8, workspace: &str, id: &str) -> Fingerprint {
        let mut hasher = self.hasher();
        hasher.write_u8(kind);
        hasher.write(&(workspace.len() as u64).to_le_bytes());
        hasher.write(workspace.as_bytes());
        hasher.write(id.as_bytes());
        Fingerprint(hasher.finish128().as_u128())
    }

    /// The fingerprint of all that an event says, from which an id is derived when the caller
    /// gives none.
    pub fn content(&self, event: &Event) -> Fingerprint {
        let mut said = Vec::new();
        content::write(event, &mut said);
        let mut hasher = self.hasher();
        hasher.write(&said);
        Fingerprint(hasher.finish128().as_u128())
    }
}
