//! A strict reader of RFC 5424 of our own against whatever strangers may type.

use proptest::prelude::*;

use super::super::{Kind, Record};
use super::*;

fn origin() -> Origin {
    Origin {
        host: "ankara-1".to_owned(),
        process: 77,
    }
}

fn record(facts: Vec<(&'static str, String)>, text: &str) -> Record {
    Record {
        at_ms: 1_066_169_655_003,
        kind: Kind::Rejected,
        name: "login_rejected".to_owned(),
        facts,
        text: text.to_owned(),
        seq: Some(42),
    }
}

/// What a message says.
#[derive(Debug, PartialEq)]
struct Read {
    priority: u8,
    header: Vec<String>,
    element: String,
    facts: Vec<(String, String)>,
    text: String,
}

/// RFC 5424 §6, and nothing that it does not allow.
fn read(message: &[u8]) -> Option<Read> {
    let message = std::str::from_utf8(message).ok()?;
    let (priority, rest) = message.strip_prefix('<')?.split_once(">1 ")?;
    let mut fields = rest.splitn(6, ' ');
    let header: Vec<String> = fields.by_ref().take(5).map(str::to_owned).collect();
    let printable = |field: &String| !field.is_empty() && field.bytes().all(|b| (33..=126).contains(&b));
    if !header.iter().all(printable) {
        return None;
    }
    let mut rest = fields.next()?.strip_prefix('[')?.chars().peekable();
    let mut word = |end: &[char]| {
        let mut word = String::new();
        while let Some(c) = rest.next_if(|c| !end.contains(c)) {
            word.push(c);
        }
        (word, rest.next())
    };
    let (element, mut next) = word(&[' ', ']']);
    let mut facts = Vec::new();
    while next == Some(' ') {
        let (name, equals) = word(&['=', ' ', ']', '"']);
        if equals != Some('=') || word(&['"']) != (String::new(), Some('"')) {
            return None;
        }
        let mut value = String::new();
        loop {
            match word(&['"', '\\', ']']) {
                (part, Some('"')) => {
                    value += &part;
                    break;
                }
                (part, Some('\\')) => {
                    value += &part;
                    let (nothing, escaped) = word(&['"', '\\', ']']);
                    if !nothing.is_empty() {
                        return None;
                    }
                    value.push(escaped?);
                }
                _ => return None,
            }
        }
        facts.push((name, value));
        next = word(&[' ', ']']).1;
    }
    if next != Some(']') || word(&[' ']) != (String::new(), Some(' ')) {
        return None;
    }
    let text: String = rest.collect();
    Some(Read {
        priority: priority.parse().ok()?,
        header,
        element,
        facts,
        text: text.strip_prefix(BOM)?.to_owned(),
    })
}

#[test]
fn an_ordinary_message() {
    let facts = vec![("user", "alice".to_owned()), ("reason", "wrong_code".to_owned())];
    let message = encode(&record(facts, "login of alice rejected"), &origin(), None);
    assert_eq!(
        String::from_utf8(message).unwrap(),
        "<85>1 2003-10-14T22:14:15.003Z ankara-1 quorate 77 login_rejected \
         [quorate@32473 seq=\"42\" user=\"alice\" reason=\"wrong_code\"] \u{feff}login of alice rejected"
    );
}

#[test]
fn a_forged_line_stays_one_value() {
    let forged = "x\"] ok\n<86>1 - - - - - -\r\0\x1b[2J\u{9b}\u{2028}\u{202e}\\";
    let message = encode(&record(vec![("user", forged.to_owned())], forged), &origin(), None);
    let read = read(&message).expect("is one message");
    let harmless = "x\"] ok\u{fffd}<86>1 - - - - - -\u{fffd}\u{fffd}\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}\\";
    assert_eq!(read.facts[1], ("user".to_owned(), harmless.to_owned()));
    assert_eq!(read.text, harmless);
}

#[test]
fn a_server_may_have_one_facility_for_everything() {
    let message = encode(&record(Vec::new(), ""), &origin(), Some(Facility::Local4));
    assert!(message.starts_with(b"<165>1 "));
}

#[test]
fn what_does_not_fit_is_left_out_from_the_end_and_counted() {
    let long = "ş".repeat(400);
    let facts = ["a", "b", "c", "d", "e", "f"].map(|name| (name, long.clone())).to_vec();
    let message = encode(&record(facts, &"text ".repeat(1_000)), &origin(), None);
    assert!(message.len() <= limits::MESSAGE_BYTES && message.len() > limits::MESSAGE_BYTES - 4);
    let read = read(&message).expect("is a message");
    let names: Vec<&str> = read.facts.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["seq", "a", "b", "c", "left_out"]);
    assert_eq!(read.facts[4].1, "3");
    assert!(read.facts[1].1.ends_with("ş…") && read.text.ends_with('…'));
}

