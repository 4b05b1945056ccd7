//! The state directory: what is generated once and kept. Secrets lie here and nowhere else.
//!
//! The directory is 0700 and every file in it 0600; a directory that others own or may enter is refused, not repaired,
//! since what is in it may have been read already, or put there by them. Files are replaced whole: written beside, synced,
//! renamed. The directories above are not looked at: who may rename this one is for their owner to say.

mod api_keys;
mod embedded_pool;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use rustix::process::geteuid;
use zeroize::Zeroizing;

pub(crate) use api_keys::{ApiKeys, KeyEntry};
pub(crate) use embedded_pool::EmbeddedPool;

use crate::terminal::shell_word;

const PARTS: [&str; 5] = ["function", "keys", "logs", "tls", "user-pool"];

/// The state directory.
#[derive(Clone, Debug)]
pub(crate) struct State {
    root: PathBuf,
}

impl State {
    /// Opens the directory, and makes it if it is not there.
    pub(crate) fn open_or_create(root: &Path) -> anyhow::Result<Self> {
        let state = Self { root: root.to_owned() };
        make_dir(root)?;
        check_private(root)?;
        for part in PARTS {
            make_dir(&state.path(part))?;
            check_private(&state.path(part))?;
        }
        // Whoever commits the directory above does not commit secrets.
        if state.read(".gitignore")?.is_none() {
            state.write(".gitignore", b"*\n")?;
        }
        Ok(state)
    }

    /// Opens the directory, which must be there.
    pub(crate) fn open(root: &Path) -> anyhow::Result<Self> {
        if !root.is_dir() {
            bail!(
                "there is no state directory `{}`; run `token-broker up` or `token-broker init` first",
                root.display()
            );
        }
        let state = Self { root: root.to_owned() };
        check_private(root)?;
        for part in PARTS.map(|part| state.path(part)) {
            if fs::symlink_metadata(&part).is_ok() {
                check_private(&part)?;
            }
        }
        Ok(state)
    }

    /// The path of a file in the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Reads a file whole; `None` if it is not there. The bytes are wiped when dropped.
    pub(crate) fn read(&self, name: &str) -> anyhow::Result<Option<Zeroizing<Vec<u8>>>> {
        match fs::read(self.path(name)) {
            Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(error).with_context(|| format!("`{}` cannot be read", self.path(name).display()))
            }
        }
    }

    /// Writes a file whole, readable by nobody else. A crash leaves the old file or the new one, never half of it; a
    /// write that fails leaves the old one and nothing beside it.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.path(name);
        // Two processes may write one name at a time (`init` twice, say): each has its own file until it is renamed, and
        // the last one stays.
        let beside = self.path(&format!("{name}.{}.new", std::process::id()));
        let written = || -> std::io::Result<()> {
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&beside, &path)?;
            File::open(path.parent().unwrap_or(&self.root))?.sync_all()
        };
        written()
            .inspect_err(|_error| {
                // Half a secret helps nobody, and on a full disk it is in the way.
                let _gone_or_never_there = fs::remove_file(&beside);
            })
            .with_context(|| format!("`{}` cannot be written", path.display()))
    }

    /// Removes a file; it is fine if it is not there.
    pub(crate) fn remove(&self, name: &str) -> anyhow::Result<()> {
        match fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("`{}` cannot be removed", self.path(name).display()))
            }
            _ => Ok(()),
        }
    }

    /// Opens a file to append to, readable by nobody else.
    pub(crate) fn append(&self, name: &str) -> anyhow::Result<File> {
        open_append(&self.path(name))
    }

    /// Takes the lock of this name until it is dropped, or says that another process has it.
    pub(crate) fn try_lock(&self, name: &str) -> anyhow::Result<Option<File>> {
        let file = self.append(name)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error).context("the state directory cannot be locked"),
        }
    }

    /// Whether another process holds the lock of this name. Those who only ask do not get in each other's way.
    pub(crate) fn is_locked(&self, name: &str) -> anyhow::Result<bool> {
        match self.append(name)?.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(fs::TryLockError::WouldBlock) => Ok(true),
            Err(fs::TryLockError::Error(error)) => Err(error).context("the state directory cannot be locked"),
        }
    }

    /// Waits for the lock of this name, and holds it until it is dropped.
    pub(crate) fn lock(&self, name: &str) -> anyhow::Result<File> {
        let file = self.append(name)?;
        file.lock().context("the state directory cannot be locked")?;
        Ok(file)
    }
}

fn make_dir(path: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("the directory `{}` cannot be made", path.display()))
}

/// Refuses a directory that somebody else could look into or change: its files decide who is let in, and whoever owns a
/// directory, or a link to one, can put others in their place.
fn check_private(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    // Without a slash at the end, which would have a link followed.
    let itself: PathBuf = path.components().collect();
    let found = fs::symlink_metadata(itself).with_context(|| format!("`{shown}` cannot be read"))?;
    if !found.is_dir() {
        bail!(
            "`{shown}` is a link or a file, and must be a directory itself; \
             put the directory there, or name another state directory with --state"
        );
    }
    let (owner, user) = (found.uid(), geteuid().as_raw());
    if owner != user {
        bail!(
            "the directory `{shown}` belongs to another user (uid {owner}), who could put keys into it, and this \
             program runs as uid {user}; run it as uid {owner}, or name another state directory with --state"
        );
    }
    let mode = found.mode() & 0o777;
    if mode & 0o077 != 0 {
        let word = path.to_string_lossy();
        bail!(
            "the directory `{shown}` is open to other users (mode {mode:03o}) and holds secrets; \
             run `chmod 700 {}`, and replace its keys if others may have read them",
            shell_word(&word)
        );
    }
    Ok(())
}

