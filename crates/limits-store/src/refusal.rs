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
        "the limit store `{}` is in use by another process; stop that one, or give each a file of its own",
        .path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A directory, a link, a device.
    #[error("the limit store `{}` is {what}, and must be a file itself; name another path", .path.display())]
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
        "the limit store `{}` is empty, which this program never leaves behind; restore it from a copy, or remove it \
         to begin with unused limits",
        .path.display()
    )]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Something else altogether.
    #[error("`{}` is not an SQLite database, and is left as it is; name another path", .path.display())]
    NotSqlite {
        /// The file.
        path: PathBuf,
    },
    /// A database of another program.
    #[error(
        "`{}` is an SQLite database of another program (application id {found}), and is left as it is; name another path",
        .path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Whose it says it is.
        found: i32,
    },
    /// A later version of this program has written it.
    #[error(
        "the limit store `{}` has version {found}, and this program knows versions up to {known}; run a newer one, or \
         name another path",
        .path.display()
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
    #[error(
        "the limit store `{}` is damaged; restore it from a copy, or move it and `{}` away to begin with unused limits",
        .path.display(),
        beside(.path, "-wal").display()
    )]
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
    #[error("the limit store `{}` cannot be reached", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// `SQLite` cannot read or write it.
    #[error("the limit store `{}` cannot be opened", .path.display())]
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
    /// `SQLite` found it.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// `SQLite`'s own check found it, after a process had died.
    #[error("the check after an unclean stop says: {0}")]
    Check(String),
    /// The database is sound, and what it says is not.
    #[error("{0}")]
    Content(String),
}

impl OpenError {
    /// What `error` means for the file at `path`.
    pub(crate) fn sqlite(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse { path },
            Some(ErrorCode::NotADatabase) => Self::NotSqlite { path },
            // What is no error of SQLite's is a value of the wrong kind or range.
            Some(ErrorCode::DatabaseCorrupt) | None => Self::Damaged { path, source: Damage::Sqlite(error) },
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

/// The path of a file that `SQLite` keeps beside `path`.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
