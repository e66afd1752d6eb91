//! What messages say: in the languages that come with the program, and as operators have it.

use quorate_app::{FieldError, Preview, Wording, WrittenText};
use quorate_delivery::{Channel, MessageTemplate, PLACEHOLDERS, Problem, Rendered, SAMPLE, Texts};
use zeroize::Zeroizing;

use super::gateways::{channel_here, channel_of, listed};

/// Language; the text of an SMS and of a call; subject and text of a mail. An SMS has to fit into one message of 160 characters of the
/// GSM alphabet, or of 70 others.
const SHIPPED: [(&str, &str, &str, &str, &str); 6] = [
    (
        "en",
        "Your login code is {code}. It is good for {minutes} minutes.",
        "Your login code is {code_spoken}. Once more: {code_spoken}.",
        "Your login code",
        "Hello,\n\nsomebody is logging in as {user}. The code is\n\n    {code}\n\nIt is good for {minutes} minutes, once. If this is not you, tell \
         your administrator: your password may be known to others.\n",
    ),
    (
        "de",
        "Ihr Anmeldecode ist {code}. Er gilt {minutes} Minuten.",
        "Ihr Anmeldecode ist {code_spoken}. Noch einmal: {code_spoken}.",
        "Ihr Anmeldecode",
        "Guten Tag,\n\njemand meldet sich als {user} an. Der Code ist\n\n    {code}\n\nEr gilt {minutes} Minuten, einmal. Wenn Sie das nicht sind, \
         sagen Sie es Ihrer Administration: Ihr Passwort ist vielleicht anderen bekannt.\n",
    ),
    (
        "tr",
        "Giris kodunuz: {code}. {minutes} dakika gecerlidir.",
        "Giriş kodunuz {code_spoken}. Tekrar: {code_spoken}.",
        "Giriş kodunuz",
        "Merhaba,\n\n{user} adıyla giriş yapılıyor. Kod:\n\n    {code}\n\n{minutes} dakika boyunca ve bir kez geçerlidir. Giriş yapan siz değilseniz \
         yöneticinize bildirin: parolanız başkasının elinde olabilir.\n",
    ),
    (
        "fr",
        "Votre code de connexion est {code}. Il est valable {minutes} minutes.",
        "Votre code de connexion est {code_spoken}. Je répète : {code_spoken}.",
        "Votre code de connexion",
        "Bonjour,\n\nune connexion est en cours sous le nom {user}. Le code est\n\n    {code}\n\nIl est valable {minutes} minutes, une seule fois. Si \
         ce n'est pas vous, prévenez votre administrateur : votre mot de passe est peut-être connu d'autrui.\n",
    ),
    (
        "es",
        "Su código de acceso es {code}. Es válido {minutes} minutos.",
        "Su código de acceso es {code_spoken}. Repito: {code_spoken}.",
        "Su código de acceso",
        "Hola:\n\nalguien está iniciando sesión como {user}. El código es\n\n    {code}\n\nEs válido durante {minutes} minutos, una sola vez. Si no \
         es usted, avise a su administrador: es posible que otros conozcan su contraseña.\n",
    ),
    (
        "it",
        "Il suo codice di accesso è {code}. Vale {minutes} minuti.",
        "Il suo codice di accesso è {code_spoken}. Ripeto: {code_spoken}.",
        "Il suo codice di accesso",
        "Buongiorno,\n\nqualcuno sta accedendo come {user}. Il codice è\n\n    {code}\n\nVale {minutes} minuti, una volta sola. Se non è lei, avvisi \
         l'amministratore: la sua password potrebbe essere nota ad altri.\n",
    ),
];

/// What a test says.
const TEST: &str = "This is a test of Quorate. It has no code in it.";

/// The texts that come with the program.
///
/// # Panics
/// Never: a test compiles them.
pub fn shipped() -> Texts {
    let mut texts = Texts::new("en");
    for template in templates() {
        let put = texts.put(&template);
        put.unwrap_or_else(|problems| unreachable!("texts that come with the program are right: {problems:?}"));
    }
    texts
}

/// The same as they are written.
pub fn built_in() -> Vec<WrittenText> {
    let written = |template: MessageTemplate| WrittenText {
        channel: channel_here(template.channel),
        language: template.language,
        subject: template.subject,
        text: template.text,
    };
    templates().map(written).collect()
}

/// `shipped` under what operators have set for this channel. A text that this node cannot read (another release has written it) gives way
/// to the one under it: a message in other words is better than none.
pub fn under(shipped: &Texts, wording: &Wording, channel: Channel) -> Texts {
    let mut texts = shipped.clone();
    texts.prefer(&wording.default_language);
    for set in wording.texts.iter().filter(|set| channel_of(set.channel) == channel) {
        let template = MessageTemplate {
            language: set.language.to_string(),
            channel,
            subject: set.subject.to_string(),
            text: set.text.to_string(),
        };
        if let Err(problems) = texts.put(&template) {
            let (language, channel) = (&set.language, channel.name());
            tracing::error!(%language, channel, problems = listed(&problems), "a text that was set cannot be used");
        }
    }
    texts
}

