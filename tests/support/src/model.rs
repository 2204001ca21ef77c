//! The naive oracle: what a store must hold after what was done to it, as lists searched from front to back.

use std::collections::{BTreeMap, BTreeSet};

use quipu_engine::attribution::Assignment;
use quipu_engine::outcome::DEFAULT_WORKSPACE;
use quipu_engine::store::Erasure;
use quipu_engine::{Correction, Dimension, ErrorKind, Event, Number, Outcome, PriceBook, Timestamp};

use crate::assigned::{self, Assigned};
use crate::corrected::{self, CorrectionFate, Settled};
use crate::erased::{self, ErasureFate, Left};

const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;
const YEAR_2015_MICROS: i64 = 1_420_070_400_000_000;

/// Everything a store holds, in the order of arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The clock of its disk.
    pub now: Timestamp,
    /// The events in their stored form, as they were first sent.
    pub sent: Vec<Event>,
    /// What erasures left of some of them, by their places there.
    pub erased: BTreeMap<usize, Left>,
    /// The corrections that said something new, in their stored form, and as erasures left them.
    pub corrections: Vec<Correction>,
    /// The workspaces and names of jobs that corrections ever named.
    pub jobs_said: BTreeSet<(String, String)>,
    /// What was assigned afterwards, in the order of the numbers.
    pub attributions: Vec<Assigned>,
    /// The outcomes in their stored form.
    pub outcomes: Vec<Outcome>,
    /// The versions of the price book.
    pub books: Vec<PriceBook>,
    /// How long workspaces keep their events, in days, and from when on they are there.
    pub retention: BTreeMap<String, (Option<u32>, Timestamp)>,
    /// The places of events that have expired, and whether their identities are still known.
    pub expired: BTreeMap<usize, bool>,
    /// How many events, corrections and outcomes were ever taken.
    pub records: u64,
}

/// What must become of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is stored.
    Stored,
    /// It was stored before.
    Duplicate,
    /// Another event has its id.
    Conflict,
    /// It breaks a rule.
    Rejected,
}

/// What must become of one outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutcomeFate {
    /// It is stored.
    Stored,
    /// This very report was stored before.
    Replayed,
    /// This one was stored before.
    AlreadyReported(Outcome),
    /// There is no such job.
    UnknownJob,
    /// It breaks a rule.
    Rejected,
}

impl Model {
    /// An empty store on a disk whose clock stands at `now`.
    pub fn new(now: Timestamp) -> Self {
        let (sent, corrections, outcomes, books) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (erased, jobs_said, attributions) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
        let (retention, expired) = (BTreeMap::new(), BTreeMap::new());
        Self {
            now,
            sent,
            erased,
            corrections,
            jobs_said,
            attributions,
            outcomes,
            books,
            retention,
            expired,
            records: 0,
        }
    }

    /// The events that count, as corrections and erasures left them.
    pub fn events(&self) -> Vec<Event> {
        self.standing().into_iter().flatten().collect()
    }

    /// What each event comes to, in the order they were sent; `None` when it does not count.
    pub(crate) fn standing(&self) -> Vec<Option<Event>> {
        (0..self.sent.len()).map(|place| Some(self.settled(place)?.event)).collect()
    }

    /// What the event in a place comes to; `None` when it does not count.
    pub(crate) fn settled(&self, place: usize) -> Option<Settled> {
        if self.expired.contains_key(&place) {
            return None;
        }
        let settled = match self.erased.get(&place) {
            None => corrected::corrected(&self.sent[place], &self.corrections),
            Some(left) => {
                let (source, replaced) = left.as_ref()?;
                corrected::corrected_erased(source, *replaced, &self.corrections)
            }
        };
        settled.map(|settled| Settled { event: assigned::fill(&settled.event, &self.attributions), ..settled })
    }

    /// Assigns usage of a workspace; the number and how many events that must change.
    pub fn attribute(&mut self, workspace: &str, assignments: &[Assignment]) -> (u64, u64) {
        self.with_attributions(|all| all.push(Assigned::new(workspace, assignments)))
    }

    /// Undoes an attribution of a workspace, if that can be; the number and how many events that must change.
    pub fn undo_attribution(&mut self, workspace: &str, number: u64) -> Result<(u64, u64), ErrorKind> {
        let place = usize::try_from(number).expect("a small number").wrapping_sub(1);
        let known = self.attributions.get(place).filter(|known| known.workspace == workspace);
        match known.ok_or(ErrorKind::NotFound)? {
            Assigned { undone: true, .. } => Err(ErrorKind::Conflict),
            Assigned { assignments, .. } if assignments.is_empty() => Err(ErrorKind::Invalid),
            _ => Ok(self.with_attributions(|all| {
                all[place].undone = true;
                all.push(Assigned::new(workspace, &[]));
            })),
        }
    }

