//! `quipu demo`: real sample data in; cost, a funnel and ROI out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use quipu::{Error, Result};

use super::args::open;
use super::output::Output;
use crate::demo;
use crate::render::{self, Facts, Format, Sheet};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Keep the data in this directory; without it, a temporary one is removed at the end.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<ExitCode> {
    let temporary = match args.store {
        Some(_) => None,
        None => Some(tempfile::tempdir().map_err(|error| Error::io("create", "a temporary directory", error))?),
    };
    let dir: &Path = match (&args.store, &temporary) {
        (Some(dir), _) => dir,
        (None, Some(dir)) => dir.path(),
        (None, None) => return Err(Error::invalid("name a directory with --store")),
    };
    let store = open(dir)?;
    let loaded = demo::load(&store)?;
    let snapshot = store.snapshot();
    let answers = demo::answers(&snapshot)?;
    if output.format() != Format::Table {
        output.document(&answers, None)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (lines, in_short) = (demo::loaded_lines(&loaded, &snapshot)?, demo::in_short(&answers)?);
    let program = std::env::args().next().unwrap_or_else(|| "quipu".into());
    output.to_stdout(|out| {
        writeln!(out, "Quipu on real usage that others recorded and published\n")?;
        lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        for (at, (heading, sheet)) in answers.0.iter().enumerate() {
            writeln!(out, "\n{heading}")?;
            // The heading says already how many rows are shown.
            let facts = Facts { groups: None, ..sheet.facts.clone() };
            render::write(&Sheet { facts, ..sheet.clone() }, Format::Table, None, out)?;
            if at == 0 {
                in_short.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            }
        }
        writeln!(out, "\nTry next")?;
        demo::next_steps(&demo::shell_word(Path::new(&program)), args.store.as_deref())
            .iter()
            .try_for_each(|command| writeln!(out, "  {command}"))
    })?;
    Ok(ExitCode::SUCCESS)
}
