//! What was told already.

use std::collections::BTreeMap;

use quipu::Timestamp;
use quipu::time::MICROS_PER_DAY;

use super::Notice;
use crate::access::{Folder, Stamp};

const TOLD: &str = "alerts.json";
/// How long it is remembered what was told: longer than any period.
const REMEMBERED_MICROS: i64 = 800 * MICROS_PER_DAY;

/// The notices that everybody who is to hear has heard.
#[derive(Debug, Default)]
pub struct Told {
    by_key: BTreeMap<String, Stamp>,
}

impl Told {
    /// What was written down.
    ///
    /// # Errors
    /// What the system says, or what is wrong with the file.
    pub fn load(folder: &Folder) -> quipu::Result<Self> {
        Ok(Self { by_key: folder.read(TOLD)? })
    }

    /// Whether this was told already.
    pub fn has(&self, notice: &Notice) -> bool {
        self.by_key.contains_key(&notice.key)
    }

    /// It was told. Durable when it returns.
    ///
    /// # Errors
    /// What the system says.
    pub fn note(&mut self, notice: &Notice, now: Timestamp, folder: &Folder) -> quipu::Result<()> {
        self.by_key.retain(|_, at| at.0.micros() > now.micros().saturating_sub(REMEMBERED_MICROS));
        self.by_key.insert(notice.key.clone(), Stamp(now));
        folder.replace(TOLD, &self.by_key)
    }
}