    fn with_attributions(&mut self, change: impl FnOnce(&mut Vec<Assigned>)) -> (u64, u64) {
        let before = self.standing();
        change(&mut self.attributions);
        let changed = before.into_iter().zip(self.standing()).filter(|(before, after)| before != after).count();
        (self.attributions.len() as u64, changed as u64)
    }

    /// The events that do not count, as they were first sent.
    pub fn gone(&self) -> impl Iterator<Item = &Event> {
        let left = self.sent.iter().zip(self.standing()).enumerate();
        left.filter(|(place, (_, left))| left.is_none() && self.is_known(*place)).map(|(_, (sent, _))| sent)
    }

    /// Has a workspace keep its events for so many days.
    pub fn set_retention(&mut self, workspace: &str, days: Option<u32>) {
        self.retention.entry(workspace.into()).or_insert((None, Timestamp::MIN)).0 = days;
    }

    /// Lets go what has expired; how many events.
    pub fn expire(&mut self) -> u64 {
        for (days, from) in self.retention.values_mut() {
            let due = days.map(|days| (self.now.micros().div_euclid(DAY_MICROS) - i64::from(days)) * DAY_MICROS);
            *from = due.map_or(*from, |due| Timestamp::from_micros(due).max(*from));
        }
        let mut events = 0;
        for place in 0..self.sent.len() {
            let Some(settled) = self.settled(place) else { continue };
            let workspace = settled.event.get(Dimension::Workspace).unwrap_or(DEFAULT_WORKSPACE);
            if self.retention.get(workspace).is_some_and(|(_, from)| settled.event.at < Some(*from)) {
                let is_as_sent = !settled.replaced && settled.event == self.sent[place];
                self.expired.insert(place, !is_as_sent || self.erased.contains_key(&place));
                events += 1;
            }
        }
        events
    }

    /// Whether a store still knows the event in a place, whatever became of it.
    pub(crate) fn is_known(&self, place: usize) -> bool {
        self.expired.get(&place) != Some(&false)
    }

    /// Erases a subscriber of a workspace; what must be said of it.
    pub fn erase(&mut self, workspace: &str, subscriber: &str, erasure: Erasure) -> ErasureFate {
        erased::erase(self, workspace, subscriber, erasure)
    }

    /// Takes a batch of corrections; what must become of each.
    pub fn correct(&mut self, batch: &[Correction]) -> Vec<CorrectionFate> {
        batch.iter().map(|correction| corrected::take(self, correction)).collect()
    }

    /// The LSN of the last record.
    pub fn lsn(&self) -> u64 {
        self.records
    }

    /// Takes a batch of events; what must become of each.
    ///
    /// `derived` gives the id that the store reports for the event at that place of the batch, if it had none:
    /// how such ids are made is the store's secret, that they tell events apart is not.
    pub fn append(&mut self, batch: &[Event], derived: &dyn Fn(usize) -> Option<String>) -> Vec<Fate> {
        let mut fates = Vec::new();
        for (place, sent) in batch.iter().enumerate() {
            fates.push(match self.stored_form(sent) {
                Some(event) => self.take(event, &|| derived(place)),
                None => Fate::Rejected,
            });
        }
        fates
    }

    fn take(&mut self, mut event: Event, derived: &dyn Fn() -> Option<String>) -> Fate {
        let nothing_to_know_it_by = event.id.is_none() && event.number(Number::AtAssigned) == Some(1);
        for known in self.sent.iter().enumerate().filter(|(place, _)| self.is_known(*place)).map(|(_, known)| known) {
            let same_id = match &event.id {
                Some(id) => known.id.as_ref() == Some(id),
                None => !nothing_to_know_it_by && says_the_same(known, &event),
            };
            if same_id && known.get(Dimension::Workspace) == event.get(Dimension::Workspace) {
                return if says_the_same(known, &event) { Fate::Duplicate } else { Fate::Conflict };
            }
        }
        let workspace = event.get(Dimension::Workspace).unwrap_or(DEFAULT_WORKSPACE);
        if self.retention.get(workspace).is_some_and(|(_, from)| event.at < Some(*from)) {
            return Fate::Rejected;
        }
        if event.id.is_none() {
            event.id = derived().map(Into::into);
        }
        self.sent.push(event);
        self.records += 1;
        Fate::Stored
    }

