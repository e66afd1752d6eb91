//! Changes to directories.

use minicbor::{Decode, Encode};

use crate::{
    audit::Object,
    change::{Effect, expect, is_sealed, require, require_free},
    event::Event,
    ids::{DirectoryId, Revision, Sealed},
    limits, names,
    outcome::{Field, Refusal},
    records::{Directory, Naming, PasswordMemory, UserName},
    state::State,
};

/// A new directory, enabled.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CreateDirectory {
    /// Random.
    #[n(0)]
    pub id: DirectoryId,
    /// Unique among directories.
    #[n(1)]
    pub name: Box<str>,
    /// Canonical and unique among directories.
    #[n(2)]
    pub domain: Box<str>,
    /// Sealed.
    #[n(3)]
    pub settings: Sealed,
    /// How the domain is called beside that.
    #[n(4)]
    pub naming: Naming,
    /// Hours for which right passwords are remembered; 0 for none.
    #[n(5)]
    pub remember_h: u16,
}

/// Another name or other settings. The domain stays, for users are known by it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ChangeDirectory {
    /// Which directory.
    #[n(0)]
    pub directory: DirectoryId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
    /// Unique among directories.
    #[n(2)]
    pub name: Box<str>,
    /// Sealed.
    #[n(3)]
    pub settings: Sealed,
    /// How the domain is called from now on, beside its own name.
    #[n(4)]
    pub naming: Naming,
    /// Hours for which right passwords are remembered from now on; 0 forgets them all.
    #[n(5)]
    pub remember_h: u16,
}

/// Forgets all passwords that are remembered of its people.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ForgetPasswords {
    /// Which directory.
    #[n(0)]
    pub directory: DirectoryId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

/// Asks the directory no more.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DisableDirectory {
    /// Which directory.
    #[n(0)]
    pub directory: DirectoryId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

/// Takes a disable back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct EnableDirectory {
    /// Which directory.
    #[n(0)]
    pub directory: DirectoryId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

/// Removes a directory that has no users here.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DeleteDirectory {
    /// Which directory.
    #[n(0)]
    pub directory: DirectoryId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

impl CreateDirectory {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        check(state, self.id, &self.name, &self.settings)?;
        require(names::is_canonical(&UserName::new(&self.domain, "x")), Field::Domain)?;
        // Id 0 stands for no directory.
        if self.id == DirectoryId(0) || state.directory(self.id).is_some() {
            return Err(Refusal::IdTaken);
        }
        require_free(state.directory_of_domain(&self.domain).map(|other| other.id), self.id)?;
        if state.directories().count() >= limits::DIRECTORIES {
            return Err(Refusal::LimitReached);
        }
        check_naming(state, self.id, &self.domain, &self.naming)?;
        require(self.remember_h <= limits::REMEMBER_HOURS_MAX, Field::RememberHours)?;
        Ok(saved(Directory {
            id: self.id,
            name: self.name.clone(),
            domain: self.domain.clone(),
            settings: self.settings.clone(),
            enabled: true,
            revision,
            naming: self.naming.clone(),
            memory: PasswordMemory {
                hours: self.remember_h,
                forgotten_ms: 0,
            },
        }))
    }
}

impl ChangeDirectory {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let directory = expected_directory(state, self.directory, self.expected)?;
        check(state, self.directory, &self.name, &self.settings)?;
        check_naming(state, self.directory, &directory.domain, &self.naming)?;
        require(self.remember_h <= limits::REMEMBER_HOURS_MAX, Field::RememberHours)?;
        let memory = PasswordMemory {
            hours: self.remember_h,
            forgotten_ms: match self.remember_h {
                0 => state.stamp().ms,
                _ => directory.memory.forgotten_ms,
            },
        };
        Ok(saved(Directory {
            name: self.name.clone(),
            settings: self.settings.clone(),
            naming: self.naming.clone(),
            memory,
            revision,
            ..directory.clone()
        }))
    }
}

impl ForgetPasswords {
    /// The new revision keeps out what was judged before and is written after it.
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let directory = expected_directory(state, self.directory, self.expected)?;
        Ok(saved(Directory {
            memory: PasswordMemory {
                forgotten_ms: state.stamp().ms,
                ..directory.memory
            },
            revision,
            ..directory.clone()
        }))
    }
}

impl DisableDirectory {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        stand(state, self.directory, self.expected, false, revision)
    }
}

impl EnableDirectory {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        stand(state, self.directory, self.expected, true, revision)
    }
}

impl DeleteDirectory {
    pub(super) fn decide(&self, state: &State, _revision: Revision) -> Result<Effect, Refusal> {
        let directory = expected_directory(state, self.directory, self.expected)?;
        if state.people_of(directory.id).next().is_some() {
            return Err(Refusal::InUse);
        }
        Ok(Effect {
            events: vec![Event::DirectoryDeleted(directory.id)],
            object: Object::Directory(directory.id),
            name: directory.name.clone(),
        })
    }
}

fn stand(
    state: &State,
    id: DirectoryId,
    expected: Option<Revision>,
    enabled: bool,
    revision: Revision,
) -> Result<Effect, Refusal> {
    let directory = expected_directory(state, id, expected)?;
    Ok(saved(Directory {
        enabled,
        revision,
        ..directory.clone()
    }))
}

fn expected_directory(state: &State, id: DirectoryId, expected: Option<Revision>) -> Result<&Directory, Refusal> {
    let directory = state.directory(id).ok_or(Refusal::NotFound)?;
    expect(directory.revision, expected)?;
    Ok(directory)
}

fn check(state: &State, own: DirectoryId, name: &str, settings: &Sealed) -> Result<(), Refusal> {
    require(names::is_name(name), Field::Name)?;
    let bounded = is_sealed(settings) || (1..=limits::SETTINGS_BYTES).contains(&settings.0.len());
    require(bounded, Field::Settings)?;
    require_free(state.directory_by_name(name).map(|other| other.id), own)
}

/// Whoever has a name in a domain of an alias could never be found again, so that domain has to be empty.
fn check_naming(state: &State, own: DirectoryId, domain: &str, naming: &Naming) -> Result<(), Refusal> {
    let aliases = &naming.aliases;
    let sorted = aliases.is_sorted_by(|former, next| former < next);
    require(sorted && aliases.len() <= limits::DOMAIN_ALIASES, Field::Aliases)?;
    for alias in aliases {
        let is_other = !alias.is_empty() && **alias != *domain;
        require(
            is_other && names::is_canonical(&UserName::new(alias, "x")),
            Field::Aliases,
        )?;
        require_free(state.directory_of_domain(alias).map(|other| other.id), own)?;
        if state.is_domain_in_use(alias) {
            return Err(Refusal::InUse);
        }
    }
    let mut defaults = state.directories().filter(|other| other.is_default());
    let is_default = naming.is_default || domain.is_empty();
    match is_default && defaults.any(|other| other.id != own) {
        true => Err(Refusal::NameTaken),
        false => Ok(()),
    }
}

fn saved(directory: Directory) -> Effect {
    let (object, name) = (Object::Directory(directory.id), directory.name.clone());
    Effect {
        events: vec![Event::DirectorySaved(directory)],
        object,
        name,
    }
}
