//! The definition that is packaged with the program, and whether it is the one that was deployed.
//!
//! What a client may have is decided by the packaged definition alone. Whoever changes the definition and applies it
//! without packaging it again would see no error and no effect; so whoever deploys can say what the package must hold.

use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use config::{Definition, DefinitionErrors};
use thiserror::Error;

/// A SHA-256 in lowercase hex, as `sha256sum` and Terraform's `filesha256` write it.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    fn of(text: &str) -> Self {
        let mut bytes = [0; 32];
        for (byte, hashed) in bytes.iter_mut().zip(digest(&SHA256, text.as_bytes()).as_ref()) {
            *byte = *hashed;
        }
        Self(bytes)
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let digit = |digit: &u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(FingerprintError),
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != 32 || !rest.is_empty() {
            return Err(FingerprintError);
        }
        let mut bytes = [0; 32];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(high)? << 4 | digit(low)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is no fingerprint.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a fingerprint has 64 hex digits in lowercase")]
pub struct FingerprintError;

/// Reads the definition at `path`, which must have the fingerprint `deployed` if there is one.
pub(crate) fn read(path: &Path, deployed: Option<Fingerprint>) -> Result<Definition, PackagedError> {
    let file_name = path.display().to_string();
    let text = fs::read_to_string(path)
        .map_err(|error| PackagedError::Unreadable { file_name: file_name.clone(), error })?;
    let packaged = Fingerprint::of(&text);
    if let Some(deployed) = deployed.filter(|deployed| *deployed != packaged) {
        return Err(PackagedError::Another { file_name, packaged, deployed });
    }
    Ok(Definition::parse(&text, &file_name)?)
}

/// Why there is no definition.
#[derive(Debug, Error)]
pub(crate) enum PackagedError {
    #[error("the definition `{file_name}` cannot be read: {error}")]
    Unreadable { file_name: String, error: std::io::Error },
    #[error(
        "the packaged definition `{file_name}` is not the one that was deployed: its SHA-256 is {packaged} and not {deployed}; \
         package the changed definition with `make lambda` or `token-broker package`, and apply again"
    )]
    Another { file_name: String, packaged: Fingerprint, deployed: Fingerprint },
    #[error("{0}")]
    Definition(#[from] DefinitionErrors),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::DEFINITION;

    #[test]
    fn fingerprint_is_that_of_sha256sum() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Fingerprint::of("").to_string(), empty);
        assert_eq!(empty.parse(), Ok(Fingerprint::of("")));
        for other in ["", "e3b0", &empty.to_uppercase(), &format!("{empty}0"), &empty.replace('e', "g")] {
            assert_eq!(other.parse::<Fingerprint>(), Err(FingerprintError));
        }
    }

    #[test]
    fn definition_that_was_not_deployed_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token-broker.yaml");
        fs::write(&path, DEFINITION).unwrap();
        let deployed = Fingerprint::of(DEFINITION);
        assert!(read(&path, None).is_ok());
        assert!(read(&path, Some(deployed)).is_ok());
        fs::write(&path, DEFINITION.replace("orders/read", "orders/write")).unwrap();
        let said = read(&path, Some(deployed)).unwrap_err().to_string();
        assert!(said.contains(&deployed.to_string()) && said.contains("token-broker package"), "{said}");
    }
}
