//! Passwords: Argon2id (RFC 9106) verifiers and the memory that computing one needs.
//!
//! A verifier names its own parameters, so they can be raised for new passwords while old ones still verify. It is
//! sealed like every other field before it is stored. One that wraps what another product made of a password ([`crate::foreign`])
//! costs that product's work and then ours.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::{Zeroize, Zeroizing};

use crate::foreign::{ForeignHash, Recipe};
use crate::limits::{
    ARGON2_LANES, ARGON2_MEMORY_KIB, ARGON2_PASSES, MAX_ARGON2_MEMORY_KIB, MAX_ARGON2_PASSES, PASSWORD_HASH_LEN,
    SALT_LEN,
};
use crate::secret::constant_time_eq;

/// Format 1: memory (KiB), passes, lanes, salt, tag; integers big-endian. Format 2: the same, and how another product comes to
/// what this is the Argon2id of.
const FORMAT: u8 = 1;
const FORMAT_FOREIGN: u8 = 2;
const ENCODED_LEN: usize = 1 + 4 + 2 + 1 + SALT_LEN + PASSWORD_HASH_LEN;

/// What is stored instead of a password. Wiped when dropped.
pub struct PasswordVerifier {
    params: Params,
    salt: [u8; SALT_LEN],
    hash: Zeroizing<[u8; PASSWORD_HASH_LEN]>,
    /// What comes before Argon2id; nothing for a password that was hashed here.
    foreign: Option<Recipe>,
}

/// What an Argon2id verifier (RFC 9106, version 19) is made of, for taking one over from elsewhere or along to there.
pub struct Argon2idParts {
    /// Work memory.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u8,
    /// The salt.
    pub salt: [u8; SALT_LEN],
    /// The hash.
    pub hash: Zeroizing<[u8; PASSWORD_HASH_LEN]>,
}

/// The bytes are not a verifier that this version can check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a password verifier of a known format")]
pub struct InvalidVerifier;

impl PasswordVerifier {
    /// Hashes a new password under today's parameters: about 30 ms of one core. `salt` must be fresh randomness.
    #[must_use]
    pub fn compute(password: &[u8], salt: [u8; SALT_LEN], memory: &mut HashMemory) -> Self {
        let params = todays_params();
        let hash = hash(&params, password, &salt, memory);
        Self {
            params,
            salt,
            hash,
            foreign: None,
        }
    }

    /// Wraps what another product made of a password, so that nothing weaker than Argon2id is kept: about 30 ms of one core. `salt` must
    /// be fresh randomness.
    #[must_use]
    pub fn wrap(foreign: ForeignHash, salt: [u8; SALT_LEN], memory: &mut HashMemory) -> Self {
        Self {
            foreign: Some(foreign.recipe),
            ..Self::compute(&foreign.digest, salt, memory)
        }
    }

    /// A verifier that no password matches, at today's parameters. Checking against it costs what checking against
    /// a real one costs, which is what it is for: an unknown user must not answer sooner than a known one.
    #[must_use]
    pub fn dummy() -> Self {
        Self {
            params: todays_params(),
            salt: [0; SALT_LEN],
            hash: Zeroizing::new([0; PASSWORD_HASH_LEN]),
            foreign: None,
        }
    }

    /// Whether `password` is the one this was computed from. About 30 ms of one core, more if it was hashed elsewhere; compared in
    /// constant time. An empty one is never right: other products keep the hash of nothing for accounts that need no password.
    #[must_use]
    pub fn matches(&self, password: &[u8], memory: &mut HashMemory) -> bool {
        let right = match &self.foreign {
            None => self.matches_input(password, memory),
            Some(recipe) => {
                let (digest, possible) = recipe.digest(password);
                self.matches_input(&digest, memory) & possible
            }
        };
        right & !password.is_empty()
    }

    fn matches_input(&self, input: &[u8], memory: &mut HashMemory) -> bool {
        let computed = hash(&self.params, input, &self.salt, memory);
        constant_time_eq(&*computed, &*self.hash)
    }

    /// Whether this wraps what another product made of the password, and a right `password` should take its place: not one of which only
    /// a part was looked at.
    #[must_use]
    pub fn is_replaced_by(&self, password: &[u8]) -> bool {
        self.foreign
            .as_ref()
            .is_some_and(|recipe| recipe.looks_at_all_of(password))
    }

