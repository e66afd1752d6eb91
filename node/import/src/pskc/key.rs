//! The key under which a document's secrets are encrypted, and the one that authenticates them.

use zeroize::Zeroizing;

use super::{
    package::encrypted_value,
    xml::{Element, fragment},
};
use crate::{
    crypto, encoding, error::ImportError, fields, limits, model::Algorithm, quote::quoted, read::Options, report::Wrong,
};

/// What the document says of its keys.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) encryption: Option<Element>,
    pub(super) mac: Option<Element>,
}

/// The keys themselves.
pub(super) struct Opened {
    key: Zeroizing<Vec<u8>>,
    mac: Option<MacKey>,
}

struct MacKey {
    algorithm: Algorithm,
    key: Zeroizing<Vec<u8>>,
    /// It came out with so much right padding that the key above must be right.
    sure: bool,
}

/// Why one value does not open.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Its MAC or its padding is wrong: altered, or another key.
    NotAuthentic(Wrong),
    /// It is not encrypted in a way that is read.
    Other(Wrong),
}

impl Keys {
    /// Makes the keys from what is in the key file.
    pub(super) fn open(&self, options: &Options) -> Result<Opened, ImportError> {
        let derived = self.encryption.as_ref().and_then(|key| key.find("derivedkey"));
        let Some(file) = &options.key_file else {
            return Err(ImportError::KeyMissing {
                hint: self.hint(derived.is_some()),
            });
        };
        if file.len() > limits::KEY_FILE_BYTES {
            return Err(ImportError::KeyForm("it is too long"));
        }
        let key = match derived {
            Some(derived) => derive(derived, file)?,
            None => shared_key(file)?,
        };
        let mac = self.mac.as_ref().map(|mac| mac_key(mac, &key)).transpose()?;
        Ok(Opened { key, mac })
    }

    fn hint(&self, by_password: bool) -> String {
        let name = self
            .encryption
            .as_ref()
            .and_then(|key| key.find("keyname").or(key.find("masterkeyname")));
        match (name, by_password) {
            (Some(name), true) => format!(" with the password {}", quoted(name.text())),
            (None, true) => " with a password".to_owned(),
            (Some(name), false) => format!(" with the key {}", quoted(name.text())),
            (None, false) => String::new(),
        }
    }
}

impl Opened {
    /// Whether secrets are authenticated at all.
    pub(super) fn has_mac(&self) -> bool {
        self.mac.is_some()
    }

    /// Whether the key is right for certain, whatever becomes of the values.
    pub(super) fn is_sure(&self) -> bool {
        self.mac.as_ref().is_some_and(|mac| mac.sure)
    }

    /// One secret: authenticated first, then decrypted.
    pub(super) fn secret(&self, method: &str, text: &[u8], mac: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        let wrong = |field, sentence: &str| Wrong::new(field, sentence);
        check_method(method, self.key.len())?;
        if let Some(key) = &self.mac {
            let mac =
                mac.ok_or_else(|| Refusal::Other(wrong("ValueMAC", "is missing, though the file has a MAC method")))?;
            if !crypto::is_hmac(key.algorithm, &key.key, text, mac) {
                return Err(Refusal::NotAuthentic(wrong(
                    "ValueMAC",
                    "does not match: the value was altered",
                )));
            }
        }
        let plain = decrypt(&self.key, text);
        plain.ok_or_else(|| Refusal::NotAuthentic(wrong("EncryptedValue", "does not open with this key")))
    }
}

fn check_method(method: &str, key_len: usize) -> Result<(), Refusal> {
    let needed = match method {
        "aes128-cbc" => 16,
        "aes192-cbc" => 24,
        "aes256-cbc" => 32,
        _ => {
            let sentence = format!(
                "is {}; only AES in CBC mode is read, under a key or a password",
                quoted(method)
            );
            return Err(Refusal::Other(Wrong::new("EncryptionMethod", sentence)));
        }
    };
    if needed == key_len {
        return Ok(());
    }
    let sentence = format!("takes a key of {needed} bytes, the given one has {key_len}");
    Err(Refusal::Other(Wrong::new("EncryptionMethod", sentence)))
}

/// Initialisation vector and ciphertext (XML Encryption section 5.2).
fn decrypt(key: &[u8], text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let padded = decrypt_padded(key, text)?;
    crypto::without_xml_padding(&padded).map(|plain| Zeroizing::new(plain.to_vec()))
}

fn decrypt_padded(key: &[u8], text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (iv, text) = text.split_at_checked(crypto::BLOCK)?;
    if text.len() > limits::ROW_BYTES {
        return None;
    }
    crypto::decrypt_cbc(key, iv, text)
}

