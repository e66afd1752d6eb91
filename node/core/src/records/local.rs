use minicbor::{Decode, Encode};

/// What administrators say of a user beside what a directory says, whose user it may be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct Local {
    /// Names of groups, sorted; they count like those of the directory.
    #[n(0)]
    pub groups: Box<[Box<str>]>,
    /// Until when the user may do without a token where an application lets such users in, in ms since 1970; none for as long as
    /// the application does.
    #[n(1)]
    pub enrol_by_ms: Option<u64>,
    /// In which language messages are written, as [`crate::names::language`] writes it; empty for none. It counts where no directory says one.
    #[n(2)]
    pub language: Box<str>,
}
