//! `homes.local.function`: where the function runs that the API calls.

use std::num::NonZeroU32;
use std::time::Duration;

use oauth::TokenEndpointUrl;

use super::{Inspector, values};
use crate::Position;
use crate::definition::{DeployedFunction, FunctionHome, FunctionProcesses};
use crate::document::{FunctionDocument, FunctionElsewhereDocument};
use crate::error::{DefinitionError, Shown};
use crate::word_or::WordOr;
use crate::written::{Optional, Written};

/// None if it is wrong.
pub(super) fn inspect(
    written: Optional<Written<FunctionDocument>>,
    inspector: &mut Inspector,
) -> Option<FunctionHome> {
    let Some(Written { value, at }) = written.0 else { return Some(FunctionHome::InProcess) };
    inspector.note(FUNCTION, at);
    match value {
        WordOr::Word(word) if word == "in_process" => Some(FunctionHome::InProcess),
        WordOr::Word(word) => {
            let mend = "write `in_process`, or a mapping with `command` or `aws`";
            inspector.report(at, FUNCTION, format!("{} is no place to run in", Shown(&word)), mend);
            None
        }
        WordOr::Mapping(document) => elsewhere(document, at, inspector),
    }
}

/// One of the two places outside this program.
fn elsewhere(
    document: FunctionElsewhereDocument,
    at: Position,
    inspector: &mut Inspector,
) -> Option<FunctionHome> {
    let FunctionElsewhereDocument { command, aws, endpoint, concurrency, memory, timeout } = document;
    let mend = "write `command` for a program of this machine, or `aws` for a function that is deployed";
    match (command.0, aws.0) {
        (Some(_), Some(aws)) => {
            let problem = "there is `command` as well, and a function runs in one place";
            inspector.report(aws.at, &path("aws"), problem, mend);
            None
        }
        (None, None) => {
            inspector.report(at, FUNCTION, "nothing says where the function is", mend);
            None
        }
        (Some(command), None) => {
            refuse(endpoint.0.as_ref(), "endpoint", "a program of this machine has none", inspector);
            processes(&command, &concurrency, &memory, &timeout, inspector).map(FunctionHome::Processes)
        }
        (None, Some(aws)) => {
            let problem = "the function on AWS has its own";
            refuse(concurrency.0.as_ref(), "concurrency", problem, inspector);
            refuse(memory.0.as_ref(), "memory", problem, inspector);
            deployed(&aws, endpoint, &timeout, inspector).map(FunctionHome::Deployed)
        }
    }
}

/// A field that means nothing where the function is.
fn refuse<T>(written: Option<&Written<T>>, name: &str, problem: &str, inspector: &mut Inspector) {
    if let Some(written) = written {
        inspector.report(written.at, &path(name), problem, "remove the field");
    }
}

fn processes(
    command: &Written<Vec<String>>,
    concurrency: &Optional<Written<u64>>,
    memory: &Optional<Written<u64>>,
    timeout: &Optional<Written<String>>,
    inspector: &mut Inspector,
) -> Option<FunctionProcesses> {
    let mend = "write the program and its arguments as a list, such as `[./bootstrap]`";
    let command = inspector.value(command, &path("command"), mend, |words| {
        let (program, arguments) = words.split_first().ok_or("the list is empty")?;
        let has_nul = words.iter().any(|word| word.contains('\0'));
        if program.trim().is_empty() || has_nul {
            Err("this is no program")
        } else {
            Ok((program.clone(), arguments.to_vec()))
        }
    });
    let mend = "write a whole number from 1 to 1000, such as `10`";
    let concurrency = inspector.optional(concurrency, &path("concurrency"), mend, |number| {
        let number = u32::try_from(*number).ok().filter(|number| *number <= MOST_PROCESSES);
        number.and_then(NonZeroU32::new).ok_or("this is no number of processes")
    });
    let mend = "write whole MiB from 128 to 10240, such as `128`";
    let memory = inspector.optional(memory, &path("memory"), mend, |mebibytes| {
        let mebibytes = u32::try_from(*mebibytes).ok().filter(|size| MEMORY.contains(size));
        mebibytes.ok_or("Lambda gives a function no such memory")
    });
    let mend = "write `1s` to `15m`, such as `29s`";
    let timeout = inspector.optional(timeout, &path("timeout"), mend, |text| {
        let timeout = values::duration(text)?;
        if TIMEOUT.contains(&timeout) {
            Ok(timeout)
        } else {
            Err("Lambda gives a function no such time".to_owned())
        }
    });
    let (program, arguments) = command?;
    Some(FunctionProcesses {
        program,
        arguments,
        concurrency: concurrency.unwrap_or(NonZeroU32::MIN.saturating_add(9)),
        memory: memory.unwrap_or(*MEMORY.start()),
        timeout: timeout.unwrap_or(Duration::from_secs(29)),
    })
}

fn deployed(
    arn: &Written<String>,
    endpoint: Optional<Written<String>>,
    timeout: &Optional<Written<String>>,
    inspector: &mut Inspector,
) -> Option<DeployedFunction> {
    let mend = "write `arn:aws:lambda:REGION:ACCOUNT:function:NAME`, with `:ALIAS` behind it if one is meant";
    let arn = inspector.value(arn, &path("aws"), mend, |text| text.parse());
    let endpoint = match endpoint.0 {
        Some(written) => self::endpoint(&written, inspector).map(Some),
        None => Some(None),
    };
    let mend = "write `1s` to `28s`, or remove the field for the 29 s that API Gateway waits";
    let timeout = inspector.optional(timeout, &path("timeout"), mend, |text| {
        let timeout = values::duration(text)?;
        if PATIENCE.contains(&timeout) {
            Ok(timeout)
        } else {
            Err("the front door cannot wait so long, or has no use for it".to_owned())
        }
    });
    Some(DeployedFunction { arn: arn?, endpoint: endpoint?, timeout })
}

/// Requests that are sent there have clients' API keys in them, so it must be as safe as a token endpoint.
fn endpoint(written: &Written<String>, inspector: &mut Inspector) -> Option<TokenEndpointUrl> {
    values::endpoint(&written.value).map_err(|problem| {
        // The line may have a password in it.
        let mend =
            "write the endpoint alone, such as `http://127.0.0.1:4566`, or remove the field for AWS's own";
        let error = DefinitionError::new(written.at, path("endpoint"), problem, mend.into());
        inspector.errors.push(error.unshown());
    })
    .ok()
}

fn path(name: &str) -> String {
    format!("{FUNCTION}.{name}")
}

const FUNCTION: &str = "homes.local.function";
const MOST_PROCESSES: u32 = 1_000;
const MEMORY: std::ops::RangeInclusive<u32> = 128..=10_240;
const TIMEOUT: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(15);
/// Less than the front door waits, so that it is always clear which of the two was it.
const PATIENCE: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(28);
