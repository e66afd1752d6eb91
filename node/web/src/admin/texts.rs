//! What messages say.

use quorate_api::{
    DefaultLanguage, MessageText, Nothing, Page, PageQuery, PreviewText, SetDefaultLanguage, SetText, TextPreview,
    TextSegments,
};
use quorate_app::{TextInUse, WrittenText};
use quorate_core::Channel;

use super::gateways::channel;
use super::{field_problem, paging};
use crate::call::{Answer, Call, Reply};
use crate::failure::Failure;

pub(crate) async fn list(call: Call<Nothing>) -> Answer<Page<MessageText>> {
    let query: PageQuery = call.query()?;
    let mut texts = call.site.administrator.texts();
    if let Some(after) = &query.after {
        let read = texts.iter().position(|text| cursor(text) == *after);
        texts.drain(..read.map_or(0, |at| at + 1));
    }
    let page = paging::cut(texts.into_iter(), &query, |text| shape(text.clone()), cursor)?;
    Ok(Reply::plain(page))
}

pub(crate) async fn show(call: Call<Nothing>) -> Answer<MessageText> {
    let text = call
        .site
        .administrator
        .text(asked_channel(&call)?, call.second_name())?;
    Ok(reply(text))
}

pub(crate) async fn set(call: Call<SetText>) -> Answer<MessageText> {
    let asked = WrittenText {
        channel: asked_channel(&call)?,
        language: call.second_name().to_owned(),
        subject: call.body.subject,
        text: call.body.text,
    };
    let set = call
        .site
        .administrator
        .set_text(call.actor, call.expected, asked)
        .await?;
    Ok(reply(set))
}

pub(crate) async fn remove(call: Call<Nothing>) -> Answer<Nothing> {
    let channel = asked_channel(&call)?;
    call.site
        .administrator
        .remove_text(call.actor, call.expected, channel, call.second_name())
        .await?;
    Ok(Reply::plain(Nothing))
}

pub(crate) async fn preview(call: Call<PreviewText>) -> Answer<TextPreview> {
    let PreviewText {
        channel: label,
        language,
        subject,
        text,
    } = call.body;
    let channel = channel("channel", &label)?;
    let draft = text.map(|text| WrittenText {
        channel,
        language: language.clone(),
        subject,
        text,
    });
    let (preview, warnings) = call.site.administrator.preview_text(channel, &language, draft)?;
    Ok(Reply::plain(TextPreview {
        channel: label,
        language: preview.language,
        subject: preview.subject,
        text: preview.text,
        segments: preview.segments.map(|(count, odd_one)| TextSegments { count, odd_one }),
        warnings: warnings.into_iter().map(field_problem).collect(),
    }))
}

pub(crate) async fn show_default_language(call: Call<Nothing>) -> Answer<DefaultLanguage> {
    Ok(default_reply(call.site.replica.state().default_language()))
}

pub(crate) async fn set_default_language(call: Call<SetDefaultLanguage>) -> Answer<DefaultLanguage> {
    let set = call
        .site
        .administrator
        .set_default_language(call.actor, call.expected, &call.body.language)
        .await?;
    Ok(default_reply(&set))
}

fn asked_channel<Req>(call: &Call<Req>) -> Result<Channel, Failure> {
    channel("channel", call.name())
}

fn cursor(text: &TextInUse) -> String {
    format!("{}/{}", text.written.channel.label(), text.written.language)
}

fn reply(text: TextInUse) -> Reply<MessageText> {
    let shaped = shape(text);
    let revision = shaped.revision;
    Reply::revised(shaped, revision)
}

fn default_reply(default: &quorate_core::DefaultLanguage) -> Reply<DefaultLanguage> {
    let shaped = DefaultLanguage {
        language: default.language.to_string(),
        revision: default.revision.0,
    };
    Reply::revised(shaped, default.revision.0)
}

fn shape(text: TextInUse) -> MessageText {
    MessageText {
        channel: text.written.channel.label().to_owned(),
        language: text.written.language,
        built_in: text.revision.is_none(),
        subject: text.written.subject,
        text: text.written.text,
        warnings: text.warnings.into_iter().map(field_problem).collect(),
        revision: text.revision.map_or(0, |revision| revision.0),
    }
}