/// Opens a file to append to, readable by nobody else.
pub(crate) fn open_append(path: &Path) -> anyhow::Result<File> {
    let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    opened.with_context(|| format!("`{}` cannot be opened", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn everything_in_it_is_private() {
        let parent = tempfile::tempdir().unwrap();
        let state = State::open_or_create(&parent.path().join("state")).unwrap();
        state.write("keys/billing", b"value").unwrap();
        drop(state.append("logs/access.log").unwrap());
        assert_eq!(mode(&state.root), 0o700);
        assert_eq!(mode(&state.path("keys")), 0o700);
        assert_eq!(mode(&state.path("keys/billing")), 0o600);
        assert_eq!(mode(&state.path("logs/access.log")), 0o600);
        assert_eq!(state.read("keys/billing").unwrap().unwrap().as_slice(), b"value");
    }

    #[test]
    fn directory_that_others_may_enter_is_refused_with_the_way_to_mend_it() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("state");
        drop(State::open_or_create(&root).unwrap());
        for mode in [0o755, 0o740, 0o720, 0o710, 0o704, 0o702, 0o701] {
            fs::set_permissions(&root, fs::Permissions::from_mode(mode)).unwrap();
            let error = State::open(&root).unwrap_err().to_string();
            assert!(error.contains(&format!("mode {mode:o}")) && error.contains("chmod 700"), "{error}");
            assert!(State::open_or_create(&root).is_err());
        }
    }

    #[test]
    fn part_that_others_may_enter_is_refused() {
        for part in PARTS {
            let parent = tempfile::tempdir().unwrap();
            let root = parent.path().join("my state");
            let path = State::open_or_create(&root).unwrap().path(part);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o701)).unwrap();
            let error = State::open(&root).unwrap_err().to_string();
            assert!(error.contains("mode 701"), "{error}");
            assert!(error.contains(&format!("`chmod 700 '{}'`", path.display())), "{error}");
            assert!(State::open_or_create(&root).is_err());
        }
    }

    #[test]
    fn link_to_a_directory_is_refused_wherever_it_points() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("state");
        drop(State::open_or_create(&root).unwrap());
        let link = parent.path().join("link");
        symlink(&root, &link).unwrap();
        for spelling in [link.clone(), link.join(""), link.join(".")] {
            let error = State::open(&spelling).unwrap_err().to_string();
            assert!(error.contains("is a link or a file") && error.contains("--state"), "{error}");
            assert!(State::open_or_create(&spelling).is_err());
        }
        for part in PARTS {
            let elsewhere = parent.path().join(part);
            fs::rename(root.join(part), &elsewhere).unwrap();
            symlink(&elsewhere, root.join(part)).unwrap();
            assert!(State::open(&root).is_err(), "{part}");
            assert!(State::open_or_create(&root).is_err(), "{part}");
            fs::remove_file(root.join(part)).unwrap();
            fs::rename(&elsewhere, root.join(part)).unwrap();
        }
        State::open(&root).unwrap();
    }

    /// Only root may give a directory away, so that only root can try this.
    #[test]
    fn directory_of_another_user_is_refused() {
        if !geteuid().is_root() {
            return;
        }
        for part in ["", "function", "keys", "logs", "user-pool"] {
            let parent = tempfile::tempdir().unwrap();
            let root = parent.path().join("state");
            let path = State::open_or_create(&root).unwrap().path(part);
            chown(&path, Some(65_534), None).unwrap();
            let error = State::open(&root).unwrap_err().to_string();
            assert!(error.contains("uid 65534") && error.contains("--state"), "{error}");
            assert!(State::open_or_create(&root).is_err(), "{part}");
        }
    }

    #[test]
    fn state_without_a_part_can_be_opened() {
        let parent = tempfile::tempdir().unwrap();
        let state = State::open_or_create(&parent.path().join("state")).unwrap();
        fs::remove_dir(state.path("logs")).unwrap();
        State::open(&state.root).unwrap();
    }

    #[test]
    fn write_that_fails_leaves_nothing_beside_it() {
        let parent = tempfile::tempdir().unwrap();
        let state = State::open_or_create(&parent.path().join("state")).unwrap();
        // What is written whole cannot take a directory's place.
        fs::create_dir(state.path("keys/a")).unwrap();
        assert!(state.write("keys/a", b"secret").unwrap_err().to_string().contains("keys/a"));
        assert_eq!(fs::read_dir(state.path("keys")).unwrap().count(), 1);
    }

    #[test]
    fn file_that_is_replaced_leaves_nothing_beside_it() {
        let parent = tempfile::tempdir().unwrap();
        let state = State::open_or_create(&parent.path().join("state")).unwrap();
        state.write("keys/a", b"1").unwrap();
        state.write("keys/a", b"2").unwrap();
        assert_eq!(state.read("keys/a").unwrap().unwrap().as_slice(), b"2");
        assert_eq!(fs::read_dir(state.path("keys")).unwrap().count(), 1);
        state.remove("keys/a").unwrap();
        state.remove("keys/a").unwrap();
        assert!(state.read("keys/a").unwrap().is_none());
    }

    #[test]
    fn lock_is_held_until_it_is_dropped() {
        let parent = tempfile::tempdir().unwrap();
        let state = State::open_or_create(&parent.path().join("state")).unwrap();
        let held = state.try_lock("lock").unwrap();
        assert!(held.is_some());
        assert!(state.try_lock("lock").unwrap().is_none());
        assert!(state.is_locked("lock").unwrap());
        drop(held);
        assert!(!state.is_locked("lock").unwrap());
        assert!(state.try_lock("lock").unwrap().is_some());
    }
}
