//! Tokens to be: what is checked, what is drawn, what is sealed, and what their owner is shown, once.

use quorate_core::change::CreateToken;
use quorate_core::method::{self, SALT_BYTES, STATIC_DIGITS, TEMPORARY_DIGITS};
use quorate_core::{
    Change, Channel, OtpAlgorithm, Sealed, TokenId, TokenKind, UserId, UserName, limits as core_limits, otp,
};
use quorate_seal::Field;
use zeroize::Zeroizing;

use super::Administrator;
use crate::address;
use crate::base32::base32;
use crate::fields::FieldErrors;
use crate::limits;

/// What an authenticator shows above the codes.
const ISSUER: &str = "Quorate";

/// A token to be created.
pub struct TokenSpec {
    /// What the user calls it; may be empty.
    pub name: String,
    pub kind: TokenKind,
    pub material: Material,
    /// Whether it is in use at once. None: if its secret existed before, or nothing has to be typed in anywhere.
    pub verified: Option<bool>,
    /// The first counter (TOTP: timestep; YubiKey: plug-ins times 256 and codes since) that was not used elsewhere.
    pub counter: u64,
    /// When it ends, in ms since 1970. A temporary code ends after [`limits::TEMPORARY_LIFETIME`] if nothing is said.
    pub expires_ms: Option<u64>,
}

/// Where a token's secret comes from.
pub enum Material {
    /// Drawn here.
    Drawn,
    /// The seed of a TOTP or HOTP token.
    Seed(Zeroizing<Vec<u8>>),
    /// A YubiKey's AES key and private identity.
    Yubikey {
        key: Zeroizing<Vec<u8>>,
        private_id: Zeroizing<Vec<u8>>,
    },
    /// A static or a temporary code.
    Code(Zeroizing<String>),
    /// Where codes are sent: a number in international form, or a mail address.
    Address(Zeroizing<String>),
}

impl Default for TokenSpec {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: TokenKind::DEFAULT,
            material: Material::Drawn,
            verified: None,
            counter: 0,
            expires_ms: None,
        }
    }
}

/// What the owner of a token needs. Shown once: the secret is only kept sealed.
#[derive(Default)]
pub struct Enrolment {
    /// `otpauth://…`, to be drawn as a QR code.
    pub otpauth_uri: Option<Zeroizing<String>>,
    /// The seed, for typing it in by hand: base 32 without padding (RFC 4648 section 6).
    pub seed_base32: Option<Zeroizing<String>>,
    /// A YubiKey's AES key and private identity, in hexadecimal, to be written into it.
    pub yubikey: Option<(Zeroizing<String>, Zeroizing<String>)>,
    /// Codes to be written down.
    pub codes: Vec<Zeroizing<String>>,
}

/// A token ready to be proposed.
pub(super) struct PlannedToken {
    pub(super) token: TokenId,
    pub(super) change: Change,
    pub(super) enrolment: Enrolment,
}

impl TokenSpec {
    pub(super) fn check(&self, errors: &mut FieldErrors, prefix: &str) {
        errors.check_label(&format!("{prefix}name"), &self.name, true);
        self.check_kind(errors, prefix);
        self.check_material(errors, prefix);
        errors.require(
            self.counter == 0 || self.kind.is_device(),
            &format!("{prefix}counter"),
            "is for tokens that count",
            "leave it out",
        );
    }

    fn check_kind(&self, errors: &mut FieldErrors, prefix: &str) {
        let (uses, codes) = (core_limits::TEMPORARY_USES_MAX, core_limits::CODES_PER_SHEET);
        match self.kind {
            TokenKind::Totp { digits, period_s, .. } => {
                check_digits(errors, prefix, digits);
                let periods = core_limits::TOTP_PERIOD_S;
                errors.require(
                    periods.contains(&period_s),
                    &format!("{prefix}period_s"),
                    "is out of its bounds",
                    &format!("{} to {} seconds", periods.start(), periods.end()),
                );
            }
            TokenKind::Hotp { digits, .. } => check_digits(errors, prefix, digits),
            TokenKind::Recovery { codes: count } => errors.require(
                (1..=codes).contains(&count),
                &format!("{prefix}count"),
                "is out of its bounds",
                &format!("1 to {codes} codes"),
            ),
            TokenKind::Temporary { uses: count, .. } => errors.require(
                (1..=uses).contains(&count),
                &format!("{prefix}uses"),
                "is out of its bounds",
                &format!("1 to {uses}"),
            ),
            TokenKind::Yubikey { .. } | TokenKind::Static | TokenKind::Sent { .. } | TokenKind::Registration => (),
        }
    }

