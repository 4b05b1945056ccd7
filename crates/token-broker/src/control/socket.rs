//! Where the control socket is: `control.sock` in the state directory, for its owner alone.
//!
//! The address of a Unix socket holds some hundred bytes, and a state directory may be deeper than that. Then the socket
//! is reached through the directory's descriptor, whose path is short.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::state::State;

const NAME: &str = "control.sock";

/// Its name until its mode is right, so that nobody ever finds it with another one, whatever the umask is.
const UNFINISHED: &str = "control.sock.new";

/// Listens. Whoever calls holds the lock of the state directory: a socket that lies there is a dead server's.
pub(crate) fn bind(state: &State) -> anyhow::Result<UnixListener> {
    let (path, unfinished) = (state.path(NAME), state.path(UNFINISHED));
    let bound = || -> io::Result<UnixListener> {
        let listener = at_short_path(&unfinished, |short| UnixListener::bind(short))?;
        fs::set_permissions(&unfinished, Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        fs::rename(&unfinished, &path)?;
        Ok(listener)
    };
    state.remove(UNFINISHED)?;
    bound().with_context(|| format!("the control socket `{}` cannot be made", path.display()))
}

/// Connects to the server that listens.
pub(super) fn connect(state: &State) -> io::Result<UnixStream> {
    at_short_path(&state.path(NAME), |short| UnixStream::connect(short))
}

/// Takes the socket away; it is fine if it is not there.
pub(crate) fn remove(state: &State) -> anyhow::Result<()> {
    state.remove(UNFINISHED)?;
    state.remove(NAME)
}

/// Does something with the socket at `path` by a path that fits a socket's address.
fn at_short_path<T>(path: &Path, reach: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return reach(path) };
    if path.as_os_str().as_bytes().len() <= LONGEST {
        return reach(path);
    }
    // Held until the socket is reached: without it the short path leads nowhere.
    let held = File::open(directory)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()));
    if !short.exists() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "a socket's path has at most {LONGEST} bytes here; name a shorter directory with --state"
            ),
        ));
    }
    reach(&short.join(name))
}

/// What every Unix takes: macOS has room for 104 bytes, Linux for 108, and the last one is a zero.
const LONGEST: usize = 103;

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    fn is_reached(state: &State, listener: &UnixListener) {
        listener.set_nonblocking(false).unwrap();
        let mut ours = connect(state).unwrap();
        ours.write_all(b"x").unwrap();
        let mut byte = [0];
        listener.accept().unwrap().0.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn socket_is_for_its_owner_alone_and_takes_the_place_of_a_dead_one() {
        let parent = tempfile::tempdir().unwrap();
        let state = State::open_or_create(&parent.path().join("state")).unwrap();
        let first = bind(&state).unwrap();
        assert_eq!(mode(&state.path(NAME)), 0o600);
        is_reached(&state, &first);
        // As a kill leaves them: both lie there, and nobody listens.
        fs::write(state.path(UNFINISHED), "").unwrap();
        drop(first);
        assert!(connect(&state).is_err());
        let second = bind(&state).unwrap();
        is_reached(&state, &second);
        assert!(!state.path(UNFINISHED).exists());
        remove(&state).unwrap();
        remove(&state).unwrap();
        assert!(!state.path(NAME).exists());
    }

    #[test]
    fn directory_that_is_deeper_than_a_sockets_address_does_as_well() {
        let parent = tempfile::tempdir().unwrap();
        let deep = parent.path().join("d".repeat(120)).join("state");
        let state = State::open_or_create(&deep).unwrap();
        assert!(UnixListener::bind(state.path("other")).is_err(), "the path is too long by itself");
        let listener = bind(&state).unwrap();
        assert_eq!(mode(&state.path(NAME)), 0o600);
        is_reached(&state, &listener);
    }
}
