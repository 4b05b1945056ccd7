//! The client's end, for whatever this program asks in a network with authorities of its own.

use std::path::Path;
use std::sync::Arc;

use ambient::Clock;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::default_provider;

use crate::load::{LoadError, Time, roots};

/// A client that trusts whom the authorities in the file `ca` vouch for, and nobody else. `clock` judges certificates.
pub fn trusting_client(ca: &Path, clock: Arc<dyn Clock>) -> Result<ClientConfig, LoadError> {
    let roots = roots(ca)?;
    let mut config = ClientConfig::builder_with_details(Arc::new(default_provider()), Arc::new(Time(clock)))
        .with_safe_default_protocol_versions()
        .map_err(|error| LoadError::Unusable(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(config)
}
