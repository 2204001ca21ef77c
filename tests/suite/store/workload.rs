//! What is done to a store, and what it answers, held against the model.

use std::fmt;
use std::sync::Arc;

use fastrand::Rng;
use quipu_engine::attribution::{ASSIGNABLE, Assignment};
use quipu_engine::correction::Target;
use quipu_engine::io::Disk;
use quipu_engine::outcome::DEFAULT_WORKSPACE;
use quipu_engine::price_book::{ModelPattern, PriceOf, PriceRule};
use quipu_engine::rollup::Rollup;
use quipu_engine::store::{
    AttributionReceipt, CorrectionItem, CorrectionReceipt, Erasure, ErasureReceipt, Item, OutcomeItem, OutcomeReceipt,
    Receipt,
};
use quipu_engine::{
    Correction, Dimension, Error, Event, Meter, Number, Outcome, OutcomeStatus, OutcomeType, PicoUsd, PriceBook, Store,
    Timestamp, TokenMeter,
};
use quipu_test_support::{CorrectionFate, ErasureFate, Fate, Model, OutcomeFate};

/// One call on the store.
#[derive(Clone, PartialEq)]
pub(crate) enum Op {
    Append(Vec<Event>),
    Correct(Vec<Correction>),
    Outcomes(Vec<Outcome>),
    Book(PriceBook),
    Erase(&'static str, &'static str, Erasure),
    Attribute(&'static str, Vec<Assignment>),
    Undo(u64),
    Keep(&'static str, Option<u32>),
    Expire,
    Declare(&'static [&'static str]),
    Seal,
    Compact,
    Confirm,
    Reopen,
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Append(batch) => write!(f, "Append({})", batch.len()),
            Self::Correct(batch) => write!(f, "Correct({})", batch.len()),
            Self::Outcomes(batch) => write!(f, "Outcomes({})", batch.len()),
            Self::Book(book) => write!(f, "Book({})", book.source),
            Self::Erase(workspace, name, erasure) => write!(f, "Erase({workspace}, {name}, {})", erasure.name()),
            Self::Attribute(by, assignments) => write!(f, "Attribute({by}, {})", assignments.len()),
            Self::Undo(number) => write!(f, "Undo({number})"),
            Self::Declare(rollups) => write!(f, "Declare({rollups:?})"),
            Self::Keep(workspace, days) => write!(f, "Keep({workspace}, {days:?})"),
            Self::Seal => f.write_str("Seal"),
            Self::Expire => f.write_str("Expire"),
            Self::Compact => f.write_str("Compact"),
            Self::Confirm => f.write_str("Confirm"),
            Self::Reopen => f.write_str("Reopen"),
        }
    }
}

/// Why an operation did not go as the model says.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The store refused with an error: what was asked may or may not have happened.
    Refused(Error),
    /// It answered something wrong.
    Wrong(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// A store on a disk, with the model of what it has acknowledged.
pub(crate) struct Driver {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) store: Option<Store>,
    pub(crate) model: Model,
    seal_events: usize,
}

impl Driver {
    /// A driver of the store on `disk`, which is not open yet and holds what `model` says.
    pub(crate) fn new(disk: Arc<dyn Disk>, model: Model, seal_events: usize) -> Self {
        Self { disk, store: None, model, seal_events }
    }

    pub(crate) fn open(&mut self) -> Result<&Store, Error> {
        self.store = None;
        let store = super::open(&self.disk, self.seal_events)?;
        Ok(self.store.insert(store))
    }

