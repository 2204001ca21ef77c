//! The real data that the demo shows, packed into the binary. `demo/README.md` says where it comes from.

use std::borrow::Cow;
use std::sync::Arc;

use quipu::Result;

use crate::import::{Format, Input, Map, Options};

/// A price list in the shape of LiteLLM's public price map, for the models of the demo data.
pub const PRICES: &[u8] = include_bytes!("../demo/prices.json");

/// A price list in Quipu's own form, for models of the demo data that the other no longer lists.
pub const RETIRED_PRICES: &[u8] = include_bytes!("../demo/prices_retired.toml");

/// One source of the demo: what to import, and how.
#[derive(Debug)]
pub struct Source {
    /// What it is, for people.
    pub title: &'static str,
    /// The files.
    pub inputs: Vec<Input>,
    /// How to read them.
    pub options: Options,
}

macro_rules! file {
    ($folder:literal, $name:literal) => {
        Input::Bytes {
            name: Cow::Borrowed($name),
            bytes: Cow::Borrowed(include_bytes!(concat!("../demo/", $folder, $name))),
        }
    };
}

/// Everything the demo imports, in order.
///
/// # Errors
/// When a built-in map is broken, which a test excludes.
pub fn sources() -> Result<Vec<Source>> {
    let mapped = |map: &str| Ok(Options { map: Some(Arc::new(Map::load(map)?)), ..Options::default() });
    let runs = file!("", "openhands_runs.jsonl.gz");
    Ok(vec![
        Source {
            title: "OpenHands index: benchmark jobs of coding agents, January to June 2026",
            inputs: vec![file!("", "openhands_jobs.jsonl.gz")],
            options: Options { joins: vec![("openhands_runs".into(), runs)], ..mapped("openhands")? },
        },
        Source {
            title: "aider: messages of a developer's coding assistant, August 2024 to March 2025",
            inputs: vec![file!("", "aider_analytics_2024-08_2025-03.jsonl.gz")],
            options: mapped("aider")?,
        },
        Source {
            title: "Claude Code: three session logs, June 2025",
            inputs: vec![
                file!("claude_code/", "d3ad4cdc-5657-435d-98fa-0035d53e383d.jsonl.gz"),
                file!("claude_code/", "fed8ce56-bc79-401f-a83e-af084253362f.jsonl.gz"),
                file!("claude_code/", "ff71dbed-a4f2-4284-a4fc-fe2fb90de929.jsonl.gz"),
            ],
            options: Options { format: Some(Format::ClaudeCode), ..Options::default() },
        },
        Source {
            title: "Azure: one hour of a code completion service, 16 November 2023",
            inputs: vec![file!("", "azure_llm_2023_code.csv.gz")],
            options: mapped("azure")?,
        },
    ])
}
