//! Where the application key comes from: a file, a systemd credential, or a passphrase.
//!
//! `init` makes the key, `join` receives it from the cluster, and both keep it the way the configuration says. With a passphrase the
//! key itself stays random: it lies in the data directory, sealed under a key derived from the passphrase.

use std::fs;
use std::path::{Path, PathBuf};

use quorate_app::Entropy;
use quorate_seal::{HashMemory, KeyId, KeyRing, PassphraseKey};
use zeroize::Zeroizing;

use super::{BootError, identity, system::SystemEntropy};
use crate::config::KeySource;

const WRAPPED: &str = "keys.sealed";

/// A new cluster's key: an operator's own when the source already holds one, else a fresh random one, kept there.
///
/// Returns the file that was made, so that a failed `init` can take it back.
pub fn create(source: &KeySource, data_dir: &Path) -> Result<(KeyRing, Option<PathBuf>), BootError> {
    if let KeySource::File(path) = source
        && path.exists()
    {
        return Ok((load(source, data_dir)?, None));
    }
    if let KeySource::SystemdCredential(_) = source {
        return Ok((load(source, data_dir)?, None));
    }
    let mut bytes = Zeroizing::new([0; 32]);
    SystemEntropy.fill(&mut *bytes);
    let ring = KeyRing::new(KeyId(1), bytes);
    let made = keep(source, data_dir, &ring)?;
    Ok((ring, made))
}

/// Keeps a key ring where the configuration says, unless the operator supplies it there.
pub fn keep(source: &KeySource, data_dir: &Path, ring: &KeyRing) -> Result<Option<PathBuf>, BootError> {
    let text = ring.to_text();
    match source {
        KeySource::File(path) if path.exists() => {
            let there = load(source, data_dir)?;
            match there.to_text() == text {
                true => Ok(None),
                false => Err(BootError::Key(format!(
                    "{} holds another cluster's key; move it away or set another key.file",
                    path.display()
                ))),
            }
        }
        KeySource::File(path) => {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(BootError::file("create", folder))?;
            }
            identity::write(path, text.as_bytes(), 0o600)?;
            Ok(Some(path.clone()))
        }
        KeySource::SystemdCredential(_) => {
            let there = load(source, data_dir)?;
            match there.to_text() == text {
                true => Ok(None),
                false => Err(BootError::Key(
                    "the systemd credential is not this cluster's key".to_owned(),
                )),
            }
        }
        KeySource::PassphraseEnv(_) | KeySource::PassphraseFile(_) => {
            let path = wrapped_file(data_dir);
            let mut salt = [0; 16];
            let mut nonce = [0; 24];
            SystemEntropy.fill(&mut salt);
            SystemEntropy.fill(&mut nonce);
            let key = PassphraseKey::derive(passphrase(source)?.as_bytes(), salt, &mut HashMemory::new());
            identity::write(&path, &key.wrap(nonce, ring), 0o600)?;
            Ok(Some(path))
        }
    }
}

/// The key ring of a node that was founded or joined.
pub fn load(source: &KeySource, data_dir: &Path) -> Result<KeyRing, BootError> {
    match source {
        KeySource::File(path) => from_file(path),
        KeySource::SystemdCredential(name) => {
            let folder = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| {
                BootError::Key(format!("key.systemd_credential = \"{name}\", but systemd passed no credentials; add LoadCredential={name}:PATH to the unit"))
            })?;
            from_file(&Path::new(&folder).join(name))
        }
        KeySource::PassphraseEnv(_) | KeySource::PassphraseFile(_) => {
            let path = wrapped_file(data_dir);
            let wrapped = fs::read(&path).map_err(BootError::file("read", &path))?;
            PassphraseKey::unwrap(passphrase(source)?.as_bytes(), &wrapped, &mut HashMemory::new())
                .map_err(|error| BootError::Key(format!("the passphrase does not open {}: {error}", path.display())))
        }
    }
}

fn from_file(path: &Path) -> Result<KeyRing, BootError> {
    let text = Zeroizing::new(fs::read_to_string(path).map_err(BootError::file("read", path))?);
    KeyRing::from_text(&text).map_err(|error| BootError::Key(format!("{} is no key file: {error}", path.display())))
}

fn passphrase(source: &KeySource) -> Result<Zeroizing<String>, BootError> {
    let (text, origin) = match source {
        KeySource::PassphraseEnv(name) => {
            let text = std::env::var(name)
                .map_err(|_| BootError::Key(format!("the environment variable {name} holds no passphrase")))?;
            (Zeroizing::new(text), name.clone())
        }
        KeySource::PassphraseFile(path) => {
            let text = Zeroizing::new(fs::read_to_string(path).map_err(BootError::file("read", path))?);
            (
                Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()),
                path.display().to_string(),
            )
        }
        KeySource::File(_) | KeySource::SystemdCredential(_) => {
            unreachable!("invariant: only passphrase sources are asked for one")
        }
    };
    match text.chars().count() {
        0..12 => Err(BootError::Key(format!(
            "the passphrase in {origin} is shorter than 12 characters"
        ))),
        _ => Ok(text),
    }
}

fn wrapped_file(data_dir: &Path) -> PathBuf {
    identity::folder(data_dir).join(WRAPPED)
}
