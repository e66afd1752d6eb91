//! Which gateway is asked: priority, filters, rates, health, deadlines; what status and tests tell.

use std::{io::Write, sync::Arc, time::Duration};

use parking_lot::Mutex;
use quorate_delivery::{Channel, Gateway, Kind, Outcome, Rate, Routes, SmtpAuthentication, SmtpTls, StepName};
use quorate_gateways::{Certificates, ClosedPort, http_server, mail_server};
use tokio::time::Instant;

use crate::fixtures::{
    AMPLE, at, console, mail, mail_gateway, mail_to, outcomes, routes, send, sms, sms_to, texts, word,
};

/// A console gateway, with what it printed.
fn printing() -> (Arc<Mutex<Vec<u8>>>, Gateway) {
    let printed = Arc::new(Mutex::new(Vec::new()));
    (
        printed,
        Gateway::new("console", [Channel::Sms, Channel::Voice, Channel::Email], Kind::Console),
    )
}

fn named(name: &str) -> Gateway {
    Gateway::new(name, [Channel::Sms, Channel::Email], Kind::Console)
}

async fn by(gateways: &[Gateway], message: &quorate_delivery::Message) -> String {
    let sent = send(gateways, message).await;
    outcomes(&sent)
        .last()
        .map_or_else(|| "nobody".to_owned(), |(gateway, _)| (*gateway).to_owned())
}

#[tokio::test]
async fn the_console_prints_the_message() {
    let (printed, gateway) = printing();
    let routes = Routes::new(&[gateway], printed.clone()).unwrap();
    routes.send(&sms(), Instant::now() + AMPLE).await;
    routes.send(&mail(), Instant::now() + AMPLE).await;
    let text = String::from_utf8(printed.lock().clone()).unwrap();
    assert_eq!(
        text,
        "sms to +905321234567: Your code is 492039\nemail to alice@example.com [Your code]: Your code is 492039\n.\nIt is good for 5 minutes.\n"
    );
}

#[tokio::test]
async fn priority_channel_country_and_domain_decide() {
    let germany = Gateway {
        priority: 1,
        country_codes: vec!["49".to_owned(), "43".to_owned()],
        ..named("germany")
    };
    let world = Gateway {
        priority: 2,
        ..named("world")
    };
    let off = Gateway {
        enabled: false,
        ..named("off")
    };
    let own = Gateway {
        mail_domains: vec!["example.com".to_owned(), ".corp.example".to_owned()],
        ..named("own")
    };
    let gateways = [world, germany, off, own];
    let own_first = [gateways[3].clone(), gateways[0].clone()];
    assert_eq!(by(&gateways[..3], &sms_to("+4915112345678")).await, "germany");
    assert_eq!(by(&gateways[..3], &sms_to("+905321234567")).await, "world");
    assert_eq!(by(&gateways[1..3], &sms_to("+905321234567")).await, "nobody");
    assert_eq!(by(&own_first, &mail_to("a@Example.COM")).await, "own");
    assert_eq!(by(&own_first, &mail_to("a@x.corp.example")).await, "own");
    assert_eq!(by(&own_first, &mail_to("a@corp.example")).await, "world");
    assert_eq!(by(&own_first, &mail_to("a@notexample.com")).await, "world");
    let calls_only = Gateway {
        channels: vec![Channel::Voice],
        ..named("calls")
    };
    assert!(!routes(std::slice::from_ref(&calls_only)).serves(&sms()));
    assert_eq!(by(&[calls_only], &sms()).await, "nobody");
}

