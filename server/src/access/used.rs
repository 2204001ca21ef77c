//! When tokens were last used: kept by the server in memory, written down now and then.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use quipu::{Result, Timestamp};

use super::folder::Folder;
use super::stamp::Stamp;

const USED: &str = "last_used.json";

/// The last use of each token, by id.
#[derive(Debug, Default)]
pub struct LastUsed {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    by_id: BTreeMap<String, Stamp>,
    changed: bool,
}

impl LastUsed {
    /// What was written down.
    ///
    /// # Errors
    /// What the system says, or what is wrong with the file.
    pub fn load(folder: &Folder) -> Result<Self> {
        let state = State { by_id: folder.read(USED)?, changed: false };
        Ok(Self { state: Mutex::new(state) })
    }

    /// When a token was last used, as far as it was written down.
    pub fn get(&self, id: &str) -> Option<Timestamp> {
        self.lock().by_id.get(id).map(|stamp| stamp.0)
    }

    /// A token is used.
    pub fn note(&self, id: &str, now: Timestamp) {
        let mut state = self.lock();
        state.changed = true;
        match state.by_id.get_mut(id) {
            Some(stamp) => *stamp = (*stamp).max(Stamp(now)),
            None => drop(state.by_id.insert(id.into(), Stamp(now))),
        }
    }

    /// Writes down what has changed.
    ///
    /// # Errors
    /// What the system says; it is tried again the next time.
    pub fn save(&self, folder: &Folder) -> Result<()> {
        let by_id = {
            let mut state = self.lock();
            if !std::mem::take(&mut state.changed) {
                return Ok(());
            }
            state.by_id.clone()
        };
        folder.replace(USED, &by_id).inspect_err(|_| self.lock().changed = true)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
