//! Lines to a file or to stdout, written by a thread of their own.
//!
//! Whoever offers a line copies it into a bounded buffer and goes on; the disk is never waited for. Lines are written in
//! the order in which they were accepted, a few milliseconds later at most while the disk keeps up. What to do when the
//! buffer is full or nothing can be written is the caller's to say: an access log counts the line as dropped, an audit
//! log refuses the request.
//!
//! Where lines go can be opened anew, for a file that was moved away: between two batches of whole lines, so that none is
//! torn, and what cannot be opened is tried again like a write.
//!
//! A write that fails is tried again until it succeeds, and until then no further line is accepted: a disk that was full
//! costs no line that was accepted, and needs no restart.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Takes lines. Clones share one buffer.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Shared>);

/// The thread behind a [`Journal`].
#[derive(Debug)]
pub struct Writing(Arc<Shared>);

/// Why a line was not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refused {
    /// More is waiting to be written than the buffer may hold.
    #[error("the journal is full: lines come faster than they can be written")]
    Full,
    /// What was accepted before cannot be written. It is kept, and tried again until it can.
    #[error("the journal cannot be written at the moment")]
    Failing,
    /// The writer has ended.
    #[error("the journal is closed")]
    Closed,
}

/// Where lines go, if that can be opened anew.
pub trait Reopen: Write {
    /// Opens it anew. What was written before stays where it is.
    fn reopen(&mut self) -> io::Result<()>;
}

/// What stays open.
struct Fixed<W>(W);