    /// The event as it must read once stored, but for a derived id; `None` when it breaks a rule.
    fn stored_form(&self, sent: &Event) -> Option<Event> {
        let mut event = Event { id: sent.id.clone(), at: sent.at, ..Event::default() };
        for (dimension, value) in sent.dimensions.iter() {
            if value.chars().any(char::is_control) || value.len() > dimension.max_bytes() {
                return None;
            }
            if *dimension == Dimension::Status && !["ok", "error", "cancelled", ""].contains(&value.as_str()) {
                return None;
            }
            if !value.is_empty() {
                let lower = *dimension == Dimension::JobType;
                let value = if lower { value.to_lowercase().as_str().into() } else { value.clone() };
                event.dimensions.insert(*dimension, value);
            }
        }
        if event.get(Dimension::Workspace).is_none() {
            event.dimensions.insert(Dimension::Workspace, DEFAULT_WORKSPACE.into());
        }
        event.numbers = sent.numbers.clone();
        event.usage = sent.usage.clone();
        event.tags = sent.tags.clone();
        let at = event.at.unwrap_or(self.now).micros();
        if event.id.as_ref().is_some_and(|id| id.is_empty() || id.len() > 128)
            || !(YEAR_2015_MICROS..=self.now.micros() + DAY_MICROS).contains(&at)
            || event.usage.iter().any(|(_, quantity)| *quantity > 1 << 40)
            || event.tags.len() > 32
        {
            return None;
        }
        if event.at.is_none() {
            event.at = Some(self.now);
            event.numbers.insert(Number::AtAssigned, 1);
        }
        if event.id.is_none() {
            event.numbers.insert(Number::IdDerived, 1);
        }
        Some(event)
    }

    /// Takes a batch of outcomes; what must become of each.
    pub fn record_outcomes(&mut self, batch: &[Outcome]) -> Vec<OutcomeFate> {
        batch.iter().map(|outcome| self.record_outcome(outcome)).collect()
    }

    fn record_outcome(&mut self, sent: &Outcome) -> OutcomeFate {
        let blank = sent.reason.as_ref().is_some_and(|reason| reason.trim().is_empty());
        if sent.job_id.is_empty() || blank || sent.at.is_some_and(|at| at.micros() < YEAR_2015_MICROS) {
            return OutcomeFate::Rejected;
        }
        let of_the_job = |known: &&Outcome| known.workspace() == sent.workspace() && known.job_id == sent.job_id;
        let revisions: Vec<&Outcome> = self.outcomes.iter().filter(of_the_job).collect();
        let says_the_same = |known: &&Outcome| {
            let (workspace, at) = (known.workspace.clone(), sent.at.or(known.at));
            let (revision, known_at) = (known.revision, known.known_at);
            Outcome { workspace, at, revision, known_at, create_job: false, ..sent.clone() } == **known
        };
        if sent.idempotency_key.is_some() && revisions.iter().any(says_the_same) {
            return OutcomeFate::Replayed;
        }
        let newest = revisions.last().map(|newest| Outcome::clone(newest));
        match (&newest, &sent.reason) {
            (Some(stored), None) => return OutcomeFate::AlreadyReported(stored.clone()),
            (None, Some(_)) => return OutcomeFate::Rejected,
            _ => {}
        }
        let of_the_job = |event: &Event| {
            event.get(Dimension::Workspace) == Some(sent.workspace())
                && event.get(Dimension::JobId) == Some(sent.job_id.as_str())
        };
        let in_correction = self.jobs_said.contains(&(sent.workspace().into(), sent.job_id.as_str().into()));
        let known = newest.is_some() || in_correction || self.sent.iter().any(of_the_job);
        if !known && !sent.create_job {
            return OutcomeFate::UnknownJob;
        }
        self.records += 1;
        self.outcomes.push(Outcome {
            workspace: Some(sent.workspace().into()),
            at: sent.at.or_else(|| newest.as_ref().and_then(|newest| newest.at)).or(Some(self.now)),
            create_job: false,
            revision: newest.as_ref().map_or(1, |newest| newest.revision + 1),
            known_at: newest.and_then(|newest| newest.known_at).max(Some(self.now)),
            ..sent.clone()
        });
        OutcomeFate::Stored
    }

    /// Takes a price book; the number it must get.
    pub fn add_price_book(&mut self, book: &PriceBook) -> u32 {
        let version = self.books.len() as u32 + 1;
        let mut book = book.clone();
        (book.version, book.known_at) = (version, self.now);
        self.books.push(book);
        version
    }
}

/// Whether two events in their stored form are one that was sent twice: what the store assigned does not count.
fn says_the_same(a: &Event, b: &Event) -> bool {
    let derived = |event: &Event| event.number(Number::IdDerived) == Some(1);
    let assigned = |event: &Event| event.number(Number::AtAssigned) == Some(1);
    derived(a) == derived(b)
        && (derived(a) || a.id == b.id)
        && (assigned(a) == assigned(b) && (assigned(a) || a.at == b.at))
        && (&a.dimensions, &a.numbers, &a.usage, &a.tags) == (&b.dimensions, &b.numbers, &b.usage, &b.tags)
}
