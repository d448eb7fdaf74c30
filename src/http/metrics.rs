//! Figures for Prometheus.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Outcome {
    /// With data and no errors.
    Answered,
    /// Executed, with errors.
    WithErrors,
    /// Not executed: the guard refused it.
    Refused,
    /// Not executed: the viewer may not.
    Denied,
    /// Overload, a time-out, a bad token or a fault.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    outcome: Outcome,
}

/// The figures of one gateway.
pub struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    seconds: Histogram,
    /// sockets that are open.
    pub connections: Gauge,
    /// Subscriptions that are followed.
    pub subscriptions: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("kring");
        let requests = Family::<Labels, Counter>::default();
        let seconds = Histogram::new([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]);
        registry.register("graphql_requests", "GraphQL requests by how they ended", requests.clone());
        registry.register("graphql_request_seconds", "How long GraphQL requests took, in seconds", seconds.clone());
        let (connections, subscriptions) = (Gauge::default(), Gauge::default());
        registry.register("websockets", "WebSockets that are open", connections.clone());
        registry.register("subscriptions", "Subscriptions that are followed", subscriptions.clone());
        Self { registry, requests, seconds, connections, subscriptions }
    }
}

impl Metrics {
    /// Counts a request.
    pub fn count(&self, outcome: Outcome, took: Duration) {
        self.requests.get_or_create(&Labels { outcome }).inc();
        if outcome != Outcome::Refused {
            self.seconds.observe(took.as_secs_f64());
        }
    }

    /// The figures in the OpenMetrics text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if text::encode(&mut text, &self.registry).is_err() {
            text.clear();
        }
        text
    }
}
