//! Usage assigned afterwards, as the command and the routes do it: with an entry in the audit log.

use std::path::Path;

use quipu::attribution::{Assignment, Attribution, AttributionChange};
use quipu::store::Snapshot;
use quipu::{Result, Scope, Store, Unit, Value};

use crate::access::Folder;
use crate::plan::now;
use crate::render::Sheet;
use crate::wire::attribution::Attributed;

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
        Change::Assign(assignments) => ("attribution.assign", store.attribute(workspace, assignments, actor, why)?),
        Change::Undo(number) => ("attribution.undo", store.undo_attribution(workspace, number, actor, why)?),
    };
    let detail = format!("{} in {workspace}: {} events", receipt.number, receipt.events);
    let written = Folder::of_store(dir).record(actor, action, &detail, now());
    written.map_err(|error| error.context("usage was attributed, but the audit log does not say so"))?;
    Ok(Attributed { number: receipt.number, events: receipt.events })
}

/// The attributions of a workspace, one row for each assignment.
pub fn list(snapshot: &Snapshot, scope: &Scope) -> Sheet {
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
    let text = |text: &str| Value::Text(text.into());
    for attribution in all.iter().filter(|attribution| attribution.workspace == scope.workspace()) {
        let Attribution { number, at, by, why, change, .. } = &**attribution;
        let undo = all.iter().find(|other| other.change == AttributionChange::Undo(*number));
        let undone_by = undo.map_or(Value::Null, |undo| Value::Count(undo.number.into()));
        let mut row = |of: Value, assigned: Value| {
            let facts = vec![Value::Count((*number).into()), Value::Time(*at), text(by), text(why)];
            sheet.rows.push([facts, vec![of, assigned, undone_by.clone()]].concat());
        };
        match change {
            AttributionChange::Undo(undone) => row(Value::Null, text(&format!("undoes {undone}"))),
            AttributionChange::Assign(assignments) => {
                for Assignment { by, key, values } in assignments {
                    let values: Vec<String> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
                    row(text(&format!("{by}={key}")), text(&values.join(", ")));
                }
            }
        }
    }
    sheet.facts.lsn = Some(snapshot.lsn());
    sheet
}
