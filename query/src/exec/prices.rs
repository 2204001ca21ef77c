//! Prices the rows of one part: rates are looked up once per price class, not per event.

use std::sync::Arc;

use quipu_engine::dictionary::Dictionary;
use quipu_engine::rows::Counter;
use quipu_engine::schema::CONTEXT_BAND_EDGES;
use quipu_engine::{Dimension, Meter, Result, Text, Timestamp, TokenMeter};

use super::rows::{Rows, Spans};
use super::selected::Selected;
use super::slots::Slots;
use crate::price::{PriceClass, Pricer, PromptSize, Rates, Schedule};
use crate::scope::Scope;

/// The dimensions of a price class; the last takes part only where prices were agreed for tenants.
/// Workspace and size of the prompt are the rest of the class.
pub(super) const CLASS_DIMENSIONS: [Dimension; 5] =
    [Dimension::Provider, Dimension::Model, Dimension::Region, Dimension::ServiceTier, Dimension::Tenant];

/// The price classes of a part. A *price code* stands for a class in one period of its schedule.
pub(super) struct PartPrices<'a> {
    pricer: &'a Pricer<'a>,
    scope: &'a Scope,
    dictionaries: Vec<Arc<Dictionary>>,
    /// The sizes that the codes of the first column tell apart.
    edges: &'a [u64],
    /// The first and the last start of an event of the part.
    span: (Timestamp, Timestamp),
    classes: Slots,
    /// Per class.
    timed: Vec<Timed>,
    /// Rates of some class change within the part; and of some, more than once.
    changes: bool,
    changes_often: bool,
    /// Per price code.
    class_of: Vec<u32>,
    columns: Vec<Vec<u32>>,
    bands: Vec<u64>,
    totals: Vec<u64>,
}

/// The rates of a class while the events of the part happened.
struct Timed {
    /// The price code of its first period.
    base: u32,
    /// The instants from which further periods are in force, filled up with the end of time.
    changes: [i64; CHANGES],
    schedule: Schedule,
}

/// Where the rates of no class change more often within a part, periods are found by comparing with all changes.
const CHANGES: usize = 3;

impl<'a> PartPrices<'a> {
    /// For the rows of a part whose events start within `span`.
    pub(super) fn new(
        pricer: &'a Pricer<'a>,
        scope: &'a Scope,
        rows: Rows<'_>,
        span: (Timestamp, Timestamp),
    ) -> Result<Self> {
        let taken = if pricer.knows_tenants() { CLASS_DIMENSIONS.len() } else { CLASS_DIMENSIONS.len() - 1 };
        let dictionaries = CLASS_DIMENSIONS[..taken].iter().map(|dimension| rows.dictionary(*dimension));
        let dictionaries = dictionaries.collect::<Result<Vec<_>>>()?;
        let edges = match rows {
            Rows::Events(_) => pricer.edges(),
            Rows::Counters(_) => &CONTEXT_BAND_EDGES,
        };
        let bands = edges.len() as u64 + 1;
        let domains: Vec<u64> =
            std::iter::once(bands).chain(dictionaries.iter().map(|dictionary| dictionary.len() as u64 + 1)).collect();
        Ok(Self {
            pricer,
            scope,
            edges,
            span,
            classes: Slots::new(&domains),
            timed: Vec::new(),
            changes: false,
            changes_often: false,
            class_of: Vec::new(),
            columns: vec![Vec::new(); domains.len()],
            bands: Vec::new(),
            totals: Vec::new(),
            dictionaries,
        })
    }

    /// Replaces `out` by the price codes of the selected rows; false when no single price is right for a row.
    pub(super) fn read(
        &mut self,
        rows: Rows<'_>,
        block: usize,
        selected: &Selected,
        spans: &mut Spans,
        out: &mut Vec<u32>,
    ) -> Result<bool> {
        self.read_sizes(rows, block, selected)?;
        for (column, dimension) in self.columns[1..].iter_mut().zip(CLASS_DIMENSIONS) {
            rows.codes_of(dimension, block, selected, column)?;
        }
        self.classes.number(&self.columns, selected.len, out);
        for class in self.timed.len()..self.classes.len() {
            self.add_class(class);
        }
        let timed = &self.timed;
        if timed.iter().any(|class| class.schedule.splits_size)
            && out.iter().any(|class| timed[*class as usize].schedule.splits_size)
        {
            return Ok(false);
        }
        if !self.changes {
            out.iter_mut().for_each(|code| *code = timed[*code as usize].base);
            return Ok(true);
        }
        spans.load(rows, selected)?;
        if self.changes_often {
            return Ok(self.find_periods(spans, out));
        }
        let mut straddles = false;
        for ((code, first), last) in out.iter_mut().zip(&spans.first).zip(spans.last()) {
            let class = &timed[*code as usize];
            let [first, last] =
                [first, last].map(|at| class.changes.iter().map(|change| u32::from(change <= at)).sum::<u32>());
            straddles |= first != last;
            *code = class.base + first;
        }
        Ok(!straddles)
    }

