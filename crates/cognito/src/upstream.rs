//! Asking an upstream for a token: secrets, attempts and waits, in that order from the outside in.

use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Entropy, Timestamp, jitter};
use bytes::Bytes;
use oauth::ScopeSet;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::answer::{self, Asked, IssuedToken};
use crate::breaker::{Breaker, Pass, Report};
use crate::credentials::{AppClientCredentials, Which};
use crate::effort::Effort;
use crate::endpoint::TokenEndpoint;
use crate::error::UpstreamError;
use crate::http_transport::HttpTransport;
use crate::settings::Settings;
use crate::transport::{TokenCall, Transport, TransportError};

/// One token endpoint, with the connections to it and the memory of how it behaves. Share it.
#[derive(Debug)]
pub struct Upstream<T = HttpTransport> {
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
        endpoint: &TokenEndpoint,
        settings: Settings,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self::over(HttpTransport::new(endpoint, settings.connect), settings, clock, entropy)
    }
}

impl<T: Transport> Upstream<T> {
    /// The upstream that `transport` reaches.
    pub fn over(transport: T, settings: Settings, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let breaker = Mutex::new(Breaker::new(settings.breaker));
        Self { transport, settings, breaker, clock, entropy }
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
        let outcome = self.with_either_secret(&mut run).await;
        run.effort.elapsed = self.clock.now().since(started);
        Exchange { outcome, effort: run.effort }
    }

    /// Tries the secret that worked last; when that is refused, the other, before the refusal is believed.
    async fn with_either_secret(&self, run: &mut Run<'_>) -> Result<IssuedToken, UpstreamError> {
        if run.scopes.is_empty() {
            // Cognito takes no scope for every scope.
            return Err(UpstreamError::RefusedScope);
        }
        let first = run.credentials.preferred();
        let outcome = self.persevere(run, first).await;
        let (Err(UpstreamError::RefusedClient), Some(second)) = (&outcome, run.credentials.other_than(first))
        else {
            return outcome;
        };
        let outcome = self.persevere(run, second).await;
        let recognized = match &outcome {
            Ok(_) => true,
            Err(error) => error.proves_recognition(),
        };
        if recognized {
            run.credentials.prefer(second);
            let app_client = run.credentials.id();
            tracing::info!(
                app_client,
                "one of two secrets was refused, the other is tried first from now on"
            );
        }
        outcome
    }

    /// Makes attempts with one secret until one is answered properly, or attempts or time run out.
    async fn persevere(&self, run: &mut Run<'_>, secret: Which) -> Result<IssuedToken, UpstreamError> {
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

    async fn attempt(&self, run: &mut Run<'_>, secret: Which) -> Result<IssuedToken, UpstreamError> {
        let call = run.call(secret).ok_or(UpstreamError::RefusedClient)?;
        let watched = Watched::begin(&self.breaker, self.clock.as_ref())?;
        let asked = Asked { client_id: run.credentials.id(), scopes: run.scopes, at: self.clock.moment() };
        let until = run.deadline.min(Instant::now() + self.settings.attempt);
        run.effort.attempts += 1;
        let outcome = match tokio::time::timeout_at(until, self.transport.send(call)).await {
            Err(_elapsed) => Err(UpstreamError::Timeout),
            Ok(Ok(reply)) => {
                run.effort.error_replies += u32::from(!reply.status().is_success());
                answer::read(&reply, asked)
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

impl Run<'_> {
    fn call(&self, secret: Which) -> Option<TokenCall> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("scope", self.scopes.as_str())
            .finish();
        Some(TokenCall { authorization: self.credentials.basic(secret)?, form: Bytes::from(form) })
    }
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
