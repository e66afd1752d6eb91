//! What messages say, over the replicated state.

use quorate_core::{Channel, Revision};

use super::{AdminError, NewUser, UserChange};
use crate::ports::WrittenText;
use crate::testing::{ROOT, World};

fn sms(language: &str, text: &str) -> WrittenText {
    WrittenText {
        channel: Channel::Sms,
        language: language.to_owned(),
        subject: String::new(),
        text: text.to_owned(),
    }
}

fn fields(error: AdminError) -> Vec<String> {
    match error {
        AdminError::Invalid(errors) => errors.into_iter().map(|error| error.field).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn texts_are_set_over_those_of_the_program_and_removed_again() {
    let world = World::founded();
    let admin = &world.admin;
    let listed = || {
        let texts = admin.texts().into_iter();
        texts
            .map(|text| (text.written.language, text.written.text, text.revision.is_some()))
            .collect::<Vec<_>>()
    };
    let of_program = ("en".to_owned(), "Code {code}".to_owned(), false);
    assert_eq!(listed(), std::slice::from_ref(&of_program));

    let german = admin
        .set_text(ROOT, None, sms("DE_at", "Ihr Code: {code}"))
        .await
        .unwrap();
    assert_eq!(german.written.language, "de-at");
    let english = admin.set_text(ROOT, None, sms("en", "It is {code}")).await.unwrap();
    assert_eq!(
        listed(),
        [
            ("de-at".to_owned(), "Ihr Code: {code}".to_owned(), true),
            ("en".to_owned(), "It is {code}".to_owned(), true)
        ]
    );
    let stale = admin.set_text(ROOT, german.revision, sms("en", "{code}")).await;
    assert!(matches!(stale, Err(AdminError::Conflict)), "{stale:?}");
    let first = admin.set_text(ROOT, Some(Revision(0)), sms("en", "{code}")).await;
    assert!(matches!(first, Err(AdminError::Conflict)), "{first:?}");

    admin
        .remove_text(ROOT, english.revision, Channel::Sms, "en")
        .await
        .unwrap();
    admin.remove_text(ROOT, None, Channel::Sms, "de-AT").await.unwrap();
    assert_eq!(listed(), [of_program]);
    for (language, what) in [("en", "comes with the program"), ("de", "text")] {
        let none = admin.remove_text(ROOT, None, Channel::Sms, language).await.unwrap_err();
        assert!(none.to_string().contains(what), "{none}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_text_is_named_and_nothing_is_set() {
    let world = World::founded();
    let admin = &world.admin;
    let long = format!("{{code}}{}", "x".repeat(quorate_core::limits::TEXT_BYTES));
    for (text, wrong) in [
        (sms("German", "no code"), &["language", "text"][..]),
        (sms("de", &long), &["text"]),
    ] {
        let set = admin.set_text(ROOT, None, text.clone()).await.unwrap_err();
        assert_eq!(fields(set), wrong);
        let previewed = admin.preview_text(Channel::Sms, "de", Some(text)).unwrap_err();
        assert_eq!(fields(previewed), wrong);
    }
    let none = admin.set_default_language(ROOT, None, "fr").await.unwrap_err();
    assert_eq!(fields(none), ["language"], "it has no text");
    assert_eq!(admin.state().texts().count(), 0);
}

#[tokio::test]
async fn a_draft_is_shown_as_if_it_were_set() {
    let world = World::founded();
    let admin = &world.admin;
    admin.set_text(ROOT, None, sms("de", "Code {code}")).await.unwrap();
    let shown = |draft| admin.preview_text(Channel::Sms, "de", draft).unwrap().0.text;
    assert_eq!(shown(None), "Code {code}");
    assert_eq!(shown(Some(sms("de", "Neu: {code}"))), "Neu: {code}");
    assert_eq!(shown(None), "Code {code}");
    let default = admin.set_default_language(ROOT, None, "DE").await.unwrap();
    assert_eq!(&*default.language, "de");
}

#[tokio::test]
async fn a_local_user_has_a_language() {
    let world = World::founded();
    let new = NewUser {
        name: "alice".to_owned(),
        ..NewUser::default()
    };
    let (alice, _) = world.admin.create_user(ROOT, new).await.unwrap();
    let change = |language: &str| {
        let change = UserChange {
            language: Some(language.to_owned()),
            ..UserChange::default()
        };
        world.admin.change_user(ROOT, alice.id, None, change)
    };
    assert_eq!(change("pt_BR").await.unwrap().language(), "pt-br");
    assert_eq!(fields(change("Portuguese").await.unwrap_err()), ["language"]);
    let without = change("").await.unwrap();
    assert_eq!((without.language(), &without.local), ("", &None));
}
