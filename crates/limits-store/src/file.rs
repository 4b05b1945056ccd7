//! The file: made whole or not at all, held by one process, and refused if it is not ours.
//!
//! First on the way of opening; what is in the file is for `schema` and `rows`. Nothing here changes a file that is
//! then refused.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::refusal::{OpenError, beside};
use crate::schema;

/// Opens the file at `path`, and makes it if it is not there. Nobody else can open it until the connection is dropped.
pub(crate) fn open(path: &Path) -> Result<(PathBuf, Connection), OpenError> {
    let path = located(path)?;
    match fs::symlink_metadata(&path) {
        Ok(found) => check(&path, &found)?,
        Err(error) if error.kind() == ErrorKind::NotFound => create(&path)?,
        Err(error) => return Err(OpenError::io(&path, error)),
    }
    match probe(&path) {
        // The file of a program that is writing it right now may look like that.
        Err(OpenError::Damaged { .. }) if is_held(&path) => return Err(OpenError::InUse { path }),
        whose => whose?,
    }
    let connection = hold(&path).map_err(|error| OpenError::sqlite(&path, error))?;
    let version = schema::version(&connection).map_err(|error| OpenError::sqlite(&path, error))?;
    check_version(&path, version)?;
    Ok((path, connection))
}

/// The same path with a directory that has no links in it, so that `SQLite` can be told to follow none.
fn located(path: &Path) -> Result<PathBuf, OpenError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let directory = fs::canonicalize(directory).map_err(|error| OpenError::io(path, error))?;
    match path.file_name() {
        Some(name) => Ok(directory.join(name)),
        None => Err(OpenError::NotAFile { path: directory, what: "a directory" }),
    }
}

fn check(path: &Path, found: &fs::Metadata) -> Result<(), OpenError> {
    let kind = found.file_type();
    let what = match () {
        () if kind.is_symlink() => Some("a link"),
        () if kind.is_dir() => Some("a directory"),
        () if !kind.is_file() => Some("a device or a pipe"),
        () => None,
    };
    if let Some(what) = what {
        return Err(OpenError::NotAFile { path: path.to_owned(), what });
    }
    let mode = found.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(OpenError::Exposed { path: path.to_owned(), mode });
    }
    if found.len() == 0 {
        return Err(OpenError::Empty { path: path.to_owned() });
    }
    // `SQLite` takes a file without a whole header for a new database.
    if found.len() < HEADER {
        return Err(OpenError::NotSqlite { path: path.to_owned() });
    }
    Ok(())
}

/// Looks whose file it is without a lock and without recovering anything: a file that is not ours stays as it is.
///
/// `SQLite` does the reading. Closing a file that was opened past it would release the locks that this process holds on
/// the same file through it: POSIX says so.
fn probe(path: &Path) -> Result<(), OpenError> {
    let of_path = |error| OpenError::sqlite(path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(immutable_uri(path), flags | CAREFUL).map_err(of_path)?;
    let found = schema::application_id(&connection).map_err(of_path)?;
    if found != schema::APPLICATION_ID {
        return Err(OpenError::Foreign { path: path.to_owned(), found });
    }
    check_version(path, schema::version(&connection).map_err(of_path)?)
}

/// Whether another process holds the file, or this one.
fn is_held(path: &Path) -> bool {
    let held = hold(path).map_err(|error| OpenError::sqlite(path, error));
    matches!(held, Err(OpenError::InUse { .. }))
}

fn check_version(path: &Path, found: u32) -> Result<(), OpenError> {
    let known = schema::LATEST;
    if found > known { Err(OpenError::Newer { path: path.to_owned(), found, known }) } else { Ok(()) }
}

/// The path as a URI that promises `SQLite` that nobody writes the file meanwhile, so that it takes no lock.
fn immutable_uri(path: &Path) -> PathBuf {
    use std::fmt::Write as _;
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            // INVARIANT: a string takes whatever is written to it.
            let _infallible = write!(uri, "%{byte:02X}");
        }
    }
    uri.push_str("?immutable=1");
    uri.into()
}

/// Takes the file for this process alone, and sets how it is written.
fn hold(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | CAREFUL)?;
    // Whoever is refused leaves the write-ahead log to its owner. A clean stop turns this off again.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.execute_batch(HOLD)?;
    Ok(connection)
}

/// Makes a store without limits, under another name until it is complete and on disk.
fn create(path: &Path) -> Result<(), OpenError> {
    for orphan in ["-wal", "-journal"].map(|suffix| beside(path, suffix)) {
        if fs::symlink_metadata(&orphan).is_ok() {
            return Err(OpenError::Orphan { path: path.to_owned(), orphan });
        }
    }
    let making = make_beside(path).map_err(|error| OpenError::io(path, error))?;
    let made = fill(&making).map_err(|error| OpenError::sqlite(path, error)).and_then(|()| {
        // A link, because renaming would replace what another process may have made here in the meantime.
        let named =
            File::open(&making).and_then(|file| file.sync_all()).and_then(|()| fs::hard_link(&making, path));
        named.or_else(unless_there).map_err(|error| OpenError::io(path, error))
    });
    // The directory goes to disk below; what a crash leaves under the other name is in nobody's way.
    let removed = fs::remove_file(&making).map_err(|error| OpenError::io(&making, error));
    made.and(removed)?;
    let directory = path.parent().unwrap_or(Path::new("/"));
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| OpenError::io(path, error))
}

fn unless_there(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == ErrorKind::AlreadyExists { Ok(()) } else { Err(error) }
}

/// An empty file of this process beside `path`, which nobody else may read.
fn make_beside(path: &Path) -> std::io::Result<PathBuf> {
    let mut attempt = 0_u32;
    loop {
        // Of several processes that make the same store at a time each has a name of its own, and so has one that died.
        let making = beside(path, &format!(".{}.{attempt}.new", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&making) {
            Ok(_empty) => return Ok(making),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && attempt < MOST_LEFTOVERS => {
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

fn fill(path: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | CAREFUL)?;
    connection.execute_batch(HARDEN)?;
    schema::claim(&connection)?;
    schema::migrate(&connection, schema::STEPS)?;
    connection.close().map_err(|(_connection, error)| error)
}

/// Bytes that every database begins with.
const HEADER: u64 = 100;

const CAREFUL: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX.union(OpenFlags::SQLITE_OPEN_NOFOLLOW);

/// How every file is written: what is committed is on disk. (`fullfsync` is what that takes on macOS.)
const HARDEN: &str = "
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA checkpoint_fullfsync = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
";

/// An exclusive lock from the first access on: then `SQLite` keeps no index of its log in shared memory either. The empty
/// transaction takes it now rather than with the first request.
const HOLD: &str = "
    PRAGMA busy_timeout = 0;
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA checkpoint_fullfsync = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    BEGIN EXCLUSIVE;
    COMMIT;
";

/// Names that processes which died while they made a store may have left behind, before it is time to say so.
const MOST_LEFTOVERS: u32 = 100;

#[cfg(test)]
mod tests;
