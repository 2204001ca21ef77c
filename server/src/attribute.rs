//! Usage assigned afterwards, as the command and the routes do it: with an entry in the audit log.

use std::collections::HashMap;
use std::path::Path;

use quipu::attribution::{Assignment, Attribution, AttributionChange};
use quipu::store::Snapshot;
use quipu::{Result, Scope, Store, Unit, Value};

use crate::access::Folder;
use crate::plan::now;
use crate::render::Sheet;
use crate::wire::attribution::{Attributed, NOTHING};
use crate::words::counted;

/// What is to be done.
pub enum Change {
    /// Assign usage.
    Assign(Vec<Assignment>),
    /// Undo the attribution of that number.
    Undo(u64),
}

/// Does it in a workspace of the store in `dir`.
///
/// # Errors
/// As [`Store::attribute`] and [`Store::undo_attribution`]; where the audit log alone fails, what was done stands.
pub fn run(store: &Store, dir: &Path, workspace: &str, actor: &str, why: &str, change: Change) -> Result<Attributed> {
    let (action, receipt) = match change {
        Change::Assign(assignments) => {
            let done = store.attribute(workspace, assignments, actor, why);
            ("attribution.assign", done.map_err(|error| error.hint(NOTHING))?)
        }
        Change::Undo(number) => ("attribution.undo", store.undo_attribution(workspace, number, actor, why)?),
    };
    let detail = format!("{} in {workspace}: {}", receipt.number, counted(receipt.events, "event"));
    let written = Folder::of_store(dir).record(actor, action, &detail, now());
    written.map_err(|error| error.context("usage was attributed, but the audit log does not say so"))?;
    Ok(Attributed { number: receipt.number, events: receipt.events })
}

/// Rows of a list that does not say how many.
pub const LISTED: u64 = 1000;

/// The attributions of a workspace, one row for each assignment, the newest first; at most `limit` rows.
pub fn list(snapshot: &Snapshot, scope: &Scope, limit: u64) -> Sheet {
    let mut sheet = Sheet::new(&[
        ("number", Unit::None, true),
        ("at", Unit::Time, false),
        ("by", Unit::None, false),
        ("why", Unit::None, false),
        ("of", Unit::None, false),
        ("assigned", Unit::None, false),
        ("undone_by", Unit::None, false),
    ]);
    let all = snapshot.attributions();
    let undone = all.iter().filter_map(|attribution| match attribution.change {
        AttributionChange::Undo(number) => Some((number, attribution.number)),
        AttributionChange::Assign(_) => None,
    });
    let undone: HashMap<u64, u64> = undone.collect();
    let own = || all.iter().rev().filter(|attribution| attribution.workspace == scope.workspace());
    let rows = own().flat_map(|attribution| rows(attribution, undone.get(&attribution.number).copied()));
    sheet.rows = rows.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
    let count: usize = own().map(|attribution| assignments(attribution).len().max(1)).sum();
    if count > sheet.rows.len() {
        let note = format!("the newest {} of {count} rows; a higher limit shows more", sheet.rows.len());
        sheet.facts.notes.push(note);
    }
    sheet.facts.lsn = Some(snapshot.lsn());
    sheet
}

fn assignments(attribution: &Attribution) -> &[Assignment] {
    match &attribution.change {
        AttributionChange::Assign(assignments) => assignments,
        AttributionChange::Undo(_) => &[],
    }
}

/// A row for each assignment, or for what is undone.
fn rows(attribution: &Attribution, undone_by: Option<u64>) -> impl Iterator<Item = Vec<Value>> {
    let text = |text: &str| Value::Text(text.into());
    let row = move |of: Value, assigned: Value| {
        let Attribution { number, at, by, why, .. } = attribution;
        let undone_by = undone_by.map_or(Value::Null, |number| Value::Count(number.into()));
        vec![Value::Count((*number).into()), Value::Time(*at), text(by), text(why), of, assigned, undone_by]
    };
    let undo = match attribution.change {
        AttributionChange::Undo(undone) => Some(row(Value::Null, text(&format!("undoes {undone}")))),
        AttributionChange::Assign(_) => None,
    };
    let assigned = assignments(attribution).iter().map(move |Assignment { by, key, values }| {
        let values: Vec<String> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
        row(text(&format!("{by}={key}")), text(&values.join(", ")))
    });
    undo.into_iter().chain(assigned)
}
