//! Every preset against a server that stands in for its provider: the documented request, read by the other side, and the documented answer.

use std::collections::BTreeMap;

use quorate_delivery::{
    Channel, Gateway, Kind, Message, Phone, Recipient, Secret, Sent,
    presets::{PRESETS, Preset},
};
use quorate_gateways::{Server, http_server};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::fixtures::{mail, outcomes, send, sms};

/// A gateway of the preset, with something in every field.
fn filled(preset: &Preset) -> Gateway {
    let value = |name: &str| match name {
        "host" => "account.api.infobip.com".to_owned(),
        "url" => "http://kannel.example:13013".to_owned(),
        name => format!("<my {name}>"),
    };
    let values: BTreeMap<String, Secret> = preset
        .fields
        .iter()
        .map(|field| (field.name.to_owned(), Secret::new(value(field.name))))
        .collect();
    preset.fill(preset.id, &values).ok().unwrap()
}

/// The same, its host replaced by the test server's.
fn pointed_at(server: &Server, preset: &Preset) -> Gateway {
    let mut gateway = filled(preset);
    let Kind::Http(http) = &mut gateway.kind else { panic!() };
    let (_, rest) = http.url.split_once("://").unwrap();
    let (_, path) = rest.split_once('/').unwrap();
    http.url = format!("http://127.0.0.1:{}/ok/{path}", server.port("port"));
    if preset.id == "kannel_sms" {
        http.url = http.url.replace("/ok/", "/");
    } else {
        // The one answer that the test server gives; what each provider answers is judged in `answers_are_read`.
        http.success = quorate_delivery::Success::default();
    }
    if let quorate_delivery::HttpAuthentication::OAuth2(oauth2) = &mut http.authentication {
        oauth2.token_url = format!("http://127.0.0.1:{}/token", server.port("port"));
        "client".clone_into(&mut oauth2.client.id);
        oauth2.client.secret = Secret::new("s3cret & more");
    }
    gateway
}

fn message(channel: Channel) -> Message {
    match channel {
        Channel::Sms => sms(),
        Channel::Email => mail(),
        Channel::Voice => {
            let to = Recipient::Phone(Phone::parse(crate::fixtures::NUMBER, "").unwrap());
            let text = Zeroizing::new("Kodunuz <4> & \"9\"".to_owned());
            Message::new(Channel::Voice, to, "ref-3", text).unwrap()
        }
    }
}

#[tokio::test]
async fn requests_have_the_documented_form() {
    let server = http_server(&[], None);
    for preset in &PRESETS {
        let before = server.recorded().len();
        let sent = send(&[pointed_at(&server, preset)], &message(preset.channel)).await;
        assert_eq!(outcomes(&sent), [(preset.id, "accepted")], "{sent:?}");
        let recorded = server.wait_for(before + 1).split_off(before);
        let request = recorded.last().unwrap();
        let (path, body, authorization) = wanted(preset.id);
        assert_eq!(request["path"], path, "{}", preset.id);
        assert_eq!(
            request["headers"].get("authorization").cloned().unwrap_or_default(),
            authorization,
            "{}",
            preset.id
        );
        let read = if preset.id == "kannel_sms" {
            &request["query"]
        } else {
            &request["body"]
        };
        assert_eq!(read, &body, "{}", preset.id);
    }
}

