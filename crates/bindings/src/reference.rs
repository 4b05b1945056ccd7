//! Where a value lies that is not written down: a file, or an entry of a service on AWS.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

/// Where a value lies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reference {
    /// `file:PATH`.
    File(PathBuf),
    /// `ssm:NAME`: a parameter of AWS Systems Manager, decrypted.
    Parameter(String),
    /// `secretsmanager:NAME-OR-ARN`: a secret of AWS Secrets Manager.
    Secret(String),
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (kind, place) = text.split_once(':').ok_or(ReferenceError)?;
        // What goes into a URL or a log line has no spaces and no control characters.
        let is_name = !place.is_empty() && place.bytes().all(|byte| byte.is_ascii_graphic());
        match kind {
            "file" if !place.is_empty() => Ok(Self::File(place.into())),
            "ssm" if is_name => Ok(Self::Parameter(place.to_owned())),
            "secretsmanager" if is_name => Ok(Self::Secret(place.to_owned())),
            _ => Err(ReferenceError),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Parameter(name) => write!(f, "ssm:{name}"),
            Self::Secret(name) => write!(f, "secretsmanager:{name}"),
        }
    }
}

/// A text that names no place. It is not repeated: it may be the secret itself.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a reference is written `secretsmanager:NAME-OR-ARN`, `ssm:NAME` or `file:PATH`")]
pub struct ReferenceError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_they_are_written() {
        for text in [
            "file:/run/secrets/m2m",
            "ssm:/token-broker/m2m",
            "secretsmanager:arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-broker/m2m-AbCdEf",
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_none_and_are_not_repeated() {
        for text in [
            "",
            "hunter2",
            "file:",
            "ssm:",
            "secretsmanager:two words",
            "ssm:a\nb",
            "vault:hunter2",
            "FILE:x",
        ] {
            let error = text.parse::<Reference>().unwrap_err();
            assert!(!error.to_string().contains("hunter2"));
        }
    }
}
