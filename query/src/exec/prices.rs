//! Prices the rows of one part: rates are looked up once per price class, not per event.

use std::sync::Arc;

use quipu_engine::dictionary::Dictionary;
use quipu_engine::schema::CONTEXT_BAND_EDGES;
use quipu_engine::{Dimension, Result, Text, Timestamp};

use super::keys::Selected;
use super::rows::{Rows, Spans};
use super::slots::Slots;
use crate::price::{PriceClass, Pricer, Rates, Schedule};

/// The dimensions of a price class; the context band is the fifth part.
pub(super) const CLASS_DIMENSIONS: [Dimension; 4] =
    [Dimension::Provider, Dimension::Model, Dimension::Region, Dimension::ServiceTier];

/// The price classes of a part. A *price code* stands for a class in one period of its schedule.
pub(super) struct PartPrices<'a> {
    pricer: &'a Pricer<'a>,
    dictionaries: Vec<Arc<Dictionary>>,
    classes: Slots,
    schedules: Vec<(u32, Schedule)>,
    class_of: Vec<u32>,
    columns: Vec<Vec<u32>>,
    bands: Vec<u64>,
}

impl<'a> PartPrices<'a> {
    pub(super) fn new(pricer: &'a Pricer<'a>, rows: Rows<'_>) -> Result<Self> {
        let dictionaries = CLASS_DIMENSIONS.map(|dimension| rows.dictionary(dimension)).into_iter();
        let dictionaries = dictionaries.collect::<Result<Vec<_>>>()?;
        let bands = CONTEXT_BAND_EDGES.len() as u64 + 1;
        let domains: Vec<u64> =
            std::iter::once(bands).chain(dictionaries.iter().map(|dictionary| dictionary.len() as u64 + 1)).collect();
        Ok(Self {
            pricer,
            classes: Slots::new(&domains),
            schedules: Vec::new(),
            class_of: Vec::new(),
            columns: vec![Vec::new(); domains.len()],
            bands: Vec::new(),
            dictionaries,
        })
    }

    /// Replaces `out` by the price codes of the selected rows; false when a price changes inside a row.
    pub(super) fn read(
        &mut self,
        rows: Rows<'_>,
        block: usize,
        selected: &Selected,
        spans: &Spans,
        out: &mut Vec<u32>,
    ) -> Result<bool> {
        rows.bands(block, &mut self.bands, &mut self.columns[0])?;
        let highest = u32::try_from(CONTEXT_BAND_EDGES.len()).unwrap_or(u32::MAX);
        self.columns[0].iter_mut().for_each(|band| *band = (*band).min(highest));
        for (column, dimension) in self.columns[1..].iter_mut().zip(CLASS_DIMENSIONS) {
            rows.codes(dimension, block, column)?;
        }
        self.columns.iter_mut().for_each(|column| selected.compact(column));
        self.classes.number(&self.columns, selected.len, out);
        for class in self.schedules.len()..self.classes.len() {
            self.add_schedule(class);
        }
        for (row, code) in out.iter_mut().enumerate() {
            let (base, schedule) = &self.schedules[*code as usize];
            *code = *base;
            if schedule.periods.len() > 1 {
                let (first, last) = (spans.first[row], spans.last()[row]);
                let (first, last) = (Timestamp::from_micros(first), Timestamp::from_micros(last));
                if first < last && schedule.boundary_within(first, last) {
                    return Ok(false);
                }
                *code += u32::try_from(schedule.period_at(first)).unwrap_or(u32::MAX);
            }
        }
        Ok(true)
    }

    fn add_schedule(&mut self, class: usize) {
        let codes = self.classes.codes(class);
        let value = |at: usize| self.dictionaries[at].get(codes[at + 1]);
        let schedule = self.pricer.schedule(&PriceClass {
            provider: value(0),
            model: value(1),
            region: value(2),
            service_tier: value(3),
            context_band: u8::try_from(codes[0]).unwrap_or(u8::MAX),
        });
        let base = u32::try_from(self.class_of.len()).unwrap_or(u32::MAX);
        let class = u32::try_from(class).unwrap_or(u32::MAX);
        self.class_of.resize(self.class_of.len() + schedule.periods.len(), class);
        self.schedules.push((base, schedule));
    }

    /// How many price codes there are.
    pub(super) fn len(&self) -> usize {
        self.class_of.len()
    }

    /// The rates of a price code.
    pub(super) fn rates(&self, code: usize) -> &Rates {
        let (base, schedule) = &self.schedules[self.class_of[code] as usize];
        &schedule.periods[code - *base as usize]
    }

    /// The provider and the model of a price code.
    pub(super) fn names(&self, code: usize) -> (Option<Text>, Option<Text>) {
        let codes = self.classes.codes(self.class_of[code] as usize);
        let value = |at: usize| self.dictionaries[at].get(codes[at + 1]).map(Text::from);
        (value(0), value(1))
    }
}
