//! What messages say: one template for each language and channel, with fallback.
//!
//! The language of a message is looked for exactly (`de-AT`), then without what follows (`de`), then the default language is taken. A set of
//! templates is complete when it has the default language for every channel that it has at all; that is checked when it is saved.
//!
//! Values come from people (a user's name) and are cleaned: a line break in a name does not begin a new line of the message, and marks that turn
//! the direction of writing around are dropped. An SMS is counted in segments, and more than one is warned of.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    limits::{CODE_BYTES, SEGMENTS_MAX, SUBJECT_BYTES, TEXT_BYTES, TEXTS, VALUE_CHARS},
    message::Channel,
    problem::{Checker, Problem},
    segments::{Alphabet, Segments},
    template::Template,
};

/// The templates of one kind of message, as they are stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageTemplates {
    /// Taken for every language that has no template: `en`.
    pub default_language: String,
    /// One for each language and channel.
    pub templates: Vec<MessageTemplate>,
}

/// One template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageTemplate {
    /// A language, with a region or without: `tr`, `en-GB`.
    pub language: String,
    /// For which way of sending.
    pub channel: Channel,
    /// Of a mail; empty for the other channels.
    #[serde(default)]
    pub subject: String,
    /// The text. Placeholders: see [`Values`].
    pub text: String,
}

/// What can be put into a message: one placeholder for each field, by its name (`{code}`), and `{code_spoken}`, the code's characters
/// one by one, as a voice should read them out.
#[derive(Clone, Copy, Default)]
pub struct Values<'a> {
    /// The one-time code. A template that wants it is not rendered without it.
    pub code: &'a str,
    /// A link to follow. A template that wants it is not rendered without it.
    pub link: &'a str,
    /// The user's name.
    pub user: &'a str,
    /// What the user logs in to.
    pub application: &'a str,
    /// For how many minutes the code is good.
    pub minutes: &'a str,
    /// The node that sends.
    pub node: &'a str,
    /// The RADIUS client or site at which the login happens.
    pub client: &'a str,
    /// From which network address the login comes.
    pub address: &'a str,
    /// When, in words.
    pub time: &'a str,
}

/// A message's text, and what it costs.
pub struct Rendered {
    /// The language it is in.
    pub language: String,
    /// Of a mail; else empty.
    pub subject: String,
    /// The text.
    pub text: Zeroizing<String>,
    /// Of an SMS.
    pub segments: Option<Segments>,
}

/// Why there is no text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RenderError {
    /// There are no templates for this channel.
    #[error("there is no text for {}", .0.name())]
    NoText(Channel),
    /// The template wants something that has no value.
    #[error("the text for {} in {language} wants {{{name}}}, which has no value", .channel.name())]
    Missing {
        /// Of the template.
        channel: Channel,
        /// Of the template.
        language: String,
        /// Of the placeholder.
        name: &'static str,
    },
    /// A code or link that is too long, or a text that has become too long with its values.
    #[error("the text for {} in {language} is too long", .channel.name())]
    TooLong {
        /// Of the template.
        channel: Channel,
        /// Of the template.
        language: String,
    },
}

/// Checked templates, ready to be rendered.
#[derive(Debug)]
pub struct Texts {
    default_language: String,
    by_language: BTreeMap<(Channel, String), Text>,
}

#[derive(Debug)]
struct Text {
    subject: Template,
    text: Template,
}

/// The names of [`Values`].
const NAMES: [&str; 10] = [
    "code",
    "code_spoken",
    "link",
    "user",
    "application",
    "minutes",
    "node",
    "client",
    "address",
    "time",
];

/// A message makes no sense without these, if its template asks for them.
const NEEDED: [&str; 2] = ["code", "link"];

/// For counting segments before there is a message.
const SAMPLE: Values<'static> = Values {
    code: "123456",
    link: "https://login.example.com/a/0123456789abcdef",
    user: "firstname.lastname",
    application: "VPN",
    minutes: "5",
    node: "node-1",
    client: "vpn-1",
    address: "198.51.100.23",
    time: "2026-01-31 23:59",
};

impl MessageTemplates {
    /// Checks all of it.
    ///
    /// # Errors
    ///
    /// Every field that is wrong.
    pub fn check(&self) -> Result<(), Vec<Problem>> {
        self.compile().map(|_| ())
    }

    /// What is allowed and still not wise: an SMS of more than one segment, and the character that makes it so.
    #[must_use]
    pub fn warnings(&self) -> Vec<Problem> {
        let mut checker = Checker::default();
        let _ = self.compile_into(&mut checker);
        checker.finish().1
    }

