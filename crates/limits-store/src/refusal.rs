//! Why a store cannot be opened: what is wrong, where, and what mends it.
//!
//! No refusal has changed the file. The file is named as the system resolved it, so that whoever reads the message can
//! go there.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it, or this one does already.
    #[error(
        "the limit store `{}` is in use by another process; stop that one, for a store has one process at a time",
        .path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A directory, a link, a device.
    #[error("the limit store `{}` is {what}, and must be a file itself; move it away", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// Others could read or change it.
    #[error(
        "the limit store `{}` is open to other users (mode {mode:03o}), who could change what is counted in it; run \
         `chmod 600` on it if nobody has",
        .path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A file of no bytes.
    #[error(
        "the limit store `{}` is empty, which this program never leaves behind; {}",
        .path.display(), restore(.path)
    )]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Something else altogether.
    #[error(
        "`{}` is not an SQLite database, and is left as it is; {}",
        .path.display(), begin_anew(.path)
    )]
    NotSqlite {
        /// The file.
        path: PathBuf,
    },
    /// A database of another program.
    #[error(
        "`{}` is an SQLite database of another program (application id {found}), and is left as it is; {}",
        .path.display(), begin_anew(.path)
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Whose it says it is.
        found: i32,
    },
    /// A later version of this program has written it.
    #[error(
        "the limit store `{}` has version {found}, and this program knows versions up to {known}; run a newer one, or {}",
        .path.display(), begin_anew(.path)
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of the file.
        found: u32,
        /// The last version that is known.
        known: u32,
    },
    /// What it says cannot be true.
    #[error("the limit store `{}` is damaged; {}", .path.display(), restore(.path))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        #[source]
        source: Damage,
    },
    /// Half a store.
    #[error(
        "`{}` belongs to a limit store `{}` that is not there; put that back, or move this away to begin with unused \
         limits",
        .orphan.display(),
        .path.display()
    )]
    Orphan {
        /// The file that is missing.
        path: PathBuf,
        /// What is there of it.
        orphan: PathBuf,
    },
    /// The file system does not let it be looked at or made.
    #[error(
        "the limit store `{}` cannot be reached; see to it that its directory is there and may be written to",
        .path.display()
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// `SQLite` cannot read or write it.
    #[error(
        "the limit store `{}` cannot be opened; see to it that this program may read and write it, and that there is \
         room on the disk",
        .path.display()
    )]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What `SQLite` says.
        #[source]
        source: rusqlite::Error,
    },
}

/// What is wrong with a file that is ours and damaged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// `SQLite` found it. The error is no further cause: it would say the same again, by number.
    #[error("SQLite says: {}", in_words(.0))]
    Sqlite(rusqlite::Error),
    /// `SQLite`'s own check found it, after a process had died.
    #[error("the check after an unclean stop says: {0}")]
    Check(String),
    /// The database is sound, and what it says is not.
    #[error("{0}")]
    Content(String),
}

impl From<rusqlite::Error> for Damage {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::QueryReturnedNoRows => {
                Self::Content("a row is missing that every limit store has".to_owned())
            }
            error => Self::Sqlite(error),
        }
    }
}

impl OpenError {
    /// What `error` means for the file at `path`.
    pub(crate) fn sqlite(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse { path },
            Some(ErrorCode::NotADatabase) => Self::NotSqlite { path },
            // What is no error of SQLite's is a value of the wrong kind or range. A statement that cannot be understood (its
            // unknown error) is about a table or a column that is not there, and one that a constraint or a type forbids
            // about a row that cannot be.
            None
            | Some(
                ErrorCode::DatabaseCorrupt
                | ErrorCode::Unknown
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch,
            ) => Self::Damaged { path, source: error.into() },
            Some(_) => Self::Sqlite { path, source: error },
        }
    }

    /// What `damage`, found while the file was read, means for the file at `path`.
    pub(crate) fn content(path: &Path, damage: Damage) -> Self {
        match damage {
            Damage::Sqlite(error) => Self::sqlite(path, error),
            source => Self::Damaged { path: path.to_owned(), source },
        }
    }

    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

/// How to go on with another file in place of the one at `path`.
fn restore(path: &Path) -> String {
    let away = begin_anew(path);
    format!("put back a copy, which knows nothing of what was used since, or {away}")
}

/// How to go on without the file at `path`.
fn begin_anew(path: &Path) -> String {
    let log = beside(path, "-wal");
    format!("move it and `{}` away to begin with unused limits", log.display())
}

/// What `SQLite` says, without its numbers and the statement.
fn in_words(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(words)) => words.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

/// The path of a file that `SQLite` keeps beside `path`.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
