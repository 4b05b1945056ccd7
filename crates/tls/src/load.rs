//! From files to what handshakes are made with: read and checked whole, before any of it is in force.
//!
//! An error names the file that is wrong. What is only unwise is a warning. A key is never shown, nor anything of its file.

mod authorities;
mod file;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Timestamp};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::NoServerSessionStorage;
use rustls::time_provider::TimeProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{Error, InconsistentKeys, ServerConfig, SupportedProtocolVersion};

use crate::facts::CertificateFacts;
use crate::settings::{MinVersion, Settings};
pub(crate) use authorities::roots;
use file::Access;

/// What handshakes are made with.
pub struct Credentials {
    config: Arc<ServerConfig>,
    facts: CertificateFacts,
    warnings: Vec<Warning>,
}

/// Why files cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is nothing in a file.
    #[error("`{}` is empty", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// A file is far larger than any that was meant.
    #[error("`{}` is too large for a file of certificates", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// What is expected is not in a file, or is damaged.
    #[error("`{}` has no {what} in PEM that can be read", path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
        /// What is expected.
        what: &'static str,
    },
    /// A certificate is none.
    #[error("certificate {number} in `{}` is no X.509 certificate that can be used", path.display())]
    BadCertificate {
        /// Of which file.
        path: PathBuf,
        /// The how many-th, from 1.
        number: usize,
    },
    /// More than one key is in a file.
    #[error("`{}` has more than one private key, and nothing says which is meant", path.display())]
    SeveralKeys {
        /// Which.
        path: PathBuf,
    },
    /// Everybody on this machine can read a key.
    #[error("the private key `{}` is open to everybody (mode {mode:04o}); take that away with `chmod o= {}`", path.display(), path.display())]
    ExposedKey {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A key is of a kind that is not known.
    #[error("the private key `{}` is of no kind that can be used: RSA, ECDSA (P-256, P-384, P-521) or Ed25519", path.display())]
    UnusableKey {
        /// Which.
        path: PathBuf,
    },
    /// Key and certificate are not of each other.
    #[error("the private key `{}` is not that of the certificate `{}`", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// Lists of certificates that were taken back cannot be used.
    #[error("`{}` has a list of certificates that were taken back which cannot be used", path.display())]
    BadRevocations {
        /// Which.
        path: PathBuf,
    },
    /// What the files say cannot be put together.
    #[error("TLS cannot be set up: {0}")]
    Unusable(String),
}

/// What can be used, and is unwise.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// Clients will not trust the certificate any more.
    #[error("the certificate `{}` has expired", path.display())]
    Expired {
        /// Which.
        path: PathBuf,
    },
    /// Clients do not trust the certificate yet.
    #[error("the certificate `{}` is not valid yet", path.display())]
    NotYetValid {
        /// Which.
        path: PathBuf,
    },
    /// The certificate must be renewed.
    #[error("the certificate `{}` expires in {days} day(s)", path.display())]
    ExpiresSoon {
        /// Which.
        path: PathBuf,
        /// In how many whole days.
        days: u64,
    },
    /// Others than its owner can read the key.
    #[error("the private key `{}` can be read by its group", path.display())]
    KeyForGroup {
        /// Which.
        path: PathBuf,
    },
    /// Its authority should have published another list by now.
    #[error("a list in `{}` of certificates that were taken back is out of date", path.display())]
    OldRevocations {
        /// Which.
        path: PathBuf,
    },
}

