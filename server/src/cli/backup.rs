//! `quipu backup` and `quipu restore`: a store copied while it is written to, and back.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use quipu::store::Backup;
use quipu::{Error, Result, Value};

use super::args::StoreArgs;
use super::output::Output;
use crate::backup::{self, Folder};
use crate::plan::now;
use crate::render::Sheet;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// The folder of backups; made when it is missing. Each backup gets a folder in it, named after its time.
    target: PathBuf,
    /// Share files with the store itself where both lie on one file system, instead of copying them. This guards
    /// against everything but a disk that fails.
    #[arg(long)]
    link: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct RestoreArgs {
    /// A backup, or a folder of backups, of which the newest is taken.
    source: PathBuf,
    /// Where to put the store; missing or empty.
    dir: PathBuf,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<ExitCode> {
    let store = &args.store.store;
    refuse_inside(store, &args.target)?;
    let (path, made) = Folder::open(&args.target)?.add(store, args.link, now())?;
    report("backup", &path, &made, output)
}

pub(super) fn restore(args: &RestoreArgs, output: &Output) -> Result<ExitCode> {
    let source = backup::chosen(&args.source)?;
    refuse_inside(&source, &args.dir)?;
    let made = backup::restore(&source, &args.dir)?;
    report("store", &args.dir, &made, output)
}

/// A store takes no other files into its directory.
fn refuse_inside(store: &Path, target: &Path) -> Result<()> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if absolute(target).starts_with(absolute(store)) {
        return Err(Error::invalid(format!(
            "{} lies inside {}; name another place",
            target.display(),
            store.display()
        )));
    }
    Ok(())
}

/// Checks what was copied, down to the last byte, and says what it is.
fn report(what: &'static str, path: &Path, made: &Backup, output: &Output) -> Result<ExitCode> {
    let verified = quipu::store::verify(path)?;
    let count = |count: u64| Value::Count(count.into());
    let mut sheet = Sheet::of_pairs([
        (what, Value::Text(path.display().to_string().into())),
        ("events", count(verified.events)),
        ("log position", count(made.lsn)),
        ("files", count(made.files as u64)),
        ("bytes", count(made.bytes)),
        ("bytes shared, not copied", count(made.shared_bytes)),
        ("events that could not be read back", count(verified.unread)),
        ("damaged", count(verified.damage.len() as u64)),
    ]);
    let notes = &mut sheet.facts.notes;
    notes.push(
        "it holds the store's secret, and the server's tokens by their hashes: keep it as safe as the store".into(),
    );
    notes.extend(verified.damage.iter().map(|error| format!("damaged like what it was copied from: {error}")));
    output.sheet(&sheet)?;
    Ok(ExitCode::from(u8::from(!verified.damage.is_empty())))
}
