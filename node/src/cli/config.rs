//! `quorate config`: the file of the node on this machine, checked and shown.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    Context,
    exit::{Done, Exit, Failure},
    output::{Format, json, say},
};
use crate::config::{Config, ConfigError};

/// The configuration file: check it, show it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  quorate config check                       # before every restart
  quorate config check --config ./new.toml && mv new.toml /etc/quorate/quorate.toml
  quorate config show                        # every setting with its value in effect")]
pub struct ConfigCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Report every mistake of the file, with line and what would be right; ends with 5 if there is one
    Check,
    /// Print every setting with the value in effect, as a file that could be used
    Show,
}

impl ConfigCommand {
    pub fn perform(self, context: &Context) -> Done {
        match self.action {
            Action::Check => check(context),
            Action::Show => show(context),
        }
    }
}

fn check(context: &Context) -> Done {
    match (Config::load(context.config_file.as_deref()), context.format) {
        (Ok(config), Format::Text) => {
            say(match &config.file {
                Some(file) => format!("{} is right.", file.display()),
                None => format!(
                    "There is no {}; every setting has its default.",
                    crate::config::DEFAULT_FILE
                ),
            });
            Ok(())
        }
        (Ok(config), Format::Json) => {
            say(json(&json!({ "ok": true, "file": config.file, "mistakes": [] })));
            Ok(())
        }
        (Err(ConfigError::Mistakes { file, mistakes }), Format::Json) => {
            let list: Vec<_> = mistakes
                .iter()
                .map(|m| json!({ "line": m.line, "setting": m.setting, "problem": m.problem, "right": m.right }))
                .collect();
            say(json(&json!({ "ok": false, "file": file, "mistakes": list })));
            Err(Failure::new(
                Exit::Configuration,
                format!("{} has mistakes", file.display()),
            ))
        }
        (Err(_), _) => context.config().map(drop),
    }
}

fn show(context: &Context) -> Done {
    let text = context.config()?.to_toml();
    match context.format {
        Format::Text => say(text.trim_end()),
        Format::Json => {
            let value: toml::Value =
                toml::from_str(&text).map_err(|e| Failure::system("cannot show the settings", e))?;
            say(json(&value));
        }
    }
    Ok(())
}
