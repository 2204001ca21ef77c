//! Arguments that commands share.

use std::path::{Path, PathBuf};

use clap::Args;
use quipu::store::{self, Options, Store};
use quipu::{Error, ErrorKind, Result};

use crate::access::Folder;
use crate::import::Input;
use crate::plan::PlanText;

/// A store on this machine.
#[derive(Clone, Debug, Args)]
pub(super) struct StoreArgs {
    /// The directory of the store.
    #[arg(long, env = "QUIPU_STORE", value_name = "DIR")]
    pub(super) store: PathBuf,
}

/// A store on this machine, or a server.
#[derive(Clone, Debug, Args)]
pub(super) struct TargetArgs {
    /// The directory of the store; QUIPU_STORE names it where neither this nor --url does.
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    store: Option<PathBuf>,
    /// The address of a server instead, such as http://127.0.0.1:8080.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The token to show to the server.
    #[arg(long, env = "QUIPU_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<String>,
}

/// A server, and what to show there.
pub(super) struct Address<'a> {
    pub(super) url: &'a str,
    pub(super) token: Option<&'a str>,
}

/// What the arguments name.
pub(super) enum Place<'a> {
    Store(PathBuf),
    Server(Address<'a>),
}

impl TargetArgs {
    /// The store or server that is meant. The environment yields to flags, which clap's own
    /// reading of it would not: to it, a variable conflicts with `--url` like a flag.
    pub(super) fn place(&self) -> Result<Place<'_>> {
        if let Some(url) = &self.url {
            return Ok(Place::Server(Address { url, token: self.token.as_deref() }));
        }
        let named = self.store.clone().or_else(|| std::env::var_os("QUIPU_STORE").map(PathBuf::from));
        named.map(Place::Store).ok_or_else(|| Error::invalid("name a store with --store or a server with --url"))
    }
}

/// Which events, at what prices.
#[derive(Clone, Debug, Args)]
pub(super) struct FilterArgs {
    /// Only events that pass, such as `team = support and model ^= gpt-`; several must all hold.
    #[arg(long = "where", value_name = "EXPR", allow_hyphen_values = true)]
    filters: Vec<String>,
    /// Only events that start at this or later: 2026-01-31, RFC 3339, or 7d, 24h, 15m for that long ago.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only events that start before this.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// The time zone of dates and time buckets, such as Europe/Berlin.
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// Prices to compute with: current, default, the number of a version, known:TIME, or the file of a price list.
    #[arg(long, value_name = "BOOK")]
    prices: Option<String>,
    /// Outcomes as they were known then, without what was reported or amended later.
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// Assume what was not so: model=NAME, tier=NAME, batch, no-cache or no-retries; several all hold.
    #[arg(long, value_name = "ASSUMPTION")]
    what_if: Vec<String>,
    /// Which cost ROI and costs per job are made of.
    #[arg(long, value_name = "computed|reported")]
    cost: Option<String>,
    /// USD per outcome of a type that states no value, such as CONVERTED=25.
    #[arg(long, value_name = "TYPE=USD")]
    assume_value: Vec<String>,
    /// The rows to read: auto, rollup, counters, index or scan; every path gives the same answer.
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Say how the answer was found.
    #[arg(long)]
    explain: bool,
}

impl FilterArgs {
    /// Adds what these flags say.
    pub(super) fn add_to(&self, text: &mut PlanText) -> Result<()> {
        let options = [
            ("since", &self.since),
            ("until", &self.until),
            ("tz", &self.tz),
            ("prices", &self.prices),
            ("as_of", &self.as_of),
            ("cost", &self.cost),
            ("path", &self.path),
        ];
        set_each(text, "where", &self.filters)?;
        set_each(text, "what_if", &self.what_if)?;
        set_each(text, "assume_value", &self.assume_value)?;
        for (name, value) in options {
            set_each(text, name, value)?;
        }
        if self.explain { text.set("explain", "true") } else { Ok(()) }
    }
}

/// Adds a flag for each of its values.
pub(super) fn set_each<'a>(
    text: &mut PlanText,
    name: &str,
    values: impl IntoIterator<Item = &'a String>,
) -> Result<()> {
    values.into_iter().try_for_each(|value| text.set(name, value))
}

/// All bytes of a file, or of the standard input when it is `-`; gzip and zstd are unpacked.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>> {
    Input::from_arg(path.as_os_str()).read_all()
}

/// What to do where there is no store.
pub(super) fn no_store(error: Error) -> Error {
    match error.kind() {
        ErrorKind::NotAStore => {
            error.hint("`quipu demo --store DIR` and `quipu import --store DIR FILE` make one in a new directory")
        }
        _ => error,
    }
}

/// The folder of the server in a store, which must be there: a token of a store that a typing error names would help nobody. One that
/// is still to be made in an empty directory may have tokens before it.
pub(super) fn server_folder(dir: &Path, may_be_empty: bool) -> Result<Folder> {
    let folder = Folder::of_store(dir);
    let is_empty = || std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none());
    match folder.is_there() || (may_be_empty && is_empty()) {
        true => Ok(folder),
        false => store::require(dir).map(|()| folder).map_err(no_store),
    }
}

/// Opens a store that is there, where making one would help nobody.
pub(super) fn open_existing(dir: &Path) -> Result<Store> {
    store::require(dir).map_err(no_store)?;
    open(dir)
}

/// The error with where the disk is full, and what to do, as far as it does not say that itself.
pub(super) fn on_full_disk(dir: &Path, error: Error) -> Error {
    if error.kind() != ErrorKind::Full {
        return error;
    }
    let (place, text) = (dir.display().to_string(), error.to_string());
    let error = if text.contains(&place) { error } else { error.context(place) };
    if text.contains("free some space") { error } else { error.hint("free some space there and try again") }
}

/// Opens a store for writing, and tells of what a crash had left in it.
pub(super) fn open(dir: &Path) -> Result<Store> {
    open_with(dir, Options::default())
}

/// The same with other options.
pub(super) fn open_with(dir: &Path, options: Options) -> Result<Store> {
    let store = Store::open(dir, options).map_err(|error| match error.kind() {
        ErrorKind::Busy => error.hint("to write, stop that process first, or send what you have to it over HTTP"),
        _ => on_full_disk(dir, error),
    })?;
    if let Some(tail) = store.dropped() {
        eprintln!(
            "{tail} were dropped: a crash cut them short, and nothing in them was acknowledged unless the disk damaged them"
        );
    }
    Ok(store)
}
