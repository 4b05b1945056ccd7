//! `config check` and `config schema`.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use ambient::{Clock, SystemClock};
use config::Breach;
use serde_json::{Value, json};

use crate::cli::{Output, Place};
use crate::terminal::{self, ACCENT};
use crate::{certificates, chain, definition, traces};

pub(crate) fn run(place: &Place, output: Output) -> anyhow::Result<ExitCode> {
    let file = place.config.display().to_string();
    let checked = check(place);
    if output.json {
        terminal::print_line(&for_programs(&file, &checked).to_string())?;
    }
    match checked {
        Ok(checked) if !output.json => {
            terminal::print(&for_people(&file, &checked))?;
            Ok(ExitCode::SUCCESS)
        }
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            if !output.json {
                terminal::error(&error);
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

/// What there is to say of a definition that can be run.
struct Outcome {
    plans: usize,
    clients: usize,
    passed: Vec<Breach>,
    /// What is to be said of the waivers themselves, and of files.
    notes: Vec<String>,
}

fn check(place: &Place) -> anyhow::Result<Outcome> {
    let definition = definition::read(&place.config)?;
    let now = SystemClock.now();
    let passed = definition::rehearse(&definition, now)?.passed;
    let mut notes = definition::notes_on_waivers(&definition, now);
    // The definition names files: without them it cannot be run either.
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let issuer = chain::external(&definition.local.user_pool, &place.config)?;
    let of_tls = certificates::check(&definition, &place.config, &clock)?;
    let of_traces = traces::check(&definition, &place.config, &clock)?;
    let exposed = issuer.map(|issuer| issuer.exposed).into_iter().flatten().chain(of_traces);
    notes.extend(of_tls.iter().map(ToString::to_string).chain(exposed.map(|exposed| exposed.to_string())));
    Ok(Outcome { plans: definition.plans.len(), clients: definition.clients.len(), passed, notes })
}

fn for_people(file: &str, outcome: &Outcome) -> String {
    let Outcome { plans, clients, passed, notes } = outcome;
    let waived = passed.iter().filter(|breach| breach.waiver.is_some()).count();
    let broken = match (passed.len() - waived, waived) {
        (0, 0) => "no guardrail broken".to_owned(),
        (warnings, waived) => format!("{warnings} warning(s), {waived} waived"),
    };
    let mut text =
        format!("{ACCENT}{file}{ACCENT:#} can be run: {plans} plan(s), {clients} client(s), {broken}\n");
    for Breach { finding, at, waiver, .. } in passed {
        let line = at.map(|at| format!(" (line {})", at.line)).unwrap_or_default();
        let kind = waiver.as_ref().map_or("warning", |_| "waived");
        let until = waiver.as_ref().map(|waiver| format!("; until {}: {}", waiver.expires, waiver.reason));
        // A string takes every write.
        let _written = writeln!(text, "  {kind}: {finding}{line}{}", until.unwrap_or_default());
    }
    for note in notes {
        let _written = writeln!(text, "  note: {note}");
    }
    text
}

fn for_programs(file: &str, checked: &anyhow::Result<Outcome>) -> Value {
    let error = checked.as_ref().err().map(|error| format!("{error:#}"));
    let passed = checked.as_ref().map(|outcome| outcome.passed.as_slice()).unwrap_or_default();
    let notes = checked.as_ref().map(|outcome| outcome.notes.as_slice()).unwrap_or_default();
    let (waived, warnings): (Vec<_>, Vec<_>) = passed.iter().partition(|breach| breach.waiver.is_some());
    let shown = |breaches: Vec<&Breach>| breaches.into_iter().map(breach).collect::<Vec<_>>();
    json!({
        "file": file,
        "ok": error.is_none(),
        "error": error,
        "warnings": shown(warnings),
        "waived": shown(waived),
        "notes": notes,
    })
}

fn breach(breach: &Breach) -> Value {
    let Breach { finding, at, waiver, .. } = breach;
    let waiver = waiver.as_ref().map(|waiver| {
        json!({
            "line": waiver.position.line,
            "expires": waiver.expires.to_string(),
            "reason": waiver.reason,
        })
    });
    json!({
        "guardrail": finding.guardrail.id,
        "severity": finding.guardrail.severity,
        "place": finding.place,
        "line": at.map(|at| at.line),
        "detail": finding.detail,
        "mend": finding.guardrail.mend,
        "waiver": waiver,
    })
}

pub(crate) fn schema() -> anyhow::Result<()> {
    terminal::print_line(&serde_json::to_string_pretty(&config::schema())?)
}
