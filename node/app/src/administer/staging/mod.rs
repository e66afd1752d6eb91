//! Imports: rows of another product are gathered and judged on one node, and made by one order.
//!
//! ```text
//! begin ─▶ gather (a page of rows: each judged, sealed, kept) … ─▶ commit (judged again, then made, a few hundred rows an entry)
//! ```
//!
//! Until the first commit nothing of an import is in the log. What is gathered lies in the memory of this node alone, sealed as it will lie in
//! the log, for [`limits::IMPORT_LIFETIME`]; a node that ends has forgotten it, and nothing was made. Ids are drawn when a row is gathered, so
//! a commit whose outcome is unknown is ordered again and makes nothing twice.
//!
//! Who is there already is left as they are, and so is a token whose name its owner has already. So an import that was broken off is
//! simply begun again from the same file.

mod commit;
mod judge;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use quorate_core::{Actor, ApiTokenId, Change, Channel, Permission, TokenId, UserId, UserName};
use quorate_seal::{ForeignHash, PasswordVerifier};
use tokio::time::Instant;
use zeroize::Zeroizing;

use self::judge::Judged;
use super::{AdminError, Administrator, TokenSpec};
use crate::fields::FieldError;
use crate::limits;

/// One row of an import.
pub enum ImportRow {
    User(ImportedUser),
    Token(ImportedToken),
}

/// A user to be.
#[derive(Default)]
pub struct ImportedUser {
    /// As typed.
    pub name: String,
    pub display_name: String,
    pub password: Option<ImportedPassword>,
    pub groups: Vec<String>,
    /// As typed; empty for none.
    pub language: String,
    /// Where codes are sent, from the first login on: whoever orders the import answers for them.
    pub addresses: Vec<(Channel, Zeroizing<String>)>,
    pub disabled: bool,
}

/// What a password is checked against.
pub enum ImportedPassword {
    /// To be hashed here; the rules of the cluster hold for it.
    Clear(Zeroizing<String>),
    /// Computed elsewhere. Nobody can tell whether what is behind it keeps the rules.
    Verifier(PasswordVerifier),
    /// What another product made of it, to be wrapped here.
    Foreign(ForeignHash),
}

/// A token to be.
pub struct ImportedToken {
    /// As typed; nobody's yet if absent.
    pub owner: Option<String>,
    pub spec: TokenSpec,
    pub disabled: bool,
}

/// What becomes of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowVerdict {
    /// It will be made.
    New,
    /// It is there already and stays as it is.
    There,
    /// It cannot be made.
    Wrong(Vec<FieldError>),
}

/// How an import stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportStanding {
    /// Rows that wait to be made.
    pub waiting: u64,
    /// Rows that were wrong when they were gathered.
    pub wrong: u64,
    pub users_created: u64,
    pub users_there: u64,
    pub tokens_created: u64,
    pub tokens_there: u64,
    /// Rows that were right when they were gathered and could not be made any more.
    pub left_out: u64,
    /// The first of those: whom or what, and why.
    pub first_left_out: Vec<(String, String)>,
}

/// The imports that this node gathers.
#[derive(Default)]
pub(super) struct Imports(Mutex<BTreeMap<String, Gathered>>);

#[derive(Clone)]
struct Gathered {
    by: Who,
    touched: Instant,
    staged: Arc<tokio::sync::Mutex<Staged>>,
}

/// Whose an import is: nobody else may go on with it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Root,
    ApiToken(ApiTokenId),
}

/// What was gathered of one import.
#[derive(Default)]
struct Staged {
    judged: Judged,
    rows: std::collections::VecDeque<Planned>,
    /// Rows that were sent, kept or not.
    seen: usize,
    standing: ImportStanding,
    committing: bool,
}

/// A row that can be made.
struct Planned {
    /// Whom or what it is about.
    subject: String,
    what: What,
    changes: Vec<Change>,
}

enum What {
    User {
        id: UserId,
        name: UserName,
    },
    Token {
        id: TokenId,
        /// 0 for nobody's.
        owner: UserId,
        expires_ms: Option<u64>,
    },
}

