//! The secret part of a token: shown once, kept as a hash.

use std::fmt;

use quipu::io::Disk;
use quipu::{Error, Result};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// What every token starts with, so that scanners for leaked secrets can know it.
const PREFIX: &str = "qp_";
/// Hexadecimal digits of an id: enough to be unique in a file.
const ID_DIGITS: usize = 12;
/// Hexadecimal digits of a secret: 256 bits.
const SECRET_DIGITS: usize = 64;

/// The hash of a secret. A secret has 256 random bits, so there is nothing to guess and a fast hash is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SecretHash(blake3::Hash);

/// A token in full, as it is shown once to whoever asked for it.
pub struct Issued(String);

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issued")
    }
}

impl Issued {
    /// The text to hand over.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// A new secret for a token, and what is kept of it.
    pub(super) fn new(id: &str, disk: &dyn Disk) -> Result<(Self, SecretHash)> {
        let secret = random_hex::<{ SECRET_DIGITS / 2 }>(disk)?;
        Ok((Self(format!("{PREFIX}{id}_{secret}")), SecretHash::of(&secret)))
    }
}

impl SecretHash {
    pub(super) fn of(secret: &str) -> Self {
        Self(blake3::hash(secret.as_bytes()))
    }

    /// Whether these are the hashes of one secret, in a time that does not tell how much of them agrees.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl From<SecretHash> for String {
    fn from(hash: SecretHash) -> Self {
        hash.0.to_hex().to_string()
    }
}

impl TryFrom<String> for SecretHash {
    type Error = blake3::HexError;

    fn try_from(hex: String) -> Result<Self, Self::Error> {
        blake3::Hash::from_hex(hex).map(Self)
    }
}

/// A new id.
pub(super) fn new_id(disk: &dyn Disk) -> Result<String> {
    random_hex::<{ ID_DIGITS / 2 }>(disk)
}

/// The id and the secret of a token; `None` when it cannot be one.
pub(super) fn split(token: &str) -> Option<(&str, &str)> {
    let (id, secret) = token.strip_prefix(PREFIX)?.split_once('_')?;
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let whole = id.len() == ID_DIGITS && secret.len() == SECRET_DIGITS && hex(id) && hex(secret);
    whole.then_some((id, secret))
}

fn random_hex<const BYTES: usize>(disk: &dyn Disk) -> Result<String> {
    let mut bytes = [0; BYTES];
    disk.random(&mut bytes).map_err(|error| Error::io("read", "the system's randomness", error))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
