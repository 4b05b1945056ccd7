//! Why a process ended, and what that means to the invocation that it was running.

/// Why a process ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// The command could not be run.
    NotStarted,
    /// It did not ask for its first invocation in time.
    InitTimedOut,
    /// It said that it could not get ready.
    InitFailed,
    /// It exited before it asked for its first invocation.
    InitExited,
    /// It exited later on.
    Exited,
    /// It did not answer in time, or did not ask for the next invocation.
    TimedOut,
    /// It had more memory than the function is allowed.
    OutOfMemory,
    /// It was idle for long, and is not needed.
    Spare,
    /// The host shuts down.
    Shutdown,
}

impl Ending {
    /// One word, for the log.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "not_started",
            Self::InitTimedOut => "init_timeout",
            Self::InitFailed => "init_error",
            Self::InitExited => "init_exit",
            Self::Exited => "exit",
            Self::TimedOut => "timeout",
            Self::OutOfMemory => "out_of_memory",
            Self::Spare => "spare",
            Self::Shutdown => "shutdown",
        }
    }

    /// Whether it ended because the host wanted it to, with nothing wrong.
    pub(crate) const fn is_wanted(self) -> bool {
        matches!(self, Self::Spare | Self::Shutdown)
    }
}