    /// A verifier that was computed elsewhere.
    ///
    /// # Errors
    /// [`InvalidVerifier`] for parameters beyond this crate's limits: whoever brings them would choose what each login costs.
    pub fn from_parts(parts: Argon2idParts) -> Result<Self, InvalidVerifier> {
        Ok(Self {
            params: checked_params(parts.memory_kib, parts.passes, parts.lanes)?,
            salt: parts.salt,
            hash: parts.hash,
            foreign: None,
        })
    }

    /// What it is made of; nothing for one that wraps what another product made. As secret as the verifier: weak passwords can be found
    /// from it.
    #[must_use]
    pub fn parts(&self) -> Option<Argon2idParts> {
        self.foreign.is_none().then(|| Argon2idParts {
            memory_kib: self.params.m_cost(),
            passes: self.params.t_cost(),
            lanes: self.params.p_cost() as u8,
            salt: self.salt,
            hash: self.hash.clone(),
        })
    }

    /// The bytes to seal and store.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(ENCODED_LEN + Recipe::MAX_LEN));
        bytes.push(match self.foreign {
            None => FORMAT,
            Some(_) => FORMAT_FOREIGN,
        });
        bytes.extend_from_slice(&self.params.m_cost().to_be_bytes());
        bytes.extend_from_slice(&(self.params.t_cost() as u16).to_be_bytes());
        bytes.push(self.params.p_cost() as u8);
        bytes.extend_from_slice(&self.salt);
        bytes.extend_from_slice(&*self.hash);
        if let Some(recipe) = &self.foreign {
            recipe.encode_into(&mut bytes);
        }
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// [`InvalidVerifier`] for another format, or parameters beyond this crate's limits.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidVerifier> {
        let (bytes, rest) = bytes.split_first_chunk::<ENCODED_LEN>().ok_or(InvalidVerifier)?;
        let foreign = match (bytes[0], rest) {
            (FORMAT, []) => None,
            (FORMAT_FOREIGN, recipe) => Some(Recipe::decode(recipe)?),
            (_, _) => return Err(InvalidVerifier),
        };
        let (head, rest) = bytes.split_at(8);
        let (salt, tag) = rest.split_at(SALT_LEN);
        let memory_kib = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let passes = u32::from(u16::from_be_bytes([head[5], head[6]]));
        Ok(Self {
            params: checked_params(memory_kib, passes, head[7])?,
            salt: salt.try_into().map_err(|_| InvalidVerifier)?,
            hash: Zeroizing::new(tag.try_into().map_err(|_| InvalidVerifier)?),
            foreign,
        })
    }
}

/// The work memory of one hashing thread, kept between passwords: asking the system for 19 MiB of zeroed pages each
/// time costs a tenth of the hash itself.
#[derive(Default)]
pub struct HashMemory {
    blocks: Vec<Block>,
}

impl HashMemory {
    /// Nothing yet: it grows to what a verifier asks for.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is anything to give back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    fn at_least(&mut self, count: usize) -> &mut [Block] {
        if self.blocks.len() < count {
            self.blocks.resize(count, Block::new());
        }
        &mut self.blocks[..count]
    }
}

impl Drop for HashMemory {
    fn drop(&mut self) {
        for block in &mut self.blocks {
            block.zeroize();
        }
    }
}

pub(crate) fn hash(
    params: &Params,
    password: &[u8],
    salt: &[u8; SALT_LEN],
    memory: &mut HashMemory,
) -> Zeroizing<[u8; PASSWORD_HASH_LEN]> {
    let mut out = Zeroizing::new([0; PASSWORD_HASH_LEN]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password_into_with_memory(password, salt, &mut *out, memory.at_least(params.block_count()))
        .expect("invariant: lengths are fixed and the memory is large enough");
    out
}

fn checked_params(memory_kib: u32, passes: u32, lanes: u8) -> Result<Params, InvalidVerifier> {
    let within_limits = memory_kib <= MAX_ARGON2_MEMORY_KIB && passes <= MAX_ARGON2_PASSES;
    let params = Params::new(memory_kib, passes, u32::from(lanes), Some(PASSWORD_HASH_LEN));
    params.ok().filter(|_| within_limits).ok_or(InvalidVerifier)
}

fn todays_params() -> Params {
    Params::new(ARGON2_MEMORY_KIB, ARGON2_PASSES, ARGON2_LANES, Some(PASSWORD_HASH_LEN))
        .expect("invariant: the constants are within RFC 9106's bounds")
}
