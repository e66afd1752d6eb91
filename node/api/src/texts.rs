//! What messages say: the texts that come with the program, and those that operators set over them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::FieldProblem;

/// A text that messages have now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageText {
    /// `sms`, `email` or `voice`.
    pub channel: String,
    /// In lower case.
    #[schema(example = "pt-br")]
    pub language: String,
    /// It comes with the program; else an operator has set it.
    pub built_in: bool,
    /// Of a mail.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// With its placeholders.
    pub text: String,
    /// What is allowed and unwise about it.
    pub warnings: Vec<FieldProblem>,
    /// 0 of a text that comes with the program.
    pub revision: u64,
}

/// A text to have messages say.
///
/// Placeholders: `{code}` or `<%TOKEN%>`, `{code_spoken}` (digit by digit, for calls), `{user}`, `{application}`, `{client}`, `{minutes}`. One
/// that is the code has to be in it. `{{` is a brace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetText {
    /// Of a mail, which has one; up to 512 bytes on one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// Up to 4,096 bytes; an SMS of up to ten segments.
    #[schema(example = "Ihr Code ist <%TOKEN%>.")]
    pub text: String,
}

/// A message to show. Without `text` it is what somebody of this language would be sent now; with it, what would be if it were set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewText {
    /// `sms`, `email` or `voice`.
    pub channel: String,
    pub language: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A message with sample values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TextPreview {
    pub channel: String,
    /// The language that it is in: the nearest that has a text.
    pub language: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    pub text: String,
    /// Of an SMS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<TextSegments>,
    /// What is allowed and unwise about the text that was given.
    pub warnings: Vec<FieldProblem>,
}

/// What an SMS costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TextSegments {
    /// Messages that it becomes on the telephone network.
    pub count: u32,
    /// The first character that the GSM alphabet does not have: because of it 70 characters fit into a message and not 160.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub odd_one: Option<char>,
}

/// The language of messages to people whose own has no text. Where it has none itself, they are in English.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DefaultLanguage {
    pub language: String,
    pub revision: u64,
}

/// Another default language. It has a text by one channel at least.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetDefaultLanguage {
    #[schema(example = "de")]
    pub language: String,
}
