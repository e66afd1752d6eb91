//! The command line: what a person types, one file per subcommand.
//!
//! Three kinds of commands: those that *are* a node (`init`, `join`, `run`), those that ask a node
//! over its API (`user`, `status`, `audit`, …; all through [`api`]), and those that need neither
//! (`radius`, `code`, `config`, `completions`). `demo` starts nodes as child processes and then uses
//! the first two kinds as anyone would.
//!
//! Every command returns [`exit::Done`]; `main` turns a [`exit::Failure`] into a sentence and an exit code.

mod admin;
mod api;
mod code;
mod config;
mod demo;
mod doctor;
mod exit;
mod limits;
mod node;
mod otpauth;
mod output;
mod radius;
mod terminal;
#[cfg(test)]
mod tests;

use std::{path::PathBuf, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};

use crate::config::{Config, ConfigError};
use exit::{Done, Exit, Failure};
use output::Format;

/// A multi-factor authentication server that stays up.
#[derive(Debug, Parser)]
#[command(
    name = "quorate",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "\
Try it on this machine, with nothing to install:
  quorate demo

The first node of a cluster, then a second one:
  quorate init && systemctl start quorate
  quorate join-token create                  # prints the line to type on the other machine
  quorate join HOST:PORT --token …           # on the other machine
  quorate status

Let a gateway ask, and a user log in:
  quorate application create vpn --factor password --factor code
  quorate client create gate-1 --network 192.0.2.1 --application vpn
  quorate user create alice
  quorate token create alice
  quorate radius test --server 127.0.0.1 --user alice

Exit codes for scripts: quorate help exit-codes"
)]
struct Cli {
    /// Configuration file of the node on this machine
    #[arg(long, global = true, value_name = "FILE", env = "QUORATE_CONFIG")]
    config: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(node::init::Init),
    Run(node::run::Run),
    Join(node::join::Join),
    JoinToken(admin::join_token::JoinTokenCommand),
    Status(admin::cluster::Status),
    Drain(admin::cluster::Drain),
    Leave(admin::cluster::Leave),
    Remove(admin::cluster::Remove),
    User(admin::user::UserCommand),
    Token(admin::token::TokenCommand),
    Client(admin::client::ClientCommand),
    Application(admin::application::ApplicationCommand),
    Directory(admin::directory::DirectoryCommand),
    Gateway(admin::gateway::GatewayCommand),
    Text(admin::text::TextCommand),
    Import(admin::import::ImportCommand),
    Policy(admin::policy::PolicyCommand),
    Role(admin::role::RoleCommand),
    Rule(admin::rule::RuleCommand),
    Confirm(admin::pending::Confirm),
    Pending(admin::pending::PendingCommand),
    ApiToken(admin::api_token::ApiTokenCommand),
    Audit(admin::audit::AuditCommand),
    Radius(radius::RadiusCommand),
    Code(code::Code),
    Config(config::ConfigCommand),
    Doctor(doctor::Doctor),
    Demo(demo::Demo),
    Completions(Completions),
    /// Say what the exit codes mean
    #[command(after_help = exit::TABLE, after_long_help = exit::TABLE)]
    ExitCodes,
}

/// Print the completions of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  quorate completions bash > /etc/bash_completion.d/quorate
  quorate completions zsh  > \"${fpath[1]}/_quorate\"
  quorate completions fish > ~/.config/fish/completions/quorate.fish")]
struct Completions {
    shell: clap_complete::Shell,
}

/// What every command knows about how it was called.
#[derive(Debug, Clone)]
pub struct Context {
    config_file: Option<PathBuf>,
    pub format: Format,
}

impl Context {
    /// The configuration of the node on this machine.
    ///
    /// # Errors
    /// The file cannot be read, or has mistakes.
    pub fn config(&self) -> Done<Config> {
        Config::load(self.config_file.as_deref()).map_err(|e| match e {
            ConfigError::Unreadable { .. } => Failure::new(Exit::Failed, e.to_string()),
            ConfigError::Mistakes { .. } => Failure::new(Exit::Configuration, e.to_string()),
        })
    }
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let context = Context {
        config_file: cli.config,
        format: if cli.json { Format::Json } else { Format::Text },
    };
    match perform(cli.command, &context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn perform(command: Command, context: &Context) -> Done {
    match command {
        Command::Init(it) => block_on(it.perform(context)),
        Command::Run(it) => it.perform(context),
        Command::Join(it) => it.perform(context),
        Command::JoinToken(it) => block_on(it.perform(context)),
        Command::Status(it) => block_on(it.perform(context)),
        Command::Drain(it) => block_on(it.perform(context)),
        Command::Leave(it) => block_on(it.perform(context)),
        Command::Remove(it) => block_on(it.perform(context)),
        Command::User(it) => block_on(it.perform(context)),
        Command::Token(it) => block_on(it.perform(context)),
        Command::Client(it) => block_on(it.perform(context)),
        Command::Application(it) => block_on(it.perform(context)),
        Command::Directory(it) => block_on(it.perform(context)),
        Command::Gateway(it) => block_on(it.perform(context)),
        Command::Text(it) => block_on(it.perform(context)),
        Command::Import(it) => block_on(it.perform(context)),
        Command::Policy(it) => block_on(it.perform(context)),
        Command::Role(it) => block_on(it.perform(context)),
        Command::Rule(it) => block_on(it.perform(context)),
        Command::Confirm(it) => block_on(it.perform(context)),
        Command::Pending(it) => block_on(it.perform(context)),
        Command::ApiToken(it) => block_on(it.perform(context)),
        Command::Audit(it) => block_on(it.perform(context)),
        Command::Radius(it) => block_on(it.perform(context)),
        Command::Code(it) => it.perform(context),
        Command::Config(it) => it.perform(context),
        Command::Doctor(it) => block_on(it.perform(context)),
        Command::Demo(it) => block_on(it.perform(context)),
        Command::Completions(it) => {
            clap_complete::generate(it.shell, &mut Cli::command(), "quorate", &mut std::io::stdout());
            Ok(())
        }
        Command::ExitCodes => {
            output::say(exit::TABLE);
            Ok(())
        }
    }
}

/// Runs a command that waits for others on this thread alone; a node has its own runtime.
fn block_on(command: impl Future<Output = Done>) -> Done {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::system("cannot start", e))?
        .block_on(command)
}
