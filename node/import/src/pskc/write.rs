//! Writing: encrypted always.
//!
//! A pre-shared key of 16 bytes gives what every reader must understand (AES-128-CBC, HMAC-SHA-1: RFC 6030 section 10.1), a longer one
//! AES of its length with HMAC-SHA-256, and a password AES-256 under PBKDF2 with HMAC-SHA-256.

use zeroize::Zeroizing;

use crate::{
    crypto, date,
    encoding::to_base64,
    limits,
    model::{Algorithm, ImportedToken, TokenKind},
};

/// What opens the document again.
pub enum Protection<'k> {
    /// A pre-shared AES key of 16, 24 or 32 bytes.
    Key(&'k [u8]),
    /// A password.
    Password(&'k str),
}

/// A document and what is not in it.
pub struct PskcDocument {
    /// The XML.
    pub xml: String,
    /// Places in the given tokens of those that PSKC has no algorithm for: YubiKeys in their own mode.
    pub left_out: Vec<usize>,
}

/// Why nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PskcWriteError {
    /// No AES key.
    #[error("an AES key has 16, 24 or 32 bytes")]
    KeyLength,
    /// No password.
    #[error("the password is empty")]
    EmptyPassword,
}

/// Writes TOTP and HOTP tokens. `entropy` fills what it is given with fresh randomness: salts, keys and vectors come from there.
///
/// # Errors
/// [`PskcWriteError`] when the key or password cannot protect anything.
pub fn pskc(
    tokens: &[ImportedToken],
    protection: &Protection,
    entropy: &mut dyn FnMut(&mut [u8]),
) -> Result<PskcDocument, PskcWriteError> {
    let mut writer = Writer::new(protection, entropy)?;
    let mut left_out = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if !writer.package(token, index, entropy) {
            left_out.push(index);
        }
    }
    writer.xml.push_str("</KeyContainer>\n");
    Ok(PskcDocument {
        xml: writer.xml,
        left_out,
    })
}

struct Writer {
    xml: String,
    key: Zeroizing<Vec<u8>>,
    mac: Algorithm,
    mac_key: Zeroizing<Vec<u8>>,
}

impl Writer {
    fn new(protection: &Protection, entropy: &mut dyn FnMut(&mut [u8])) -> Result<Self, PskcWriteError> {
        let mut xml = String::from(concat!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
            "<KeyContainer Version=\"1.0\" xmlns=\"urn:ietf:params:xml:ns:keyprov:pskc\"",
            " xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"",
            " xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\"",
            " xmlns:xenc11=\"http://www.w3.org/2009/xmlenc11#\"",
            " xmlns:pkcs5=\"http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#\">\n",
        ));
        let key = match protection {
            Protection::Key(key) if matches!(key.len(), 16 | 24 | 32) => {
                xml.push_str("  <EncryptionKey><ds:KeyName>Pre-shared key</ds:KeyName></EncryptionKey>\n");
                Zeroizing::new(key.to_vec())
            }
            Protection::Key(_) => return Err(PskcWriteError::KeyLength),
            Protection::Password("") => return Err(PskcWriteError::EmptyPassword),
            Protection::Password(password) => push_derivation(&mut xml, password, entropy),
        };
        let (mac, mac_uri, mac_len) = match key.len() {
            16 => (Algorithm::Sha1, "http://www.w3.org/2000/09/xmldsig#hmac-sha1", 20),
            _ => (
                Algorithm::Sha256,
                "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
                32,
            ),
        };
        let mut mac_key = Zeroizing::new(vec![0; mac_len]);
        entropy(&mut mac_key);
        let mut writer = Self { xml, key, mac, mac_key };
        let (_, encrypted) = writer.encrypted(&writer.mac_key.clone(), entropy);
        writer.xml.push_str(&format!(
            "  <MACMethod Algorithm=\"{mac_uri}\">\n    <MACKey>{encrypted}</MACKey>\n  </MACMethod>\n"
        ));
        Ok(writer)
    }

    /// One token; whether it could be written.
    fn package(&mut self, token: &ImportedToken, index: usize, entropy: &mut dyn FnMut(&mut [u8])) -> bool {
        let Some(kind) = Kind::of(token) else { return false };
        let (text, encrypted) = self.encrypted(&token.secret, entropy);
        let mac = to_base64(&crypto::hmac(self.mac, &self.mac_key, &text));
        let id = match &token.serial {
            Some(serial) => serial.clone(),
            None => format!("key-{}", index + 1),
        };
        self.xml.push_str("  <KeyPackage>\n");
        self.device(token);
        self.xml.push_str(&format!(
            "    <Key Id=\"{}\" Algorithm=\"urn:ietf:params:xml:ns:keyprov:pskc:{}\">\n",
            escaped(&id),
            kind.name
        ));
        self.text("Issuer", token.issuer.as_deref());
        self.xml.push_str(&format!(
            "      <AlgorithmParameters><Suite>{}</Suite><ResponseFormat Length=\"{}\" Encoding=\"DECIMAL\"/></AlgorithmParameters>\n",
            kind.algorithm.name(),
            kind.digits
        ));
        self.text("FriendlyName", token.name.as_deref());
        self.xml.push_str(&format!(
            "      <Data><Secret><EncryptedValue>{encrypted}</EncryptedValue><ValueMAC>{}</ValueMAC></Secret>{}</Data>\n",
            &*mac, kind.data
        ));
        self.text("UserId", token.owner.as_ref().map(ToString::to_string).as_deref());
        self.policy(token);
        if !token.enabled {
            self.xml
                .push_str("      <Extensions xmlns:q=\"urn:quorate:pskc\"><q:Enabled>false</q:Enabled></Extensions>\n");
        }
        self.xml.push_str("    </Key>\n  </KeyPackage>\n");
        true
    }

    fn device(&mut self, token: &ImportedToken) {
        if token.serial.is_none() && token.manufacturer.is_none() {
            return;
        }
        self.xml.push_str("    <DeviceInfo>\n");
        self.text("Manufacturer", token.manufacturer.as_deref());
        self.text("SerialNo", token.serial.as_deref());
        self.xml.push_str("    </DeviceInfo>\n");
    }

    fn policy(&mut self, token: &ImportedToken) {
        let start = token.valid_from_s.and_then(date::format);
        let expiry = token.valid_until_s.and_then(date::format);
        if start.is_some() || expiry.is_some() {
            self.xml.push_str("      <Policy>\n");
            self.text("StartDate", start.as_deref());
            self.text("ExpiryDate", expiry.as_deref());
            self.xml.push_str("      </Policy>\n");
        }
    }

    fn text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.xml
                .push_str(&format!("      <{name}>{}</{name}>\n", escaped(text)));
        }
    }

    /// Vector and ciphertext, and the elements that hold them.
    fn encrypted(&self, plain: &[u8], entropy: &mut dyn FnMut(&mut [u8])) -> (Vec<u8>, String) {
        let mut text = vec![0; crypto::BLOCK];
        entropy(&mut text);
        let encrypted = crypto::encrypt_cbc(&self.key, &text, &crypto::padded(plain))
            .expect("invariant: the key has a length of AES's and the padded text whole blocks");
        text.extend(encrypted);
        let elements = format!(
            "<xenc:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#aes{}-cbc\"/><xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData>",
            8 * self.key.len(),
            &*to_base64(&text)
        );
        (text, elements)
    }
}

