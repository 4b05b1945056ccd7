//! What the hosts of a function in processes of its own have counted.

use std::sync::Arc;

use lambda_host::{Errors, Stats};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::page::Page;
use crate::function::Hosts;

/// What the hosts of a function in processes of its own have counted.
#[derive(Debug)]
pub(crate) struct FunctionCollector(pub(crate) Arc<Hosts>);

impl Collector for FunctionCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Stats { invocations, throttles, cold_starts, errors, duration, processes, idle } = self.0.stats();
        let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let mut page = Page(&mut encoder);
        let counts = [
            ("function_invocations", "Invocations that were taken", invocations),
            ("function_throttles", "Invocations refused because all processes were busy", throttles),
            ("function_cold_starts", "Invocations that had to start a process first", cold_starts),
            ("function_duration_milliseconds", "How long answered invocations took together", milliseconds),
        ];
        for (name, help, count) in counts {
            page.count(name, help, count)?;
        }
        for (name, help, level) in
            [("function_processes", "Processes there are", processes), ("function_idle", "Idle ones", idle)]
        {
            page.level(name, help, u64::try_from(level).unwrap_or(u64::MAX))?;
        }
        let Errors { function, init, exit, timeout, out_of_memory, too_large, malformed, shutdown } = errors;
        let kinds = [
            ("function", function),
            ("init", init),
            ("exit", exit),
            ("timeout", timeout),
            ("out_of_memory", out_of_memory),
            ("too_large", too_large),
            ("malformed", malformed),
            ("shutdown", shutdown),
        ];
        let kinds = kinds.map(|(kind, count)| ([("kind", kind.to_owned())], count));
        page.counts(("function_errors", "Invocations that failed"), kinds)
    }
}