    fn check_material(&self, errors: &mut FieldErrors, prefix: &str) {
        match (&self.material, self.kind) {
            (material, TokenKind::Sent { channel }) => check_address(errors, prefix, material, channel),
            (Material::Drawn, _) => (),
            (Material::Seed(seed), TokenKind::Totp { .. } | TokenKind::Hotp { .. }) => {
                let bounds = limits::SEED_BYTES;
                errors.require(
                    bounds.contains(&seed.len()),
                    &format!("{prefix}seed"),
                    "has the wrong length",
                    &format!("{} to {} bytes", bounds.start(), bounds.end()),
                );
            }
            (Material::Yubikey { key, private_id }, TokenKind::Yubikey { .. }) => {
                errors.require(
                    key.len() == limits::YUBIKEY_KEY_BYTES,
                    &format!("{prefix}aes_key"),
                    "has the wrong length",
                    "32 hexadecimal digits",
                );
                errors.require(
                    private_id.len() == limits::YUBIKEY_PRIVATE_ID_BYTES,
                    &format!("{prefix}private_id"),
                    "has the wrong length",
                    "12 hexadecimal digits",
                );
            }
            (Material::Code(code), TokenKind::Static | TokenKind::Temporary { .. }) => {
                let digits = code_digits(self.kind);
                errors.require(
                    code.len() == digits && code.bytes().all(|byte| byte.is_ascii_digit()),
                    &format!("{prefix}code"),
                    "has the wrong form",
                    &format!("{digits} digits"),
                );
            }
            (Material::Address(_), _) => {
                errors.add(format!("{prefix}address"), "is for codes that are sent", "leave it out");
            }
            (Material::Seed(_), _) => {
                errors.add(format!("{prefix}seed"), "is for TOTP and HOTP tokens", "leave it out")
            }
            (Material::Yubikey { .. }, _) => errors.add(format!("{prefix}aes_key"), "is for YubiKeys", "leave it out"),
            (Material::Code(_), _) => {
                errors.add(
                    format!("{prefix}code"),
                    "is for static and temporary codes",
                    "leave it out",
                );
            }
        }
    }

    /// A secret that was drawn here has to be typed in somewhere, and that can go wrong; a code on paper cannot.
    fn is_verified(&self) -> bool {
        // Whether anybody reads what is sent there, only a code tells that was.
        if self.kind.channel().is_some() {
            return self.verified.unwrap_or(false);
        }
        self.verified
            .unwrap_or(!self.kind.is_device() || !matches!(self.material, Material::Drawn))
    }
}

impl Administrator {
    /// Draws what is random about a token and seals its secret.
    pub(super) fn plan_token(&self, user: UserId, owner: Option<&UserName>, spec: TokenSpec) -> PlannedToken {
        let id = TokenId(self.random_id());
        let verified = spec.is_verified();
        let expires_ms = match spec.kind {
            TokenKind::Temporary { .. } => spec.expires_ms.or(Some(self.clock.now_ms() + TEMPORARY_MS)),
            TokenKind::Registration => spec.expires_ms.or(Some(self.clock.now_ms() + REGISTRATION_MS)),
            _ => spec.expires_ms,
        };
        let hint = self::hint(&spec);
        let (secret, enrolment) = self.secret_of(id, owner, spec.kind, spec.material);
        let change = Change::CreateToken(CreateToken {
            id,
            user,
            name: spec.name.into(),
            kind: spec.kind,
            secret,
            verified,
            counter: spec.counter,
            expires_ms,
            hint,
        });
        PlannedToken {
            token: id,
            change,
            enrolment,
        }
    }

