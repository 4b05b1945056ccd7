//! Everything that a peer may send on a connection to the front door on which HTTP/2 was agreed.

use lambda::ProxyEvent;
use listen::Protocol;
use serde_json::{Map, Value};

use crate::front_door::{self, KEY, Setup};
use crate::{Broken, Kept};

/// What comes back is whole frames that a server may send; the function sees only what goes to the one method with the one
/// key, and every such request has its line in the log, as has every answer of ours; the key is shown nowhere.
pub(crate) fn check(input: &[u8]) -> Kept {
    let wire = [BEGINNING, input].concat();
    let seen = front_door::run_by(Protocol::Http2, &Setup::default(), &[&wire])?;
    let bodies = bodies(&seen.answered)?;
    let lines = lines(&seen.log)?;
    keep!(bodies <= lines.len(), "{bodies} answers, and {} lines", lines.len());
    keep!(seen.events.len() <= lines.len(), "{} calls, and {} lines", seen.events.len(), lines.len());
    for line in &lines {
        let protocol = line.get("protocol").and_then(Value::as_str);
        keep!(protocol == Some("HTTP/2.0"), "{line:?} is of another protocol");
    }
    for event in &seen.events {
        let event = ProxyEvent::from_json(event).map_err(|error| Broken::by("the event", error))?;
        keep!(event.http_method == "POST" && event.path == "/oauth2/token", "it goes to {}", event.path);
        keep!(event.headers.last("x-api-key") == Some(KEY), "the key is another one");
        keep!(event.headers.last("Host").is_some(), "it names no host");
    }
    for written in [&seen.answered, &seen.log] {
        keep!(!String::from_utf8_lossy(written).contains(KEY), "the key is shown");
    }
    Ok(())
}

/// How many answers have a body, which those of the HTTP library do not.
fn bodies(mut rest: &[u8]) -> Result<usize, Broken> {
    let mut bodies = 0;
    while let Some(([high, middle, low, kind, flags, ..], behind)) = rest.split_first_chunk::<9>() {
        let length = u32::from_be_bytes([0, *high, *middle, *low]);
        let length = usize::try_from(length).map_err(|error| Broken::by("a length", error))?;
        // A connection may be cut within a frame, and within nothing else.
        let Some(after) = behind.get(length..) else { break };
        keep!(matches!(kind, 0..=4 | 6..=9), "a frame of kind {kind}");
        bodies += usize::from(*kind == 0 && flags & 1 == 1);
        rest = after;
    }
    Ok(bodies)
}

fn lines(log: &[u8]) -> Result<Vec<Map<String, Value>>, Broken> {
    let lines = log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).map_err(|error| Broken::by("a line", error))).collect()
}

/// What every connection begins with, and empty settings: what is sent without it is never looked at.
const BEGINNING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
