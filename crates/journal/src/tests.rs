//! Lines that are accepted are written, whole and in order, whatever becomes of what they are written to.

use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;
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

/// A file that is opened anew.
struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    fn open(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(&path)?;
        Ok(Self { path, file })
    }
}

impl Write for Log {
    /// At most some bytes at a time, so that lines end in the middle of writes.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes.get(..7).unwrap_or(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Reopen for Log {
    fn reopen(&mut self) -> io::Result<()> {
        *self = Self::open(self.path.clone())?;
        Ok(())
    }
}

#[test]
fn no_line_is_lost_torn_or_doubled_while_its_file_is_moved_away_again_and_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.log");
    let (journal, writing) =
        Journal::start_reopening("test", Log::open(path.clone()).unwrap(), 1 << 20).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let journal = journal.clone();
            std::thread::spawn(move || {
                for line in 0..2_000 {
                    while journal.offer(format!("{thread} {line:05}\n").as_bytes()) == Err(Refused::Full) {
                        std::thread::yield_now();
                    }
                }
            })
        })
        .collect();
    for rotation in 0..50 {
        // It may not have been opened anew yet.
        let _moved = fs::rename(&path, directory.path().join(format!("audit.log.{rotation}")));
        journal.reopen();
        std::thread::yield_now();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(writing.finish(LONG));
    assert_eq!(journal.refused(), 0);
    let mut lines = Vec::new();
    for entry in fs::read_dir(directory.path()).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "a line is torn: {text:?}");
        lines.extend(text.lines().map(ToOwned::to_owned));
    }
    lines.sort_unstable();
    let expected: Vec<String> =
        (0..4).flat_map(|thread| (0..2_000).map(move |line| format!("{thread} {line:05}"))).collect();
    assert_eq!(lines, expected);
}

#[test]
fn file_is_opened_anew_at_once_and_lines_after_it_are_in_the_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("access.log");
    let (journal, writing) =
        Journal::start_reopening("test", Log::open(path.clone()).unwrap(), 1024).unwrap();
    journal.offer(b"before\n").unwrap();
    while fs::read(&path).unwrap() != b"before\n" {
        std::thread::yield_now();
    }
    let aside = directory.path().join("access.log.1");
    fs::rename(&path, &aside).unwrap();
    journal.reopen();
    // Without any further line.
    while !path.exists() {
        std::thread::yield_now();
    }
    journal.offer(b"after\n").unwrap();
    assert!(writing.finish(LONG));
    assert_eq!(
        (fs::read(&aside).unwrap(), fs::read(&path).unwrap()),
        (b"before\n".into(), b"after\n".into())
    );
}

#[test]
fn file_that_cannot_be_opened_anew_takes_no_line_until_it_can() {
    let directory = tempfile::tempdir().unwrap();
    let logs = directory.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let path = logs.join("audit.log");
    let (journal, writing) =
        Journal::start_reopening("test", Log::open(path.clone()).unwrap(), 1024).unwrap();
    fs::rename(&logs, directory.path().join("away")).unwrap();
    journal.reopen();
    while journal.is_open() {
        std::thread::yield_now();
    }
    assert_eq!(journal.offer(b"refused\n"), Err(Refused::Failing));
    fs::create_dir(&logs).unwrap();
    while !journal.is_open() {
        std::thread::yield_now();
    }
    journal.offer(b"line\n").unwrap();
    assert!(writing.finish(LONG));
    assert_eq!(fs::read(&path).unwrap(), b"line\n");
}
