//! What a store is to keep rollups of.

use std::fmt;

use crate::codec::bytes::{DecodeError, Reader, put_bytes, put_len};
use crate::error::{Error, Result};
use crate::job_run::groups::Apart;
use crate::schema::Dimension;
use crate::time::{MICROS_PER_DAY, MICROS_PER_SECOND};

/// The dimensions of a price class, and the workspace: every rollup tells events apart by these.
const ALWAYS: [Dimension; 5] =
    [Dimension::Workspace, Dimension::Provider, Dimension::Model, Dimension::Region, Dimension::ServiceTier];

/// The most dimensions that a rollup may name.
const DIMENSIONS_MAX: usize = 8;

/// How long the steps of time are that a rollup tells apart, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Every {
    /// An hour.
    Hour,
    /// A day.
    Day,
}

impl Every {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Hour, Self::Day];

    /// The name used in files, in JSON and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The step of that name.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), listing the names there are.
    pub fn parse(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|every| every.name() == name);
        known.ok_or_else(|| Error::invalid(format!("a rollup is kept every hour or every day, not every {name:?}")))
    }

    /// Microseconds from a step to the next.
    pub const fn micros(self) -> i64 {
        match self {
            Self::Hour => 3_600 * MICROS_PER_SECOND,
            Self::Day => MICROS_PER_DAY,
        }
    }
}

/// The declaration of a rollup: by which dimensions, and how fine in time.
///
/// ```
/// use quipu_engine::rollup::Rollup;
/// let rollup = Rollup::parse("job_type, tenant every hour")?;
/// assert_eq!(rollup.to_string(), "tenant,job_type every hour");
/// # Ok::<(), quipu_engine::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rollup {
    /// Sorted and distinct, without those that every rollup keeps.
    by: Vec<Dimension>,
    every: Every,
}

impl Rollup {
    /// A rollup by the named dimensions; those of a price class and the workspace are kept by every rollup.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for more than 8 dimensions.
    pub fn new(by: impl IntoIterator<Item = Dimension>, every: Every) -> Result<Self> {
        let mut by: Vec<Dimension> = by.into_iter().filter(|dimension| !ALWAYS.contains(dimension)).collect();
        by.sort_unstable();
        by.dedup();
        if by.len() > DIMENSIONS_MAX {
            let count = by.len();
            return Err(Error::invalid(format!(
                "a rollup by {count} dimensions; at most {DIMENSIONS_MAX} are allowed"
            )));
        }
        Ok(Self { by, every })
    }

    /// What a new store keeps: the pivots most asked for.
    pub fn usual() -> Vec<Self> {
        let by = |by: &[Dimension]| Self { by: by.to_vec(), every: Every::Day };
        vec![by(&[Dimension::Team]), by(&[Dimension::Environment])]
    }

    /// A rollup from its text form: names of dimensions with commas between, then `every hour` or `every day`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), saying what is wrong.
    pub fn parse(text: &str) -> Result<Self> {
        let (by, every) = text.rsplit_once("every").ok_or_else(|| {
            Error::invalid(format!("{text:?} is no rollup; write dimensions and a step: `team,environment every day`"))
        })?;
        let names = by.split(',').map(str::trim).filter(|name| !name.is_empty());
        let by = names.map(|name| {
            let unknown = || Error::invalid(format!("a rollup by {name:?}: there is no such dimension"));
            Dimension::parse(name).ok_or_else(unknown)
        });
        Self::new(by.collect::<Result<Vec<_>>>()?, Every::parse(every.trim())?)
    }

    /// The dimensions named, without those that every rollup keeps.
    pub fn by(&self) -> &[Dimension] {
        &self.by
    }

    /// How fine it is in time.
    pub fn every(&self) -> Every {
        self.every
    }

    /// Whether its rows tell values of a dimension apart.
    pub fn keeps(&self, dimension: Dimension) -> bool {
        ALWAYS.contains(&dimension) || self.by.contains(&dimension)
    }

    /// All dimensions that its rows are told apart by, in the order that sorts them.
    pub fn dimensions(&self) -> Vec<Dimension> {
        let (workspace, class) = ALWAYS.split_at(1);
        [workspace, &self.by, class].concat()
    }

    /// The other dimensions, of which it knows how many events lack them.
    pub fn lacking(&self) -> Vec<Dimension> {
        Dimension::ALL.iter().copied().filter(|dimension| !self.keeps(*dimension)).collect()
    }

    /// What tells its rows apart, where the dimensions are its own and the others.
    pub(crate) fn apart<'a>(&self, dimensions: &'a [Dimension], lacking: &'a [Dimension]) -> Apart<'a> {
        Apart { dimensions, retries: false, step: self.every.micros(), lacking }
    }

    /// `dimension count · name × count · step name`
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_len(out, self.by.len());
        self.by.iter().for_each(|dimension| put_bytes(out, dimension.name().as_bytes()));
        put_bytes(out, self.every.name().as_bytes());
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let names = (0..reader.count(1)?).map(|_| {
            let name = reader.text()?;
            Dimension::from_name(name).ok_or_else(|| reader.error(format!("{name:?} is no dimension")))
        });
        let by = names.collect::<Result<Vec<_>, _>>()?;
        let every = Every::parse(reader.text()?).map_err(|error| reader.error(error.to_string()))?;
        let rollup = Self::new(by.iter().copied(), every).map_err(|error| reader.error(error.to_string()))?;
        if rollup.by == by { Ok(rollup) } else { Err(reader.error("dimensions of a rollup in another order")) }
    }
}

impl fmt::Display for Rollup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, dimension) in self.by.iter().enumerate() {
            write!(f, "{}{dimension}", if at > 0 { "," } else { "" })?;
        }
        write!(f, "{}every {}", if self.by.is_empty() { "" } else { " " }, self.every.name())
    }
}