#[tokio::test]
async fn at_the_limit_of_its_rate_a_gateway_is_passed_over() {
    let limited = Gateway {
        rate: Some(Rate {
            per_minute: 1,
            burst: 2,
        }),
        ..named("limited")
    };
    let routes = routes(&[
        limited,
        Gateway {
            priority: 1,
            ..named("other")
        },
    ]);
    let mut who = Vec::new();
    for _ in 0..3 {
        who.push(routes.send(&sms(), Instant::now() + AMPLE).await);
    }
    assert_eq!(outcomes(&who[1]), [("limited", "accepted")]);
    assert_eq!(outcomes(&who[2]), [("limited", "rate limited"), ("other", "accepted")]);
    let Outcome::RateLimited { retry_after } = who[2].attempts()[0].outcome else {
        panic!()
    };
    assert!(
        retry_after > Duration::ZERO && retry_after <= Duration::from_secs(60),
        "{retry_after:?}"
    );
    let counters = routes.status()[0].counters;
    assert_eq!((counters.sent, counters.rate_limited, counters.failed), (2, 1, 0));
}

#[tokio::test]
async fn who_keeps_failing_is_asked_last_until_it_succeeds() {
    let mut server = http_server(&[], None);
    let flaky = at("flaky", server.port("port"), "/ok");
    let other = Gateway {
        priority: 9,
        ..named("other")
    };
    let routes = routes(&[flaky.clone(), other.clone()]);
    assert_eq!(
        outcomes(&routes.send(&sms(), Instant::now() + AMPLE).await),
        [("flaky", "accepted")]
    );
    server.stop();
    for _ in 0..3 {
        let sent = routes.send(&sms(), Instant::now() + AMPLE).await;
        assert_eq!(
            outcomes(&sent),
            [("flaky", "unreachable"), ("other", "accepted")],
            "{sent:?}"
        );
    }
    let sent = routes.send(&sms(), Instant::now() + AMPLE).await;
    assert_eq!(outcomes(&sent), [("other", "accepted")], "it backs off: {sent:?}");
    let status = &routes.status()[0];
    assert_eq!(
        (
            status.consecutive_failures,
            status.counters.sent,
            status.counters.failed
        ),
        (3, 1, 3)
    );
    assert!(status.backing_off_for.is_some() && status.last_success.is_some());
    assert!(
        status
            .last_error
            .as_ref()
            .unwrap()
            .0
            .starts_with("unreachable: 127.0.0.1:"),
        "{status:?}"
    );

    let alone = routes.with(&[flaky]).unwrap();
    let sent = alone.send(&sms(), Instant::now() + AMPLE).await;
    assert_eq!(
        outcomes(&sent),
        [("flaky", "unreachable")],
        "the only one is asked all the same"
    );
    assert_eq!(alone.status()[0].counters.failed, 4, "counts go on under new settings");
}

#[tokio::test]
async fn refusals_of_single_messages_do_not_change_the_order() {
    let server = http_server(&[], None);
    let strict = at("strict", server.port("port"), "/status/400");
    let routes = routes(&[
        strict,
        Gateway {
            priority: 9,
            ..named("other")
        },
    ]);
    for _ in 0..5 {
        let sent = routes.send(&sms(), Instant::now() + AMPLE).await;
        assert_eq!(outcomes(&sent), [("strict", "refused"), ("other", "accepted")]);
    }
    assert_eq!(routes.status()[0].consecutive_failures, 0);
}

#[tokio::test]
async fn after_the_deadline_nothing_is_begun() {
    let server = http_server(&[], None);
    let routes = routes(&[at("sms", server.port("port"), "/ok")]);
    let sent = routes.send(&sms(), Instant::now()).await;
    assert_eq!(outcomes(&sent), [("sms", "too late")]);
    assert!(!sent.may_have_arrived() && server.recorded().is_empty());
    // What waits for an answer at the deadline is given up as unknown; what waits for a connection is known not to be sent.
    let slow = crate::fixtures::routes(&[at("slow", server.port("port"), "/slow")]);
    let sent = slow.send(&sms(), Instant::now() + Duration::from_secs(2)).await;
    assert_eq!(outcomes(&sent), [("slow", "unknown")], "{sent:?}");
    let certificates = Certificates::new();
    let mut http = crate::fixtures::http_at(1, "/");
    http.url = format!("https://127.0.0.1:{}/ok", server.port("mute"));
    http.trust.ca_pem = certificates.ca_pem.clone();
    let mute = crate::fixtures::routes(&[crate::fixtures::gateway("mute", http)]);
    let sent = mute.send(&sms(), Instant::now() + Duration::from_secs(1)).await;
    assert_eq!(
        crate::fixtures::last(&sent),
        "unreachable: time was up in the TLS handshake with 127.0.0.1"
    );
}

