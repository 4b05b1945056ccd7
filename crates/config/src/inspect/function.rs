//! `homes.local.function`: where the function runs that the API calls.

use std::num::NonZeroU32;
use std::time::Duration;

use super::{Inspector, values};
use crate::definition::{FunctionHome, FunctionProcesses};
use crate::document::{FunctionDocument, FunctionProcessDocument};
use crate::error::Shown;
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
            let mend = "write `in_process`, or a mapping with `command`";
            inspector.report(at, FUNCTION, format!("{} is no place to run in", Shown(&word)), mend);
            None
        }
        WordOr::Mapping(document) => processes(&document, inspector).map(FunctionHome::Processes),
    }
}

fn processes(document: &FunctionProcessDocument, inspector: &mut Inspector) -> Option<FunctionProcesses> {
    let FunctionProcessDocument { command, concurrency, memory, timeout } = document;
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

fn path(name: &str) -> String {
    format!("{FUNCTION}.{name}")
}

const FUNCTION: &str = "homes.local.function";
const MOST_PROCESSES: u32 = 1_000;
const MEMORY: std::ops::RangeInclusive<u32> = 128..=10_240;
const TIMEOUT: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(15);