impl Credentials {
    /// Reads and checks everything that `settings` names. `clock` judges clients' certificates as well.
    pub fn load(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, LoadError> {
        let now = clock.now();
        let mut warnings = Vec::new();
        let chain = chain(&settings.certificate)?;
        let facts = facts(&settings.certificate, &chain)?;
        warnings.extend(validity(&settings.certificate, &facts, now));
        let (key, access) = private_key(&settings.key)?;
        if access == Access::Group {
            warnings.push(Warning::KeyForGroup { path: settings.key.clone() });
        }
        let provider = Arc::new(default_provider());
        let verifier = authorities::verifier(&settings.clients, &provider, (now, &mut warnings))?;
        let unusable = |error: Error| LoadError::Unusable(error.to_string());
        let mut config = ServerConfig::builder_with_details(provider, Arc::new(Time(clock)))
            .with_protocol_versions(versions(settings.min_version))
            .map_err(unusable)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(|error| refusal(&error, &settings.certificate, &settings.key))?;
        config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        // Nothing is kept of a connection for the next: see docs/adr/0024.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), facts, warnings })
    }

    /// What the server's certificate says.
    pub const fn facts(&self) -> &CertificateFacts {
        &self.facts
    }

    /// What is unwise about the files.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

/// Only what anybody who connects is shown.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("facts", &self.facts).finish_non_exhaustive()
    }
}

/// The certificates in a file: at least one.
pub(crate) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, LoadError> {
    let (text, _mode) = file::read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let missing = || LoadError::Missing { path: path.into(), what: "certificate" };
    chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(missing)
}

/// What the first certificate says; all must be readable.
fn facts(path: &Path, chain: &[CertificateDer<'_>]) -> Result<CertificateFacts, LoadError> {
    let mut first = None;
    for (number, certificate) in (1..).zip(chain) {
        let facts = CertificateFacts::read(certificate)
            .map_err(|_| LoadError::BadCertificate { path: path.into(), number })?;
        first = first.or(Some(facts));
    }
    first.ok_or_else(|| LoadError::Missing { path: path.into(), what: "certificate" })
}

fn validity(path: &Path, facts: &CertificateFacts, now: Timestamp) -> Option<Warning> {
    let path = path.to_owned();
    if now >= facts.not_after {
        return Some(Warning::Expired { path });
    }
    if now < facts.not_before {
        return Some(Warning::NotYetValid { path });
    }
    let left = facts.not_after.since(now);
    (left < SOON).then(|| Warning::ExpiresSoon { path, days: left.as_secs() / DAY.as_secs() })
}

/// The one private key in a file, and who else can read it: not everybody.
pub(crate) fn private_key(path: &Path) -> Result<(PrivateKeyDer<'static>, Access), LoadError> {
    let (text, access) = file::read(path)?;
    if let Access::Everybody { mode } = access {
        return Err(LoadError::ExposedKey { path: path.into(), mode });
    }
    let missing = || LoadError::Missing { path: path.into(), what: "private key" };
    let mut keys = PrivateKeyDer::pem_slice_iter(&text);
    let key = keys.next().and_then(Result::ok).ok_or_else(missing)?;
    if keys.next().is_some() {
        return Err(LoadError::SeveralKeys { path: path.into() });
    }
    Ok((key, access))
}

fn versions(oldest: MinVersion) -> &'static [&'static SupportedProtocolVersion] {
    match oldest {
        MinVersion::Tls12 => BOTH,
        MinVersion::Tls13 => NEWEST,
    }
}

/// What is wrong with a certificate and a key that can each be read.
pub(crate) fn refusal(error: &Error, certificate: &Path, key: &Path) -> LoadError {
    let (certificate, key) = (certificate.to_owned(), key.to_owned());
    match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => LoadError::Mismatch { certificate, key },
        Error::InvalidCertificate(_) => LoadError::BadCertificate { path: certificate, number: 1 },
        _ => LoadError::UnusableKey { path: key },
    }
}

/// The time by which certificates of the other end are judged.
#[derive(Debug)]
pub(crate) struct Time(pub(crate) Arc<dyn Clock>);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(self.0.now().since(Timestamp::EPOCH)))
    }
}

/// HTTP/2 and HTTP/1.1, as ALPN calls them (RFC 7301).
pub(crate) const HTTP2: &[u8] = b"h2";
pub(crate) const HTTP1: &[u8] = b"http/1.1";

static BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
static NEWEST: &[&SupportedProtocolVersion] = &[&TLS13];

const DAY: Duration = Duration::from_hours(24);

/// How long before its end a certificate is warned about.
const SOON: Duration = Duration::from_hours(30 * 24);
