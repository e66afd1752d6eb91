//! Says what came of a message. Issued by the node that sent it, after the gateways have answered.

use minicbor::{Decode, Encode};

use crate::{
    audit::ReportEntry,
    decide::Decided,
    event::Event,
    ids::{CodeId, Fingerprint, NodeId},
    outcome::Refusal,
    records::{Dispatch, Report},
    state::State,
};

/// For the audit and the operator alone: whether the code is right does not depend on it. Proposing it again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ReportMessage {
    /// What asked for the code.
    #[n(0)]
    pub request: Fingerprint,
    /// The code.
    #[n(1)]
    pub code: CodeId,
    /// The node that sent it.
    #[n(2)]
    pub node: NodeId,
    /// What the gateways said.
    #[n(3)]
    pub report: Report,
    /// How many were asked.
    #[n(4)]
    pub attempts: u8,
}

impl ReportMessage {
    pub(crate) fn decide(&self, state: &State) -> Result<Decided, Refusal> {
        let dispatch = state
            .dispatch(self.request)
            .filter(|dispatch| dispatch.code == self.code)
            .ok_or(Refusal::NotFound)?;
        if dispatch.node != self.node {
            return Err(Refusal::NotAllowed);
        }
        let events = match dispatch.report {
            Some(_) => Vec::new(),
            None => vec![self.reported(dispatch)],
        };
        Ok(Decided::done(state.revision(), events))
    }

    fn reported(&self, dispatch: &Dispatch) -> Event {
        Event::MessageReported {
            request: self.request,
            dispatch: Dispatch {
                report: Some(self.report),
                ..*dispatch
            },
            entry: ReportEntry {
                code: self.code,
                token: dispatch.token,
                user: dispatch.user,
                node: self.node,
                report: self.report,
                attempts: self.attempts,
            },
        }
    }
}
