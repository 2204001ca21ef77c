//! What each row of a block costs, for sums that are not those of price codes.

use std::ops::{AddAssign, Range};

use quipu_engine::rows::Counter;
use quipu_engine::{Meter, Number, Result};

use super::cost::Cost;
use super::prices::PartPrices;
use super::rows::{Reading, Rows};
use super::selected::Selected;

/// The rates of one meter by price code.
struct MeterRates {
    meter: Meter,
    /// 0 where there is none.
    rates: Vec<u64>,
    /// All bits set where there is one.
    priced: Vec<u64>,
    /// Of each price code, what has no rate.
    unpriced: Vec<u128>,
}

/// The costs of the rows of a block that pass, and what had no price so far.
pub(super) struct RowCosts {
    meters: Vec<MeterRates>,
    fees: Vec<Option<u64>>,
    pico: Pico,
    /// Other than 0 where something has a price that `pico` may not show.
    known: Vec<u64>,
    /// Other than 0 where something has none.
    unknown: Vec<u64>,
    /// Whether any of the two is other than 0.
    flagged: bool,
    codes: Vec<u32>,
    stored: Vec<u64>,
    adds: Vec<u64>,
}

/// Numbers of 64 bits for as long as they suffice.
enum Pico {
    Narrow(Vec<u64>),
    Wide(Vec<u128>),
}

impl RowCosts {
    pub(super) fn new(rows: Rows<'_>) -> Self {
        let rates = |meter| MeterRates { meter, rates: Vec::new(), priced: Vec::new(), unpriced: Vec::new() };
        Self {
            meters: rows.meters().into_iter().map(rates).collect(),
            fees: Vec::new(),
            pico: Pico::Narrow(Vec::new()),
            known: Vec::new(),
            unknown: Vec::new(),
            flagged: false,
            codes: Vec::new(),
            stored: Vec::new(),
            adds: Vec::new(),
        }
    }

    fn clear(&mut self, rows: usize) {
        self.pico = match std::mem::replace(&mut self.pico, Pico::Wide(Vec::new())) {
            Pico::Narrow(mut pico) => {
                pico.clear();
                pico.resize(rows, 0);
                Pico::Narrow(pico)
            }
            Pico::Wide(_) => Pico::Narrow(vec![0; rows]),
        };
        self.flagged = false;
    }

    /// Makes the flags ready for the first that is set in a block.
    fn flag(&mut self) {
        if !std::mem::replace(&mut self.flagged, true) {
            let rows = self.pico.len();
            for flags in [&mut self.known, &mut self.unknown] {
                flags.clear();
                flags.resize(rows, 0);
            }
        }
    }

    /// Prices the selected rows of a block, whose price codes are given.
    pub(super) fn price(
        &mut self,
        rows: Rows<'_>,
        block: usize,
        selected: &Selected,
        prices: &PartPrices<'_>,
        price_codes: &[u32],
    ) -> Result<()> {
        self.clear(selected.len);
        self.learn(prices);
        let mut bound = 0_u128;
        for meter in 0..self.meters.len() {
            let counter = Counter::Meter(self.meters[meter].meter.clone());
            let most = self.read(rows, &counter, block, selected)?;
            if most > 0 {
                self.add_meter(meter, most, price_codes, &mut bound);
            }
        }
        if self.fees.iter().any(Option::is_some) {
            let most = self.read(rows, &Counter::Events, block, selected)?;
            let rates: Vec<u64> = self.fees.iter().map(|fee| fee.unwrap_or(0)).collect();
            self.flag();
            for (known, code) in self.known.iter_mut().zip(price_codes) {
                *known |= u64::from(self.fees[*code as usize].is_some());
            }
            self.pico.add(&self.adds, most, price_codes, &rates, &mut bound);
        }
        if self.read(rows, &Counter::Number(Number::UsageMissing), block, selected)? > 0 {
            self.flag();
            self.unknown.iter_mut().zip(&self.adds).for_each(|(unknown, missing)| *unknown |= missing);
        }
        Ok(())
    }

    /// Takes what the selected rows of a block report.
    pub(super) fn report(&mut self, rows: Rows<'_>, block: usize, selected: &Selected) -> Result<()> {
        self.clear(selected.len);
        self.flag();
        self.read(rows, &Counter::Events, block, selected)?;
        self.unknown.copy_from_slice(&self.adds);
        self.read(rows, &Counter::NumberEvents(Number::ReportedCost), block, selected)?;
        self.known.copy_from_slice(&self.adds);
        self.unknown.iter_mut().zip(&self.adds).for_each(|(events, stated)| *events -= stated);
        self.read(rows, &Counter::Number(Number::ReportedCost), block, selected)?;
        self.pico = Pico::Narrow(self.adds.clone());
        Ok(())
    }

