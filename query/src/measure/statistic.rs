//! Statistics over the events that carry a number.

use std::fmt;

/// A statistic over the events that carry a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Statistic {
    /// The sum.
    Total,
    /// The mean.
    Average,
    /// The smallest.
    Minimum,
    /// The largest.
    Maximum,
    /// The value below which that many *thousandths* of the values lie, 1 to 999, linearly
    /// interpolated between the two nearest values: `percentile_cont` of SQL.
    Percentile(u16),
}

impl Statistic {
    /// Whether a sum and a count decide it; all others look at every value.
    pub(crate) const fn is_of_sums(self) -> bool {
        matches!(self, Self::Total | Self::Average)
    }

    /// The statistics asked for most; any percentile from `p0.1` to `p99.9` has a name.
    pub const ALL: [Self; 10] = [
        Self::Total,
        Self::Average,
        Self::Minimum,
        Self::Maximum,
        Self::Percentile(500),
        Self::Percentile(750),
        Self::Percentile(900),
        Self::Percentile(950),
        Self::Percentile(990),
        Self::Percentile(999),
    ];

    /// The statistic of that name: `total`, `avg`, `min`, `max`, `p50`, `p99.9`.
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "total" => return Some(Self::Total),
            "avg" => return Some(Self::Average),
            "min" => return Some(Self::Minimum),
            "max" => return Some(Self::Maximum),
            _ => {}
        }
        let (whole, tenth) = match name.strip_prefix('p')?.split_once('.') {
            Some((whole, tenth)) => (whole, tenth),
            None => (name.strip_prefix('p')?, "0"),
        };
        let digits = |text: &str, most: usize| {
            let known = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            known.then(|| text.parse::<u16>().ok()).flatten()
        };
        let thousandths = digits(whole, 2)? * 10 + digits(tenth, 1)?;
        (thousandths > 0).then_some(Self::Percentile(thousandths))
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Total => f.write_str("total"),
            Self::Average => f.write_str("avg"),
            Self::Minimum => f.write_str("min"),
            Self::Maximum => f.write_str("max"),
            Self::Percentile(thousandths) if thousandths % 10 == 0 => write!(f, "p{}", thousandths / 10),
            Self::Percentile(thousandths) => write!(f, "p{}.{}", thousandths / 10, thousandths % 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statistic_is_read_back_and_nothing_else_is() {
        let all = Statistic::ALL.into_iter().chain([Statistic::Percentile(1), Statistic::Percentile(50)]);
        for statistic in all {
            assert_eq!(Statistic::parse(&statistic.to_string()), Some(statistic));
        }
        for wrong in ["p", "p0", "p100", "p99.99", "p-1", "p+5", "p5.", "median"] {
            assert_eq!(Statistic::parse(wrong), None, "{wrong}");
        }
    }
}
