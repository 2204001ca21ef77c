//! Rules that a server looks at now and then.

use quipu::store::Snapshot;
use quipu::{Alarm, Result, RunawayRule, Scope, Timestamp, Value, View};
use serde_json::json;

use super::RuleText;
use crate::ask;
use crate::notice::{Audience, Notice, Webhook};

/// A saved rule, with who hears of its alarms.
#[derive(Clone, Debug)]
pub struct Watched {
    name: String,
    rule: RunawayRule,
    scope: Scope,
    audience: Audience,
}

impl Watched {
    /// Understands a rule whose webhooks are among `webhooks`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid), naming the rule and what is wrong.
    pub fn new(text: RuleText, webhooks: &[Webhook]) -> Result<Self> {
        let name = text.named();
        let understood = || {
            Ok(Self {
                rule: text.rule()?,
                scope: text.workspace.map_or_else(|| Ok(Scope::default()), Scope::new)?,
                audience: Audience::new(text.notify, text.owners, webhooks)?,
                name: text.name,
            })
        };
        understood().map_err(|error: quipu::Error| error.context(name))
    }

    /// What to tell of the window that ends at `now`, compared with the one before: the same group is told of once in the
    /// length of a window.
    ///
    /// # Errors
    /// As [`View::runaways`].
    pub fn notices(&self, snapshot: &Snapshot, now: Timestamp) -> Result<Vec<Notice>> {
        let since = now.micros().saturating_sub(self.rule.window_micros.saturating_mul(2));
        let (query, _) = ask::priced(snapshot, &quipu::Query::new())?;
        let view = View::new(snapshot, self.scope.clone());
        let alarms = view.runaways(&query, &self.rule, Timestamp::from_micros(since), now)?.alarms;
        Ok(alarms.iter().map(|alarm| self.notice(alarm, now)).collect())
    }

    fn notice(&self, alarm: &Alarm, now: Timestamp) -> Notice {
        let Alarm { group, since, until, of: measure, before, now: used, ratio, .. } = alarm;
        let group = match group {
            Value::Null => "unattributed".to_owned(),
            group => group.to_string(),
        };
        let (name, by) = (&self.name, ask::groups_of(&self.rule));
        let window = now.micros().div_euclid(self.rule.window_micros.max(1));
        let text = format!(
            "Rule {name}: {by} {group} used {used} {measure} from {since} until {until}, {ratio} times the {before} of the \
             window before"
        );
        let facts = json!({
            "kind": "rule", "text": text, "rule": name, "by": by, "group": group, "measure": measure,
            "from": since.to_string(), "until": until.to_string(), "before": before.to_string(),
            "now": used.to_string(), "times": ratio.to_string(),
        });
        let key = json!(["rule", name, self.scope.workspace(), group, measure, window]).to_string();
        Notice { key, text, facts, audience: self.audience.of(Some(&group)) }
    }
}

#[cfg(test)]
mod tests {
    use quipu::store::{Options, Store};
    use quipu::time::MICROS_PER_DAY;
    use quipu::{Dimension, Event, TokenMeter};

    use super::super::texts;
    use super::*;
    use crate::notice::Shape;

    #[test]
    fn an_alarm_is_told_to_the_owner_of_its_group_and_is_the_same_for_the_length_of_a_window() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::open(dir.path(), Options::default()).expect("a store");
        let now = Timestamp::parse_rfc3339("2026-03-20T06:00:00Z").expect("a time");
        let call = |id: &str, days: i64, team: &str, tokens: u64| {
            let at = Timestamp::from_micros(now.micros() - days * MICROS_PER_DAY - 1);
            Event::new(id, at).with(Dimension::Team, team).used(TokenMeter::Output, tokens)
        };
        let events = ["red", "blue", "calm"].into_iter().flat_map(|team| {
            let times = if team == "calm" { 1 } else { 5 };
            [call(&format!("{team} 1"), 1, team, 100_000), call(&format!("{team} 0"), 0, team, 100_000 * times)]
        });
        store.append(events.collect()).expect("stored");
        let text = "[[rule]]\nname = \"storms\"\nwindow = \"1d\"\nnotify = [\"all\"]\nowners = { red = \"red\" }\n";
        let webhook = |name: &str| Webhook { name: name.into(), url: "http://127.0.0.1:1".into(), shape: Shape::Json };
        let written = texts(text).expect("valid").remove(0);
        let error = Watched::new(written.clone(), &[webhook("all")]).expect_err("red is no webhook");
        assert!(error.to_string().contains("rule \"storms\": there is no webhook \"red\""), "{error}");
        let rule = Watched::new(written, &[webhook("all"), webhook("red")]).expect("valid");
        let mut notices = rule.notices(&store.snapshot(), now).expect("an answer");
        notices.sort_by(|a, b| a.key.cmp(&b.key));
        let told: Vec<_> = notices.iter().map(|it| (it.facts["group"].as_str(), &it.audience[..])).collect();
        assert_eq!(told, [(Some("blue"), &["all".to_owned()][..]), (Some("red"), &["red".to_owned()][..])]);
        assert!(notices[1].text.contains("team red used 500000 output_tokens"), "{}", notices[1].text);
        let later = Timestamp::from_micros(now.micros() + MICROS_PER_DAY / 48);
        let again = rule.notices(&store.snapshot(), later).expect("an answer");
        assert!(again.iter().all(|it| notices.iter().any(|told| told.key == it.key)));
    }
}
