//! From silence to words. A RADIUS server that distrusts a request says nothing, on purpose; so all
//! that can be told from outside is a list of suspects. Where a node runs on this machine, its
//! counters of dropped packets, read before and after, name the culprit.

use std::collections::BTreeMap;

use quorate_api::Method;
use quorate_radius::client::ReplyError;

use super::exchange::{Cause, Exchange, Silence};
use crate::cli::{Context, api::Api};

/// The counters of a node on this machine, as they were; empty where there is none.
pub struct Drops {
    api: Option<Api>,
    before: BTreeMap<String, f64>,
}

impl Drops {
    pub async fn before(context: &Context) -> Drops {
        let api = context.config().ok().map(|config| Api::at_socket(config.api.socket));
        let before = counters(api.as_ref()).await;
        Drops { api, before }
    }

    /// The reasons for which packets were dropped since.
    pub async fn since(&self) -> Vec<String> {
        let now = counters(self.api.as_ref()).await;
        let grown = now
            .into_iter()
            .filter(|(reason, count)| *count > self.before.get(reason).copied().unwrap_or(0.0));
        grown.map(|(reason, _)| reason).collect()
    }
}

async fn counters(api: Option<&Api>) -> BTreeMap<String, f64> {
    let Some(api) = api else {
        return BTreeMap::new();
    };
    match api.exchange(Method::Get, "/metrics", None::<&()>).await {
        Ok((200, body)) => parse(&String::from_utf8_lossy(&body)),
        _ => BTreeMap::new(),
    }
}

/// `quorate_radius_drops_total{reason="x"} 3` lines of the Prometheus text format.
fn parse(metrics: &str) -> BTreeMap<String, f64> {
    let mut counters = BTreeMap::new();
    for line in metrics
        .lines()
        .filter(|line| line.starts_with("quorate_radius_drops_total"))
    {
        let reason = line.split_once("reason=\"").and_then(|(_, rest)| rest.split_once('"'));
        let count = line.rsplit_once(' ').and_then(|(_, count)| count.parse::<f64>().ok());
        if let (Some((reason, _)), Some(count)) = (reason, count) {
            *counters.entry(reason.to_owned()).or_insert(0.0) += count;
        }
    }
    counters
}

/// What to do about the silence, most telling first.
pub fn advice(silences: &[Silence], exchange: &Exchange, dropped: Vec<String>) -> Vec<String> {
    let mut advice = Vec::new();
    advice.extend(dropped.iter().map(|reason| dropped_because(reason)));
    let seen = |wanted: fn(&Cause) -> bool| silences.iter().any(|silence| wanted(&silence.cause));
    if seen(|cause| {
        matches!(
            cause,
            Cause::Untrusted(ReplyError::ResponseAuthenticator | ReplyError::MessageAuthenticator)
        )
    }) {
        advice.push("the shared secret here and the one of this client on the server differ: compare them, or make a new one with `quorate client rotate-secret`".to_owned());
    }
    if seen(|cause| matches!(cause, Cause::Untrusted(ReplyError::Unsigned))) {
        advice.push("the server leaves Message-Authenticator out of its replies, so anyone on the way could forge them (CVE-2024-3596); Quorate always sends it, so another server answered. --no-message-authenticator accepts it".to_owned());
    }
    if seen(|cause| matches!(cause, Cause::Refused)) {
        advice.push(
            "is the node running, and is the port right? quorate status; radius.listen in quorate config show"
                .to_owned(),
        );
    }
    if seen(|cause| matches!(cause, Cause::Unreachable(_))) {
        advice.push("is there a route to that address? ip route get ADDRESS".to_owned());
    }
    if dropped.is_empty() && seen(|cause| matches!(cause, Cause::Nothing)) {
        advice.push(suspects(exchange));
    }
    advice
}

/// A drop reason of the node on this machine, in words, with what to do.
fn dropped_because(reason: &str) -> String {
    let words = match reason {
        "wrong_message_authenticator" => {
            "wrong shared secret: the one here and the one of this client on the server differ. Compare them, or make a new one: quorate client rotate-secret NAME"
        }
        "missing_message_authenticator" => {
            "no Message-Authenticator in the request, and this client must send one (CVE-2024-3596). For a gateway that cannot: quorate client change NAME --require-message-authenticator false"
        }
        "unknown_client" => {
            "unknown client: the address this was sent from belongs to no RADIUS client, or to one that is disabled. quorate client list; quorate client create NAME --network ADDRESS …"
        }
        "not_serving" | "no_verdict" => "no verdict: most likely the node reaches no quorum. quorate status",
        "crowded" => "overload: more logins come than can be judged, and those in hand wait for each other already",
        "queue_full" => "overload: as many logins as may be are being judged already",
        "late" => "too late: the verdict took more than 10 s, and the gateway has given up by then",
        "invalid_request" => "an Access-Request against the protocol, such as CHAP or EAP, which are not served",
        other => {
            return format!(
                "the node on this machine dropped packets just now: {}",
                other.replace('_', " ")
            );
        }
    };
    format!("the node on this machine says: {words}")
}

fn suspects(exchange: &Exchange) -> String {
    let source = match exchange.source {
        Some(ip) => format!("{ip}, from which this was sent,"),
        None => "this machine's address".to_owned(),
    };
    let unsigned = match exchange.signed {
        true => "",
        false => {
            "\n  - it carried no Message-Authenticator, which clients must send unless their settings say otherwise"
        }
    };
    format!(
        "a server stays silent when it cannot trust a request or cannot decide it:{unsigned}\n  \
         - the shared secret differs\n  \
         - {source} belongs to no client: quorate client list\n  \
         - the node reaches no quorum: quorate status\n  \
         - a firewall drops UDP\n\
         on the node, quorate_radius_drops_total in /metrics says which"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drop_counters_are_summed_by_reason() {
        let text = "# HELP x\nquorate_radius_drops_total{listener=\"a\",reason=\"unknown_client\"} 2\n\
                    quorate_radius_drops_total{listener=\"b\",reason=\"unknown_client\"} 1\n\
                    quorate_radius_received_total 9\n";
        assert_eq!(parse(text), BTreeMap::from([("unknown_client".to_owned(), 3.0)]));
    }
}
