//! What messages say, in the languages that come with the program.

use quorate_delivery::{Channel, MessageTemplate, MessageTemplates, Rendered, Texts};
use zeroize::Zeroizing;

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

/// The texts of codes that are sent.
///
/// # Panics
/// Never: a test compiles them.
pub fn shipped() -> Texts {
    let templates = templates().compile();
    templates.unwrap_or_else(|problems| unreachable!("texts that come with the program are right: {problems:?}"))
}

fn templates() -> MessageTemplates {
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
    MessageTemplates {
        default_language: "en".to_owned(),
        templates: SHIPPED.into_iter().flat_map(of_language).collect(),
    }
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
    use quorate_delivery::Values;

    use super::*;

    #[test]
    fn every_text_is_right_and_an_sms_is_one_message() {
        let templates = templates();
        assert_eq!(templates.check(), Ok(()));
        assert_eq!(templates.warnings(), []);
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
}
