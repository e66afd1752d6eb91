//! Changes to what messages say. A text stands over the one that comes with the program for its language and channel, and no longer
//! when it is removed; what those say, and what may stand in a text, the adapter alone knows.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    audit::Object,
    change::{Effect, expect, require},
    event::Event,
    ids::Revision,
    limits, names,
    outcome::{Field, Refusal},
    records::{Channel, DefaultLanguage, MessageText},
    state::State,
};

/// Another text, or a first one; see [`MessageText`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SetText {
    /// How these messages travel.
    #[n(0)]
    pub channel: Channel,
    /// In which language, as [`names::language`] writes it.
    #[n(1)]
    pub language: Box<str>,
    /// The revision that the former text is expected to have; 0 if there shall be none.
    #[n(2)]
    pub expected: Option<Revision>,
    /// Of a mail, which has one; empty for the other channels.
    #[n(3)]
    pub subject: Box<str>,
    /// What they say.
    #[n(4)]
    pub text: Box<str>,
}

/// Gives back the text that comes with the program, if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RemoveText {
    /// How these messages travel.
    #[n(0)]
    pub channel: Channel,
    /// In which language.
    #[n(1)]
    pub language: Box<str>,
    /// The revision it is expected to have.
    #[n(2)]
    pub expected: Option<Revision>,
}

/// Another language for people whose own has no text.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SetDefaultLanguage {
    /// The revision it is expected to have.
    #[n(0)]
    pub expected: Option<Revision>,
    /// Which, as [`names::language`] writes it.
    #[n(1)]
    pub language: Box<str>,
}

impl SetText {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        require(names::is_language(&self.language), Field::Language)?;
        let fits = |text: &str, bytes_max: usize| (1..=bytes_max).contains(&text.len());
        let has_its_subject = match self.channel {
            Channel::Email => fits(&self.subject, limits::SUBJECT_BYTES),
            Channel::Sms | Channel::Voice => self.subject.is_empty(),
        };
        require(has_its_subject, Field::Subject)?;
        require(fits(&self.text, limits::TEXT_BYTES), Field::Text)?;
        let former = state.text(self.channel, &self.language);
        expect(former.map_or(Revision(0), |former| former.revision), self.expected)?;
        if former.is_none() && state.texts().count() >= limits::TEXTS {
            return Err(Refusal::LimitReached);
        }
        let text = MessageText {
            channel: self.channel,
            language: self.language.clone(),
            subject: self.subject.clone(),
            text: self.text.clone(),
            revision,
        };
        let name = name(&text);
        Ok(effect(Event::TextSaved(Arc::new(text)), name))
    }
}

impl RemoveText {
    pub(super) fn decide(&self, state: &State) -> Result<Effect, Refusal> {
        let text = state.text(self.channel, &self.language).ok_or(Refusal::NotFound)?;
        expect(text.revision, self.expected)?;
        let removed = Event::TextRemoved {
            channel: self.channel,
            language: self.language.clone(),
        };
        Ok(effect(removed, name(text)))
    }
}

impl SetDefaultLanguage {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        expect(state.default_language().revision, self.expected)?;
        require(names::is_language(&self.language), Field::Language)?;
        let set = Event::DefaultLanguageSet(DefaultLanguage {
            language: self.language.clone(),
            revision,
        });
        Ok(effect(set, format!("default language {}", self.language)))
    }
}

fn name(text: &MessageText) -> String {
    format!("{} {}", text.channel.label(), text.language)
}

fn effect(event: Event, name: String) -> Effect {
    Effect {
        events: vec![event],
        object: Object::Texts,
        name: name.into(),
    }
}
