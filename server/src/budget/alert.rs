//! What is to tell of a standing.

use quipu::Timestamp;
use serde_json::{Value as Json, json};

use super::{Budget, Standing};
use crate::notice::Notice;

/// How much of a period must have passed before its pace means something, as a part of it.
const PACE_PART: i64 = 10;

/// Something that somebody should hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// How far the group is.
    pub standing: Standing,
    /// The threshold it passed, in percent; `None` where only its pace is too fast.
    pub threshold: Option<u32>,
}

impl Alert {
    /// What is to tell of a standing: the highest threshold that was passed, else a pace that is too fast.
    pub fn of(budget: &Budget, standing: &Standing, now: Timestamp) -> Option<Self> {
        let percent = standing.percent();
        let threshold = budget.thresholds.iter().rev().find(|threshold| u64::from(**threshold) <= percent).copied();
        let span = standing.span;
        let has_pace = (now.micros() - span.from.micros()) * PACE_PART >= span.until.micros() - span.from.micros();
        let too_fast = has_pace && standing.overrun.is_some();
        (threshold.is_some() || too_fast).then(|| Self { standing: standing.clone(), threshold })
    }

    /// What is to tell, to those who hear of the group. The same is told once per period.
    pub fn notice(&self, budget: &Budget) -> Notice {
        let audience = budget.audience.of(self.standing.group.as_deref());
        Notice { key: self.key(), text: self.text(), facts: self.to_json(), audience }
    }

    fn key(&self) -> String {
        let Standing { budget, group, span, .. } = &self.standing;
        json!([budget, group, span.from.to_string(), self.threshold]).to_string()
    }

    /// The alert as a sentence.
    pub fn text(&self) -> String {
        let Standing { budget, group, spent, limit, span, overrun, complete, .. } = &self.standing;
        let of = group.as_deref().map_or_else(String::new, |group| format!(" of {group}"));
        let at_least = if *complete { "" } else { "at least " };
        let pace = match overrun {
            Some(at) if self.standing.percent() < 100 => format!("; at this pace the limit is reached on {}", day(*at)),
            _ => String::new(),
        };
        let (percent, from, until) = (self.standing.percent(), day(span.from), day(span.until));
        let (spent, limit) = (spent.to_fixed(2), limit.to_fixed(2));
        format!(
            "Budget {budget}{of}: {at_least}${spent} of ${limit} spent ({percent} %) from {from} until {until}{pace}"
        )
    }

    /// The alert as JSON.
    fn to_json(&self) -> Json {
        let Standing { budget, group, span, spent, limit, overrun, complete } = &self.standing;
        json!({
            "kind": "budget", "text": self.text(), "budget": budget, "group": group,
            "from": span.from.to_string(), "until": span.until.to_string(),
            "spent": spent.to_string(), "limit": limit.to_string(), "percent": self.standing.percent(),
            "threshold": self.threshold, "projected_overrun": overrun.map(|at| at.to_string()), "complete": complete,
        })
    }
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}
