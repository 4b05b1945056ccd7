//! The front door's certificate: where it comes from, what is in force, and when another one takes its place.
//!
//! It comes from the definition's files, or is made for development. Files are looked at as the definition is; a pair that
//! changes is read and checked whole and then swapped. Connections live on, and new ones see the new one. What cannot be
//! used changes nothing, and the log says which file is wrong. A change of the definition brings its certificate along: both
//! are in force, or neither. One for development goes by no definition: where it was made anew, it comes into force even if
//! the definition does not.

mod collector;
mod development;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ambient::Clock;
use anyhow::Context as _;
use config::{ClientAuth, ClientAuthorities, Definition, TlsSettings, TlsVersion};
use tls::{Acceptor, Authorities, Clients, Credentials, MinVersion, Settings, Warning};

use crate::definition;
use crate::front_listener::Handshakes;
use crate::watch::Files;

pub(crate) use collector::CertificateCollector;
pub(crate) use development::Development;

/// The front door's certificate.
#[derive(Debug)]
pub(crate) struct Certificates {
    acceptor: Arc<Acceptor>,
    origin: Origin,
    clock: Arc<dyn Clock>,
    /// What is in force, and its files.
    in_force: Mutex<(Settings, Files)>,
    reloads: Reloads,
}

/// Where a certificate comes from.
#[derive(Debug)]
pub(crate) enum Origin {
    /// The definition, whose file this is: paths count from its directory.
    Definition(PathBuf),
    /// It is made here.
    Development(Development),
}

/// A certificate that can be taken over.
#[derive(Debug)]
pub(crate) struct Prepared {
    settings: Settings,
    /// As they were before they were read.
    files: Files,
    credentials: Credentials,
}

/// What became of certificates that were read again.
#[derive(Debug, Default)]
struct Reloads {
    taken_over: AtomicU64,
    refused: AtomicU64,
    last_refused: AtomicBool,
}

impl Certificates {
    /// The certificate of `definition`, if it asks for TLS or `development` is there to make one.
    pub(crate) fn start(
        definition: &Definition,
        config: &Path,
        development: Option<Development>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Option<Arc<Self>>> {
        let origin = match (&definition.local.tls, development) {
            (Some(_), _) => Origin::Definition(config.to_owned()),
            (None, Some(development)) => Origin::Development(development),
            (None, None) => return Ok(None),
        };
        let Prepared { settings, files, credentials } = prepare(&origin, definition, &clock)?;
        say(&credentials);
        let acceptor = Arc::new(Acceptor::new(credentials));
        let in_force = Mutex::new((settings, files));
        Ok(Some(Arc::new(Self { acceptor, origin, clock, in_force, reloads: Reloads::default() })))
    }

    /// What makes connections secure with it.
    pub(crate) fn handshakes(&self) -> Arc<Handshakes> {
        Arc::new(Handshakes::new(Arc::clone(&self.acceptor), Arc::clone(&self.clock)))
    }

    /// The file of the certificate that is in force.
    pub(crate) fn file(&self) -> PathBuf {
        self.in_force().0.certificate.clone()
    }

    /// Whether it was made for development.
    pub(crate) const fn is_development(&self) -> bool {
        matches!(self.origin, Origin::Development(_))
    }

    /// Reads and checks the certificate of another definition. What is in force stays. One for development may be made anew
    /// in its files, whatever becomes of the definition: it is taken over later, as files that changed are.
    pub(crate) fn prepare(&self, definition: &Definition) -> anyhow::Result<Prepared> {
        prepare(&self.origin, definition, &self.clock).inspect_err(|_error| self.note(false))
    }

    /// Takes over what has been prepared.
    pub(crate) fn take_over(&self, prepared: Prepared) {
        let Prepared { settings, files, credentials } = prepared;
        let before = self.acceptor.credentials();
        let is_other = before.facts() != credentials.facts() || self.in_force().0 != settings;
        self.acceptor.replace(credentials);
        *self.in_force() = (settings, files);
        self.note(true);
        // Once it is so.
        if is_other {
            say(&self.acceptor.credentials());
        }
    }

    /// Looks whether files have changed and been still since the last look.
    pub(crate) fn look(&self) -> bool {
        self.in_force().1.look()
    }

    /// Reads changed files again, and takes over what is in them if it can be used. The log says what came of it.
    pub(crate) fn reload(&self) {
        let settings = self.in_force().0.clone();
        match load(settings, &self.clock) {
            Ok(prepared) => self.take_over(prepared),
            Err(error) => {
                // As it is now it is known to be wrong.
                self.in_force().1.has_been_read();
                self.note(false);
                tracing::error!(
                    error = format!("{error:#}"),
                    "the certificate was read again and is not taken over; the one before stays in force"
                );
            }
        }
    }

    fn note(&self, taken_over: bool) {
        let count = if taken_over { &self.reloads.taken_over } else { &self.reloads.refused };
        count.fetch_add(1, Ordering::Relaxed);
        self.reloads.last_refused.store(!taken_over, Ordering::Relaxed);
    }

    fn in_force(&self) -> MutexGuard<'_, (Settings, Files)> {
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads and checks the certificate that `definition` names, if it does, as a start would. Back comes what is unwise about it.
pub(crate) fn check(
    definition: &Definition,
    config: &Path,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Vec<Warning>> {
    if definition.local.tls.is_none() {
        return Ok(Vec::new());
    }
    let prepared = prepare(&Origin::Definition(config.to_owned()), definition, clock)?;
    Ok(prepared.credentials.warnings().to_vec())
}

fn prepare(origin: &Origin, definition: &Definition, clock: &Arc<dyn Clock>) -> anyhow::Result<Prepared> {
    let settings = match origin {
        Origin::Development(development) => development.provide(clock)?,
        Origin::Definition(config) => {
            let tls = definition.local.tls.as_ref().context("`homes.local.tls` is gone")?;
            settings(tls, definition::directory(config))
        }
    };
    load(settings, clock)
}

fn load(settings: Settings, clock: &Arc<dyn Clock>) -> anyhow::Result<Prepared> {
    // Before they are read, so that a change in between is noticed.
    let files = Files::now(settings.files().map(Path::to_owned));
    let credentials = Credentials::load(&settings, Arc::clone(clock))?;
    Ok(Prepared { settings, files, credentials })
}

/// What the definition says, with paths from its directory.
fn settings(written: &TlsSettings, directory: &Path) -> Settings {
    let TlsSettings { certificate, key, client_auth, min_version } = written;
    let authorities = |authorities: &ClientAuthorities| Authorities {
        ca: directory.join(&authorities.ca),
        crl: authorities.crl.as_ref().map(|crl| directory.join(crl)),
    };
    Settings {
        certificate: directory.join(certificate),
        key: directory.join(key),
        clients: match client_auth {
            ClientAuth::None => Clients::Unasked,
            ClientAuth::Optional(known) => Clients::Asked(authorities(known)),
            ClientAuth::Required(known) => Clients::Required(authorities(known)),
        },
        min_version: match min_version {
            TlsVersion::V1_2 => MinVersion::Tls12,
            TlsVersion::V1_3 => MinVersion::Tls13,
        },
    }
}

/// What comes into force is in the log, with what is unwise about it.
fn say(credentials: &Credentials) {
    let facts = credentials.facts();
    tracing::info!(
        subject = facts.subject,
        serial = facts.serial_number,
        not_after = lambda::certificate_time(facts.not_after.as_secs()),
        "the certificate of the front door is in force"
    );
    for warning in credentials.warnings() {
        tracing::warn!("{warning}");
    }
}
