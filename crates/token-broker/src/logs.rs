//! Where log lines go: files, stdout, stderr; each behind a journal, so that nothing that is logged is waited for.

use std::backtrace::Backtrace;
use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use journal::{Journal, Writing};
use tracing_subscriber::fmt::MakeWriter;

use crate::state::open_append;

/// Room for some ten thousand lines: a disk that stalls for a moment refuses nobody.
const BUFFER: usize = 8 * 1024 * 1024;

/// The program's own log is small.
const OWN_BUFFER: usize = 256 * 1024;

/// How large the access log may grow before it is set aside. The one before it is kept, so it takes twice as much.
const ACCESS_LOG_BYTES: u64 = 256 * 1024 * 1024;

/// How long the end of the program waits for what has not been written yet.
const PATIENCE: Duration = Duration::from_secs(5);

/// The access log: to a file that is named, to stdout, or to its own file, which is bounded. Anybody who reaches the
/// front door makes lines in it, and nobody may fill the disk.
pub(crate) fn access(named: Option<&Path>, own: PathBuf) -> anyhow::Result<(Journal, Writing)> {
    match named {
        None => start("access", Box::new(Bounded::open(own, ACCESS_LOG_BYTES)?)),
        Some(path) => start("access", to(path)?),
    }
}

/// The audit log: to a file that is named, to stdout, or to its own file, which is never cut. Only requests with an
/// admitted key make lines in it.
pub(crate) fn audit(named: Option<&Path>, own: &Path) -> anyhow::Result<(Journal, Writing)> {
    start("audit", to(named.unwrap_or(own))?)
}

/// What functions in processes of their own write: to a file that is bounded as the access log is.
pub(crate) fn function(own: PathBuf) -> anyhow::Result<(Journal, Writing)> {
    start("function", Box::new(Bounded::open(own, ACCESS_LOG_BYTES)?))
}

/// Starts the program's own log, on stderr: for people on a terminal, as JSON lines elsewhere. Lines that stderr does
/// not take are dropped, for nothing may wait for whoever reads it.
pub(crate) fn own(filter: &str) -> anyhow::Result<(Journal, Writing)> {
    let filter = tracing_subscriber::EnvFilter::try_new(filter)
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

/// Ends a log. What it cannot write in time is lost, and said.
pub(crate) fn finish(name: &str, writing: Writing) {
    if !writing.finish(PATIENCE) {
        tracing::error!(journal = name, "the last lines of a log could not be written");
    }
}

fn start(name: &'static str, out: Box<dyn Write + Send>) -> anyhow::Result<(Journal, Writing)> {
    Journal::start(name, out, BUFFER).context("a thread for a log cannot be started")
}

fn to(path: &Path) -> anyhow::Result<Box<dyn Write + Send>> {
    if path.as_os_str() == "-" { Ok(Box::new(io::stdout())) } else { Ok(Box::new(open_append(path)?)) }
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

/// A file that is set aside when it has grown to its bound; the one that was set aside before is replaced.
#[derive(Debug)]
struct Bounded {
    path: PathBuf,
    file: File,
    size: u64,
    bound: u64,
}

impl Bounded {
    fn open(path: PathBuf, bound: u64) -> anyhow::Result<Self> {
        let file = open_append(&path)?;
        let size = file.metadata().with_context(|| format!("`{}` cannot be read", path.display()))?.len();
        Ok(Self { path, file, size, bound })
    }

    fn set_aside(&mut self) -> io::Result<()> {
        let mut aside = self.path.clone().into_os_string();
        aside.push(".1");
        // Somebody may have taken the file away already.
        std::fs::rename(&self.path, aside).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        self.file = open_append(&self.path).map_err(io::Error::other)?;
        self.size = 0;
        Ok(())
    }
}

impl Write for Bounded {
    /// Takes whole lines where it can: a batch is cut only where the disk cuts it.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.size >= self.bound {
            self.set_aside()?;
        }
        let written = self.file.write(bytes)?;
        self.size += u64::try_from(written).unwrap_or(u64::MAX);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounded_file_is_set_aside_and_never_takes_more_than_twice_its_bound() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        let mut log = Bounded::open(path.clone(), 10).unwrap();
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
        let mut again = Bounded::open(path, 10).unwrap();
        again.write_all(b"six....\n").unwrap();
        assert_eq!(read("access.log"), "five...\nsix....\n");
    }
}
