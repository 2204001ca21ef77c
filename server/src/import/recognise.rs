//! Whether a file is of the format it is read as.
//!
//! One bad item among good ones is refused by itself. A file of which nothing was taken and nothing even looks right
//! is refused as a whole, with what it looks like instead.

use quipu::Error;

use super::format::Format;
use super::input::Input;
use crate::wire::looks::Look;
use crate::wire::source::Source;

/// What was seen of a file's format.
pub(super) struct Sighting {
    format: Format,
    /// Whether somebody said that the file is of the format, and it is no guess.
    said: bool,
    /// Whether anything was of the format.
    seen: bool,
    /// What the first item that looks like anything looks like.
    instead: Option<Format>,
}

impl Sighting {
    pub(super) fn new(format: Format, said: bool) -> Self {
        // Tables are known by their columns before the first row.
        let seen = matches!(format, Format::Csv | Format::Parquet);
        Self { format, said, seen, instead: None }
    }

    /// Takes note that something of the format was read.
    pub(super) fn confirm(&mut self) {
        self.seen = true;
    }

    /// Looks at an item, as long as nothing was of the format.
    pub(super) fn look(&mut self, text: &str) {
        if self.seen {
            return;
        }
        let look = Look::of(text).map(format_of);
        self.seen = match self.format {
            // Any object may be one, and one that was cut is still meant to be.
            Format::Quipu => begins_object(text),
            Format::Source(Source::ProviderOf(_)) => look == Some(Format::Source(Source::Provider)),
            format => look == Some(format),
        };
        self.instead = self.instead.or(look);
    }

    /// What is wrong with a file in which nothing was of the format; `None` when something was.
    pub(super) fn foreign(&self, input: &Input) -> Option<Error> {
        let (name, format) = (input.name(), self.format);
        let problem = match (self.seen, self.said) {
            (true, _) => return None,
            (false, true) => format!("nothing in it is of the format {format}"),
            (false, false) => "not of a format that Quipu knows".to_owned(),
        };
        let hint = match self.instead {
            Some(instead) => format!("it looks like {instead}: say --as {instead}"),
            None => {
                let names = Format::all().map(Format::name).collect::<Vec<_>>().join(", ");
                format!("--as says which it is ({names}), --map what its columns are")
            }
        };
        Some(Error::invalid(format!("{name}: {problem}; {hint}")))
    }
}

fn format_of(look: Look) -> Format {
    match look {
        Look::Source(Source::Native) => Format::Quipu,
        Look::Source(source) => Format::Source(source),
        Look::Outcome => Format::Outcomes,
        Look::ClaudeCode => Format::ClaudeCode,
        Look::Codex => Format::Codex,
        Look::Otlp => Format::OtlpJson,
    }
}

fn begins_object(text: &str) -> bool {
    let inside = text.trim_ascii_start().strip_prefix('{').map(str::trim_ascii_start);
    inside.is_some_and(|inside| inside.starts_with(['"', '}']))
}
