//! The front door's certificate and its handshakes, as metrics.

use std::fmt::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::Certificates;
use crate::admin::Page;

/// The front door's certificate and its handshakes, as metrics.
#[derive(Debug)]
pub(crate) struct CertificateCollector(pub(crate) Arc<Certificates>);

impl Collector for CertificateCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let Certificates { acceptor, reloads, .. } = &*self.0;
        let mut page = Page(&mut encoder);
        let until = acceptor.credentials().facts().not_after.as_secs();
        page.level(
            "certificate_expiry_timestamp_seconds",
            "Until when the front door's certificate holds, in seconds since 1970",
            until,
        )?;
        let outcomes = [("taken_over", &reloads.taken_over), ("refused", &reloads.refused)];
        page.counts(
            ("certificate_reloads", "Times the front door's certificate was read again"),
            outcomes
                .map(|(outcome, count)| ([("outcome", outcome.to_owned())], count.load(Ordering::Relaxed))),
        )?;
        page.level(
            "last_certificate_reload_refused",
            "Whether the front door's certificate could not be used when it was last read",
            reloads.last_refused.load(Ordering::Relaxed).into(),
        )?;
        let counts = acceptor.counts();
        let [tls12, tls13] = counts.completed();
        let versions = [("1.2", tls12), ("1.3", tls13)];
        page.counts(
            ("tls_handshakes", "TLS handshakes that were completed"),
            versions.map(|(version, count)| ([("version", version.to_owned())], count)),
        )?;
        page.counts(
            ("tls_handshake_failures", "TLS handshakes that failed, by reason"),
            counts.failed().map(|(class, count)| ([("reason", class.as_str().to_owned())], count)),
        )
    }
}
