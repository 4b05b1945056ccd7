//! Lines to a file or to stdout, written by a thread of their own.
//!
//! Whoever offers a line copies it into a bounded buffer and goes on; the disk is never waited for. Lines are written in
//! the order in which they were accepted, a few milliseconds later at most while the disk keeps up. What to do when the
//! buffer is full or the writer is dead is the caller's to say: an access log counts the line as dropped, an audit log
//! refuses the request.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Takes lines. Clones share one buffer.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Shared>);

/// The thread behind a [`Journal`].
#[derive(Debug)]
pub struct Writing {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

/// Why a line was not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refused {
    /// More is waiting to be written than the buffer may hold.
    #[error("the journal is full: lines come faster than they can be written")]
    Full,
    /// The writer failed, or has finished.
    #[error("the journal is closed: its writer has failed or finished")]
    Closed,
}

#[derive(Debug)]
struct Shared {
    pending: Mutex<Pending>,
    changed: Condvar,
    capacity: usize,
    refused: AtomicU64,
}

#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    finishing: bool,
    closed: bool,
}

impl Journal {
    /// Starts a writer to `out` behind a buffer of `capacity` bytes. `name` is what the program's own log calls it.
    pub fn start(
        name: &'static str,
        out: impl Write + Send + 'static,
        capacity: usize,
    ) -> io::Result<(Self, Writing)> {
        let shared = Arc::new(Shared {
            pending: Mutex::default(),
            changed: Condvar::new(),
            capacity,
            refused: AtomicU64::new(0),
        });
        let of_thread = Arc::clone(&shared);
        let thread =
            std::thread::Builder::new().name(name.into()).spawn(move || write_all(name, &of_thread, out))?;
        Ok((Self(Arc::clone(&shared)), Writing { shared, thread }))
    }

    /// Accepts `line`, which brings its own line feed, to be written after all lines accepted before it.
    pub fn offer(&self, line: &[u8]) -> Result<(), Refused> {
        let mut pending = self.0.lock();
        let refused = match () {
            () if pending.closed || pending.finishing => Refused::Closed,
            () if pending.bytes.len().saturating_add(line.len()) > self.0.capacity => Refused::Full,
            () => {
                let before = pending.bytes.len();
                pending.bytes.extend_from_slice(line);
                let batch_is_full = before < BATCH && pending.bytes.len() >= BATCH;
                drop(pending);
                if before == 0 || batch_is_full {
                    self.0.changed.notify_one();
                }
                return Ok(());
            }
        };
        self.0.refused.fetch_add(1, Ordering::Relaxed);
        Err(refused)
    }

    /// How many lines were not accepted.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// Whether lines can still be accepted.
    pub fn is_open(&self) -> bool {
        let pending = self.0.lock();
        !pending.closed && !pending.finishing
    }
}

impl Writing {
    /// Writes what was accepted so far, then ends. Further lines are refused.
    pub fn finish(self) {
        self.shared.lock().finishing = true;
        self.shared.changed.notify_one();
        // A writer that panicked has closed the journal already, and there is nothing left to write to.
        let _ended = self.thread.join();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_all(name: &'static str, shared: &Shared, mut out: impl Write) {
    let mut batch = Vec::new();
    loop {
        batch.clear();
        let finishing = {
            let mut pending = gather(shared);
            std::mem::swap(&mut pending.bytes, &mut batch);
            pending.finishing && batch.is_empty()
        };
        let written = if finishing { Ok(()) } else { out.write_all(&batch).and_then(|()| out.flush()) };
        if let Err(error) = &written {
            tracing::error!(journal = name, %error, "a log cannot be written and takes no further lines");
        }
        if finishing || written.is_err() {
            shared.lock().closed = true;
            return;
        }
    }
}

/// Waits for lines, and a moment longer for more of them: to be woken for each would cost more than to write it.
fn gather(shared: &Shared) -> MutexGuard<'_, Pending> {
    let idle = |pending: &mut Pending| pending.bytes.is_empty() && !pending.finishing;
    let pending = shared.changed.wait_while(shared.lock(), idle).unwrap_or_else(PoisonError::into_inner);
    let small = |pending: &mut Pending| pending.bytes.len() < BATCH && !pending.finishing;
    let waited = shared.changed.wait_timeout_while(pending, LINGER, small);
    waited.unwrap_or_else(PoisonError::into_inner).0
}

/// A batch of this many bytes is written at once.
const BATCH: usize = 64 * 1024;

/// How long a smaller one waits for company.
const LINGER: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Writes only when it is told to, and says what it wrote.
    struct Gate {
        open: mpsc::Receiver<io::Result<()>>,
        written: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.open.recv().unwrap()?;
            self.written.send(bytes.to_vec()).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gated(capacity: usize) -> (Journal, Writing, mpsc::Sender<io::Result<()>>, mpsc::Receiver<Vec<u8>>) {
        let (open, opened) = mpsc::channel();
        let (written, read) = mpsc::channel();
        let (journal, writing) = Journal::start("test", Gate { open: opened, written }, capacity).unwrap();
        (journal, writing, open, read)
    }

    #[test]
    fn accepted_lines_are_written_in_order_and_finish_waits_for_them() {
        let (journal, writing, open, read) = gated(1024);
        for line in ["a\n", "b\n", "c\n"] {
            journal.offer(line.as_bytes()).unwrap();
        }
        for _ in 0..3 {
            open.send(Ok(())).unwrap();
        }
        writing.finish();
        assert_eq!(read.iter().flatten().collect::<Vec<_>>(), b"a\nb\nc\n");
        assert_eq!(journal.offer(b"d\n"), Err(Refused::Closed));
    }

    #[test]
    fn line_over_the_capacity_is_refused_and_counted_and_the_others_are_kept() {
        let (journal, writing, open, read) = gated(4);
        journal.offer(b"one\n").unwrap();
        // Until the writer has taken the first line, the buffer is full; once it has, it waits at the gate.
        while journal.offer(b"two\n") == Err(Refused::Full) {
            std::thread::yield_now();
        }
        let before = journal.refused();
        assert_eq!(journal.offer(b"x"), Err(Refused::Full));
        assert_eq!(journal.refused(), before + 1);
        open.send(Ok(())).unwrap();
        open.send(Ok(())).unwrap();
        writing.finish();
        assert_eq!(read.iter().flatten().collect::<Vec<_>>(), b"one\ntwo\n");
    }

    #[test]
    fn failed_writer_closes_the_journal() {
        let (journal, writing, open, _read) = gated(1024);
        journal.offer(b"a\n").unwrap();
        open.send(Err(io::Error::other("disk full"))).unwrap();
        while journal.is_open() {
            std::thread::yield_now();
        }
        assert_eq!(journal.offer(b"b\n"), Err(Refused::Closed));
        writing.finish();
    }
}