    /// Makes them ready to be rendered.
    ///
    /// # Errors
    ///
    /// Every field that is wrong.
    pub fn compile(&self) -> Result<Texts, Vec<Problem>> {
        let mut checker = Checker::default();
        let texts = self.compile_into(&mut checker);
        let (problems, _) = checker.finish();
        if problems.is_empty() { Ok(texts) } else { Err(problems) }
    }

    fn compile_into(&self, checker: &mut Checker) -> Texts {
        let default_language = language_tag(&self.default_language);
        checker.require(is_language(&default_language), "default_language", NOT_A_LANGUAGE);
        checker.require(
            self.templates.len() <= TEXTS,
            "templates",
            format!("has more than {TEXTS} entries"),
        );
        let mut by_language = BTreeMap::new();
        for (index, template) in self.templates.iter().enumerate().take(TEXTS) {
            let key = (template.channel, language_tag(&template.language));
            let text = checker.within(&format!("templates[{index}]"), |checker| {
                checker.require(is_language(&key.1), "language", NOT_A_LANGUAGE);
                checker.require(
                    !by_language.contains_key(&key),
                    "language",
                    "has a text for this channel already",
                );
                template.compile(checker)
            });
            by_language.insert(key, text);
        }
        for channel in [Channel::Sms, Channel::Voice, Channel::Email] {
            let used = by_language.keys().any(|(other, _)| *other == channel);
            let whole = !used || by_language.contains_key(&(channel, default_language.clone()));
            let problem = format!("have no text for {} in the default language", channel.name());
            checker.require(whole, "templates", problem);
        }
        Texts {
            default_language,
            by_language,
        }
    }
}

const NOT_A_LANGUAGE: &str = "is not a language such as tr or en-GB";

impl MessageTemplate {
    fn compile(&self, checker: &mut Checker) -> Text {
        let has_subject = self.channel == Channel::Email;
        checker.require(
            has_subject || self.subject.is_empty(),
            "subject",
            "belongs to a mail alone",
        );
        if has_subject {
            checker.line("subject", &self.subject, SUBJECT_BYTES, false);
        }
        checker.require(!self.text.trim().is_empty(), "text", "is empty");
        let mut parse = |field: &str, text: &str| {
            Template::parse(text, |name| NAMES.contains(&name)).unwrap_or_else(|error| {
                checker.wrong(field, format!("cannot be used: {error}"));
                Template::default()
            })
        };
        let text = Text {
            subject: parse("subject", &self.subject),
            text: parse("text", &self.text),
        };
        if self.channel == Channel::Sms {
            warn_of_segments(Segments::of(&text.text.render(|name| SAMPLE.of(name), append)), checker);
        }
        text
    }
}

fn warn_of_segments(segments: Segments, checker: &mut Checker) {
    let count = segments.count;
    checker.require(
        count <= SEGMENTS_MAX,
        "text",
        format!("becomes {count} messages; {SEGMENTS_MAX} are allowed"),
    );
    if count <= 1 {
        return;
    }
    let why = match (segments.alphabet, segments.odd_one) {
        (Alphabet::Ucs2, Some(odd_one)) => {
            format!(": {odd_one:?} is not in the GSM alphabet, so that only 70 characters fit into one")
        }
        _ => String::new(),
    };
    checker.warn("text", format!("becomes {count} messages, each of which costs{why}"));
}

impl<'a> Values<'a> {
    fn of(&self, name: &str) -> Option<Cow<'a, str>> {
        let person = |value: &'a str| Some(clean(value));
        match name {
            "code" => Some(Cow::from(self.code)),
            "code_spoken" => Some(Cow::from(spoken(self.code))),
            "link" => Some(Cow::from(self.link)),
            "user" => person(self.user),
            "application" => person(self.application),
            "minutes" => person(self.minutes),
            "node" => person(self.node),
            "client" => person(self.client),
            "address" => person(self.address),
            "time" => person(self.time),
            _ => None,
        }
    }
}

