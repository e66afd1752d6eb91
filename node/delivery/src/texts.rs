//! What messages say: one template for each language and channel, with fallback.
//!
//! The language of a message is looked for exactly (`de-AT`), then without what follows (`de`), then each default language in the same way.
//!
//! Values come from people (a user's name) and are cleaned: a line break in a name does not begin a new line of the message, and marks that turn
//! the direction of writing around are dropped. An SMS is counted in segments, and more than one is warned of.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    limits::{CODE_BYTES, SEGMENTS_MAX, SUBJECT_BYTES, TEXT_BYTES, VALUE_CHARS},
    message::Channel,
    problem::{Checker, Problem},
    segments::{Alphabet, Segments},
    template::Template,
};

/// One template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageTemplate {
    /// A language, with a region or without: `tr`, `en-GB`.
    pub language: String,
    /// For which way of sending.
    pub channel: Channel,
    /// Of a mail; empty for the other channels.
    pub subject: String,
    /// The text. Placeholders: see [`Values`].
    pub text: String,
}

/// What can be put into a message: one placeholder for each field, by its name (`{code}`), and `{code_spoken}`, the code's characters
/// one by one, as a voice should read them out. What has no value is empty, but there is no message without a code.
#[derive(Clone, Copy, Default)]
pub struct Values<'a> {
    /// The one-time code.
    pub code: &'a str,
    /// The user's name.
    pub user: &'a str,
    /// What the user logs in to.
    pub application: &'a str,
    /// The RADIUS client at which the login happens.
    pub client: &'a str,
    /// For how many minutes the code is good.
    pub minutes: &'a str,
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
    /// A message is about a code, and there is none.
    #[error("the text for {} in {language} wants a code, and there is none", .channel.name())]
    NoCode {
        /// Of the template.
        channel: Channel,
        /// Of the template.
        language: String,
    },
    /// A code that is too long, or a text that has become too long with its values.
    #[error("the text for {} in {language} is too long", .channel.name())]
    TooLong {
        /// Of the template.
        channel: Channel,
        /// Of the template.
        language: String,
    },
}

/// Checked templates, ready to be rendered.
#[derive(Debug, Clone)]
pub struct Texts {
    /// Taken, in this order, for languages that have no template.
    defaults: Vec<String>,
    by_language: BTreeMap<(Channel, String), Arc<Text>>,
}

#[derive(Debug)]
struct Text {
    subject: Template,
    text: Template,
}

/// For showing what a template becomes, and for counting segments before there is a message.
pub const SAMPLE: Values<'static> = Values {
    code: "123456",
    user: "firstname.lastname",
    application: "VPN",
    client: "vpn-1",
    minutes: "5",
};

/// The names of [`Values`].
pub const PLACEHOLDERS: [&str; 6] = ["code", "code_spoken", "user", "application", "client", "minutes"];

/// Those that are the code.
const CODES: [&str; 2] = ["code", "code_spoken"];

impl MessageTemplate {
    /// Checks subject and text. What is allowed and still not wise is returned: an SMS of more than one segment, and the character that makes it so.
    ///
    /// # Errors
    ///
    /// Every field that is wrong.
    pub fn check(&self) -> Result<Vec<Problem>, Vec<Problem>> {
        self.compile().map(|(_, warnings)| warnings)
    }

    fn compile(&self) -> Result<(Text, Vec<Problem>), Vec<Problem>> {
        let mut checker = Checker::default();
        let text = self.compile_into(&mut checker);
        match checker.finish() {
            (problems, warnings) if problems.is_empty() => Ok((text, warnings)),
            (problems, _) => Err(problems),
        }
    }

    fn compile_into(&self, checker: &mut Checker) -> Text {
        let has_subject = self.channel == Channel::Email;
        checker.require(
            has_subject || self.subject.is_empty(),
            "subject",
            "belongs to a mail alone",
        );
        if has_subject {
            checker.line("subject", &self.subject, SUBJECT_BYTES, false);
        }
        let mut parse = |field: &str, text: &str| {
            Template::parse(text, |name| PLACEHOLDERS.contains(&name)).map_err(|error| {
                checker.wrong(field, format!("cannot be used: {error}"));
            })
        };
        let subject = parse("subject", &self.subject).unwrap_or_default();
        let Ok(text) = parse("text", &self.text) else {
            let text = Template::default();
            return Text { subject, text };
        };
        checker.require(!self.text.trim().is_empty(), "text", "is empty");
        let has_code = text.names().any(|name| CODES.contains(&name));
        checker.require(
            has_code || self.text.trim().is_empty(),
            "text",
            "has no code in it: {code}, {code_spoken} or <%TOKEN%>",
        );
        match self.channel {
            Channel::Sms => check_segments(&text, checker),
            Channel::Voice if text.names().any(|name| name == "code") => {
                checker.warn(
                    "text",
                    "has a code that is read out as a number: {code_spoken} is read digit by digit",
                );
            }
            Channel::Voice | Channel::Email => {}
        }
        Text { subject, text }
    }
}

