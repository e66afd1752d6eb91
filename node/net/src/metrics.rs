//! What Prometheus sees of the listener.
//!
//! Counters that every datagram touches are looked up once, here, and kept; only a finished login looks its labels up.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{Error, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use quorate_app::{Answer, Decision, Silence};
use quorate_core::{Client, Reason};
use quorate_radius::{Code, ReplyCode};

use crate::drops::DropReason;
use crate::labels::ClientLabels;

/// Upper bounds of a login's duration in seconds: from a code alone on a quick disk to the ten seconds after which
/// nothing is sent.
const DURATION_BUCKETS: [f64; 14] = [
    0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06, 0.125, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// The listener's metrics, registered once per process.
pub struct Metrics {
    /// By code: Access-Request, Status-Server, other.
    requests: Vec<IntCounter>,
    /// In the order of [`DropReason::ALL`].
    drops: Vec<IntCounter>,
    /// In the order of [`ReplyCode`].
    replies: Vec<IntCounter>,
    repeated: IntCounter,
    logins: IntCounterVec,
    /// In the order of [`Reason::ALL`].
    rejects: Vec<IntCounter>,
    /// In the order of [`Silence::ALL`].
    silences: Vec<IntCounter>,
    replayed: IntCounter,
    duration: HistogramVec,
    pub(crate) in_flight: IntGauge,
    pub(crate) in_flight_max: IntGauge,
    pub(crate) duplicates: IntGauge,
    pub(crate) receive_buffer: IntGauge,
    labels: ClientLabels,
}

impl Metrics {
    /// Makes the metrics and registers them.
    ///
    /// # Errors
    /// When the registry already has metrics of these names: call this once per registry.
    pub fn register(registry: &Registry) -> Result<Self, Error> {
        let codes = ["access_request", "status_server", "other"];
        let replies = ["accept", "reject", "challenge"];
        let registrar = Registrar(registry);
        Ok(Self {
            requests: registrar.counters(
                (
                    "quorate_radius_requests_total",
                    "RADIUS packets whose lengths add up, by code.",
                ),
                ("code", codes),
            )?,
            drops: registrar.counters(
                (
                    "quorate_radius_drops_total",
                    "Datagrams that were not answered, by reason.",
                ),
                ("reason", DropReason::ALL.map(DropReason::label)),
            )?,
            replies: registrar.counters(
                ("quorate_radius_replies_total", "RADIUS replies sent, by code."),
                ("code", replies),
            )?,
            repeated: registrar.register(IntCounter::new(
                "quorate_radius_replies_repeated_total",
                "Of the replies sent, those repeated from memory for a retransmitted request.",
            ))?,
            logins: registrar.register(IntCounterVec::new(
                Opts::new("quorate_logins_total", "Logins judged, by result, method and client."),
                &["result", "method", "client"],
            ))?,
            rejects: registrar.counters(
                (
                    "quorate_login_rejects_total",
                    "Logins rejected, by the exact reason, which the person is not told.",
                ),
                ("reason", Reason::ALL.map(Reason::label)),
            )?,
            silences: registrar.counters(
                ("quorate_login_silences_total", "Logins that got no verdict, by cause."),
                ("cause", Silence::ALL.map(Silence::label)),
            )?,
            replayed: registrar.register(IntCounter::new(
                "quorate_logins_replayed_total",
                "Of the logins judged, those whose verdict the cluster remembered: nothing was consumed.",
            ))?,
            duration: registrar.register(HistogramVec::new(
                HistogramOpts::new(
                    "quorate_login_duration_seconds",
                    "From the receipt of an Access-Request to its verdict, by result.",
                )
                .buckets(DURATION_BUCKETS.to_vec()),
                &["result"],
            ))?,
            in_flight: registrar.register(IntGauge::new(
                "quorate_radius_logins_in_flight",
                "Logins being judged now.",
            ))?,
            in_flight_max: registrar.register(IntGauge::new(
                "quorate_radius_logins_in_flight_limit",
                "Logins that may be judged at once; more are dropped as queue_full.",
            ))?,
            duplicates: registrar.register(IntGauge::new(
                "quorate_radius_requests_remembered",
                "Requests remembered to recognise retransmissions.",
            ))?,
            receive_buffer: registrar.register(IntGauge::new(
                "quorate_radius_receive_buffer_bytes",
                "Receive buffer the kernel granted to each socket.",
            ))?,
            labels: ClientLabels::default(),
        })
    }

    pub(crate) fn request(&self, code: Code) {
        let place = match code {
            Code::AccessRequest => 0,
            Code::StatusServer => 1,
            _ => 2,
        };
        self.requests[place].inc();
    }

    pub(crate) fn dropped(&self, reason: DropReason) {
        self.drops[reason as usize].inc();
    }

    pub(crate) fn replied(&self, code: ReplyCode) {
        self.replies[code as usize].inc();
    }

    pub(crate) fn repeated(&self, code: ReplyCode) {
        self.replied(code);
        self.repeated.inc();
    }

    /// A login that came to an end after `took`, answered or not.
    pub(crate) fn judged(&self, client: &Client, answer: &Answer, took: Duration) {
        let result = result_label(&answer.decision);
        let method = answer.method.map_or("unknown", |method| method.label());
        let client = self.labels.label(&client.name);
        self.logins.with_label_values(&[result, method, client]).inc();
        self.duration.with_label_values(&[result]).observe(took.as_secs_f64());
        if answer.replayed {
            self.replayed.inc();
        }
        match answer.decision {
            Decision::Reject(reason) => self.rejects[reason as usize].inc(),
            Decision::Silent(silence) => self.silences[silence as usize].inc(),
            Decision::Accept | Decision::Challenge { .. } => {}
        }
    }
}

fn result_label(decision: &Decision) -> &'static str {
    match decision {
        Decision::Accept => "accept",
        Decision::Reject(_) => "reject",
        Decision::Challenge { .. } => "challenge",
        Decision::Silent(_) => "silent",
    }
}

/// Registers what it is given.
struct Registrar<'a>(&'a Registry);

impl Registrar<'_> {
    fn register<C: Collector + Clone + 'static>(&self, metric: Result<C, Error>) -> Result<C, Error> {
        let metric = metric?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    /// One counter for each value of a label, all present from the start, in the order of the values.
    fn counters<const N: usize>(
        &self,
        (name, help): (&str, &str),
        (label, values): (&str, [&str; N]),
    ) -> Result<Vec<IntCounter>, Error> {
        let family = self.register(IntCounterVec::new(Opts::new(name, help), &[label]))?;
        Ok(values.iter().map(|value| family.with_label_values(&[*value])).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_their_counters_are_in_the_same_order() {
        for (place, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place, "{reason:?}");
        }
        for (place, silence) in Silence::ALL.into_iter().enumerate() {
            assert_eq!(silence as usize, place, "{silence:?}");
        }
        for (place, code) in [ReplyCode::Accept, ReplyCode::Reject, ReplyCode::Challenge]
            .into_iter()
            .enumerate()
        {
            assert_eq!(code as usize, place, "{code:?}");
        }
    }

    #[test]
    fn registering_twice_is_an_error_and_not_a_panic() {
        let registry = Registry::new();
        assert!(Metrics::register(&registry).is_ok());
        assert!(Metrics::register(&registry).is_err());
    }
}
