//! Erasing a subscriber, as the command and the route do it: with an entry in the audit log that names nobody, and a
//! search of every file for whatever is left.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use quipu::store::{Erasure, ErasureReceipt, Found, Reach, search};
use quipu::{Result, Store, Text};
use serde::{Deserialize, Serialize};

use crate::access::{Folder, Stamp};
use crate::plan::now;
use crate::wire::excerpt;
use crate::words::counted;

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

/// What becomes of the events of whoever is erased, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mode(pub Erasure);

impl TryFrom<String> for Mode {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let names = Erasure::ALL.map(Erasure::name).join(" or ");
        Erasure::from_name(&name).map(Self).ok_or_else(|| format!("mode is {}; expected {names}", excerpt(&name)))
    }
}

impl From<Mode> for String {
    fn from(Mode(erasure): Mode) -> Self {
        erasure.name().into()
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

/// A request on the way to its report, which knows what the person is called.
#[derive(Clone)]
pub struct Case {
    names: Vec<Text>,
    report: Report,
}

impl Case {
    /// Nothing done yet.
    pub fn new(subscriber: &str) -> Self {
        let report = Report { receipt: None, found: None, notes: Vec::new() };
        Self { names: vec![subscriber.into()], report }
    }

    /// Erases the subscriber from a workspace of the store in `dir`.
    ///
    /// # Errors
    /// As [`Store::erase`]; where the audit log alone fails, what was erased stays so.
    pub fn erase(&mut self, store: &Store, dir: &Path, workspace: &str, mode: Mode, actor: &str) -> Result<()> {
        let receipt = store.erase(workspace, &self.names[0], mode.0)?;
        record(dir, workspace, &receipt, mode, actor)?;
        self.names.clone_from(&receipt.names);
        self.report.notes.push(match receipt.replaced.is_empty() {
            true => format!(
                "nothing in the workspace {workspace:?} names that subscriber: erased before, or called otherwise?"
            ),
            false => "backups made before still name the person".into(),
        });
        self.report.receipt = Some(Receipt::of(receipt, mode));
        Ok(())
    }

    /// Searches the store in `dir` for all that the person is known to be called, until `stopped` says so.
    ///
    /// # Errors
    /// As [`search`].
    pub fn search(&mut self, dir: &Path, reach: Reach<'_>, stopped: impl Fn() -> bool) -> Result<()> {
        self.report.found = Some(find(dir, &self.names, reach, &stopped)?);
        let notes = &mut self.report.notes;
        notes.push(match reach {
            Reach::Everything => {
                "the search covers every file and every workspace; one of that name elsewhere is found too".into()
            }
            Reach::Workspace(own) => format!(
                "the search covers what files hold of the workspace {own:?}; beside the store, \
                 `quipu erase NAME --verify --store DIR` searches every byte"
            ),
        });
        if self.report.receipt.is_none() {
            notes.push(
                "only the name that was given was searched for; search for an e-mail beside an id by itself".into(),
            );
        }
        if self.names.iter().any(|name| name.len() < TELLING_BYTES) {
            notes.push(format!(
                "a name shorter than {TELLING_BYTES} bytes may be found where bytes look like it by chance"
            ));
        }
        Ok(())
    }

    /// What was done, though the search was not.
    pub fn unsearched(mut self, why: impl fmt::Display) -> Report {
        self.report.notes.push(format!("not every file was searched: {why}; search again, without erasing"));
        self.report
    }

    /// What was done, and what was found.
    pub fn report(self) -> Report {
        self.report
    }
}

impl Receipt {
    fn of(receipt: ErasureReceipt, mode: Mode) -> Self {
        let ErasureReceipt { at, person, events, mentions, outcomes, corrections, replaced, lingering, .. } = receipt;
        Self { at: at.map(Stamp), person, mode, events, mentions, outcomes, corrections, replaced, lingering }
    }
}

/// Writes down who erased whom, by what only this store can make of the name.
fn record(dir: &Path, workspace: &str, receipt: &ErasureReceipt, mode: Mode, actor: &str) -> Result<()> {
    let action = format!("erase.{}", mode.0.name());
    let (events, mentions) = (counted(receipt.events, "event"), counted(receipt.mentions, "mention"));
    let detail = format!("{} in {workspace}: {events}, {mentions}", receipt.person);
    let written = Folder::of_store(dir).record(actor, &action, &detail, now());
    written.map_err(|error| error.context("the subscriber was erased, but the audit log does not say so"))
}

/// Where any of the names is found, each place once.
fn find(dir: &Path, names: &[Text], reach: Reach<'_>, stopped: &impl Fn() -> bool) -> Result<Vec<Place>> {
    let mut places: BTreeMap<(String, String), u64> = BTreeMap::new();
    for name in names {
        let found = search(dir, name, reach, stopped).map_err(|error| error.context("not every file was searched"))?;
        for Found { file, place, times } in found {
            *places.entry((file, place)).or_default() += times;
        }
    }
    Ok(places.into_iter().map(|((file, place), times)| Place { file, place, times }).collect())
}
