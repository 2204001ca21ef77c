//! One JSON object per line, whose members are columns; nested ones have dotted names.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use quipu::{Result, Text};

use super::super::identity::Identity;
use super::super::input::Input;
use super::super::lines::Lines;
use super::paths::{Cells, Node};
use super::{RowFault, Rows};
use crate::wire::json::{self, Kind, Members};
use crate::wire::{FieldError, Ignored, Place};

pub(in crate::import) struct JsonRows {
    lines: Lines,
    row: Row,
    ignored: Ignored,
}

/// What of a line has a column, and the names of what has none.
#[derive(Default)]
struct Row {
    root: Node,
    cells: Cells,
    unknown: Vec<String>,
}

impl JsonRows {
    pub(in crate::import) fn open(input: &Input, taken: &Arc<AtomicU64>) -> Result<Self> {
        Ok(Self { lines: Lines::new(input.open(taken)?), row: Row::default(), ignored: Ignored::default() })
    }
}

impl Row {
    fn read(&mut self, text: &str) -> Result<(), FieldError> {
        self.cells.clear();
        self.unknown.clear();
        walk(&self.root, "", text, &mut self.cells, &mut self.unknown)
    }
}

fn walk(node: &Node, path: &str, text: &str, cells: &mut Cells, unknown: &mut Vec<String>) -> Result<(), FieldError> {
    for (name, raw) in Members::parse(text)?.0 {
        let kind = Kind::of(raw);
        if kind == Kind::Null {
            continue;
        }
        let Some(child) = node.child(&name) else {
            unknown.push(join(path, &name));
            continue;
        };
        let goes_on = child.is_branch() && kind == Kind::Object;
        if child.columns.is_empty() && !goes_on {
            unknown.push(join(path, &name));
        }
        for column in &child.columns {
            if cells.get(*column).is_some() {
                return Err(FieldError::field(&join(path, &name), "is given twice"));
            }
            // An array or object as a whole is its JSON text, so that it can become metadata.
            let cell = cells.set(*column);
            match json::scalar(&name, raw)? {
                Some(value) => cell.push_str(&value),
                None => cell.push_str(raw),
            }
        }
        if goes_on {
            walk(child, &join(path, &name), raw, cells, unknown)?;
        }
    }
    Ok(())
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

impl Rows for JsonRows {
    fn header(&self) -> Option<&[String]> {
        None
    }

    fn bind(&mut self, columns: &[String]) -> Result<()> {
        self.row.root = Node::new(columns);
        self.row.cells.bind(columns.len());
        Ok(())
    }

    fn advance(&mut self) -> Result<bool, RowFault> {
        let Some(line) = self.lines.next().map_err(RowFault::File)? else { return Ok(false) };
        let read = self.lines.text(line).and_then(json::shallow).and_then(|text| self.row.read(text));
        read.map(|()| true).map_err(|error| RowFault::Row(error.message))
    }

    fn place(&self) -> Place {
        Place::Line(self.lines.number())
    }

    fn id(&self, identity: &mut Identity) -> Text {
        identity.of([self.lines.bytes()])
    }

    fn cell(&self, column: usize) -> Option<&str> {
        self.row.cells.get(column)
    }

    fn used(&mut self) {
        for name in &self.row.unknown {
            self.ignored.count(name);
        }
    }

    fn ignored(&self) -> Ignored {
        self.ignored.clone()
    }
}
