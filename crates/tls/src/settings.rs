//! What an operator says of TLS: which files, what clients must show, which versions.

use std::path::{Path, PathBuf};

/// What an operator says of TLS.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// The server's certificate and what signed it, in PEM, its own first.
    pub certificate: PathBuf,
    /// The private key of the first certificate, in PEM.
    pub key: PathBuf,
    /// What clients are asked for.
    pub clients: Clients,
    /// The oldest version that is spoken.
    pub min_version: MinVersion,
}

/// What clients are asked for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Clients {
    /// No certificate.
    #[default]
    Unasked,
    /// A certificate, if they have one. One that is not good ends the handshake.
    Asked(Authorities),
    /// A certificate.
    Required(Authorities),
}

/// Whose word about clients is taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Authorities {
    /// The certificates of those who sign clients' certificates, in PEM.
    pub ca: PathBuf,
    /// The certificates that they have taken back, in PEM.
    pub crl: Option<PathBuf>,
}

/// The oldest version that is spoken.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum MinVersion {
    /// TLS 1.2.
    #[default]
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl Settings {
    /// Every file that is read.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let authorities = self.clients.authorities();
        let crl = authorities.and_then(|authorities| authorities.crl.as_ref());
        let further = authorities.map(|authorities| &authorities.ca).into_iter().chain(crl);
        [&self.certificate, &self.key].into_iter().chain(further).map(PathBuf::as_path)
    }
}

impl Clients {
    pub(crate) const fn authorities(&self) -> Option<&Authorities> {
        match self {
            Self::Unasked => None,
            Self::Asked(authorities) | Self::Required(authorities) => Some(authorities),
        }
    }
}
