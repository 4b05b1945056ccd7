//! Files that the definition names because secrets are in them.
//!
//! That others can get at such a file is worth a warning and no refusal: those who mount secrets do not always choose its mode.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use zeroize::Zeroizing;

use crate::terminal::shell_word;

/// A file of secrets that is open to everybody on this machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Exposed {
    what: String,
    path: PathBuf,
    mode: u32,
}

impl fmt::Display for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, path, mode } = self;
        let file = path.to_string_lossy();
        write!(
            f,
            "the file `{file}` of {what} is open to everybody on this machine (mode {mode:04o}); take that away with \
             `chmod o= {}`",
            shell_word(&file)
        )
    }
}

/// Says of each in the log.
pub(crate) fn warn(exposed: &[Exposed]) {
    for exposed in exposed {
        tracing::warn!("{exposed}");
    }
}

/// Reads the file of `what`, as errors call it, and says whether it is open. What is read is forgotten with the text.
pub(crate) fn read(path: &Path, what: &str) -> anyhow::Result<(Zeroizing<String>, Option<Exposed>)> {
    let unreadable = || format!("{what} cannot be read from `{}`", path.display());
    let file = File::open(path).with_context(unreadable)?;
    let metadata = file.metadata().with_context(unreadable)?;
    // As large as it may be, so that growing leaves no copies behind.
    let expected = usize::try_from(metadata.len().min(MOST)).unwrap_or(0);
    let mut text = Zeroizing::new(String::with_capacity(expected + 1));
    file.take(MOST + 1).read_to_string(&mut text).with_context(unreadable)?;
    ensure!(
        text.len() as u64 <= MOST,
        "{what} cannot be taken from `{}`: more than {MOST} bytes are no secret",
        path.display()
    );
    let mode = metadata.mode() & 0o777;
    let exposed = Exposed { what: what.to_owned(), path: path.to_owned(), mode };
    Ok((text, (mode & 0o007 != 0).then_some(exposed)))
}

/// More than secrets of an app client or headers of a collector take.
const MOST: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_file_is_read_and_no_huge_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        for (length, is_read) in [(0, true), (65_536, true), (65_537, false)] {
            std::fs::write(&path, "s".repeat(length)).unwrap();
            let read = read(&path, "the secret");
            assert_eq!(read.as_ref().ok().map(|(text, _)| text.len()), is_read.then_some(length));
            assert!(read.is_ok() || format!("{:#}", read.unwrap_err()).contains("65536"));
        }
    }

    #[test]
    fn what_cannot_be_read_is_called_by_its_name_and_not_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        let error = || format!("{:#}", read(&path, "the secret of it").unwrap_err());
        assert!(error().starts_with("the secret of it cannot be read from `"), "{}", error());
        std::fs::write(&path, b"hunter2\xff").unwrap();
        assert!(error().contains("cannot be read") && !error().contains("hunter2"), "{}", error());
    }
}