    /// Does `op`; on success the model has done it too, and the answers agreed.
    pub(crate) fn run(&mut self, op: &Op) -> Result<(), Failure> {
        let store = match &self.store {
            Some(store) if *op != Op::Reopen => store,
            _ => return Ok(self.open().map(|_| ())?),
        };
        match op {
            Op::Append(batch) => {
                let receipt = store.append(batch.clone())?;
                let mut after = self.model.clone();
                check_receipt(&receipt, batch, &mut after)?;
                self.model = after;
            }
            Op::Correct(batch) => {
                let receipt = store.correct(batch.clone())?;
                let mut after = self.model.clone();
                check_corrections(&receipt, batch, &mut after)?;
                self.model = after;
            }
            Op::Outcomes(batch) => {
                let receipt = store.record_outcomes(batch.clone())?;
                let mut after = self.model.clone();
                check_outcomes(&receipt, batch, &mut after)?;
                self.model = after;
            }
            Op::Book(book) => {
                let version = store.add_price_book(book.clone())?;
                let expected = self.model.add_price_book(book);
                if version != expected {
                    return Err(Failure::Wrong(format!("price book {version}, {expected} expected")));
                }
            }
            Op::Erase(workspace, name, erasure) => {
                let ErasureReceipt { events, mentions, outcomes, corrections, .. } =
                    store.erase(workspace, name, *erasure)?;
                let found = ErasureFate { events, mentions, outcomes, corrections };
                check("erased", found, self.model.erase(workspace, name, *erasure))?;
            }
            Op::Attribute(by, assignments) => {
                let AttributionReceipt { number, events, .. } =
                    store.attribute(DEFAULT_WORKSPACE, assignments.clone(), by, "late")?;
                check("attributed", (number, events), self.model.attribute(DEFAULT_WORKSPACE, assignments))?;
            }
            Op::Undo(number) => {
                let found = store.undo_attribution(DEFAULT_WORKSPACE, *number, "ops", "wrong");
                match (found, self.model.clone().undo_attribution(DEFAULT_WORKSPACE, *number)) {
                    (Ok(AttributionReceipt { number: undo, events, .. }), Ok(expected)) => {
                        check("undone", (undo, events), expected)?;
                        self.model = self.model_after(op);
                    }
                    (Err(error), Err(kind)) if error.kind() == kind => {}
                    (Err(error), _) => return Err(Failure::Refused(error)),
                    (found, expected) => check("undone", format!("{found:?}"), format!("{expected:?}"))?,
                }
            }
            Op::Declare(rollups) => {
                let rollups = rollups.iter().map(|text| Rollup::parse(text));
                store.declare_rollups(rollups.collect::<Result<_, _>>()?)?;
            }
            Op::Seal => store.seal()?,
            Op::Keep(workspace, days) => {
                store.set_retention(workspace, *days)?;
                self.model.set_retention(workspace, *days);
            }
            Op::Expire => {
                let expired = store.expire()?;
                check("expired", expired, self.model.expire())?;
            }
            Op::Compact => drop(store.compact()?),
            Op::Confirm => store.confirm()?,
            Op::Reopen => {}
        }
        Ok(())
    }

    /// The model as it is if `op` took place, whatever the store answered. Events must have ids of their own.
    pub(crate) fn model_after(&self, op: &Op) -> Model {
        let mut model = self.model.clone();
        match op {
            Op::Append(batch) => drop(model.append(batch, &|_| None)),
            Op::Correct(batch) => drop(model.correct(batch)),
            Op::Outcomes(batch) => drop(model.record_outcomes(batch)),
            Op::Book(book) => drop(model.add_price_book(book)),
            Op::Erase(workspace, name, erasure) => drop(model.erase(workspace, name, *erasure)),
            Op::Attribute(_, assignments) => drop(model.attribute(DEFAULT_WORKSPACE, assignments)),
            Op::Undo(number) => drop(model.undo_attribution(DEFAULT_WORKSPACE, *number)),
            Op::Keep(workspace, days) => model.set_retention(workspace, *days),
            Op::Expire => drop(model.expire()),
            Op::Declare(_) | Op::Seal | Op::Compact | Op::Confirm | Op::Reopen => {}
        }
        model
    }

    /// What differs between what the store shows and the model.
    pub(crate) fn compare(&self) -> Result<(), String> {
        let Some(store) = &self.store else { return Ok(()) };
        super::look::compare(&store.snapshot(), &self.model)
    }
}

fn check_receipt(receipt: &Receipt, batch: &[Event], model: &mut Model) -> Result<(), Failure> {
    let id = |item: &Item| match item {
        Item::Stored { id } | Item::Duplicate { id } | Item::Conflict { id } => Some(id.to_string()),
        Item::Rejected(_) => None,
    };
    let found: Vec<Fate> = receipt
        .items
        .iter()
        .map(|item| match item {
            Item::Stored { .. } => Fate::Stored,
            Item::Duplicate { .. } => Fate::Duplicate,
            Item::Conflict { .. } => Fate::Conflict,
            Item::Rejected(_) => Fate::Rejected,
        })
        .collect();
    let expected = model.append(batch, &|place| receipt.items.get(place).and_then(id));
    if found != expected {
        return Err(Failure::Wrong(format!("{found:?} answered, {expected:?} expected")));
    }
    if receipt.lsn != model.lsn() {
        return Err(Failure::Wrong(format!("LSN {} answered, {} expected", receipt.lsn, model.lsn())));
    }
    for (item, sent) in receipt.items.iter().zip(batch) {
        let (answered, known) = (id(item), |id: &str| model.sent.iter().any(|e| e.id.as_deref() == Some(id)));
        if sent.id.is_some() && answered.is_some() && answered.as_deref() != sent.id.as_deref() {
            return Err(Failure::Wrong(format!("{answered:?} answered for {:?}", sent.id)));
        }
        if answered.as_deref().is_some_and(|id| !known(id)) {
            return Err(Failure::Wrong(format!("{answered:?} answered, which is not stored")));
        }
    }
    Ok(())
}

