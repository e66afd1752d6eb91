//! Settings: every wrong field named, unwise ones warned of, secrets left out of what is stored.

use quorate_delivery::{
    Body, Channel, Field, Gateway, Http, HttpAuthentication, Kind, Proxy, Rate, Secret, SmppSender, SmtpAuthentication,
    SmtpTls, StatusRange, TypeOfNumber,
};
use quorate_gateways::Certificates;

use crate::fixtures::{gateway, http_at, mail_gateway, smpp_gateway, texts};

#[test]
fn every_wrong_field_of_a_mail_gateway_is_named() {
    let authentication = SmtpAuthentication::Plain {
        user: String::new(),
        password: Secret::default(),
    };
    let mut gateway = mail_gateway(
        &[(0, SmtpTls::None), (587, SmtpTls::Starttls)],
        authentication,
        "no certificate",
    );
    gateway.name.clear();
    gateway.channels = vec![Channel::Sms, Channel::Email];
    gateway.country_codes = vec!["+90".to_owned(), "289".to_owned(), "90".to_owned()];
    gateway.mail_domains = vec!["a b".to_owned(), ".ok.example".to_owned()];
    gateway.rate = Some(Rate {
        per_minute: 0,
        burst: 0,
    });
    gateway.retries = 6;
    gateway.timeout_ms = 0;
    gateway.connect_timeout_ms = 120_001;
    let Kind::Smtp(smtp) = &mut gateway.kind else { panic!() };
    "host:25".clone_into(&mut smtp.servers[1].host);
    "nobody".clone_into(&mut smtp.from);
    "a@b@c".clone_into(&mut smtp.reply_to);
    "a\r\nb".clone_into(&mut smtp.from_name);
    "a b".clone_into(&mut smtp.helo_name);
    smtp.allow_clear_authentication = false;
    let wanted = [
        "name is empty",
        "channels has more than email, which is all that SMTP carries",
        "country_codes[0] is not the code of a country, such as 90, or the beginning of its numbers",
        "country_codes[1] is not the code of a country, such as 90, or the beginning of its numbers",
        "mail_domains[0] is not a domain",
        "rate.per_minute is 0: nothing would ever be sent",
        "rate.burst is 0: nothing would ever be sent",
        "retries is more than 5",
        "timeout_ms has to be 1 to 120000 milliseconds",
        "connect_timeout_ms has to be 1 to 120000 milliseconds",
        "kind.smtp.servers[0].port is 0",
        "kind.smtp.servers[0].tls is none, so that the password would travel in clear: use starttls or implicit, or set allow_clear_authentication",
        "kind.smtp.servers[1].host is not the name or address of a host",
        "kind.smtp.from is not a mail address: not of the form name@domain",
        "kind.smtp.reply_to is not a mail address: the part before the @ has '@', or a dot at a wrong place",
        "kind.smtp.from_name has a control character (a line break, perhaps)",
        "kind.smtp.helo_name is neither a domain nor an address in brackets",
        "kind.smtp.trust.ca_pem has no certificate in PEM form",
        "kind.smtp.authentication.password is empty",
        "kind.smtp.authentication.user is empty",
    ];
    assert_eq!(texts(&gateway.check().unwrap_err()), wanted);
}

