//! What lies outside a scope changes nothing in an answer: not a value, not a sum, not an error.

use std::sync::Arc;

use proptest::prelude::*;
use quipu_engine::{Dimension, Event};
use quipu_query::{Answer, Explain, JobReport, PathChoice, PricedEvent, Query, Scope, View};

use crate::generate::{book, events, outcomes, query};
use crate::memory::{Form, Memory};

/// The scopes that must not see each other, and one that holds others.
fn scopes() -> Vec<Scope> {
    let named = |scope: quipu_engine::Result<Scope>| scope.expect("a name");
    let tenant = |name: &str| named(Scope::default().of_tenant(name));
    vec![
        Scope::default(),
        named(Scope::new("other")),
        tenant("acme"),
        tenant("bolt"),
        named(Scope::default().of_team("red")),
        named(tenant("acme").of_team("blue")),
        named(named(Scope::new("other")).of_tenant("acme")),
        tenant("nobody"),
    ]
}

/// Whether a scope may see an event, said once more in plain words.
fn inside(scope: &Scope, event: &Event) -> bool {
    event.get(Dimension::Workspace) == Some(scope.workspace())
        && scope.tenant().is_none_or(|tenant| event.get(Dimension::Tenant) == Some(tenant))
        && scope.team().is_none_or(|team| event.get(Dimension::Team) == Some(team))
}

/// Everything that can be asked, without how it was found.
#[derive(Debug, PartialEq)]
struct Seen {
    query: Result<Answer, String>,
    reports: Vec<Result<Answer, String>>,
    events: Result<(Vec<PricedEvent>, u64), String>,
    jobs: Vec<Result<String, String>>,
    traces: Vec<Result<String, String>>,
}

fn look(memory: &Memory, scope: &Scope, query: &Query) -> Seen {
    let view = View::new(memory, scope.clone());
    let known = |answer: quipu_engine::Result<Answer>| match answer {
        Ok(answer) => Ok(Answer { explain: Explain::default(), ..answer }),
        Err(error) => Err(error.to_string()),
    };
    let report = Query { measures: Vec::new(), order: Vec::new(), ..query.clone() };
    let job = |id: &str| match view.job(id, &report) {
        Ok(JobReport { job_id, properties, totals, by_model, traces, outcome, events, event_count }) => {
            let answers = [totals, by_model, traces].map(|answer| known(Ok(answer)));
            Ok(format!("{job_id} {properties:?} {answers:?} {outcome:?} {events:?} {event_count}"))
        }
        Err(error) => Err(error.to_string()),
    };
    let trace = |id: &str| match view.trace(id, &report) {
        Ok(trace) => Ok(format!("{:?} {:?} {}", known(Ok(trace.totals)), trace.events, trace.event_count)),
        Err(error) => Err(error.to_string()),
    };
    Seen {
        query: known(view.query(query)),
        reports: vec![known(view.jobs(&report)), known(view.funnel(&report)), known(view.roi(&report))],
        events: view.events(&report, 20).map_err(|error| error.to_string()),
        jobs: ["j1", "j2", "j3"].map(job).into(),
        traces: ["t1", "t2", "t3"].map(trace).into(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn an_answer_is_the_one_of_a_store_that_holds_nothing_else(
        events in events(), outcomes in outcomes(), query in query(false), countable in query(true),
        scope in prop::sample::select(scopes()), form in 0..3_usize,
    ) {
        let form = [Form::Batch, Form::Segment, Form::SegmentWithCounters][form];
        let with = |events: &[Event]| {
            let mut memory = events.chunks(events.len().div_ceil(2).max(1))
                .fold(Memory::default(), |memory, chunk| memory.with(chunk, form));
            (memory.outcomes, memory.book) = (outcomes.clone(), Arc::new(book()));
            memory
        };
        let own: Vec<Event> = events.iter().filter(|event| inside(&scope, event)).cloned().collect();
        let (all, own) = (with(&events), with(&own));
        prop_assert_eq!(look(&all, &scope, &query), look(&own, &scope, &query));
        let countable = countable.path(PathChoice::Auto);
        prop_assert_eq!(look(&all, &scope, &countable), look(&own, &scope, &countable));
    }
}