    /// Replaces what is added by a counter of the selected rows, and returns what none of them exceeds; 0 when all are 0.
    fn read(&mut self, rows: Rows<'_>, counter: &Counter, block: usize, selected: &Selected) -> Result<u64> {
        self.adds.clear();
        let reading = rows.read(counter, block, selected, &mut self.codes, &mut self.stored)?;
        let stored = self.stored.iter();
        // One loop for each way of reading.
        match reading {
            Reading::Nothing => self.adds.resize(selected.len, 0),
            Reading::One => self.adds.resize(selected.len, 1),
            Reading::Stored => self.adds.extend(stored.map(|stored| stored.saturating_sub(1))),
            Reading::Sum => self.adds.extend(stored),
            Reading::Above(_) => self.adds.extend(stored.map(|value| reading.of(*value))),
        }
        Ok(self.adds.iter().fold(0, |bits, add| bits | add))
    }

    /// Takes over the rates of price codes that are new.
    fn learn(&mut self, prices: &PartPrices<'_>) {
        for code in self.fees.len()..prices.len() {
            let rates = prices.rates(code);
            self.fees.push(rates.per_request());
            for MeterRates { meter, rates: of_meter, priced, unpriced } in &mut self.meters {
                let rate = rates.rate(meter);
                of_meter.push(rate.unwrap_or(0));
                priced.push(if rate.is_some() { u64::MAX } else { 0 });
                unpriced.push(0);
            }
        }
    }

    fn add_meter(&mut self, meter: usize, most: u64, price_codes: &[u32], bound: &mut u128) {
        // What has a rate above 0 shows in the cost.
        if self.meters[meter].rates.contains(&0) {
            self.flag();
            let MeterRates { priced, unpriced, .. } = &mut self.meters[meter];
            let flags = self.known.iter_mut().zip(&mut self.unknown);
            for ((add, code), (known, unknown)) in self.adds.iter().zip(price_codes).zip(flags) {
                let priced = priced[*code as usize];
                *known |= add & priced;
                *unknown |= add & !priced;
                unpriced[*code as usize] += u128::from(add & !priced);
            }
        }
        self.pico.add(&self.adds, most, price_codes, &self.meters[meter].rates, bound);
    }

    /// What a range of the selected rows costs together.
    pub(super) fn sum(&self, range: Range<usize>) -> Result<Cost> {
        let pico = match &self.pico {
            Pico::Narrow(pico) => pico[range.clone()].iter().map(|pico| u128::from(*pico)).sum(),
            Pico::Wide(pico) => pico[range.clone()].iter().fold(0, |sum: u128, pico| sum.saturating_add(*pico)),
        };
        let any = |flags: &[u64]| self.flagged && flags[range.clone()].iter().fold(0, |any, flag| any | flag) != 0;
        let mut cost = Cost { unknown: any(&self.unknown), ..Cost::default() };
        cost.add_priced(pico, 1)?;
        cost.known = pico > 0 || any(&self.known);
        Ok(cost)
    }

    /// The quantities that had no rate, by price code.
    pub(super) fn unpriced(&self) -> impl Iterator<Item = (&Meter, usize, u128)> {
        self.meters.iter().flat_map(|of| {
            let quantities = of.unpriced.iter().enumerate().filter(|(_, quantity)| **quantity > 0);
            quantities.map(|(code, quantity)| (&of.meter, code, *quantity))
        })
    }
}

impl Pico {
    fn len(&self) -> usize {
        match self {
            Self::Narrow(pico) => pico.len(),
            Self::Wide(pico) => pico.len(),
        }
    }

    /// Adds each quantity, `most` or less, times the rate of its price code; `bound` is what no sum so far exceeds.
    fn add(&mut self, quantities: &[u64], most: u64, price_codes: &[u32], rates: &[u64], bound: &mut u128) {
        let highest = rates.iter().copied().max().unwrap_or(0);
        *bound = bound.saturating_add(u128::from(most).saturating_mul(u128::from(highest)));
        if let Self::Narrow(pico) = self
            && u64::try_from(*bound).is_err()
        {
            *self = Self::Wide(pico.iter().map(|pico| u128::from(*pico)).collect());
        }
        match self {
            Self::Narrow(pico) => add(pico, quantities, price_codes, rates, |quantity, rate| quantity * rate),
            Self::Wide(pico) if *bound < u128::MAX => {
                add(pico, quantities, price_codes, rates, |quantity, rate| u128::from(quantity) * u128::from(rate));
            }
            // Beyond any cost that can be added up; the sums are refused where they are formed.
            Self::Wide(pico) => pico.fill(u128::MAX),
        }
    }
}

fn add<T: AddAssign>(
    sums: &mut [T],
    quantities: &[u64],
    price_codes: &[u32],
    rates: &[u64],
    times: impl Fn(u64, u64) -> T,
) {
    for ((sum, quantity), code) in sums.iter_mut().zip(quantities).zip(price_codes) {
        *sum += times(*quantity, rates[*code as usize]);
    }
}
