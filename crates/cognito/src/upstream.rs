//! Asking an upstream for a token: secrets, attempts and waits, in that order from the outside in.

use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Entropy, Timestamp, jitter};
use oauth::ScopeSet;
use parking_lot::Mutex;
use secrecy::SecretString;
use tokio::time::Instant;

use crate::answer::{self, Asked, IssuedToken};
use crate::breaker::{Breaker, Circuit, Pass, Report};
use crate::credentials::{AppClientCredentials, Bounds, Held, SecretsUnreadable};
use crate::effort::Effort;
use crate::endpoint::{Endpoint, Presented};
use crate::error::UpstreamError;
use crate::http_transport::HttpTransport;
use crate::settings::Settings;
use crate::transport::{Transport, TransportError};

/// One endpoint, with the connections to it and the memory of how it behaves. Share it.
#[derive(Debug)]
pub struct Upstream<T = HttpTransport> {
    endpoint: Endpoint,
    transport: T,
    settings: Settings,
    breaker: Mutex<Breaker>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// What a request for a token came to, and what it took.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Exchange {
    /// The token, or why there is none.
    pub outcome: Result<IssuedToken, UpstreamError>,
    /// What it took.
    pub effort: Effort,
}

impl Upstream {
    /// The upstream at `endpoint`. Nothing is sent before the first token is asked for.
    pub fn new(
        endpoint: impl Into<Endpoint>,
        settings: Settings,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let endpoint = endpoint.into();
        let transport = HttpTransport::new(&endpoint, settings.connect);
        Self::over(transport, endpoint, settings, clock, entropy)
    }
}

impl<T: Transport> Upstream<T> {
    /// The upstream that `transport` reaches, asked in the way of `endpoint`.
    pub fn over(
        transport: T,
        endpoint: impl Into<Endpoint>,
        settings: Settings,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let breaker = Mutex::new(Breaker::new(settings.breaker));
        Self { endpoint: endpoint.into(), transport, settings, breaker, clock, entropy }
    }

    /// Whether the upstream is left alone. Only requests for tokens change that.
    pub fn circuit(&self) -> Circuit {
        self.breaker.lock().circuit()
    }

    /// Asks for a token that carries exactly `scopes`, as the app client of `credentials`.
    ///
    /// It takes no longer than [`Settings::total`]. Dropping it gives up; whether a token was minted is then unknown.
    pub async fn request_token(&self, credentials: &AppClientCredentials, scopes: &ScopeSet) -> Exchange {
        let started = self.clock.now();
        let mut run = Run {
            credentials,
            scopes,
            deadline: Instant::now() + self.settings.total,
            effort: Effort::default(),
        };
        let outcome = self.with_whatever_secret_works(&mut run).await;
        run.effort.elapsed = self.clock.now().since(started);
        Exchange { outcome, effort: run.effort }
    }

    /// Tries the secrets in hand; when all are refused, those that are kept instead by now, before it is believed.
    async fn with_whatever_secret_works(&self, run: &mut Run<'_>) -> Result<IssuedToken, UpstreamError> {
        if run.scopes.is_empty() {
            // Cognito takes no scope for every scope.
            return Err(UpstreamError::RefusedScope);
        }
        let held = run.credentials.secrets(self.bounds(run)).await.map_err(|error| unreadable(error, run))?;
        let outcome = self.with_each(run, &held, None).await;
        if !matches!(outcome, Err(UpstreamError::RefusedClient)) {
            return outcome;
        }
        let instead = run.credentials.instead_of(&held, self.bounds(run)).await;
        let Some(renewed) = instead.map_err(|error| unreadable(error, run))? else { return outcome };
        let app_client = run.credentials.id();
        tracing::info!(app_client, "the secrets in hand were refused, others were read in their place");
        self.with_each(run, &renewed, Some(&held)).await
    }

