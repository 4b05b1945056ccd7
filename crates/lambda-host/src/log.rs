//! Where the output of a function's processes goes.

use std::fmt;

/// Takes the output of a function's processes, line by line, and loses none: audit lines may be among them.
///
/// It is called from the task that empties a process's pipe, so it must not block. A line that there is no room for is
/// offered again; until it is taken the pipe is not emptied, and a process that goes on writing waits.
pub trait FunctionLog: fmt::Debug + Send + Sync {
    /// Takes one line, or has no room for it now.
    fn offer(&self, line: &LogLine<'_>) -> Result<(), NoRoom>;

    /// Whether lines will be taken. While they will not, the function is not invoked: it could not say what it did.
    fn is_open(&self) -> bool {
        true
    }
}

/// There is no room for a line at the moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the log of functions has no room")]
pub struct NoRoom;

/// One line that a process wrote.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LogLine<'a> {
    /// The function's name.
    pub function: &'a str,
    /// Which of its processes, counted from the first that the host started.
    pub process: u64,
    /// Where the process wrote it.
    pub stream: Stream,
    /// The line, without its end. What is not UTF-8 and what could steer a terminal is replaced.
    pub text: &'a str,
    /// Whether the line was longer, and the rest is dropped.
    pub is_cut: bool,
}

/// Where a process writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// `stdout` or `stderr`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// Writes each line as an event of the target `lambda::function`.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingLog;

impl FunctionLog for TracingLog {
    fn offer(&self, line: &LogLine<'_>) -> Result<(), NoRoom> {
        let LogLine { function, process, stream, text, is_cut } = *line;
        let stream = stream.as_str();
        if is_cut {
            tracing::info!(target: "lambda::function", function, process, stream, is_cut, "{text}");
        } else {
            tracing::info!(target: "lambda::function", function, process, stream, "{text}");
        }
        Ok(())
    }
}
