//! The access log: a format that the stage has, and values that a client chooses.
//!
//! The first line is the format, or the name of one, none for the default; the second what a client calls itself, and what follows the target
//! that it asks for.

mod fields;

use serde_json::{Map, Value};

use crate::front_door::{self, KEY, Setup};
use crate::{Broken, Kept};

/// A request has one line, and nothing that it says changes what the line is made of.
pub(crate) fn check(input: &[u8]) -> Kept {
    let mut parts = input.splitn(3, |byte| *byte == b'\n');
    let mut part = || parts.next().unwrap_or_default();
    let (format, agent, target) = (part(), part(), part());
    let Ok(format) = str::from_utf8(format) else { return Ok(()) };
    let format = fields::named(format).unwrap_or(format);
    let format = (!format.is_empty()).then(|| format.to_owned());
    let setup = Setup { format: format.clone(), ..Setup::default() };
    let seen = front_door::run(&setup, &[&request(agent, target)])?;
    let log = str::from_utf8(&seen.log).map_err(|error| Broken::by("the log", error))?;
    keep!(!log.contains(KEY) || said(agent, target, format.as_deref()), "the key is in the log: {log:?}");
    let line = log.strip_suffix('\n').ok_or_else(|| Broken::new(format!("no whole line: {log:?}")))?;
    let own = format.unwrap_or_else(|| DEFAULT.to_owned());
    let is_served = !seen.events.is_empty();
    match is_line_of(&own, line, agent, is_served) {
        // What belongs to no stage is logged in the default format.
        Err(_) if !is_served => is_line_of(DEFAULT, line, agent, false),
        kept => kept,
    }
}

/// The line is one that `format` makes, of a request whose answer is a token if it `is_served`.
fn is_line_of(format: &str, line: &str, agent: &[u8], is_served: bool) -> Kept {
    keep!(!line.contains('\n'), "more than one line: {line:?}");
    // Line ends at the end of a format are left out.
    let own = controls(format.trim_end_matches('\r'));
    keep!(controls(line) == own, "control characters that are not the format's: {line:?}");
    fields::are_kept(line, format, &told(agent))?;
    is_json_as(line, format, agent, is_served)
}

/// A request with the key that admits.
fn request(agent: &[u8], target: &[u8]) -> Vec<u8> {
    let target = if target.is_empty() { b"/dev/oauth2/token" } else { target };
    let parts: [&[u8]; 7] = [
        b"POST ",
        target,
        b" HTTP/1.1\r\nhost: a\r\nuser-agent: ",
        agent,
        b"\r\nx-api-key: ",
        KEY.as_bytes(),
        b"\r\n\r\n",
    ];
    parts.concat()
}

/// Whether the key stands where it is no key.
fn said(agent: &[u8], target: &[u8], format: Option<&str>) -> bool {
    let texts =
        [String::from_utf8_lossy(agent), String::from_utf8_lossy(target), format.unwrap_or_default().into()];
    texts.iter().any(|text| text.contains(KEY))
}

fn controls(text: &str) -> Vec<char> {
    text.chars().filter(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')).collect()
}

/// A format that is JSON makes JSON with the same members, and what stands in a member alone is the whole value.
fn is_json_as(line: &str, format: &str, agent: &[u8], is_served: bool) -> Kept {
    let Ok(Value::Object(members)) = serde_json::from_str(&with_words(format)) else { return Ok(()) };
    let read: Map<String, Value> = serde_json::from_str(line).map_err(|error| Broken::by(line, error))?;
    // Variables in names have values of their own: only how many there are is known of those.
    let has_all = members.keys().filter(|name| !name.contains(WORD)).all(|name| read.contains_key(name));
    keep!(has_all, "{line:?} has other members than {format:?}");
    keep!(
        read.len() <= members.len().max(format.matches(':').count()),
        "{line:?} has more members than {format:?}"
    );
    let Ok(Value::Object(members)) = serde_json::from_str(format) else { return Ok(()) };
    for (name, value) in members.iter().filter(|(name, _)| !name.contains("$context.")) {
        let expected = match value.as_str() {
            Some("$context.identity.userAgent") => told(agent),
            Some("$context.status") if is_served => "200".to_owned(),
            _ => continue,
        };
        keep!(
            read.get(name).and_then(Value::as_str) == Some(expected.as_str()),
            "{name} is not {expected:?} in {line:?}"
        );
    }
    Ok(())
}

/// The format with a word in the place of each variable.
fn with_words(format: &str) -> String {
    let mut pieces = format.split("$context.");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
        let rest = piece.trim_start_matches(is_name);
        let name = piece.strip_suffix(rest).unwrap_or_default();
        text.push_str(WORD);
        text.push_str(name.get(name.trim_end_matches('.').len()..).unwrap_or_default());
        text.push_str(rest);
    }
    text
}

/// What the client calls itself, as the log should say it.
fn told(agent: &[u8]) -> String {
    let agent = String::from_utf8_lossy(agent);
    let agent = agent.trim_matches([' ', '\t']);
    if agent.is_empty() { "-".to_owned() } else { agent.to_owned() }
}

const DEFAULT: &str = restapi::AccessLogSettings::DEFAULT_FORMAT;

/// No name of a member of any real format.
const WORD: &str = "qzwordzq";