fn check_corrections(receipt: &CorrectionReceipt, batch: &[Correction], model: &mut Model) -> Result<(), Failure> {
    let found: Vec<CorrectionFate> = receipt
        .items
        .iter()
        .map(|item| match item {
            CorrectionItem::Applied { events } => CorrectionFate::Applied(*events),
            CorrectionItem::Pending => CorrectionFate::Pending,
            CorrectionItem::Outweighed => CorrectionFate::Outweighed,
            CorrectionItem::Unchanged => CorrectionFate::Unchanged,
            CorrectionItem::Rejected(_) => CorrectionFate::Rejected,
        })
        .collect();
    let expected = model.correct(batch);
    if found != expected {
        return Err(Failure::Wrong(format!("{found:?} answered, {expected:?} expected")));
    }
    if receipt.lsn != model.lsn() {
        return Err(Failure::Wrong(format!("LSN {} answered, {} expected", receipt.lsn, model.lsn())));
    }
    Ok(())
}

fn check_outcomes(receipt: &OutcomeReceipt, batch: &[Outcome], model: &mut Model) -> Result<(), Failure> {
    let found: Vec<OutcomeFate> = receipt
        .items
        .iter()
        .map(|item| match item {
            OutcomeItem::Stored => OutcomeFate::Stored,
            OutcomeItem::Replayed => OutcomeFate::Replayed,
            OutcomeItem::AlreadyReported(stored) => OutcomeFate::AlreadyReported(Outcome::clone(stored)),
            OutcomeItem::UnknownJob => OutcomeFate::UnknownJob,
            OutcomeItem::Rejected(_) => OutcomeFate::Rejected,
        })
        .collect();
    let expected = model.record_outcomes(batch);
    if found != expected {
        return Err(Failure::Wrong(format!("{found:?} answered, {expected:?} expected")));
    }
    if receipt.lsn != model.lsn() {
        return Err(Failure::Wrong(format!("LSN {} answered, {} expected", receipt.lsn, model.lsn())));
    }
    Ok(())
}

fn check<T: PartialEq + fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), Failure> {
    if found == expected {
        return Ok(());
    }
    Err(Failure::Wrong(format!("{what}: {found:?} answered, {expected:?} expected")))
}

/// The clock of simulated disks.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// Event `n` of a plain workload: with an id and a time, in one of two months.
pub(crate) fn event(n: u64) -> Event {
    let month = if n.is_multiple_of(5) { 40 * 24 * 3600 } else { 0 };
    let event = Event::new(format!("e{n}"), Timestamp::from_seconds(1_767_000_000 - month - n.cast_signed()))
        .with(Dimension::Tenant, format!("t{}", n % 2))
        .with(Dimension::JobId, format!("j{}", n % 4))
        .with(Dimension::Model, "m")
        .with(Dimension::TraceId, format!("tr{}", n % 3))
        .used(TokenMeter::Input, n * 1000);
    if n.is_multiple_of(3) { event.tagged("k", format!("v{}", n % 2)) } else { event }
}

pub(crate) fn events(numbers: std::ops::Range<u64>) -> Op {
    Op::Append(numbers.map(event).collect())
}

/// A correction of every kind: of events that are stored, that are not yet, and of a trace.
pub(crate) fn corrections() -> Op {
    let of = |n: u64| Target::Event(format!("e{n}").into());
    let late = |team: &str| Event::default().with(Dimension::Team, team).tagged("k", "late");
    Op::Correct(vec![
        Correction::grow(event(1).used(TokenMeter::Output, 90)),
        Correction::replace(1, event(6).with(Dimension::Tenant, "moved").used(TokenMeter::Input, 1)),
        Correction::retract(of(2)),
        Correction::retract(of(7)),
        Correction::complete(Target::Trace("tr0".into()), 1, late("far")),
        Correction::complete(of(3), 0, late("near")),
    ])
}

/// Usage of a trace assigned afterwards.
pub(crate) fn attribution() -> Op {
    Op::Attribute("ops", vec![Assignment::of(Dimension::TraceId, "tr0").to(Dimension::Team, "late")])
}

