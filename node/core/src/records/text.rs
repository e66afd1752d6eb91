use minicbor::{Decode, Encode};

use crate::{ids::Revision, records::Channel};

/// What operators have messages say, in one language by one channel, in the place of the text that comes with the program.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct MessageText {
    /// How these messages travel.
    #[n(0)]
    pub channel: Channel,
    /// A tag as [`crate::names::language`] writes it, such as `de` or `pt-br`.
    #[n(1)]
    pub language: Box<str>,
    /// Of a mail; empty for the other channels.
    #[n(2)]
    pub subject: Box<str>,
    /// With placeholders; they are the adapter's own.
    #[n(3)]
    pub text: Box<str>,
    /// Moves with every administrative change.
    #[n(4)]
    pub revision: Revision,
}

/// The language of messages to people whose own has no text.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DefaultLanguage {
    /// A tag as [`crate::names::language`] writes it.
    #[n(0)]
    pub language: Box<str>,
    /// Moves with every change.
    #[n(1)]
    pub revision: Revision,
}

impl Default for DefaultLanguage {
    fn default() -> Self {
        DefaultLanguage {
            language: "en".into(),
            revision: Revision(0),
        }
    }
}
