//! The series: `ts_ms,client,input_tokens,output_tokens,reasoning_tokens`, one day, 73 clients.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// How many rows the series has, published or generated.
pub const ROWS: u64 = 1_383_669;
const CLIENTS: u64 = 73;

/// A file with the series.
#[derive(Debug)]
pub struct Series {
    /// Where it lies.
    pub path: PathBuf,
    /// What to say of it beside a figure.
    pub label: &'static str,
}

/// The published series, or one generated into `scratch`.
///
/// # Errors
/// When it cannot be written.
pub fn series(scratch: &Path) -> io::Result<Series> {
    let shared = std::env::var_os("QUIPU_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let published = shared.join("data/requests/servegen_r1_expanded.csv.gz");
    if published.exists() {
        return Ok(Series { path: published, label: "published series" });
    }
    let path = scratch.join("servegen_r1_expanded.csv.gz");
    generate(&path)?;
    Ok(Series { path, label: "generated series of the same shape" })
}

fn generate(path: &Path) -> io::Result<()> {
    let mut out = BufWriter::new(GzEncoder::new(File::create(path)?, Compression::fast()));
    writeln!(out, "ts_ms,client,input_tokens,output_tokens,reasoning_tokens")?;
    let mut random = Random(1);
    for row in 0..ROWS {
        let at = row * 86_400_000 / ROWS;
        // A few clients send most of the requests.
        let client = random.below(CLIENTS) * random.below(CLIENTS) / CLIENTS;
        let input = 4 + random.skewed(57_000);
        let output = 9 + random.skewed(32_000);
        let reasoning = output * random.below(90) / 100;
        writeln!(out, "{at},{client},{input},{output},{reasoning}")?;
    }
    out.into_inner()?.finish()?.sync_all()
}

/// A linear congruential generator (Knuth's MMIX constants): the same series every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// Mostly small, sometimes large, like token counts.
    fn skewed(&mut self, bound: u64) -> u64 {
        let bound = self.below(bound) + 1;
        let bound = self.below(bound) + 1;
        self.below(bound)
    }
}
