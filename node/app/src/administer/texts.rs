//! What messages say: the texts that come with the program, and those that operators set over them.
//!
//! What may stand in a text is the adapter's own, as with the settings of gateways; languages and bounds are checked here.

use std::sync::Arc;

use quorate_core::change::{RemoveText, SetDefaultLanguage, SetText};
use quorate_core::{Actor, Change, Channel, DefaultLanguage, MessageText, Revision, limits as core_limits};

use super::{AdminError, Administrator};
use crate::fields::{FieldError, FieldErrors};
use crate::ports::{Preview, Wording, WrittenText};

/// A text that messages have now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextInUse {
    pub written: WrittenText,
    /// Of a text that an operator has set; none for one that comes with the program.
    pub revision: Option<Revision>,
    /// What is allowed and unwise about it.
    pub warnings: Vec<FieldError>,
}

impl Administrator {
    /// Every text, by channel and language: what was set, and what comes with the program where nothing was.
    #[must_use]
    pub fn texts(&self) -> Vec<TextInUse> {
        let state = self.state();
        let set = state
            .texts()
            .map(|text| self.in_use(written(text), Some(text.revision)));
        let built_in = self.notifier.built_in_texts().into_iter();
        let uncovered = built_in.filter(|text| state.text(text.channel, &text.language).is_none());
        let mut texts: Vec<_> = set.chain(uncovered.map(|text| self.in_use(text, None))).collect();
        texts.sort_by(|one, other| key(one).cmp(&key(other)));
        texts
    }

    /// The text for one channel in one language.
    ///
    /// # Errors
    /// [`AdminError::NotFound`]: nobody has set one, and none comes with the program.
    pub fn text(&self, channel: Channel, language: &str) -> Result<TextInUse, AdminError> {
        let mut errors = FieldErrors::default();
        let language = errors.check_language("language", language);
        let language = errors.finish_with(language)?;
        let mut texts = self.texts().into_iter();
        let is_meant = |text: &TextInUse| text.written.channel == channel && *text.written.language == *language;
        texts.find(is_meant).ok_or(AdminError::NotFound { what: "text" })
    }

    /// Has messages say this from now on, on every node.
    ///
    /// # Errors
    /// [`AdminError::Invalid`] with everything that is wrong; else as any change.
    pub async fn set_text(
        &self,
        actor: Actor,
        expected: Option<Revision>,
        asked: WrittenText,
    ) -> Result<TextInUse, AdminError> {
        let (asked, _) = self.checked(asked)?;
        let change = Change::SetText(SetText {
            channel: asked.channel,
            language: asked.language.as_str().into(),
            expected,
            subject: asked.subject.into(),
            text: asked.text.into(),
        });
        self.administer(actor, vec![change]).await?;
        self.text(asked.channel, &asked.language)
    }

    /// Gives back the text that comes with the program, or none if there is none.
    ///
    /// # Errors
    /// [`AdminError::NotFound`]: nobody has set one.
    pub async fn remove_text(
        &self,
        actor: Actor,
        expected: Option<Revision>,
        channel: Channel,
        language: &str,
    ) -> Result<(), AdminError> {
        let text = self.text(channel, language)?;
        if text.revision.is_none() {
            let what = "text that was set: what there is comes with the program";
            return Err(AdminError::NotFound { what });
        }
        let change = Change::RemoveText(RemoveText {
            channel,
            language: text.written.language.into(),
            expected,
        });
        self.administer(actor, vec![change]).await.map(drop)
    }

    /// Writes to people whose own language has no text in this one.
    ///
    /// # Errors
    /// [`AdminError::Invalid`]: it has no text by any channel itself.
    pub async fn set_default_language(
        &self,
        actor: Actor,
        expected: Option<Revision>,
        typed: &str,
    ) -> Result<DefaultLanguage, AdminError> {
        let mut errors = FieldErrors::default();
        let language = errors.check_language("language", typed);
        if let Some(language) = &language {
            let is_written = self.texts().iter().any(|text| *text.written.language == **language);
            errors.require(
                is_written,
                "language",
                "has no text",
                "set one first, or see which there are",
            );
        }
        let language = errors.finish_with(language)?;
        let change = Change::SetDefaultLanguage(SetDefaultLanguage { expected, language });
        self.administer(actor, vec![change]).await?;
        Ok(self.state().default_language().clone())
    }

    /// What somebody of this language would be sent, with sample values; with a draft, as if it were set. The warnings are the draft's.
    ///
    /// # Errors
    /// [`AdminError::Invalid`] with everything that is wrong, or because there would be no message.
    pub fn preview_text(
        &self,
        channel: Channel,
        language: &str,
        draft: Option<WrittenText>,
    ) -> Result<(Preview, Vec<FieldError>), AdminError> {
        let mut wording = Wording::of(&self.state());
        let mut warnings = Vec::new();
        if let Some(draft) = draft {
            let (draft, unwise) = self.checked(draft)?;
            warnings = unwise;
            wording.texts.push(Arc::new(MessageText {
                channel: draft.channel,
                language: draft.language.into(),
                subject: draft.subject.into(),
                text: draft.text.into(),
                revision: Revision(0),
            }));
        }
        let preview = self.notifier.preview(&wording, channel, language);
        let preview = preview.map_err(|why| AdminError::field("language", &why, "see which texts there are"))?;
        Ok((preview, warnings))
    }

    /// The text as it is kept, and what is unwise about it.
    fn checked(&self, asked: WrittenText) -> Result<(WrittenText, Vec<FieldError>), AdminError> {
        let mut errors = FieldErrors::default();
        let language = errors.check_language("language", &asked.language);
        let max = core_limits::TEXT_BYTES;
        let hint = format!("at most {max} bytes of UTF-8");
        errors.require(asked.text.len() <= max, "text", "is too long", &hint);
        let warnings = self.notifier.check_text(&asked);
        let warnings = warnings.map_err(|wrong| errors.extend(wrong)).ok();
        let (language, warnings) = errors.finish_with(language.zip(warnings))?;
        let language = language.into();
        Ok((WrittenText { language, ..asked }, warnings))
    }

    fn in_use(&self, written: WrittenText, revision: Option<Revision>) -> TextInUse {
        let warnings = self.notifier.check_text(&written).unwrap_or_else(|wrong| wrong);
        TextInUse {
            written,
            revision,
            warnings,
        }
    }
}

fn key(text: &TextInUse) -> (Channel, &str) {
    (text.written.channel, &text.written.language)
}

fn written(text: &MessageText) -> WrittenText {
    WrittenText {
        channel: text.channel,
        language: text.language.to_string(),
        subject: text.subject.to_string(),
        text: text.text.to_string(),
    }
}
