//! One file, read within bounds, and who else can read it.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::LoadError;

/// Who can read a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Access {
    /// Its owner alone.
    Owner,
    /// Its group, too.
    Group,
    /// Everybody on this machine.
    Everybody {
        /// Its permissions.
        mode: u32,
    },
}

/// Reads a file, and says who else can. What is read is forgotten with the text.
pub(super) fn read(path: &Path) -> Result<(Zeroizing<Vec<u8>>, Access), LoadError> {
    let unreadable = |source| LoadError::Unreadable { path: path.into(), source };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    // As large as it may be, so that growing leaves no copies behind.
    let mut text =
        Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.len().min(MOST)).unwrap_or(0) + 1));
    file.take(MOST + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.is_empty() {
        return Err(LoadError::Empty { path: path.into() });
    }
    if text.len() as u64 > MOST {
        return Err(LoadError::TooLarge { path: path.into() });
    }
    Ok((text, access(metadata.mode() & 0o777)))
}

const fn access(mode: u32) -> Access {
    if mode & 0o007 != 0 {
        Access::Everybody { mode }
    } else if mode & 0o070 != 0 {
        Access::Group
    } else {
        Access::Owner
    }
}

/// More than any chain of certificates or list of authorities takes.
const MOST: u64 = 4 * 1024 * 1024;