impl Texts {
    /// The message for `channel` in `language`, or in the nearest one there is.
    ///
    /// # Errors
    ///
    /// When there is no template for the channel, a code or link is missing, or the text became too long.
    pub fn render(&self, channel: Channel, language: &str, values: &Values<'_>) -> Result<Rendered, RenderError> {
        let (language, template) = self.find(channel, language).ok_or(RenderError::NoText(channel))?;
        check_needs(template, values).map_err(|name| RenderError::Missing {
            channel,
            language: language.to_owned(),
            name,
        })?;
        let text = template.text.render(|name| values.of(name), append);
        let subject = template.subject.render(|name| values.of(name), append);
        let segments = (channel == Channel::Sms).then(|| Segments::of(&text));
        let too_long = text.len() > TEXT_BYTES
            || values.code.len().max(values.link.len()) > CODE_BYTES
            || segments.is_some_and(|segments| segments.count > SEGMENTS_MAX);
        if too_long {
            let language = language.to_owned();
            return Err(RenderError::TooLong { channel, language });
        }
        Ok(Rendered {
            language: language.to_owned(),
            subject: within_bytes(&subject, SUBJECT_BYTES).to_owned(),
            text,
            segments,
        })
    }

    /// `zh-hant-tw`, then `zh-hant`, then `zh`, then the default.
    fn find(&self, channel: Channel, language: &str) -> Option<(&str, &Text)> {
        let shorter = |tag: &String| tag.rfind('-').map(|end| tag[..end].to_owned());
        let nearest = std::iter::successors(Some(language_tag(language)), shorter);
        let mut wanted = nearest.chain([self.default_language.clone()]);
        wanted.find_map(|language| {
            let ((_, found), text) = self.by_language.get_key_value(&(channel, language))?;
            Some((found.as_str(), text))
        })
    }
}