/// What each provider documents as its answer to a message it takes, with its reference, and to one that it does not.
const ANSWERS: [(&str, u16, &str, Option<&str>); 22] = [
    ("twilio_sms", 201, r#"{"sid":"SM1","status":"queued"}"#, Some("SM1")),
    (
        "twilio_sms",
        400,
        r#"{"code":21211,"message":"Invalid 'To' Phone Number"}"#,
        None,
    ),
    ("twilio_voice", 201, r#"{"sid":"CA1","status":"queued"}"#, Some("CA1")),
    ("twilio_voice", 401, r#"{"code":20003}"#, None),
    (
        "vonage_sms",
        200,
        r#"{"message-count":"1","messages":[{"status":"0","message-id":"0A1"}]}"#,
        Some("0A1"),
    ),
    (
        "vonage_sms",
        200,
        r#"{"message-count":"1","messages":[{"status":"4","error-text":"Bad Credentials"}]}"#,
        None,
    ),
    (
        "messagebird_sms",
        201,
        r#"{"id":"e8077d80","recipients":{"totalSentCount":1}}"#,
        Some("e8077d80"),
    ),
    ("messagebird_sms", 422, r#"{"errors":[{"code":9}]}"#, None),
    ("messagebird_voice", 201, r#"{"id":"1"}"#, Some("1")),
    ("messagebird_voice", 401, r#"{"errors":[{"code":2}]}"#, None),
    ("bird_sms", 202, r#"{"id":"b1","status":"accepted"}"#, Some("b1")),
    ("bird_sms", 422, r#"{"code":"InvalidPayload"}"#, None),
    (
        "clickatell_sms",
        202,
        r#"{"messages":[{"apiMessageId":"77fb","accepted":true,"error":null}],"error":null}"#,
        Some("77fb"),
    ),
    (
        "clickatell_sms",
        207,
        r#"{"messages":[{"apiMessageId":null,"accepted":false,"error":{"code":7}}]}"#,
        None,
    ),
    (
        "infobip_sms",
        200,
        r#"{"messages":[{"status":{"groupId":1,"groupName":"PENDING"},"messageId":"22"}]}"#,
        Some("22"),
    ),
    (
        "infobip_sms",
        200,
        r#"{"messages":[{"status":{"groupId":5,"groupName":"REJECTED"},"messageId":"23"}]}"#,
        None,
    ),
    (
        "infobip_voice",
        200,
        r#"{"messages":[{"status":{"groupId":1},"messageId":"24"}]}"#,
        Some("24"),
    ),
    ("infobip_voice", 401, r#"{"requestError":{}}"#, None),
    ("kannel_sms", 202, "0: Accepted for delivery", Some("")),
    ("kannel_sms", 202, "3: Queued for later delivery", Some("")),
    ("kannel_sms", 403, "Authorization failed for sendsms", None),
    ("microsoft_graph_mail", 202, "-", Some("")),
];

#[tokio::test]
async fn answers_are_read() {
    let server = http_server(&[], None);
    for (id, status, answer, reference) in ANSWERS {
        let preset = Preset::find(id).unwrap();
        let mut gateway = pointed_at(&server, preset);
        let Kind::Http(http) = &mut gateway.kind else { panic!() };
        let Kind::Http(original) = filled(preset).kind else {
            panic!()
        };
        http.success = original.success;
        let encoded: String = form_urlencoded::byte_serialize(answer.replace(' ', "\u{1}").as_bytes()).collect();
        let answer = encoded.replace("%01", "%20");
        http.url = format!("http://127.0.0.1:{}/answer/{status}/{answer}", server.port("port"));
        let sent = send(&[gateway], &message(preset.channel)).await;
        match (&sent, reference) {
            (Sent::Delivered { reference, .. }, Some(wanted)) => {
                assert_eq!(reference.as_deref().unwrap_or_default(), wanted, "{id}")
            }
            (Sent::Failed { .. }, None) => assert_eq!(outcomes(&sent), [(id, "refused")], "{sent:?}"),
            _ => panic!("{id} {status} {answer}: {sent:?}"),
        }
    }
}

/// Path, body (or query) and Authorization.
fn wanted(preset: &str) -> (&'static str, Value, Value) {
    let basic = json!("Basic PG15IGFjY291bnRfc2lkPjo8bXkgYXV0aF90b2tlbj4=");
    let spoken = "Kodunuz <4> & \"9\"";
    let text = "Your code is 492039";
    match preset {
        "twilio_sms" => (
            "/ok/2010-04-01/Accounts/%3Cmy%20account_sid%3E/Messages.json",
            json!([["To", "+905321234567"], ["From", "<my sender>"], ["Body", text]]),
            basic,
        ),
        "twilio_voice" => (
            "/ok/2010-04-01/Accounts/%3Cmy%20account_sid%3E/Calls.json",
            json!([
                ["To", "+905321234567"],
                ["From", "<my sender>"],
                [
                    "Twiml",
                    "<Response><Say language=\"&lt;my voice_language&gt;\" loop=\"2\">Kodunuz &lt;4&gt; &amp; &quot;9&quot;</Say></Response>"
                ]
            ]),
            basic,
        ),
        "vonage_sms" => (
            "/ok/sms/json",
            json!([
                ["api_key", "<my api_key>"],
                ["api_secret", "<my api_secret>"],
                ["from", "<my sender>"],
                ["to", "905321234567"],
                ["type", "text"],
                ["text", text]
            ]),
            Value::Null,
        ),
        "messagebird_sms" => (
            "/ok/messages",
            json!({"originator": "<my sender>", "recipients": ["905321234567"], "body": text, "datacoding": "auto", "reference": "ref-1"}),
            json!("AccessKey <my access_key>"),
        ),
        "messagebird_voice" => (
            "/ok/voicemessages",
            json!({"originator": "<my sender>", "recipients": ["905321234567"], "body": spoken, "language": "<my voice_language>", "repeat": 2}),
            json!("AccessKey <my access_key>"),
        ),
        "bird_sms" => (
            "/ok/workspaces/%3Cmy%20workspace_id%3E/channels/%3Cmy%20channel_id%3E/messages",
            json!({"receiver": {"contacts": [{"identifierKey": "phonenumber", "identifierValue": "+905321234567"}]},
                "body": {"type": "text", "text": {"text": text}}, "reference": "ref-1"}),
            json!("AccessKey <my access_key>"),
        ),
        "clickatell_sms" => (
            "/ok/v1/message",
            json!({"messages": [{"channel": "sms", "to": "905321234567", "content": text}]}),
            json!("<my api_key>"),
        ),
        "infobip_sms" => (
            "/ok/sms/2/text/advanced",
            json!({"messages": [{"from": "<my sender>", "destinations": [{"to": "905321234567"}], "text": text}]}),
            json!("App <my api_key>"),
        ),
        "infobip_voice" => (
            "/ok/tts/3/single",
            json!({"from": "<my sender>", "to": "905321234567", "text": spoken, "language": "<my voice_language>"}),
            json!("App <my api_key>"),
        ),
        "kannel_sms" => (
            "/cgi-bin/sendsms",
            json!([
                ["username", "<my username>"],
                ["password", "<my password>"],
                ["from", "<my sender>"],
                ["to", "+905321234567"],
                ["charset", "UTF-8"],
                ["coding", "0"],
                ["text", text]
            ]),
            Value::Null,
        ),
        "microsoft_graph_mail" => (
            "/ok/v1.0/users/%3Cmy%20mailbox%3E/sendMail",
            json!({"message": {"subject": "Your code",
                "body": {"contentType": "Text", "content": "Your code is 492039\n.\nIt is good for 5 minutes."},
                "toRecipients": [{"emailAddress": {"address": "alice@example.com"}}]}, "saveToSentItems": false}),
            json!("Bearer token-0"),
        ),
        other => panic!("no expectation for {other}"),
    }
}
