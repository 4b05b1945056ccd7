//! Reading a value from where it lies: a file, or an entry of Secrets Manager or the Parameter Store.
//!
//! The two services are asked through the extension that AWS offers for it, a listener inside the execution environment:
//! no SDK, no signature. It answers only while an invocation runs, so nothing is read before the first one.
//!
//! Promises: time and size of an answer are bounded; no value and no text of an answer is in an error.

use std::fmt;
use std::io;

use bindings::Reference;
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use thiserror::Error;

use crate::environment::ExtensionAccess;

mod answer;
mod extension;
mod file;

use extension::Extension;

/// Reads values.
pub trait Store: fmt::Debug + Send + Sync {
    /// The value at `place`, as it is now or was a short while ago.
    fn read<'a>(&'a self, place: &'a Reference) -> BoxFuture<'a, Result<SecretString, StoreError>>;
}

/// Files and the extension.
#[derive(Debug)]
pub struct Stores {
    extension: Extension,
}

impl Stores {
    /// The files of this machine, and the extension that `access` leads to.
    pub fn new(access: ExtensionAccess) -> Self {
        Self { extension: Extension::new(access) }
    }
}

impl Store for Stores {
    fn read<'a>(&'a self, place: &'a Reference) -> BoxFuture<'a, Result<SecretString, StoreError>> {
        match place {
            Reference::File(path) => Box::pin(std::future::ready(file::read(path))),
            Reference::Parameter(name) => Box::pin(self.extension.parameter(name)),
            Reference::Secret(name) => Box::pin(self.extension.secret(name)),
        }
    }
}

/// Why a value was not read.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum StoreError {
    /// The file is not there, or may not be read.
    #[error("the file cannot be read: {0}")]
    File(io::ErrorKind),
    /// The value has no text, or none in UTF-8.
    #[error("the value is not text")]
    NoText,
    /// The value is larger than any that the services keep.
    #[error("the value is too large")]
    TooLarge,
    /// Nobody could be asked: the extension wants the role's session token.
    #[error("the extension was not asked, because there is no AWS_SESSION_TOKEN to show it")]
    NoSession,
    /// Nobody listens on the extension's port.
    #[error("the extension cannot be reached; is its layer part of the function?")]
    NotReached,
    /// The extension did not answer in time.
    #[error("the extension did not answer in time")]
    TimedOut,
    /// The extension answered, but with no value. It answers 400 for a name that does not exist, for a role that may not
    /// read it, and before it is ready.
    #[error(
        "the extension answered with status {0}; does the name exist, and may the function's role read it?"
    )]
    Refused(u16),
    /// The answer is not that of the extension.
    #[error("the extension's answer is malformed")]
    Malformed,
}
