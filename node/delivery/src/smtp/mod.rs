//! Mail by SMTP (RFC 5321) with STARTTLS, implicit TLS and authentication.
//!
//! One conversation for each message: codes are few and far between, and a connection kept open is one more that may have died. The
//! conversation is our own and not a library's, because it has to know what libraries keep to themselves: whether the end of the message
//! was written when something broke (`docs/adr/0018-delivery.md`).
//!
//! A server may act on a message once it has seen the line with a single dot (RFC 5321 section 4.1.1.4). Up to it everything that breaks means
//! *certainly not*; after it, anything but a reply means *unknown*.

mod authenticate;
mod mail;
mod reply;
mod session;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::ClientConfig;
use tokio::time::timeout;
use zeroize::Zeroizing;

pub(crate) use authenticate::Authentication;
use session::Session;

use crate::{
    attempt::{Accepted, Blame, Halt, StepName, Trace},
    connect::{BoxStream, handshake, tcp},
    limits::FAREWELL,
    mail_address::MailAddress,
    message::{Message, Recipient},
    settings::{SmtpServer, SmtpTls},
};

/// A mail gateway that is ready to send.
pub(crate) struct SmtpEngine {
    pub(crate) servers: Vec<SmtpServer>,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) authentication: Authentication,
    pub(crate) from: MailAddress,
    pub(crate) from_name: String,
    pub(crate) reply_to: Option<MailAddress>,
    pub(crate) helo_name: String,
    pub(crate) connect: Duration,
}

impl SmtpEngine {
    pub(crate) fn servers(&self) -> Vec<String> {
        let name = |server: &SmtpServer| format!("{}:{}", server.host, server.port);
        self.servers.iter().map(name).collect()
    }

    /// The secrets, in every spelling in which they are sent.
    pub(crate) fn secrets(&self) -> Vec<Zeroizing<String>> {
        self.authentication.secrets()
    }

    /// Hands the message to the server number `at`.
    pub(crate) async fn attempt(&self, at: usize, message: &Message, trace: &mut Trace) -> Result<Accepted, Halt> {
        let Recipient::Mail(to) = &message.to else {
            return Err(Halt::Broken("SMTP carries no calls and text messages".to_owned()));
        };
        let server = self
            .servers
            .get(at)
            .ok_or_else(|| Halt::Broken("no such server".to_owned()))?;
        let mut session = self.open(server, trace).await?;
        self.authentication.log_in(&mut session, trace).await?;
        trace.begin(StepName::Send, "the mail");
        let content = mail::compose(self, to, message, SystemTime::now());
        let accepted = self.send(&mut session, to, &content, trace).await?;
        trace.done(&accepted.answer);
        // The message is theirs; whether they hear our farewell changes nothing.
        let _ = timeout(FAREWELL, session.command("QUIT")).await;
        Ok(accepted)
    }

    /// Connected, greeted, and under TLS if that is wanted.
    async fn open(&self, server: &SmtpServer, trace: &mut Trace) -> Result<Session, Halt> {
        let stream = tcp(&server.host, server.port, self.connect, trace).await?;
        let stream: BoxStream = match (server.tls, &self.tls) {
            (SmtpTls::Implicit, Some(config)) => Box::new(handshake(stream, &server.host, config, trace).await?),
            _ => Box::new(stream),
        };
        trace.begin(StepName::Greeting, &format!("the greeting of {}", server.host));
        let mut session = Session::greeted(stream, &self.helo_name).await?;
        trace.done(session.greeting());
        if server.tls == SmtpTls::Starttls {
            let config = self
                .tls
                .as_ref()
                .expect("invariant: a server with TLS has its settings");
            session = session.under_tls(&server.host, config, &self.helo_name, trace).await?;
        }
        Ok(session)
    }

    async fn send(
        &self,
        session: &mut Session,
        to: &MailAddress,
        content: &[u8],
        trace: &mut Trace,
    ) -> Result<Accepted, Halt> {
        let utf8 = self.utf8(to, session)?;
        let by_message = Blame::Message;
        let mail = session
            .command(&format!("MAIL FROM:<{}>{utf8}", self.from.as_str()))
            .await?;
        mail.positive(by_message)?;
        let recipient = session.command(&format!("RCPT TO:<{}>", to.as_str())).await?;
        recipient.positive(by_message)?;
        session.command("DATA").await?.code(354, by_message)?;
        session.write(content).await?;
        trace.commit();
        let reply = session.command(".").await?;
        reply.positive(by_message)?;
        Ok(Accepted {
            reference: reply.queued_as(),
            answer: reply.text(),
        })
    }

    /// The parameter of MAIL for addresses outside of ASCII (RFC 6531).
    fn utf8(&self, to: &MailAddress, session: &Session) -> Result<&'static str, Halt> {
        let all = [Some(to), Some(&self.from), self.reply_to.as_ref()];
        if all.into_iter().flatten().all(|address| address.as_str().is_ascii()) {
            return Ok("");
        }
        if session.offers("SMTPUTF8") {
            return Ok(" SMTPUTF8");
        }
        let answer = "the server takes no addresses outside of ASCII".to_owned();
        Err(Halt::Refused {
            answer,
            blame: Blame::Message,
        })
    }
}
