//! `quorate radius test`: one login, from the password to the last answer.

use clap::{Args, ValueEnum};
use quorate_radius::{AttributeType, ReplyCode, client::Request};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    Servers,
    diagnosis::{self, Drops},
    exchange::{Answered, Cause, Exchange, Silence},
};
use crate::cli::{
    Context,
    exit::{Done, Exit, Failure},
    otpauth::Totp,
    output::{Format, json, now_ms, say},
    terminal,
};

/// More challenges than any application has factors: a server that goes on asking is broken.
const CHALLENGES_MAX: usize = 8;

/// Log in as a gateway would, through the challenge, and say what went wrong
///
/// Sends an Access-Request, answers every Access-Challenge, retransmits, and goes on to the next
/// server when one is silent. Asks at the terminal for what is not given.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  quorate radius test --user alice
  quorate radius test --user alice --password \"$P\" --seed \"$SEED\" --secret testing123
  quorate radius test --user alice --mode one-step --password \"$P\" --code 123456
  quorate radius test --user alice --mode passcode-only --source 127.0.0.2
  quorate radius test --server 10.0.0.1 --server 10.0.0.2 --user alice --json

Ends with 0 accepted, 10 rejected, 11 no answer, 12 an answer that cannot be trusted.")]
pub struct Test {
    #[command(flatten)]
    servers: Servers,
    /// The user name to log in with
    #[arg(long, short)]
    user: String,
    /// What the first request carries; how the client on the server is set up decides which works
    #[arg(long, value_enum, default_value_t = Mode::TwoStep)]
    mode: Mode,
    /// The password; asked for if absent
    #[arg(long, env = "QUORATE_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// The one-time code; asked for if absent
    #[arg(long, conflicts_with = "seed")]
    code: Option<String>,
    /// A base32 seed or otpauth:// URI to compute the code from
    #[arg(long, value_name = "SEED|URI", env = "QUORATE_SEED", hide_env_values = true, visible_aliases = ["secret-base32", "otpauth"])]
    seed: Option<String>,
    /// NAS-Identifier to send
    #[arg(long, value_name = "TEXT", default_value = "quorate-radius-test")]
    nas_identifier: String,
    /// Calling-Station-Id to send: where the person sits
    #[arg(long, value_name = "TEXT")]
    calling_station_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// The password first, then the code
    TwoStep,
    /// Password and code in one field
    OneStep,
    /// The code alone
    PasscodeOnly,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    result: Verdict,
    user: String,
    steps: Vec<Step>,
    problem: Option<String>,
    advice: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Accepted,
    Rejected,
    NoAnswer,
    UntrustedAnswer,
}

/// One request that was answered.
#[derive(Debug, Serialize)]
struct Step {
    server: String,
    sent: &'static str,
    /// How often it had to be sent.
    times: u32,
    answer: &'static str,
    messages: Vec<String>,
    took_ms: u64,
}

impl Test {
    pub async fn perform(self, context: &Context) -> Done {
        let totp = match &self.seed {
            Some(text) => Some(Totp::parse(text).map_err(|why| Failure::new(Exit::Refused, format!("--seed: {why}")))?),
            None => None,
        };
        let exchange = self.servers.exchange().await?;
        let drops = Drops::before(context).await;
        let (first, sent) = self.first_field(totp.as_ref())?;
        let report = self.converse(&exchange, &drops, (first, sent), totp.as_ref()).await?;
        report.tell(context.format)
    }

    /// What goes into User-Password first, and its name.
    fn first_field(&self, totp: Option<&Totp>) -> Done<(Zeroizing<String>, &'static str)> {
        Ok(match self.mode {
            Mode::TwoStep => (self.password()?, "password"),
            Mode::PasscodeOnly => (self.code(totp, "One-time code")?, "code"),
            Mode::OneStep => {
                let mut field = self.password()?;
                field.push_str(&self.code(totp, "One-time code")?);
                (field, "password and code")
            }
        })
    }

    fn password(&self) -> Done<Zeroizing<String>> {
        match &self.password {
            Some(password) => Ok(Zeroizing::new(password.clone())),
            None => terminal::ask_secret(
                "Password",
                "in a script: --password, or QUORATE_PASSWORD in the environment",
            ),
        }
    }

    fn code(&self, totp: Option<&Totp>, prompt: &str) -> Done<Zeroizing<String>> {
        match (&self.code, totp) {
            (Some(code), _) => Ok(Zeroizing::new(code.clone())),
            (None, Some(totp)) => Ok(Zeroizing::new(totp.code_at(now_ms()).code)),
            (None, None) => terminal::ask(prompt, "in a script: --code, or --seed to compute it"),
        }
    }

