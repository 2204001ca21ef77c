//! An answer as a sheet.

use std::time::Duration;

use quipu::{Answer, Approximation, Compared, CostBasis, Explain, Unpriced};

use super::facts::{ApproximateFact, ComparedFact, Facts, PartFact, StageFact, UnpricedFact};
use super::sheet::Sheet;

impl Sheet {
    /// The sheet of an answer; `explain` keeps how it was found.
    pub fn of_answer(answer: Answer, explain: bool) -> Self {
        let has_keys = answer.columns.iter().any(|column| column.is_key);
        let facts = Facts {
            groups: Some(answer.groups),
            passed: (answer.passed != answer.groups).then_some(answer.passed),
            next: answer.next,
            since: answer.since.map(|at| at.to_string()),
            until: answer.until.map(|at| at.to_string()),
            compared: answer.compared.map(compared),
            approximate: answer.approximate.iter().map(approximate).collect(),
            clipped: answer.clipped.map(|clipped| clipped.rows),
            lsn: Some(answer.lsn),
            price_book_version: answer.price_book_version,
            price_book: None,
            outcomes_as_of: None,
            what_if: None,
            cost_basis: (answer.cost_basis != CostBasis::default()).then(|| answer.cost_basis.name().into()),
            assumed_values: answer
                .assumed_values
                .iter()
                .map(|(kind, value)| (kind.name().into(), value.to_string()))
                .collect(),
            zone: Some(answer.zone),
            cohort: answer.cohort.map(|cohort| cohort.name().into()),
            unpriced: answer.price_book_version.map(|_| answer.unpriced.iter().map(UnpricedFact::from).collect()),
            explain: explain.then(|| parts(&answer.explain)),
            stages: explain.then(|| stages(&answer.explain)),
            notes: answer.notes,
        };
        // The one row of an answer without keys is its own total.
        let totals = has_keys.then_some(answer.totals);
        Self { columns: answer.columns, rows: answer.rows, totals, other: answer.other, facts }
    }

    /// The sheet with the name of the price book, where it used one.
    #[must_use]
    pub fn priced_by(mut self, book: &str) -> Self {
        self.facts.price_book = self.facts.price_book_version.map(|_| book.to_owned());
        self
    }
}

fn compared(compared: Compared) -> ComparedFact {
    ComparedFact {
        since: compared.since.map(|at| at.to_string()),
        until: compared.until.map(|at| at.to_string()),
        filter: compared.filter.map(|filter| filter.to_string()),
    }
}

fn approximate(one: &Approximation) -> ApproximateFact {
    ApproximateFact { column: one.column.clone(), method: one.method.into(), groups: one.groups }
}

impl From<&Unpriced> for UnpricedFact {
    fn from(one: &Unpriced) -> Self {
        Self {
            provider: one.provider.as_ref().map(ToString::to_string),
            model: one.model.as_ref().map(ToString::to_string),
            meter: one.meter.to_string(),
            quantity: u64::try_from(one.quantity).unwrap_or(u64::MAX),
        }
    }
}

fn parts(explain: &Explain) -> Vec<PartFact> {
    let part = |part: &quipu::PartExplain| PartFact {
        path: part.path.name().into(),
        why: part.why.into(),
        rows: part.rows,
        rows_read: part.rows_read,
        blocks: part.touched.blocks,
        bytes: part.touched.bytes,
    };
    explain.parts.iter().map(part).collect()
}

fn stages(explain: &Explain) -> Vec<StageFact> {
    let micros = |took: Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let stage = |stage: &quipu::Stage| StageFact { stage: stage.name.into(), microseconds: micros(stage.took) };
    explain.stages.iter().map(stage).collect()
}