/// Events of a person, and corrections that name that person and another one.
pub(crate) fn people() -> [Op; 2] {
    let of = |n: u64, who: &str| event(n).with(Dimension::SubscriberId, who);
    let who = |who: &str| Event::default().with(Dimension::SubscriberId, who);
    let named =
        vec![of(1, "A").with(Dimension::SubscriberEmail, "b"), of(2, "bob"), event(4).tagged("k", "b"), event(5)];
    let said = vec![
        Correction::grow(of(2, "A").used(TokenMeter::Output, 9)),
        Correction::grow(of(8, "A").used(TokenMeter::Output, 9)),
        Correction::complete(Target::Trace("tr2".into()), 1, who("A")),
        Correction::complete(Target::Event("e5".into()), 1, who("bob").tagged("k", "A")),
    ];
    [Op::Append(named), Op::Correct(said)]
}

pub(crate) fn outcome(job: u64) -> Outcome {
    Outcome {
        kind: Some(OutcomeType::Converted),
        value: Some(PicoUsd::from_pico(1_000_000_000_000)),
        ..Outcome::new(format!("j{job}"), OutcomeStatus::Success)
    }
}

pub(crate) fn book(rate: u64) -> Op {
    let of = PriceOf::Meter(TokenMeter::Input.into());
    let rule = PriceRule::new(ModelPattern::Exact("m".into()), of, rate);
    Op::Book(PriceBook::new(format!("rate {rate}"), vec![rule]).expect("valid"))
}

/// Sets of rollups, of which the first has few enough rows to be kept.
pub(super) const DECLARED: [&[&str]; 3] = [&["every day", "tenant every day"], &["tenant,job_id every hour"], &[]];

/// Random operations out of small pools, so that identities meet again.
pub(crate) struct Generator {
    pub(crate) rng: Rng,
    /// Whether events may lack what the store then assigns, which a crashed run cannot foretell.
    pub(crate) assigned: bool,
}

impl Generator {
    pub(crate) fn op(&mut self) -> Op {
        match self.rng.u8(0..27) {
            26 => Op::Expire,
            25 => Op::Keep(["default", "other"][self.rng.usize(0..2)], [None, Some(5), Some(30)][self.rng.usize(0..3)]),
            24 => Op::Declare(DECLARED[self.rng.usize(0..DECLARED.len())]),
            20 => self.erase(),
            21..23 => self.attribute(),
            23 => Op::Undo(self.rng.u64(1..5)),
            0..9 => Op::Append((0..self.rng.usize(0..7)).map(|_| self.event()).collect()),
            9..12 => Op::Correct((0..self.rng.usize(0..5)).map(|_| self.correction()).collect()),
            12..15 => Op::Outcomes((0..self.rng.usize(0..4)).map(|_| self.outcome()).collect()),
            15 => book(self.rng.u64(1..9)),
            16 => Op::Seal,
            17 => Op::Compact,
            18 => Op::Confirm,
            _ => Op::Reopen,
        }
    }

    fn attribute(&mut self) -> Op {
        let keys = [
            (Dimension::TraceId, "tr0"),
            (Dimension::TraceId, "tr1"),
            (Dimension::RequestId, "b"),
            (Dimension::Credential, "A"),
            (Dimension::Credential, "b"),
        ];
        let mut assignments = Vec::new();
        for (by, key) in keys {
            if assignments.is_empty() || self.rng.u8(0..3) == 0 {
                let value = ["A", "team", "other team"][self.rng.usize(0..3)];
                let assignment = Assignment::of(by, key).to(ASSIGNABLE[self.rng.usize(0..4)], value);
                assignments.push(assignment.to(Dimension::Team, "team"));
            }
        }
        self.rng.shuffle(&mut assignments);
        Op::Attribute(["ops", "A", "b"][self.rng.usize(0..3)], assignments)
    }

    fn erase(&mut self) -> Op {
        let workspace = if self.rng.u8(0..6) == 0 { "other" } else { "default" };
        let erasure = if self.rng.bool() { Erasure::Anonymise } else { Erasure::Delete };
        Op::Erase(workspace, ["A", "b", "ü€", "v", "w"][self.rng.usize(0..5)], erasure)
    }

