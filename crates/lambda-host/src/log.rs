//! Where the output of a function's processes goes.

use std::fmt;

/// Takes the output of a function's processes, line by line.
///
/// It is called from the task that empties a process's pipe, so it must not block: hand the line on or drop it.
pub trait FunctionLog: fmt::Debug + Send + Sync {
    /// Takes one line.
    fn line(&self, line: &LogLine<'_>);
}

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
    /// How many lines were dropped between the line before and this one, because there were too many at once.
    pub dropped: u64,
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
    fn line(&self, line: &LogLine<'_>) {
        let LogLine { function, process, stream, text, is_cut, dropped } = *line;
        let stream = stream.as_str();
        if is_cut || dropped > 0 {
            tracing::info!(target: "lambda::function", function, process, stream, is_cut, dropped, "{text}");
        } else {
            tracing::info!(target: "lambda::function", function, process, stream, "{text}");
        }
    }
}
