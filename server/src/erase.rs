//! Erasing a subscriber, as the command and the route do it: with an entry in the audit log that names nobody, and a
//! search of every file for whatever is left.

use std::collections::BTreeMap;
use std::path::Path;

use quipu::store::{Erasure, ErasureReceipt, Found, search};
use quipu::{Error, Result, Store, Text};
use serde::{Deserialize, Serialize};

use crate::access::{Folder, Stamp};
use crate::plan::now;

/// Shorter names are met by chance in files of any size: 2⁴⁸ places hold one of six bytes.
const TELLING_BYTES: usize = 6;

/// What is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The id or the e-mail of the subscriber.
    pub subscriber: String,
    /// What becomes of the subscriber's events; where none is named, nothing is erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Whether to search every file for what is left.
    #[serde(default)]
    pub verify: bool,
}

/// What becomes of the events of whoever is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// They stay, for nobody in particular: every total is what it was.
    Anonymise,
    /// They go.
    Delete,
}

impl Mode {
    /// The name used everywhere outside.
    pub const fn name(self) -> &'static str {
        self.erasure().name()
    }

    const fn erasure(self) -> Erasure {
        match self {
            Self::Anonymise => Erasure::Anonymise,
            Self::Delete => Erasure::Delete,
        }
    }
}

/// What was done, and what was found. Nothing in it names the person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// What was erased, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// Where the person is still named, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Vec<Place>>,
    /// What a reader must know, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What an erasure did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// When; absent when nothing named the person.
    pub at: Option<Stamp>,
    /// How the store knows the person from now on: by a hash that only its key makes.
    pub person: String,
    /// What became of the person's events.
    pub mode: Mode,
    /// Events that were the person's.
    pub events: u64,
    /// Events of others that named the person in a tag, which went.
    pub mentions: u64,
    /// Outcomes that named the person in their texts, which went.
    pub outcomes: u64,
    /// Events and traces of which corrections had named the person.
    pub corrections: u64,
    /// The files that were replaced.
    pub replaced: Vec<String>,
    /// Those of them that somebody still reads; they go with their readers.
    pub lingering: Vec<String>,
}

/// Where something was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file, relative to the store.
    pub file: String,
    /// Where in it: `bytes` as they lie there, or what decodes to it.
    pub place: String,
    /// How often.
    pub times: u64,
}

/// Does what is asked for to the store in `dir`, which is open for writing as `store` where something is to be erased.
///
/// # Errors
/// As [`Store::erase`] and [`search`]; what was erased then stays so.
pub fn run(store: Option<&Store>, dir: &Path, workspace: &str, request: &Request, actor: &str) -> Result<Report> {
    let mut report = Report { receipt: None, found: None, notes: Vec::new() };
    let mut names = vec![Text::from(request.subscriber.as_str())];
    if let (Some(store), Some(mode)) = (store, request.mode) {
        let receipt = store.erase(workspace, &request.subscriber, mode.erasure())?;
        record(dir, workspace, &receipt, mode, actor)?;
        names.clone_from(&receipt.names);
        report.notes.extend(receipt.replaced.is_empty().then(|| {
            format!("nothing in the workspace {workspace:?} names that subscriber: erased before, or called otherwise?")
        }));
        report.notes.extend((!receipt.replaced.is_empty()).then(|| "backups made before still name the person".into()));
        report.receipt = Some(Receipt::of(receipt, mode));
    }
    if request.verify {
        report.found = Some(find(dir, &names)?);
        report
            .notes
            .push("the search covers every file and every workspace; one of that name elsewhere is found too".into());
        report.notes.extend(names.iter().any(|name| name.len() < TELLING_BYTES).then(|| {
            format!("a name shorter than {TELLING_BYTES} bytes may be found where bytes look like it by chance")
        }));
    }
    Ok(report)
}

impl Receipt {
    fn of(receipt: ErasureReceipt, mode: Mode) -> Self {
        let ErasureReceipt { at, person, events, mentions, outcomes, corrections, replaced, lingering, .. } = receipt;
        Self { at: at.map(Stamp), person, mode, events, mentions, outcomes, corrections, replaced, lingering }
    }
}

/// Writes down who erased whom, by what only this store can make of the name.
fn record(dir: &Path, workspace: &str, receipt: &ErasureReceipt, mode: Mode, actor: &str) -> Result<()> {
    let action = format!("erase.{}", mode.name());
    let detail = format!("{} in {workspace}: {} events, {} mentions", receipt.person, receipt.events, receipt.mentions);
    let written = Folder::of_store(dir).record(actor, &action, &detail, now());
    written.map_err(|error| error.context("the subscriber was erased, but the audit log does not say so"))
}

/// Where any of the names is found, each place once.
fn find(dir: &Path, names: &[Text]) -> Result<Vec<Place>> {
    let mut places: BTreeMap<(String, String), u64> = BTreeMap::new();
    for name in names {
        for Found { file, place, times } in search(dir, name).map_err(unsearched)? {
            *places.entry((file, place)).or_default() += times;
        }
    }
    Ok(places.into_iter().map(|((file, place), times)| Place { file, place, times }).collect())
}

fn unsearched(error: Error) -> Error {
    error.context("not every file could be searched")
}