    fn event(&mut self) -> Event {
        let rng = &mut self.rng;
        let n = rng.u64(0..40);
        let mut event = event(n);
        // Mostly a pure function of n, so that a second sending is a duplicate.
        let mut own = Rng::with_seed(n);
        for &dimension in Dimension::ALL.iter().filter(|dimension| **dimension != Dimension::Status) {
            if own.u8(0..6) == 0 {
                event =
                    event.with(dimension, ["", "A", "b", "ü€", "a-name-longer-than-an-inline-text"][own.usize(0..5)]);
            }
        }
        for &number in Number::ALL {
            if own.u8(0..3) == 0 && !matches!(number, Number::IdDerived | Number::AtAssigned) {
                event = event.with_number(number, own.u64(0..=number.limit()));
            }
        }
        for &meter in TokenMeter::ALL {
            if own.u8(0..4) == 0 {
                let bits = own.u8(0..41);
                event = event.used(meter, own.u64(0..=1 << bits));
            }
        }
        if own.u8(0..4) == 0 {
            event = event.used(Meter::Named(format!("tool:{}", n % 3).as_str().into()), own.u64(0..3));
        }
        if own.u8(0..3) == 0 {
            event = event.with(Dimension::Status, ["ok", "error", "cancelled", ""][own.usize(0..4)]);
        }
        for key in ["empty", "k", "long key"] {
            if own.u8(0..3) == 0 {
                event = event.tagged(key, ["", "v", "another value"][own.usize(0..3)]);
            }
        }
        match rng.u8(0..24) {
            0 => event = event.with(Dimension::Workspace, "other"),
            1 => event = event.used(TokenMeter::Output, 7),
            2 => event = event.with(Dimension::Status, "fine"),
            3 => event.at = Some(Timestamp::from_seconds(5)),
            4 => event.at = Some(Timestamp::from_seconds(NOW.micros() / 1_000_000 + 90_000)),
            5 => event.id = Some("".into()),
            6 => event = event.with(Dimension::Team, "a\u{7}b"),
            7 => event = event.used(TokenMeter::Input, (1 << 40) + 1),
            8 => event.at = Some(Timestamp::from_seconds(1_500_000_000 + n.cast_signed() * 3_000_000)),
            9 => event = event.with(Dimension::Workspace, "default"),
            10..13 if self.assigned => event.id = None,
            13 if self.assigned => event.at = None,
            14 if self.assigned => (event.id, event.at) = (None, None),
            _ => {}
        }
        event
    }

    fn correction(&mut self) -> Correction {
        let target = match self.rng.u8(0..5) {
            0 => Target::Trace(["tr0", "tr1", "b", "a-name-longer-than-an-inline-text"][self.rng.usize(0..4)].into()),
            _ => Target::Event(format!("e{}", self.rng.u64(0..40)).into()),
        };
        let correction = match self.rng.u8(0..12) {
            0 => Correction::retract(target),
            1 => Correction::retract(Target::Event("".into())),
            2..7 => {
                // Of the same ids as the targets, sometimes of other content, place and time than was first sent.
                let mut event = self.event();
                event.id = Some(format!("e{}", self.rng.u64(0..40)).into());
                event.at = event.at.or(Some(NOW));
                event = event.used(TokenMeter::Output, self.rng.u64(0..3));
                Correction::replace(self.rng.u64(0..3), event)
            }
            _ => {
                let mut values = Event::default().with(Dimension::Team, ["red", "blue"][self.rng.usize(0..2)]);
                if self.rng.bool() {
                    values = values.with(Dimension::JobId, format!("j{}", self.rng.u64(4..6)));
                }
                if self.rng.u8(0..4) == 0 {
                    let who = [Dimension::SubscriberId, Dimension::SubscriberEmail][self.rng.usize(0..2)];
                    values = values.with(who, ["A", "b", "w"][self.rng.usize(0..3)]);
                }
                if self.rng.bool() {
                    values = values.with_number(Number::ReportedCost, self.rng.u64(0..3));
                    values = values.tagged(["k", "late"][self.rng.usize(0..2)], ["v", "w"][self.rng.usize(0..2)]);
                }
                Correction::complete(target, self.rng.u32(0..3), values)
            }
        };
        if self.rng.u8(0..12) == 0 { correction.within("other") } else { correction }
    }

    fn outcome(&mut self) -> Outcome {
        let rng = &mut self.rng;
        let mut outcome = outcome(rng.u64(0..6));
        match rng.u8(0..14) {
            0 => outcome.workspace = Some("other".into()),
            1 => outcome.job_id = "".into(),
            2 => outcome.at = Some(Timestamp::from_seconds(rng.i64(0..2) * 1_700_000_000)),
            3 => outcome.status = OutcomeStatus::Failed,
            4 => outcome.metadata = Some(["{\"a\": 1}", "{\"by\": \"A\"}"][rng.usize(0..2)].into()),
            5 => outcome.create_job = true,
            6 => outcome.reason = Some(" ".into()),
            7..9 => outcome.reason = Some(format!("reason {}", rng.u8(0..2))),
            _ => {}
        }
        if rng.bool() {
            outcome.idempotency_key = Some("key".into());
        }
        outcome
    }
}
