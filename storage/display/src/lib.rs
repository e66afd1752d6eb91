//! The two helpers that raft-log formats its log lines with.
//!
//! The original can also format points in time, in every zone of the world; that doubled the number of crates below the log and took
//! longer to build than any other part of it. Nothing here is called but for debug output.
#![forbid(unsafe_code)]

use std::fmt::{self, Debug, Display, Formatter};

/// Shows an option's value, or `None`.
pub trait DisplayOptionExt<'a, T> {
    /// The option, ready to be shown.
    fn display(&'a self) -> OptionText<'a, T>;
}

impl<'a, T: Display> DisplayOptionExt<'a, T> for Option<T> {
    fn display(&'a self) -> OptionText<'a, T> {
        OptionText(self.as_ref())
    }
}

/// Shows an option's value by its `Debug`, or `None`.
pub trait DisplayDebugOptionExt<'a, T> {
    /// The option, ready to be shown.
    fn display_debug(&'a self) -> OptionDebugText<'a, T>;
}

impl<'a, T: Debug> DisplayDebugOptionExt<'a, T> for Option<T> {
    fn display_debug(&'a self) -> OptionDebugText<'a, T> {
        OptionDebugText(self.as_ref())
    }
}

/// See [`DisplayOptionExt`].
#[derive(Debug)]
pub struct OptionText<'a, T>(Option<&'a T>);

impl<T: Display> Display for OptionText<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("None"),
        }
    }
}

/// See [`DisplayDebugOptionExt`].
#[derive(Debug)]
pub struct OptionDebugText<'a, T>(Option<&'a T>);

impl<T: Debug> Display for OptionDebugText<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("None"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_or_none() {
        assert_eq!(Some(7).display().to_string(), "7");
        assert_eq!(None::<u8>.display().to_string(), "None");
        assert_eq!(Some("a").display_debug().to_string(), "\"a\"");
        assert_eq!(None::<&str>.display_debug().to_string(), "None");
    }
}
