//! All tokens of a store.

use std::collections::BTreeMap;

use quipu::io::Disk;
use quipu::{Error, ErrorKind, Result, Timestamp};
use serde::{Deserialize, Serialize};

use super::secret::{Issued, SecretHash, new_id, split};
use super::stamp::Stamp;
use super::token::{Previous, Token};

/// The tokens of a store, by id; those that ended stay, so that their names can be explained.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    #[serde(with = "list")]
    tokens: BTreeMap<String, Token>,
}

/// Why somebody is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// What was shown is no token of this store.
    Unknown,
    /// A token of this store that is good no more; the sentence says why.
    Ended(String),
}

impl Tokens {
    /// Whether there never was one.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Token> {
        self.tokens.values()
    }

    /// The token that somebody shows.
    ///
    /// # Errors
    /// Why it is none. That one ended is told only to who knows its secret.
    pub fn find(&self, shown: &str, now: Timestamp) -> Result<&Token, Refusal> {
        let (id, secret) = split(shown).ok_or(Refusal::Unknown)?;
        let secret = SecretHash::of(secret);
        let token = self.tokens.get(id).filter(|token| token.is_proved_by(&secret, now)).ok_or(Refusal::Unknown)?;
        token.ended(now).map_or(Ok(token), |why| Err(Refusal::Ended(why)))
    }

    /// Adds a token as `draft` describes it, with an id and a secret of its own.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it contradicts itself, or what the system says.
    pub fn create(
        &mut self,
        draft: impl FnOnce(String, SecretHash) -> Token,
        disk: &dyn Disk,
    ) -> Result<(Token, Issued)> {
        let mut id = new_id(disk)?;
        while self.tokens.contains_key(&id) {
            id = new_id(disk)?;
        }
        let (issued, secret) = Issued::new(&id, disk)?;
        let token = draft(id, secret);
        if token.scopes.is_empty() {
            return Err(Error::invalid("a token that allows nothing is of no use; name its scopes"));
        }
        token.scope()?;
        token.default_values()?;
        self.tokens.insert(token.id.clone(), token.clone());
        Ok((token, issued))
    }

    /// Gives a token a new secret; the old one is good until `overlap`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none of that id, [`ErrorKind::Conflict`] when it has ended.
    pub fn rotate(&mut self, id: &str, overlap: Timestamp, now: Timestamp, disk: &dyn Disk) -> Result<(Token, Issued)> {
        let token = self.get(id)?;
        if let Some(why) = token.ended(now) {
            return Err(Error::new(ErrorKind::Conflict, format!("{why}; create a new one")));
        }
        let (issued, secret) = Issued::new(id, disk)?;
        token.previous = Some(Previous { secret: token.secret, until: Stamp(overlap) });
        token.secret = secret;
        Ok((token.clone(), issued))
    }

    /// Ends a token at once, and the secret before its last rotation with it. One that was revoked stays as it is.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none of that id.
    pub fn revoke(&mut self, id: &str, now: Timestamp) -> Result<Token> {
        let token = self.get(id)?;
        token.revoked.get_or_insert(Stamp(now));
        Ok(token.clone())
    }

    fn get(&mut self, id: &str) -> Result<&mut Token> {
        self.tokens.get_mut(id).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("there is no token {id:?}; `quipu token list` shows them"))
        })
    }
}

/// In the file, a list.
mod list {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::Token;

    pub(super) fn serialize<S: Serializer>(tokens: &BTreeMap<String, Token>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(tokens.values())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Token>, D::Error> {
        let tokens = Vec::<Token>::deserialize(deserializer)?;
        Ok(tokens.into_iter().map(|token| (token.id.clone(), token)).collect())
    }
}
