//! What is wrong with a definition: each error with its place, its problem and its mend.

use std::fmt;

use crate::Position;

/// Everything that is wrong with a definition, in the order of the file.
///
/// Wrong shapes (an unknown field, a text where a number belongs) are reported one at a time, because nothing behind
/// them can be trusted; wrong values are reported all together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DefinitionErrors {
    file_name: String,
    errors: Vec<DefinitionError>,
}

/// One thing that is wrong with a definition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DefinitionError {
    /// Where it stands.
    pub at: Position,
    /// What it is about, such as `plans.standard.throttle.rate`; empty where only the place is known.
    pub path: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub mend: String,
    excerpt: Excerpt,
}

/// What is shown of the line.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Excerpt {
    /// The line up to the error's end, once it is known: what stands behind it may be a secret in the wrong file.
    UpToError(String),
    /// Nothing: the error itself may be one.
    Nothing,
}

impl DefinitionError {
    pub(crate) fn new(at: Position, path: impl Into<String>, problem: String, mend: String) -> Self {
        // Names in it are what somebody wrote: no part of them may end the line or speak to the terminal.
        let path = path.into().chars().map(plain).collect();
        Self { at, path, problem, mend, excerpt: Excerpt::UpToError(String::new()) }
    }

    /// The same without the line.
    pub(crate) fn unshown(self) -> Self {
        Self { excerpt: Excerpt::Nothing, ..self }
    }
}

impl DefinitionErrors {
    pub(crate) fn new(file_name: &str, text: &str, mut errors: Vec<DefinitionError>) -> Self {
        for error in &mut errors {
            if let Excerpt::UpToError(line) = &mut error.excerpt {
                *line = up_to_error(text, error.at);
            }
        }
        errors.sort_by_key(|error| error.at);
        Self { file_name: file_name.into(), errors }
    }

    /// Each error by itself.
    pub fn iter(&self) -> impl Iterator<Item = &DefinitionError> {
        self.errors.iter()
    }
}

impl std::error::Error for DefinitionErrors {}

impl fmt::Display for DefinitionErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            error.show(&self.file_name, f)?;
        }
        Ok(())
    }
}

impl DefinitionError {
    fn show(&self, file_name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column, length } = self.at;
        write!(f, "{file_name}:{line}:{column}: ")?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        writeln!(f, "{}", self.problem)?;
        let gutter = " ".repeat(line.to_string().len());
        if let Excerpt::UpToError(excerpt) = &self.excerpt
            && !excerpt.is_empty()
        {
            let under = excerpt.chars().count().saturating_sub(column - 1);
            let marks = "^".repeat(if length == 0 { under } else { length.min(under) }.max(1));
            writeln!(f, "{gutter} |\n{line} | {excerpt}")?;
            writeln!(f, "{gutter} | {}{marks}", " ".repeat(column - 1))?;
        }
        write!(f, "{gutter} = {}", self.mend)
    }
}

/// The line of `at` up to the end of what stands there; where that is not known, up to the end of the word.
fn up_to_error(text: &str, at: Position) -> String {
    if at == Position::START {
        return String::new();
    }
    let line = text.lines().nth(at.line - 1).unwrap_or_default();
    let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
    let length = match at.length {
        0 => line.chars().skip(at.column - 1).take_while(is_word).count().max(1),
        known => known,
    };
    let excerpt: String = line.chars().take((at.column - 1).saturating_add(length)).map(plain).collect();
    // Far to the right, or on a line that was made to be long, only the place is shown.
    if excerpt.trim().is_empty() || excerpt.chars().count() > WIDEST { String::new() } else { excerpt }
}

/// A tab is one column wide here, and a control character could play tricks with a terminal.
fn plain(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

/// A text of the file as it is shown in a message: in backticks, on one line, not endless.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars();
        let start: String = characters.by_ref().take(64).map(plain).collect();
        write!(f, "`{start}{}`", if characters.next().is_some() { "…" } else { "" })
    }
}

const WIDEST: usize = 160;
