//! `quipu dimensions [D]`: what there is to group by and to filter on.

use quipu::Result;

use super::query::ReportArgs;
use crate::plan::{PlanText, Report};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A dimension, a number or tag.KEY whose values to list; all dimensions and tags when left out.
    dimension: Option<String>,
    /// Only values that begin with this.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, requires = "dimension")]
    prefix: Option<String>,
    #[command(flatten)]
    pub(super) rest: ReportArgs,
}

impl Args {
    /// The report that is meant, and its plan.
    pub(super) fn plan(&self) -> Result<(Report, PlanText)> {
        let mut text = self.rest.text()?;
        text.prefix.clone_from(&self.prefix);
        let Some(dimension) = &self.dimension else { return Ok((Report::Dimensions, text)) };
        text.by = vec![dimension.clone()];
        Ok((Report::Values, text))
    }
}
