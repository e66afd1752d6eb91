//! The way in: a file's bytes, some options, and an import or its report.

use std::ops::RangeInclusive;

use zeroize::Zeroizing;

use crate::{
    detect::detect,
    error::ImportError,
    format::Format,
    freeradius,
    intake::Intake,
    ldif, limits,
    model::{ImportedToken, ImportedUser},
    oath_csv, otpauth, privacyidea, pskc,
    report::Report,
    text::without_mark,
    users_csv, yubico_csv,
};

/// What the file itself does not say.
pub struct Options {
    /// The format; told from the content when it is not given.
    pub format: Option<Format>,
    /// The content of a key file: what is in it (a key in hexadecimal, in base 64 or as bytes, or a password) depends on
    /// what the format asks for.
    pub key_file: Option<Zeroizing<Vec<u8>>>,
    /// Bytes that a token's secret may have.
    pub secret_bytes: RangeInclusive<usize>,
    /// Seconds since 1970, to note which tokens have expired. Without it nothing is said of that.
    pub now_s: Option<i64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            format: None,
            key_file: None,
            secret_bytes: limits::SECRET_BYTES,
            now_s: None,
        }
    }
}

/// What a file gives.
pub struct Import {
    /// Users, in the file's order.
    pub users: Vec<ImportedUser>,
    /// Tokens, in the file's order; one that belongs to a user of the same file names its owner.
    pub tokens: Vec<ImportedToken>,
    /// For each user, the row (from 1) in which the file has it first.
    pub user_rows: Vec<u64>,
    /// The same for each token.
    pub token_rows: Vec<u64>,
    /// What became of every row.
    pub report: Report,
}

/// Reads a file.
///
/// # Errors
/// [`ImportError`] when the file as a whole cannot be read. Wrong rows are no error: they stand in the report.
pub fn read(input: &[u8], options: &Options) -> Result<Import, ImportError> {
    read_into(input, options, true)
}

/// Reads a file and keeps nothing but the report: the same that [`read`] gives.
///
/// # Errors
/// As [`read`].
pub fn dry_run(input: &[u8], options: &Options) -> Result<Report, ImportError> {
    Ok(read_into(input, options, false)?.report)
}

fn read_into(input: &[u8], options: &Options, keep: bool) -> Result<Import, ImportError> {
    if input.len() > limits::INPUT_BYTES {
        return Err(ImportError::TooLarge);
    }
    let input = without_mark(input)?;
    let format = match options.format {
        Some(format) => format,
        None => detect(input).ok_or(ImportError::UnknownFormat)?,
    };
    let mut intake = Intake::new(format, options, keep);
    match format {
        Format::UsersCsv => users_csv::read(input, &mut intake)?,
        Format::Ldif => ldif::read(input, &mut intake)?,
        Format::PrivacyideaCsv => privacyidea::read_csv(input, &mut intake)?,
        Format::PrivacyideaExport => privacyidea::read_export(input, &mut intake)?,
        Format::PrivacyideaTables => privacyidea::read_tables(input, &mut intake)?,
        Format::Freeradius => freeradius::read(input, &mut intake)?,
        Format::Pskc => pskc::read(input, &mut intake)?,
        Format::OathCsv => oath_csv::read(input, &mut intake)?,
        Format::YubicoCsv => yubico_csv::read(input, &mut intake)?,
        Format::Otpauth => otpauth::read(input, &mut intake)?,
    }
    Ok(intake.finish())
}
