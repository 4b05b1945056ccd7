//! Where log lines go: files, stdout, stderr; each behind a journal, so that nothing that is logged is waited for.
//!
//! Files are opened anew on SIGHUP, so that whoever rotates logs moves them away and says so. A file has whole lines: one
//! that a crash or a full disk cut short is ended before the next.

use std::backtrace::Backtrace;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use journal::{Journal, Reopen, Writing};
use tokio::signal::unix::Signal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};
use tracing_subscriber::fmt::MakeWriter;

use crate::state::open_append;

/// Room for some ten thousand lines: a disk that stalls for a moment refuses nobody.
const BUFFER: usize = 8 * 1024 * 1024;

/// The program's own log is small.
const OWN_BUFFER: usize = 256 * 1024;

/// Crates that see what peers send before anybody has looked at it, and warn of it line by line.
const QUIET: &str = "h2=error,hyper=error,rustls=error";

/// How large a log may grow that anybody makes lines in, before it is set aside. The one before it is kept, so it takes twice
/// as much.
const LOG_BYTES: u64 = 256 * 1024 * 1024;

/// How long the end of the program waits for what has not been written yet.
const PATIENCE: Duration = Duration::from_secs(5);

/// The access log: to a file that is named, to stdout, or to its own file, which is bounded. Anybody who reaches the
/// front door makes lines in it, and nobody may fill the disk.
pub(crate) fn access(named: Option<&Path>, own: PathBuf) -> anyhow::Result<(Journal, Writing)> {
    start("access", named, own, Some(LOG_BYTES))
}

/// The execution log: as the access log.
pub(crate) fn execution(named: Option<&Path>, own: PathBuf) -> anyhow::Result<(Journal, Writing)> {
    start("execution", named, own, Some(LOG_BYTES))
}

/// The audit log: to a file that is named, to stdout, or to its own file, which is never cut. Only requests with an
/// admitted key make lines in it.
pub(crate) fn audit(named: Option<&Path>, own: PathBuf) -> anyhow::Result<(Journal, Writing)> {
    start("audit", named, own, None)
}

/// What functions in processes of their own write: to a file that is bounded as the access log is.
pub(crate) fn function(own: PathBuf) -> anyhow::Result<(Journal, Writing)> {
    start("function", None, own, Some(LOG_BYTES))
}

/// Has the files of `journals` opened anew at every hangup. It does not end by itself.
pub(crate) async fn reopen_on(mut hangups: Signal, journals: Vec<Journal>) {
    while hangups.recv().await.is_some() {
        journals.iter().for_each(Journal::reopen);
        tracing::info!("log files are opened anew");
    }
}

/// Starts the program's own log, on stderr: for people on a terminal, as JSON lines elsewhere. Lines that stderr does
/// not take are dropped, for nothing may wait for whoever reads it.
pub(crate) fn own(filter: &str) -> anyhow::Result<(Journal, Writing)> {
    let filter = chosen(filter)
        .with_context(|| format!("`{filter}` is no log filter; `info` or `gateway=debug` are"))?;
    let (journal, writing) = Journal::start("log", io::stderr(), OWN_BUFFER)?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .log_internal_errors(false)
        .with_writer(Lines(journal.clone()));
    let started = if io::stderr().is_terminal() {
        subscriber.with_target(false).compact().try_init()
    } else {
        subscriber.json().flatten_event(true).try_init()
    };
    started.map_err(|error| anyhow::anyhow!(error)).context("logging cannot be started")?;
    // The usual hook writes to stderr, and waits for it.
    std::panic::set_hook(Box::new(|panic| tracing::error!(backtrace = %Backtrace::capture(), "{panic}")));
    Ok((journal, writing))
}

/// What `filter` shows, without the warnings of those who speak to peers first: nobody may make this log long by what they
/// send. A filter that names them shows them.
fn chosen(filter: &str) -> Result<EnvFilter, ParseError> {
    let whole = EnvFilter::try_new(filter)?;
    if whole.max_level_hint().is_some_and(|most| most <= LevelFilter::ERROR) {
        return Ok(whole);
    }
    // Of two directives for one target the latter counts.
    EnvFilter::try_new(format!("{QUIET},{filter}"))
}

/// Ends a log. What it cannot write in time is lost, and said.
pub(crate) fn finish(name: &str, writing: Writing) {
    if !writing.finish(PATIENCE) {
        tracing::error!(journal = name, "the last lines of a log could not be written");
    }
}

fn start(
    name: &'static str,
    named: Option<&Path>,
    own: PathBuf,
    bound: Option<u64>,
) -> anyhow::Result<(Journal, Writing)> {
    let started = match named {
        Some(path) if path.as_os_str() == "-" => Journal::start(name, io::stdout(), BUFFER),
        // Whoever names a file sees to its size.
        Some(path) => Journal::start_reopening(name, LogFile::open(path.to_owned(), None)?, BUFFER),
        None => Journal::start_reopening(name, LogFile::open(own, bound)?, BUFFER),
    };
    started.context("a thread for a log cannot be started")
}

/// Writes each line into a journal, or nowhere.
#[derive(Clone, Debug)]
struct Lines(Journal);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // A dropped line is counted by the journal. It cannot be logged.
        let _dropped = self.0.offer(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A file of whole lines. With a bound it is set aside when it has grown to that; the one that was set aside before is
/// replaced.
#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    file: File,
    size: u64,
    bound: Option<u64>,
    /// Nothing, or a line, ends the file: it may be left here.
    is_whole: bool,
}