    /// Replaces classes by price codes, however often their rates change.
    fn find_periods(&self, spans: &Spans, out: &mut [u32]) -> bool {
        for ((code, first), last) in out.iter_mut().zip(&spans.first).zip(spans.last()) {
            let Timed { base, schedule, .. } = &self.timed[*code as usize];
            let (first, last) = (Timestamp::from_micros(*first), Timestamp::from_micros(*last));
            if first < last && schedule.boundary_within(first, last) {
                return false;
            }
            *code = base + u32::try_from(schedule.period_at(first)).unwrap_or(u32::MAX);
        }
        true
    }

    /// Fills the first column: the bands that rows state, or finer ones from the tokens of each event.
    fn read_sizes(&mut self, rows: Rows<'_>, block: usize, selected: &Selected) -> Result<()> {
        let column = &mut self.columns[0];
        if self.edges.len() == CONTEXT_BAND_EDGES.len() {
            rows.bands(block, selected, &mut self.bands, column)?;
            let highest = u32::try_from(self.edges.len()).unwrap_or(u32::MAX);
            column.iter_mut().for_each(|band| *band = (*band).min(highest));
            return Ok(());
        }
        self.totals.clear();
        self.totals.resize(selected.len, 0);
        let meters = rows.meters();
        for meter in TokenMeter::ALL.iter().filter(|meter| meter.is_input()).map(|meter| Meter::Token(*meter)) {
            if meters.contains(&meter) {
                rows.adds(&Counter::Meter(meter), block, selected, column, &mut self.bands)?;
                self.totals.iter_mut().zip(&self.bands).for_each(|(total, tokens)| *total += tokens);
            }
        }
        let band = |total: &u64| self.edges.partition_point(|edge| edge < total);
        column.clear();
        column.extend(self.totals.iter().map(|total| u32::try_from(band(total)).unwrap_or(u32::MAX)));
        Ok(())
    }

    fn add_class(&mut self, class: usize) {
        let codes = self.classes.codes(class);
        let value = |at: usize| self.dictionaries.get(at)?.get(codes[at + 1]);
        let schedule = self.pricer.schedule(&PriceClass {
            workspace: Some(self.scope.workspace()),
            provider: value(0),
            model: value(1),
            region: value(2),
            service_tier: value(3),
            tenant: value(4),
            size: PromptSize::of_band(self.edges, codes[0] as usize),
        });
        let schedule = schedule.within(self.span.0, self.span.1);
        let base = u32::try_from(self.class_of.len()).unwrap_or(u32::MAX);
        let class = u32::try_from(class).unwrap_or(u32::MAX);
        self.class_of.resize(self.class_of.len() + schedule.periods.len(), class);
        let mut changes = [i64::MAX; CHANGES];
        changes.iter_mut().zip(&schedule.starts[1..]).for_each(|(change, start)| *change = start.micros());
        self.changes |= schedule.periods.len() > 1;
        self.changes_often |= schedule.periods.len() > 1 + CHANGES || schedule.cuts.len() > 1;
        self.timed.push(Timed { base, changes, schedule });
    }

    /// How many price codes there are.
    pub(super) fn len(&self) -> usize {
        self.class_of.len()
    }

    /// The rates of a price code.
    pub(super) fn rates(&self, code: usize) -> &Rates {
        let Timed { base, schedule, .. } = &self.timed[self.class_of[code] as usize];
        &schedule.periods[code - *base as usize]
    }

    /// The provider and the model that a price code is priced as.
    pub(super) fn names(&self, code: usize) -> (Option<Text>, Option<Text>) {
        let codes = self.classes.codes(self.class_of[code] as usize);
        let value = |at: usize| self.dictionaries[at].get(codes[at + 1]);
        let class = PriceClass { provider: value(0), model: value(1), ..PriceClass::default() };
        let class = self.pricer.assumed(&class);
        (class.provider.map(Text::from), class.model.map(Text::from))
    }
}
