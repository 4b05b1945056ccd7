//! TLS handshakes with whoever connects, and what the log says of those that fail.
//!
//! Anybody may fail one as often as they like, and none of it costs a key. A client's certificate that was not accepted is
//! something that its owner will ask about, so the log says it, sparingly: the first at once, then now and again with a count.
//! All others are for who debugs. Each is counted by the acceptor.

use std::net::SocketAddr;
use std::sync::Arc;

use ambient::Clock;
use gateway::Sparing;
use tls::{Acceptor, FailureClass, HandshakeError, Secured};
use tokio::net::TcpStream;

/// Makes connections secure.
#[derive(Debug)]
pub(crate) struct Handshakes {
    acceptor: Arc<Acceptor>,
    clock: Arc<dyn Clock>,
    /// Apart, so that those who have no certificate cannot hide what is wrong with one.
    without: Sparing,
    not_good: Sparing,
}

impl Handshakes {
    /// Handshakes that `acceptor` makes.
    pub(crate) fn new(acceptor: Arc<Acceptor>, clock: Arc<dyn Clock>) -> Self {
        Self { acceptor, clock, without: Sparing::default(), not_good: Sparing::default() }
    }

    /// The handshake of one connection, with whoever `peer` is.
    pub(super) async fn handshake(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> Result<Secured<TcpStream>, HandshakeError> {
        self.acceptor.handshake(stream).await.inspect_err(|error| self.say(error, peer))
    }

    fn say(&self, error: &HandshakeError, peer: SocketAddr) {
        let (class, reason) = (error.class.as_str(), error.reason());
        let sparing = match error.class {
            FailureClass::NoClientCertificate => Some(&self.without),
            FailureClass::BadClientCertificate => Some(&self.not_good),
            _ => None,
        };
        if let Some(connections) = sparing.and_then(|sparing| sparing.note(self.clock.now())) {
            tracing::info!(%peer, class, reason, connections, "a client's certificate was not accepted");
        } else {
            tracing::debug!(%peer, class, reason, "a TLS handshake failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use rustls::{CertificateError, Error};
    use testkit::ManualClock;
    use tls::Credentials;

    use super::*;

    fn handshakes(clock: &Arc<ManualClock>) -> Handshakes {
        let place = tempfile::tempdir().unwrap();
        let made = tls::self_signed(&[], clock.now(), &testkit::SeededEntropy::new(1)).unwrap();
        let settings = tls::Settings {
            certificate: place.path().join("certificate.pem"),
            key: place.path().join("key.pem"),
            clients: tls::Clients::Unasked,
            min_version: tls::MinVersion::Tls13,
        };
        let key = tempfile::NamedTempFile::new_in(place.path()).unwrap();
        std::fs::write(&key, made.key.as_bytes()).unwrap();
        key.persist(&settings.key).unwrap();
        std::fs::write(&settings.certificate, made.certificate).unwrap();
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
        let credentials = Credentials::load(&settings, Arc::clone(&clock)).unwrap();
        Handshakes::new(Arc::new(Acceptor::new(credentials)), clock)
    }

    fn failed(error: Error) -> HandshakeError {
        HandshakeError::from(&io::Error::other(error))
    }

    #[test]
    fn certificates_that_are_not_accepted_are_said_now_and_again_with_a_count() {
        let clock = Arc::new(ManualClock::default());
        let (handshakes, peer) = (handshakes(&clock), "192.0.2.1:4711".parse().unwrap());
        let log = tempfile::NamedTempFile::new().unwrap();
        let writer = Arc::new(log.reopen().unwrap());
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(writer).finish();
        tracing::subscriber::with_default(subscriber, || {
            let without = failed(Error::NoCertificatesPresented);
            for _ in 0..100 {
                handshakes.say(&without, peer);
            }
            handshakes.say(&failed(Error::InvalidCertificate(CertificateError::Expired)), peer);
            handshakes.say(&failed(Error::NoApplicationProtocol), peer);
            clock.advance(Duration::from_secs(10));
            handshakes.say(&without, peer);
        });
        let said = std::fs::read_to_string(log.path()).unwrap();
        let line = |line: &str| {
            let word = |name: &str| line.split_whitespace().find_map(|word| word.strip_prefix(name)).unwrap();
            (word("class=").to_owned(), word("connections=").to_owned())
        };
        let lines: Vec<_> = said.lines().map(line).collect();
        let expected = [("no", "1"), ("bad", "1"), ("no", "100")];
        let expected =
            expected.map(|(kind, count)| (format!("\"{kind}_client_certificate\""), count.to_owned()));
        assert_eq!(lines, expected, "{said}");
    }
}