/// What the algorithm takes.
struct Kind {
    name: &'static str,
    algorithm: Algorithm,
    digits: u8,
    data: String,
}

impl Kind {
    fn of(token: &ImportedToken) -> Option<Self> {
        let plain = |name: &str, value: u64| format!("<{name}><PlainValue>{value}</PlainValue></{name}>");
        match token.kind {
            TokenKind::Totp {
                algorithm,
                digits,
                period_s,
            } => {
                let used = token
                    .last_timestep
                    .map(|timestep| plain("Counter", timestep))
                    .unwrap_or_default();
                Some(Self {
                    name: "totp",
                    algorithm,
                    digits,
                    data: used + &plain("Time", 0) + &plain("TimeInterval", u64::from(period_s)),
                })
            }
            TokenKind::Hotp {
                algorithm,
                digits,
                counter,
            } => Some(Self {
                name: "hotp",
                algorithm,
                digits,
                data: plain("Counter", counter),
            }),
            TokenKind::YubikeyOtp { .. } => None,
        }
    }
}

/// Writes how the key comes from the password, and makes it.
fn push_derivation(xml: &mut String, password: &str, entropy: &mut dyn FnMut(&mut [u8])) -> Zeroizing<Vec<u8>> {
    let mut salt = [0; limits::SALT_BYTES_WRITTEN];
    entropy(&mut salt);
    let rounds = limits::PBKDF2_ITERATIONS_WRITTEN;
    xml.push_str(&format!(
        concat!(
            "  <EncryptionKey><xenc11:DerivedKey>\n",
            "    <xenc11:KeyDerivationMethod Algorithm=\"http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#pbkdf2\">\n",
            "      <pkcs5:PBKDF2-params><Salt><Specified>{}</Specified></Salt><IterationCount>{}</IterationCount>",
            "<KeyLength>32</KeyLength><PRF Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#hmac-sha256\"/></pkcs5:PBKDF2-params>\n",
            "    </xenc11:KeyDerivationMethod>\n",
            "    <xenc11:MasterKeyName>Password</xenc11:MasterKeyName>\n",
            "  </xenc11:DerivedKey></EncryptionKey>\n",
        ),
        &*to_base64(&salt),
        rounds
    ));
    crypto::pbkdf2(Algorithm::Sha256, password.as_bytes(), &salt, rounds, 32)
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for symbol in text.chars() {
        match symbol {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}