impl LogFile {
    fn open(path: PathBuf, bound: Option<u64>) -> anyhow::Result<Self> {
        let mut file = open_append(&path)?;
        let about = file.metadata().with_context(|| format!("`{}` cannot be read", path.display()))?;
        if about.is_file() && about.len() > 0 && !ends_in_a_line(&path)? {
            file.write_all(b"\n").with_context(|| format!("`{}` cannot be written", path.display()))?;
        }
        Ok(Self { path, file, size: about.len(), bound, is_whole: true })
    }

    fn set_aside(&mut self) -> io::Result<()> {
        let mut aside = self.path.clone().into_os_string();
        aside.push(".1");
        // Somebody may have taken the file away already.
        std::fs::rename(&self.path, aside).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        self.reopen()
    }
}

/// Whether the last byte is a line feed. What cannot be read (a file that may only be written) is taken to end in one.
fn ends_in_a_line(path: &Path) -> anyhow::Result<bool> {
    let Ok(mut file) = File::open(path) else { return Ok(true) };
    let mut last = [0];
    let read = file.seek(SeekFrom::End(-1)).and_then(|_| file.read_exact(&mut last));
    read.with_context(|| format!("`{}` cannot be read", path.display()))?;
    Ok(last == *b"\n")
}

impl Write for LogFile {
    /// Takes whole lines where it can: a batch is cut only where the disk cuts it, and a line is in one file.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_whole && self.bound.is_some_and(|bound| self.size >= bound) {
            self.set_aside()?;
        }
        let written = self.file.write(bytes)?;
        self.size += u64::try_from(written).unwrap_or(u64::MAX);
        self.is_whole = bytes.get(..written).is_none_or(|bytes| bytes.ends_with(b"\n"));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Reopen for LogFile {
    fn reopen(&mut self) -> io::Result<()> {
        *self = Self::open(self.path.clone(), self.bound).map_err(io::Error::other)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn bounded_file_is_set_aside_and_never_takes_more_than_twice_its_bound() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        let mut log = LogFile::open(path.clone(), Some(10)).unwrap();
        for line in ["one....\n", "two....\n", "three..\n", "four...\n", "five...\n"] {
            log.write_all(line.as_bytes()).unwrap();
        }
        let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!(read("access.log"), "five...\n");
        assert_eq!(read("access.log.1"), "three..\nfour...\n");
        std::fs::remove_file(directory.path().join("access.log")).unwrap();
        log.write_all(b"gone\n").unwrap();
        log.write_all(b"back....\n").unwrap();
        assert_eq!(read("access.log"), "back....\n");
        std::fs::write(directory.path().join("access.log"), "five...\n").unwrap();
        drop(log);
        let mut again = LogFile::open(path, Some(10)).unwrap();
        again.write_all(b"six....\n").unwrap();
        assert_eq!(read("access.log"), "five...\nsix....\n");
    }

    /// Whether warnings of `target` are shown, and errors of it.
    macro_rules! shown {
        ($filter:expr, $target:literal) => {{
            let subscriber = tracing_subscriber::fmt().with_env_filter(chosen($filter).unwrap()).finish();
            tracing::subscriber::with_default(subscriber, || {
                (
                    tracing::enabled!(target: $target, Level::WARN),
                    tracing::enabled!(target: $target, Level::ERROR),
                )
            })
        }};
    }

    #[test]
    fn warnings_that_any_peer_can_cause_are_shown_only_where_they_are_asked_for() {
        for filter in ["info", "warn", "debug", "info,gateway=debug", "hyper=info,rustls=info,info"] {
            assert_eq!(shown!(filter, "h2::proto::ping_pong"), (false, true), "{filter}");
            assert_eq!(shown!(filter, "token_broker::reload"), (true, true), "{filter}");
        }
        assert_eq!(shown!("info", "hyper::proto::h1::conn"), (false, true));
        assert_eq!(shown!("info", "rustls::msgs::handshake"), (false, true));
        for filter in ["h2=warn", "info,h2=debug", "h2::proto=trace,info"] {
            assert_eq!(shown!(filter, "h2::proto::ping_pong"), (true, true), "{filter}");
        }
    }

    #[test]
    fn filter_that_shows_less_is_left_as_it_is() {
        for (filter, shown) in [("off", false), ("", false), ("token_broker=error", false), ("error", true)] {
            assert_eq!(shown!(filter, "h2::proto::ping_pong"), (false, shown), "{filter}");
        }
        assert_eq!(shown!("token_broker=error", "token_broker::reload"), (false, true));
    }

    #[test]
    fn line_that_was_cut_short_is_ended_and_the_next_stands_by_itself() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.log");
        std::fs::write(&path, "whole\nhal").unwrap();
        let mut log = LogFile::open(path.clone(), None).unwrap();
        log.write_all(b"next\n").unwrap();
        log.reopen().unwrap();
        log.write_all(b"last\n").unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "whole\nhal\nnext\nlast\n");
    }

    #[test]
    fn file_is_not_set_aside_in_the_middle_of_a_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        let mut log = LogFile::open(path.clone(), Some(4)).unwrap();
        // As a disk takes it that is full in between.
        log.write_all(b"first l").unwrap();
        log.write_all(b"ine\nsecond line\n").unwrap();
        log.write_all(b"third\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "third\n");
        let aside = directory.path().join("access.log.1");
        assert_eq!(std::fs::read_to_string(aside).unwrap(), "first line\nsecond line\n");
    }

    #[test]
    fn file_that_was_moved_away_is_opened_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        let mut log = LogFile::open(path.clone(), None).unwrap();
        log.write_all(b"before\n").unwrap();
        std::fs::rename(&path, directory.path().join("access.log.1")).unwrap();
        log.write_all(b"still before\n").unwrap();
        log.reopen().unwrap();
        log.write_all(b"after\n").unwrap();
        let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!(
            (read("access.log"), read("access.log.1")),
            ("after\n".into(), "before\nstill before\n".into())
        );
    }
}
