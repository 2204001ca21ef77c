//! What one account of a call, or one span, gives to another.

use quipu::event::Sparse;
use quipu::{Dimension, Event, Number, Text};

use super::super::super::call::{Call, Origin, origin_tag};

/// The fields that a call has from what it runs in.
pub(super) const INHERITED: [Dimension; 22] = [
    Dimension::Tenant,
    Dimension::Team,
    Dimension::Project,
    Dimension::Feature,
    Dimension::Product,
    Dimension::Workflow,
    Dimension::JobType,
    Dimension::JobId,
    Dimension::JobVersion,
    Dimension::JobName,
    Dimension::TraceType,
    Dimension::TraceName,
    Dimension::SessionId,
    Dimension::TaskType,
    Dimension::SubscriberId,
    Dimension::SubscriberEmail,
    Dimension::SubscriptionId,
    Dimension::TicketId,
    Dimension::Agent,
    Dimension::AgentVersion,
    Dimension::ModelTier,
    Dimension::Variant,
];

/// What an account says of its call itself, beyond how many tokens it took.
pub(super) fn told(event: &Event) -> Event {
    let mut told = Event::default();
    for (dimension, value) in event.dimensions.iter() {
        let own = [
            Dimension::Workspace,
            Dimension::TraceId,
            Dimension::SpanId,
            Dimension::ParentId,
            Dimension::Source,
            Dimension::UsageSource,
        ];
        if !own.contains(dimension) && !INHERITED.contains(dimension) {
            told.dimensions.insert(*dimension, value.clone());
        }
    }
    for (number, value) in event.numbers.iter() {
        let own =
            [Number::UsageMissing, Number::UsageMismatch, Number::AtAssigned, Number::IdDerived, Number::RetryDepth];
        if !own.contains(number) {
            told.numbers.insert(*number, *value);
        }
    }
    told
}

/// Takes apart what a span around the call may still overrule: the event without it, and it.
pub(super) fn apart(own: Event, mut with_resource: Event) -> (Event, Option<Event>) {
    let mut late = Event::default();
    for dimension in INHERITED {
        if own.get(dimension).is_none()
            && let Some(value) = with_resource.dimensions.remove(&dimension)
        {
            late.dimensions.insert(dimension, value);
            move_origin(dimension.name(), &mut with_resource, &mut late);
        }
    }
    if own.number(Number::RetryDepth).is_none()
        && let Some(depth) = with_resource.numbers.remove(&Number::RetryDepth)
    {
        late.numbers.insert(Number::RetryDepth, depth);
        move_origin(Number::RetryDepth.name(), &mut with_resource, &mut late);
    }
    let empty = late.dimensions.is_empty() && late.numbers.is_empty();
    (with_resource, (!empty).then_some(late))
}

/// Says of values that they were found with a span around the call.
pub(super) fn note_ancestor(values: &mut Event) {
    let dimensions = values.dimensions.iter().map(|(dimension, _)| dimension.name());
    let fields: Vec<&str> = dimensions.chain(values.numbers.iter().map(|(number, _)| number.name())).collect();
    for tag in fields.into_iter().filter_map(origin_tag) {
        values.tags.insert(tag.into(), Origin::Ancestor.name().unwrap_or_default().into());
    }
}

fn move_origin(field: &str, from: &mut Event, to: &mut Event) {
    if let Some(tag) = origin_tag(field).map(Text::from)
        && let Some(origin) = from.tags.remove(&tag)
    {
        to.tags.insert(tag, origin);
    }
}

/// Whether there are business fields in it.
pub(super) fn has_business(event: &Event) -> bool {
    INHERITED.iter().any(|dimension| event.get(*dimension).is_some()) || event.number(Number::RetryDepth).is_some()
}

/// The event without what a span around it may have given it.
pub(super) fn without_business(mut event: Event) -> Event {
    for dimension in INHERITED {
        event.dimensions.remove(&dimension);
    }
    event.numbers.remove(&Number::RetryDepth);
    event
}

/// The business fields of a span around calls.
pub(super) fn business(event: &Event) -> Event {
    let mut business = Event::default();
    for dimension in INHERITED {
        if let Some(value) = event.dimensions.get(&dimension) {
            business.dimensions.insert(dimension, value.clone());
        }
    }
    if let Some(depth) = event.number(Number::RetryDepth) {
        business.numbers.insert(Number::RetryDepth, depth);
    }
    business
}

pub(super) fn inherit(call: &mut Call<'_>, outer: &Event) {
    for dimension in INHERITED {
        call.set_some(dimension, outer.get(dimension));
    }
    call.number_some(Number::RetryDepth, outer.number(Number::RetryDepth));
}

pub(super) fn fill(event: &mut Event, values: &Event) {
    for (dimension, value) in values.dimensions.iter() {
        if event.get(*dimension).is_none() {
            event.dimensions.insert(*dimension, value.clone());
        }
    }
    for (number, value) in values.numbers.iter() {
        if event.number(*number).is_none() {
            event.numbers.insert(*number, *value);
        }
    }
}

/// What is kept of a call that was handed on.
pub(super) fn without_quantities(event: Event) -> Event {
    Event { usage: Sparse::default(), tags: Sparse::default(), ..event }
}