impl<W: Write> Write for Fixed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write> Reopen for Fixed<W> {
    fn reopen(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Shared {
    pending: Mutex<Pending>,
    changed: Condvar,
    capacity: usize,
    refused: AtomicU64,
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is set by another side, and most can be so together")]
struct Pending {
    bytes: Vec<u8>,
    /// To be opened anew before anything else is written.
    reopening: bool,
    failing: bool,
    finishing: bool,
    /// Whoever waits for the end waits no longer.
    given_up: bool,
    closed: bool,
    /// Closed with everything written.
    clean: bool,
}

impl fmt::Debug for Pending {
    /// Without the lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("bytes", &self.bytes.len())
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

impl Journal {
    /// Starts a writer to `out` behind a buffer of `capacity` bytes. `name` is what the program's own log calls it.
    pub fn start(
        name: &'static str,
        out: impl Write + Send + 'static,
        capacity: usize,
    ) -> io::Result<(Self, Writing)> {
        Self::start_reopening(name, Fixed(out), capacity)
    }

    /// The same for an `out` that can be opened anew.
    pub fn start_reopening(
        name: &'static str,
        out: impl Reopen + Send + 'static,
        capacity: usize,
    ) -> io::Result<(Self, Writing)> {
        let shared = Arc::new(Shared {
            pending: Mutex::default(),
            changed: Condvar::new(),
            capacity,
            refused: AtomicU64::new(0),
        });
        let of_thread = Closing(Arc::clone(&shared));
        std::thread::Builder::new().name(name.into()).spawn(move || write_all(name, &of_thread.0, out))?;
        Ok((Self(Arc::clone(&shared)), Writing(shared)))
    }

    /// Accepts `line`, which brings its own line feed, to be written after all lines accepted before it.
    pub fn offer(&self, line: &[u8]) -> Result<(), Refused> {
        let mut pending = self.0.lock();
        let refused = match () {
            () if pending.closed || pending.finishing => Refused::Closed,
            () if pending.failing => Refused::Failing,
            () if pending.bytes.len().saturating_add(line.len()) > self.0.capacity => Refused::Full,
            () => {
                let before = pending.bytes.len();
                pending.bytes.extend_from_slice(line);
                let batch_is_full = before < BATCH && pending.bytes.len() >= BATCH;
                drop(pending);
                if before == 0 || batch_is_full {
                    self.0.changed.notify_all();
                }
                return Ok(());
            }
        };
        self.0.refused.fetch_add(1, Ordering::Relaxed);
        Err(refused)
    }

    /// Has `out` opened anew before any line that is accepted from now on is written. Until that succeeds no line is written,
    /// and none is lost.
    pub fn reopen(&self) {
        self.0.lock().reopening = true;
        self.0.changed.notify_all();
    }

    /// How many lines were not accepted.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// Whether lines are accepted, but for a full buffer.
    pub fn is_open(&self) -> bool {
        let pending = self.0.lock();
        !pending.closed && !pending.finishing && !pending.failing
    }
}

impl Writing {
    /// Writes what was accepted so far, then ends, and says whether it could within `patience`. Further lines are
    /// refused. A disk or a pipe that takes nothing does not keep the program from ending.
    pub fn finish(self, patience: Duration) -> bool {
        let mut pending = self.0.lock();
        pending.finishing = true;
        self.0.changed.notify_all();
        let waited = self.0.changed.wait_timeout_while(pending, patience, |pending| !pending.closed);
        let (mut pending, _timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
        pending.given_up = true;
        self.0.changed.notify_all();
        pending.clean
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the journal when its thread ends, by whatever way: a line must never be accepted that nobody will write.
struct Closing(Arc<Shared>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

fn write_all(name: &'static str, shared: &Shared, mut out: impl Reopen) {
    let mut batch = Vec::new();
    loop {
        let reopens = {
            let mut pending = gather(shared);
            std::mem::swap(&mut pending.bytes, &mut batch);
            std::mem::take(&mut pending.reopening)
        };
        if reopens && !insist(name, shared, || out.reopen()) {
            return;
        }
        if batch.is_empty() && !reopens {
            shared.lock().clean = true;
            return;
        }
        let mut written = 0;
        if !insist(name, shared, || write_on(&mut out, &batch, &mut written)) {
            return;
        }
        batch.clear();
    }
}

/// Tries until it succeeds, and says whether it did before nobody waited any longer: what is lost then, `finish` says.
fn insist(name: &'static str, shared: &Shared, mut attempt: impl FnMut() -> io::Result<()>) -> bool {
    while let Err(error) = attempt() {
        // A pipe that is full for a moment has not failed: the buffer bridges it.
        let is_slow = error.kind() == io::ErrorKind::WouldBlock;
        let is_new = !is_slow && !std::mem::replace(&mut shared.lock().failing, true);
        if is_new {
            tracing::error!(journal = name, %error, "a log cannot be written; it is tried again");
        }
        if !pause(shared, if is_slow { LINGER } else { AGAIN }) {
            return false;
        }
    }
    if std::mem::replace(&mut shared.lock().failing, false) {
        tracing::info!(journal = name, "a log can be written again; no accepted line was lost");
    }
    true
}

/// Writes what is left of `batch`. After an error it goes on where it stopped, so that no line is torn or doubled.
fn write_on(out: &mut impl Write, batch: &[u8], written: &mut usize) -> io::Result<()> {
    while let Some(rest) = batch.get(*written..).filter(|rest| !rest.is_empty()) {
        match out.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => *written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    out.flush()
}

/// Waits for lines, and a moment longer for more of them: to be woken for each would cost more than to write it.
fn gather(shared: &Shared) -> MutexGuard<'_, Pending> {
    let idle = |pending: &mut Pending| pending.bytes.is_empty() && !pending.finishing && !pending.reopening;
    let pending = shared.changed.wait_while(shared.lock(), idle).unwrap_or_else(PoisonError::into_inner);
    let small =
        |pending: &mut Pending| pending.bytes.len() < BATCH && !pending.finishing && !pending.reopening;
    let waited = shared.changed.wait_timeout_while(pending, LINGER, small);
    waited.unwrap_or_else(PoisonError::into_inner).0
}

/// Waits before the next try, and says whether there is to be one.
fn pause(shared: &Shared, pause: Duration) -> bool {
    let waited = shared.changed.wait_timeout_while(shared.lock(), pause, |pending| !pending.given_up);
    !waited.unwrap_or_else(PoisonError::into_inner).0.given_up
}

/// A batch of this many bytes is written at once.
const BATCH: usize = 64 * 1024;

/// How long a smaller one waits for company.
const LINGER: Duration = Duration::from_millis(2);

/// How long to wait before a failed write is tried again.
const AGAIN: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests;