    async fn converse(
        &self,
        exchange: &Exchange,
        drops: &Drops,
        (mut field, mut sent): (Zeroizing<String>, &'static str),
        totp: Option<&Totp>,
    ) -> Done<Report> {
        let mut steps = Vec::new();
        let mut state: Option<Vec<u8>> = None;
        for _ in 0..CHALLENGES_MAX {
            let request = self.request(&field, state.as_deref());
            let answered = match exchange.ask(&request).await? {
                Ok(answered) => answered,
                Err(silences) => {
                    let advice = diagnosis::advice(&silences, exchange, drops.since().await);
                    return Ok(self.unanswered(steps, &silences, advice));
                }
            };
            let code = answered.answer.code;
            state = answered.answer.state.clone();
            let asks = answered.answer.messages.join(" ");
            steps.push(Step::of(answered, sent));
            match code {
                ReplyCode::Accept => return Ok(self.report(Verdict::Accepted, steps, None, Vec::new())),
                ReplyCode::Reject => return Ok(self.rejected(steps)),
                ReplyCode::Challenge => {
                    let prompt = if asks.is_empty() {
                        "One-time code"
                    } else {
                        asks.trim_end_matches([':', ' '])
                    };
                    field = self.code(totp, prompt)?;
                    sent = "code";
                }
            }
        }
        let problem = format!("the server asked {CHALLENGES_MAX} times and never decided");
        Ok(self.report(Verdict::UntrustedAnswer, steps, Some(problem), Vec::new()))
    }

    fn request(&self, field: &str, state: Option<&[u8]>) -> Request {
        let mut request = Request::access(self.user.as_bytes())
            .password(field.as_bytes())
            .nas_identifier(&self.nas_identifier);
        if let Some(station) = &self.calling_station_id {
            request = request.attribute(AttributeType::CALLING_STATION_ID, station.as_bytes());
        }
        match state {
            Some(state) => request.state(state),
            None => request,
        }
    }

    fn rejected(&self, steps: Vec<Step>) -> Report {
        let mut advice = vec!["a server never tells outsiders why; on a node: quorate audit list --last 5".to_owned()];
        if self.seed.is_some() || self.code.is_some() {
            advice.push("a code works once: after a login with it, wait for the next one".to_owned());
        }
        let problem = Some("the login was rejected".to_owned());
        self.report(Verdict::Rejected, steps, problem, advice)
    }

    fn unanswered(&self, steps: Vec<Step>, silences: &[Silence], advice: Vec<String>) -> Report {
        let untrusted = silences
            .iter()
            .any(|silence| matches!(silence.cause, Cause::Untrusted(_)));
        let verdict = if untrusted {
            Verdict::UntrustedAnswer
        } else {
            Verdict::NoAnswer
        };
        let lines = silences.iter().map(|silence| format!("{}: {silence}", silence.server));
        self.report(verdict, steps, Some(lines.collect::<Vec<_>>().join("\n")), advice)
    }

    fn report(&self, result: Verdict, steps: Vec<Step>, problem: Option<String>, advice: Vec<String>) -> Report {
        Report {
            result,
            user: self.user.clone(),
            steps,
            problem,
            advice,
        }
    }
}

impl Step {
    fn of(answered: Answered, sent: &'static str) -> Step {
        Step {
            server: answered.server,
            sent,
            times: answered.sent,
            answer: match answered.answer.code {
                ReplyCode::Accept => "Access-Accept",
                ReplyCode::Reject => "Access-Reject",
                ReplyCode::Challenge => "Access-Challenge",
            },
            messages: answered.answer.messages,
            took_ms: answered.took_ms,
        }
    }

    fn line(&self) -> String {
        let again = match self.times {
            1 => String::new(),
            n => format!(", sent {n} times"),
        };
        let said = match self.messages.join(" ") {
            said if said.is_empty() => said,
            said => format!(": \"{said}\""),
        };
        format!(
            "{} → {} ({} ms{again}) {}{said}",
            self.sent, self.server, self.took_ms, self.answer
        )
    }
}

impl Report {
    fn tell(self, format: Format) -> Done {
        match format {
            Format::Json => say(json(&self)),
            Format::Text => self.steps.iter().for_each(|step| say(step.line())),
        }
        let exit = match self.result {
            Verdict::Accepted => {
                if format == Format::Text {
                    say(format!("{} may log in.", self.user));
                }
                return Ok(());
            }
            Verdict::Rejected => Exit::LoginRejected,
            Verdict::NoAnswer => Exit::NoAnswer,
            Verdict::UntrustedAnswer => Exit::UntrustedAnswer,
        };
        Err(Failure::new(exit, self.problem.unwrap_or_default()).with_advice(self.advice))
    }
}
