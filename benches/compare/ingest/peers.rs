//! Peers that are driven from Python: it runs `peers.py` beside this file, which prints microseconds.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::{Arguments, Measured, Outcome};

pub fn commits(python: &Path, peer: &str, arguments: &Arguments, size: usize, rows: usize) -> Outcome<Measured> {
    let took = run(python, &[peer, "commits", &size.to_string(), &rows.to_string()], arguments)?;
    Ok(Measured::new(took.len() * size, took))
}

pub fn bulk(python: &Path, peer: &str, arguments: &Arguments, rows: usize) -> Outcome<Measured> {
    Ok(Measured::new(rows, run(python, &[peer, "bulk", "0", &rows.to_string()], arguments)?))
}

fn run(python: &Path, what: &[&str], arguments: &Arguments) -> Outcome<Vec<Duration>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("ingest/peers.py");
    let dir = tempfile::tempdir_in(&arguments.scratch)?;
    let output = Command::new(python)
        .arg(script)
        .args(what)
        .args([&arguments.data, dir.path()])
        .arg(arguments.seconds.to_string())
        .output()?;
    if !output.status.success() {
        return Err(format!("{what:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let lines = String::from_utf8(output.stdout)?;
    lines.lines().map(|line| Ok(Duration::from_micros(line.parse()?))).collect()
}
