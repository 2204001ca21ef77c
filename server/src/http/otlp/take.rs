//! One export request into the store.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use quipu::filter::{TextField, TextTest};
use quipu::store::{CorrectionItem, Item, Snapshot};
use quipu::time::MICROS_PER_SECOND;
use quipu::{Dimension, Filter, Query, Scope, Store, Text, Timestamp, View};

use super::super::caller::Caller;
use super::super::problem::Problem;
use super::super::state::App;
use super::said;
use crate::ingest::{self, Admission};
use crate::plan::now;
use crate::wire::headers::Headers;
use crate::wire::otlp::{self, Encoding, Export, Memory, Signal};

/// How long after the start of this process spans may tell of traces that began before it.
const RECALL_MICROS: i64 = 15 * 60 * MICROS_PER_SECOND;
/// Stored calls that are remembered of the traces of one request.
const RECALLED: usize = 16_384;

/// What is known of recent traces, workspace by workspace.
#[derive(Debug)]
pub(in crate::http) struct Traces {
    /// When this process began.
    began: Timestamp,
    /// What was stored by then; what came since is remembered, and need not be looked for in all that is stored.
    before: Mutex<Option<Snapshot>>,
    workspaces: Mutex<HashMap<Text, Arc<Mutex<Memory>>>>,
    metrics: AtomicU64,
}

impl Traces {
    pub(in crate::http) fn new(store: &Store) -> Self {
        let before = Mutex::new(Some(store.snapshot()));
        Self { began: now(), before, workspaces: Mutex::default(), metrics: AtomicU64::default() }
    }

    /// Whether no trace goes on any more from before this process began.
    pub(in crate::http) fn is_late(&self) -> bool {
        now().micros() > self.began.micros().saturating_add(RECALL_MICROS)
    }

    /// Keeps no file of the store any longer; what is still to be recalled is read from what is there then.
    pub(in crate::http) fn let_go(&self) {
        *locked(&self.before) = None;
    }

    /// Remembers what was stored of traces that began before this process did.
    fn recall(&self, store: &Store, scope: &Scope, export: &Export, memory: &Mutex<Memory>) -> quipu::Result<()> {
        if self.is_late() {
            return Ok(());
        }
        let before = locked(&self.before).clone().unwrap_or_else(|| store.snapshot());
        if before.parts().is_empty() {
            return Ok(());
        }
        let traces = export.unknown(&locked(memory), self.began);
        if traces.is_empty() {
            return Ok(());
        }
        let among = Filter::Text(TextField::Dimension(Dimension::TraceId), TextTest::In(traces.clone()));
        let (events, _) = View::new(&before, scope.clone()).events(&Query::new().filter(among), RECALLED)?;
        locked(memory).recall(&traces, events.into_iter().map(|priced| priced.event).collect());
        Ok(())
    }

    /// The memory of a workspace; of a part of one, for its tenants' traces have nothing to do with each other.
    fn of(&self, scope: &Scope) -> Arc<Mutex<Memory>> {
        let name = scope.walls().map(|(_, wall)| wall.as_str()).collect::<Vec<_>>().join("\u{0}");
        Arc::clone(locked(&self.workspaces).entry(name.into()).or_default())
    }

    /// Counts metrics that came and were not kept.
    pub(in crate::http) fn count_metrics(&self, count: u64) {
        self.metrics.fetch_add(count, Ordering::Relaxed);
    }
}

/// A panic while deciding leaves a memory that knows less, which is no harm.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who sends where, and what the request says of its calls.
pub(in crate::http) struct Context {
    app: App,
    scope: Scope,
    admission: Admission,
    headers: Headers,
}

impl Context {
    pub(in crate::http) fn new(app: &App, caller: Caller, headers: &HeaderMap) -> Self {
        Self { app: app.clone(), admission: caller.admission(), scope: caller.scope, headers: said(headers) }
    }
}

/// What became of an export.
#[derive(Debug, Default)]
pub(in crate::http) struct Taken {
    /// Records that are refused for good.
    pub(in crate::http) rejected: u64,
    /// Why, for the first of them, and what else is to say.
    pub(in crate::http) reasons: String,
}

/// Reasons that an answer names.
const REASONS: usize = 5;

impl Taken {
    fn reject(&mut self, reason: &str) {
        if self.rejected < REASONS as u64 {
            self.warn(Some(reason.to_owned()));
        }
        self.rejected += 1;
    }

    /// Says something of what was taken all the same.
    fn warn(&mut self, reason: Option<String>) {
        let Some(reason) = reason else { return };
        if !self.reasons.is_empty() {
            self.reasons.push_str("; ");
        }
        self.reasons.push_str(&reason);
    }
}

/// Stores what an export request holds.
///
/// # Errors
/// When the request cannot be read, or nothing of it was stored.
pub(in crate::http) fn take(
    context: &Context,
    body: &[u8],
    encoding: Encoding,
    signal: Signal,
) -> Result<Taken, Problem> {
    let mut export = otlp::read(body, encoding, signal)?;
    let mut taken = Taken::default();
    for error in &export.refused {
        taken.reject(&format!("record {}: {}", error.index, error.message));
    }
    let Context { app, scope, admission, headers } = context;
    let (store, traces) = (&app.store, &app.traces);
    let memory = traces.of(scope);
    traces.recall(store, scope, &export, &memory)?;
    let mut decided = export.decide(&mut locked(&memory));
    let settled = decided.settled();
    if decided.events.is_empty() && decided.corrections.is_empty() {
        return Ok(taken);
    }
    let events = decided.events.into_iter().map(|event| match headers.is_empty() {
        true => Ok(event),
        false => Ok(headers.apply(event, &mut export.ignored)),
    });
    let (events, mut corrections): (Vec<_>, _) = (events.collect(), decided.corrections.clone());
    let mut coarsening = app.cardinality.coarsening(store, scope.workspace());
    coarsening.corrections(&mut corrections);
    // An answer that told of each would be a warning in the sender's log, batch after batch.
    app.metrics.ignored(&export.ignored);
    let stored = ingest::events_with(store, admission, events, corrections, |event| coarsening.event(event));
    match stored {
        Ok((receipt, corrected)) => {
            locked(&memory).confirm(&settled);
            app.metrics.events(&receipt.items);
            app.metrics.coarsened(&coarsening.done);
            taken.warn(coarsening.done.told());
            for item in receipt.items {
                if let Item::Rejected(error) = item {
                    taken.reject(&error.to_string());
                }
            }
            for item in corrected.items {
                if let CorrectionItem::Rejected(error) = item {
                    taken.reject(&format!("what this says of an earlier call: {error}"));
                }
            }
            Ok(taken)
        }
        Err(error) => {
            // They are true whatever becomes of this batch, whose spans will be sent again.
            locked(&memory).keep(decided.corrections);
            Err(error.into())
        }
    }
}
