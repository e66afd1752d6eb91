//! privacyIDEA: what its own tool exports, and its tables.
//!
//! ```text
//! pi-tokenjanitor find export --format pi      JSON in a Fernet envelope; its key is printed       the best way
//! pi-tokenjanitor find export --format csv     no counters, no hash, secrets in clear
//! pi-tokenjanitor find export --format pskc    see `pskc`; its key is printed; no owners, and disabled tokens look enabled
//! mysqldump DATABASE token tokenowner tokeninfo realm     with the encryption key file (PI_ENCFILE) as key file
//! ```
//!
//! A token's PIN is not taken over: privacyIDEA wants it in front of the code, Quorate asks for a password.
//!
//! Facts are those of privacyIDEA 3.14 (older versions call the tool pi-token-janitor or privacyidea-token-janitor). In the tables of old
//! versions keys are padded in another way, which is read too.

mod encfile;
mod envelope;
mod export;
mod export_csv;
mod tables;

pub(crate) use self::{
    envelope::looks_like_one as is_export, export::read as read_export, export_csv::read as read_csv,
    tables::read as read_tables,
};

use crate::{
    fields::{self, OathParts},
    model::{TokenKind, YubikeyCounters},
    report::Wrong,
};

/// What privacyIDEA says of a token besides its key, in whichever form.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) kind: String,
    pub(crate) digits: Option<u64>,
    pub(crate) counter: Option<u64>,
    pub(crate) algorithm: Option<String>,
    pub(crate) period_s: Option<u64>,
    pub(crate) yubikey_prefix: Option<String>,
    pub(crate) yubikey_id: Option<String>,
}

/// Kinds that have no counterpart, and what becomes of their users.
fn skipped(kind: &str) -> String {
    format!(
        "a token of type {}; only totp, hotp and yubikey are imported",
        crate::quote::quoted(kind)
    )
}

impl Facts {
    /// The kind of token; `Err(reason)` inside when there is no counterpart.
    pub(crate) fn kind(&self) -> Result<Result<TokenKind, String>, Wrong> {
        match self.kind.to_ascii_lowercase().as_str() {
            "totp" => self.oath().map(|parts| Ok(parts.totp())),
            "hotp" => self.oath().map(|parts| Ok(parts.hotp())),
            "yubikey" => self.yubikey().map(Ok),
            other => Ok(Err(skipped(other))),
        }
    }

    /// The last timestep that a TOTP token's code was accepted for: what privacyIDEA keeps as its counter.
    pub(crate) fn last_timestep(&self) -> Option<u64> {
        let totp = self.kind.eq_ignore_ascii_case("totp");
        self.counter.filter(|counter| totp && *counter > 0)
    }

    fn oath(&self) -> Result<OathParts, Wrong> {
        Ok(OathParts {
            algorithm: self
                .algorithm
                .as_ref()
                .map(|name| fields::algorithm("hashlib", name))
                .transpose()?,
            digits: self
                .digits
                .map(|digits| fields::digits_of("otplen", digits))
                .transpose()?,
            period_s: self
                .period_s
                .map(|period_s| fields::period_of("timeStep", period_s))
                .transpose()?,
            counter: self.counter,
        })
    }

    /// A YubiKey in AES mode. Its counter is the next one: 256 times the session, and the uses.
    fn yubikey(&self) -> Result<TokenKind, Wrong> {
        let prefix = self.yubikey_prefix.as_deref().unwrap_or_default();
        let public_id = crate::encoding::modhex(prefix)
            .filter(|id| crate::limits::YUBIKEY_PUBLIC_ID_BYTES.contains(&id.len()))
            .ok_or_else(|| {
                Wrong::new(
                    "yubikey.prefix",
                    "is not known before the key was used once; use it, or import the Yubico CSV",
                )
            })?;
        let private_id = self.yubikey_id.as_deref().and_then(crate::encoding::hex);
        let private_id = private_id.and_then(|id| <[u8; 6]>::try_from(&id[..]).ok());
        let last = self.counter.unwrap_or(0).saturating_sub(1);
        let session = u16::try_from(last >> 8).map_err(|_| Wrong::new("count", "is no YubiKey's counter"))?;
        Ok(TokenKind::YubikeyOtp {
            public_id: public_id.to_vec(),
            private_id: private_id.map(zeroize::Zeroizing::new),
            counters: YubikeyCounters {
                session,
                uses: (last & 0xff) as u8,
            },
        })
    }
}