    /// Reading secrets may take as long as an attempt.
    fn bounds(&self, run: &Run<'_>) -> Bounds<'_> {
        Bounds { clock: self.clock.as_ref(), until: run.deadline.min(Instant::now() + self.settings.attempt) }
    }

    /// Tries the secret that worked last; when that is refused, the other. Those among `refused` are not tried again.
    async fn with_each(
        &self,
        run: &mut Run<'_>,
        held: &Held,
        refused: Option<&Held>,
    ) -> Result<IssuedToken, UpstreamError> {
        let preferred = held.preferred();
        for (which, secret) in held.in_order(refused) {
            let outcome = self.persevere(run, secret).await;
            let recognized = match &outcome {
                Err(UpstreamError::RefusedClient) => continue,
                Err(error) => error.proves_recognition(),
                Ok(_) => true,
            };
            if recognized && which != preferred {
                held.prefer(which);
                let app_client = run.credentials.id();
                tracing::info!(
                    app_client,
                    "one of two secrets was refused, the other is tried first from now on"
                );
            }
            return outcome;
        }
        Err(UpstreamError::RefusedClient)
    }

    /// Makes attempts with one secret until one is answered properly, or attempts or time run out.
    async fn persevere(
        &self,
        run: &mut Run<'_>,
        secret: &SecretString,
    ) -> Result<IssuedToken, UpstreamError> {
        let mut failed = 0;
        let mut last = None;
        loop {
            let error = match self.attempt(run, secret).await {
                // The failure that opened the breaker says more than that it is open.
                Err(UpstreamError::CircuitOpen { retry_after }) => {
                    return Err(last.unwrap_or(UpstreamError::CircuitOpen { retry_after }));
                }
                Err(error) if error.is_transient() => error,
                proper => return proper,
            };
            failed += 1;
            let Some(wait) = self.wait_after(failed, error, run.deadline) else { return Err(error) };
            last = Some(error);
            pause(wait).await;
        }
    }

    async fn attempt(&self, run: &mut Run<'_>, secret: &SecretString) -> Result<IssuedToken, UpstreamError> {
        let presented = Presented { id: run.credentials.id(), secret };
        let call = self.endpoint.way().call(presented, run.scopes).ok_or(UpstreamError::RefusedClient)?;
        let watched = Watched::begin(&self.breaker, self.clock.as_ref())?;
        let asked = Asked { client_id: run.credentials.id(), scopes: run.scopes, at: self.clock.moment() };
        let until = run.deadline.min(Instant::now() + self.settings.attempt);
        run.effort.attempts += 1;
        let outcome = match tokio::time::timeout_at(until, self.transport.send(call)).await {
            Err(_elapsed) => Err(UpstreamError::Timeout),
            Ok(Ok(reply)) => {
                run.effort.error_replies += u32::from(!reply.status().is_success());
                answer::read(self.endpoint.way(), &reply, asked)
            }
            Ok(Err(TransportError::NotConnected)) => {
                run.effort.unconnected += 1;
                Err(UpstreamError::NotConnected)
            }
            Ok(Err(TransportError::Broken)) => Err(UpstreamError::Unavailable { retry_after: None }),
            Ok(Err(TransportError::TooLarge)) => Err(UpstreamError::Malformed),
        };
        watched.end(&outcome);
        outcome
    }

    /// How long to wait before the next attempt, after `failed` of them; none when there is to be no other.
    fn wait_after(&self, failed: u32, error: UpstreamError, deadline: Instant) -> Option<Duration> {
        if failed >= self.settings.attempts.get() {
            return None;
        }
        let doubled = self.settings.backoff.saturating_mul(2_u32.saturating_pow(failed - 1));
        let jittered = jitter(self.entropy.as_ref(), doubled.min(self.settings.max_backoff));
        let wait = error.retry_after().map_or(jittered, |asked| asked.max(jittered));
        let in_time = wait < deadline.saturating_duration_since(Instant::now());
        (wait <= self.settings.max_backoff && in_time).then_some(wait)
    }
}

/// One request for a token on its way.
struct Run<'a> {
    credentials: &'a AppClientCredentials,
    scopes: &'a ScopeSet,
    deadline: Instant,
    effort: Effort,
}

fn unreadable(SecretsUnreadable: SecretsUnreadable, run: &Run<'_>) -> UpstreamError {
    let app_client = run.credentials.id();
    tracing::warn!(app_client, "the app client's secrets could not be read");
    UpstreamError::SecretsUnreadable
}

/// An attempt that the breaker let through. Dropping it before its end tells the breaker that nothing is known.
struct Watched<'a> {
    breaker: &'a Mutex<Breaker>,
    clock: &'a dyn Clock,
    pass: Pass,
    report: Report,
}

impl<'a> Watched<'a> {
    fn begin(breaker: &'a Mutex<Breaker>, clock: &'a dyn Clock) -> Result<Self, UpstreamError> {
        let now: Timestamp = clock.now();
        let pass =
            breaker.lock().pass(now).map_err(|retry_after| UpstreamError::CircuitOpen { retry_after })?;
        Ok(Self { breaker, clock, pass, report: Report::Abandoned })
    }

    fn end(mut self, outcome: &Result<IssuedToken, UpstreamError>) {
        let failed = matches!(outcome, Err(error) if error.is_transient());
        self.report = if failed { Report::Failed } else { Report::Worked };
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        let now = self.clock.now();
        if self.breaker.lock().report(&self.pass, self.report, now) {
            tracing::warn!("the token endpoint keeps failing and is left alone for a while");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one wait that is for time to pass, and for nothing else")]
async fn pause(wait: Duration) {
    tokio::time::sleep(wait).await;
}
