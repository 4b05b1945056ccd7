//! Lines to a file or to stdout, written by a thread of their own.
//!
//! Whoever offers a line copies it into a bounded buffer and goes on; the disk is never waited for. Lines are written in
//! the order in which they were accepted, a few milliseconds later at most while the disk keeps up. What to do when the
//! buffer is full or nothing can be written is the caller's to say: an access log counts the line as dropped, an audit
//! log refuses the request.
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

fn write_all(name: &'static str, shared: &Shared, mut out: impl Write) {
    let mut batch = Vec::new();
    loop {
        std::mem::swap(&mut gather(shared).bytes, &mut batch);
        if batch.is_empty() {
            shared.lock().clean = true;
            return;
        }
        let mut written = 0;
        while let Err(error) = write_on(&mut out, &batch, &mut written) {
            // A pipe that is full for a moment has not failed: the buffer bridges it.
            let is_slow = error.kind() == io::ErrorKind::WouldBlock;
            let is_new = !is_slow && !std::mem::replace(&mut shared.lock().failing, true);
            if is_new {
                tracing::error!(journal = name, %error, "a log cannot be written; it is tried again");
            }
            // What is lost when nobody waits any longer, `finish` says.
            if !pause(shared, if is_slow { LINGER } else { AGAIN }) {
                return;
            }
        }
        batch.clear();
        if std::mem::replace(&mut shared.lock().failing, false) {
            tracing::info!(journal = name, "a log can be written again; no accepted line was lost");
        }
    }
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
    let idle = |pending: &mut Pending| pending.bytes.is_empty() && !pending.finishing;
    let pending = shared.changed.wait_while(shared.lock(), idle).unwrap_or_else(PoisonError::into_inner);
    let small = |pending: &mut Pending| pending.bytes.len() < BATCH && !pending.finishing;
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
        assert!(writing.finish(LONG));
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
        assert!(writing.finish(LONG));
        assert_eq!(read.iter().flatten().collect::<Vec<_>>(), b"one\ntwo\n");
    }

    #[test]
    fn failed_write_is_tried_again_and_until_then_no_line_is_accepted() {
        let (journal, writing, open, read) = gated(1024);
        journal.offer(b"a\n").unwrap();
        open.send(Err(io::Error::other("disk full"))).unwrap();
        while journal.is_open() {
            std::thread::yield_now();
        }
        assert_eq!(journal.offer(b"b\n"), Err(Refused::Failing));
        open.send(Err(io::Error::other("disk full"))).unwrap();
        open.send(Ok(())).unwrap();
        while !journal.is_open() {
            std::thread::yield_now();
        }
        journal.offer(b"c\n").unwrap();
        open.send(Ok(())).unwrap();
        assert!(writing.finish(LONG));
        assert_eq!(read.iter().flatten().collect::<Vec<_>>(), b"a\nc\n");
    }

    #[test]
    fn write_goes_on_where_it_stopped() {
        /// Takes one byte at a time and fails between them.
        struct Grudging(mpsc::Sender<u8>, bool);
        impl Write for Grudging {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.1 = !self.1;
                if self.1 {
                    return Err(io::Error::other("not now"));
                }
                self.0.send(bytes[0]).unwrap();
                Ok(1)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (sender, read) = mpsc::channel();
        let (journal, writing) = Journal::start("test", Grudging(sender, false), 1024).unwrap();
        journal.offer(b"abc").unwrap();
        let first: Vec<u8> = read.iter().take(3).collect();
        assert_eq!(first, b"abc");
        writing.finish(LONG);
    }

    #[test]
    fn journal_whose_writer_panics_takes_no_line() {
        struct Panics;
        impl Write for Panics {
            fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
                panic!("a writer with a mistake in it")
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (journal, writing) = Journal::start("test", Panics, 1024).unwrap();
        journal.offer(b"a\n").unwrap();
        while journal.is_open() {
            std::thread::yield_now();
        }
        assert_eq!(journal.offer(b"b\n"), Err(Refused::Closed));
        assert!(!writing.finish(LONG), "a line is lost, and that is said");
    }

    #[test]
    fn end_waits_for_a_write_that_fails_and_then_succeeds_and_no_longer_than_it_is_told() {
        let failing = || {
            let (journal, writing, open, read) = gated(1024);
            journal.offer(b"a\n").unwrap();
            open.send(Err(io::Error::other("disk full"))).unwrap();
            while journal.is_open() {
                std::thread::yield_now();
            }
            (writing, open, read)
        };
        let (writing, open, read) = failing();
        open.send(Ok(())).unwrap();
        assert!(writing.finish(LONG));
        assert_eq!(read.recv().unwrap(), b"a\n");

        let (writing, _open, _read) = failing();
        assert!(!writing.finish(Duration::ZERO), "the line is lost, and that is said");
    }

    #[test]
    fn pipe_that_is_full_for_a_moment_has_not_failed() {
        // Each of these is taken when the writer asks for it: when the second has been, the first has had its effect.
        let (open, opened) = mpsc::sync_channel(0);
        let (written, read) = mpsc::channel();
        let (journal, writing) = Journal::start("test", Gate { open: opened, written }, 1024).unwrap();
        journal.offer(b"a\n").unwrap();
        open.send(Err(io::ErrorKind::WouldBlock.into())).unwrap();
        open.send(Err(io::ErrorKind::WouldBlock.into())).unwrap();
        assert!(journal.is_open());
        open.send(Ok(())).unwrap();
        assert_eq!(read.recv().unwrap(), b"a\n");
        assert!(writing.finish(LONG));
    }

    const LONG: Duration = Duration::from_mins(1);
}
