//! `waivers`: exceptions from guardrails.

use super::{Inspector, values};
use crate::Waiver;
use crate::document::WaiverDocument;
use crate::error::Shown;
use crate::waiver::LastDay;
use crate::written::{Optional, Written};

pub(super) fn inspect(
    written: Optional<Vec<Written<WaiverDocument>>>,
    inspector: &mut Inspector,
) -> Vec<Waiver> {
    let mut waivers: Vec<Waiver> = Vec::new();
    for (index, written) in written.0.unwrap_or_default().into_iter().enumerate() {
        let path = format!("waivers[{index}]");
        let Some(waiver) = waiver(&written, &path, inspector) else { continue };
        if let Some(earlier) = waivers.iter().find(|one| is_same(one, &waiver)) {
            let problem = format!("the waiver of line {} is for the same", earlier.position.line);
            inspector.report(written.value.at.at, &path, problem, "remove one of the two");
        }
        waivers.push(waiver);
    }
    waivers
}

fn is_same(one: &Waiver, other: &Waiver) -> bool {
    (&one.guardrail, &one.at) == (&other.guardrail, &other.at)
}

fn waiver(written: &Written<WaiverDocument>, path: &str, inspector: &mut Inspector) -> Option<Waiver> {
    let WaiverDocument { guardrail, at, reason, expires } = &written.value;
    let guardrail = inspector.value(guardrail, &format!("{path}.guardrail"), GUARDRAIL, |id| self::id(id));
    let at = inspector.value(at, &format!("{path}.at"), AT, |at| object(at));
    let reason = inspector.value(reason, &format!("{path}.reason"), REASON, |text| self::reason(text));
    let expires = inspector.value(expires, &format!("{path}.expires"), EXPIRES, |day| {
        day.parse::<LastDay>().map_err(|error| format!("{} is {error}", Shown(day)))
    });
    Some(Waiver { guardrail: guardrail?, at: at?, reason: reason?, expires: expires?, position: written.at })
}

/// An id by its form: which rules there are, of those that only Terraform can break too, is known elsewhere.
fn id(text: &str) -> Result<String, String> {
    let number = text.strip_prefix("TB").filter(|digits| digits.len() == 3);
    let number = number.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    match number {
        Some(digits) if digits != "000" => Ok(text.into()),
        _ => Err(format!("{} is not a guardrail's id", Shown(text))),
    }
}

fn object(text: &str) -> Result<String, String> {
    let text = values::one_line(text)?;
    match text.chars().last() {
        Some(last @ ('/' | '.' | '[')) => Err(format!("{} ends with `{last}`", Shown(&text))),
        // `usagePlans`, `module` or a resource's type: an exception for all that there are is none.
        _ if !text.contains(['/', '.']) => Err(format!("{} names a kind of objects, not one", Shown(&text))),
        _ => Ok(text),
    }
}

/// A reason that says something. Whoever folds it over several lines means one text.
fn reason(text: &str) -> Result<String, String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().filter(|c| c.is_alphanumeric()).count() < SHORTEST_REASON {
        return Err("this says too little".into());
    }
    values::one_line(&text)
}

const SHORTEST_REASON: usize = 10;
const GUARDRAIL: &str = "write the id as the finding has it, such as `TB018`";
const AT: &str = "write the object as the finding has it, such as `usagePlans/partner`, with nothing behind its name; \
                  it covers what is below it, too";
const REASON: &str = "say why this is right for now, in 10 letters or more";
const EXPIRES: &str = "write the last day on which it holds, such as `2027-01-31`";
