//! What judges clients' certificates.

use std::path::Path;
use std::sync::Arc;

use ambient::Timestamp;
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use x509_cert::crl::CertificateList;
use x509_cert::der::Decode as _;
use x509_cert::time::Time;

use super::{LoadError, Warning, file};
use crate::settings::Clients;

/// What judges the certificates of `clients`. `now` is when lists of revocations are judged.
pub(super) fn verifier(
    clients: &Clients,
    provider: &Arc<CryptoProvider>,
    (now, warnings): (Timestamp, &mut Vec<Warning>),
) -> Result<Arc<dyn ClientCertVerifier>, LoadError> {
    let Some(authorities) = clients.authorities() else { return Ok(WebPkiClientVerifier::no_client_auth()) };
    let roots = Arc::new(roots(&authorities.ca)?);
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
    if let Some(path) = &authorities.crl {
        // An authority without a list here vouches for nobody: whom it has taken back is not known.
        builder = builder.with_crls(revocations(path, now, warnings)?);
    }
    if matches!(clients, Clients::Asked(_)) {
        builder = builder.allow_unauthenticated();
    }
    let path = authorities.crl.as_ref().unwrap_or(&authorities.ca);
    builder.build().map_err(|_error| LoadError::BadRevocations { path: path.clone() })
}

/// The authorities in a file: at least one.
pub(crate) fn roots(path: &Path) -> Result<RootCertStore, LoadError> {
    let (text, _access) = file::read(path)?;
    let mut roots = RootCertStore::empty();
    for (number, certificate) in (1..).zip(CertificateDer::pem_slice_iter(&text)) {
        let bad = || LoadError::BadCertificate { path: path.into(), number };
        roots.add(certificate.map_err(|_| bad())?).map_err(|_| bad())?;
    }
    if roots.is_empty() {
        return Err(LoadError::Missing { path: path.into(), what: "certificate of an authority" });
    }
    Ok(roots)
}

fn revocations(
    path: &Path,
    now: Timestamp,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<CertificateRevocationListDer<'static>>, LoadError> {
    let (text, _access) = file::read(path)?;
    let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&text).collect();
    let missing =
        || LoadError::Missing { path: path.into(), what: "list of certificates that were taken back" };
    let lists = lists.ok().filter(|lists| !lists.is_empty()).ok_or_else(missing)?;
    let mut is_old = false;
    for list in &lists {
        let list = CertificateList::<x509_cert::certificate::Rfc5280>::from_der(list)
            .map_err(|_| LoadError::BadRevocations { path: path.into() })?;
        let next = list.tbs_cert_list.next_update.map(Time::to_unix_duration);
        is_old |= next.is_some_and(|next| Timestamp::EPOCH.plus(next) <= now);
    }
    if is_old {
        warnings.push(Warning::OldRevocations { path: path.into() });
    }
    Ok(lists)
}
