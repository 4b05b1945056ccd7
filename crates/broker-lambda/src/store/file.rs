//! A value in a file.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use secrecy::SecretString;

use super::StoreError;

/// The text of the file. It is small and on this machine: waiting for it in place is quicker than a thread for it.
pub(super) fn read(path: &Path) -> Result<SecretString, StoreError> {
    let unreadable = |error: std::io::Error| StoreError::File(error.kind());
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MOST_BYTES {
        return Err(StoreError::TooLarge);
    }
    String::from_utf8(bytes).map(SecretString::from).map_err(|_| StoreError::NoText)
}

/// Room for the bindings of half a million keys. Nobody but the operator writes the file: the bound is against a wrong one.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn text_is_read_and_everything_else_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("value");
        assert_eq!(read(&path).unwrap_err(), StoreError::File(ErrorKind::NotFound));
        std::fs::write(&path, "one\ntwo\n").unwrap();
        assert_eq!(read(&path).unwrap().expose_secret(), "one\ntwo\n");
        std::fs::write(&path, [0xff]).unwrap();
        assert_eq!(read(&path).unwrap_err(), StoreError::NoText);
        File::create(&path).unwrap().set_len(MOST_BYTES + 1).unwrap();
        assert_eq!(read(&path).unwrap_err(), StoreError::TooLarge);
    }
}