/// The first placeholder without which the message makes no sense and that has no value.
fn check_needs(template: &Text, values: &Values<'_>) -> Result<(), &'static str> {
    let names = || template.text.names().chain(template.subject.names());
    for needed in NEEDED {
        let wanted = names().any(|name| name == needed || (needed == "code" && name == "code_spoken"));
        let value = if needed == "code" { values.code } else { values.link };
        if wanted && value.is_empty() {
            return Err(needed);
        }
    }
    Ok(())
}

fn append(value: &str, into: &mut String) {
    into.push_str(value);
}

/// A value on one line, without marks of direction, of bounded length.
fn clean(value: &str) -> Cow<'_, str> {
    let turns = |character: char| matches!(character, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let breaks = |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
    let kept = value.chars().filter(|character| !turns(*character));
    kept.map(|character| if breaks(character) { ' ' } else { character })
        .take(VALUE_CHARS)
        .collect::<String>()
        .into()
}

/// `4, 9, 2`: voices read it out one by one, with a pause.
pub(crate) fn spoken(code: &str) -> String {
    let characters: Vec<String> = code
        .chars()
        .filter(|character| character.is_alphanumeric())
        .map(String::from)
        .collect();
    characters.join(", ")
}

fn within_bytes(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

/// In the one spelling in which languages are compared.
fn language_tag(language: &str) -> String {
    language.trim().replace('_', "-").to_ascii_lowercase()
}

/// Whether it has the shape of RFC 5646: subtags of one to eight letters and digits, a language of letters first.
fn is_language(tag: &str) -> bool {
    let is_subtag =
        |subtag: &str| (1..=8).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let first = tag.split('-').next().unwrap_or_default();
    tag.len() <= 35
        && (2..=3).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_lowercase())
        && tag.split('-').all(is_subtag)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn templates(entries: &[(&str, Channel, &str, &str)]) -> MessageTemplates {
        let template = |(language, channel, subject, text): &(&str, Channel, &str, &str)| MessageTemplate {
            language: (*language).to_owned(),
            channel: *channel,
            subject: (*subject).to_owned(),
            text: (*text).to_owned(),
        };
        MessageTemplates {
            default_language: "en".to_owned(),
            templates: entries.iter().map(template).collect(),
        }
    }

    fn three_languages() -> Texts {
        let set = templates(&[
            (
                "en",
                Channel::Sms,
                "",
                "{application}: your code is {code}, good for {minutes} minutes.",
            ),
            ("tr", Channel::Sms, "", "Kodunuz <%TOKEN%>"),
            ("de-AT", Channel::Sms, "", "Servus {user}: {code}"),
            ("de", Channel::Sms, "", "Hallo {user}: {code}"),
            ("en", Channel::Email, "Code for {user}", "{code}\n\nsent by {node}"),
            ("en", Channel::Voice, "", "Your code is {code_spoken}."),
        ]);
        set.compile().unwrap()
    }

    const VALUES: Values<'static> = Values {
        user: "alice",
        ..SAMPLE
    };

    #[test]
    fn the_nearest_language_is_taken() {
        let texts = three_languages();
        for (language, wanted) in [
            ("tr", "Kodunuz 123456"),
            ("tr-TR", "Kodunuz 123456"),
            ("TR_tr", "Kodunuz 123456"),
            ("de-AT", "Servus alice: 123456"),
            ("de-AT-1996", "Servus alice: 123456"),
            ("de-CH", "Hallo alice: 123456"),
            ("fr", "VPN: your code is 123456, good for 5 minutes."),
            ("", "VPN: your code is 123456, good for 5 minutes."),
            ("en-GB", "VPN: your code is 123456, good for 5 minutes."),
        ] {
            assert_eq!(
                texts.render(Channel::Sms, language, &VALUES).unwrap().text.as_str(),
                wanted,
                "{language}"
            );
        }
        let mail = texts.render(Channel::Email, "tr", &VALUES).unwrap();
        assert_eq!(
            (mail.subject.as_str(), mail.language.as_str()),
            ("Code for alice", "en")
        );
        let call = texts.render(Channel::Voice, "tr", &VALUES).unwrap();
        assert_eq!(call.text.as_str(), "Your code is 1, 2, 3, 4, 5, 6.");
    }

    #[test]
    fn without_a_code_there_is_no_message() {
        let texts = three_languages();
        let without = Values { code: "", ..VALUES };
        for channel in [Channel::Sms, Channel::Voice, Channel::Email] {
            let error = texts.render(channel, "en", &without).err().unwrap();
            assert!(matches!(error, RenderError::Missing { name: "code", .. }), "{error}");
        }
        let none = templates(&[]).compile().unwrap();
        let error = none.render(Channel::Sms, "en", &VALUES).err().unwrap();
        assert_eq!(error, RenderError::NoText(Channel::Sms));
        let huge = "1".repeat(CODE_BYTES + 1);
        let error = texts
            .render(Channel::Email, "en", &Values { code: &huge, ..VALUES })
            .err()
            .unwrap();
        assert_eq!(error.to_string(), "the text for email in en is too long");
    }

    #[test]
    fn a_name_cannot_write_its_own_lines() {
        let user = "eve\r\nYour account is closed,\u{202E} call +1…";
        let rendered = three_languages()
            .render(Channel::Sms, "de", &Values { user, ..VALUES })
            .unwrap();
        assert_eq!(
            rendered.text.as_str(),
            "Hallo eve  Your account is closed, call +1…: 123456"
        );
        let long = "x".repeat(1000);
        let rendered = three_languages()
            .render(Channel::Sms, "de", &Values { user: &long, ..VALUES })
            .unwrap();
        assert_eq!(rendered.text.chars().count(), "Hallo : 123456".len() + VALUE_CHARS);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut set = templates(&[
            ("tr", Channel::Sms, "about", "{code} {pin}"),
            ("TR", Channel::Sms, "", " "),
            ("english", Channel::Email, "two\nlines", "x"),
        ]);
        set.default_language = "1".to_owned();
        let problems: Vec<String> = set.check().unwrap_err().iter().map(ToString::to_string).collect();
        let wanted = [
            "default_language is not a language such as tr or en-GB",
            "templates[0].subject belongs to a mail alone",
            "templates[0].text cannot be used: line 1, column 8: nothing is called {pin} here",
            "templates[1].language has a text for this channel already",
            "templates[1].text is empty",
            "templates[2].language is not a language such as tr or en-GB",
            "templates[2].subject has a control character (a line break, perhaps)",
            "templates have no text for sms in the default language",
            "templates have no text for email in the default language",
        ];
        assert_eq!(problems, wanted);
    }

    #[test]
    fn more_than_one_segment_is_warned_of() {
        let long = "Güvenlik kodunuz: {code}. Bu kodu kimseyle paylaşmayın, {minutes} dakika geçerlidir. {application}";
        let set = templates(&[("en", Channel::Sms, "", "{code}"), ("tr", Channel::Sms, "", long)]);
        let warnings: Vec<String> = set.warnings().iter().map(ToString::to_string).collect();
        assert_eq!(
            warnings,
            [
                "templates[1].text becomes 2 messages, each of which costs: 'ş' is not in the GSM alphabet, so that only 70 characters fit into one"
            ]
        );
        set.check().unwrap();
        let endless = "x".repeat(2000);
        let set = templates(&[("en", Channel::Sms, "", &endless)]);
        assert_eq!(
            set.check().unwrap_err()[0].problem,
            "becomes 14 messages; 10 are allowed"
        );
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(language in "\\PC{0,40}", text in "\\PC*", user in any::<String>()) {
            let texts = three_languages();
            let _ = texts.render(Channel::Sms, &language, &Values { user: &user, ..VALUES });
            let set = templates(&[(&language, Channel::Email, &text, &text)]);
            let _ = (set.check(), set.warnings());
        }
    }
}
