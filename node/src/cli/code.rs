//! `quorate code`: the current code of a token, without a phone.

use clap::Args;

use super::{
    Context,
    exit::{Done, Exit, Failure},
    otpauth::Totp,
    output::now_ms,
    terminal,
};

/// Show the current one-time code of a seed, without a phone
///
/// Prints the code alone, so that a script can use it; how long it lasts goes to standard error.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  quorate code GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ
  quorate code 'otpauth://totp/Quorate:alice?secret=…&digits=8'
  echo \"$SEED\" | quorate code -
  radtest alice \"password$(quorate code \"$SEED\")\" 127.0.0.1 0 testing123

For trials and tests: whoever holds the seed holds the second factor.")]
pub struct Code {
    /// A base32 seed or an otpauth:// URI; - reads it from standard input
    #[arg(value_name = "SEED|URI", env = "QUORATE_SEED", hide_env_values = true)]
    token: String,
    /// The code of this time, in seconds since 1970, instead of now
    #[arg(long, value_name = "SECONDS")]
    at: Option<u64>,
}

impl Code {
    pub fn perform(self, context: &Context) -> Done {
        let text = match self.token.as_str() {
            "-" => terminal::secret_from_stdin("seed")?.to_string(),
            _ => self.token,
        };
        let totp = Totp::parse(&text).map_err(|why| Failure::new(Exit::Refused, why))?;
        let code = totp.code_at(self.at.map_or_else(now_ms, |s| s.saturating_mul(1000)));
        context.format.show(&code, |code| code.code.clone());
        if context.format == super::output::Format::Text && self.at.is_none() {
            eprintln!("(for {} s more; it works once)", code.remaining_ms.div_ceil(1000));
        }
        Ok(())
    }
}
