//! The jobs of several parts under one numbering, and what came of each.
//!
//! Every part has job codes of its own. Questions about jobs follow a job through all parts and to its outcome, so the
//! parts that are read together get one number per name of a job: from there on everything known of a job is found in
//! arrays. Numbers follow the order in which jobs lie in the parts, so arrays are walked, not searched.
//!
//! All of it is derived from the parts and kept no longer than they are.

mod names;
mod outcomes;
mod runs;

pub use outcomes::{JobOutcome, JobOutcomes, NewestOutcomes, OutcomeCursor};

use std::sync::Arc;

use self::names::Names;
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::rows::Part;
use crate::schema::Dimension;

/// Set in the number of a job whose rows all lie in one run of one part.
const WHOLE: u32 = 1 << 31;
/// The code has no row.
const UNSEEN: u32 = WHOLE - 1;

/// Numbers for the jobs of some parts, by name: two workspaces that name a job alike share a number.
#[derive(Debug, Default)]
pub struct JobNumbers {
    /// The numbering that this one continues.
    base: Option<Arc<JobNumbers>>,
    names: Names,
    /// Per part behind those of the base, per code.
    parts: Vec<Vec<u32>>,
    /// The jobs of the base that have rows behind it too, one bit each; empty while there are none.
    continued: Vec<u64>,
}

impl JobNumbers {
    /// Numbers the jobs of `parts`, then those of `more` that have no row there.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn of<'a>(parts: &[Part], more: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        Self::default().with(parts, more)
    }

    /// Continues a numbering with further parts and names; its numbers stay.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn continued<'a>(base: Arc<Self>, parts: &[Part], more: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        Self { base: Some(base), ..Self::default() }.with(parts, more)
    }

    fn with<'a>(mut self, parts: &[Part], more: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        for part in parts {
            let dictionary = part.events.dictionary(Dimension::JobId)?;
            let runs = runs::read(&*part.events, dictionary.len())?;
            self.add_part(&dictionary, &runs);
        }
        more.into_iter().for_each(|name| _ = self.number(name));
        Ok(self)
    }

    /// The number of a job, a new one where it has none yet.
    pub fn number(&mut self, name: &str) -> u32 {
        self.find(name).unwrap_or_else(|| self.base_len() + self.names.push_text(name))
    }

    /// Numbers the jobs of a part in the order of their rows.
    fn add_part(&mut self, dictionary: &Arc<Dictionary>, runs: &[runs::First]) {
        self.names.add_dictionary(dictionary);
        let mut numbers = vec![UNSEEN; dictionary.len() + 1];
        for runs::First { code, whole } in runs {
            let name = dictionary.get(*code).unwrap_or_default();
            let known = self.find(name);
            let number = known.unwrap_or_else(|| self.base_len() + self.names.push(*code, name));
            numbers[*code as usize] = number | if *whole && known.is_none() { WHOLE } else { 0 };
            if known.is_some() {
                self.split(number);
            }
        }
        self.parts.push(numbers);
    }

    /// Notes that a job has rows in more than one part.
    fn split(&mut self, number: u32) {
        match number.checked_sub(self.base_len()) {
            Some(own) => {
                if let Some(first) =
                    self.names.place(own).and_then(|(part, code)| self.parts.get_mut(part)?.get_mut(code))
                {
                    *first &= !WHOLE;
                }
            }
            None => {
                self.continued.resize((self.base_len() as usize).div_ceil(64), 0);
                self.continued[number as usize / 64] |= 1 << (number % 64);
            }
        }
    }

    fn base_len(&self) -> u32 {
        self.base.as_ref().map_or(0, |base| base.len())
    }

    /// How many numbers there are; they begin with 0.
    #[expect(clippy::len_without_is_empty, reason = "numbers are 32 bits wide, so this is no length of a collection")]
    pub fn len(&self) -> u32 {
        self.base_len() + self.names.len()
    }

    /// The number of a job; `None` where no part and no outcome names it.
    pub fn find(&self, name: &str) -> Option<u32> {
        let of_base = self.base.as_ref().and_then(|base| base.find(name));
        of_base.or_else(|| self.names.find(name).map(|own| self.base_len() + own))
    }

    /// The jobs of the part at that place among the parts that were numbered.
    ///
    /// # Panics
    /// When there is no such part.
    pub fn part(&self, at: usize) -> PartJobs<'_> {
        let before = self.base.as_ref().map_or(0, |base| base.parts.len());
        match (&self.base, at.checked_sub(before)) {
            (Some(base), None) => PartJobs { continued: &self.continued, ..base.part(at) },
            (_, own) => PartJobs { numbers: &self.parts[own.unwrap_or(at)], continued: &[] },
        }
    }

    /// Bytes of memory held, those of the base not counted.
    pub fn memory_bytes(&self) -> usize {
        let numbers: usize = self.parts.iter().map(|numbers| numbers.capacity() * size_of::<u32>()).sum();
        numbers + self.names.memory_bytes() + self.continued.capacity() * size_of::<u64>()
    }
}

/// From the job codes of one part to numbers.
#[derive(Clone, Copy, Debug)]
pub struct PartJobs<'a> {
    numbers: &'a [u32],
    continued: &'a [u64],
}

impl PartJobs<'_> {
    /// The number of the job of a code other than 0; and whether all rows of that job, wherever they lie, are
    /// neighbours in this part and agree in workspace, tenant and job type, so that its counters are neighbours too.
    #[inline]
    pub fn job(self, code: u32) -> (u32, bool) {
        let found = self.numbers[code as usize];
        let number = found & !WHOLE;
        let continues = || self.continued.get(number as usize / 64).is_some_and(|bits| bits >> (number % 64) & 1 == 1);
        (number, found & WHOLE != 0 && (self.continued.is_empty() || !continues()))
    }

    /// The number of the job of each code but 0.
    pub fn numbers(self) -> impl Iterator<Item = u32> {
        self.numbers[1..].iter().map(|number| number & !WHOLE)
    }
}

#[cfg(test)]
mod tests;
