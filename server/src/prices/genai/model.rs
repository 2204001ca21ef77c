//! One model of the data: what names it goes by, and its prices in the course of time.

use quipu::price_book::{Hours, ModelPattern, PriceOf, PriceRule, canonical_model};
use quipu::{Error, Result, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::super::Report;
use super::prices::Prices;
use crate::wire::json::Kind;

/// A model as the data has it.
#[derive(Deserialize)]
pub(super) struct Model<'a> {
    id: String,
    #[serde(rename = "match")]
    clause: Clause,
    #[serde(borrow)]
    prices: &'a RawValue,
}

/// A condition on the name of a model.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Clause {
    Equals(String),
    StartsWith(String),
    EndsWith(String),
    Contains(String),
    Regex(IgnoredAny),
    Or(Vec<Clause>),
    And(IgnoredAny),
}

/// Prices under a condition of time.
#[derive(Deserialize)]
struct Conditional<'a> {
    #[serde(borrow)]
    constraint: Option<&'a RawValue>,
    #[serde(borrow)]
    prices: &'a RawValue,
}

/// The conditions of time that are understood.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Constraint {
    From { start_date: String },
    Daily { start_time: String, end_time: String },
}

/// The patterns of the models of a provider, in the order of the data.
pub(super) struct Patterns<'m, 'a>(Vec<(&'m Model<'a>, ModelPattern)>);

impl<'m, 'a> Patterns<'m, 'a> {
    /// What no pattern can say goes to `report`.
    pub(super) fn of(models: &'m [Model<'a>], mut report: Option<&mut Report>) -> Self {
        let mut patterns = Vec::new();
        for model in models {
            model.clause.patterns(&mut |found| match found {
                Ok(pattern) => patterns.push((model, pattern)),
                Err(clause) => {
                    let why = "no pattern of model names says that; the model's other names are used";
                    if let Some(report) = &mut report {
                        report.skip(&model.id, clause, why);
                    }
                }
            });
        }
        Self(patterns)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&'m Model<'a>, &ModelPattern)> {
        self.0.iter().map(|(model, pattern)| (*model, pattern))
    }

    /// Whether a name is one of these models.
    pub(super) fn cover(&self, name: &str) -> bool {
        self.0.iter().any(|(_, pattern)| pattern.covers(name))
    }
}

impl Clause {
    /// Calls `found` with each pattern, or with the name of a clause that is none.
    fn patterns(&self, found: &mut impl FnMut(Result<ModelPattern, &'static str>)) {
        match self {
            Self::Equals(name) => found(Ok(ModelPattern::Exact(canonical_model(name)))),
            Self::StartsWith(prefix) => found(Ok(ModelPattern::Prefix(canonical_model(prefix)))),
            Self::Contains(part) => found(Ok(ModelPattern::Contains(canonical_model(part)))),
            Self::Or(clauses) => clauses.iter().for_each(|clause| clause.patterns(found)),
            // What stands in front is a path, as a rule, and names are looked up without it too.
            Self::EndsWith(name) => {
                found(Ok(ModelPattern::Exact(canonical_model(name))));
                found(Err("match.ends_with"));
            }
            Self::Regex(_) => found(Err("match.regex")),
            Self::And(_) => found(Err("match.and")),
        }
    }
}

impl Model<'_> {
    /// The rules of the model, without provider and name.
    pub(super) fn rules(&self, from: Timestamp, report: &mut Report) -> Result<Vec<PriceRule>> {
        let broken = |error: serde_json::Error| Error::invalid(format!("prices of {:?}: {error}", self.id));
        let raw = self.prices.get();
        if Kind::of(raw) == Kind::Object {
            return self.in_force(raw, &PriceRule { from, ..anything() }, report);
        }
        let mut rules: Vec<PriceRule> = Vec::new();
        for Conditional { constraint, prices } in serde_json::from_str::<Vec<Conditional<'_>>>(raw).map_err(broken)? {
            let Some(when) = when(constraint, from) else {
                report.skip(&self.id, "constraint", "prices under that condition are not understood");
                continue;
            };
            // From its date on, a later list stands alone.
            if when.from > from {
                rules.retain_mut(|rule| {
                    rule.until = Some(rule.until.map_or(when.from, |until| until.min(when.from)));
                    rule.from < when.from
                });
            }
            rules.extend(self.in_force(prices.get(), &when, report)?);
        }
        Ok(rules)
    }

    fn in_force(&self, raw: &str, when: &PriceRule, report: &mut Report) -> Result<Vec<PriceRule>> {
        let prices = Prices::read(&self.id, raw, report)?;
        let rule = |(of, above, rate): (PriceOf, u64, u64)| PriceRule { of, above, rate: rate.into(), ..when.clone() };
        Ok(prices.all().into_iter().map(rule).collect())
    }
}

fn anything() -> PriceRule {
    PriceRule::new(ModelPattern::Prefix("".into()), PriceOf::Request, 0)
}

/// The time of a condition, as a rule that has nothing else; `None` when it is not understood.
fn when(constraint: Option<&RawValue>, from: Timestamp) -> Option<PriceRule> {
    let Some(constraint) = constraint.map(RawValue::get).filter(|raw| *raw != "null") else {
        return Some(PriceRule { from, ..anything() });
    };
    match serde_json::from_str(constraint).ok()? {
        Constraint::From { start_date } => {
            let date = Timestamp::parse_rfc3339(&format!("{start_date}T00:00:00Z")).ok()?;
            Some(PriceRule { from: date.max(from), ..anything() })
        }
        Constraint::Daily { start_time, end_time } => {
            let hours = format!("{}-{}", start_time.strip_suffix('Z')?, end_time.strip_suffix('Z')?);
            Some(PriceRule { from, hours: Some(Hours::parse(&hours).ok()?), ..anything() })
        }
    }
}