#[test]
fn streams_count_octets() {
    let settings = |transport| ServerSettings::to("h:1", transport);
    assert_eq!(
        &*frame("ş".as_bytes(), &settings(crate::syslog::Transport::Tcp)),
        "2 ş".as_bytes()
    );
    assert_eq!(&*frame(b"x", &settings(crate::syslog::Transport::Tls)), b"1 x");
    assert_eq!(&*frame(b"x", &settings(crate::syslog::Transport::Udp)), b"x");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever goes in: one line, bounded, and a reader finds exactly the fields that were put in, in their place.
    #[test]
    fn nothing_that_is_typed_can_forge_a_message(
        values in prop::collection::vec(any::<Vec<char>>(), 0..6),
        text in any::<Vec<char>>(),
        name in any::<String>(),
        host in any::<String>(),
        at_ms in any::<u64>(),
    ) {
        let values: Vec<String> = values.into_iter().map(String::from_iter).collect();
        let facts = ["user", "client", "source", "nas", "calling", "request"].into_iter().zip(values.clone()).collect();
        let text = String::from_iter(text);
        let record = Record { at_ms, kind: Kind::Accepted, name, facts, text: text.clone(), seq: Some(7) };
        let message = encode(&record, &Origin { host, process: 1 }, None);
        prop_assert!(message.len() <= limits::MESSAGE_BYTES);

        let read = read(&message);
        prop_assert!(read.is_some(), "not RFC 5424: {:?}", String::from_utf8_lossy(&message));
        let read = read.expect("looked at above");
        prop_assert_eq!(read.priority, 86);
        prop_assert_eq!(&read.element, "quorate@32473");
        let tame = |text: &str| text.chars().map(visible).collect::<String>();
        let same = |found: &str, sent: &str| match found.strip_suffix('…') {
            Some(begun) => tame(sent).starts_with(begun),
            None => found == tame(sent),
        };
        for (found, sent) in read.facts[1..].iter().zip(&values) {
            prop_assert!(same(&found.1, sent), "{:?} for {:?}", found, sent);
        }
        prop_assert_eq!(read.facts.len(), values.len() + 1);
        prop_assert!(same(&read.text, &text));
        let all = String::from_utf8(message).expect("read as text above");
        prop_assert_eq!(all.matches(BOM).count(), 1);
        let hidden = |c: char| c != '\u{feff}' && visible(c) != c;
        prop_assert!(!all.contains(hidden) && !all.contains(char::is_control));
    }

    /// Text made of what is special here, and long: cuts never fall between a backslash and what it escapes.
    #[test]
    fn cuts_and_escapes_agree(values in prop::collection::vec("[\"\\\\\\]ş…\u{0}a ]{0,700}", 6), text in "[\\]\\[\"\n…]{0,3000}") {
        let facts = ["a", "b", "c", "d", "e", "f"].into_iter().zip(values).collect();
        let message = encode(&record(facts, &text), &origin(), None);
        prop_assert!(message.len() <= limits::MESSAGE_BYTES);
        prop_assert!(read(&message).is_some());
    }
}
