//! Everything that a peer may send on a connection to the front door.

use lambda::ProxyEvent;
use serde_json::{Map, Value};

use crate::front_door::{self, KEY, Setup, TOKEN};
use crate::pipe::PEER;
use crate::wire::{self, Answer, Request};
use crate::{Broken, Kept};

/// What is answered is HTTP and JSON, once for each line of the log; the function sees only requests that a second reader
/// of the same bytes finds in the same place, that go to the one method and show the one key; the pieces that bytes come
/// in change nothing.
pub(crate) fn check(input: &[u8]) -> Kept {
    let setup = Setup::default();
    let seen = front_door::run(&setup, &[input])?;
    let answers = wire::answers(&seen.answered)?;
    for answer in &answers {
        is_in_order(answer)?;
    }
    logged(&seen.log, &answers)?;
    invoked(&seen.events, &answers, &wire::requests(input))?;
    let (first, second) = input.split_at_checked(cut(input)).unwrap_or_default();
    let pieces = front_door::run(&setup, &[first, second])?;
    keep!(
        undated(&pieces.answered) == undated(&seen.answered),
        "cut at {}, the answers are others",
        first.len()
    );
    keep!(
        pieces.events == seen.events && pieces.log == seen.log,
        "cut at {}, events or log are others",
        first.len()
    );
    Ok(())
}

fn is_in_order(answer: &Answer<'_>) -> Kept {
    let Answer { status, headers, body } = answer;
    keep!((200..600).contains(status), "the status is {status}");
    for name in ["x-amzn-requestid", "x-amz-apigw-id", "content-type", "date"] {
        keep!(headers.one(name).is_some(), "{name} stands {} times", headers.all(name).len());
    }
    keep!(headers.all("server").is_empty(), "the server names itself");
    let json: Result<Map<String, Value>, _> = serde_json::from_slice(body);
    keep!(json.is_ok() || body.is_empty(), "no JSON: {:?}", String::from_utf8_lossy(body));
    keep!(!String::from_utf8_lossy(body).contains(KEY), "the key is shown");
    Ok(())
}

/// Each answer has a line, in order, with its id and its status.
fn logged(log: &[u8], answers: &[Answer<'_>]) -> Kept {
    let lines = lines(log)?;
    keep!(lines.len() == answers.len(), "{} lines for {} answers", lines.len(), answers.len());
    for (line, answer) in lines.iter().zip(answers) {
        let is = |name: &str, value: &[u8]| {
            line.get(name).and_then(Value::as_str).map(str::as_bytes) == Some(value)
        };
        keep!(is("status", answer.status.to_string().as_bytes()), "{line:?} is of a {}", answer.status);
        let id = answer.headers.one("x-amzn-requestid").unwrap_or_default();
        keep!(is("requestId", id), "{line:?} is of another request");
        keep!(is("sourceIp", PEER.ip().to_string().as_bytes()), "{line:?} is of another peer");
    }
    Ok(())
}

/// The lines of a log in the default format.
fn lines(log: &[u8]) -> Result<Vec<Map<String, Value>>, Broken> {
    keep!(log.is_empty() || log.ends_with(b"\n"), "the log ends in mid-line");
    let members: Map<String, Value> = serde_json::from_str(restapi::AccessLogSettings::DEFAULT_FORMAT)
        .map_err(|error| Broken::by("the default format", error))?;
    let mut lines = Vec::new();
    for line in log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let shown = || String::from_utf8_lossy(line).into_owned();
        let read: Map<String, Value> =
            serde_json::from_slice(line).map_err(|error| Broken::by(&shown(), error))?;
        keep!(read.keys().eq(members.keys()), "a line with other members: {}", shown());
        lines.push(read);
    }
    Ok(lines)
}

/// Every call of the function is of the request at the same place among the answers.
fn invoked(events: &[Vec<u8>], answers: &[Answer<'_>], requests: &[Request<'_>]) -> Kept {
    let places = answers.iter().enumerate().filter(|(_, answer)| answer.body == TOKEN.as_bytes());
    let places: Vec<usize> = places.map(|(place, _)| place).collect();
    keep!(places.len() == events.len(), "{} calls for {} tokens", events.len(), places.len());
    for (place, event) in places.into_iter().zip(events) {
        let event = ProxyEvent::from_json(event).map_err(|error| Broken::by("the event", error))?;
        let request = requests.get(place);
        let request = request.ok_or_else(|| Broken::new(format!("a call, but no request at {place}")))?;
        is_event_of(&event, request)?;
    }
    Ok(())
}

fn is_event_of(event: &ProxyEvent<'_>, request: &Request<'_>) -> Kept {
    let Request { method, target, headers, body } = request;
    keep!(
        *method == b"POST" && event.http_method == "POST",
        "the method is {:?}",
        String::from_utf8_lossy(method)
    );
    keep!(headers.one("x-api-key") == Some(KEY.as_bytes()), "the key is another one, or there are more");
    keep!(headers.one("host").is_some(), "it names no host, or more");
    let path = path(target);
    keep!(event.request_context.path.as_bytes() == path, "the path is {:?}", String::from_utf8_lossy(path));
    let words: Vec<&[u8]> = path.split(|byte| *byte == b'/').filter(|word| !word.is_empty()).collect();
    let expected: [&[u8]; 3] = [b"dev", b"oauth2", b"token"];
    keep!(words == expected, "{:?} leads to the function", String::from_utf8_lossy(path));
    keep!(event.path == "/oauth2/token" && event.resource == "/oauth2/token", "it goes to {}", event.path);
    let text = event.body.as_deref().unwrap_or_default();
    keep!(text == String::from_utf8_lossy(body), "the body is another one: {text:?}");
    keep!(event.request_context.identity.source_ip == PEER.ip().to_string(), "it comes from elsewhere");
    keep!(event.headers.last("x-api-key") == Some(KEY), "the key is another one");
    for (name, value) in headers.iter() {
        let (name, value) = (String::from_utf8_lossy(name), String::from_utf8_lossy(value));
        if !OWN.iter().any(|own| own.eq_ignore_ascii_case(&name)) {
            let is_there =
                event.headers.iter().any(|(own, said)| own.eq_ignore_ascii_case(&name) && said == value);
            keep!(is_there, "the header {name:?} is lost or another one");
        }
    }
    Ok(())
}

/// The path of a target, whole URLs included.
fn path(target: &[u8]) -> &[u8] {
    let target = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    if target.starts_with(b"/") {
        return target;
    }
    let behind = target.windows(3).position(|window| window == b"://").map_or(0, |at| at + 3);
    let rest = target.get(behind..).unwrap_or_default();
    let slash = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
    rest.get(slash..).unwrap_or_default()
}

/// The answers without the one header that goes by the clock on the wall.
fn undated(answered: &[u8]) -> Vec<&[u8]> {
    answered.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"date: ")).collect()
}

/// Where the bytes are cut in two: anywhere, and always in the same place.
fn cut(input: &[u8]) -> usize {
    let sum = input.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    sum % (input.len() + 1)
}

/// What the front door keeps to itself or writes itself.
const OWN: [&str; 16] = [
    "connection",
    "content-length",
    "content-md5",
    "expect",
    "max-forwards",
    "proxy-authenticate",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "www-authenticate",
    "x-amzn-trace-id",
    "x-forwarded-for",
    "x-forwarded-port",
    "x-forwarded-proto",
];
