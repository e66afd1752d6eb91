//! Logging in to a mail server (RFC 4954) by PLAIN, LOGIN or XOAUTH2.
//!
//! The mechanism is the operator's choice; a server that does not offer it is not asked to try another, which could give a password away in a
//! form that was not agreed to.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::{reply::Reply, session::Session};
use crate::{
    attempt::{Blame, Halt, StepName, Trace},
    http::TokenSource,
    mask::spellings,
    secret::Secret,
};

/// Who we are at a mail server.
pub(crate) enum Authentication {
    None,
    Plain(String, Secret),
    Login(String, Secret),
    Xoauth2(String, TokenSource),
}

impl Authentication {
    fn mechanism(&self) -> &'static str {
        match self {
            Self::None => "",
            Self::Plain(..) => "PLAIN",
            Self::Login(..) => "LOGIN",
            Self::Xoauth2(..) => "XOAUTH2",
        }
    }

    /// The secrets as they are and as they are sent.
    pub(super) fn secrets(&self) -> Vec<Zeroizing<String>> {
        match self {
            Self::None => Vec::new(),
            Self::Plain(user, password) | Self::Login(user, password) => {
                let mut all = spellings(password.expose());
                all.push(encoded(password.expose()));
                all.push(encoded(&plain_response(user, password)));
                all
            }
            Self::Xoauth2(_, source) => source.secrets(),
        }
    }

    /// Logs in, if that is wanted.
    pub(super) async fn log_in(&self, session: &mut Session, trace: &mut Trace) -> Result<(), Halt> {
        if matches!(self, Self::None) {
            return Ok(());
        }
        let mechanism = self.mechanism();
        let offered = session.mechanisms();
        if !offered.contains(&mechanism) {
            trace.begin(StepName::Authenticate, mechanism);
            let offered = if offered.is_empty() {
                "nothing".to_owned()
            } else {
                offered.join(", ")
            };
            let answer = format!("the server offers {offered} for authentication, not {mechanism}");
            return Err(Halt::Refused {
                answer,
                blame: Blame::Gateway,
            });
        }
        let mut reply = self.converse(session, trace).await?;
        if let (Self::Xoauth2(_, source), true) = (self, reply.code == 535)
            && source.forget().await
        {
            // The token that was kept may have been revoked; a new one tells.
            reply = self.converse(session, trace).await?;
        }
        reply.code(235, Blame::Gateway)?;
        trace.done(&reply.text());
        Ok(())
    }

    /// One attempt to log in, up to the reply that decides.
    async fn converse(&self, session: &mut Session, trace: &mut Trace) -> Result<Reply, Halt> {
        let (user, secret) = match self {
            Self::None => ("", Secret::default()),
            Self::Plain(user, password) | Self::Login(user, password) => (user.as_str(), password.clone()),
            Self::Xoauth2(user, source) => (user.as_str(), source.token(trace).await?),
        };
        trace.begin(StepName::Authenticate, self.mechanism());
        match self {
            Self::None | Self::Plain(..) => {
                let response = plain_response(user, &secret);
                one_response(session, "PLAIN", &response).await
            }
            Self::Login(..) => login(session, user, &secret).await,
            Self::Xoauth2(..) => {
                let response = Zeroizing::new(format!("user={user}\x01auth=Bearer {}\x01\x01", secret.expose()));
                trace.hide(&encoded(&response));
                let reply = one_response(session, "XOAUTH2", &response).await?;
                // The server explains itself in a challenge, which an empty line ends.
                if reply.code == 334 {
                    session.command("").await
                } else {
                    Ok(reply)
                }
            }
        }
    }
}

fn plain_response(user: &str, password: &Secret) -> Zeroizing<String> {
    Zeroizing::new(format!("\0{user}\0{}", password.expose()))
}

fn encoded(text: &str) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(text))
}

async fn one_response(session: &mut Session, mechanism: &str, response: &str) -> Result<Reply, Halt> {
    let line = Zeroizing::new(format!("AUTH {mechanism} {}", encoded(response).as_str()));
    session.command(&line).await
}

/// Name and password, one after the other, as the server asks for them.
async fn login(session: &mut Session, user: &str, password: &Secret) -> Result<Reply, Halt> {
    let mut reply = session.command("AUTH LOGIN").await?;
    for answer in [user, password.expose()] {
        if reply.code != 334 {
            return Ok(reply);
        }
        reply = session.command(&encoded(answer)).await?;
    }
    Ok(reply)
}
