//! A store loaded with the series, by the importer that the command line uses.

use std::path::Path;
use std::sync::Arc;

use quipu::Result;
use quipu::store::Store;
use quipu_server::import::{Input, Map, Options, Summary, import};

use crate::series::Series;

/// Imports the series into a new store in `dir`, durably, and seals it.
///
/// # Errors
/// When anything cannot be read or stored.
pub fn load(dir: &Path, series: &Series) -> Result<(Store, Summary)> {
    let store = Store::open(dir, quipu::store::Options::default())?;
    let options = Options { map: Some(Arc::new(Map::load("servegen")?)), ..Options::default() };
    let summary = import(&[Input::from_arg(series.path.as_os_str())], &options, &mut &store, |_| {});
    store.seal()?;
    Ok((store, summary))
}

/// The largest resident memory of this process so far, in bytes; `None` where the system does not tell.
pub fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