#[test]
fn every_wrong_field_of_an_http_gateway_is_named() {
    let field = |name: &str, value: &str| Field {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let mut http = Http::new("https://{to}.example/");
    http.headers = vec![
        field("Content-Length", "1"),
        field("a b", "x"),
        field("X", "a\r\nb"),
        field("Y", "{pin}"),
    ];
    http.body = Body::Form(vec![field("", "{nothing}")]);
    http.parameters.insert("Sender!".to_owned(), "..".to_owned());
    http.secrets.insert("key".to_owned(), Secret::new("a\nb"));
    http.authentication = HttpAuthentication::Basic {
        user: "a:b".to_owned(),
        password: Secret::default(),
    };
    http.success.statuses = vec![StatusRange::new(300, 200)];
    let wanted = [
        "kind.http.parameters.Sender! has a name of other characters than a-z, 0-9 and _",
        "kind.http.parameters.Sender! is a dot or two: it would change the path of the URL",
        "kind.http.secrets.key has a control character (a line break, perhaps)",
        "kind.http.authentication.user has a colon, which basic authentication cannot carry",
        "kind.http.authentication.password is empty",
        "kind.http.url has a placeholder in its host, which has to be fixed",
        "kind.http.headers[0].name is a header that is set by Quorate alone",
        "kind.http.headers[1].name is not the name of a header",
        "kind.http.headers[2].value has a control character (a line break, perhaps)",
        "kind.http.headers[3].value cannot be used: line 1, column 1: nothing is called {pin} here",
        "kind.http.body.form[0].name is empty",
        "kind.http.body.form[0].value cannot be used: line 1, column 1: nothing is called {nothing} here",
        "kind.http.success.statuses has a range that is not within 100 to 599",
    ];
    assert_eq!(texts(&gateway("sms", http).check().unwrap_err()), wanted);
}

#[test]
fn every_wrong_field_of_an_smpp_gateway_is_named() {
    let mut gateway = smpp_gateway("sms", &[2775, 0]);
    gateway.channels = vec![Channel::Sms, Channel::Voice];
    let Kind::Smpp(smpp) = &mut gateway.kind else { panic!() };
    "a b:c".clone_into(&mut smpp.servers[0].host);
    smpp.servers[1].tls = true;
    smpp.allow_clear_authentication = false;
    "a name that is too long".clone_into(&mut smpp.system_id);
    smpp.password = Secret::new("pässword");
    "a\nb".clone_into(&mut smpp.system_type);
    smpp.sender = SmppSender {
        address: "+4930123".to_owned(),
        ton: TypeOfNumber::International,
        ..SmppSender::default()
    };
    smpp.destination.ton = TypeOfNumber::Alphanumeric;
    smpp.sessions = 0;
    "no certificate".clone_into(&mut smpp.trust.ca_pem);
    let wanted = [
        "channels has more than sms, which is all that SMPP carries",
        "kind.smpp.servers[0].host is not the name or address of a host",
        "kind.smpp.servers[0].tls is off, so that the password would travel in clear: turn it on, or set allow_clear_authentication",
        "kind.smpp.servers[1].port is 0",
        "kind.smpp.system_id is longer than 15 characters, which is all that SMPP carries",
        "kind.smpp.password is longer than 8 characters, which is all that SMPP carries",
        "kind.smpp.password has characters outside of ASCII, or control characters",
        "kind.smpp.system_type has characters outside of ASCII, or control characters",
        "kind.smpp.sender.address is written without its plus; ton says that it is international",
        "kind.smpp.destination.ton is alphanumeric, and recipients are numbers",
        "kind.smpp.sessions has to be 1 to 16",
        "kind.smpp.trust.ca_pem has no certificate in PEM form",
    ];
    assert_eq!(texts(&gateway.check().unwrap_err()), wanted);
}

#[test]
fn a_sender_is_a_number_or_a_name() {
    for (address, ton, wanted) in [
        ("", TypeOfNumber::Unknown, ""),
        ("4930123", TypeOfNumber::International, ""),
        ("22666", TypeOfNumber::Abbreviated, ""),
        ("My Company", TypeOfNumber::Alphanumeric, ""),
        ("", TypeOfNumber::National, "is empty"),
        (
            "Example",
            TypeOfNumber::Unknown,
            "has to be at most 15 digits; for a name, ton has to be alphanumeric",
        ),
        (
            "My Companies",
            TypeOfNumber::Alphanumeric,
            "has to be at most 11 characters of ASCII",
        ),
        (
            "Şirket",
            TypeOfNumber::Alphanumeric,
            "has to be at most 11 characters of ASCII",
        ),
    ] {
        let mut gateway = smpp_gateway("sms", &[2775]);
        let Kind::Smpp(smpp) = &mut gateway.kind else { panic!() };
        smpp.sender = SmppSender {
            address: address.to_owned(),
            ton,
            ..SmppSender::default()
        };
        let problems = gateway.check().err().unwrap_or_default();
        let wanted: Vec<String> = match wanted {
            "" => Vec::new(),
            wanted => vec![format!("kind.smpp.sender.address {wanted}")],
        };
        assert_eq!(texts(&problems), wanted, "{address} {ton:?}");
    }
}

#[test]
fn what_is_unwise_is_warned_of() {
    let servers = [(465, SmtpTls::Starttls), (587, SmtpTls::Implicit), (25, SmtpTls::None)];
    let gateway = mail_gateway(&servers, SmtpAuthentication::None, &Certificates::new().ca_pem);
    gateway.check().unwrap();
    let wanted = [
        "kind.smtp.servers[0].tls is starttls on port 465, where servers expect TLS from the first byte: implicit",
        "kind.smtp.servers[1].tls is implicit on port 587, where servers expect starttls",
        "kind.smtp.servers[2].tls is none: whoever is on the way reads the codes",
    ];
    assert_eq!(texts(&gateway.warnings()), wanted);
    let mut clear = Gateway {
        retry_unknown: true,
        ..self::gateway("sms", http_at(1, "/"))
    };
    if let Kind::Http(http) = &mut clear.kind {
        "http://sms.example/".clone_into(&mut http.url);
    }
    let wanted = [
        "retry_unknown is on: a message may arrive twice",
        "kind.http.url is http: whoever is on the way reads codes and passwords",
    ];
    assert_eq!(texts(&clear.warnings()), wanted);
    assert_eq!(
        texts(&smpp_gateway("sms", &[2775]).warnings()),
        ["kind.smpp.servers[0].tls is off: whoever is on the way reads the codes and the password"]
    );
}

/// Settings with a secret in every place that can have one.
fn with_secrets() -> Vec<Gateway> {
    let mut http = http_at(8080, "/ok?key={secret.key}");
    http.secrets.insert("key".to_owned(), Secret::new("hush-1"));
    http.authentication = HttpAuthentication::Basic {
        user: "mfa".to_owned(),
        password: Secret::new("hush-2"),
    };
    http.proxy = Some(Proxy {
        host: "proxy".to_owned(),
        port: 3128,
        user: "u".to_owned(),
        password: Secret::new("hush-3"),
    });
    let plain = SmtpAuthentication::Plain {
        user: "mfa".to_owned(),
        password: Secret::new("hush-4"),
    };
    let mut smpp = smpp_gateway("sms", &[2775]);
    smpp.secrets(&mut |_, secret| *secret = Secret::new("hush-5"));
    vec![
        gateway("sms", http),
        mail_gateway(&[(25, SmtpTls::None)], plain, ""),
        smpp,
    ]
}

fn secrets(gateway: &mut Gateway) -> Vec<(String, String)> {
    let mut all = Vec::new();
    gateway.secrets(&mut |path, secret| all.push((path.to_owned(), secret.expose().to_owned())));
    all
}

#[test]
fn settings_come_back_without_their_secrets_in_any_format() {
    for mut gateway in with_secrets() {
        let kept = secrets(&mut gateway);
        assert!(!kept.is_empty());
        let json = serde_json::to_string(&gateway).unwrap();
        let toml = toml::to_string(&gateway).unwrap();
        let bytes = postcard::to_stdvec(&gateway).unwrap();
        assert!(!json.contains("hush") && !toml.contains("hush"));
        assert!(!bytes.windows(4).any(|window| window == b"hush"));
        let back: [Gateway; 3] = [
            serde_json::from_str(&json).unwrap(),
            toml::from_str(&toml).unwrap(),
            postcard::from_bytes(&bytes).unwrap(),
        ];
        for mut back in back {
            assert!(back.check().is_err(), "without its secrets it is not complete");
            let mut stored = kept.iter();
            back.secrets(&mut |path, secret| {
                let (wanted, value) = stored.next().unwrap();
                assert_eq!((path, secret.expose()), (wanted.as_str(), ""));
                *secret = Secret::new(value.clone());
            });
            back.check().unwrap();
            assert_eq!(secrets(&mut back), kept);
            assert_eq!(serde_json::to_string(&back).unwrap(), json);
        }
    }
}

#[test]
fn a_short_description_is_enough() {
    let gateway: Gateway = toml::from_str(
        r#"
        name = "mail"
        channels = ["email"]
        [kind.smtp]
        from = "mfa@example.com"
        servers = [{ host = "127.0.0.1", port = 25, tls = "none" }]
        "#,
    )
    .ok()
    .unwrap();
    gateway.check().unwrap();
    let gateway: Gateway = serde_json::from_str(
        r#"{"name": "sms", "channels": ["sms"], "kind": {"http": {"url": "http://127.0.0.1/send?to={to}", "method": "GET"}}}"#,
    )
    .ok()
    .unwrap();
    gateway.check().unwrap();
    let wrong = serde_json::from_str::<Gateway>(r#"{"name": "sms", "chanels": ["sms"], "kind": "console"}"#);
    assert!(wrong.err().unwrap().to_string().contains("chanels"));
}