    /// The secret as [`method`] defines it, sealed, and what the owner needs of it.
    fn secret_of(
        &self,
        id: TokenId,
        owner: Option<&UserName>,
        kind: TokenKind,
        material: Material,
    ) -> (Sealed, Enrolment) {
        let mut enrolment = Enrolment::default();
        let secret = match kind {
            TokenKind::Totp { algorithm, .. } | TokenKind::Hotp { algorithm, .. } => {
                let seed = match material {
                    Material::Seed(seed) => seed,
                    _ => self.draw(recommended_seed_bytes(algorithm)),
                };
                let account = owner.map_or_else(|| id.to_string(), ToString::to_string);
                enrolment.otpauth_uri = otp::otpauth_uri(ISSUER, &account, kind, &seed).map(Zeroizing::new);
                enrolment.seed_base32 = Some(base32(&seed));
                seed
            }
            TokenKind::Yubikey { .. } => {
                let (key, private_id) = match material {
                    Material::Yubikey { key, private_id } => (key, private_id),
                    _ => {
                        let key = self.draw(limits::YUBIKEY_KEY_BYTES);
                        (key, self.draw(limits::YUBIKEY_PRIVATE_ID_BYTES))
                    }
                };
                enrolment.yubikey = Some((hexadecimal(&key), hexadecimal(&private_id)));
                Zeroizing::new([key.as_slice(), private_id.as_slice()].concat())
            }
            TokenKind::Recovery { codes } => {
                let random: Vec<[u8; 8]> = (0..codes).map(|_| self.random()).collect();
                let (codes, verifiers) = method::recovery_sheet(self.random(), random);
                enrolment.codes = codes.iter().cloned().map(Zeroizing::new).collect();
                verifiers
            }
            TokenKind::Static | TokenKind::Temporary { .. } | TokenKind::Registration => {
                let code = match material {
                    Material::Code(code) => code,
                    _ => self.draw_digits(code_digits(kind)),
                };
                let salt: [u8; SALT_BYTES] = self.random();
                let verifier = Zeroizing::new(method::verifiers(salt, [code.as_bytes()]));
                enrolment.codes = vec![code];
                verifier
            }
            TokenKind::Sent { channel } => {
                Zeroizing::new(address_of(&material, channel).unwrap_or_default().into_bytes())
            }
        };
        (self.seal(Field::TokenSecret, id.0, &secret), enrolment)
    }

    fn draw(&self, bytes: usize) -> Zeroizing<Vec<u8>> {
        let mut drawn = Zeroizing::new(vec![0; bytes]);
        self.entropy.fill(&mut drawn);
        drawn
    }

    /// Digits that are each as likely: of 64 bits, what the last incomplete round of all codes would favour is nothing.
    fn draw_digits(&self, digits: usize) -> Zeroizing<String> {
        let number = u64::from_be_bytes(self.random()) % 10u64.pow(digits as u32);
        Zeroizing::new(format!("{number:0digits$}"))
    }
}

/// See [`limits::TEMPORARY_LIFETIME`].
const TEMPORARY_MS: u64 = limits::TEMPORARY_LIFETIME.as_secs() * 1_000;

/// See [`limits::REGISTRATION_LIFETIME`].
const REGISTRATION_MS: u64 = limits::REGISTRATION_LIFETIME.as_secs() * 1_000;

fn check_digits(errors: &mut FieldErrors, prefix: &str, digits: u8) {
    errors.require(
        core_limits::CODE_DIGITS.contains(&digits),
        &format!("{prefix}digits"),
        "is out of its bounds",
        "6, 7 or 8",
    );
}

fn check_address(errors: &mut FieldErrors, prefix: &str, material: &Material, channel: Channel) {
    errors.require(
        address_of(material, channel).is_some(),
        &format!("{prefix}address"),
        "is missing or has the wrong form",
        address::form(channel),
    );
}

fn address_of(material: &Material, channel: Channel) -> Option<String> {
    match material {
        Material::Address(typed) => address::normal(channel, typed),
        Material::Drawn | Material::Seed(_) | Material::Yubikey { .. } | Material::Code(_) => None,
    }
}

fn hint(spec: &TokenSpec) -> Box<str> {
    let channel = spec.kind.channel();
    let address = channel.and_then(|channel| Some(address::hint(channel, &address_of(&spec.material, channel)?)));
    address.unwrap_or_default().into()
}

const fn code_digits(kind: TokenKind) -> usize {
    match kind {
        TokenKind::Temporary { .. } | TokenKind::Registration => TEMPORARY_DIGITS,
        _ => STATIC_DIGITS,
    }
}

fn hexadecimal(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The length of the hash's output (RFC 6238, reference implementation; RFC 4226 section 4).
const fn recommended_seed_bytes(algorithm: OtpAlgorithm) -> usize {
    match algorithm {
        OtpAlgorithm::Sha1 => 20,
        OtpAlgorithm::Sha256 => 32,
        OtpAlgorithm::Sha512 => 64,
    }
}