/// What names may become is counted too: a text that fits for some users alone would leave the others without a code.
fn check_segments(text: &Template, checker: &mut Checker) {
    let of = |values: Values<'_>| Segments::of(&text.render(|name| values.of(name), append));
    let long = "Ж".repeat(VALUE_CHARS);
    let longest = Values {
        code: "12345678",
        user: &long,
        application: &long,
        client: &long,
        minutes: "60",
    };
    let (usual, most) = (of(SAMPLE), of(longest).count);
    if usual.count <= SEGMENTS_MAX {
        let problem = format!("becomes {most} messages with the longest names; {SEGMENTS_MAX} are allowed");
        checker.require(most <= SEGMENTS_MAX, "text", problem);
    }
    warn_of_segments(usual, checker);
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
            "user" => person(self.user),
            "application" => person(self.application),
            "client" => person(self.client),
            "minutes" => person(self.minutes),
            _ => None,
        }
    }
}

impl Texts {
    /// None yet; people whose language has none get those in `default_language`.
    #[must_use]
    pub fn new(default_language: &str) -> Self {
        Self {
            defaults: vec![language_tag(default_language)],
            by_language: BTreeMap::new(),
        }
    }

    /// Takes a template, in the place of the one for its language and channel.
    ///
    /// # Errors
    ///
    /// Every field that is wrong; all is as it was.
    pub fn put(&mut self, template: &MessageTemplate) -> Result<(), Vec<Problem>> {
        let (text, _) = template.compile()?;
        let key = (template.channel, language_tag(&template.language));
        self.by_language.insert(key, Arc::new(text));
        Ok(())
    }

    /// Looks for this language before the default ones of until now.
    pub fn prefer(&mut self, language: &str) {
        self.defaults.insert(0, language_tag(language));
    }

