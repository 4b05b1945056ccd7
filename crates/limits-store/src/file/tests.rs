use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::fixture::{NOON, Place, daily, define};
use crate::{Settings, Sqlite};

fn refused(path: &Path) -> OpenError {
    Sqlite::open(path, Settings::default(), NOON).unwrap_err()
}

/// The refusal of the file at the usual place, which must be the same file after it as before.
fn refused_untouched(place: &Place) -> OpenError {
    let everything = || place.names().into_iter().map(|name| (fs::read(place.beside(&name)).unwrap(), name));
    let before: Vec<_> = everything().collect();
    let error = refused(&place.path());
    assert_eq!(everything().collect::<Vec<_>>(), before, "{error}");
    let said = error.to_string();
    assert!(said.contains(place.path().to_str().unwrap()), "{said}");
    assert!(said.contains(';') || said.contains("run "), "no way to mend it: {said}");
    error
}

fn write(place: &Place, bytes: &[u8]) {
    fs::write(place.path(), bytes).unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o600)).unwrap();
}

/// A store that was closed, with a limit in it.
fn stored() -> Place {
    let place = Place::new();
    define(&place.open(NOON), "quota", daily(9), NOON);
    place
}

fn change(place: &Place, sql: &str) {
    Connection::open(place.path()).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_new_store_is_one_file_that_nobody_else_may_read() {
    let place = Place::new();
    let store = place.open(NOON);
    for name in place.names() {
        let mode = fs::metadata(place.beside(&name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
    assert_eq!(place.names(), ["limits.db", "limits.db-wal"]);
    drop(store);
    assert_eq!(place.names(), ["limits.db"]);
}

#[test]
fn a_file_is_written_ahead_and_synced() {
    let place = Place::new();
    let (_, connection) = open(&place.path()).unwrap();
    let text = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, String>(0)).unwrap();
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((text("journal_mode"), text("locking_mode")), ("wal".into(), "exclusive".into()));
    assert_eq!((number("synchronous"), number("busy_timeout")), (2, 0));
}

#[test]
fn a_store_is_not_opened_twice() {
    let place = Place::new();
    let store = place.open(NOON);
    for _ in 0..2 {
        let error = refused(&place.path());
        assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
        assert!(error.to_string().contains("in use by another process"), "{error}");
    }
    store.close(NOON).unwrap();
    assert!(Sqlite::open(&place.path(), Settings::default(), NOON).is_ok());
}

#[test]
fn what_is_not_sqlite_is_refused() {
    let place = Place::new();
    for bytes in [
        b"x".as_slice(),
        &[0; 4096],
        b"limits: { rate: 3 }, and more than a hundred bytes of it".repeat(9).as_slice(),
    ] {
        write(&place, bytes);
        let error = refused_untouched(&place);
        assert!(matches!(error, OpenError::NotSqlite { .. }), "{error:?}");
    }
}

#[test]
fn an_empty_file_is_refused() {
    let place = Place::new();
    write(&place, b"");
    assert!(matches!(refused_untouched(&place), OpenError::Empty { .. }));
}

#[test]
fn the_database_of_another_program_is_refused() {
    for mode in ["wal", "delete"] {
        let place = Place::new();
        write(&place, b"");
        change(
            &place,
            &format!("PRAGMA journal_mode = {mode}; CREATE TABLE theirs (x); PRAGMA application_id = 42"),
        );
        let error = refused_untouched(&place);
        assert!(matches!(error, OpenError::Foreign { found: 42, .. }), "{error:?}");
    }
}

#[test]
fn the_log_of_another_program_is_not_written_back() {
    let place = Place::new();
    write(&place, b"");
    change(&place, "PRAGMA application_id = 42; CREATE TABLE theirs (x)");
    let theirs = Connection::open(place.path()).unwrap();
    theirs.execute_batch("PRAGMA journal_mode = WAL; INSERT INTO theirs VALUES (1)").unwrap();
    // As if it had died: its log is there, and nobody holds it.
    for name in ["limits.db", "limits.db-wal"] {
        fs::copy(place.beside(name), place.beside(&name.replace("limits", "copy"))).unwrap();
    }
    let before = fs::read(place.beside("copy.db-wal")).unwrap();
    assert!(!before.is_empty());
    fs::set_permissions(place.beside("copy.db"), fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(refused(&place.beside("copy.db")), OpenError::Foreign { .. }));
    assert_eq!(fs::read(place.beside("copy.db-wal")).unwrap(), before);
}

#[test]
fn a_later_version_is_refused() {
    let place = stored();
    change(&place, "PRAGMA user_version = 99");
    let error = refused_untouched(&place);
    assert!(matches!(error, OpenError::Newer { found: 99, known: schema::LATEST, .. }), "{error:?}");
    assert!(error.to_string().contains("version 99"), "{error}");
}

#[test]
fn a_damaged_file_is_refused() {
    let place = stored();
    let sound = fs::read(place.path()).unwrap();
    // Cut off in the middle, and with a page of nothing.
    let cut = sound[..sound.len() / 2].to_vec();
    let mut torn = sound.clone();
    torn[4096..].fill(0x5a);
    for bytes in [cut, torn] {
        write(&place, &bytes);
        let error = refused(&place.path());
        assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
        assert!(error.to_string().contains("put back a copy"), "{error}");
        assert_eq!(fs::read(place.path()).unwrap(), bytes);
        let _if_there = fs::remove_file(place.beside("limits.db-wal"));
    }
    write(&place, &sound);
    place.open(NOON).close(NOON).unwrap();
}

#[test]
fn content_that_cannot_be_is_damage() {
    for sql in [
        "UPDATE limits SET name = 'two words'",
        "DELETE FROM quotas",
        "DELETE FROM run",
        "UPDATE quotas SET shift = 300",
        "UPDATE quotas SET period = 'day', shift = 3",
        "INSERT INTO eras VALUES (1, 0, 1, 1, 0, 0)",
        "DROP TABLE run",
        "DROP TABLE usage",
        "DROP TABLE levels",
        "ALTER TABLE usage DROP COLUMN remaining",
        "DELETE FROM quotas; INSERT INTO eras VALUES (1, 0, 1, 4294967295, 0, 0)",
        "DELETE FROM quotas; INSERT INTO eras VALUES (1, 0, -1, 1, 0, 0)",
    ] {
        let place = stored();
        change(&place, sql);
        let error = refused(&place.path());
        assert!(matches!(error, OpenError::Damaged { .. }), "{sql}: {error:?}");
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[test]
fn damage_is_said_once_and_in_words() {
    for (sql, words) in [
        ("DROP TABLE reservations", "no such table: reservations"),
        ("ALTER TABLE usage DROP COLUMN remaining", "no such column: remaining"),
        ("DELETE FROM run", "a row is missing that every limit store has"),
    ] {
        let place = stored();
        change(&place, sql);
        let error = refused(&place.path());
        let mend = format!("move it and `{}` away", place.beside("limits.db-wal").display());
        assert!(error.to_string().contains(&mend), "{error}");
        let said = crate::chain(&error);
        assert!(
            said.ends_with(&format!(": SQLite says: {words}")) || said.ends_with(&format!(": {words}")),
            "{said}"
        );
        assert_eq!(said.matches(words).count(), 1, "{said}");
        assert!(!said.contains("SELECT") && !said.contains("Error code"), "{said}");
    }
}

#[test]
fn after_an_unclean_stop_everything_is_looked_at() {
    let place = stored();
    // Taking it over shows nothing wrong: it is too old to concern anybody.
    let impossible = "PRAGMA ignore_check_constraints = ON; INSERT INTO extras VALUES (1, 7, -5, 1)";
    change(&place, &format!("{impossible}; UPDATE run SET stopped = NULL"));
    let error = refused(&place.path());
    assert!(matches!(error, OpenError::Damaged { source: crate::Damage::Check(_), .. }), "{error:?}");
    assert!(
        crate::chain(&error).contains("the check after an unclean stop says"),
        "{}",
        crate::chain(&error)
    );
}

#[test]
fn half_a_store_is_refused() {
    for part in ["-wal", "-journal"] {
        let place = Place::new();
        fs::write(place.beside(&format!("limits.db{part}")), b"").unwrap();
        let error = refused_untouched(&place);
        assert!(matches!(error, OpenError::Orphan { .. }), "{error:?}");
        assert!(error.to_string().contains(&format!("limits.db{part}")), "{error}");
    }
}

#[test]
fn what_is_no_file_is_refused() {
    let place = stored();
    fs::create_dir(place.beside("directory")).unwrap();
    symlink(place.path(), place.beside("link")).unwrap();
    symlink(place.beside("nothing"), place.beside("broken")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(place.beside("socket")).unwrap();
    for (name, what) in [
        ("directory", "a directory"),
        ("link", "a link"),
        ("broken", "a link"),
        ("socket", "a device"),
        ("..", "a directory"),
    ] {
        let error = refused(&place.beside(name)).to_string();
        assert!(error.contains(what) && error.contains("move it away"), "{name}: {error}");
    }
    assert!(!place.beside("nothing").exists());
}

#[test]
fn a_file_that_others_may_read_or_write_is_refused() {
    for mode in [0o640, 0o604, 0o620, 0o601] {
        let place = stored();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(mode)).unwrap();
        let error = refused_untouched(&place).to_string();
        assert!(error.contains(&format!("mode {mode:03o}")) && error.contains("chmod 600"), "{error}");
    }
}

#[test]
fn a_directory_that_is_not_there_is_not_made() {
    let place = Place::new();
    let error = refused(&place.beside("nowhere/limits.db"));
    assert!(matches!(error, OpenError::Io { .. }), "{error:?}");
    assert!(place.names().is_empty());
}

#[test]
fn any_path_will_do() {
    let place = Place::new();
    fs::create_dir(place.beside("a b")).unwrap();
    symlink(place.beside("a b"), place.beside("link")).unwrap();
    for name in ["a b/limits?mode=memory.db", "link/100%#.db", "link/ü.db"] {
        for _ in 0..2 {
            let store = Sqlite::open(&place.beside(name), Settings::default(), NOON).unwrap();
            store.close(NOON).unwrap();
        }
        assert!(place.beside(name).is_file(), "{name}");
    }
}

#[test]
fn what_a_maker_that_died_has_left_behind_is_in_nobodys_way() {
    let place = Place::new();
    let left = beside(&place.path(), &format!(".{}.0.new", std::process::id()));
    fs::write(&left, b"half").unwrap();
    place.open(NOON).close(NOON).unwrap();
    assert_eq!(fs::read(&left).unwrap(), b"half");
    assert_eq!(place.names().len(), 2);
}

#[test]
fn a_store_that_another_made_first_is_not_replaced() {
    let place = stored();
    let before = fs::read(place.path()).unwrap();
    create(&place.path()).unwrap();
    assert_eq!(fs::read(place.path()).unwrap(), before);
    assert_eq!(place.names(), ["limits.db"]);
}
