//! Authorities, certificates in files, and both ends of a handshake.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock as _, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SerialNumber, date_time_ymd,
};
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use testkit::ManualClock;
use tokio::io::{DuplexStream, duplex};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::{
    Acceptor, Authorities, Clients, Credentials, HandshakeError, LoadError, MinVersion, Secured, Settings,
};

/// So many days from now, as rcgen has dates: their type is of a crate that nothing here depends on.
macro_rules! date {
    ($days:expr) => {
        date_time_ymd(1970, 1, 1) + Duration::from_secs(second($days))
    };
}

/// Somebody who signs certificates.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) pem: String,
}

/// A certificate with its key, in PEM.
pub(super) struct Pair {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// When a certificate holds, in days from now.
pub(super) type Days = std::ops::Range<i64>;

pub(super) const YEAR: Days = -30..335;

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = params(name, 1, -400..4000);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for a server that is called `localhost`.
    pub(super) fn server(&self, serial: u64, days: Days) -> Pair {
        let mut params = params("a server", serial, days);
        params.subject_alt_names = vec![rcgen::SanType::DnsName("localhost".try_into().unwrap())];
        self.sign(params, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate for a client.
    pub(super) fn client(&self, name: &str, serial: u64, days: Days) -> Pair {
        self.sign(params(name, serial, days), ExtendedKeyUsagePurpose::ClientAuth)
    }

    pub(super) fn sign(&self, mut params: CertificateParams, usage: ExtendedKeyUsagePurpose) -> Pair {
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Pair { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// The list of those that it has taken back, which is to be renewed in `days`.
    pub(super) fn revoked(&self, serials: &[u64], days: i64) -> String {
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date!(-1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date!(-1),
            next_update: date!(days),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

pub(super) fn params(name: &str, serial: u64, days: Days) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from(serial));
    (params.not_before, params.not_after) = (date!(days.start), date!(days.end));
    params
}

/// The second that is so many days from now.
fn second(days: i64) -> u64 {
    ManualClock::default().now().as_secs().checked_add_signed(days * 24 * 60 * 60).unwrap()
}

/// A directory with files of certificates.
pub(super) struct Files(TempDir);

impl Files {
    /// With `pair` as the server's.
    pub(super) fn with(pair: &Pair) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.put(pair);
        files
    }

    pub(super) fn put(&self, pair: &Pair) {
        self.write("certificate.pem", &pair.certificate);
        self.write("key.pem", &pair.key);
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        self.mode(name, 0o600);
        path
    }

    pub(super) fn mode(&self, name: &str, mode: u32) {
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            certificate: self.path("certificate.pem"),
            key: self.path("key.pem"),
            clients: Clients::Unasked,
            min_version: MinVersion::Tls12,
        }
    }

    /// The same with `authority`, and what it has taken back.
    pub(super) fn authorities(&self, authority: &str, crl: Option<&str>) -> Authorities {
        Authorities {
            ca: self.write("clients.pem", authority),
            crl: crl.map(|crl| self.write("clients-crl.pem", crl)),
        }
    }
}

pub(super) fn load(settings: &Settings) -> Result<Credentials, LoadError> {
    Credentials::load(settings, Arc::new(ManualClock::default()))
}

pub(super) fn acceptor(settings: &Settings) -> Acceptor {
    Acceptor::new(load(settings).unwrap())
}

/// A client that trusts `authority`.
pub(super) struct Client {
    pub(super) config: ClientConfig,
    name: ServerName<'static>,
}

impl Client {
    pub(super) fn new(authority: &str) -> Self {
        Self::of(authority, None, rustls::ALL_VERSIONS)
    }

    pub(super) fn speaking(authority: &str, version: &'static SupportedProtocolVersion) -> Self {
        Self::of(authority, None, &[version])
    }

    pub(super) fn showing(authority: &str, pair: &Pair) -> Self {
        Self::of(authority, Some(pair), rustls::ALL_VERSIONS)
    }

    pub(super) fn of(
        authority: &str,
        pair: Option<&Pair>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_details(Arc::new(default_provider()), Arc::new(Standing))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match pair {
            None => builder.with_no_client_auth(),
            Some(Pair { certificate, key }) => {
                let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        };
        // As browsers and libraries do: whatever a server lets be resumed is.
        config.resumption = Resumption::in_memory_sessions(8);
        Self { config, name: "localhost".try_into().unwrap() }
    }

    pub(super) fn offering(mut self, protocols: &[&str]) -> Self {
        self.config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        self
    }

    pub(super) fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned().try_into().unwrap();
        self
    }
}

/// What became of a handshake at either end.
pub(super) struct Ends {
    pub(super) server: Result<Secured<DuplexStream>, HandshakeError>,
    pub(super) client: std::io::Result<TlsStream<DuplexStream>>,
}

/// A handshake over a pipe.
pub(super) async fn shake(acceptor: &Acceptor, client: &Client) -> Ends {
    let (ours, theirs) = duplex(64 * 1024);
    let connector = TlsConnector::from(Arc::new(client.config.clone()));
    let (server, client) =
        tokio::join!(acceptor.handshake(ours), connector.connect(client.name.clone(), theirs));
    Ends { server, client }
}

#[derive(Debug)]
struct Standing;

impl TimeProvider for Standing {
    fn current_time(&self) -> Option<UnixTime> {
        let now = ManualClock::default().now().since(Timestamp::EPOCH);
        Some(UnixTime::since_unix_epoch(now))
    }
}