#[tokio::test]
async fn a_gateway_that_cannot_be_used_holds_nobody_up() {
    let mut broken = mail_gateway(&[(25, SmtpTls::Starttls)], SmtpAuthentication::None, "");
    if let Kind::Smtp(smtp) = &mut broken.kind {
        "/nowhere/ca.pem".clone_into(&mut smtp.trust.ca_file);
    }
    let routes = Routes::new(
        &[
            broken,
            Gateway {
                priority: 1,
                ..named("other")
            },
        ],
        console(),
    )
    .unwrap();
    let sent = routes.send(&mail(), Instant::now() + AMPLE).await;
    assert_eq!(
        outcomes(&sent),
        [("mail", "unreachable"), ("other", "accepted")],
        "{sent:?}"
    );
    assert_eq!(
        routes.status()[0].unusable,
        "kind.smtp.trust.ca_file cannot be read: No such file or directory"
    );
    let twice = Routes::new(&[named("a"), named("a")], console()).unwrap_err();
    assert_eq!(texts(&twice), ["gateways[1].name is the name of another gateway too"]);
}

#[tokio::test]
async fn a_test_tells_every_step() {
    let certificates = Certificates::new();
    let options = ["--tls", "starttls", "--user", "mfa", "--password", "s3cret & more"];
    let server = mail_server(&options, Some(&certificates));
    let closed = ClosedPort::new();
    let authentication = SmtpAuthentication::Plain {
        user: "mfa".to_owned(),
        password: quorate_delivery::Secret::new("s3cret & more"),
    };
    let servers = [
        (server.port("port"), SmtpTls::Starttls),
        (closed.number(), SmtpTls::Starttls),
    ];
    let gateway = Gateway {
        enabled: false,
        ..mail_gateway(&servers, authentication, &certificates.ca_pem)
    };
    let routes = routes(&[gateway]);
    let report = routes.test("mail", &mail(), Instant::now() + AMPLE).await.unwrap();
    let [first, second] = &report.servers[..] else {
        panic!("{report:?}")
    };
    let steps: Vec<_> = first.steps.iter().map(|step| (step.name, step.ok)).collect();
    let wanted = [
        StepName::Connect,
        StepName::Greeting,
        StepName::Tls,
        StepName::Authenticate,
        StepName::Send,
    ];
    assert_eq!(steps, wanted.map(|name| (name, true)));
    assert!(first.steps[2].detail.starts_with("TLSv1_3"), "{first:?}");
    assert_eq!(first.steps[4].detail, "250 2.0.0 OK: queued as 4F2A1C");
    assert_eq!(
        (word(&first.outcome), word(&second.outcome)),
        ("accepted", "unreachable")
    );
    assert_eq!(second.steps.len(), 1);
    assert!(
        !second.steps[0].ok && second.steps[0].detail.contains("Connection refused"),
        "{second:?}"
    );
    assert_eq!(server.wait_for(1).len(), 1);
    assert_eq!(routes.test("nobody", &mail(), Instant::now() + AMPLE).await, None);
}

struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("no space left"))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_console_that_is_full_has_not_printed() {
    let routes = Routes::new(&[named("console")], Arc::new(Mutex::new(Full))).unwrap();
    let sent = routes.send(&sms(), Instant::now() + AMPLE).await;
    assert_eq!(crate::fixtures::last(&sent), "unreachable: cannot print: no space left");
}
