//! What the attributes of a span or log record say, by whichever dialect's name.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::names;
use super::value::Value;

/// One thing that dialects have names for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    // What kind of span it is.
    OpenInferenceKind,
    LangfuseType,
    VercelOperation,
    Operation,
    TraceloopKind,
    RequestType,
    EventName,
    // Who answered.
    Provider,
    ResponseModel,
    RequestModel,
    ResponseId,
    ServiceTier,
    Region,
    // Token counts.
    Input,
    Output,
    CacheRead,
    CacheWrite,
    Write5m,
    Write1h,
    Reasoning,
    AudioInput,
    ImageInput,
    AudioOutput,
    ImageOutput,
    Total,
    UsageJson,
    ProviderMetadata,
    // Money.
    Cost,
    CostJson,
    // How it went.
    StopReason,
    ErrorType,
    HttpStatus,
    Level,
    StatusMessage,
    Streaming,
    FirstChunkSeconds,
    FirstChunkMillis,
    FirstChunkAt,
    DurationMillis,
    Resends,
    // What it was for.
    Session,
    SequenceInSession,
    User,
    UserEmail,
    Agent,
    AgentVersion,
    Workflow,
    ToolName,
    TaskType,
    PromptName,
    PromptVersion,
    TraceName,
    Environment,
    Reasons,
    // Bundles.
    Metadata,
    Labels,
    InvocationParameters,
    Answer,
}

/// The facts of one record, and the attributes that are none.
#[derive(Debug, Default)]
pub(super) struct Facts<'a> {
    known: Vec<(Fact, u16, Value<'a>)>,
    /// Pairs of free metadata, under the keys their senders gave them.
    pub(super) pairs: Vec<(Cow<'a, str>, Value<'a>)>,
    /// Attributes that are neither, by name.
    pub(super) unknown: Vec<(Cow<'a, str>, Value<'a>)>,
    /// How many were left out because there were too many.
    pub(super) beyond: u64,
}

/// Attributes of one record that are kept.
const MOST: usize = 256;

impl<'a> Facts<'a> {
    /// Takes one attribute.
    pub(super) fn take(&mut self, key: Cow<'a, str>, value: Value<'a>) {
        if let Value::Text(text) = &value
            && super::super::vocabulary::is_nothing(text)
        {
            return;
        }
        if let Some((fact, rank)) = NAMES.get(key.as_ref()) {
            return self.know(*fact, *rank, value);
        }
        if names::is_content(&key) {
            return;
        }
        if self.pairs.len() + self.unknown.len() >= MOST {
            self.beyond += 1;
            return;
        }
        match names::PREFIXES.iter().find_map(|prefix| key.strip_prefix(prefix)) {
            Some(rest) => self.pairs.push((Cow::Owned(rest.to_owned()), value)),
            None => self.unknown.push((key, value)),
        }
    }

    /// Of several names for one thing the better one counts; they are never added up.
    fn know(&mut self, fact: Fact, rank: u16, value: Value<'a>) {
        match self.known.iter_mut().find(|(known, ..)| *known == fact) {
            Some((_, stands, old)) if rank < *stands => (*stands, *old) = (rank, value),
            Some(_) => {}
            None => self.known.push((fact, rank, value)),
        }
    }

    pub(super) fn get(&self, fact: Fact) -> Option<&Value<'a>> {
        self.known.iter().find(|(known, ..)| *known == fact).map(|(_, _, value)| value)
    }

    pub(super) fn text(&self, fact: Fact) -> Option<Cow<'_, str>> {
        self.get(fact)?.text()
    }

    pub(super) fn has_any(&self, facts: &[Fact]) -> bool {
        facts.iter().any(|fact| self.get(*fact).is_some())
    }

    /// How much is known, for choosing between two accounts of one call.
    pub(super) fn detail(&self) -> usize {
        self.known
            .iter()
            .filter(|(fact, ..)| (Fact::Input as u8..=Fact::CostJson as u8).contains(&(*fact as u8)))
            .count()
    }
}

/// Every dialect's names; the rank is the place in the tables, where better names come first.
static NAMES: LazyLock<HashMap<&'static str, (Fact, u16)>> = LazyLock::new(|| {
    let all = names::TABLES.iter().flat_map(|table| table.iter());
    all.zip(0..).map(|((name, fact), rank)| (*name, (*fact, rank))).collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_thing_are_never_added_up_and_the_better_one_counts() {
        let mut facts = Facts::default();
        for (key, value) in
            [("llm.token_count.prompt", 1), ("gen_ai.usage.input_tokens", 2), ("gen_ai.usage.prompt_tokens", 3)]
        {
            facts.take(key.into(), Value::Int(value));
        }
        assert_eq!(facts.get(Fact::Input), Some(&Value::Int(2)));
        facts.take("gen_ai.prompt.0.content".into(), Value::Text("secret".into()));
        facts.take("traceloop.association.properties.tenant_id".into(), Value::Text("acme".into()));
        facts.take("plan".into(), Value::Text("gold".into()));
        facts.take("user.id".into(), Value::Text("".into()));
        assert_eq!((facts.pairs.len(), facts.unknown.len()), (1, 1));
        assert_eq!(facts.pairs[0].0, "tenant_id");
    }

    #[test]
    fn no_name_stands_in_two_tables() {
        assert_eq!(NAMES.len(), names::TABLES.iter().map(|table| table.len()).sum::<usize>());
    }
}
