//! Saved rules: a TOML file of what must not run away.
//!
//! ```toml
//! [[rule]]
//! name = "retry storms"
//! measure = "output_tokens"       # anything that adds up; the default
//! by = "team"                     # any pivot, or several with commas; the default
//! window = "7d"                   # against the 7 days before; the default
//! ratio = 3                       # times as much; the default
//! minimum = 100000                # below it nothing is too much: units, or USD of money; the default
//! where = "environment = prod"
//!
//! # Where a server looks at the rules, instead of `quipu check`:
//! workspace = "default"
//! notify = ["platform"]           # the webhooks that hear of alarms
//! owners = { search = "search" }  # by value of the pivot, instead of notify
//!
//! [rule.groups.search]            # a team with limits of its own
//! ratio = 10
//! ```

mod watched;

use std::collections::BTreeMap;

use quipu::money::PICO_PER_USD;
use quipu::{Error, Filter, Limits, Measure, PicoUsd, Pivot, Result, RunawayRule, Unit};
use serde::Deserialize;

use crate::plan::span_micros;
use crate::toml_text;

pub use watched::Watched;

/// Rules by name, in the order of the file.
pub type Rules = Vec<(String, RunawayRule)>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rule: Vec<RuleText>,
}

/// A rule as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleText {
    /// What alarms call it.
    pub name: String,
    /// What is used.
    pub measure: Option<String>,
    /// Whose use it is.
    pub by: Option<String>,
    /// How long a window is: `7d`, `24h`, `15m`.
    pub window: Option<String>,
    /// Which events count.
    #[serde(rename = "where")]
    pub filter: Option<String>,
    /// Times of what was used in the window before that are too much.
    pub ratio: Option<toml::Value>,
    /// Less than this is never too much.
    pub minimum: Option<toml::Value>,
    /// What particular groups may use.
    pub groups: BTreeMap<String, LimitsText>,
    /// The workspace that a server looks at; whoever checks by hand says it elsewhere.
    pub workspace: Option<String>,
    /// The webhooks that hear of a server's alarms.
    pub notify: Vec<String>,
    /// Instead of them, by group, the one that hears of that group.
    pub owners: BTreeMap<String, String>,
}

/// Limits as they are written; what is left out is as for every group.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsText {
    /// Times of what was used in the window before.
    pub ratio: Option<toml::Value>,
    /// Less than this is never too much.
    pub minimum: Option<toml::Value>,
}

/// Reads a file of rules.
///
/// # Errors
/// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid), naming the place and what is allowed there.
pub fn read(text: &str) -> Result<Rules> {
    let rule = |text: RuleText| Ok((text.name.clone(), text.rule().map_err(|error| error.context(text.named()))?));
    texts(text)?.into_iter().map(rule).collect()
}

/// Reads a file of rules as they are written.
///
/// # Errors
/// As [`read`], as far as the form goes.
pub fn texts(text: &str) -> Result<Vec<RuleText>> {
    let file: File = toml_text::read(text)?;
    Ok(file.rule)
}

impl RuleText {
    /// How errors call it.
    fn named(&self) -> String {
        if self.name.is_empty() { "a rule without a name".to_owned() } else { format!("rule {:?}", self.name) }
    }

    /// What the texts mean.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid), naming the field.
    pub fn rule(&self) -> Result<RunawayRule> {
        let mut rule = RunawayRule::default();
        if let Some(measure) = &self.measure {
            rule.measure = Measure::parse(measure)?;
        }
        if let Some(by) = &self.by {
            rule.by = by.split(',').map(|pivot| Pivot::parse(pivot.trim())).collect::<Result<_>>()?;
        }
        if let Some(window) = &self.window {
            let micros = span_micros(window).filter(|micros| *micros > 0);
            rule.window_micros = micros.ok_or_else(|| {
                Error::invalid(format!("window is {window:?}; expected a span such as 7d, 24h or 15m"))
            })?;
        }
        rule.filter = self.filter.as_deref().map(Filter::parse).transpose()?;
        let is_money = rule.measure.unit() == Unit::Usd;
        let limits = LimitsText { ratio: self.ratio.clone(), minimum: self.minimum.clone() };
        rule.limits = limits.over(&default_limits(is_money), is_money)?;
        for (group, limits) in &self.groups {
            let limits =
                limits.over(&rule.limits, is_money).map_err(|error| error.context(format!("group {group:?}")))?;
            rule.exceptions.insert(group.clone(), limits);
        }
        Ok(rule)
    }
}

/// Money has a minimum of its own: 10 USD.
fn default_limits(is_money: bool) -> Limits {
    let limits = Limits::default();
    if is_money { Limits { minimum: 10 * PICO_PER_USD, ..limits } } else { limits }
}

impl LimitsText {
    fn over(&self, below: &Limits, is_money: bool) -> Result<Limits> {
        let mut limits = below.clone();
        if let Some(ratio) = &self.ratio {
            let pico = decimal("ratio", ratio)?.pico();
            limits.ratio_milli = u64::try_from(pico / (PICO_PER_USD / 1_000))
                .map_err(|_| Error::invalid(format!("ratio is {ratio}; expected a number above 1")))?;
        }
        if let Some(minimum) = &self.minimum {
            let amount = decimal("minimum", minimum)?.pico();
            limits.minimum = if is_money { amount } else { amount / PICO_PER_USD };
        }
        Ok(limits)
    }
}

fn decimal(name: &str, value: &toml::Value) -> Result<PicoUsd> {
    let text = match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    PicoUsd::parse(&text).map_err(|error| Error::invalid(format!("{name} is {text:?}, which {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_with_their_defaults_and_exceptions() {
        let rules = read(
            "[[rule]]\nname = \"storms\"\n[[rule]]\nname = \"spend\"\nmeasure = \"cost\"\nby = \"tenant\"\nwindow = \"24h\"\n\
             ratio = 2.5\nwhere = \"environment = prod\"\n[rule.groups.acme]\nminimum = \"0.50\"\n",
        )
        .expect("valid");
        assert_eq!(rules[0], ("storms".into(), RunawayRule::default()));
        let (_, spend) = &rules[1];
        assert_eq!((spend.limits.ratio_milli, spend.limits.minimum), (2_500, 10 * PICO_PER_USD));
        assert_eq!(spend.exceptions["acme"], Limits { ratio_milli: 2_500, minimum: PICO_PER_USD / 2 });
        assert_eq!(spend.window_micros, 86_400_000_000);
    }

    #[test]
    fn wrong_rules_say_what_is_wrong() {
        let refused = |text: &str| read(&format!("[[rule]]\nname = \"r\"\n{text}")).expect_err("wrong").to_string();
        assert!(refused("measure = \"costs\"").contains("rule \"r\": "));
        assert!(refused("window = \"soon\"").contains("expected a span such as 7d"));
        assert!(refused("ratio = \"much\"").contains("ratio is \"much\", which is not a decimal number"));
        assert!(refused("rate = 3").contains("unknown field"));
    }
}