/// What is wrong with a text, or what is unwise.
pub fn check(written: &WrittenText) -> Result<Vec<FieldError>, Vec<FieldError>> {
    let template = MessageTemplate {
        language: written.language.clone(),
        channel: channel_of(written.channel),
        subject: written.subject.clone(),
        text: written.text.clone(),
    };
    let shown = |problems: Vec<Problem>| problems.iter().map(field_error).collect::<Vec<_>>();
    template.check().map(shown).map_err(shown)
}

fn field_error(one: &Problem) -> FieldError {
    let names: Vec<String> = PLACEHOLDERS.iter().map(|name| format!("{{{name}}}")).collect();
    let hint = match one.problem.contains("nothing is called") {
        true => format!("there are {} and <%TOKEN%>", names.join(", ")),
        false => String::new(),
    };
    FieldError::new(&one.field, &one.problem, hint)
}

/// What somebody of this language would be sent.
pub fn preview(texts: &Texts, channel: Channel, language: &str) -> Result<Preview, String> {
    let rendered = texts.render(channel, language, &SAMPLE);
    let rendered = rendered.map_err(|error| error.to_string())?;
    let segments = rendered.segments.map(|segments| {
        let count = u32::try_from(segments.count).unwrap_or(u32::MAX);
        (count, segments.odd_one)
    });
    Ok(Preview {
        language: rendered.language,
        subject: rendered.subject,
        text: rendered.text.to_string(),
        segments,
    })
}

fn templates() -> impl Iterator<Item = MessageTemplate> {
    let of_language = |(language, sms, voice, subject, mail): (&str, &str, &str, &str, &str)| {
        let template = |channel, subject: &str, text: &str| MessageTemplate {
            language: language.to_owned(),
            channel,
            subject: subject.to_owned(),
            text: text.to_owned(),
        };
        [
            template(Channel::Sms, "", sms),
            template(Channel::Voice, "", voice),
            template(Channel::Email, subject, mail),
        ]
    };
    SHIPPED.into_iter().flat_map(of_language)
}

/// The text of a test.
pub fn of_a_test(channel: Channel) -> Rendered {
    let subject = match channel {
        Channel::Email => "Test".to_owned(),
        Channel::Sms | Channel::Voice => String::new(),
    };
    Rendered {
        language: "en".to_owned(),
        subject,
        text: Zeroizing::new(TEST.to_owned()),
        segments: None,
    }
}

#[cfg(test)]
mod tests {
    use quorate_core::{MessageText, Revision};
    use quorate_delivery::Values;

    use super::*;

    #[test]
    fn every_text_is_right_and_an_sms_is_one_message() {
        for template in templates() {
            assert_eq!(template.check(), Ok(Vec::new()), "{template:?}");
        }
        let texts = shipped();
        for (language, ..) in SHIPPED {
            for channel in [Channel::Sms, Channel::Voice, Channel::Email] {
                let values = Values {
                    code: "12345678",
                    user: "alice@example.org",
                    minutes: "10",
                    ..Values::default()
                };
                let rendered = texts.render(channel, language, &values).unwrap();
                assert_eq!(rendered.language, language);
                let spoken = rendered.text.replace([' ', ','], "");
                assert!(spoken.contains("12345678"), "{}", *rendered.text);
                assert!(rendered.segments.is_none_or(|segments| segments.count == 1));
            }
        }
    }

    #[test]
    fn a_text_that_cannot_be_read_gives_way_to_the_one_under_it() {
        let set = |language: &str, text: &str| {
            std::sync::Arc::new(MessageText {
                channel: quorate_core::Channel::Sms,
                language: language.into(),
                subject: "".into(),
                text: text.into(),
                revision: Revision(1),
            })
        };
        let wording = Wording {
            default_language: "pt".to_owned(),
            texts: vec![
                set("de", "Code <%TOKEN%>"),
                set("tr", "{from another release}"),
                set("pt", "Codigo {code}"),
            ],
        };
        let texts = under(&shipped(), &wording, Channel::Sms);
        let said = |channel, language| preview(&texts, channel, language).unwrap();
        assert_eq!(said(Channel::Sms, "de-AT").text, "Code 123456");
        assert_eq!(
            said(Channel::Sms, "tr").text,
            "Giris kodunuz: 123456. 5 dakika gecerlidir."
        );
        assert_eq!(said(Channel::Sms, "fi").text, "Codigo 123456");
        assert_eq!(said(Channel::Sms, "fi").segments, Some((1, None)));
        assert_eq!(
            said(Channel::Voice, "fi").language,
            "en",
            "nothing is set for this channel"
        );
    }

    #[test]
    fn an_unknown_placeholder_is_named_with_those_that_there_are() {
        let written = WrittenText {
            channel: quorate_core::Channel::Sms,
            language: "de".to_owned(),
            subject: String::new(),
            text: "{code} {pin}".to_owned(),
        };
        let wrong = check(&written).unwrap_err();
        assert_eq!(
            wrong[0].to_string(),
            "text cannot be used: line 1, column 8: nothing is called {pin} here: there are {code}, {code_spoken}, {user}, \
             {application}, {client}, {minutes} and <%TOKEN%>"
        );
    }
}
