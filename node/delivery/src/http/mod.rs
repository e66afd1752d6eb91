//! Gateways that are spoken to by HTTP: a template makes the request, rules read the answer.
//!
//! Every request has a connection of its own. A connection that is kept may have died, and whether the request reached the other side
//! could then not be known; so it is known here: as long as no byte of the request was written, nothing was sent.

mod answer;
mod body;
mod exchange;
mod request;
mod token;
mod url;

use zeroize::Zeroizing;

pub(crate) use answer::Verdicts;
pub(crate) use request::RequestTemplate;
pub(crate) use token::{Fetcher, TokenSource};
pub(crate) use url::Url;

use crate::{
    attempt::{Accepted, Halt, StepName, Trace},
    connect::Connector,
    mask::{basic, spellings},
    message::Message,
    secret::Secret,
};

/// An HTTP gateway that is ready to send.
pub(crate) struct HttpEngine {
    request: RequestTemplate,
    authorization: Option<Authorization>,
    verdicts: Verdicts,
    connector: Connector,
}

/// What stands in the Authorization header.
pub(crate) enum Authorization {
    Basic(String, Secret),
    Bearer(TokenSource),
}

impl Authorization {
    /// The value of the header.
    async fn header(&self, trace: &mut Trace) -> Result<Zeroizing<String>, Halt> {
        let value = match self {
            Self::Basic(user, password) => format!("Basic {}", basic(user, password.expose()).as_str()),
            Self::Bearer(source) => format!("Bearer {}", source.token(trace).await?.expose()),
        };
        Ok(Zeroizing::new(value))
    }

    /// Whether what was kept is gone now, so that another attempt is worth while.
    async fn forget(&self) -> bool {
        match self {
            Self::Basic(..) => false,
            Self::Bearer(source) => source.forget().await,
        }
    }

    fn secrets(&self) -> Vec<Zeroizing<String>> {
        match self {
            Self::Basic(user, password) => {
                let mut all = spellings(password.expose());
                all.push(basic(user, password.expose()));
                all
            }
            Self::Bearer(source) => source.secrets(),
        }
    }
}

impl HttpEngine {
    pub(crate) const fn new(
        request: RequestTemplate,
        authorization: Option<Authorization>,
        verdicts: Verdicts,
        connector: Connector,
    ) -> Self {
        Self {
            request,
            authorization,
            verdicts,
            connector,
        }
    }

    pub(crate) fn server(&self) -> String {
        self.connector.server()
    }

    /// The secrets, in every spelling in which they are sent.
    pub(crate) fn secrets(&self) -> Vec<Zeroizing<String>> {
        let mut all = self.request.secrets();
        all.extend(self.authorization.iter().flat_map(Authorization::secrets));
        all.extend(self.connector.secrets());
        all
    }

    /// Makes the request and reads the answer.
    pub(crate) async fn attempt(&self, message: &Message, trace: &mut Trace) -> Result<Accepted, Halt> {
        let mut answer = self.ask(message, trace).await?;
        if answer.status == 401
            && let Some(authorization) = &self.authorization
            && authorization.forget().await
        {
            // Refused for the token that was kept, and so not taken: a new token tells.
            trace.retract();
            answer = self.ask(message, trace).await?;
        }
        let accepted = self.verdicts.judge(&answer)?;
        trace.done(&accepted.answer);
        Ok(accepted)
    }

    async fn ask(&self, message: &Message, trace: &mut Trace) -> Result<exchange::Answer, Halt> {
        let authorization = match &self.authorization {
            None => None,
            Some(authorization) => Some(authorization.header(trace).await?),
        };
        let request = self
            .request
            .render(message, authorization, self.connector.reading_proxy())?;
        let stream = self.connector.open(trace).await?;
        trace.begin(StepName::Send, &format!("the request to {}", self.connector.server()));
        exchange::exchange(stream, request, Some(trace.commitment())).await
    }
}
