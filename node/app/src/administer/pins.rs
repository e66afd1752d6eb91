//! PINs: digits that only the user knows, in front of every code where the policy asks for them.

use std::sync::Arc;

use quorate_core::change::SetPin;
use quorate_core::method::{self, SALT_BYTES};
use quorate_core::{Actor, Change, Pin, Revision, User, UserId, limits as core_limits};
use quorate_seal::Field;
use zeroize::Zeroizing;

use super::{AdminError, Administrator};

impl Administrator {
    /// Sets a user's PIN, or removes it. Logins that have proven a code with the former one end.
    ///
    /// # Errors
    /// [`AdminError::Invalid`] unless it is 4 to 12 digits, and not the first that anybody would try.
    pub async fn set_pin(
        &self,
        actor: Actor,
        user: UserId,
        expected: Option<Revision>,
        pin: Option<Zeroizing<String>>,
    ) -> Result<Arc<User>, AdminError> {
        let pin = pin.map(|typed| self.sealed_pin(user, &typed)).transpose()?;
        let change = Change::SetPin(SetPin { user, expected, pin });
        self.change_one_user(actor, user, change).await
    }

    fn sealed_pin(&self, user: UserId, typed: &str) -> Result<Pin, AdminError> {
        let bounds = core_limits::PIN_DIGITS;
        let digits = u8::try_from(typed.len()).ok().filter(|digits| bounds.contains(digits));
        let digits = digits.filter(|_| typed.bytes().all(|byte| byte.is_ascii_digit()));
        let Some(digits) = digits else {
            let hint = format!("{} to {} digits", bounds.start(), bounds.end());
            return Err(AdminError::field("pin", "has the wrong form", &hint));
        };
        if is_guessed_first(typed.as_bytes()) {
            let hint = "not the same digit again and again, and no row of digits";
            return Err(AdminError::field("pin", "is too easy to guess", hint));
        }
        let salt: [u8; SALT_BYTES] = self.random();
        let verifier = Zeroizing::new(method::verifiers(salt, [typed.as_bytes()]));
        Ok(Pin {
            verifier: self.seal(Field::UserPin, user.0, &verifier),
            digits,
        })
    }
}

/// 1111, 1234, 4321, 2468: each digit as far from the one before it.
fn is_guessed_first(digits: &[u8]) -> bool {
    let steps: Vec<u8> = digits.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    steps.windows(2).all(|pair| pair[0] == pair[1])
}

#[cfg(test)]
mod tests {
    use super::is_guessed_first;

    #[test]
    fn rows_of_digits_are_guessed_first() {
        for easy in ["0000", "1234", "987654", "2468"] {
            assert!(is_guessed_first(easy.as_bytes()), "{easy}");
        }
        for good in ["4711", "1235", "0001", "80915"] {
            assert!(!is_guessed_first(good.as_bytes()), "{good}");
        }
    }
}
