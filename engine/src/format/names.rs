//! Every name a store may create. Nothing else builds or parses one, and none holds a user's text.

/// The file that the one writer keeps locked.
pub const LOCK: &str = "LOCK";
/// The key of the store's fingerprints, readable by its owner only.
pub const SECRET: &str = "secret.qk";
/// A directory that belongs to whoever serves the store: access tokens and the like. The store leaves it alone.
pub const SERVER_DIR: &str = "server";
/// A directory for what a repair took out. The store leaves it alone; it is there only after one.
pub const LOST_DIR: &str = "lost";
/// The directories of a store.
pub const DIRECTORIES: [&str; 7] = ["manifest", "wal", "seg", "job", "ids", "book", "tmp"];

/// The kinds of container files; the number is what their headers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum FileKind {
    /// A version of the store: the names of all that exists.
    Manifest = 1,
    /// Sorted events.
    Segment = 2,
    /// The counters of a segment.
    JobRun = 3,
    /// The fingerprints of a segment's event ids.
    IdRun = 4,
    /// Outcomes of jobs.
    OutcomeRun = 5,
    /// A version of the price book.
    PriceBook = 6,
    /// The store's secret.
    Secret = 7,
    /// What corrections said.
    CorrectionRun = 8,
    /// The rows of a segment that no longer count.
    Mask = 9,
    /// Usage that was assigned afterwards.
    Attribution = 10,
    /// The rollups of a segment.
    Rollups = 11,
}

impl FileKind {
    /// The kinds whose files are named by number.
    pub const NUMBERED: [Self; 10] = [
        Self::Manifest,
        Self::Segment,
        Self::JobRun,
        Self::IdRun,
        Self::OutcomeRun,
        Self::PriceBook,
        Self::CorrectionRun,
        Self::Mask,
        Self::Attribution,
        Self::Rollups,
    ];

    const fn pattern(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Manifest => ("manifest", "M", "qm"),
            Self::Segment => ("seg", "S", "qs"),
            Self::JobRun => ("job", "J", "qj"),
            Self::IdRun => ("ids", "I", "qi"),
            Self::OutcomeRun => ("job", "O", "qo"),
            Self::PriceBook => ("book", "P", "qb"),
            Self::Secret => ("", "secret", "qk"),
            Self::CorrectionRun => ("ids", "C", "qc"),
            Self::Mask => ("seg", "H", "qh"),
            Self::Attribution => ("book", "A", "qa"),
            Self::Rollups => ("job", "R", "qr"),
        }
    }

    /// The directory such files lie in.
    pub const fn directory(self) -> &'static str {
        self.pattern().0
    }

    /// The path of file `number`, relative to the store.
    pub fn path(self, number: u64) -> String {
        let (directory, prefix, extension) = self.pattern();
        match self {
            Self::Secret => SECRET.into(),
            _ => format!("{directory}/{prefix}-{number:010}.{extension}"),
        }
    }

    /// The number of a file of this kind from its name within its directory.
    pub fn number(self, name: &str) -> Option<u64> {
        let (_, prefix, extension) = self.pattern();
        let digits = name.strip_prefix(prefix)?.strip_prefix('-')?.strip_suffix(extension)?.strip_suffix('.')?;
        let number = digits.parse().ok()?;
        self.path(number).ends_with(&format!("/{name}")).then_some(number)
    }

    /// What people call such a file.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Segment => "segment",
            Self::JobRun => "job run",
            Self::IdRun => "id run",
            Self::OutcomeRun => "outcome run",
            Self::PriceBook => "price book",
            Self::Secret => "secret",
            Self::CorrectionRun => "correction run",
            Self::Mask => "mask",
            Self::Attribution => "attribution",
            Self::Rollups => "rollups",
        }
    }
}

/// Where a repair puts the file that was at `path`.
///
/// ```
/// assert_eq!(quipu_engine::format::names::lost_file("seg/S-0000000007.qs"), "lost/S-0000000007.qs");
/// ```
pub fn lost_file(path: &str) -> String {
    format!("{LOST_DIR}/{}", path.rsplit('/').next().unwrap_or(path))
}

/// The directory of the write-ahead log.
pub const LOG_DIR: &str = "wal";

/// The path of write-ahead log file `number`.
///
/// ```
/// assert_eq!(quipu_engine::format::names::log_file(7), "wal/W-0000000007.qw");
/// ```
pub fn log_file(number: u64) -> String {
    format!("{LOG_DIR}/{}", log_name(number))
}

fn log_name(number: u64) -> String {
    format!("W-{number:010}.qw")
}

/// The number of the write-ahead log file called `name` within [`LOG_DIR`]; `None` for anything else.
pub fn parse_log_name(name: &str) -> Option<u64> {
    let number = name.strip_prefix("W-")?.strip_suffix(".qw")?.parse().ok()?;
    // Each number has one spelling, so no two names can mean the same file.
    (number != 0 && log_name(number) == name).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_built_and_parsed_alike() {
        for kind in FileKind::NUMBERED {
            let path = kind.path(42);
            let name = path.strip_prefix(&format!("{}/", kind.directory())).expect("in its directory");
            assert_eq!(kind.number(name), Some(42));
        }
        for name in ["S-42.qs", "S-0000000042.qj", "S-+000000042.qs", "s-0000000042.qs", "S-0000000042.qs~"] {
            assert_eq!(FileKind::Segment.number(name), None, "{name}");
        }
    }

    #[test]
    fn a_log_name_reads_back_and_has_one_spelling() {
        for number in [1, 7, 9_999_999_999, 10_000_000_000, u64::MAX] {
            let path = log_file(number);
            assert_eq!(path.strip_prefix("wal/").and_then(parse_log_name), Some(number));
        }
        for other in [
            "W-7.qw",
            "W-+000000007.qw",
            "W-00000000007.qw",
            "W-0000000007.qm",
            "M-0000000007.qw",
            "W-0000000000.qw",
            "",
        ] {
            assert_eq!(parse_log_name(other), None, "{other}");
        }
    }
}
