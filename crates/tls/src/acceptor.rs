//! The handshake of one connection, with the credentials that are in force when it begins.
//!
//! It takes as long as the client makes it: whoever calls bounds it, by dropping it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use listen::Protocol;
use rustls::{ProtocolVersion, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::counts::Counts;
use crate::facts::CertificateFacts;
use crate::failure::{FailureClass, HandshakeError};
use crate::load::{Credentials, HTTP2};

/// Makes connections secure.
#[derive(Debug)]
pub struct Acceptor {
    credentials: ArcSwap<Credentials>,
    counts: Arc<Counts>,
}

/// A connection after its handshake.
#[derive(Debug)]
pub struct Secured<S> {
    /// What is read and written in clear.
    pub stream: TlsStream<S>,
    /// What both ends agreed to speak.
    pub protocol: Protocol,
    /// What the client's certificate says, if it showed one. It was signed by an authority that is trusted with it.
    pub client: Option<CertificateFacts>,
}

impl Acceptor {
    /// Handshakes with these credentials.
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials: ArcSwap::from_pointee(credentials), counts: Arc::default() }
    }

    /// Handshakes that begin from now on are made with these. Connections that are there live on.
    pub fn replace(&self, credentials: Credentials) {
        self.credentials.store(Arc::new(credentials));
    }

    /// The credentials in force.
    pub fn credentials(&self) -> Arc<Credentials> {
        self.credentials.load_full()
    }

    /// What became of handshakes.
    pub fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// The handshake of one connection. One that fails is counted; whoever calls knows with whom it was, and logs it.
    pub async fn handshake<S>(&self, stream: S) -> Result<Secured<S>, HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let begun = Begun(Some(&self.counts));
        let config = self.credentials.load().config();
        let accepted = TlsAcceptor::from(config).accept(stream).await;
        begun.has_ended();
        let secured = match accepted {
            Ok(stream) => secured(stream),
            Err(error) => Err(HandshakeError::from(&error)),
        };
        match &secured {
            Ok(Secured { stream, .. }) => {
                let version = stream.get_ref().1.protocol_version();
                self.counts.complete(version == Some(ProtocolVersion::TLSv1_3));
            }
            Err(error) => self.counts.fail(error.class),
        }
        secured
    }
}

fn secured<S>(stream: TlsStream<S>) -> Result<Secured<S>, HandshakeError> {
    let session: &ServerConnection = stream.get_ref().1;
    let protocol = match session.alpn_protocol() {
        Some(HTTP2) => Protocol::Http2,
        _ => Protocol::Http1,
    };
    let leaf = session.peer_certificates().and_then(|chain| chain.first());
    let client = leaf.map(CertificateFacts::read).transpose().map_err(|_| HandshakeError::unreadable())?;
    Ok(Secured { stream, protocol, client })
}

/// A handshake under way. One that is dropped was given up.
struct Begun<'a>(Option<&'a Counts>);

impl Begun<'_> {
    fn has_ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if let Some(counts) = self.0 {
            counts.fail(FailureClass::GivenUp);
        }
    }
}
