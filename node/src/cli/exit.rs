//! How a command ends: an exit code that scripts can use, and sentences for people.

use std::{fmt, process::ExitCode};

/// What the process returns. The numbers are an interface: never change or reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Failed = 1,
    // 2 is clap's: the command line itself is wrong.
    Refused = 3,
    Unavailable = 4,
    Configuration = 5,
    NotAllowed = 6,
    NotFound = 7,
    AuditBroken = 8,
    OutcomeUnknown = 9,
    LoginRejected = 10,
    NoAnswer = 11,
    UntrustedAnswer = 12,
}

/// `quorate help exit-codes`.
pub const TABLE: &str = "\
Every command ends with one of these:

   0  done; for `radius test`: the login was accepted
   1  failed: a file, the system or the node itself; the message says which
   2  usage: the command line is wrong; nothing was tried
   3  refused: a value is not valid, a name is taken, or the object was changed
      meanwhile; nothing was changed
   4  unavailable: no node answered, or the cluster has no quorum now; nothing was
      changed, and trying again later is safe
   5  configuration: the file has mistakes; all of them were printed
   6  not allowed: not root on the socket, or the API token is missing or wrong
   7  not found: there is no such user, token, client, …
   8  audit: the chain does not verify
   9  unknown: no answer came in time; the change may or may not have been made,
      so look before you repeat it

`quorate radius test` and `quorate radius status` also use:

  10  the login was rejected
  11  no server answered
  12  an answer came that cannot be trusted: most often the shared secret differs

In a script:

  quorate radius test --server 10.0.0.1 --user alice …
  case $? in
    0)  echo \"alice may log in\" ;;
    10) echo \"wrong password or code\" ;;
    11) echo \"is the node up?\" ;;
    12) echo \"check the shared secret\" ;;
  esac";

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    /// A sentence, without a full stop.
    pub message: String,
    /// What to do about it, a sentence each.
    pub advice: Vec<String>,
    /// Whether it was refused because something of that name is there already.
    pub conflict: bool,
}

/// What every command returns.
pub type Done<T = ()> = Result<T, Failure>;

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Failure {
            exit,
            message: message.into(),
            advice: Vec::new(),
            conflict: false,
        }
    }

    /// Adds a sentence on what to do.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice.push(advice.into());
        self
    }

    #[must_use]
    pub fn with_advice(mut self, advice: Vec<String>) -> Self {
        self.advice = advice;
        self
    }

    /// Something of this machine failed: a file, a socket, a process.
    pub fn system(what: impl fmt::Display, error: impl fmt::Display) -> Self {
        Failure::new(Exit::Failed, format!("{what}: {error}"))
    }

    /// Prints it to standard error and gives the code for `main`.
    pub fn report(&self) -> ExitCode {
        eprintln!("error: {self}");
        ExitCode::from(self.exit as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for advice in &self.advice {
            write!(f, "\n  {}", advice.replace('\n', "\n  "))?;
        }
        Ok(())
    }
}
