//! Runs a plan over the rows of a file.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use quipu::{Error, Result};

use super::batches::Batches;
use super::identity::Identity;
use super::input::Input;
use super::map::{Cells, Column, Join, Latest, Plan, PriceValue};
use super::rows::csv::CsvRows;
use super::rows::jsonl::JsonRows;
use super::rows::{RowFault, Rows};
use super::{Format, Options, Stop, revisions};
use crate::wire::Place;

/// Rows of a joined file that are held in memory at most.
const JOINED_ROWS: usize = 1_000_000;

/// A plan with all that must be known before the first row.
pub(super) struct Run<'a> {
    plan: &'a Plan,
    stem: String,
    joined: Option<(&'a Join, HashMap<String, JoinedRow>)>,
    latest: Option<(&'a Latest, HashMap<String, String>)>,
}

type JoinedRow = Vec<Option<Box<str>>>;

impl<'a> Run<'a> {
    /// Loads the joined file and finds the latest revisions.
    pub(super) fn prepare(
        plan: &'a Plan,
        format: Format,
        input: &Input,
        options: &Options,
        taken: &Arc<AtomicU64>,
    ) -> Result<Self> {
        let joined = match &plan.join {
            Some(join) => Some((join, load_joined(join, input, options)?)),
            None => None,
        };
        let latest = match &plan.latest {
            Some(latest) => Some((latest, find_latest(plan, latest, format, input, taken)?)),
            None => None,
        };
        Ok(Self { plan, stem: input.stem(), joined, latest })
    }

    /// Turns every row into an event and, where it has one, an outcome.
    pub(super) fn rows(
        &self,
        mut rows: impl Rows,
        mut identity: Identity,
        batches: &mut Batches<'_>,
    ) -> Result<(), Stop> {
        if !self.plan.has_ids() {
            rows.identify()?;
        }
        let mut number = 0;
        let ended = loop {
            let read = rows.advance();
            number += 1;
            match read {
                Ok(false) => break Ok(()),
                Err(RowFault::File(error)) => break Err(error.into()),
                Ok(true) => {
                    batches.sighting.confirm();
                    match self.row(number, &rows, &mut identity, batches) {
                        Ok(true) => rows.used(),
                        Ok(false) => batches.summary.skipped += 1,
                        Err(reason) => batches.reject(rows.place(), reason),
                    }
                }
                Err(RowFault::Row(reason)) => batches.reject(rows.place(), reason),
            }
            batches.summary.read += 1;
            batches.row_done()?;
        };
        batches.summary.ignored.merge(&rows.ignored());
        ended
    }

    /// Takes one row; false when it is left out.
    fn row(
        &self,
        number: u64,
        rows: &impl Rows,
        identity: &mut Identity,
        batches: &mut Batches<'_>,
    ) -> Result<bool, String> {
        let Some(row) = self.wanted(number, rows)? else { return Ok(false) };
        let mut event = self.plan.event(&row)?;
        event.id.get_or_insert_with(|| rows.id(identity));
        let mut outcome = self.plan.outcome(&row, &event)?;
        let revision = self.plan.revision(&row)?;
        if let (Some(revision), Some(outcome)) = (revision, &mut outcome) {
            revisions::number(outcome, revision);
        }
        if self.plan.events {
            batches.event(rows.place(), event, revision);
        }
        if let Some(outcome) = outcome {
            batches.outcome(rows.place(), outcome, revision);
        }
        Ok(true)
    }

    /// The fields of every entry of a price list, with the line of each.
    pub(super) fn prices(&self, mut rows: impl Rows, fields: &[(String, PriceValue)]) -> Result<Vec<PriceRow>> {
        let mut entries = Vec::new();
        for number in 1.. {
            let at = |reason: String, place| Error::invalid(format!("{place}: {reason}"));
            match rows.advance() {
                Ok(true) => {}
                Ok(false) => break,
                Err(RowFault::File(error)) => return Err(error),
                Err(RowFault::Row(reason)) => return Err(at(reason, rows.place())),
            }
            let Some(row) = self.wanted(number, &rows).map_err(|reason| at(reason, rows.place()))? else {
                continue;
            };
            let mut entry = PriceRow { place: rows.place(), fields: Vec::new() };
            for (name, value) in fields {
                let text = value.read(&row).map_err(|problem| at(format!("{name} {problem}"), rows.place()))?;
                entry.fields.extend(text.map(|text| (name.clone(), text)));
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    /// The row with what is joined to it; `None` when it is left out.
    fn wanted<'r, R: Rows>(&'r self, number: u64, rows: &'r R) -> Result<Option<Row<'r, R>>, String> {
        let mut row = Row { rows, number, stem: &self.stem, joined: None };
        if !self.plan.wants(&row) {
            return Ok(None);
        }
        if let Some((latest, by_key)) = &self.latest
            && by_key.get(&key(&latest.key, &row)).map(String::as_str) != row.cell(latest.by)
        {
            return Ok(None);
        }
        if let Some((join, by_key)) = &self.joined {
            let found = by_key.get(&key(&join.key, &row));
            row.joined = Some(found.ok_or_else(|| {
                let value =
                    |(column, name): (&Column, &String)| format!("{name} = {:?}", row.cell(*column).unwrap_or(""));
                let wanted = join.key.iter().zip(&join.on).map(value).collect::<Vec<_>>().join(", ");
                format!("{} has no row with {wanted}", join.file)
            })?);
        }
        Ok(Some(row))
    }
}

/// An entry of a price list.
pub struct PriceRow {
    /// Where it stands.
    pub place: Place,
    /// Its fields as Quipu's own price list names and writes them; absent ones are left out.
    pub fields: Vec<(String, String)>,
}

/// One row with what is joined to it.
struct Row<'a, R> {
    rows: &'a R,
    number: u64,
    stem: &'a str,
    joined: Option<&'a JoinedRow>,
}

impl<R: Rows> Cells for Row<'_, R> {
    fn cell(&self, column: Column) -> Option<&str> {
        match column {
            Column::Main(column) => self.rows.cell(column),
            Column::Joined(column) => self.joined?.get(column)?.as_deref(),
        }
    }

    fn row(&self) -> u64 {
        self.number
    }

    fn file(&self) -> &str {
        self.stem
    }
}

/// The values of the key columns as one text; their lengths keep it unambiguous.
fn key(columns: &[Column], cells: &impl Cells) -> String {
    key_of(columns.iter().map(|column| cells.cell(*column)))
}

fn key_of<'a>(values: impl Iterator<Item = Option<&'a str>>) -> String {
    let mut key = String::new();
    for value in values {
        match value {
            Some(text) => {
                key.push_str(&text.len().to_string());
                key.push(':');
                key.push_str(text);
            }
            None => key.push('-'),
        }
    }
    key
}

/// The highest `by` of every key, which takes a reading of the whole file.
fn find_latest(
    plan: &Plan,
    latest: &Latest,
    format: Format,
    input: &Input,
    taken: &Arc<AtomicU64>,
) -> Result<HashMap<String, String>> {
    if matches!(input, Input::Stdin) {
        return Err(Error::invalid(
            "the map takes only the latest revisions, for which the input is read twice; give it as a file",
        ));
    }
    match format {
        Format::Csv => latest_of(CsvRows::open(input, taken)?, plan, latest),
        Format::Parquet => latest_of(super::rows::parquet::ParquetRows::open(input)?, plan, latest),
        _ => latest_of(JsonRows::open(input, taken)?, plan, latest),
    }
}

fn latest_of(mut rows: impl Rows, plan: &Plan, latest: &Latest) -> Result<HashMap<String, String>> {
    rows.bind(plan.columns())?;
    let mut by_key: HashMap<String, String> = HashMap::new();
    loop {
        match rows.advance() {
            // What cannot be read is refused with its line when the rows are read again.
            Ok(false) | Err(RowFault::File(_)) => return Ok(by_key),
            Err(RowFault::Row(_)) => continue,
            Ok(true) => {}
        }
        let row = Row { rows: &rows, number: 0, stem: "", joined: None };
        let Some(by) = row.cell(latest.by) else { continue };
        by_key
            .entry(key(&latest.key, &row))
            .and_modify(|highest| {
                if is_later(by, highest) {
                    by.clone_into(highest);
                }
            })
            .or_insert_with(|| by.to_owned());
    }
}

/// Whole numbers are compared as such, anything else as text.
fn is_later(a: &str, b: &str) -> bool {
    match (a.parse::<i128>(), b.parse::<i128>()) {
        (Ok(a), Ok(b)) => a > b,
        _ => a > b,
    }
}

fn load_joined(join: &Join, input: &Input, options: &Options) -> Result<HashMap<String, JoinedRow>> {
    let file = find_joined(join, input, options)?;
    let taken = Arc::default();
    let name = file.unpacked_name().to_ascii_lowercase();
    let loaded = match name.rsplit_once('.') {
        Some((_, "csv")) => joined_rows(CsvRows::open(&file, &taken)?, join),
        Some((_, "parquet")) => joined_rows(super::rows::parquet::ParquetRows::open(&file)?, join),
        _ => joined_rows(JsonRows::open(&file, &taken)?, join),
    };
    loaded.map_err(|error| error.context(file.name()))
}

fn joined_rows(mut rows: impl Rows, join: &Join) -> Result<HashMap<String, JoinedRow>> {
    let columns: Vec<String> = join.on.iter().chain(&join.columns).cloned().collect();
    rows.bind(&columns)?;
    let mut by_key = HashMap::new();
    loop {
        match rows.advance() {
            Ok(true) => {}
            Ok(false) => return Ok(by_key),
            Err(RowFault::File(error)) => return Err(error),
            Err(RowFault::Row(reason)) => return Err(Error::invalid(format!("{}: {reason}", rows.place()))),
        }
        if by_key.len() == JOINED_ROWS {
            return Err(Error::invalid(format!("a joined file may have {JOINED_ROWS} rows; this one has more")));
        }
        let key = key_of((0..join.on.len()).map(|at| rows.cell(at)));
        let values = (join.on.len()..columns.len()).map(|at| rows.cell(at).map(Box::from)).collect();
        if by_key.insert(key, values).is_some() {
            let on = join.on.join(", ");
            return Err(Error::invalid(format!("{}: a row with the same {on} stands above", rows.place())));
        }
    }
}

/// The file given for the join, else the one of that name beside the input.
fn find_joined(join: &Join, input: &Input, options: &Options) -> Result<Input> {
    if let Some((_, file)) = options.joins.iter().find(|(name, _)| *name == join.file) {
        return Ok(file.clone());
    }
    let hint = format!("give it with --join {}=FILE", join.file);
    let Input::File(path) = input else {
        return Err(Error::invalid(format!("{}: the map joins {}; {hint}", input.name(), join.file)));
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let endings = ["jsonl", "ndjson", "csv", "parquet"];
    let found =
        endings.iter().flat_map(|ending| ["", ".gz", ".zst"].map(|packed| format!("{}.{ending}{packed}", join.file)));
    let found = found.map(|name| folder.join(name)).find(|path| path.is_file());
    found.map(Input::File).ok_or_else(|| {
        let folder = if folder.as_os_str().is_empty() { "." } else { &folder.display().to_string() };
        Error::invalid(format!(
            "{}: the map joins {}, but {folder} has no {}.jsonl, .ndjson, .csv or .parquet; {hint}",
            input.name(),
            join.file,
            join.file
        ))
    })
}
