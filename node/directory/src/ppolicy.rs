//! The password policy control (draft-behera-ldap-password-policy-11 §6): what a directory says of a password beside right or wrong.

use ldap3::controls::RawControl;

use crate::wire::ber::{Reader, SEQUENCE};

pub(crate) const OID: &str = "1.3.6.1.4.1.42.2.27.8.5.1";

/// In a context: `warning [0]`, `error [1]`; within the warning `timeBeforeExpiration [0]`, `graceAuthNsRemaining [1]`.
const WARNING: u8 = 0xa0;
const ERROR: u8 = 0x81;
const SECONDS_LEFT: u8 = 0x80;
const GRACE_LEFT: u8 = 0x81;

/// What was said; nothing, by a directory that has no policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) error: Option<Error>,
    pub(crate) warning: Option<Warning>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Warning {
    SecondsLeft(u32),
    GraceLoginsLeft(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Error {
    PasswordExpired,
    AccountLocked,
    ChangeAfterReset,
    ModificationNotAllowed,
    MustSupplyOldPassword,
    InsufficientQuality,
    TooShort,
    TooYoung,
    InHistory,
    TooLong,
}

/// The control as it is sent: without a value.
pub(crate) fn request() -> RawControl {
    RawControl {
        ctype: OID.to_owned(),
        crit: false,
        val: None,
    }
}

impl Response {
    /// What cannot be read says nothing.
    pub(crate) fn read(value: &[u8]) -> Self {
        Self::try_read(value).unwrap_or_default()
    }

    fn try_read(value: &[u8]) -> Option<Self> {
        let mut response = Self::default();
        let mut parts = Reader::new(value).expect(SEQUENCE, "").ok()?.elements();
        while let Some(part) = parts.next().ok()? {
            match part.identifier {
                WARNING => {
                    let warning = part.elements().next().ok()??;
                    let number = warning.number().ok()?;
                    response.warning = match warning.identifier {
                        SECONDS_LEFT => Some(Warning::SecondsLeft(number)),
                        GRACE_LEFT => Some(Warning::GraceLoginsLeft(number)),
                        _ => None,
                    };
                }
                ERROR => response.error = error(part.number().ok()?),
                _ => {}
            }
        }
        Some(response)
    }
}

fn error(number: u32) -> Option<Error> {
    Some(match number {
        0 => Error::PasswordExpired,
        1 => Error::AccountLocked,
        2 => Error::ChangeAfterReset,
        3 => Error::ModificationNotAllowed,
        4 => Error::MustSupplyOldPassword,
        5 => Error::InsufficientQuality,
        6 => Error::TooShort,
        7 => Error::TooYoung,
        8 => Error::InHistory,
        9 => Error::TooLong,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn errors_and_warnings_are_read() {
        let locked = Response::read(&[0x30, 3, 0x81, 1, 1]);
        assert_eq!((locked.error, locked.warning), (Some(Error::AccountLocked), None));
        let grace = Response::read(&[0x30, 5, 0xa0, 3, 0x81, 1, 2]);
        assert_eq!((grace.error, grace.warning), (None, Some(Warning::GraceLoginsLeft(2))));
        let both = Response::read(&[0x30, 9, 0xa0, 4, 0x80, 2, 1, 0, 0x81, 1, 2]);
        assert_eq!(both.error, Some(Error::ChangeAfterReset));
        assert_eq!(both.warning, Some(Warning::SecondsLeft(256)));
        assert_eq!(Response::read(&[0x30, 0]), Response::default());
    }

    proptest! {
        #[test]
        fn any_value_is_survived(value in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Response::read(&value);
        }
    }
}
