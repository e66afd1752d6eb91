//! The result of an operation, and the controls that came with it, in our own types.

use ldap3::LdapResult;

use crate::{
    failure::{Diagnostic, Failure, Operation},
    ppolicy,
    wire::ber::{INTEGER, OCTET_STRING, Reader, SEQUENCE},
};

const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";

pub(crate) struct Answer {
    pub(crate) code: u32,
    /// The part of a name that exists.
    pub(crate) matched: String,
    pub(crate) text: String,
    referrals: Vec<String>,
    controls: Vec<(String, Vec<u8>)>,
}

impl From<LdapResult> for Answer {
    fn from(result: LdapResult) -> Self {
        let controls = result.ctrls.into_iter().map(|control| control.1);
        Self {
            code: result.rc,
            matched: result.matched,
            text: result.text,
            referrals: result.refs,
            controls: controls
                .map(|control| (control.ctype, control.val.unwrap_or_default()))
                .collect(),
        }
    }
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        self.code == 0
    }

    pub(crate) fn diagnostic(&self) -> Diagnostic {
        Diagnostic::new(self.code, &self.text)
    }

    /// What the password policy says of it.
    pub(crate) fn policy(&self) -> ppolicy::Response {
        self.control(ppolicy::OID)
            .map(ppolicy::Response::read)
            .unwrap_or_default()
    }

    /// An answer that is not about what was asked, as a failure.
    pub(crate) fn refusal(self, operation: Operation) -> Failure {
        let answer = self.diagnostic();
        match self.code {
            10 => Failure::Referred(self.referrals),
            // timeLimitExceeded, busy, unavailable (RFC 4511, appendix A): another controller may have the time.
            3 | 51 | 52 => Failure::Busy { answer },
            _ => Failure::Refused { operation, answer },
        }
    }

    fn control(&self, oid: &str) -> Option<&[u8]> {
        let control = self.controls.iter().find(|(found, _)| found == oid);
        control.map(|(_, value)| &value[..])
    }
}

/// Where the next page begins (RFC 2696 §2).
pub(super) fn cookie(answer: &Answer) -> Option<Vec<u8>> {
    let mut value = Reader::new(answer.control(PAGED_RESULTS)?);
    let mut parts = value.expect(SEQUENCE, "").ok()?.elements();
    parts.expect(INTEGER, "").ok()?;
    Some(parts.expect(OCTET_STRING, "").ok()?.content().to_vec())
}