    /// The message for `channel` in `language`, or in the nearest one there is.
    ///
    /// # Errors
    ///
    /// When there is no template for the channel, there is no code, or the text became too long.
    pub fn render(&self, channel: Channel, language: &str, values: &Values<'_>) -> Result<Rendered, RenderError> {
        let (language, template) = self.find(channel, language).ok_or(RenderError::NoText(channel))?;
        if values.code.is_empty() {
            let language = language.to_owned();
            return Err(RenderError::NoCode { channel, language });
        }
        let text = template.text.render(|name| values.of(name), append);
        let subject = template.subject.render(|name| values.of(name), append);
        let segments = (channel == Channel::Sms).then(|| Segments::of(&text));
        let too_long = text.len() > TEXT_BYTES
            || values.code.len() > CODE_BYTES
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

    /// `zh-hant-tw`, then `zh-hant`, then `zh`, then the defaults.
    fn find(&self, channel: Channel, language: &str) -> Option<(&str, &Text)> {
        let shorter = |tag: &String| tag.rfind('-').map(|end| tag[..end].to_owned());
        let asked = std::iter::once(language_tag(language)).chain(self.defaults.iter().cloned());
        let mut wanted = asked.flat_map(|tag| std::iter::successors(Some(tag), shorter));
        wanted.find_map(|language| {
            let ((_, found), text) = self.by_language.get_key_value(&(channel, language))?;
            Some((found.as_str(), text.as_ref()))
        })
    }
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

/// In the one spelling in which languages are compared: the first of several, as directories have them (RFC 2798 section 2.7: `de-AT, en;q=0.8`).
fn language_tag(language: &str) -> String {
    let first = language.split([',', ';']).next().unwrap_or_default();
    first.trim().replace('_', "-").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn template(language: &str, channel: Channel, subject: &str, text: &str) -> MessageTemplate {
        MessageTemplate {
            language: language.to_owned(),
            channel,
            subject: subject.to_owned(),
            text: text.to_owned(),
        }
    }

    fn three_languages() -> Texts {
        let mut texts = Texts::new("en");
        let english = "{application}: your code is {code}, good for {minutes} minutes.";
        for one in [
            template("en", Channel::Sms, "", english),
            template("tr", Channel::Sms, "", "Kodunuz <%TOKEN%>"),
            template("de-AT", Channel::Sms, "", "Servus {user}: {code}"),
            template("de", Channel::Sms, "", "Hallo {user}: {code}"),
            template(
                "en",
                Channel::Email,
                "Code for {user}",
                "{code}\n\nasked for by {client}",
            ),
            template("en", Channel::Voice, "", "Your code is {code_spoken}."),
        ] {
            texts.put(&one).unwrap();
        }
        texts
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
            ("de, en;q=0.8", "Hallo alice: 123456"),
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
            assert!(matches!(error, RenderError::NoCode { .. }), "{error}");
        }
        let error = Texts::new("en").render(Channel::Sms, "en", &VALUES).err().unwrap();
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
    fn a_template_stands_over_the_one_before_it_and_a_preferred_language_before_the_default() {
        let mut texts = three_languages();
        texts.put(&template("DE", Channel::Sms, "", "Code {code}")).unwrap();
        texts.prefer("de_CH");
        let said = |language: &str, channel| {
            let rendered = texts.render(channel, language, &VALUES).unwrap();
            (rendered.language, rendered.text.to_string())
        };
        let german = ("de".to_owned(), "Code 123456".to_owned());
        assert_eq!(said("de-CH", Channel::Sms), german);
        assert_eq!(said("fr", Channel::Sms), german);
        assert_eq!(
            said("fr", Channel::Voice).0,
            "en",
            "where the preferred one has no text"
        );
        let before = texts.clone();
        texts.put(&template("de", Channel::Sms, "", "{pin}")).unwrap_err();
        let sms = |texts: &Texts| texts.render(Channel::Sms, "de", &VALUES).unwrap().text.to_string();
        assert_eq!(sms(&texts), sms(&before));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (template, wanted) in [
            (
                template("tr", Channel::Sms, "about", "{code} {pin}"),
                &[
                    "subject belongs to a mail alone",
                    "text cannot be used: line 1, column 8: nothing is called {pin} here",
                ][..],
            ),
            (template("tr", Channel::Sms, "", " "), &["text is empty"]),
            (
                template("en", Channel::Email, "two\nlines", "x"),
                &[
                    "subject has a control character (a line break, perhaps)",
                    "text has no code in it: {code}, {code_spoken} or <%TOKEN%>",
                ],
            ),
            (template("en", Channel::Email, "", "<%TOKEN%>"), &["subject is empty"]),
            (
                template("en", Channel::Sms, "", &format!("{{code}}{}", "x".repeat(2000))),
                &["text becomes 14 messages; 10 are allowed"],
            ),
            (
                template("en", Channel::Sms, "", &format!("{{code}} {{user}}{}", "x".repeat(600))),
                &["text becomes 11 messages with the longest names; 10 are allowed"],
            ),
        ] {
            let problems: Vec<String> = template.check().unwrap_err().iter().map(ToString::to_string).collect();
            assert_eq!(problems, wanted);
        }
    }

    #[test]
    fn what_costs_more_or_is_misheard_is_warned_of() {
        let long = "Güvenlik kodunuz: {code}. Bu kodu kimseyle paylaşmayın, {minutes} dakika geçerlidir. {application}";
        for (template, wanted) in [
            (
                template("tr", Channel::Sms, "", long),
                &[
                    "text becomes 2 messages, each of which costs: 'ş' is not in the GSM alphabet, so that only 70 characters fit into one",
                ][..],
            ),
            (
                template("tr", Channel::Voice, "", "{code}"),
                &["text has a code that is read out as a number: {code_spoken} is read digit by digit"],
            ),
            (template("tr", Channel::Sms, "", "{code}"), &[]),
            (template("tr", Channel::Voice, "", "{code_spoken}"), &[]),
        ] {
            let warnings: Vec<String> = template.check().unwrap().iter().map(ToString::to_string).collect();
            assert_eq!(warnings, wanted);
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(language in "\\PC{0,40}", text in "\\PC*", user in any::<String>()) {
            let texts = three_languages();
            let _ = texts.render(Channel::Sms, &language, &Values { user: &user, ..VALUES });
            let _ = template(&language, Channel::Email, &text, &text).check();
            let _ = template(&language, Channel::Sms, "", &text).check();
        }
    }
}