/// A pre-shared AES key as key files have it: in hexadecimal, in base 64, or as bytes.
///
/// # Errors
/// [`ImportError::KeyForm`] when it is none of these.
pub fn shared_key(file: &[u8]) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let is_key = |key: &Zeroizing<Vec<u8>>| matches!(key.len(), 16 | 24 | 32);
    let text = std::str::from_utf8(file).unwrap_or_default();
    let written = encoding::hex(text)
        .filter(is_key)
        .or_else(|| encoding::base64(text).filter(is_key));
    written
        .or_else(|| Some(Zeroizing::new(file.to_vec())).filter(is_key))
        .ok_or(ImportError::KeyForm(
            "an AES key has 16, 24 or 32 bytes, as they are, in hexadecimal or in base 64",
        ))
}

/// The key that a password gives (RFC 6030 section 6.2). The key file holds the password; a line end behind it is none of it.
fn derive(derived: &Element, file: &[u8]) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let document = |sentence: &str| ImportError::document(derived.line, sentence);
    let method = derived.child("keyderivationmethod");
    let name = method
        .and_then(|method| method.attribute("algorithm"))
        .unwrap_or_default();
    if fragment(name) != "pbkdf2" {
        return Err(document("the key is derived by another method than PBKDF2"));
    }
    let number = |name: &str| {
        derived
            .find(name)
            .and_then(|element| element.text().parse::<u32>().ok())
    };
    let salt = derived
        .find("salt")
        .and_then(|salt| salt.find("specified").or(Some(salt)));
    let salt = salt
        .and_then(|salt| encoding::base64(salt.text()))
        .filter(|salt| (1..=limits::SALT_BYTES_MAX).contains(&salt.len()))
        .ok_or_else(|| document("PBKDF2 has no salt in base 64"))?;
    let rounds = number("iterationcount")
        .filter(|rounds| (1..=limits::PBKDF2_ITERATIONS_MAX).contains(rounds))
        .ok_or_else(|| document("PBKDF2's iteration count is missing or beyond bounds"))?;
    let len = match number("keylength") {
        None | Some(16) => 16,
        Some(24) => 24,
        Some(32) => 32,
        Some(_) => return Err(document("PBKDF2's key length is none of AES's")),
    };
    let prf = derived.find("prf").and_then(|prf| prf.attribute("algorithm"));
    let algorithm = match prf {
        Some(uri) => fields::algorithm("PRF", &fragment(uri)).map_err(|_| document("PBKDF2's PRF is not known"))?,
        None => Algorithm::Sha1,
    };
    let password = file.strip_suffix(b"\n").unwrap_or(file);
    let password = password.strip_suffix(b"\r").unwrap_or(password);
    Ok(crypto::pbkdf2(algorithm, password, &salt, rounds, len))
}

/// The MAC's key, which is encrypted under the other one; without one of its own, it is the other one (RFC 6030 section 6.1.1).
fn mac_key(method: &Element, key: &Zeroizing<Vec<u8>>) -> Result<MacKey, ImportError> {
    let name = fragment(method.attribute("algorithm").unwrap_or_default());
    let algorithm = fields::algorithm("MACMethod", &name)
        .ok()
        .filter(|_| name.starts_with("hmac"))
        .ok_or_else(|| ImportError::document(method.line, format!("the MAC method {} is not known", quoted(&name))))?;
    let Some(encrypted) = method.child("mackey") else {
        return Ok(MacKey {
            algorithm,
            key: key.clone(),
            sure: false,
        });
    };
    let (cipher, text) = encrypted_value(encrypted)
        .ok_or_else(|| ImportError::document(encrypted.line, "MACKey has no CipherValue in base 64"))?;
    if let Err(Refusal::Other(wrong) | Refusal::NotAuthentic(wrong)) = check_method(&cipher, key.len()) {
        return Err(ImportError::document(
            encrypted.line,
            format!("{} {}", wrong.field, wrong.sentence),
        ));
    }
    let padded = decrypt_padded(key, &text)
        .ok_or_else(|| ImportError::document(encrypted.line, "MACKey is not whole blocks of AES"))?;
    let sure = crypto::without_padding(&padded).is_some_and(|plain| padded.len() - plain.len() >= 4);
    let plain = crypto::without_xml_padding(&padded).ok_or(ImportError::WrongKey)?;
    Ok(MacKey {
        algorithm,
        key: Zeroizing::new(plain.to_vec()),
        sure,
    })
}
