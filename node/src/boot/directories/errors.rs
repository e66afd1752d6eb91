//! What the adapter says, as the use cases hear it.

use quorate_app::{DirectoryRefused, NotChanged};
use quorate_core::Failure;
use quorate_directory::{ChangeError, Denied, Failure as Trouble, PasswordRefused, Unavailable, WriteBackError};

pub(super) fn refused(denied: Denied) -> DirectoryRefused {
    match denied {
        Denied::NotFound | Denied::Ambiguous | Denied::WrongPassword => DirectoryRefused::Wrong,
        Denied::Disabled => DirectoryRefused::Account(Failure::DisabledInDirectory),
        Denied::Locked => DirectoryRefused::Account(Failure::LockedInDirectory),
        Denied::Expired => DirectoryRefused::Account(Failure::ExpiredInDirectory),
        Denied::PasswordExpired | Denied::MustChangePassword => DirectoryRefused::Account(Failure::PasswordExpired),
        Denied::NotPermittedNow | Denied::NotPermittedHere => DirectoryRefused::Account(Failure::NotPermittedNow),
    }
}

/// It is down if every one of so many controllers was tried and none answered. A bulkhead that is full, time that was up before the last was
/// tried, or a refusal, says nothing of that.
pub(super) fn unavailable(why: &Unavailable, controllers: usize) -> DirectoryRefused {
    let said = why.to_string();
    match why {
        Unavailable::TimedOut(each) | Unavailable::Controllers(each)
            if each.len() == controllers && each.iter().all(|(_, trouble)| trouble.is_outage()) =>
        {
            DirectoryRefused::Down(said)
        }
        Unavailable::TimedOut(_)
        | Unavailable::Controllers(_)
        | Unavailable::Full
        | Unavailable::BrokenOff
        | Unavailable::Refused(..) => DirectoryRefused::Unavailable(said),
    }
}

/// A change that ran out of time may have been sent.
fn not_asked(why: &Unavailable) -> NotChanged {
    let said = why.to_string();
    let was_sent = match why {
        Unavailable::TimedOut(_) => true,
        Unavailable::Refused(_, trouble) => matches!(trouble, Trouble::Unknown(_)),
        Unavailable::Controllers(each) => each.iter().any(|(_, trouble)| matches!(trouble, Trouble::Unknown(_))),
        Unavailable::Full | Unavailable::BrokenOff => false,
    };
    match was_sent {
        true => NotChanged::Unknown(said),
        false => NotChanged::Unavailable(said),
    }
}

pub(super) fn password_not_set(error: ChangeError) -> NotChanged {
    match error {
        ChangeError::Denied(denied) => NotChanged::NotPossible(denied.to_string()),
        ChangeError::Refused(refused) => password_refused(refused),
        ChangeError::NotPrivate | ChangeError::NotPossible(_) => NotChanged::NotPossible(error.to_string()),
        ChangeError::Unavailable(why) => not_asked(&why),
    }
}

fn password_refused(refused: PasswordRefused) -> NotChanged {
    let problem = match refused {
        PasswordRefused::WrongOld => return NotChanged::WrongOld,
        PasswordRefused::Denied(denied) => return NotChanged::NotPossible(denied.to_string()),
        PasswordRefused::TooYoung | PasswordRefused::NotAllowed => return NotChanged::NotPossible(refused.to_string()),
        PasswordRefused::TooShort => "is too short",
        PasswordRefused::TooLong => "is empty or too long",
        PasswordRefused::InHistory => "was used before",
        PasswordRefused::TooSimple => "is too simple",
        PasswordRefused::Policy => "is against the directory's rules",
    };
    NotChanged::Refused(problem.to_owned())
}

pub(super) fn contact_not_written(error: WriteBackError) -> NotChanged {
    match error {
        WriteBackError::Value(_) => {
            NotChanged::Refused("is too long, or has characters that cannot be there".to_owned())
        }
        WriteBackError::Unavailable(why) => not_asked(&why),
        WriteBackError::Denied(_) | WriteBackError::NoAttribute(_) | WriteBackError::NotPossible(_) => {
            NotChanged::NotPossible(error.to_string())
        }
    }
}
