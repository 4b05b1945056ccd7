//! Where something stands in the file.

use std::collections::BTreeMap;

use serde_saphyr::Location;

/// A place in the file; lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// How many characters stand there; 0 if that is not known.
    pub length: usize,
}

impl Position {
    /// The beginning of the file.
    pub(crate) const START: Self = Self { line: 1, column: 1, length: 0 };
}

impl From<Location> for Position {
    fn from(location: Location) -> Self {
        let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        Self {
            line: number(location.line()).max(1),
            column: number(location.column()).max(1),
            length: usize::try_from(location.span().len()).unwrap_or(0),
        }
    }
}

/// Where each part of a definition stands, by its path, such as `plans.standard.throttle`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Positions(BTreeMap<String, Position>);

impl Positions {
    pub(crate) fn insert(&mut self, path: impl Into<String>, position: Position) {
        self.0.insert(path.into(), position);
    }

    /// The position of `path`, or of the nearest part around it that stands in the file.
    pub(crate) fn nearest(&self, path: &str) -> Option<Position> {
        let mut path = path;
        loop {
            if let Some(position) = self.0.get(path) {
                return Some(*position);
            }
            (path, _) = path.rsplit_once('.')?;
        }
    }
}
