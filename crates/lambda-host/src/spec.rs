//! What a function is: its command, its environment, and what it is allowed.

use std::collections::BTreeMap;
use std::fmt;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use restapi::{AccountId, FunctionName, Region};

/// A function that runs as processes of this machine.
///
/// Its `Debug` shows the names of its environment, not the values: secrets are put there.
#[derive(Clone)]
pub struct FunctionSpec {
    /// Its name.
    pub name: FunctionName,
    /// Where it says that it is.
    pub region: Region,
    /// Whose it says that it is.
    pub account_id: AccountId,
    /// The program and its arguments. A relative path with a `/` starts at `directory`; a bare name is looked for along
    /// the `PATH` of the function's environment.
    pub command: Vec<String>,
    /// What `_HANDLER` says; only some runtimes read it.
    pub handler: String,
    /// Where it runs: `LAMBDA_TASK_ROOT`.
    pub directory: PathBuf,
    /// Its own variables. What Lambda sets itself cannot be among them.
    pub environment: BTreeMap<String, String>,
    /// How many invocations may run at once, one process each.
    pub concurrency: NonZeroUsize,
    /// How much memory a process and its children may have together. Enforced on Linux only.
    pub memory_mib: NonZeroU64,
    /// How long a process may take to ask for its first invocation; 10 s on AWS.
    pub init_timeout: Duration,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// How long a process that is not needed is kept.
    pub spare_after: Duration,
}

/// Why a function cannot be run.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// There is nothing to run.
    #[error("the command is empty")]
    NoCommand,
    /// No operating system takes it.
    #[error("the command has a zero byte in it")]
    ZeroByteInCommand,
    /// Lambda takes letters, digits and underscores, a letter first, two at least.
    #[error("`{0}` cannot be the name of a function's environment variable")]
    VariableName(String),
    /// Lambda sets it itself.
    #[error("`{0}` is set by Lambda and cannot be set by a function")]
    ReservedVariable(String),
    /// No operating system takes it. The value is not shown.
    #[error("the value of `{0}` has a zero byte in it")]
    ZeroByteInVariable(String),
    /// A process that may never run.
    #[error("`{0}` must be longer than nothing")]
    NoTime(&'static str),
}

impl FunctionSpec {
    /// A function `name` that runs `command` in `directory`, with what Lambda gives a new function otherwise: 128 MiB,
    /// 3 s, no variables; and a concurrency of 10, which is what a new AWS account may have of it.
    pub fn new(name: FunctionName, region: Region, account_id: AccountId, command: Vec<String>) -> Self {
        Self {
            name,
            region,
            account_id,
            command,
            handler: "bootstrap".to_owned(),
            directory: PathBuf::from("/"),
            environment: BTreeMap::new(),
            concurrency: NonZeroUsize::MIN.saturating_add(9),
            memory_mib: NonZeroU64::MIN.saturating_add(127),
            init_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(3),
            spare_after: Duration::from_mins(5),
        }
    }

    /// Its ARN.
    pub fn arn(&self) -> String {
        let Self { name, region, account_id, .. } = self;
        format!("arn:aws:lambda:{region}:{account_id}:function:{name}")
    }

    /// Whether it can be run.
    pub(crate) fn check(&self) -> Result<(), SpecError> {
        if self.command.first().is_none_or(String::is_empty) {
            return Err(SpecError::NoCommand);
        }
        if self.command.iter().any(|argument| argument.contains('\0')) {
            return Err(SpecError::ZeroByteInCommand);
        }
        for (name, value) in &self.environment {
            check_variable(name, value)?;
        }
        for (name, duration) in [("init_timeout", self.init_timeout), ("timeout", self.timeout)] {
            if duration.is_zero() {
                return Err(SpecError::NoTime(name));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for FunctionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionSpec")
            .field("name", &self.name)
            .field("program", &self.command.first())
            .field("directory", &self.directory)
            .field("environment", &self.environment.keys())
            .field("concurrency", &self.concurrency)
            .field("memory_mib", &self.memory_mib)
            .field("init_timeout", &self.init_timeout)
            .field("timeout", &self.timeout)
            .field("spare_after", &self.spare_after)
            .finish_non_exhaustive()
    }
}

fn check_variable(name: &str, value: &str) -> Result<(), SpecError> {
    let well_formed = name.len() >= 2
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|other| other.is_ascii_alphanumeric() || other == '_');
    if RESERVED.contains(&name) {
        Err(SpecError::ReservedVariable(name.to_owned()))
    } else if !well_formed {
        Err(SpecError::VariableName(name.to_owned()))
    } else if value.contains('\0') {
        Err(SpecError::ZeroByteInVariable(name.to_owned()))
    } else {
        Ok(())
    }
}

/// What Lambda reserves ("Defined runtime environment variables"). `PATH`, `LANG` and the like may be changed.
const RESERVED: [&str; 20] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "TZ",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> FunctionSpec {
        let name = FunctionName::parse("greeter").unwrap();
        let region = Region::parse("eu-central-1").unwrap();
        let account_id = AccountId::parse("000000000000").unwrap();
        FunctionSpec::new(name, region, account_id, vec!["./bootstrap".into()])
    }

    fn with(name: &str, value: &str) -> Result<(), SpecError> {
        FunctionSpec { environment: [(name.to_owned(), value.to_owned())].into(), ..spec() }.check()
    }

    #[test]
    fn names_that_lambda_sets_are_refused() {
        for name in RESERVED {
            assert_eq!(with(name, ""), Err(SpecError::ReservedVariable(name.into())));
        }
        for name in ["PATH", "LANG", "NODE_PATH", "LOG_LEVEL"] {
            assert_eq!(with(name, "x"), Ok(()));
        }
    }

    #[test]
    fn names_that_lambda_refuses_are_refused() {
        for name in ["", "A", "1A", "A-B", "A=B", "_AB", "Ä1", "A B"] {
            assert_eq!(with(name, ""), Err(SpecError::VariableName(name.into())), "{name}");
        }
    }

    #[test]
    fn zero_bytes_are_refused_without_showing_the_value() {
        let error = with("TOKEN", "sesame\0").unwrap_err();
        assert_eq!(error, SpecError::ZeroByteInVariable("TOKEN".into()));
        assert!(!error.to_string().contains("sesame"));
        let spec = FunctionSpec { command: vec!["a\0b".into()], ..spec() };
        assert_eq!(spec.check(), Err(SpecError::ZeroByteInCommand));
    }

    #[test]
    fn nothing_to_run_and_no_time_to_run_are_refused() {
        for command in [vec![], vec![String::new()]] {
            assert_eq!(FunctionSpec { command, ..spec() }.check(), Err(SpecError::NoCommand));
        }
        let hurried = FunctionSpec { timeout: Duration::ZERO, ..spec() };
        assert_eq!(hurried.check(), Err(SpecError::NoTime("timeout")));
    }

    #[test]
    fn debug_shows_no_value() {
        let command = vec!["run".into(), "--password=sesame".into()];
        let environment = [("TOKEN".to_owned(), "sesame".to_owned())].into();
        let debug = format!("{:?}", FunctionSpec { command, environment, ..spec() });
        assert!(debug.contains("TOKEN") && !debug.contains("sesame"), "{debug}");
    }

    #[test]
    fn arn_names_region_account_and_function() {
        assert_eq!(spec().arn(), "arn:aws:lambda:eu-central-1:000000000000:function:greeter");
    }
}