impl Administrator {
    /// Begins an import. The text names it from now on.
    ///
    /// # Errors
    /// [`AdminError`]; [`AdminError::Overloaded`] while as many as can be are under way.
    pub fn begin_import(&self, actor: Actor) -> Result<String, AdminError> {
        self.permit(actor, Permission::ManageUsers)?;
        self.permit(actor, Permission::ManageTokens)?;
        let by = who(actor)?;
        let mut imports = self.imports.0.lock();
        let now = Instant::now();
        imports.retain(|_, import| now < import.touched + limits::IMPORT_LIFETIME);
        if imports.len() >= limits::IMPORTS {
            return Err(AdminError::Overloaded);
        }
        let id = format!("i-{:016x}", self.random_id());
        let staged = Arc::default();
        imports.insert(
            id.clone(),
            Gathered {
                by,
                touched: now,
                staged,
            },
        );
        Ok(id)
    }

    /// Judges rows, in their order, and keeps those that are right, unless only to look. Owners of tokens come before their tokens. An
    /// import whose rows could not be kept, for want of time, is gone: nothing half gathered is ever made. `unreadable` rows had not even the
    /// form of one, and count as wrong.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn gather_rows(
        &self,
        actor: Actor,
        import: &str,
        (rows, unreadable): (Vec<ImportRow>, u64),
        only_look: bool,
        deadline: Instant,
    ) -> Result<Vec<RowVerdict>, AdminError> {
        let staged = self.find_import(actor, import)?;
        let mut staged = staged.try_lock().map_err(|_| AdminError::Conflict)?;
        if staged.committing {
            return Err(AdminError::Conflict);
        }
        // Those that are only looked at as well: what is known of them takes room too, and a look says what the import will come to.
        staged.seen += rows.len();
        if staged.seen > limits::IMPORT_ROWS {
            let hint = "import the file in parts";
            return Err(AdminError::field("rows", "are more than a node holds", hint));
        }
        staged.standing.wrong += unreadable;
        let state = self.state();
        let mut verdicts = Vec::with_capacity(rows.len());
        for row in rows {
            let verdict = self.judge_row(actor, &state, &mut staged.judged, &row);
            staged.standing.count(&verdict, &row);
            if verdict == RowVerdict::New && !only_look {
                match self.plan_row(&staged.judged, row, deadline).await {
                    Ok(planned) => staged.rows.push_back(planned),
                    Err(error) => {
                        self.imports.0.lock().remove(import);
                        return Err(error);
                    }
                }
            }
            verdicts.push(verdict);
        }
        staged.standing.waiting = staged.rows.len() as u64;
        Ok(verdicts)
    }

    /// How an import stands.
    ///
    /// # Errors
    /// [`AdminError::NotFound`]; [`AdminError::Conflict`] while it is worked on.
    pub fn import_standing(&self, actor: Actor, import: &str) -> Result<ImportStanding, AdminError> {
        let staged = self.find_import(actor, import)?;
        let standing = staged.try_lock().map(|staged| staged.standing.clone());
        standing.map_err(|_| AdminError::Conflict)
    }

    /// Forgets an import. What was made of it stays.
    ///
    /// # Errors
    /// [`AdminError::NotFound`].
    pub fn drop_import(&self, actor: Actor, import: &str) -> Result<(), AdminError> {
        self.find_import(actor, import)?;
        self.imports.0.lock().remove(import);
        Ok(())
    }

    /// An import of this actor; somebody else's is as one that is not there.
    fn find_import(&self, actor: Actor, import: &str) -> Result<Arc<tokio::sync::Mutex<Staged>>, AdminError> {
        let by = who(actor)?;
        let mut imports = self.imports.0.lock();
        let now = Instant::now();
        imports.retain(|_, import| now < import.touched + limits::IMPORT_LIFETIME);
        let found = imports.get_mut(import).filter(|found| found.by == by);
        let found = found.ok_or(AdminError::NotFound { what: "import" })?;
        found.touched = now;
        Ok(Arc::clone(&found.staged))
    }
}

fn who(actor: Actor) -> Result<Who, AdminError> {
    match actor {
        Actor::Root { .. } => Ok(Who::Root),
        Actor::ApiToken { id, .. } => Ok(Who::ApiToken(id)),
        Actor::Directory { .. } | Actor::Owner { .. } => Err(AdminError::NotAllowed),
    }
}

impl ImportStanding {
    fn count(&mut self, verdict: &RowVerdict, row: &ImportRow) {
        match (verdict, row) {
            (RowVerdict::New, _) => (),
            (RowVerdict::There, ImportRow::User(_)) => self.users_there += 1,
            (RowVerdict::There, ImportRow::Token(_)) => self.tokens_there += 1,
            (RowVerdict::Wrong(_), _) => self.wrong += 1,
        }
    }
}
