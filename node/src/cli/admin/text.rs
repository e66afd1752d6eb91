//! `quorate text`: what messages say.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use quorate_api::{
    DefaultLanguage, FieldProblem, MessageText, PreviewText, SetDefaultLanguage, SetText, TextPreview, endpoints,
};

use crate::cli::{
    Context,
    admin::{self, Listing, gateway},
    api::Connection,
    exit::{Done, Exit, Failure},
    output::{Table, facts},
};

const CUT_CHARS: usize = 60;

/// Texts: what messages with codes say, for each channel and language
#[derive(Debug, Args)]
#[command(after_help = "\
Placeholders: {code} or <%TOKEN%>, {code_spoken} (digit by digit, for calls), {user}, {application}, {client}, {minutes}.
A text needs one that is the code. Examples:
  quorate text list
  quorate text set sms de --text 'Ihr Code ist <%TOKEN%>.'
  quorate text set email de --subject 'Ihr Code' --file mail.txt
  quorate text preview sms de --text 'Ihr Code: {code} 🔑'      # before it is set: what it becomes, and costs
  quorate text remove sms de                                    # the text that comes with the program returns
  quorate text default de                                       # for people whose language has no text
  quorate user change alice --language de")]
pub struct TextCommand {
    #[command(flatten)]
    at: Connection,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the texts that come with the program and those that were set
    List(Listing),
    /// Show a text as it is written
    Show {
        #[command(flatten)]
        which: Which,
    },
    /// Have messages say something else, on every node from the next message on
    Set {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        said: Said,
    },
    /// Give back the text that comes with the program
    Remove {
        #[command(flatten)]
        which: Which,
    },
    /// Show a message with sample values and what it costs: as it is, or as a text would make it
    Preview {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        said: Said,
    },
    /// Show or set the language for people whose own has no text
    Default {
        /// A tag such as de or pt-BR; shows the one that is set if left out
        language: Option<String>,
    },
}

#[derive(Debug, Args)]
struct Which {
    /// sms, email or voice
    channel: String,
    /// A tag such as de or pt-BR
    language: String,
}

#[derive(Debug, Args)]
struct Said {
    /// What the message says
    #[arg(long, conflicts_with = "file")]
    text: Option<String>,
    /// A file with what it says; - for standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The subject of a mail
    #[arg(long, default_value = "", hide_default_value = true)]
    subject: String,
}

impl TextCommand {
    pub async fn perform(self, context: &Context) -> Done {
        let api = self.at.api(context)?;
        match self.action {
            Action::List(listing) => listing.show(&api, context, (endpoints::LIST_TEXTS, &[]), table).await?,
            Action::Show { which } => {
                let shown = api.ask(endpoints::SHOW_TEXT, &which.names()).await?;
                context.format.show(&shown, text);
            }
            Action::Set { which, said } => {
                let Some(typed) = said.read()? else {
                    return Err(Failure::new(Exit::Refused, "nothing says what").advise("--text or --file"));
                };
                let set = SetText {
                    subject: said.subject,
                    text: typed,
                };
                let set = api.tell(endpoints::SET_TEXT, &which.names(), &set).await?;
                warn(&set.warnings);
                context.format.show(&set, text);
            }
            Action::Remove { which } => {
                api.order(endpoints::REMOVE_TEXT, &which.names()).await?;
                let Which { channel, language } = which;
                admin::done(
                    context.format,
                    format!("the text for {channel} in {language} is removed"),
                );
            }
            Action::Preview { which, said } => {
                let preview = PreviewText {
                    text: said.read()?,
                    subject: said.subject,
                    channel: which.channel,
                    language: which.language,
                };
                let shown = api.tell(endpoints::PREVIEW_TEXT, &[], &preview).await?;
                warn(&shown.warnings);
                context.format.show(&shown, preview_text);
            }
            Action::Default { language } => {
                let shown = match language {
                    None => api.ask(endpoints::SHOW_DEFAULT_LANGUAGE, &[]).await?,
                    Some(language) => {
                        let set = SetDefaultLanguage { language };
                        api.tell(endpoints::SET_DEFAULT_LANGUAGE, &[], &set).await?
                    }
                };
                context
                    .format
                    .show(&shown, |shown: &DefaultLanguage| shown.language.clone());
            }
        }
        Ok(())
    }
}

impl Which {
    fn names(&self) -> [&str; 2] {
        [&self.channel, &self.language]
    }
}

impl Said {
    /// A file ends in a line break that nobody means.
    fn read(&self) -> Done<Option<String>> {
        match &self.file {
            None => Ok(self.text.clone()),
            Some(file) => Ok(Some(gateway::read(file)?.trim_end_matches(['\r', '\n']).to_owned())),
        }
    }
}

fn warn(warnings: &[FieldProblem]) {
    for warning in warnings {
        eprintln!("Warning: {} {}.", warning.field, warning.problem);
    }
}

fn table(texts: &[MessageText]) -> (Table, &'static str) {
    let mut table = Table::new(&["CHANNEL", "LANGUAGE", "FROM", "TEXT"]);
    for text in texts {
        table.row(vec![
            text.channel.clone(),
            text.language.clone(),
            from(text).to_owned(),
            cut(&text.text),
        ]);
    }
    (table, "There are no texts.")
}

fn from(text: &MessageText) -> &'static str {
    if text.built_in { "the program" } else { "an operator" }
}

/// On one line, and not all of it.
fn cut(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(CUT_CHARS) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

fn text(text: &MessageText) -> String {
    let mut lines = vec![
        ("channel", text.channel.clone()),
        ("language", text.language.clone()),
        ("from", from(text).to_owned()),
    ];
    if !text.subject.is_empty() {
        lines.push(("subject", text.subject.clone()));
    }
    format!("{}\n\n{}", facts(&lines), text.text)
}

fn preview_text(preview: &TextPreview) -> String {
    let mut lines = vec![("language", preview.language.clone())];
    if !preview.subject.is_empty() {
        lines.push(("subject", preview.subject.clone()));
    }
    if let Some(segments) = &preview.segments {
        let why = segments
            .odd_one
            .map(|odd_one| format!(", for {odd_one:?} is not in the GSM alphabet"));
        lines.push(("messages", format!("{}{}", segments.count, why.unwrap_or_default())));
    }
    format!("{}\n\n{}", facts(&lines), preview.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_one_line_of_a_list() {
        assert_eq!(cut("Hello,\n\n  {code}\n"), "Hello, {code}");
        assert_eq!(cut(&"ş".repeat(61)), format!("{}…", "ş".repeat(60)));
    }
}
