//! A map file as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Spanned, Value};

pub(super) type Section = BTreeMap<String, Spanned<Value>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    pub(super) format: Spanned<String>,
    /// Whether rows are events; true by default.
    pub(super) events: Option<bool>,
    #[serde(default, rename = "where")]
    pub(super) filter: Section,
    pub(super) latest: Option<LatestSpec>,
    pub(super) join: Option<JoinSpec>,
    #[serde(default)]
    pub(super) constants: Section,
    #[serde(default)]
    pub(super) fields: Section,
    #[serde(default)]
    pub(super) usage: Section,
    #[serde(default)]
    pub(super) tags: Section,
    pub(super) outcome: Option<Section>,
    pub(super) price: Option<Section>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LatestSpec {
    pub(super) key: Vec<String>,
    pub(super) by: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JoinSpec {
    pub(super) file: String,
    pub(super) on: Vec<String>,
}
