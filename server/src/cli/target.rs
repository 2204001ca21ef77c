//! Where to ask: a store on this machine, read beside its writer, or a server.

use std::path::{Path, PathBuf};

use quipu::store::Snapshot;
use quipu::{Error, PriceChoice, Result, Scope, Zone};
use serde_json::Value as Json;

use super::args::{Place, TargetArgs, no_store, read_file};
use super::remote::Remote;
use crate::ask::{self, VersionsText};
use crate::attribute;
use crate::plan::{Plan, PlanText, now};
use crate::prices;
use crate::render::{Document, Sheet};
use crate::rules::RuleText;

/// A place to ask.
pub(super) enum Target<'a> {
    Store(PathBuf),
    Server(Remote<'a>),
}

impl<'a> Target<'a> {
    pub(super) fn new(args: &'a TargetArgs, scope: &'a Scope) -> Result<Self> {
        match args.place()? {
            Place::Server(address) => Remote::new(address, scope).map(Self::Server),
            Place::Store(dir) => Ok(Self::Store(dir)),
        }
    }

    /// Answers a plan.
    pub(super) fn ask(&self, scope: &Scope, text: &PlanText) -> Result<Sheet> {
        match self {
            Self::Server(remote) => Sheet::from_json(&remote.post(&["v1", "query"], text)?),
            Self::Store(dir) => ask::ask(&snapshot(dir)?, scope.clone(), &local_plan(text)?),
        }
    }

    /// Everything about one job.
    pub(super) fn job(&self, scope: &Scope, job_id: &str, text: &PlanText) -> Result<Document> {
        match self {
            Self::Server(remote) => Document::from_json(&remote.get(&["v1", "jobs", job_id], text)?, &ask::JOB_SHEETS),
            Self::Store(dir) => ask::job(&snapshot(dir)?, scope.clone(), job_id, &local_plan(text)?),
        }
    }

    /// What events lack.
    pub(super) fn coverage(&self, scope: &Scope, text: &PlanText) -> Result<Document> {
        match self {
            Self::Server(remote) => Document::from_json(&remote.get(&["v1", "coverage"], text)?, &ask::COVERAGE_SHEETS),
            Self::Store(dir) => ask::coverage(&snapshot(dir)?, scope.clone(), &local_plan(text)?),
        }
    }

    /// Two versions compared; `own` are the parameters that say which.
    pub(super) fn versions(
        &self,
        scope: &Scope,
        versions: &VersionsText,
        own: &[(&'static str, String)],
        text: &PlanText,
    ) -> Result<Sheet> {
        match self {
            Self::Server(remote) => Sheet::from_json(&remote.get_with(&["v1", "compare"], own, text)?),
            Self::Store(dir) => ask::versions(&snapshot(dir)?, scope.clone(), &local_plan(text)?, versions),
        }
    }

    /// The groups that used far more than before; `own` are the parameters of the rule.
    pub(super) fn runaways(
        &self,
        scope: &Scope,
        rule: &RuleText,
        own: &[(&'static str, String)],
        text: &PlanText,
    ) -> Result<Sheet> {
        match self {
            Self::Server(remote) => Sheet::from_json(&remote.get_with(&["v1", "runaway"], own, text)?),
            Self::Store(dir) => ask::runaways(&snapshot(dir)?, scope.clone(), &local_plan(text)?, rule),
        }
    }

    /// The versions of the price book.
    pub(super) fn price_versions(&self) -> Result<Sheet> {
        match self {
            Self::Server(remote) => Sheet::from_json(&remote.get(&["v1", "prices"], &PlanText::default())?),
            Self::Store(dir) => Ok(ask::price_versions(&snapshot(dir)?)),
        }
    }

    /// The rates of a price book, of models whose name starts so.
    pub(super) fn rates_of_book(&self, book: &str, model: &str) -> Result<Sheet> {
        match self {
            Self::Server(remote) => {
                let own = [("model", model.to_owned())];
                Sheet::from_json(&remote.get_with(&["v1", "prices", book], &own, &PlanText::default())?)
            }
            Self::Store(dir) => {
                let choice = price_choice(book, &Zone::default())?;
                ask::rates_of_book(&snapshot(dir)?, None, &choice, model)
            }
        }
    }

    /// What the second of two price books changes, in money.
    pub(super) fn price_diff(&self, scope: &Scope, [old, new]: [&str; 2], text: &PlanText) -> Result<Sheet> {
        match self {
            Self::Server(remote) => {
                let own = [("old", old.to_owned()), ("new", new.to_owned())];
                Sheet::from_json(&remote.get_with(&["v1", "prices", "diff"], &own, text)?)
            }
            Self::Store(dir) => {
                let plan = text.resolve(now())?;
                let [old, new] = [old, new].map(|name| price_choice(name, &Zone::default()));
                ask::price_diff(&snapshot(dir)?, scope.clone(), &plan, [&old?, &new?])
            }
        }
    }

    /// Every revision of the outcome of a job.
    pub(super) fn revisions(&self, scope: &Scope, job_id: &str) -> Result<Sheet> {
        match self {
            Self::Server(remote) => {
                Sheet::from_json(&remote.get(&["v1", "jobs", job_id, "outcome"], &PlanText::default())?)
            }
            Self::Store(dir) => ask::revisions(&snapshot(dir)?, scope, job_id),
        }
    }

    /// Usage that was assigned afterwards, the newest first.
    pub(super) fn attributions(&self, scope: &Scope, limit: u64) -> Result<Sheet> {
        match self {
            Self::Server(remote) => {
                let text = PlanText { limit: Some(limit), ..PlanText::default() };
                Sheet::from_json(&remote.get(&["v1", "attributions"], &text)?)
            }
            Self::Store(dir) => Ok(attribute::list(&snapshot(dir)?, scope, limit)),
        }
    }

    /// Everything about one workflow run.
    pub(super) fn trace(&self, scope: &Scope, trace_id: &str, text: &PlanText) -> Result<Document> {
        match self {
            Self::Server(remote) => {
                Document::from_json(&remote.get(&["v1", "traces", trace_id], text)?, &ask::TRACE_SHEETS)
            }
            Self::Store(dir) => ask::trace(&snapshot(dir)?, scope.clone(), trace_id, &local_plan(text)?),
        }
    }
}

/// What a store holds now, without taking its lock.
pub(super) fn snapshot(dir: &Path) -> Result<Snapshot> {
    quipu::store::read_only(dir).map_err(no_store)
}

/// The plan, with the file of a price list read where one is named.
pub(super) fn local_plan(text: &PlanText) -> Result<Plan> {
    let Json::String(name) = &text.prices else { return text.resolve(now()) };
    let mut plan = PlanText { prices: Json::Null, ..text.clone() }.resolve(now())?;
    plan.query.prices = price_choice(name, &plan.query.zone)?;
    Ok(plan)
}

/// The prices that a flag names: current, default, the number of a version, known:TIME or a file.
pub(super) fn price_choice(name: &str, zone: &Zone) -> Result<PriceChoice> {
    if let Some(choice) = crate::plan::price_choice(name, zone, now()) {
        return choice;
    }
    let bytes = read_file(Path::new(name)).map_err(|error| {
        let what = format!(
            "prices is {name:?}: neither current, default, the number of a version or known:TIME, nor a file ({error})"
        );
        Error::new(error.kind(), what)
    })?;
    let options = prices::ReadOptions { source: name.into(), ..prices::ReadOptions::default() };
    let (book, _) = prices::read(&bytes, &options)?;
    Ok(PriceChoice::Book(book.into()))
}
