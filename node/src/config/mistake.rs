//! What is wrong with a file, said so that the reader can put it right without the manual.

use std::{fmt, ops::Range, path::PathBuf};

/// One mistake: where, what, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// Line in the file, from 1; 0 when the mistake is that something is missing.
    pub line: usize,
    /// The setting as `section.key`; empty for a mistake of syntax.
    pub setting: String,
    /// What is wrong, as the rest of a sentence that begins with the setting.
    pub problem: String,
    /// What would be right.
    pub right: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "  (missing)  ")?,
            line => write!(f, "  {:<11}", format!("line {line}"))?,
        }
        if !self.setting.is_empty() {
            write!(f, "{}: ", self.setting)?;
        }
        write!(f, "{}\n             {}", self.problem, self.right)
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read the configuration file {}: {source}", file.display())]
    Unreadable {
        file: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{}", report(file, mistakes))]
    Mistakes { file: PathBuf, mistakes: Vec<Mistake> },
}

fn report(file: &std::path::Path, mistakes: &[Mistake]) -> String {
    let count = match mistakes.len() {
        1 => "1 mistake".to_owned(),
        n => format!("{n} mistakes"),
    };
    let list: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
    format!("{count} in {}\n{}", file.display(), list.join("\n"))
}

/// The mistakes found so far, and the text they were found in.
pub(super) struct Mistakes<'t> {
    text: &'t str,
    found: Vec<Mistake>,
}

impl<'t> Mistakes<'t> {
    pub(super) fn in_text(text: &'t str) -> Self {
        Mistakes {
            text,
            found: Vec::new(),
        }
    }

    /// Line of a byte position, from 1.
    pub(super) fn line_at(&self, position: usize) -> usize {
        let upto = position.min(self.text.len());
        1 + self.text.as_bytes()[..upto]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
    }

    pub(super) fn at(
        &mut self,
        span: Range<usize>,
        setting: impl Into<String>,
        problem: impl Into<String>,
        right: impl Into<String>,
    ) {
        let line = self.line_at(span.start);
        self.on_line(line, setting, problem, right);
    }

    pub(super) fn on_line(
        &mut self,
        line: usize,
        setting: impl Into<String>,
        problem: impl Into<String>,
        right: impl Into<String>,
    ) {
        self.found.push(Mistake {
            line,
            setting: setting.into(),
            problem: problem.into(),
            right: right.into(),
        });
    }

    /// The lines on which there is a mistake so far.
    pub(super) fn lines(&self) -> Vec<usize> {
        self.found.iter().map(|mistake| mistake.line).collect()
    }

    pub(super) fn forget(&mut self, unwanted: impl Fn(&Mistake) -> bool) {
        self.found.retain(|mistake| !unwanted(mistake));
    }

    /// In the order of the lines; what is missing comes last.
    pub(super) fn into_sorted(mut self) -> Vec<Mistake> {
        self.found.sort_by_key(|m| (m.line == 0, m.line, m.setting.clone()));
        self.found.dedup();
        self.found
    }
}
