//! The queue of spans, and the task that sends them.
//!
//! Batches go one after the other. A collector that is slow or down holds up the task and nothing else: the queue fills, and
//! what comes then is dropped.

use std::sync::Arc;
use std::time::Duration;

use ambient::Entropy;
use bytes::Bytes;
use spans::{Span, SpanSink};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::transport::{Sent, Transport};
use crate::{Counts, Dropped, Origin, message};

/// How much is kept, and how long it is tried.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Spans that may wait.
    pub queue: usize,
    /// Spans that are sent together, at most.
    pub batch: usize,
    /// How long the first span of a batch waits for others.
    pub linger: Duration,
    /// How often a batch is tried.
    pub attempts: u32,
    /// How long is waited after the first attempt that failed; each time twice as long.
    pub pause: Duration,
    /// The longest that is waited between attempts, whatever the collector asks for.
    pub longest_pause: Duration,
}

impl Default for Settings {
    /// A few MiB at most; a collector that is restarted loses nothing of a quiet server.
    fn default() -> Self {
        Self {
            queue: 4_096,
            batch: 512,
            linger: Duration::from_secs(1),
            attempts: 5,
            pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
        }
    }
}

/// Takes spans for a collector.
#[derive(Debug)]
pub struct Exporter {
    queue: Sender<Span>,
    counts: Arc<Counts>,
}

/// The task that sends them.
#[derive(Debug)]
pub struct Exporting {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
    counts: Arc<Counts>,
}

impl Exporter {
    /// Starts to send what it is given over `transport`.
    pub fn start(
        transport: crate::HttpTransport,
        origin: Origin,
        settings: Settings,
        entropy: Arc<dyn Entropy>,
    ) -> (Self, Exporting) {
        Self::over(transport, origin, settings, entropy)
    }

    pub(crate) fn over<T: Transport>(
        transport: T,
        origin: Origin,
        settings: Settings,
        entropy: Arc<dyn Entropy>,
    ) -> (Self, Exporting) {
        let (queue, queued) = mpsc::channel(settings.queue);
        let (stop, stopped) = watch::channel(false);
        let counts = Arc::new(Counts::default());
        let own = Arc::clone(&counts);
        let work =
            Work { queued, stopped, transport, origin, settings, entropy, counts: own, failing: false };
        let exporting = Exporting { task: tokio::spawn(work.run()), stop, counts: Arc::clone(&counts) };
        (Self { queue, counts }, exporting)
    }
}

impl SpanSink for Exporter {
    fn offer(&self, span: Span) {
        if let Err(error) = self.queue.try_send(span) {
            let why = match error {
                mpsc::error::TrySendError::Full(_) => Dropped::QueueFull,
                mpsc::error::TrySendError::Closed(_) => Dropped::Stopped,
            };
            self.counts.lose(why, 1);
        }
    }
}

impl Exporting {
    /// What has been counted.
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Sends what is queued, and takes no more. What is not sent after `grace` is dropped, and counted.
    pub async fn finish(self, grace: Duration) {
        let Self { mut task, stop, counts: _ } = self;
        let _told = stop.send(true);
        if tokio::time::timeout(grace, &mut task).await.is_err() {
            task.abort();
            // Whatever it held is counted while it is taken down.
            let _cut = task.await;
        }
    }
}

struct Work<T> {
    queued: Receiver<Span>,
    stopped: watch::Receiver<bool>,
    transport: T,
    origin: Origin,
    settings: Settings,
    entropy: Arc<dyn Entropy>,
    counts: Arc<Counts>,
    /// Whether the last batch was not taken. Each change is said once.
    failing: bool,
}

impl<T: Transport> Work<T> {
    async fn run(mut self) {
        loop {
            let spans = self.gather().await;
            if spans.is_empty() {
                return;
            }
            self.deliver(&spans).await;
        }
    }

    /// The next spans; none once the program stops and all have gone.
    async fn gather(&mut self) -> Vec<Span> {
        let Self { queued, stopped, settings: Settings { batch, linger, .. }, .. } = self;
        let mut spans = Vec::new();
        tokio::select! {
            biased;
            _stop = stopped.wait_for(|stopped| *stopped) => {}
            _count = queued.recv_many(&mut spans, *batch) => {}
        }
        if !spans.is_empty() {
            let filling = async {
                loop {
                    let room = batch.saturating_sub(spans.len());
                    if room == 0 || queued.recv_many(&mut spans, room).await == 0 {
                        return;
                    }
                }
            };
            tokio::select! {
                biased;
                _stop = stopped.wait_for(|stopped| *stopped) => {}
                _full = tokio::time::timeout(*linger, filling) => {}
            }
        }
        if *stopped.borrow() {
            queued.close();
            while spans.len() < *batch
                && let Ok(span) = queued.try_recv()
            {
                spans.push(span);
            }
        }
        spans
    }

    async fn deliver(&mut self, spans: &[Span]) {
        let mut batch = Batch { spans: count(spans), counts: Arc::clone(&self.counts) };
        let bytes = Bytes::from(message::export(&self.origin, spans));
        let mut pause = self.settings.pause;
        let mut attempt = 1;
        loop {
            let (why, after) = match self.transport.send(bytes.clone()).await {
                Sent::Taken { rejected } => {
                    if std::mem::take(&mut self.failing) {
                        tracing::info!("the collector takes spans again");
                    }
                    return batch.taken(rejected);
                }
                Sent::Refused(status) => {
                    self.say(&format_args!("it answered {status}"));
                    return batch.drop_for(Dropped::Refused);
                }
                Sent::Later { why, after } => (why, after),
            };
            self.say(&why);
            if attempt >= self.settings.attempts {
                return batch.drop_for(Dropped::Unreachable);
            }
            if *self.stopped.borrow() {
                return batch.drop_for(Dropped::Stopped);
            }
            let wait = after.unwrap_or_else(|| self.jittered(pause)).min(self.settings.longest_pause);
            // One that is told to stop tries once more, at once.
            let _waited = tokio::time::timeout(wait, self.stopped.wait_for(|stopped| *stopped)).await;
            pause = pause.saturating_mul(2);
            attempt += 1;
        }
    }

    /// Says why spans are not taken, if they were before.
    fn say(&mut self, why: &dyn std::fmt::Display) {
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(%why, "the collector does not take spans; requests go on, and what cannot wait is dropped");
        }
    }

    /// Somewhere between half of it and all, so that many servers do not come at once.
    fn jittered(&self, pause: Duration) -> Duration {
        let half = pause / 2;
        let span = u64::try_from(half.as_micros()).unwrap_or(u64::MAX).max(1);
        half + Duration::from_micros(self.entropy.next_u64() % span)
    }
}

/// Whatever ends the work: what is left is counted.
impl<T> Drop for Work<T> {
    fn drop(&mut self) {
        self.queued.close();
        while self.queued.try_recv().is_ok() {
            self.counts.lose(Dropped::Stopped, 1);
        }
    }
}

/// Spans on their way. If nothing becomes of them, they were dropped because the program stopped.
struct Batch {
    spans: u64,
    counts: Arc<Counts>,
}

impl Batch {
    fn taken(&mut self, rejected: u64) {
        let rejected = rejected.min(self.spans);
        self.counts.export(self.spans - rejected);
        self.counts.lose(Dropped::Refused, rejected);
        self.spans = 0;
    }

    fn drop_for(&mut self, why: Dropped) {
        self.counts.lose(why, std::mem::take(&mut self.spans));
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.drop_for(Dropped::Stopped);
    }
}

fn count(spans: &[Span]) -> u64 {
    u64::try_from(spans.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
