//! Who hears of which group.

use std::collections::BTreeMap;

use quipu::{Error, Result};

use super::Webhook;

/// The webhooks that hear of a question's groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    notify: Vec<String>,
    owners: BTreeMap<String, String>,
}

impl Audience {
    /// The webhooks `notify` hear of every group but those of `owners`, whose one hears of them alone.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid) when a name is not among `webhooks`.
    pub fn new(notify: Vec<String>, owners: BTreeMap<String, String>, webhooks: &[Webhook]) -> Result<Self> {
        let mut names = notify.iter().chain(owners.values());
        match names.find(|name| webhooks.iter().all(|webhook| webhook.name != **name)) {
            Some(unknown) => Err(Error::invalid(format!("there is no webhook {unknown:?}"))),
            None => Ok(Self { notify, owners }),
        }
    }

    /// The names of the webhooks that hear of a group: its owner's, or else everybody's.
    pub fn of(&self, group: Option<&str>) -> Vec<String> {
        match group.and_then(|group| self.owners.get(group)) {
            Some(owner) => vec![owner.clone()],
            None => self.notify.clone(),
        }
    }
}
