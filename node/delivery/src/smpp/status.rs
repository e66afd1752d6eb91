//! What a `command_status` (SMPP 3.4 section 5.1.3) means for the message, and for the operator who reads it.
//!
//! A status other than ESME_ROK says that the request was not carried out, with two exceptions: ESME_RSYSERR and ESME_RUNKNOWNERR tell of a
//! fault of the server without saying whether it was before or after the message was queued, like a plain 500 of HTTP.

use rusmpp_core::CommandStatus;

use crate::attempt::{Blame, Halt};

/// Why the server would not have us. Nothing of a message was sent.
pub(super) fn bind_refusal(status: CommandStatus) -> Halt {
    let blame = match status {
        CommandStatus::EsmeRthrottled | CommandStatus::EsmeRmsgqful => Blame::Busy,
        _ => Blame::Gateway,
    };
    let answer = format!("bind_transmitter: {}", told(status));
    Halt::Refused { answer, blame }
}

/// Why the server did not take the message, or that this cannot be told.
pub(super) fn submit_refusal(status: CommandStatus) -> Halt {
    let answer = format!("submit_sm: {}", told(status));
    let blame = match status {
        CommandStatus::EsmeRsyserr | CommandStatus::EsmeRunknownerr => return Halt::Uncertain(answer),
        CommandStatus::EsmeRinvdstadr => Blame::Recipient,
        CommandStatus::EsmeRinvmsglen => Blame::Message,
        CommandStatus::EsmeRthrottled | CommandStatus::EsmeRmsgqful => Blame::Busy,
        _ => Blame::Gateway,
    };
    Halt::Refused { answer, blame }
}

/// `ESME_RTHROTTLED (0x00000058), more messages …`.
fn told(status: CommandStatus) -> String {
    let number = u32::from(status);
    let name = match status {
        CommandStatus::Other(0x400..=0x4FF) => "a status of this provider's own".to_owned(),
        CommandStatus::Other(_) => "a status that SMPP does not know".to_owned(),
        named => name(named),
    };
    match advice(status) {
        "" => format!("{name} ({number:#010X})"),
        advice => format!("{name} ({number:#010X}), {advice}"),
    }
}

/// As the specification writes it: `ESME_RINVPASWD`.
fn name(status: CommandStatus) -> String {
    format!("{status:?}").to_uppercase().replacen("ESME", "ESME_", 1)
}

fn advice(status: CommandStatus) -> &'static str {
    match status {
        CommandStatus::EsmeRinvmsglen => "the message is too long for it",
        CommandStatus::EsmeRinvbndsts => "the account may not send, or not in a session of this kind",
        CommandStatus::EsmeRalybnd => {
            "the account is bound as often as it may be: lower sessions, or ask the provider for more"
        }
        CommandStatus::EsmeRsyserr => "a fault of the server",
        CommandStatus::EsmeRinvsrcadr => "the account may not send from this sender",
        CommandStatus::EsmeRinvsrcton => "it does not want this sender.ton",
        CommandStatus::EsmeRinvsrcnpi => "it does not want this sender.npi",
        CommandStatus::EsmeRinvdstadr => "the number is not valid",
        CommandStatus::EsmeRinvdstton => "it does not want this destination.ton",
        CommandStatus::EsmeRinvdstnpi => "it does not want this destination.npi",
        CommandStatus::EsmeRbindfail => {
            "system_id, password or system_type is wrong, or the account may not be used from here"
        }
        CommandStatus::EsmeRinvpaswd => "the password is wrong",
        CommandStatus::EsmeRinvsysid => "the system_id is wrong",
        CommandStatus::EsmeRinvsystyp => "the system_type is wrong",
        CommandStatus::EsmeRmsgqful => "its queue is full",
        CommandStatus::EsmeRthrottled => "more messages than the account may send: give the gateway a lower rate",
        CommandStatus::EsmeRsubmitfail => "it could not take the message",
        CommandStatus::EsmeRinvesmclass => "it takes no parts: set long_messages to message_payload",
        CommandStatus::EsmeRinvtlvstream | CommandStatus::EsmeRtlvnotallwd => {
            "it takes no message_payload: set long_messages to udh"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submitted(status: u32) -> (&'static str, String) {
        match submit_refusal(CommandStatus::from(status)) {
            Halt::Refused { answer, blame } => {
                let blame = match blame {
                    Blame::Gateway => "gateway",
                    Blame::Busy => "busy",
                    Blame::Message => "message",
                    Blame::Recipient => "recipient",
                };
                (blame, answer)
            }
            Halt::Uncertain(answer) => ("uncertain", answer),
            Halt::Broken(reason) => ("broken", reason),
        }
    }

    #[test]
    fn every_status_says_who_is_to_blame() {
        for (status, wanted, told) in [
            (
                0x01,
                "message",
                "ESME_RINVMSGLEN (0x00000001), the message is too long for it",
            ),
            (0x08, "uncertain", "ESME_RSYSERR (0x00000008), a fault of the server"),
            (
                0x0A,
                "gateway",
                "ESME_RINVSRCADR (0x0000000A), the account may not send from this sender",
            ),
            (
                0x0B,
                "recipient",
                "ESME_RINVDSTADR (0x0000000B), the number is not valid",
            ),
            (0x14, "busy", "ESME_RMSGQFUL (0x00000014), its queue is full"),
            (
                0x45,
                "gateway",
                "ESME_RSUBMITFAIL (0x00000045), it could not take the message",
            ),
            (
                0x50,
                "gateway",
                "ESME_RINVDSTTON (0x00000050), it does not want this destination.ton",
            ),
            (
                0x58,
                "busy",
                "ESME_RTHROTTLED (0x00000058), more messages than the account may send: give the gateway a lower rate",
            ),
            (0x63, "gateway", "ESME_RINVDFTMSGID (0x00000063)"),
            (0xFF, "uncertain", "ESME_RUNKNOWNERR (0x000000FF)"),
            (0x44B, "gateway", "a status of this provider's own (0x0000044B)"),
            (0x2000, "gateway", "a status that SMPP does not know (0x00002000)"),
        ] {
            assert_eq!(submitted(status), (wanted, format!("submit_sm: {told}")));
        }
    }
}
