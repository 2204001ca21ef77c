//! Python, where it is at hand.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use quipu_benches::yardstick::Outcome;

/// Generates events with DuckDB's answers into `dir`; says so and does nothing where there is no Python for it.
pub(crate) fn generate(events: u64, seed: u64, dir: &Path) -> Outcome<bool> {
    let Some(python) = python() else {
        // Not captured by the harness, as what is printed would be.
        let lacking = "neither python3 nor the environment of benches/compare/run has duckdb, numpy and pyarrow";
        writeln!(io::stderr(), "\n*** NOT TESTED: agreement with DuckDB on generated events: {lacking}\n")?;
        return Ok(false);
    };
    let answers = Command::new(python)
        .current_dir(compare())
        .args(["-m", "yardstick.answers", "--events", &events.to_string(), "--seed", &seed.to_string(), "--out"])
        .arg(dir)
        .output()?;
    match answers.status.success() {
        true => Ok(true),
        false => Err(String::from_utf8_lossy(&answers.stderr).into()),
    }
}

fn compare() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("compare")
}

fn python() -> Option<PathBuf> {
    let made = std::env::var_os("YARDSTICK_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/yardstick"), PathBuf::from);
    let can = |python: &PathBuf| {
        let imports = Command::new(python).args(["-c", "import duckdb, numpy, pyarrow"]).output();
        imports.is_ok_and(|imports| imports.status.success())
    };
    [made.join("venv/bin/python"), "python3".into()].into_iter().find(can)
}
