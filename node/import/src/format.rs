//! The formats, by the names that a command line knows them by.

use std::{fmt, str::FromStr};

use serde::Serialize;

/// A format that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// CSV with a header, one user per row, perhaps with a token.
    UsersCsv,
    /// People (and their groups) of a directory (RFC 2849).
    Ldif,
    /// `pi-tokenjanitor find export --format csv`.
    PrivacyideaCsv,
    /// `pi-tokenjanitor find export --format pi`: JSON inside a Fernet envelope.
    PrivacyideaExport,
    /// The tables `token`, `tokenowner` and `tokeninfo`, as a dump or as CSV.
    PrivacyideaTables,
    /// `radcheck` and `radusergroup`, as CSV or as a dump.
    Freeradius,
    /// Portable Symmetric Key Container (RFC 6030).
    Pskc,
    /// Serial, secret, type, digits, period or counter.
    OathCsv,
    /// What YubiKey tools write, in both of their layouts.
    YubicoCsv,
    /// `otpauth://` and `otpauth-migration://` URIs, one per line.
    Otpauth,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 10] = [
        Format::UsersCsv,
        Format::Ldif,
        Format::PrivacyideaCsv,
        Format::PrivacyideaExport,
        Format::PrivacyideaTables,
        Format::Freeradius,
        Format::Pskc,
        Format::OathCsv,
        Format::YubicoCsv,
        Format::Otpauth,
    ];

    /// The name on a command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::UsersCsv => "users-csv",
            Format::Ldif => "ldif",
            Format::PrivacyideaCsv => "privacyidea-csv",
            Format::PrivacyideaExport => "privacyidea-export",
            Format::PrivacyideaTables => "privacyidea-tables",
            Format::Freeradius => "freeradius",
            Format::Pskc => "pskc",
            Format::OathCsv => "oath-csv",
            Format::YubicoCsv => "yubico-csv",
            Format::Otpauth => "otpauth",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name())
    }
}

/// Not the name of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no such format; there are users-csv, ldif, privacyidea-csv, privacyidea-export, privacyidea-tables, freeradius, pskc, oath-csv, yubico-csv, otpauth"
)]
pub struct NoSuchFormat;

impl FromStr for Format {
    type Err = NoSuchFormat;

    fn from_str(name: &str) -> Result<Self, NoSuchFormat> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or(NoSuchFormat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_one_name_everywhere() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
            assert_eq!(serde_json::to_value(format).unwrap(), format.name());
            assert!(NoSuchFormat.to_string().contains(format.name()));
        }
        assert_eq!("csv".parse::<Format>(), Err(NoSuchFormat));
    }
}
