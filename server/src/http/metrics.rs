//! What the server counts, for Prometheus. No label comes from a client, so there are only so many series.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use quipu::store::{Item, OutcomeItem};

use super::cardinality::Coarsened;
use crate::wire::Ignored;

/// The counters and the registry that names them.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram>,
    body_bytes: Counter,
    events: Family<FateLabels, Counter>,
    outcomes: Family<FateLabels, Counter>,
    alerts: Family<FateLabels, Counter>,
    coarsened: Family<DimensionLabels, Counter>,
    ignored: Counter,
    turned_away: Family<WhyLabels, Counter>,
    connections: Gauge,
    queries: Gauge,
    lsn: Gauge<u64, AtomicU64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FateLabels {
    fate: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DimensionLabels {
    dimension: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WhyLabels {
    why: &'static str,
}

/// Why somebody was turned away before anything was asked of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turned {
    /// Too many connections from one address.
    Connections,
    /// No TLS handshake.
    Handshake,
    /// No token, or none that is good.
    Token,
    /// A token without the scope.
    Scope,
    /// Too many requests of one token.
    Rate,
    /// Too much in flight.
    Overload,
}

/// Something that is under way, until dropped.
#[derive(Debug)]
pub(super) struct UnderWay(Gauge);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("quipu");
        // From 0.1 ms to 26 s, by fours.
        let durations = Family::<RouteLabels, Histogram>::new_with_constructor(|| {
            Histogram::new(exponential_buckets(0.000_1, 4.0, 10))
        });
        let metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            durations,
            body_bytes: Counter::default(),
            events: Family::default(),
            outcomes: Family::default(),
            alerts: Family::default(),
            coarsened: Family::default(),
            ignored: Counter::default(),
            turned_away: Family::default(),
            connections: Gauge::default(),
            queries: Gauge::default(),
            lsn: Gauge::default(),
        };
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version that runs", build);
        registry.register("http_requests", "Requests that were answered", metrics.requests.clone());
        let (name, help) = ("http_request_duration", "From a request's head to its answer's head");
        registry.register_with_unit(name, help, Unit::Seconds, metrics.durations.clone());
        let help = "Bytes of bodies as they were sent";
        registry.register_with_unit("http_body", help, Unit::Bytes, metrics.body_bytes.clone());
        registry.register("events", "Events that were sent, by what became of them", metrics.events.clone());
        registry.register("outcomes", "Outcomes that were sent, by what became of them", metrics.outcomes.clone());
        registry.register("alerts", "Alerts to webhooks, by what became of them", metrics.alerts.clone());
        let help = "Values beyond the most, put under one";
        registry.register("coarsened_values", help, metrics.coarsened.clone());
        let help = "Fields and attributes that were read and have no place in an event";
        registry.register("ignored_fields", help, metrics.ignored.clone());
        let help = "Connections and requests that were turned away unheard";
        registry.register("turned_away", help, metrics.turned_away.clone());
        registry.register("connections", "Connections that are open", metrics.connections.clone());
        registry.register("queries", "Queries that are at work", metrics.queries.clone());
        registry.register("lsn", "The position of the last visible record in the log", metrics.lsn.clone());
        Self { registry, ..metrics }
    }

    /// Counts an answer.
    pub(super) fn answered(&self, route: &str, method: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&RequestLabels { route: route.to_owned(), method, status }).inc();
        self.durations.get_or_create(&RouteLabels { route: route.to_owned() }).observe(took.as_secs_f64());
    }

    pub(super) fn received(&self, bytes: usize) {
        self.body_bytes.inc_by(bytes as u64);
    }

    pub(super) fn events(&self, items: &[Item]) {
        count(
            &self.events,
            items.iter().map(|item| match item {
                Item::Stored { .. } => "stored",
                Item::Duplicate { .. } => "duplicate",
                Item::Conflict { .. } => "conflict",
                Item::Rejected(_) => "rejected",
            }),
        );
    }

    pub(super) fn outcomes(&self, items: &[OutcomeItem]) {
        count(
            &self.outcomes,
            items.iter().map(|item| match item {
                OutcomeItem::Stored => "stored",
                OutcomeItem::Replayed => "replayed",
                OutcomeItem::AlreadyReported(_) => "already_reported",
                OutcomeItem::UnknownJob => "unknown_job",
                OutcomeItem::Rejected(_) => "rejected",
            }),
        );
    }

    pub(super) fn coarsened(&self, coarsened: &Coarsened) {
        for (dimension, times) in &coarsened.0 {
            self.coarsened.get_or_create(&DimensionLabels { dimension }).inc_by(*times);
        }
    }

    pub(super) fn ignored(&self, ignored: &Ignored) {
        self.ignored.inc_by(ignored.total());
    }

    pub(super) fn alert(&self, delivered: bool) {
        let fate = if delivered { "delivered" } else { "failed" };
        self.alerts.get_or_create(&FateLabels { fate }).inc();
    }

    pub(super) fn turned_away(&self, why: Turned) {
        let why = match why {
            Turned::Connections => "connections",
            Turned::Handshake => "handshake",
            Turned::Token => "token",
            Turned::Scope => "scope",
            Turned::Rate => "rate",
            Turned::Overload => "overload",
        };
        self.turned_away.get_or_create(&WhyLabels { why }).inc();
    }

    pub(super) fn connection(&self) -> UnderWay {
        self.connections.inc();
        UnderWay(self.connections.clone())
    }

    pub(super) fn query(&self) -> UnderWay {
        self.queries.inc();
        UnderWay(self.queries.clone())
    }

    /// The text that Prometheus reads.
    pub(super) fn text(&self, lsn: u64) -> String {
        self.lsn.set(lsn);
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// Adds up first, so that a batch touches each series once.
fn count(family: &Family<FateLabels, Counter>, fates: impl Iterator<Item = &'static str>) {
    let mut counts: Vec<(&'static str, u64)> = Vec::new();
    for fate in fates {
        match counts.iter_mut().find(|(known, _)| *known == fate) {
            Some((_, count)) => *count += 1,
            None => counts.push((fate, 1)),
        }
    }
    for (fate, count) in counts {
        family.get_or_create(&FateLabels { fate }).inc_by(count);
    }
}
